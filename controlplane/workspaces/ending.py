"""What is stored of a workspace and its operation when that ends: in a tick, in a request, in a sweep. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from controlplane.operations.model import (
    Condition,
    ConditionStatus,
    ErrorBody,
    Operation,
    OperationKind,
    OperationStatus,
    Step,
    StepStatus,
)
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus

#: Objects at rest are looked at again after this, ± 20 %.
REST = timedelta(hours=6)
READY = "Ready"
#: Codes of operations that ended otherwise than by their steps.
DEADLINE_EXCEEDED = "OperationDeadlineExceeded"
SUPERSEDED = "OperationSuperseded"
CANCELED = ErrorBody(code="OperationCanceled", message="Somebody cancelled the operation.")


def rest_until(record: WorkspaceRecord, now: datetime) -> datetime:
    """Six hours ± 20 %; the jitter comes from name and generation, so that a fleet spreads and a test repeats."""
    digest = hashlib.sha256(f"{record.name}|{record.generation}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return now + REST * (0.8 + 0.4 * share)


def condition(
    kind: str,
    status: ConditionStatus,
    reason: str,
    message: str,
    previous: tuple[Condition, ...],
    now: datetime,
) -> Condition:
    """A condition as it is now; the time of its last transition is kept while the status is the same."""
    before = next((c for c in previous if c.type == kind), None)
    since = before.last_transition_time if before is not None and before.status is status else now
    return Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=since)


def blind_status(status: WorkspaceStatus, failed: ErrorBody, now: datetime) -> WorkspaceStatus:
    """Of an operation that ended badly without a full look: only ``Ready`` changes."""
    ready = condition(READY, ConditionStatus.FALSE, failed.code, failed.message, status.conditions, now)
    others = tuple(c for c in status.conditions if c.type != READY)
    return status.model_copy(update={"conditions": (ready, *others)})


def ended(operation: Operation, status: OperationStatus, now: datetime, error: ErrorBody | None = None) -> Operation:
    """The operation at its end. Steps that had not ended are Canceled; what one of them sent to Azure goes on there."""
    return operation.model_copy(
        update={
            "status": status,
            "ended_at": now,
            "last_modified_at": now,
            "steps": tuple(_left(step) for step in operation.steps),
            "error": error,
        }
    )


def _left(step: Step) -> Step:
    match step.status:
        case StepStatus.PENDING:
            return step.model_copy(update={"status": StepStatus.CANCELED})
        case StepStatus.RUNNING:
            # An intent without an answer counts too: whether it was carried out, only Azure knows.
            return step.model_copy(update={"status": StepStatus.CANCELED, "in_flight": step.attempts > 0})
        case _:
            return step


def at_rest(record: WorkspaceRecord, operation: Operation | None, due_at: datetime) -> WorkspaceRecord:
    """The record when nothing runs any more. Cancelling a deletion takes the wish back when neither it nor one before
    it has deleted anything.

    Any other deletion that did not succeed keeps it: a part of the workspace is soft-deleted, and Azure refuses its
    names to a creation. Somebody repeats the DELETE.
    """
    update: dict[str, Any] = {"due_at": due_at}
    if operation is not None:
        partly = record.partly_deleted or has_deleted(operation)
        update |= {"active_operation": None, "last_operation": operation.id, "partly_deleted": partly}
        if operation.status is OperationStatus.CANCELED and not partly:
            update["deleting"] = False
        if operation.status is OperationStatus.SUCCEEDED and operation.kind in _MOVING:
            update["former_address_spaces"] = ()
    return record.model_copy(update=update)


#: Operations at whose good end a workspace is where its record says; a repair moves nothing.
_MOVING = frozenset({OperationKind.CREATE, OperationKind.UPDATE})


def has_deleted(operation: Operation) -> bool:
    """Whether a deletion got as far as sending its first DELETE."""
    return operation.kind is OperationKind.DELETE and any(step.started_at is not None for step in operation.steps)


def deadline_exceeded(operation: Operation) -> ErrorBody:
    """Why an operation ended at its deadline: what it waited for."""
    message = f"The operation was to end by {operation.deadline:%Y-%m-%dT%H:%M:%SZ}. {operation.waits_for}"
    return ErrorBody(code=DEADLINE_EXCEEDED, message=message)


def superseded_by(operation: Operation, successor: str) -> ErrorBody:
    """Why an operation that was past its deadline ended when another request was accepted."""
    message = f"It was past its deadline, and operations/{successor} took its place. {operation.waits_for}"
    return ErrorBody(code=SUPERSEDED, message=message, target=f"operations/{successor}")
