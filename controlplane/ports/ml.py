"""Writing to Azure Machine Learning. Only ticks may import this module (import-linter holds it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from controlplane.json_types import JsonObject
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule


@dataclass(frozen=True, slots=True)
class Component:
    """A registered pipeline component: ``azureml:{name}:{version}``."""

    ref: str


@dataclass(frozen=True, slots=True)
class BatchDeployment:
    """A deployment of a batch endpoint."""

    endpoint: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Definition:
    """``properties`` of a job, as a schedule keeps them."""

    properties: JsonObject


@dataclass(frozen=True, slots=True)
class PipelineJob:
    """One run of a pipeline. ``name`` is the job's key: sent twice it is one job. ``owner`` is the value of tag
    ``cp.decisionId``: whose job it is, because a name alone could be anybody's."""

    name: str
    owner: str
    source: Component | BatchDeployment | Definition
    experiment: str
    compute: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class MlWriter(Protocol):
    """By a workspace's ARM id. Raises ``Transient`` (it may have happened), ``Conflict``, ``Rejected``, ``Fatal``."""

    async def submit(self, workspace_id: str, job: PipelineJob) -> None:
        """Starts it. Whoever calls has looked whether it is there: what is there is refused, or becomes this one's.

        A batch deployment's job has no tags yet: ``label`` gives it some.
        """
        ...

    async def label(self, workspace_id: str, name: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a job; what it is and does stays."""
        ...

    async def cancel(self, workspace_id: str, name: str) -> None:
        """Asks for it and does not wait; a job that has ended stays as it is."""
        ...

    async def put_schedule(self, workspace_id: str, request: MonitorRequest | PipelineSchedule) -> None:
        """Creates or replaces it, and does not wait for Azure's operation."""
        ...
