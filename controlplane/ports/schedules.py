"""Schedules of Azure Machine Learning, as they are asked for. Data only: who may write them knows ``ports.ml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


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
    emails: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


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
    tags: Mapping[str, str] = field(default_factory=dict)
