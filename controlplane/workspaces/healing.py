"""The sweep's cheap check: what has lost its way to a tick gets it back, and nothing stays Running for ever."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.errors import Conflict
from controlplane.operations.model import ErrorBody, Operation, OperationStatus
from controlplane.ports.clock import Clock
from controlplane.workspaces.ending import at_rest, blind_status, deadline_exceeded, rest_until
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import StoredWorkspace, WorkspaceRepository
from controlplane.workspaces.takeover import end_without_tick, failed
from controlplane.workspaces.upkeep import Failure, Upkeep

_log = logging.getLogger(__name__)
#: How long after its deadline an operation is left to its ticks, which know better what it waited for.
GRACE = timedelta(minutes=10)
#: An accepted request that no tick has begun after this is told in the log; wake sends its hint anyhow.
UNBEGUN = timedelta(minutes=5)
LOST = "OperationLost"
REPEATEDLY = "TickFailedRepeatedly"


@dataclass(frozen=True, slots=True)
class CareDeps:
    """``system_clock`` judges leases, ``clock`` judges deadlines."""

    repository: WorkspaceRepository
    upkeep: Upkeep
    clock: Clock
    system_clock: Clock


async def heal(deps: CareDeps, limit: int = 500) -> int:
    """Looks at the next ``limit`` records of the fleet; returns how many were not as they should be."""
    healed = 0
    for record in await deps.upkeep.records(limit):
        try:
            healed += await _heal_one(deps, record)
        except Conflict:
            # A request or a tick is at work on it just now, so it has not lost its way.
            continue
    return healed


async def _heal_one(deps: CareDeps, record: WorkspaceRecord) -> bool:
    if record.active_operation is None:
        if record.due_at is None or await deps.upkeep.has_due_row(record):
            return False
        return await _reindex(deps, record, record.due_at)
    found = await deps.repository.load_operation(record.active_operation)
    if found is None or found.operation.status.is_terminal:
        return await release_lost(deps, record.name)
    now = deps.clock.now()
    if now > found.operation.deadline + GRACE and await _end_late(deps, record, now):
        return True
    if found.operation.status is OperationStatus.NOT_STARTED and now - found.operation.created_at > UNBEGUN:
        _log.warning("operation not begun workspace=%s operation=%s", record.name, found.operation.id)
    if record.due_at is None:
        stored = await deps.repository.load(record.name)
        if stored is None or stored.record.due_at is not None:
            return False
        _log.warning("operation without a due time workspace=%s operation=%s", record.name, found.operation.id)
        await deps.repository.save_record(stored, stored.record.model_copy(update={"due_at": now}))
        return True
    return not await deps.upkeep.has_due_row(record) and await _reindex(deps, record, record.due_at)


async def _reindex(deps: CareDeps, record: WorkspaceRecord, due_at: datetime) -> bool:
    """Adds the due row again, unless the record has moved on since the page was read."""
    stored = await deps.repository.load(record.name)
    if stored is None or stored.record.due_at != due_at:
        return False
    _log.warning("due row was lost workspace=%s operation=%s", record.name, record.active_operation)
    await deps.upkeep.add_due(record, due_at)
    return True


async def _end_late(deps: CareDeps, record: WorkspaceRecord, now: datetime) -> bool:
    """Ends an operation that is long past its deadline, and that no tick holds."""
    stored = await deps.repository.load(record.name)
    if stored is None or stored.record.active_operation != record.active_operation:
        return False
    found = await deps.repository.load_operation(record.active_operation or "")
    if found is None or found.operation.status.is_terminal:
        return False
    if await deps.repository.is_leased(record.name, deps.system_clock.now()):
        return False
    error = await _with_cause(deps, found.operation, deadline_exceeded(found.operation))
    _log.error("operation ended at its deadline workspace=%s operation=%s", record.name, found.operation.id)
    await end_without_tick(deps.repository, stored, found, failed(found.operation, error, now))
    return True


async def _with_cause(deps: CareDeps, operation: Operation, error: ErrorBody) -> ErrorBody:
    """The error with the last failure of a tick as its detail, when there was one since the operation was accepted."""
    failure = await deps.upkeep.last_failure(operation.target.partition("/")[2])
    if failure is None or failure.at < operation.created_at:
        return error
    return error.model_copy(update={"details": (failure.cause(),)})


async def release_lost(deps: CareDeps, name: str) -> bool:
    """Frees a workspace whose record names an operation that is not in the store, or that has ended: at rest, and
    looked at at once; the condition says what happened."""
    stored = await deps.repository.load(name)
    if stored is None or stored.record.active_operation is None:
        return False
    found = await deps.repository.load_operation(stored.record.active_operation)
    if found is not None and not found.operation.status.is_terminal:
        return False
    gone = stored.record.active_operation
    _log.error("record pointed at no running operation workspace=%s operation=%s", name, gone)
    now = deps.clock.now()
    record = at_rest(stored.record, None, now).model_copy(update={"active_operation": None})
    if found is not None:
        await deps.repository.save_record(stored, record)
        return True
    error = ErrorBody(code=LOST, message=f"The record of operation {gone} is gone; repeat the request.")
    await deps.repository.save_rest(stored, record, blind_status(stored.status, error, now))
    return True


async def give_up(deps: CareDeps, name: str) -> str:
    """Ends what a workspace's ticks failed at again and again; returns what was done, for the log.

    The operation fails with ``TickFailedRepeatedly`` and the last error that a tick left; a workspace at rest is looked
    at again in hours, not every minute. A tick that holds the lease, or that stored progress after the last failure,
    wins. Raises ``Transient`` when the store is away: the message comes again.
    """
    for _ in range(6):
        try:
            return await _give_up(deps, name)
        except Conflict:
            continue
    return "gave way"


async def _give_up(deps: CareDeps, name: str) -> str:
    stored = await deps.repository.load(name)
    if stored is None:
        return "gone"
    if await deps.repository.is_leased(name, deps.system_clock.now()):
        return "leased"
    now, failure = deps.clock.now(), await deps.upkeep.last_failure(name)
    active = stored.record.active_operation
    found = await deps.repository.load_operation(active) if active is not None else None
    if active is not None and (found is None or found.operation.status.is_terminal):
        await release_lost(deps, name)
        return "released"
    if found is None:
        return await _rest(deps, stored, failure, now)
    if _moved_on(found.operation, failure, now):
        return "moved on"
    message = "Ticks of this operation failed again and again." + (
        "" if failure else " None of them left an error: their process ended."
    )
    error = await _with_cause(deps, found.operation, ErrorBody(code=REPEATEDLY, message=message))
    await end_without_tick(deps.repository, stored, found, failed(found.operation, error, now))
    return "failed"


def _moved_on(operation: Operation, failure: Failure | None, now: datetime) -> bool:
    """Whether a tick stored something of the operation after the failures that the message is about."""
    if failure is None or failure.at < operation.created_at:
        # Nobody left an error: what ended the processes is not known, so progress of the last minute counts.
        began = operation.status is not OperationStatus.NOT_STARTED
        return began and now - operation.last_modified_at < timedelta(minutes=1)
    return operation.last_modified_at > failure.at


async def _rest(deps: CareDeps, stored: StoredWorkspace, failure: Failure | None, now: datetime) -> str:
    """A workspace at rest whose looks fail: not looked at again before the next ordinary time."""
    if stored.record.due_at is None or stored.record.due_at > now:
        return "at rest"
    cause = f" The last of them: {failure.code}: {failure.message}" if failure else ""
    error = ErrorBody(code=REPEATEDLY, message=f"Looks at this workspace failed again and again.{cause}")
    record = at_rest(stored.record, None, rest_until(stored.record, now))
    await deps.repository.save_rest(stored, record, blind_status(stored.status, error, now))
    return "rested"
