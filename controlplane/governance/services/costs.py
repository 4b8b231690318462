"""What was spent, as it was collected: of one workspace, and of all that a caller may read of. Nothing asks Azure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from controlplane.governance.budgets.model import Budget, StepState
from controlplane.governance.costs.anomalies import too_little
from controlplane.governance.costs.model import Anomaly, CostScope, CostSweep, Live, LiveSweep, Spend, spend_id
from controlplane.governance.costs.view import View, view_of
from controlplane.governance.expiry.model import Expiry
from controlplane.governance.services.deps import RuleDeps, workspace
from controlplane.governance.storing import all_of
from controlplane.operations.model import Model
from controlplane.projects.access import Caller, Permission
from controlplane.projects.service import readable_projects
from controlplane.workspaces.records import WorkspaceRecord

_PAGE = 1000
#: Sentences of what is unknown that one view shows; how many more there are is said.
MOST_UNKNOWN = 50


class CostsBody(Model):
    """What a workspace cost, as far as anybody knows."""

    id: str
    view: View
    """What its budget is judged by."""
    through: date | None
    """The last day whose rows are whole."""
    days: dict[str, Decimal]
    months: dict[str, Decimal]
    causes: dict[str, Decimal]
    """Resource → cost of the days that an anomaly was looked into for; empty without one."""
    forecast_reason: str | None
    """Why Azure has no forecast."""
    live: Live | None
    anomalies: tuple[Anomaly, ...]
    anomalies_reason: str | None
    """Why no day can stand out yet: too little history. None: whole days are judged."""


class ProjectCosts(Model):
    project: str
    view: View


class FoundAnomaly(Model):
    workspace: str
    project: str
    anomaly: Anomaly


class SubscriptionCosts(Model):
    """Of one subscription, for who may read of every project."""

    subscription: str
    as_of: datetime | None
    through: date | None
    currency: str | None
    total: Decimal | None
    others: Decimal | None
    """Of the total, what lies in no managed workspace's resource group."""
    forecast: Decimal | None
    """Azure's, to the month's end."""
    forecast_reason: str | None
    why: str | None
    """Why the last question brought nothing."""


class SweepAge(Model):
    """``at``: the slot of the latest sweep; None: there was none yet."""

    name: str
    at: datetime | None
    age_seconds: int | None
    scopes: int = 0
    why: str | None = None


class FleetCosts(Model):
    read_at: datetime
    total: View
    projects: tuple[ProjectCosts, ...]
    anomalies: tuple[FoundAnomaly, ...]
    subscriptions: tuple[SubscriptionCosts, ...]
    sweeps: tuple[SweepAge, ...]


class BudgetCount(Model):
    """``reached``: some tier is; ``unknown``: its figures leave something out."""

    total: int
    reached: int
    enforcing: int
    unknown: int


class FleetSummary(Model):
    read_at: datetime
    workspaces: int
    deleting: int
    environments: dict[str, int]
    costs: View
    anomalies: int
    budgets: BudgetCount
    expiry: dict[str, int]
    """Stage → workspaces that have an expiry."""
    idle: dict[str, int]
    """What the latest look of each said: idle, busy, unknown; `unread` without any."""
    sweeps: tuple[SweepAge, ...]


