"""Requests that start an operation: PUT, PATCH, DELETE, ``:repair``.

Each reads, decides and commits once; a lost race starts over on fresh state. The operation's first step is a tick's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from controlplane.errors import Conflict, ErrorDetail, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.operations.model import Operation, OperationKind, OperationStatus
from controlplane.operations.preconditions import LOST_RACE, on_fresh_state
from controlplane.ports.store import Write
from controlplane.workspaces import kinds
from controlplane.workspaces.blueprint.context import WORKSPACE_TAG
from controlplane.workspaces.deadlines import time_for
from controlplane.workspaces.ending import ended, has_deleted, superseded_by
from controlplane.workspaces.model import Action, Blueprint, Change, Observed, Origin, Plan
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.repository import (
    Beside,
    StoredOperation,
    StoredWorkspace,
    WorkspaceRepository,
    new_operation_id,
)
from controlplane.workspaces.services.approvals import asking
from controlplane.workspaces.services.asked import (
    Asked,
    Outcome,
    Request,
    check_facts,
    immutable,
    stored_as_asked,
    understand,
)
from controlplane.workspaces.services.deps import (
    ServiceDeps,
    blueprint_of,
    find,
    hint,
    require,
    require_idle,
    running_operation,
    stored_spec,
)
from controlplane.workspaces.services.look import judge_posture
from controlplane.workspaces.services.merge import merge_patch
from controlplane.workspaces.services.room import Room, find_room, require_place, require_possible
from controlplane.workspaces.waiving import Acceptor, acceptances

_log = logging.getLogger(__name__)
#: How often one request chooses what to take before others' speed is the caller's to know.
_CHOICES = 60


@dataclass(frozen=True, slots=True)
class _Accepted:
    """What is to be committed."""

    record: WorkspaceRecord
    operation: Operation
    stored: StoredWorkspace | None
    late: StoredOperation | None = None
    """The operation whose place it takes."""
    room: Room | None = None
    """What it takes of what is shared."""


async def put_workspace(deps: ServiceDeps, request: Request, data: JsonObject) -> Outcome:
    """Accepts a spec. The same spec on a workspace that is as it was asked starts nothing; after an operation that
    failed or was cancelled it starts a new one, which goes on from what exists.
    """
    return await on_fresh_state(lambda: _submit(deps, request, data))


async def patch_workspace(deps: ServiceDeps, request: Request, patch: JsonObject) -> Outcome:
    """JSON merge patch (RFC 7396) of the stored spec; ``null`` gives a field its default back."""

    async def attempt() -> Outcome:
        stored = await require(deps, request.caller, request.permission, request.name)
        merged = merge_patch(stored.record.spec, patch)
        if merged.get("project") != stored.record.project:
            message = "project cannot change; make a new workspace instead."
            raise immutable((ErrorDetail("PropertyChangeNotAllowed", message, "$.project"),))
        return await _submit(deps, request, merged)

    return await on_fresh_state(attempt)


async def provision_network(deps: ServiceDeps, request: Request, data: JsonObject) -> Outcome:
    """Has the managed network built now: it is asked for in the spec, so that it stays asked for. ``data``:
    ``{"includeSpark": true}``, as Azure's own action takes it; without it Spark stays as the spec has it.

    Raises ``Conflict("NetworkNotManaged")`` for a workspace whose computes are in a network of its own, and
    ``Rejected("InvalidRequestContent")`` for any other body.
    """
    spark = data.get("includeSpark", False)
    if not isinstance(spark, bool) or set(data) - {"includeSpark"}:
        message = 'The body is empty, or {"includeSpark": true} or false.'
        raise Rejected("InvalidRequestContent", message, target="$.includeSpark")
    wish = {"provision": "atCreation"} | ({"spark": True} if spark else {})

    async def attempt() -> Outcome:
        stored = await require(deps, request.caller, request.permission, request.name)
        if not stored_spec(stored.record).network.mode.is_managed:
            message = f"Workspace {request.name!r} has no managed network; network.mode is privateVnet."
            raise Conflict("NetworkNotManaged", message, target="$.network.mode")
        return await _submit(deps, request, merge_patch(stored.record.spec, {"network": {"managed": wish}}))

    return await on_fresh_state(attempt)


async def delete_workspace(deps: ServiceDeps, request: Request) -> Outcome | None:
    """None when there is nothing to delete. A deletion that is running already is answered as it is."""

    async def attempt() -> Outcome | None:
        stored = await find(deps, request.caller, request.permission, request.name)
        request.preconditions.check(stored.record.public_etag if stored else None)
        if stored is None:
            return None
        running = await running_operation(deps, stored)
        now = deps.clock.now()
        if running is not None and running.operation.kind is OperationKind.DELETE and now <= running.operation.deadline:
            return Outcome(stored, running.operation)
        late = await require_idle(deps, stored)
        partly = stored.record.partly_deleted or (late is not None and has_deleted(late.operation))
        operation = _operation(request, stored.record, OperationKind.DELETE, now)
        operation = _with_deadline(operation, blueprint_of(deps, stored.record))
        record = stored.record.model_copy(
            update={
                "deleting": True,
                "partly_deleted": partly,
                "last_modified_at": now,
                "last_modified_by": request.caller.principal,
            }
        )
        return await _accept(deps, request, _Accepted(record, operation, stored, late))

    return await on_fresh_state(attempt)


async def repair_workspace(deps: ServiceDeps, request: Request) -> Outcome:
    """Starts putting back what differs from the accepted spec, and what a declared property cannot express."""

    async def attempt() -> Outcome:
        stored = await require(deps, request.caller, request.permission, request.name)
        request.preconditions.check(stored.record.public_etag)
        late = await require_idle(deps, stored)
        require_kept(stored)
        judged = await judge_posture(deps, stored)
        reapply, recreate = judged.report.repair_keys()
        operation = _operation(request, stored.record, OperationKind.REPAIR, deps.clock.now())
        operation = operation.model_copy(update={"reapply": reapply, "recreate": recreate})
        operation = _with_deadline(operation, judged.blueprint)
        return await _accept(deps, request, _Accepted(stored.record, operation, stored, late))

    return await on_fresh_state(attempt)


async def _submit(deps: ServiceDeps, request: Request, data: JsonObject) -> Outcome:
    asked = await understand(deps, request, data)
    stored, late = asked.stored, None
    if stored is not None:
        late = await require_idle(deps, stored)
        require_kept(stored)
        if not asked.changes_spec and await _is_done(deps, stored):
            return Outcome(stored, None)
    room = await find_room(deps, asked)
    there = asked.at(room.address_space)
    await check_facts(deps, there, room.taken)
    if stored is not None or not request.allow_destructive:
        await _refuse_destruction(deps, there, consent=request.allow_destructive)
    record, kind = _record(deps, request, asked)
    blueprint = there.blueprint(deps)
    record = asking(record, stored.record.spec if stored else asked.body, blueprint, request.caller.principal)
    operation = _with_deadline(_operation(request, record, kind, deps.clock.now()), blueprint)
    return await _take(deps, request, asked, _Accepted(record, operation, stored, late, room))


async def _take(deps: ServiceDeps, request: Request, asked: Asked, what: _Accepted) -> Outcome:
    """Commits, and chooses again where somebody else was faster to take what was chosen: of those who want the same
    at once one always gets it, so that the others need not be told."""
    room = what.room
    assert room is not None
    for attempt in range(1, _CHOICES):
        try:
            return await _accept(deps, request, what)
        except Conflict as error:
            if error.code not in LOST_RACE or await deps.repository.shares.are_as_read(room.writes):
                raise
            room = await find_room(deps, asked, attempt, room.beside)
            if room.taken:
                raise
            what = replace(what, room=room)
    return await _accept(deps, request, what)


async def _is_done(deps: ServiceDeps, stored: StoredWorkspace) -> bool:
    """Whether the accepted spec was reached: nothing is left for a new operation."""
    if stored.status.observed_generation != stored.record.generation or stored.record.last_operation is None:
        return False
    last = await deps.repository.load_operation(stored.record.last_operation)
    return last is not None and last.operation.status is OperationStatus.SUCCEEDED


def require_kept(stored: StoredWorkspace) -> None:
    """Raises ``Conflict``: ``WorkspaceDeleting``, ``WorkspaceArchived``."""
    if stored.record.deleting:
        raise Conflict(
            "WorkspaceDeleting",
            f"Workspace {stored.record.name!r} is being deleted. Repeat the DELETE until it is gone, then create it.",
        )
    if stored.record.archived:
        raise Conflict("WorkspaceArchived", f"Workspace {stored.record.name!r} is archived; restore it first.")


async def _refuse_destruction(deps: ServiceDeps, asked: Asked, *, consent: bool) -> None:
    """Raises ``Conflict``: ``TransitionNotAllowed``; without consent also ``DestructiveChangeNotAllowed`` naming the
    changes, ``ResourceGroupUnavailable``; and ``Transient`` when they cannot be seen."""
    blueprint = asked.blueprint(deps)
    inventory = asked.stored.status.inventory if asked.stored else {}
    observed = await take_snapshot(blueprint, deps.reader, inventory)
    require_possible(blueprint, observed, inventory)
    if consent:
        return
    plan = make_plan(blueprint, observed, inventory)
    require_place(plan)
    if plan.destructive:
        raise Conflict(
            "DestructiveChangeNotAllowed",
            "The update would delete or replace resources. Send allowDestructive=true to consent.",
            details=tuple(_destruction(change) for change in plan.destructive),
        )
    require_readable(plan)
    if asked.stored is None:
        _refuse_adoption(asked, blueprint, observed)


def _refuse_adoption(asked: Asked, blueprint: Blueprint, observed: Observed) -> None:
    """A new workspace would write over what somebody else made under its names, and delete it at its own end.

    Raises ``Conflict("ResourceGroupUnavailable")``, unless the group says by its tag that it is a former workspace's
    of this name. A group that is merely there, and holds nothing of these names, is taken.
    """
    groups = {resource.key for resource in blueprint.resources if resource.type == kinds.RESOURCE_GROUP}
    made_by_us = any(_holder(observed.bodies[key]) == asked.name for key in groups & observed.bodies.keys())
    given = {resource.key for resource in blueprint.resources if resource.origin is Origin.GIVEN}
    found = tuple(key for key in observed.bodies if key not in groups | given)
    if found and not made_by_us:
        raise Conflict(
            "ResourceGroupUnavailable",
            f"Resource group {asked.resource_group!r} holds resources of this workspace's names that it did not make. "
            "Choose another name, or send allowDestructive=true to take them over.",
            target="name",
            details=tuple(
                ErrorDetail("ResourceExists", f"{observed.bodies[key].get('id')} exists.", key) for key in found
            ),
        )


def _holder(group: JsonObject) -> str | None:
    """The workspace that a resource group's tags name."""
    tags = group.get("tags") or {}
    return next((str(value) for name, value in tags.items() if name.lower() == WORKSPACE_TAG), None)


