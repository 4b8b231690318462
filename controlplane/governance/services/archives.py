"""Archive and restore by request: what is stored of the wish; ticks do it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.model import Action
from controlplane.errors import Conflict
from controlplane.governance.expiry.archive import Archive, ArchiveState, carried
from controlplane.governance.expiry.model import KEPT, Expiry, Passed, Stage, expiry_id
from controlplane.governance.facts import by_person
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.services.deps import RuleDeps
from controlplane.governance.services.expiry_bodies import ArchiveBody, ArchiveRequest, Asked, asked_of, body_of, parse
from controlplane.json_types import JsonObject
from controlplane.objects.repository import put
from controlplane.objects.tick import message_of
from controlplane.operations.preconditions import on_fresh_state
from controlplane.projects.access import Caller, Permission
from controlplane.workspaces.spec_model import Environment


async def archive(deps: RuleDeps, caller: Caller, name: str, data: JsonObject) -> tuple[ArchiveBody, str]:
    """Begins to archive. Raises ``Conflict``: ``ProductionNotArchived``, ``WorkspaceDeleting``. One that is on its way
    is answered as it is."""
    request = parse(ArchiveRequest, data)

    async def attempt() -> tuple[ArchiveBody, str]:
        asked = await asked_of(deps, caller, Permission.WORKSPACES_ARCHIVE, name)
        _require_archivable(asked)
        before = asked.archive
        if before is not None and before.value.state.takes:
            return body_of(before.value), asked.record.project
        fresh = Archive(
            id=expiry_id(name),
            due_at=asked.now,
            workspace=name,
            incarnation=asked.record.incarnation,
            project=asked.record.project,
            by=caller.principal,
            reason=request.reason,
            changed_at=asked.now,
            **carried(before.value if before is not None else None),
        )
        return await _say(deps, caller, asked, fresh)

    return await on_fresh_state(attempt)


async def restore(deps: RuleDeps, caller: Caller, name: str) -> tuple[ArchiveBody, str]:
    """Takes an archive back, also one that is on its way. Raises ``Conflict``: ``NotArchived``, ``WorkspaceDeleting``,
    ``ExpiryUnderWay`` once the archiver has begun to delete it."""

    async def attempt() -> tuple[ArchiveBody, str]:
        asked = await asked_of(deps, caller, Permission.WORKSPACES_RESTORE, name)
        before = asked.archive
        if before is None or before.value.state is ArchiveState.RESTORED:
            raise Conflict("NotArchived", f"Workspace {name!r} is not archived.")
        _require_kept(asked)
        if not before.value.state.takes:
            return body_of(before.value), asked.record.project
        update = {"state": ArchiveState.REFILLING, "due_at": asked.now, "by": caller.principal, "changed_at": asked.now}
        after = before.value.model_copy(update={**update, "problem": None, "generation": before.value.generation + 1})
        return await _say(deps, caller, asked, after)

    return await on_fresh_state(attempt)


async def _say(deps: RuleDeps, caller: Caller, asked: Asked, after: Archive) -> tuple[ArchiveBody, str]:
    told = {"state": after.state.value, "kept": [one.id for one in after.kept], "reason": after.reason}
    about = (Scope(ScopeKind.WORKSPACE, after.workspace), after.project)
    fact = by_person(about, asked.now, caller, Action.ARCHIVE_CHANGED, told)
    writes = put(asked.archive, after)
    if asked.stored is not None:
        # In one commit with the expiry, which looks at once: of this and an archiver that begins one is first.
        writes += put(asked.stored, _touched(caller, asked.stored.value, after, asked.now))
    await deps.objects.commit(writes, fact)
    await deps.workspaces.queue.send(message_of(Archive.KIND, after.id))
    if asked.stored is not None:
        await deps.workspaces.queue.send(message_of(Expiry.KIND, after.id))
    return body_of(after), after.project


def _touched(caller: Caller, expiry: Expiry, archive: Archive, now: datetime) -> Expiry:
    """Its next look sees the restore; out of the last stage it is at once, whatever is asked for before that look."""
    update: dict[str, Any] = {"due_at": now}
    if expiry.stage is Stage.DELETING and not archive.state.takes:
        passed = Passed(stage=Stage.ARCHIVED, at=now, reasons=("It is being restored.",), by=caller.principal)
        update |= {"stage": Stage.ARCHIVED, "since": now, "lived": timedelta(), "looked_at": None, "conditions": ()}
        update["history"] = (*expiry.history, passed)[-KEPT:]
    return expiry.model_copy(update=update)


def _require_archivable(asked: Asked) -> None:
    if asked.ground.environment is Environment.PROD:
        raise Conflict("ProductionNotArchived", "A production workspace is never archived (X-12).")
    _require_kept(asked)


def _require_kept(asked: Asked) -> None:
    if asked.record.deleting:
        raise Conflict("WorkspaceDeleting", f"Workspace {asked.record.name!r} is being deleted.")
    if asked.deletion_begun:
        text = f"The archiver has begun to delete workspace {asked.record.name!r}: nothing brings it back."
        raise Conflict("ExpiryUnderWay", text)
