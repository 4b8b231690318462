"""A monitor as it is stored: what was asked, and what of it stands in Azure. Pure data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Thing
from controlplane.operations.model import Condition, Model
from controlplane.retraining.policy import Name, Period
from controlplane.retraining.signal import SignalKind

#: Slots of a schedule begin here, so that everybody computes the same ones.
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


class ComputedBy(StrEnum):
    """``azureml``: model monitoring on serverless Spark. ``pipeline``: a job of the workspace's own cluster."""

    AZUREML = "azureml"
    PIPELINE = "pipeline"


class MonitorSignal(Model):
    """One signal of a monitor; its name in Azure is ``{monitor}_{name}`` (D19)."""

    name: Name
    kind: SignalKind
    thresholds: dict[str, float] = Field(min_length=1, description="Metric → threshold; each is said, none is assumed.")


class MonitorSpec(Model):
    """What ``PUT /workspaces/{name}/monitors/{monitor}`` takes."""

    model: Name
    endpoint: Name
    deployment: Name
    computed_by: ComputedBy = ComputedBy.AZUREML
    period: Period = Field(default=timedelta(days=1), ge=timedelta(hours=1), le=timedelta(days=30))
    begins_at: datetime = Field(default=EPOCH, description="Of the first slot.")
    signals: tuple[MonitorSignal, ...] = Field(min_length=1, max_length=10)


class Monitor(Thing):
    """``id`` is ``{workspace}.{monitor}``."""

    KIND: ClassVar[str] = "monitor"

    workspace: str
    incarnation: int
    project: str
    name: str
    spec: MonitorSpec
    generation: int = 1
    deleting: bool = False
    conditions: tuple[Condition, ...] = ()
    last_modified_at: datetime
    last_modified_by: str

    def index(self) -> tuple[str, ...]:
        return (f"mo!{self.workspace}!{self.name}",)


def monitor_id(workspace: str, monitor: str) -> str:
    return f"{workspace}.{monitor}"


def signal_name(monitor: str, signal: str) -> str:
    """D19: the message of a breach carries the signal's name and no other, so that has to say whose it is."""
    return f"{monitor}_{signal}"


def slot_of(spec: MonitorSpec, at: datetime) -> datetime:
    """The scheduled time of the window that a run at this time belongs to: the latest slot not after it."""
    return spec.begins_at + (at - spec.begins_at) // spec.period * spec.period
