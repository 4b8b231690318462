"""Requests that change nothing: read, list, plan, validate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from controlplane.errors import Transient
from controlplane.governance.costs.billed import billed_in
from controlplane.json_types import JsonObject
from controlplane.projects.access import Caller, Permission
from controlplane.workspaces.access.effective import Estate, estate
from controlplane.workspaces.addresses import AUTO
from controlplane.workspaces.conflicts import Found, find_conflicts
from controlplane.workspaces.datastores import Datastores, datastores
from controlplane.workspaces.diff import diff
from controlplane.workspaces.egress.report import Egress, egress_of
from controlplane.workspaces.measured import load_durations
from controlplane.workspaces.model import Blueprint, Observed, Plan, PlanWarning, WarningLevel
from controlplane.workspaces.observe import take_snapshot
from controlplane.workspaces.plan import make_plan
from controlplane.workspaces.posture import Report, advise, evaluate
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.services.asked import Asked, Request, check_facts, understand
from controlplane.workspaces.services.budgets_held import budget_warnings
from controlplane.workspaces.services.costs import Costs, Money, costs_of
from controlplane.workspaces.services.deps import (
    ServiceDeps,
    blueprint_of,
    require,
    stored_spec,
)
from controlplane.workspaces.services.room import Room, find_room, require_place, require_possible
from controlplane.workspaces.spec import WorkspaceSpec
from controlplane.workspaces.template import template
from controlplane.workspaces.topology import Topology, topology


@dataclass(frozen=True, slots=True)
class Planned:
    """``exists``: a workspace of this name is stored, so the plan is of an update."""

    plan: Plan
    exists: bool
    project: str
    costs: Costs
    conflicts: tuple[Found, ...] = ()
    egress: Egress | None = None
    """Of a managed network: what leaves it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The posture of a workspace, from one snapshot."""

    stored: StoredWorkspace
    blueprint: Blueprint
    observed: Observed
    report: Report
    at: datetime

    @property
    def grants(self) -> Estate:
        """Who has which role, beside who shall."""
        return estate(self.blueprint, self.observed)


async def get_workspace(deps: ServiceDeps, caller: Caller, name: str) -> StoredWorkspace:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``."""
    return await require(deps, caller, Permission.WORKSPACES_GET, name)


async def plan_workspace(deps: ServiceDeps, request: Request, data: JsonObject | None) -> Planned:
    """What a PUT of ``data`` would do; without ``data``, what the accepted spec still needs.

    Refuses what the PUT would refuse, so that a plan is never of something that cannot be asked for.
    """
    stored, spec, blueprint, remarks = await _meant(deps, request, data)
    inventory = stored.status.inventory if stored else {}
    durations = await load_durations(deps.durations) if deps.durations is not None else None
    observed = await take_snapshot(blueprint, deps.reader, inventory)
    require_answers(observed)
    require_possible(blueprint, observed, inventory)
    plan = make_plan(blueprint, observed, inventory, durations)
    require_place(plan)
    held = await budget_warnings(deps, request.name, spec, stored)
    plan = replace(plan, warnings=(*plan.warnings, *held, *remarks, *advise(spec, blueprint)))
    conflicts = find_conflicts(spec, deps.clock.now().astimezone(UTC).date())
    egress = egress_of(spec, plan.changes, observed.unmanaged)
    money = Money(deps.prices, await billed_in(deps.governed, spec.subscription_id))
    costs = await costs_of(blueprint, plan.changes, observed, money)
    exists = stored is not None
    return Planned(plan, exists=exists, project=spec.project, costs=costs, conflicts=conflicts, egress=egress)


def require_answers(observed: Observed) -> None:
    """Raises ``Transient`` when Azure asked to wait: the caller who asks again then gets the whole answer. What Azure
    refuses for good is part of the answer."""
    waits = [cause for cause in observed.unreadable.values() if cause.retry_after]
    if waits:
        longest = max(waits, key=lambda cause: cause.retry_after)
        raise Transient(longest.code, longest.message, retry_after=longest.retry_after)


async def _meant(
    deps: ServiceDeps, request: Request, data: JsonObject | None
) -> tuple[StoredWorkspace | None, WorkspaceSpec, Blueprint, tuple[PlanWarning, ...]]:
    if data is None:
        found = await require(deps, request.caller, request.permission, request.name)
        return found, stored_spec(found.record), blueprint_of(deps, found.record), ()
    asked = await understand(deps, request, data)
    room = await find_room(deps, asked)
    there = asked.at(room.address_space)
    unread = await check_facts(deps, there, room.taken)
    return asked.stored, there.spec, there.blueprint(deps), (*_chosen(asked, room), *unread)


def _chosen(asked: Asked, room: Room) -> tuple[PlanWarning, ...]:
    """What ``auto`` would take: a plan reserves nothing."""
    before = asked.stored.record.address_space if asked.stored else ""
    if asked.spec.network.address_space != AUTO or room.address_space == before:
        return ()
    text = f"auto would take {room.address_space} now; it is nobody's before the PUT, which may find it taken."
    return (PlanWarning("AddressSpaceChosen", text, "$.network.addressSpace", WarningLevel.INFO),)


async def validate_workspace(deps: ServiceDeps, caller: Caller, name: str) -> Judged:
    """What is true in Azure now of every control, with evidence."""
    return await judge_posture(deps, await require(deps, caller, Permission.WORKSPACES_VALIDATE, name))


async def template_of(deps: ServiceDeps, caller: Caller, name: str) -> JsonObject:
    """The accepted spec as a deployment template; nothing is read from Azure."""
    return template(blueprint_of(deps, (await require(deps, caller, Permission.WORKSPACES_TEMPLATE, name)).record))


async def topology_of(deps: ServiceDeps, caller: Caller, name: str) -> Topology:
    """The network as a graph, as it is in Azure now. Raises ``Transient`` when Azure asked to wait."""
    stored = await require(deps, caller, Permission.WORKSPACES_TOPOLOGY, name)
    blueprint = blueprint_of(deps, stored.record)
    observed = await take_snapshot(blueprint, deps.reader, stored.status.inventory)
    require_answers(observed)
    return topology(blueprint, observed, diff(blueprint, observed, stored.status.inventory), deps.clock.now())


async def datastores_of(deps: ServiceDeps, caller: Caller, name: str) -> Datastores:
    """How jobs reach the data of each datastore, as Azure has them now. Raises ``Transient`` when it asked to wait."""
    stored = await require(deps, caller, Permission.WORKSPACES_DATASTORES, name)
    blueprint = blueprint_of(deps, stored.record)
    observed = await take_snapshot(blueprint, deps.reader, stored.status.inventory)
    require_answers(observed)
    return datastores(blueprint, observed, deps.clock.now())


async def judge_posture(deps: ServiceDeps, stored: StoredWorkspace) -> Judged:
    """Reads once, compares with the accepted spec, judges."""
    blueprint = blueprint_of(deps, stored.record)
    observed = await take_snapshot(blueprint, deps.reader, stored.status.inventory)
    require_answers(observed)
    now = deps.clock.now()
    changes = diff(blueprint, observed, stored.status.inventory)
    return Judged(stored, blueprint, observed, evaluate(blueprint, observed, changes, now), now)
