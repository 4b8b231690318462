"""The tick of an archive: level-triggered, one state at a time; what it removes is stored before."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.arm import fold, name_of
from controlplane.audit.model import Action
from controlplane.errors import Conflict, Rejected
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import (
    BATCH,
    ONLINE,
    Archive,
    ArchiveState,
    Kept,
    as_kept,
    first_body,
    kept_of,
    says_more,
)
from controlplane.governance.expiry.confidential import confidential
from controlplane.governance.expiry.look import look
from controlplane.governance.expiry.model import Expiry, Verdict
from controlplane.governance.facts import by_us
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import ErrorBody, OperationKind, OperationStatus
from controlplane.ports.store import Write
from controlplane.retraining.known import Known, known
from controlplane.workspaces.archiving import begin
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.spec_model import Environment

_log = logging.getLogger(__name__)
API = "2024-04-01"
SOON, RETRY, UNREAD = timedelta(seconds=10), timedelta(minutes=15), timedelta(hours=1)
_MOST_NAMED = 10
_BUSY = frozenset({"creating", "updating", "deleting", "accepted", "running"})

Move = tuple[Archive, timedelta | None]
"""What the archive is after a step, and when to look again; None: at rest."""


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
    if space.record.deleting:
        move: Move = archive, RETRY  # it may be taken back
    elif _is_production(archive, space):
        text = "It has become a production workspace, which is never archived (X-12); restore what was taken away."
        problem = ErrorBody(code="ProductionNotArchived", message=text)
        move = archive.model_copy(update={"problem": problem}), UNREAD
    else:
        try:
            move = await _STEPS[archive.state](deps, archive, space)
        except (Rejected, Conflict) as error:
            _log.warning("archive refused workspace=%s code=%s", archive.workspace, error.code)
            problem = ErrorBody(code=error.code, message=error.message, target=error.target)
            move = archive.model_copy(update={"problem": problem}), RETRY
    return await _commit(deps, hold, stored, move)


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


# -- into the archive --------------------------------------------------------------------------------------------------


async def _store(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    """Everything that serves, with what is needed to make it again; what was kept before stays as it was kept."""
    found = known(space.record)
    if archive.by_expiry and (waits := await _not_to_be_destroyed(deps, archive, found)) is not None:
        return waits
    there = await _serving(deps, found)
    if (secret := _secret(there)) is not None:
        return archive.model_copy(update={"problem": secret}), RETRY
    kept = {fold(one.id): one for one in (*(kept_of(body) for body in there), *archive.kept)}
    update = {"kept": tuple(kept.values()), "state": ArchiveState.REMOVING}
    return archive.model_copy(update=update), timedelta()


def _secret(there: Sequence[JsonObject]) -> ErrorBody | None:
    """Why they are not stored: no secret is, and what is not stored is not taken away."""
    found = [f"{name_of(str(body['id']))}: {path}" for body in there for path in confidential(body)]
    if not found:
        return None
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    text = (
        f"What looks like a secret is not stored: {', '.join(found[:_MOST_NAMED])}{more}. Keep it in a connection or a "
        "vault and name it there, or delete the deployment; nothing is taken away before."
    )
    return ErrorBody(code="SecretInDeployment", message=text)


async def _not_to_be_destroyed(deps: GovernanceDeps, archive: Archive, found: Known) -> Move | None:
    """Read again from the provider, right before: a workspace that woke up is left alone."""
    if archive.idle_after is None:
        return None
    evidence = await look((deps.reader, deps.polls), found, archive.idle_after, deps.clock.now())
    if evidence.verdict is Verdict.IDLE:
        return None
    said = "; ".join(one.observed for one in evidence.clues if one.verdict is evidence.verdict)
    if evidence.verdict is Verdict.UNKNOWN:
        problem = ErrorBody(code="IdlenessUnknown", message=f"Nothing is taken away unseen. {said}")
        return archive.model_copy(update={"problem": problem}), UNREAD
    _log.info("archive given up workspace=%s because=%s", archive.workspace, said)
    # It was at this state before where somebody made something while endpoints were being removed: those come back.
    begun = bool(archive.kept)
    state = ArchiveState.REFILLING if begun else ArchiveState.RESTORED
    after = archive.model_copy(update={"state": state, "reason": f"It is in use: {said}"})
    return after, timedelta() if begun else None


async def _remove(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    """An endpoint goes with its deployments. What was made since is stored first."""
    found = known(space.record)
    there = await _serving(deps, found)
    kept = {fold(one.id) for one in archive.kept}
    if any(fold(str(body["id"])) not in kept for body in there):
        return archive.model_copy(update={"state": ArchiveState.STORING}), timedelta()
    endpoints = [body for body in there if "/deployments/" not in str(body["id"]).lower()]
    for body in endpoints:
        if _state(body) not in _BUSY:
            await deps.writer.delete(str(body["id"]), API)
    if endpoints:
        return archive, SOON
    return archive.model_copy(update={"state": ArchiveState.EMPTYING}), timedelta()


async def _empty(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return await _operation(deps, archive, space, (OperationKind.ARCHIVE, ArchiveState.ARCHIVED))


async def _rest(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return archive, None


# -- and back ----------------------------------------------------------------------------------------------------------


async def _refill(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    return await _operation(deps, archive, space, (OperationKind.RESTORE, ArchiveState.SERVING))


async def _serve(deps: GovernanceDeps, archive: Archive, space: StoredWorkspace) -> Move:
    """Endpoints, then deployments, then what endpoints say of deployments."""
    endpoints = [one for one in archive.kept if not one.is_deployment]
    deployments = [one for one in archive.kept if one.is_deployment]
    shown: dict[str, JsonObject | None] = {}
    for some in (endpoints, deployments):
        shown |= await _shown(deps, some)
        failed = [name_of(one.id) for one in some if _state(shown[fold(one.id)] or {}) == "failed"]
        if await _made(deps, some, shown):
            continue
        if not failed:
            return archive, SOON
        text = f"Azure could not make {', '.join(failed[:_MOST_NAMED])}; it is tried again, and its own log says why."
        return archive.model_copy(update={"problem": ErrorBody(code="RestoreFailed", message=text)}), RETRY
    waits = False
    for one in endpoints:
        if says_more(one) and not as_kept(one, shown[fold(one.id)] or {}):
            await deps.writer.put(one.id, API, one.body)
            waits = True
    if waits:
        return archive, SOON
    return archive.model_copy(update={"state": ArchiveState.RESTORED, "kept": ()}), None


async def _shown(deps: GovernanceDeps, kept: Sequence[Kept]) -> Mapping[str, JsonObject | None]:
    return {fold(one.id): await deps.reader.get(one.id, API) for one in kept}


async def _made(deps: GovernanceDeps, kept: Sequence[Kept], shown: Mapping[str, JsonObject | None]) -> bool:
    """Writes what is not there, or had failed; whether all of it stands."""
    stands = True
    for one in kept:
        found = shown[fold(one.id)]
        if found is None or _state(found) == "failed":
            await deps.writer.put(one.id, API, first_body(one))
            stands = False
        elif _state(found) in _BUSY:
            stands = False
    return stands


# -- both --------------------------------------------------------------------------------------------------------------


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
    operation = await begin(deps.workspaces, space, kind, archive.by, deps.clock.now())
    await deps.queue.send(_hint(archive.workspace))
    return archive.model_copy(update={"operation": operation.id}), SOON


def _hint(workspace: str) -> str:
    return '{"kind": "workspace", "name": "' + workspace + '"}'


async def _serving(deps: GovernanceDeps, found: Known) -> tuple[JsonObject, ...]:
    """Endpoints and their deployments, online and batch."""
    there: list[JsonObject] = []
    for collection in (ONLINE, BATCH):
        for endpoint in await deps.reader.list(f"{found.workspace_id}/{collection}", API):
            there.append(endpoint)
            there += await deps.reader.list(f"{endpoint['id']}/deployments", API)
    return tuple(there)


def _state(found: JsonObject) -> str:
    properties = found.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""


_STEPS = {
    ArchiveState.STORING: _store,
    ArchiveState.REMOVING: _remove,
    ArchiveState.EMPTYING: _empty,
    ArchiveState.ARCHIVED: _rest,
    ArchiveState.REFILLING: _refill,
    ArchiveState.SERVING: _serve,
    ArchiveState.RESTORED: _rest,
}
