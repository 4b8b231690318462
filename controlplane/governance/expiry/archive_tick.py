"""The tick of an archive: level-triggered, one state at a time; what it removes is stored before."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.model import Action
from controlplane.errors import Conflict, Rejected
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.archive_again import WAITED_FOR
from controlplane.governance.expiry.archive_away import UNREAD, Move, seen_again, store, there_now
from controlplane.governance.expiry.archive_away import remove as remove_all
from controlplane.governance.expiry.archive_back import RETRY, SOON, serve
from controlplane.governance.expiry.archive_budgets import blocked
from controlplane.governance.expiry.model import Expiry
from controlplane.governance.facts import by_us
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import ErrorBody, OperationKind, OperationStatus
from controlplane.ports.store import Write
from controlplane.retraining.known import known
from controlplane.workspaces.archiving import begin
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.spec_model import Environment

_log = logging.getLogger(__name__)
#: Of the store: an entity, or a commit, that is larger than Tables take.
_TOO_LARGE = frozenset({"EntityTooLarge", "RequestBodyTooLarge"})


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Archive, thing_id)
    if stored is None:
        return None
    archive = stored.value
    space = await deps.workspaces.load(archive.workspace)
    if space is None or space.record.incarnation != archive.incarnation:
        await deps.objects.commit_held(hold, remove(stored))
        return None
    move = await _moved(deps, archive, space)
    try:
        return await _commit(deps, hold, stored, move)
    except Rejected as error:
        if error.code not in _TOO_LARGE:
            raise
        return await _commit(deps, hold, stored, (_too_large(archive, error), UNREAD))


async def _moved(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    if space.record.deleting:
        return archive, RETRY  # it may be taken back
    if _is_production(archive, space):
        text = "It has become a production workspace, which is never archived (X-12); restore what was taken away."
        problem = ErrorBody(code="ProductionNotArchived", message=text)
        return archive.model_copy(update={"problem": problem}), UNREAD
    try:
        return await _STEPS[archive.state](deps, archive, space)
    except (Rejected, Conflict) as error:
        _log.warning("archive refused workspace=%s code=%s", archive.workspace, error.code)
        problem = ErrorBody(code=error.code, message=error.message, target=error.target)
        return archive.model_copy(update={"problem": problem}), RETRY


def _too_large(archive: Archive, error: Rejected) -> Archive:
    text = (
        f"What is to be stored of it is larger than a row may be ({error.message}). Nothing of it was taken away; "
        "delete endpoints, deployments or computes that nobody needs, and it goes on."
    )
    return archive.model_copy(update={"problem": ErrorBody(code="ArchiveTooLarge", message=text)})


def _is_production(archive: Archive, space: StoredWorkspace) -> bool:
    going = archive.state.takes and archive.state is not ArchiveState.ARCHIVED
    return going and str(space.record.spec.get("environment")) == Environment.PROD.value


async def _commit(deps: GovernanceDeps, hold: Hold, stored: Stored[Archive], move: Move) -> datetime | None:
    before, (after, pause) = stored.value, move
    now = deps.clock.now()
    due = None if pause is None else now + pause
    update: dict[str, Any] = {"due_at": due}
    if after.state is not before.state:
        update |= {"changed_at": now, "problem": None}
    after = after.model_copy(update=update)
    writes: list[Write] = put(stored, after)
    if after.state is before.state:
        await deps.objects.commit_held(hold, writes)
        return due
    if after.state in (ArchiveState.ARCHIVED, ArchiveState.RESTORED):
        writes += await _wake_expiry(deps, after, now)
    told = {"state": after.state.value, "kept": [one.id for one in after.kept], "operation": after.operation}
    about = (Scope(ScopeKind.WORKSPACE, after.workspace), after.project)
    await deps.objects.commit_held(hold, writes, by_us(about, now, Action.ARCHIVE_CHANGED, told))
    return due


async def _wake_expiry(deps: GovernanceDeps, archive: Archive, now: datetime) -> list[Write]:
    expiry = await deps.objects.get(Expiry, archive.id)
    return [] if expiry is None else put(expiry, expiry.value.model_copy(update={"due_at": now}))


# -- steps -------------------------------------------------------------------------------------------------------------


async def _store(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return await store(deps, archive, known(space.record))


async def _remove(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return await remove_all(deps, archive, known(space.record))


async def _empty(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    """What somebody made while computes were being taken away is taken away, too."""
    after, pause = await _operation(deps, archive, space, (OperationKind.ARCHIVE, ArchiveState.ARCHIVED))
    if after.state is ArchiveState.ARCHIVED and (await there_now(deps, known(space.record))).anything:
        return archive.model_copy(update={"state": ArchiveState.STORING}), timedelta()
    return after, pause


async def _rest(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return archive, None


async def _refill(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return await _operation(deps, archive, space, (OperationKind.RESTORE, ArchiveState.SERVING))


async def _serve(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return await serve(deps, archive, known(space.record).workspace_id)


async def _operation(
    deps: GovernanceDeps, archive: Archive, space: StoredWorkspace, wish: tuple[OperationKind, ArchiveState]
) -> Move:
    """Starts the workspace's operation where nothing runs, and follows it to its good end."""
    kind, then = wish
    record = space.record
    if record.active_operation is not None:
        return archive, SOON
    last = None if record.last_operation is None else await deps.workspaces.load_operation(record.last_operation)
    done = last is not None and last.operation.kind is kind
    if done and last is not None and record.archived is (kind is OperationKind.ARCHIVE):
        if last.operation.status is OperationStatus.SUCCEEDED:
            return archive.model_copy(update={"state": then}), timedelta()
        if archive.operation == last.operation.id:
            # Its end is told with its operation; after a while it is tried again.
            problem = last.operation.error or ErrorBody(
                code="OperationFailed", message="The operation did not succeed."
            )
            return archive.model_copy(update={"problem": problem, "operation": None}), RETRY
    if kind is OperationKind.RESTORE and (held := await blocked(deps, known(record))):
        problem = ErrorBody(code="BudgetHolds", message=held)
        return archive.model_copy(update={"problem": problem}), RETRY
    if kind is OperationKind.ARCHIVE and (stays := await seen_again(deps, archive, known(record))) is not None:
        return stays
    operation = await begin(deps.workspaces, space, kind, archive.by, deps.clock.now())
    await deps.queue.send(_hint(archive.workspace))
    waited = archive.problem is not None and archive.problem.code in WAITED_FOR
    update = {"operation": operation.id, "problem": None if waited else archive.problem}
    return archive.model_copy(update=update), SOON


def _hint(workspace: str) -> str:
    return '{"kind": "workspace", "name": "' + workspace + '"}'


_STEPS = {
    ArchiveState.STORING: _store,
    ArchiveState.REMOVING: _remove,
    ArchiveState.EMPTYING: _empty,
    ArchiveState.ARCHIVED: _rest,
    ArchiveState.REFILLING: _refill,
    ArchiveState.SERVING: _serve,
    ArchiveState.RESTORED: _rest,
}
