"""What was spent, as it was collected: of one workspace, and of all that a caller may read of. Nothing asks Azure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from controlplane.governance.costs.anomalies import too_little
from controlplane.governance.costs.billed import billed_in
from controlplane.governance.costs.model import Anomaly, CostScope, CostSweep, Live, LiveSweep, Spend, spend_id
from controlplane.governance.costs.view import View, view_of
from controlplane.governance.pricing.estimate import Estimate
from controlplane.governance.services.deps import RuleDeps, workspace
from controlplane.governance.storing import all_of
from controlplane.operations.model import Model
from controlplane.projects.access import Caller, Permission
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.services.costs import Money, declared
from controlplane.workspaces.services.deps import blueprint_of

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


@dataclass(frozen=True, slots=True)
class Spent:
    """``estimate``: of what the accepted spec declares, so that what was spent has something to be held against."""

    body: CostsBody
    estimate: Estimate
    billed_in: str | None


async def get_costs(deps: RuleDeps, caller: Caller, name: str) -> Spent:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``."""
    found = await workspace(deps, caller, Permission.COSTS_GET, name)
    money = Money(deps.workspaces.prices, await billed_in(deps.objects, str(found.record.spec["subscriptionId"])))
    estimate = await declared(blueprint_of(deps.workspaces, found.record), money)
    return Spent(await _costs(deps, name, found.record), estimate, money.billed_in)


async def _costs(deps: RuleDeps, name: str, record: WorkspaceRecord) -> CostsBody:
    stored = await deps.objects.get(Spend, spend_id(name))
    spend = None
    if stored is not None and stored.value.incarnation == record.incarnation:
        spend = stored.value
    return CostsBody(
        id=f"workspaces/{name}/costs",
        view=short(view_of([spend], [name], deps.clock.now())),
        through=spend.through if spend else None,
        days=spend.days if spend else {},
        months=spend.months if spend else {},
        causes=spend.causes if spend else {},
        forecast_reason=spend.forecast_reason if spend else None,
        live=spend.live if spend else None,
        anomalies=spend.anomalies if spend else (),
        anomalies_reason=too_little(spend),
    )


def short(view: View) -> View:
    more = len(view.unknown) - MOST_UNKNOWN
    if more <= 0:
        return view
    return view.model_copy(update={"unknown": (*view.unknown[:MOST_UNKNOWN], f"And {more} more.")})


async def subscriptions(deps: RuleDeps) -> tuple[SubscriptionCosts, ...]:
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


async def ages(deps: RuleDeps, now: datetime) -> tuple[SweepAge, ...]:
    costs, live = await deps.objects.get(CostSweep, "costs"), await deps.objects.get(LiveSweep, "live")
    found = (("costs", costs.value if costs else None), ("live", live.value if live else None))
    return tuple(_age(name, one, now) for name, one in found)


def _age(name: str, one: CostSweep | LiveSweep | None, now: datetime) -> SweepAge:
    if one is None:
        return SweepAge(name=name, at=None, age_seconds=None, why="There was none yet.")
    seconds = max(0, int((now - one.slot).total_seconds()))
    return SweepAge(name=name, at=one.slot, age_seconds=seconds, scopes=one.scopes, why=one.why)
