"""Writing to Azure Machine Learning. Only ticks may import this module (import-linter holds it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from controlplane.ports.schedules import MonitorRequest, PipelineSchedule


@dataclass(frozen=True, slots=True)
class PipelineJob:
    """One run of a registered pipeline component. ``name`` is the job's key: sent twice it is one job. ``owner`` is
    the value of tag ``cp.decisionId``: whose job it is, because a name alone could be anybody's."""

    name: str
    owner: str
    component: str
    """``azureml:{name}:{version}``."""
    experiment: str
    compute: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class MlWriter(Protocol):
    """By a workspace's ARM id. Raises ``Transient`` (it may have happened), ``Conflict``, ``Rejected``, ``Fatal``."""

    async def submit(self, workspace_id: str, job: PipelineJob) -> None:
        """Starts it, or finds it started. Raises ``Conflict("JobExists")`` when the name is somebody else's."""
        ...

    async def cancel(self, workspace_id: str, name: str) -> None:
        """Asks for it and does not wait."""
        ...

    async def put_schedule(self, workspace_id: str, request: MonitorRequest | PipelineSchedule) -> None:
        """Creates or replaces it, and does not wait for Azure's operation."""
        ...