def _destruction(change: Change) -> ErrorDetail:
    if change.takes_away:
        lost = ", ".join(difference.path for difference in change.takes_away)
        return ErrorDetail("DestructiveChangeNotAllowed", f"delete {lost} of {change.id or change.key}.", change.key)
    paths = ", ".join(difference.path for difference in change.differences if difference.replaces)
    message = f"{change.action} {change.type} {change.id or change.key}" + (f" because of {paths}" if paths else "")
    return ErrorDetail("DestructiveChangeNotAllowed", message + ".", change.key)


def require_readable(plan: Plan) -> None:
    """Raises ``Transient("ResourceUnreadable")``."""
    unread = tuple(change for change in plan.changes if change.action is Action.UNKNOWN)
    if unread:
        raise Transient(
            "ResourceUnreadable",
            "Azure did not show some resources, so nobody can say whether the update would destroy them. Try again.",
            retry_after=10,
            details=tuple(ErrorDetail("ResourceUnreadable", c.reason or c.type, c.key) for c in unread),
        )


def _record(deps: ServiceDeps, request: Request, asked: Asked) -> tuple[WorkspaceRecord, OperationKind]:
    now, principal = deps.clock.now(), request.caller.principal
    acceptor = Acceptor(principal, now)
    if asked.stored is None:
        record = WorkspaceRecord(
            name=asked.name,
            project=asked.spec.project,
            resource_group=asked.resource_group,
            spec=asked.body,
            waiver_acceptances=acceptances((), None, asked.spec, acceptor),
            incarnation=asked.incarnation,
            created_at=now,
            created_by=principal,
            last_modified_at=now,
            last_modified_by=principal,
        )
        return record, OperationKind.CREATE
    before = asked.stored.record
    # A creation that never reached its end is still a creation, whoever sends it again.
    kind = OperationKind.UPDATE if asked.stored.status.observed_generation else OperationKind.CREATE
    if not asked.changes_spec:
        return before, kind
    accepted = acceptances(before.waiver_acceptances, stored_as_asked(asked.stored), asked.spec, acceptor)
    changed = {
        "spec": asked.body,
        "waiver_acceptances": accepted,
        "generation": before.generation + 1,
        "last_modified_at": now,
        "last_modified_by": principal,
    }
    return before.model_copy(update=changed), kind


