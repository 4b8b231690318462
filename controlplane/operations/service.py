"""Operations as callers see them: read, list, cancel."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controlplane.audit.facts import evidence_of
from controlplane.errors import Conflict, Rejected, Transient
from controlplane.operations.etags import operation_etag
from controlplane.operations.model import Operation, OperationKind, OperationStatus
from controlplane.operations.paging import Fields, Paging
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue, Write
from controlplane.projects.access import TABLE, Caller, Permission, Verdict, judge, persona_roles
from controlplane.projects.model import Registration
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import forbidden, persona_projects, readable_projects
from controlplane.workspaces.ending import CANCELED, ended
from controlplane.workspaces.listing import SCAN, SCAN_PROJECTS, Listing, Slice, page_of, scan
from controlplane.workspaces.repository import Beside, StoredOperation, WorkspaceRepository
from controlplane.workspaces.takeover import end_without_tick

_log = logging.getLogger(__name__)
FIELDS: Fields = {
    "target": None,
    "project": None,
    "kind": frozenset(kind.value for kind in OperationKind),
    "status": frozenset(status.value for status in OperationStatus),
}
_ID = re.compile(r"[0-9a-f-]{1,64}")


@dataclass(frozen=True, slots=True)
class OperationDeps:
    repository: WorkspaceRepository
    projects: ProjectRepository
    queue: WorkQueue
    clock: Clock


def operation_not_found(operation_id: str) -> Rejected:
    """The 404 of an operation that does not exist, or that the caller may not know of."""
    return Rejected("OperationNotFound", f"There is no operation {operation_id!r}.")


async def get_operation(deps: OperationDeps, caller: Caller, operation_id: str) -> Operation:
    """Raises ``Rejected``: ``OperationNotFound``, ``AuthorizationFailed``."""
    return (await _require(deps, caller, Permission.OPERATIONS_GET, operation_id)).operation


async def list_operations(
    deps: OperationDeps, caller: Caller, paging: Paging
) -> tuple[tuple[Operation, ...], str | None]:
    """Those the caller may read, newest first, and the id after which the next page begins."""
    listing = Listing(deps.repository.store)
    projects = await readable_projects(deps.projects, caller, Permission.OPERATIONS_LIST, paging.wanted("project"))
    if projects is None:
        found = await listing.operations(paging.after, scan(paging, frozenset(), SCAN))
    else:
        others = await persona_projects(deps.projects, caller, paging.wanted("project"), projects)
        mine = await _named(listing, caller, others)
        found = await listing.operations_of(
            (*projects, *others), paging.after, SCAN_PROJECTS if others else scan(paging, frozenset(), SCAN_PROJECTS)
        )
        items = tuple(
            (key, one) for key, one in found.items if one.project in projects or (one.project, one.target) in mine
        )
        found = Slice(items, found.last)
    return page_of(found, paging, _values)


async def _named(listing: Listing, caller: Caller, projects: Mapping[str, Registration]) -> frozenset[tuple[str, str]]:
    """Project and target of workspaces which name a group of the caller as a persona."""
    targets: set[tuple[str, str]] = set()
    last: str | None = None
    while projects:
        page = await listing.workspaces_of(tuple(projects), last, SCAN_PROJECTS)
        records = (one.record for _, one in page.items)
        mine = (one for one in records if persona_roles(caller, projects.get(one.project), one.spec.get("access")))
        targets |= {(one.project, f"workspaces/{one.name}") for one in mine}
        last = page.last
        if last is None:
            break
    return frozenset(targets)


def _values(operation: Operation, field: str) -> frozenset[str]:
    shown = {
        "target": operation.target,
        "project": operation.project,
        "kind": operation.kind.value,
        "status": operation.status.value,
    }
    return frozenset({shown[field]})


async def cancel_operation(
    deps: OperationDeps,
    caller: Caller,
    operation_id: str,
    preconditions: Preconditions,
    remember: Callable[[Operation], tuple[Write, ...]] = lambda operation: (),
) -> Operation:
    """Stops an operation: at once when no tick has begun it, otherwise before its next write.

    What was sent to Azure already goes on there, and the operation is Running until that has ended; a tick that waits
    for it sees the wish within seconds. ``remember`` is what is stored in the same commit.
    Raises ``Conflict("OperationNotCancelable")`` when it has ended in another way than by being cancelled.
    """

    async def attempt() -> Operation:
        stored = await _require(deps, caller, Permission.OPERATIONS_CANCEL, operation_id)
        operation = stored.operation
        preconditions.check(operation_etag(operation))
        if operation.cancel_requested:
            return operation
        if operation.status.is_terminal:
            raise Conflict("OperationNotCancelable", f"Operation {operation_id} has ended: {operation.status}.")
        wish = {"cancel_requested": True, "cancel_requested_by": caller.principal, "last_modified_at": deps.clock.now()}
        changed = operation.model_copy(update=wish)
        evidence = evidence_of(caller, preconditions)
        unbegun = operation.status is OperationStatus.NOT_STARTED
        workspace = await deps.repository.load(operation.target.partition("/")[2]) if unbegun else None
        if workspace is not None and workspace.record.active_operation == operation.id:
            finished = ended(changed, OperationStatus.CANCELED, deps.clock.now(), CANCELED)
            beside = Beside(remember(finished), evidence=evidence)
            return (await end_without_tick(deps.repository, workspace, stored, finished, beside)).operation
        return (await deps.repository.request_cancel(stored, changed, remember(changed), evidence)).operation

    operation = await on_fresh_state(attempt)
    if operation.status.is_terminal:
        return operation
    try:
        await deps.queue.send(json.dumps({"kind": "workspace", "name": operation.target.partition("/")[2]}))
    except Transient as error:
        # The tick that the operation is due for sees the wish all the same.
        _log.warning("hint lost operation=%s code=%s", operation_id, error.code)
    return operation


async def _registration(deps: OperationDeps, project: str) -> Registration | None:
    stored = await deps.projects.load(project)
    return stored.record.registration if stored else None


def _asked_for(stored: StoredOperation, caller: Caller) -> bool:
    return stored.operation.created_by == caller.principal


async def _require(deps: OperationDeps, caller: Caller, permission: Permission, operation_id: str) -> StoredOperation:
    stored = await deps.repository.load_operation(operation_id) if _ID.fullmatch(operation_id) else None
    if stored is None:
        raise operation_not_found(operation_id)
    registration = await _registration(deps, stored.operation.project)
    verdict = judge(caller, permission, registration)
    if verdict is not Verdict.ALLOWED and caller.groups:
        workspace = await deps.repository.load(stored.operation.target.partition("/")[2])
        # A name may be another project's by now.
        same = workspace is not None and workspace.record.project == stored.operation.project
        named = workspace.record.spec.get("access") if workspace is not None and same else None
        roles = persona_roles(caller, registration, named)
        if roles & TABLE[permission]:
            return stored
        # Who asked for a deletion may see its end, when there is no workspace left that names him.
        if workspace is None and permission is Permission.OPERATIONS_GET and _asked_for(stored, caller):
            return stored
        verdict = Verdict.FORBIDDEN if roles else verdict
    match verdict:
        case Verdict.ALLOWED:
            return stored
        case Verdict.FORBIDDEN:
            raise forbidden(permission)
        case Verdict.HIDDEN:
            raise operation_not_found(operation_id)