async def get_costs(deps: RuleDeps, caller: Caller, name: str) -> CostsBody:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``."""
    found = await workspace(deps, caller, Permission.COSTS_GET, name)
    stored = await deps.objects.get(Spend, spend_id(name))
    spend = None
    if stored is not None and stored.value.incarnation == found.record.incarnation:
        spend = stored.value
    return CostsBody(
        id=f"workspaces/{name}/costs",
        view=_short(view_of([spend], [name], deps.clock.now())),
        through=spend.through if spend else None,
        days=spend.days if spend else {},
        months=spend.months if spend else {},
        causes=spend.causes if spend else {},
        forecast_reason=spend.forecast_reason if spend else None,
        live=spend.live if spend else None,
        anomalies=spend.anomalies if spend else (),
        anomalies_reason=too_little(spend),
    )


async def fleet_costs(deps: RuleDeps, caller: Caller, project: str | None) -> FleetCosts:
    """Of the projects that the caller may read; ``project`` asks for one only."""
    projects = await readable_projects(deps.workspaces.projects, caller, Permission.FLEET_COSTS, project)
    records, now = await _records(deps, projects), deps.clock.now()
    spends = await _spends(deps, records)
    by_project: dict[str, list[int]] = {}
    for place, one in enumerate(records):
        by_project.setdefault(one.project, []).append(place)
    anomalies = [
        FoundAnomaly(workspace=one.workspace, project=one.project, anomaly=each)
        for one in spends
        if one is not None
        for each in one.anomalies
    ]
    return FleetCosts(
        read_at=now,
        total=_view(records, spends, now),
        projects=tuple(
            ProjectCosts(
                project=name, view=_view([records[one] for one in places], [spends[one] for one in places], now)
            )
            for name, places in sorted(by_project.items())
        ),
        anomalies=tuple(sorted(anomalies, key=lambda one: (one.anomaly.day, one.workspace), reverse=True)),
        subscriptions=await _subscriptions(deps) if projects is None else (),
        sweeps=await _ages(deps, now),
    )


async def fleet_summary(deps: RuleDeps, caller: Caller, project: str | None) -> FleetSummary:
    """As the other: counts of what the latest sweeps and ticks stored."""
    projects = await readable_projects(deps.workspaces.projects, caller, Permission.FLEET_SUMMARY, project)
    records, now = await _records(deps, projects), deps.clock.now()
    spends = await _spends(deps, records)
    budgets = [one for one in await all_of(deps.objects, Budget) if projects is None or one.project in projects]
    names = {one.name: one.incarnation for one in records}
    expiries = [one for one in await all_of(deps.objects, Expiry) if names.get(one.workspace) == one.incarnation]
    return FleetSummary(
        read_at=now,
        workspaces=len(records),
        deleting=sum(1 for one in records if one.deleting),
        environments=_counted([str(one.spec.get("environment")) for one in records]),
        costs=_view(records, spends, now),
        anomalies=sum(len(one.anomalies) for one in spends if one is not None),
        budgets=BudgetCount(
            total=len(budgets),
            reached=sum(1 for one in budgets if one.crossings),
            enforcing=sum(1 for one in budgets if any(step.state is not StepState.ANNOUNCED for step in one.steps)),
            unknown=sum(1 for one in budgets if one.view is None or not one.view.complete),
        ),
        expiry=_counted([one.stage.value for one in expiries]),
        idle=_counted([one.evidence.verdict.value if one.evidence else "unread" for one in expiries]),
        sweeps=await _ages(deps, now),
    )


def _counted(values: Sequence[str]) -> dict[str, int]:
    return {one: values.count(one) for one in sorted(set(values))}


async def _records(deps: RuleDeps, projects: tuple[str, ...] | None) -> list[WorkspaceRecord]:
    """In the order of their names."""
    repository, found = deps.workspaces.repository, list[WorkspaceRecord]()
    if projects is not None:
        for project in projects:
            for name in await repository.of_project(project):
                stored = await repository.load(name)
                if stored is not None and stored.record.project == project:
                    found.append(stored.record)
        return sorted(found, key=lambda one: one.name)
    continuation: str | None = None
    while True:
        records, continuation = await repository.list(limit=_PAGE, continuation=continuation)
        found += records
        if continuation is None:
            return found


async def _spends(deps: RuleDeps, records: Sequence[WorkspaceRecord]) -> list[Spend | None]:
    found = await deps.objects.get_many(Spend, [spend_id(one.name) for one in records]) if records else ()
    return [
        one.value if one is not None and one.value.incarnation == record.incarnation else None
        for one, record in zip(found, records, strict=True)
    ]


def _view(records: Sequence[WorkspaceRecord], spends: Sequence[Spend | None], now: datetime) -> View:
    return _short(view_of(spends, [one.name for one in records], now))


def _short(view: View) -> View:
    more = len(view.unknown) - MOST_UNKNOWN
    if more <= 0:
        return view
    return view.model_copy(update={"unknown": (*view.unknown[:MOST_UNKNOWN], f"And {more} more.")})


async def _subscriptions(deps: RuleDeps) -> tuple[SubscriptionCosts, ...]:
    return tuple(
        SubscriptionCosts(
            subscription=one.id,
            as_of=one.as_of,
            through=one.through,
            currency=one.currency,
            total=one.total,
            others=one.others,
            forecast=one.forecast,
            forecast_reason=one.forecast_reason,
            why=one.why,
        )
        for one in sorted(await all_of(deps.objects, CostScope), key=lambda each: each.id)
    )


async def _ages(deps: RuleDeps, now: datetime) -> tuple[SweepAge, ...]:
    costs, live = await deps.objects.get(CostSweep, "costs"), await deps.objects.get(LiveSweep, "live")
    found = (("costs", costs.value if costs else None), ("live", live.value if live else None))
    return tuple(_age(name, one, now) for name, one in found)


def _age(name: str, one: CostSweep | LiveSweep | None, now: datetime) -> SweepAge:
    if one is None:
        return SweepAge(name=name, at=None, age_seconds=None, why="There was none yet.")
    seconds = max(0, int((now - one.slot).total_seconds()))
    return SweepAge(name=name, at=one.slot, age_seconds=seconds, scopes=one.scopes, why=one.why)