def _operation(request: Request, record: WorkspaceRecord, kind: OperationKind, now: datetime) -> Operation:
    return Operation(
        id=new_operation_id(now),
        kind=kind,
        target=f"workspaces/{record.name}",
        project=record.project,
        generation=record.generation,
        allow_destructive=request.allow_destructive,
        created_at=now,
        created_by=request.caller.principal,
        last_modified_at=now,
    )


def _with_deadline(operation: Operation, blueprint: Blueprint) -> Operation:
    deadline = operation.created_at + time_for(blueprint, operation.kind)
    return operation.model_copy(update={"deadline_at": deadline})


async def _accept(deps: ServiceDeps, request: Request, what: _Accepted) -> Outcome:
    operation, stored = what.operation, what.stored
    claims = what.room.writes if what.room else ()
    record = (what.room.holding(what.record) if what.room else what.record).model_copy(
        update={
            "active_operation": operation.id,
            "last_operation": operation.id,
            "due_at": operation.created_at,
        }
    )
    status, etag = (stored.status, stored.record_etag) if stored else (WorkspaceStatus(), "")
    outcome = Outcome(StoredWorkspace(record, etag, status, None), operation, created=stored is None)
    superseded, writes = _supersede(what, record.name)
    beside = Beside((*claims, *writes, *request.remember(outcome)), superseded, request.evidence)
    after = await deps.repository.accept(record, operation, stored, beside)
    await hint(deps, record.name)
    return Outcome(after, operation, created=outcome.created)


