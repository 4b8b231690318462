"""Writing to Azure Machine Learning. Only ticks may import this module (import-linter holds it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


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


@dataclass(frozen=True, slots=True)
class DataWindow:
    """ISO 8601 lengths in days: how much data, and how long before the run it ends."""

    size: str
    offset: str


@dataclass(frozen=True, slots=True)
class SignalRequest:
    """One signal of a monitor. ``production``: collection → data asset. ``reference_window`` None: all of it."""

    name: str
    kind: str
    """DataDrift, PredictionDrift, DataQuality, FeatureAttributionDrift, ModelPerformance."""
    thresholds: Mapping[str, float]
    production: Mapping[str, str]
    window: DataWindow
    reference: str
    reference_type: str
    reference_context: str
    reference_window: DataWindow | None = None
    reference_columns: Mapping[str, str] = field(default_factory=dict)
    production_columns: Mapping[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MonitorRequest:
    """A schedule of Azure ML's model monitoring, on serverless Spark."""

    name: str
    frequency: str
    interval: int
    begins_at: datetime
    task: str
    endpoint: str
    deployment: str
    instance_type: str
    runtime_version: str
    signals: tuple[SignalRequest, ...]


@dataclass(frozen=True, slots=True)
class MonitorJob:
    """A customer's component that computes signals, on a cluster of the workspace."""

    component: str
    """``azureml:{name}:{version}``."""
    compute: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PipelineSchedule:
    """A schedule of such a job."""

    name: str
    frequency: str
    interval: int
    begins_at: datetime
    job: MonitorJob


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
