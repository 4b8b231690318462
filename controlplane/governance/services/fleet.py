"""What the fleet costs and what it is made of: pages of workspaces and of projects, from what ticks stored. Nothing
asks Azure, and no request looks through more than a thousand workspaces and the rest of the projects it is at.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from controlplane.governance.budgets.model import Budget, StepState, of_project
from controlplane.governance.costs.model import Spend, spend_id
from controlplane.governance.costs.view import view_of
from controlplane.governance.expiry.model import Expiry, expiry_id
from controlplane.governance.scope import ScopeKind
from controlplane.governance.services.costs import ages, short, subscriptions
from controlplane.governance.services.deps import RuleDeps
from controlplane.governance.services.fleet_bodies import (
    BudgetCount,
    Counts,
    FleetCosts,
    FleetSummary,
    ProjectSummary,
    WorkspaceCosts,
)
from controlplane.operations.paging import Fields, Operator, Paging
from controlplane.projects.access import Caller, Permission
from controlplane.projects.service import readable_projects
from controlplane.workspaces.listing import SCAN, SCAN_PROJECTS, Listing, page_of, scan
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import StoredWorkspace

FIELDS: Fields = {
    "project": None,
    "department": None,
    "subscription": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "environment": frozenset({"dev", "staging", "test", "prod"}),
}
#: Those that a project has, and the index.
_OF_PROJECTS = frozenset({"project", "department"})
#: Workspaces after which a page of projects ends.
MOST_LOOKED_AT = 1000
_PAGE = 1000
#: Projects that are read at once.
_AT_ONCE = 10
Departments = Mapping[str, str | None]


@dataclass
class _Gathered:
    """What is counted of the workspaces of a project, or of a page."""

    records: list[WorkspaceRecord] = field(default_factory=list)
    spends: list[Spend | None] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    expiries: list[Expiry] = field(default_factory=list)

    def add(self, other: _Gathered) -> None:
        self.records += other.records
        self.spends += other.spends
        self.budgets += other.budgets
        self.expiries += other.expiries

    def counts(self, now: datetime) -> Counts:
        return Counts(
            workspaces=len(self.records),
            deleting=sum(1 for one in self.records if one.deleting),
            environments=_counted(str(one.spec.get("environment")) for one in self.records),
            costs=short(view_of(self.spends, [one.name for one in self.records], now)),
            anomalies=sum(len(one.anomalies) for one in self.spends if one is not None),
            budgets=BudgetCount(
                total=len(self.budgets),
                reached=sum(1 for one in self.budgets if one.crossings),
                enforcing=sum(1 for one in self.budgets if any(s.state is not StepState.ANNOUNCED for s in one.steps)),
                unknown=sum(1 for one in self.budgets if one.view is None or not one.view.complete),
            ),
            expiry=_counted(one.stage.value for one in self.expiries),
            idle=_counted(one.evidence.verdict.value if one.evidence else "unread" for one in self.expiries),
        )


def _counted(values: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in values:
        found[one] = found.get(one, 0) + 1
    return dict(sorted(found.items()))


async def fleet_costs(deps: RuleDeps, caller: Caller, paging: Paging) -> tuple[FleetCosts, str | None]:
    """Workspaces in name order, and the name after which the next page begins."""
    departments = await _departments(deps)
    projects = await _asked_for(deps, caller, (Permission.FLEET_COSTS, paging), departments)
    listing = Listing(deps.workspaces.repository.store)
    if projects is None:
        found = await listing.workspaces(paging.after, scan(paging, frozenset(), SCAN))
    else:
        # The index has what `eq` asks for; what `ne` leaves out has to be looked at.
        size = scan(paging, frozenset() if _excludes(paging) else _OF_PROJECTS, SCAN_PROJECTS)
        found = await listing.workspaces_of(projects, paging.after, size)
    page, last = page_of(found, paging, partial(_stored_values, departments))
    records, now = [one.record for one in page], deps.clock.now()
    spends = await _spends(deps, records)
    body = FleetCosts(
        read_at=now,
        value=tuple(
            WorkspaceCosts(
                workspace=one.name,
                project=one.project,
                department=departments.get(one.project),
                environment=str(one.spec.get("environment")),
                subscription=str(one.spec.get("subscriptionId")),
                view=short(view_of([spend], [one.name], now)),
                anomalies=spend.anomalies if spend is not None else (),
            )
            for one, spend in zip(records, spends, strict=True)
        ),
        total=short(view_of(spends, [one.name for one in records], now)),
        sweeps=await ages(deps, now),
    )
    return body, last


async def fleet_summary(deps: RuleDeps, caller: Caller, paging: Paging) -> tuple[FleetSummary, str | None]:
    """Projects in name order, and the name after which the next page begins. Where workspaces are filtered, projects
    without one that fits are left out."""
    departments = await _departments(deps)
    readable = await _asked_for(deps, caller, (Permission.FLEET_SUMMARY, paging), departments)
    names = sorted(one for one in departments if readable is None or one in readable)
    names = [one for one in names if paging.after is None or one > paging.after]
    now, whole, value = deps.clock.now(), _Gathered(), list[ProjectSummary]()
    found, last = await _up_to(deps, names, (paging, departments))
    for name, one in found:
        whole.add(one)
        value.append(ProjectSummary(project=name, department=departments.get(name), **one.counts(now).model_dump()))
    unasked = paging.after is None and not paging.terms
    everything = await readable_projects(deps.workspaces.projects, caller, Permission.FLEET_SUMMARY, None) is None
    body = FleetSummary(
        read_at=now,
        value=tuple(value),
        total=whole.counts(now),
        subscriptions=await subscriptions(deps) if unasked and everything else (),
        sweeps=await ages(deps, now),
    )
    return body, last


async def _up_to(
    deps: RuleDeps, names: Sequence[str], asked: tuple[Paging, Departments]
) -> tuple[list[tuple[str, _Gathered]], str | None]:
    """Projects until a page is full, or enough was looked at; and behind which there are others."""
    found, looked = list[tuple[str, _Gathered]](), 0
    for begin in range(0, len(names), _AT_ONCE):
        some = names[begin : begin + _AT_ONCE]
        for name, (one, many) in zip(
            some, await asyncio.gather(*(_of_project(deps, each, asked) for each in some)), strict=True
        ):
            looked += many
            if one is not None:
                found.append((name, one))
            if len(found) == asked[0].size or looked >= MOST_LOOKED_AT:
                return found, name if name != names[-1] else None
    return found, None


async def _of_project(deps: RuleDeps, project: str, asked: tuple[Paging, Departments]) -> tuple[_Gathered | None, int]:
    """None where a filter fits none of its workspaces; and how many were looked at."""
    paging, departments = asked
    found, looked = _Gathered(), 0
    narrow = any(term.field not in _OF_PROJECTS for term in paging.terms)
    own = replace(paging, terms=tuple(term for term in paging.terms if term.field in _OF_PROJECTS))
    last: str | None = None
    if not own.matches(lambda field: _values(departments, field, project, None)):
        return None, 0
    while True:
        part = await Listing(deps.workspaces.repository.store).workspaces_of((project,), last, _PAGE)
        looked += len(part.items)
        here = [one.record for _, one in part.items if paging.matches(partial(_stored_values, departments, one))]
        found.records += here
        found.spends += await _spends(deps, here)
        expiries = await deps.objects.get_many(Expiry, [expiry_id(one.name) for one in here]) if here else ()
        lives = {one.name: one.incarnation for one in here}
        found.expiries += [
            one.value for one in expiries if one is not None and lives.get(one.value.workspace) == one.value.incarnation
        ]
        last = part.last
        if last is None:
            break
    if narrow and not found.records:
        return None, looked
    found.budgets = await _budgets(deps, project, {one.name for one in found.records} if narrow else None)
    return found, looked


async def _budgets(deps: RuleDeps, project: str, only: set[str] | None) -> list[Budget]:
    """The project's own and its workspaces'; of some workspaces theirs alone."""
    found: list[Budget] = []
    continuation: str | None = None
    while True:
        page = await deps.objects.page(Budget, of_project(project), limit=_PAGE, continuation=continuation)
        found += (one for one in page.values if only is None or (one.kind is ScopeKind.WORKSPACE and one.name in only))
        continuation = page.continuation
        if continuation is None:
            return found


async def _departments(deps: RuleDeps) -> Departments:
    """Project → department."""
    return {one.name: one.registration.department for one in await deps.workspaces.projects.all()}


async def _asked_for(
    deps: RuleDeps, caller: Caller, asked: tuple[Permission, Paging], departments: Departments
) -> tuple[str, ...] | None:
    """The projects that may have what is asked for, of those that the caller may read; None: all of them."""
    permission, paging = asked
    readable = await readable_projects(deps.workspaces.projects, caller, permission, paging.wanted("project"))
    department = paging.wanted("department")
    if department is None:
        return readable
    names = departments if readable is None else readable
    return tuple(sorted(one for one in names if departments.get(one) == department))


def _excludes(paging: Paging) -> bool:
    return any(term.field in _OF_PROJECTS and term.operator is Operator.NE for term in paging.terms)


def _stored_values(departments: Departments, stored: StoredWorkspace, name: str) -> frozenset[str]:
    return _values(departments, name, stored.record.project, stored.record)


def _values(departments: Departments, name: str, project: str, record: WorkspaceRecord | None) -> frozenset[str]:
    """What a workspace has of a field; without one, what is known of a project alone."""
    match name:
        case "project":
            return frozenset({project})
        case "department":
            return frozenset({department} if (department := departments.get(project)) else set())
        case "subscription":
            return frozenset({str(record.spec.get("subscriptionId")).lower()} if record else set())
        case _:
            return frozenset({str(record.spec.get("environment"))} if record else set())


async def _spends(deps: RuleDeps, records: Sequence[WorkspaceRecord]) -> list[Spend | None]:
    found = await deps.objects.get_many(Spend, [spend_id(one.name) for one in records]) if records else ()
    return [
        one.value if one is not None and one.value.incarnation == record.incarnation else None
        for one, record in zip(found, records, strict=True)
    ]