async def accept_operation(
    deps: ServiceDeps,
    request: Request,
    stored: StoredWorkspace,
    what: tuple[OperationKind, Blueprint],
    beside: tuple[StoredOperation | None, tuple[Write, ...]],
) -> Outcome:
    """Accepts an operation on the spec as it is. ``what``: its kind, and the blueprint that its deadline follows from;
    ``beside``: the operation that is late and makes room, and what else is stored in the commit."""
    operation = _operation(request, stored.record, what[0], deps.clock.now())
    late, rows = beside
    accepted = _Accepted(stored.record, _with_deadline(operation, what[1]), stored, late)
    with_rows = replace(request, remember=lambda outcome: (*rows, *request.remember(outcome)))
    return await _accept(deps, with_rows, accepted)


def _supersede(what: _Accepted, name: str) -> tuple[Operation | None, tuple[Write, ...]]:
    """Ends the operation that is past its deadline, and that no tick ended, in the commit that takes its place."""
    if what.late is None:
        return None, ()
    old, now = what.late.operation, what.operation.created_at
    _log.warning("operation superseded workspace=%s operation=%s by=%s", name, old.id, what.operation.id)
    finished = ended(old, OperationStatus.FAILED, now, superseded_by(old, what.operation.id))
    return finished, WorkspaceRepository.supersede(name, what.late, finished)
