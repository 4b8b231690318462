"""Work for people that a signal opens: annotation of the worst samples (S3-43, S3-48), and remediation of what serves
a model (S3-37), which may have a bounded action of ours. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Versioned
from controlplane.operations.model import ErrorBody, Model

#: Signals that an open task is shown to have taken in; all of them are counted.
KEPT_SIGNALS = 100


class TaskKind(StrEnum):
    ANNOTATION = "annotation"
    SCALE_ENDPOINT = "scaleEndpoint"
    SCALE_CLUSTER = "scaleCluster"
    PLATFORM = "platform"
    """For the platform team: nothing that we may do by ourselves."""
    INVESTIGATION = "investigation"
    """A drift that retrains nothing goes back to the inner loop (S3-36): somebody finds out what is behind it."""
    RETIRE = "retire"
    """An endpoint that nobody asks (S3-91)."""


class TaskState(StrEnum):
    OPEN = "open"
    ACTING = "acting"
    """A bounded action was decided; its write is on the way."""
    DONE = "done"
    FAILED = "failed"
    CLOSED = "closed"


class Cause(StrEnum):
    """What drift can come from (S3-88)."""

    MARKET_CHANGE = "marketChange"
    FEATURE_TRANSFORM_CHANGE = "featureTransformChange"
    UPSTREAM_CHANGE = "upstreamChange"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Recorded:
    """Why a cause can be recorded."""

    requirements: tuple[str, ...] = ()


#: What ``:close`` takes for a cause.
CAUSES: Mapping[Cause, Recorded] = {
    Cause.MARKET_CHANGE: Recorded(("S3-88",)),
    Cause.FEATURE_TRANSFORM_CHANGE: Recorded(),
    Cause.UPSTREAM_CHANGE: Recorded(),
    Cause.OTHER: Recorded(),
}


class Closing(Model):
    """What ``POST /tasks/{id}:close`` may take."""

    cause: Cause | None = Field(default=None, description="What was behind it.")
    note: str = Field(default="", max_length=1000, description="In a person's words.")


class Step(Model):
    """One write: a count of instances or nodes, from and to, within limits that were read with it. Taken back, it is
    the same write the other way round."""

    target: str
    """ARM id of the deployment or the cluster."""
    before: int
    after: int
    limit: int
    sent_at: datetime | None = None
    """When the write was first sent, or about to be."""
    deadline: datetime | None = None
    reverts: bool = False


class Task(Versioned):
    """``id`` derives from the signal's: the same signal opens one task. Of a model's annotation only one is open at a
    time: it takes further signals in."""

    KIND: ClassVar[str] = "task"
    LETTER: ClassVar[str] = "t"

    kind: TaskKind
    state: TaskState = TaskState.OPEN
    model: str | None = None
    target: str | None = None
    signal_id: str = Field(description="Of the signal that opened it.")
    further_signals: tuple[str, ...] = Field(
        default=(), max_length=KEPT_SIGNALS, description="That it took in while it was open, the latest last."
    )
    signal_count: int = Field(default=1, description="All of its signals, those that are not named any more, too.")
    unread: tuple[str, ...] = Field(
        default=(), max_length=KEPT_SIGNALS, description="Signals whose samples are still to be read."
    )
    title: str = Field(max_length=200)
    text: str = Field(default="", max_length=4000)
    assignees: str = ""
    """A persona: ``dataScientists``, ``platformSupport``, …"""
    samples: tuple[str, ...] = Field(default=(), max_length=1000, description="URIs of the worst samples.")
    labeling_project: str | None = Field(default=None, description="That takes the samples, by the model's policy.")
    action: Step | None = None
    cause: Cause | None = Field(default=None, description="What a person found to be behind it.")
    note: str = Field(default="", max_length=1000)
    error: ErrorBody | None = None
    reverted_by: str | None = Field(default=None, description="Principal who took the step back.")
    closed_by: str | None = Field(default=None, description="Principal.")
    created_at: datetime
    last_modified_at: datetime

    def listed_at(self) -> datetime:
        return self.created_at
