"""Who may use a workspace: read, replaced, reconciled, explained; and an administrator's grants, approved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from controlplane.arm import fold
from controlplane.audit.facts import Approved
from controlplane.errors import Conflict, ErrorDetail, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.operations.model import OperationKind
from controlplane.operations.preconditions import on_fresh_state
from controlplane.ports.store import Insert, Replace, Write
from controlplane.projects.access import Caller, Permission
from controlplane.workspaces import kinds
from controlplane.workspaces.access.denials import Denying, denials
from controlplane.workspaces.access.effective import Estate, estate
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.access.powers import Can
from controlplane.workspaces.access.report import AccessReport, Explanation, Names, explain, report
from controlplane.workspaces.access.roles import GRANTABLE
from controlplane.workspaces.model import Blueprint, Observed, Unreadable
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.records import GrantApproval, Owned, WorkspaceStatus
from controlplane.workspaces.repository import StoredWorkspace, dump
from controlplane.workspaces.services.accept import (
    accept_operation,
    patch_workspace,
    repair_workspace,
    require_kept,
    require_readable,
)
from controlplane.workspaces.services.activity import look_at_activity
from controlplane.workspaces.services.asked import Outcome, Request
from controlplane.workspaces.services.deps import ServiceDeps, blueprint_of, require, require_idle
from controlplane.workspaces.services.look import require_answers


@dataclass(frozen=True, slots=True)
class _Seen:
    stored: StoredWorkspace
    observed: Observed
    estate: Estate


async def _see(deps: ServiceDeps, stored: StoredWorkspace) -> _Seen:
    """Raises ``Transient`` when Azure asked to wait."""
    blueprint = blueprint_of(deps, stored.record)
    observed = await take_snapshot(blueprint, deps.reader, stored.status.inventory)
    require_answers(observed)
    if not blueprint.access.members:
        observed = await _with_activations(deps, blueprint, observed)
    return _Seen(stored, observed, estate(blueprint, observed))


async def _with_activations(deps: ServiceDeps, blueprint: Blueprint, observed: Observed) -> Observed:
    """Where the spec names nobody a snapshot leaves out who has taken a role by PIM; here it matters all the same: it
    is no direct grant, and not to be taken away."""
    path = f"{blueprint.own_groups[0]}/providers/{kinds.ACTIVATION}"
    try:
        found = await deps.reader.list(path, kinds.API_VERSIONS[kinds.ACTIVATION])
    except (Transient, Rejected) as error:
        unreadable = {**observed.unreadable, fold(path): Unreadable(error.code, error.message)}
        return replace(observed, unreadable=unreadable)
    return replace(observed, snapshot={**observed.snapshot, **{fold(str(body["id"])): body for body in found}})


async def _report(deps: ServiceDeps, seen: _Seen) -> AccessReport:
    approved = frozenset(approval.grant for approval in seen.stored.record.access_approvals)
    names = await _names(deps, seen.estate)
    return report(seen.estate, seen.stored.record.name, names, approved, deps.clock.now())


async def _names(deps: ServiceDeps, found: Estate) -> Names | None:
    """None where there is no directory to ask, or it does not answer: names are a comfort, and orphans then unknown."""
    if deps.directory is None:
        return None
    ids = {held.principal for held in found.held} | {one for ids in found.wanted.members.values() for one in ids}
    return await deps.directory.names(tuple(sorted(ids | found.ours)))


async def get_access(
    deps: ServiceDeps, caller: Caller, name: str, days: int | None = None
) -> tuple[StoredWorkspace, AccessReport]:
    """Personas, drift and invariants, as Azure has them now; with ``days``, what was done in as many (at most 90)."""
    # What colleagues did by name, and who is in which group, is for whoever may change their access.
    permission = Permission.ACCESS_GET if days is None else Permission.ACCESS_RECONCILE
    stored = await require(deps, caller, permission, name)
    seen = await _see(deps, stored)
    found = await _report(deps, seen)
    if days is None:
        return stored, found
    return stored, found.model_copy(update={"activity": await look_at_activity(deps, seen.estate, timedelta(days))})


async def explain_access(deps: ServiceDeps, caller: Caller, name: str, resource: str, can: Can) -> Explanation:
    """Who can do that to a resource: a logical key of the workspace, or the ARM id of something in its group.

    Raises ``Rejected("InvalidParameter")`` for what is not the workspace's.
    """
    stored = await require(deps, caller, Permission.ACCESS_EXPLAIN, name)
    seen = await _see(deps, stored)
    place = seen.estate.place(resource)
    body = seen.observed.snapshot.get(fold(place or resource))
    if body is None and place is not None:
        body = {"id": place}  # What is not there yet inherits all the same.
    if body is None:
        message = (
            f"The workspace has nothing called {resource!r}: resource is a key of its plan, such as workspace, "
            "storage, vault or registry, or the ARM id of something in its resource group."
        )
        raise Rejected("InvalidParameter", message, target="resource")
    denying = await _denying(deps, seen.estate.blueprint)
    return explain(seen.estate, name, await _names(deps, seen.estate), body, can, denying)


async def _denying(deps: ServiceDeps, blueprint: Blueprint) -> Denying:
    """At the group, above it and below it ("Deny Assignments - List For Scope", without a filter). Raises ``Transient``
    when Azure asked to wait."""
    path = f"{blueprint.own_groups[0]}/providers/{kinds.DENY_ASSIGNMENT}"
    try:
        return Denying(denials(await deps.reader.list(path, kinds.API_VERSIONS[kinds.DENY_ASSIGNMENT])))
    except Rejected as error:
        return Denying(unreadable=f"Whom deny assignments deny it is not known: {error.code}: {error.message}")


async def put_access(deps: ServiceDeps, request: Request, data: JsonObject) -> Outcome:
    """Replaces ``access`` of the spec, and nothing else of it: personas that are left out are nobody's."""
    nobody: dict[str, object] = {persona.value: [] for persona in Persona}
    return await patch_workspace(deps, request, {"access": {**nobody, **data}})


