"""A retraining run: what is stored of it, and how it may go on. Pure data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Versioned, newest_first
from controlplane.operations.model import ErrorBody, Model
from controlplane.retraining.policy import Gate, Pipeline


class RunState(StrEnum):
    """``waitingApproval → submitted → running → evaluating →`` one of the ends."""

    WAITING_APPROVAL = "waitingApproval"
    SUBMITTED = "submitted"
    """Decided; the job's PUT is sent, or about to be. Its name was stored first."""
    RUNNING = "running"
    EVALUATING = "evaluating"
    SUCCEEDED = "succeeded"
    """The challenger won; a promotion carries it on."""
    FAILED = "failed"
    REJECTED = "rejected"
    """A person said no, nobody said yes in time, or the challenger did not win."""
    CANCELED = "canceled"
    SUPERSEDED = "superseded"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL


TERMINAL = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.REJECTED, RunState.CANCELED, RunState.SUPERSEDED})


class Transition(Model):
    """One change of state, with what brought it."""

    state: RunState
    at: datetime
    reason: str
    message: str = ""


class Lineage(Model):
    """D30: what a model that comes of this run can be traced to."""

    git_commit: str | None = Field(default=None, description="Of the component, from its tags; None: not told.")
    component: str | None = Field(default=None, description="`azureml:name:version` that was sent, or the schedule's.")
    data_version: str | None = Field(default=None, description="Data assets among its inputs, or what the run wrote.")
    monitor_run: str | None = None
    breach: str = Field(default="", max_length=4000)
    approver: str | None = None


class Comparison(Model):
    """Challenger against champion, or why not."""

    verdict: str
    """``won``, ``lost``, ``unknown``."""
    sentence: str
    metric: str
    challenger: float | None = None
    champion: float | None = None


class Run(Versioned):
    """``id`` is the job's name in Azure ML: ``rt-{hash}-{attempt}``; chosen by us before anything is sent."""

    KIND: ClassVar[str] = "run"
    LETTER: ClassVar[str] = "r"

    incarnation: int
    model: str
    workspace_id: str
    """ARM id of the Azure ML workspace."""
    state: RunState
    deadline: datetime
    """Of the state it is in."""
    decision_id: str
    signal_id: str
    policy_generation: int
    attempt: int = 1
    pipeline: Pipeline
    gate: Gate
    inputs: dict[str, str] = Field(default_factory=dict)
    lineage: Lineage = Lineage()
    created_at: datetime
    requested_by: str | None = None
    """Principal of the person whose wish it is; an approver is never the same."""
    approved_by: str | None = None
    cancel_requested_by: str | None = None
    stopping_since: datetime | None = None
    """When its job was first to be cancelled: somebody wants it, or its time is over."""
    missing_since: datetime | None = None
    """Azure ML has not shown its job since then."""
    watched_until: datetime | None = None
    """It ended without anybody knowing what its job does: the job is looked for until then, and cancelled."""
    job_status: str | None = None
    """Azure ML's word."""
    studio_url: str | None = None
    metrics: dict[str, float] = Field(default_factory=dict, description="The challenger's.")
    champion_metrics: dict[str, float] = Field(default_factory=dict, description="The champion's, on the same data.")
    comparison: Comparison | None = None
    registered_model: str | None = Field(default=None, description="`name:version` that its job registered, read back.")
    transitions: tuple[Transition, ...] = ()
    error: ErrorBody | None = Field(default=None, description="Why it failed, or what it waits for.")

    def listed_at(self) -> datetime:
        return self.created_at

    def further(self) -> tuple[str, ...]:
        return (f"rm!{self.workspace}.{self.model}!{newest_first(self.created_at)}!{self.id}",)
