"""One accepted request to change something, and the conditions of the objects it changes. Pure data."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

#: Of an operation that was stored without a deadline.
DEFAULT_TIME = timedelta(hours=2)


class Model(BaseModel):
    """Frozen, camelCase on the wire and in the store, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class ConditionStatus(StrEnum):
    """As in Kubernetes."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """``type`` is positive: ``Ready``, ``NetworkIsolated``, ``IdentityAssigned``, ``AccessGranted``, ``Monitored``."""

    type: str
    status: ConditionStatus
    reason: str
    message: str
    last_transition_time: datetime


class OperationKind(StrEnum):
    """What was asked."""

    CREATE = "create"
    UPDATE = "update"
    REPAIR = "repair"
    DELETE = "delete"
    ARCHIVE = "archive"
    """Computes are taken away; everything else, and the spec, stays."""
    RESTORE = "restore"
    END_ACCESS = "endAccess"
    """Roles of personas are taken away: the project has ended."""
    RENEW_ACCESS = "renewAccess"


class OperationStatus(StrEnum):
    """``is_terminal`` is in the API's answer too, so that no caller keeps a list of its own."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def is_terminal(self) -> bool:
        return self in (OperationStatus.SUCCEEDED, OperationStatus.FAILED, OperationStatus.CANCELED)


class ErrorBody(Model):
    """Azure's error object."""

    code: str
    message: str
    target: str | None = None
    details: tuple[ErrorBody, ...] = ()


class StepStatus(StrEnum):
    """A step is one change to one resource."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"


class Step(Model):
    """One resource's way through an operation.

    The step is also the intent: it is stored with status Running and its ``resource_id`` before the write is sent, and
    with ``operation_url`` after it was accepted, so that a tick that finds it knows what to read.
    """

    key: str
    resource_id: str | None = None
    action: str
    status: StepStatus = StepStatus.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempts: int = 0
    operation_url: str | None = None
    poll_at: datetime | None = None
    """Not before this time may the operation's URL, or the resource, be read again."""
    correlation_id: str | None = None
    waiting_for: str | None = None
    """Reason why the step does not move: ``ConnectionNotApproved``, ``AnotherOperationInProgress``."""
    error: ErrorBody | None = None
    in_flight: bool = False
    """The operation ended while Azure was at work on this: what was sent goes on there, and nobody follows it."""


class Operation(Model):
    """What callers see at ``/api/operations/{id}``; ``steps`` in dependency order."""

    id: str
    kind: OperationKind
    target: str
    """``workspaces/{name}``."""
    project: str
    generation: int
    status: OperationStatus = OperationStatus.NOT_STARTED
    steps: tuple[Step, ...] = ()
    reapply: tuple[str, ...] = ()
    """Keys that a repair writes although no declared property differs (a zone group whose records are wrong)."""
    recreate: tuple[str, ...] = ()
    """Keys that a repair deletes and writes again (a peering that is Disconnected)."""
    allow_destructive: bool = False
    cancel_requested: bool = False
    cancel_requested_by: str | None = None
    """Principal of who cancelled, which may be another than ``created_by``."""
    error: ErrorBody | None = None
    residue: tuple[Residue, ...] = ()
    deadline_at: datetime | None = None
    """Set when the request is accepted; ``deadline`` is what counts."""
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    ended_at: datetime | None = None

    @property
    def deadline(self) -> datetime:
        """After this the operation ends, whatever it waits for, and another request may take its place."""
        return self.deadline_at or self.created_at + DEFAULT_TIME

    @property
    def waits_for(self) -> str:
        """What it is at, in words: the steps that have begun and not ended, or that none has begun."""
        if self.status is OperationStatus.NOT_STARTED:
            return "No tick has begun it."
        running = [step for step in self.steps if step.status is StepStatus.RUNNING]
        if not running:
            return "No step of it was at work."
        parts = [f"{step.key} ({step.waiting_for or 'at work in Azure'})" for step in running[:5]]
        more = f" and {len(running) - 5} more" if len(running) > 5 else ""
        return f"It waited for {', '.join(parts)}{more}."

    @property
    def percent_complete(self) -> int:
        """Share of steps that ended well; 100 only when the operation succeeded."""
        if self.status is OperationStatus.SUCCEEDED:
            return 100
        done = sum(step.status is StepStatus.SUCCEEDED for step in self.steps)
        return min(99, 100 * done // len(self.steps)) if self.steps else 0


class Residue(Model):
    """Something a deletion left behind, and why: soft-deleted vaults and workspaces, things it did not make."""

    resource_id: str
    reason: str
    message: str
    until: datetime | None = None


Operation.model_rebuild()
ErrorBody.model_rebuild()