async def reconcile_access(deps: ServiceDeps, request: Request) -> Outcome:
    """Puts back what is missing; with consent takes away what somebody granted beyond the matrix, where the operator
    may. Raises ``Conflict("DestructiveChangeNotAllowed")`` where more than grants would go, and
    ``Transient("ResourceUnreadable")`` where Azure does not show enough to tell.
    """
    if not request.allow_destructive:
        return await repair_workspace(deps, request)

    async def attempt() -> Outcome:
        stored = await require(deps, request.caller, request.permission, request.name)
        request.preconditions.check(stored.record.public_etag)
        late = await require_idle(deps, stored)
        require_kept(stored)
        seen = await _see(deps, stored)
        if (why := seen.estate.activated_unreadable) is not None:
            message = f"Nobody can say which grants to people were taken by PIM and end by themselves: {why.message}"
            raise Transient("ResourceUnreadable", message, retry_after=10)
        adopted = _adopted(seen)
        blueprint = seen.estate.blueprint
        plan = make_plan(blueprint, seen.observed, adopted.inventory)
        # Of an identity that Azure does not show nobody knows what it holds: its grants would pass for a stranger's.
        require_readable(plan)
        others = [change for change in plan.destructive if change.type != kinds.ROLE_ASSIGNMENT]
        if others:
            details = tuple(ErrorDetail("DestructiveChangeNotAllowed", str(c.id or c.key), c.key) for c in others)
            message = "More than grants would be deleted or replaced; send a PUT of the workspace's spec for that."
            raise Conflict("DestructiveChangeNotAllowed", message, details=details)
        rows = _status_rows(stored, adopted)
        return await accept_operation(deps, request, stored, (OperationKind.UPDATE, blueprint), (late, rows))

    return await on_fresh_state(attempt)


def _adopted(seen: _Seen) -> WorkspaceStatus:
    """The status with grants that nobody asked for as the workspace's own: what is its own and is not wanted goes. What
    administrators of the subscriptions hold is not a workspace's to take away."""
    inventory = dict(seen.stored.status.inventory)
    owned = {fold(item.resource_id) for item in inventory.values()}
    for held in seen.estate.extra():
        # What somebody took by PIM ends by itself; whether he may take it is an administrator's to decide.
        if held.eligible or held.is_activated or seen.estate.is_administrator(held.principal):
            continue
        if held.role in GRANTABLE.values() and fold(held.id) not in owned:
            version = kinds.API_VERSIONS[kinds.ROLE_ASSIGNMENT]
            inventory[f"role/extra/{held.id.rpartition('/')[2].lower()}"] = Owned(
                resource_id=held.id, type=kinds.ROLE_ASSIGNMENT, api_version=version
            )
    return seen.stored.status.model_copy(update={"inventory": inventory})


def _status_rows(stored: StoredWorkspace, status: WorkspaceStatus) -> tuple[Write, ...]:
    row, value = f"s!{stored.record.name}", dump(status)
    return (Insert(row, value) if stored.status_etag is None else Replace(row, value, stored.status_etag),)


async def approve_access(deps: ServiceDeps, caller: Caller, name: str) -> tuple[StoredWorkspace, AccessReport]:
    """A Platform.Admin's word that the grants which the operator may not make shall be made.

    Raises ``Rejected("ApproverIsRequester")`` for whoever asked for them: an approver is never the requester.
    """

    async def attempt() -> StoredWorkspace:
        stored = await require(deps, caller, Permission.ACCESS_APPROVE, name)
        record = stored.record
        wanted = {grant.name for grant in blueprint_of(deps, record).access.by_hand}
        known = tuple(one for one in record.access_approvals if one.grant in wanted)
        new = sorted(wanted - {one.grant for one in known})
        if record.last_modified_by == caller.principal:
            message = "You made the last change of this workspace's spec; somebody else has to approve its grants."
            raise Rejected("ApproverIsRequester", message)
        if not set(new).isdisjoint(record.access_requests.get(caller.principal, ())):
            message = "You asked for some of these grants; somebody else has to approve them."
            raise Rejected("ApproverIsRequester", message)
        if not new:
            return stored
        now = deps.clock.now()
        approvals = (*known, *(GrantApproval(grant=one, by=caller.principal, at=now) for one in new))
        changed = record.model_copy(update={"access_approvals": approvals})
        return await deps.repository.approve(stored, changed, Approved(caller, now, tuple(new)))

    stored = await on_fresh_state(attempt)
    return stored, await _report(deps, await _see(deps, stored))
