"""Operations that no tick will end: cancelled before they began, past their deadline, given up, or lost."""

from __future__ import annotations

from datetime import datetime

from controlplane.operations.model import ErrorBody, Operation, OperationStatus
from controlplane.workspaces.ending import at_rest, blind_status, ended, rest_until
from controlplane.workspaces.repository import Beside, StoredOperation, StoredWorkspace, WorkspaceRepository


async def end_without_tick(
    repository: WorkspaceRepository,
    stored: StoredWorkspace,
    operation: StoredOperation,
    finished: Operation,
    beside: Beside | None = None,
) -> StoredOperation:
    """Stores the end of an operation, its workspace at rest and ``Ready`` False with the cause, in one commit.

    A tick that is at work on it cannot commit any more, and so sends nothing more: its intents are stored first.
    Raises ``Conflict`` when somebody else was faster; what he left has to be looked at then.
    """
    assert finished.error is not None and finished.ended_at is not None
    now = finished.ended_at
    record = at_rest(stored.record, finished, rest_until(stored.record, now))
    status = blind_status(stored.status, finished.error, now)
    return await repository.end_from_outside(stored, operation, finished, (record, status), beside)


def failed(operation: Operation, error: ErrorBody, now: datetime) -> Operation:
    """The operation, ended Failed."""
    return ended(operation, OperationStatus.FAILED, now, error)
