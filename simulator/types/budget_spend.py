"""What a budget has seen spent, and whom it tells: evaluated once a day of Azure's time against the costs that are
shown by then, whatever the time scale.

Sources: learn.microsoft.com, "Tutorial: Create and manage budgets" (evaluated every 24 hours; resources are not
affected; a threshold notifies once a period); "Sample alert payloads", CostAlerts (`AlertData`, amounts as texts, there
is no Resolved). E-mails and roles are not told: nobody here has a mailbox.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator.billing import filters, forecast, rows
from simulator.billing.currency import currency, money, rate
from simulator.billing.prices import DAY
from simulator.engine.declaration import HookContext, JsonObject, Resource
from simulator.planes.engine_of import engine_of
from simulator.types import cost_alerts
from simulator.types._shared import scope_of_extension

if TYPE_CHECKING:
    from simulator.engine.core import Engine

EVALUATED, FIRED = "budget-is-evaluated", "fired"
#: Time grain → months.
GRAINS = {
    "Monthly": 1, "Quarterly": 3, "Annually": 12, "BillingMonth": 1, "BillingQuarter": 3, "BillingAnnual": 12,
}  # fmt: skip
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThan": lambda spent, limit: spent > limit,
    "GreaterThanOrEqualTo": lambda spent, limit: spent >= limit,
    "EqualTo": lambda spent, limit: round(spent, 2) == round(limit, 2),
}


def period(grain: str, start: datetime, now: datetime) -> tuple[datetime, datetime]:
    """The period of a budget that `now` lies in; periods begin with the budget, or with the calendar's."""
    months, count = GRAINS[grain], now.year * 12 + now.month - 1
    first = start.year * 12 + start.month - 1 if months == 12 else 0
    begin = count - (count - first) % months
    return _month(begin), _month(begin + months)


def _month(count: int) -> datetime:
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def begin(ctx: HookContext) -> None:
    """From its creation on, and anew from each change: what fired in this period does not fire again."""
    engine, budget = engine_of(ctx), ctx.resource
    budget.body.pop("eTag", None)
    budget.private.setdefault("creator", ctx.caller.name)
    budget.private["mark"] = engine.count(f"budget:{budget.key}")
    _look(engine, budget)
    _again(engine, budget)


def evaluate(ctx: HookContext) -> None:
    engine, budget = engine_of(ctx), ctx.resource
    if ctx.data.get("mark") == budget.private.get("mark"):
        _look(engine, budget)
        _notify(engine, budget)
        _again(engine, budget)


def _again(engine: Engine, budget: Resource) -> None:
    engine.schedule(DAY * engine.scale, EVALUATED, budget.id, {"mark": budget.private["mark"]})


def _look(engine: Engine, budget: Resource) -> None:
    """currentSpend and forecastSpend; no forecast where there is too little history."""
    properties, scope = budget.properties, scope_of_extension(budget.id)
    start = datetime.fromisoformat(str(properties["timePeriod"]["startDate"])).astimezone(UTC)
    span = tuple(one.timestamp() for one in period(str(properties["timeGrain"]), start, engine.now()))
    wanted = filters.parse(properties.get("filter"))
    bounds = (span[0], span[1])
    spent = sum(row.cost for row in rows.rows(engine, scope, bounds, rows.next_month) if wanted(row))
    name, factor = currency(engine.store), rate(engine.store)
    properties["currentSpend"] = {"amount": round(spent * factor, 2), "unit": name}
    total = forecast.of_period(engine, scope, wanted, bounds)
    properties.pop("forecastSpend", None)
    if total is not None:
        properties["forecastSpend"] = {"amount": round(total * factor, 2), "unit": name}


def _notify(engine: Engine, budget: Resource) -> None:
    properties = budget.properties
    now, grain = engine.now(), str(properties["timeGrain"])
    start, end = (datetime.fromisoformat(str(properties["timePeriod"][one])) for one in ("startDate", "endDate"))
    if not start <= now < end:
        return
    current = period(grain, start.astimezone(UTC), now)[0].date().isoformat()
    fired = {name: when for name, when in (budget.private.get(FIRED) or {}).items() if when == current}
    for name, one in (properties.get("notifications") or {}).items():
        kind = str(one.get("thresholdType") or "Actual")
        held = properties.get("currentSpend" if kind == "Actual" else "forecastSpend")
        limit = float(properties["amount"]) * float(one["threshold"]) / 100
        # Another threshold under the same name is another one.
        key = f"{name}/{kind}/{limit:.2f}"
        if not one["enabled"] or held is None or key in fired:
            continue
        if _COMPARE[str(one["operator"])](float(held["amount"]), limit):
            fired[key] = current
            groups = tuple(str(group) for group in one.get("contactGroups") or ())
            number = engine.guid("cost-alert", budget.key, str(engine.count("cost-alerts")))
            alert = cost_alerts.keep(engine, budget, name, datetime.fromisoformat(current), number)
            engine.outbox.notices.append((budget.id, groups, _payload(engine, budget, (kind, limit, alert))))
    budget.private[FIRED] = fired


def _payload(engine: Engine, budget: Resource, what: tuple[str, float, str]) -> JsonObject:
    """`what`: actual or forecasted, the amount that was reached, the alert's id."""
    properties, scope, (kind, limit, alert) = budget.properties, scope_of_extension(budget.id), what
    unit = str(properties["currentSpend"]["unit"])

    def written(amount: float | None) -> str:
        return money(amount, unit)

    spent, total = properties["currentSpend"]["amount"], (properties.get("forecastSpend") or {}).get("amount")
    exceeds = f"exceeding your specified threshold {written(limit)}."
    told = f"Your spend for budget {budget.name} is now {written(spent)} {exceeds}"
    if kind == "Forecasted":
        told = f"The total spend for budget {budget.name} is forecasted to reach {written(total)}."
    data: JsonObject = {
        "Scope": f"{scope}/", "ThresholdType": kind, "BudgetType": "Cost",
        "BudgetThreshold": written(properties["amount"]), "NotificationThresholdAmount": written(limit),
        "BudgetName": budget.name, "BudgetId": budget.id,
        "BudgetStartDate": str(properties["timePeriod"]["startDate"])[:10],
        "BudgetCreator": str(budget.private.get("creator", "")), "Unit": unit, "SpentAmount": written(spent),
    }  # fmt: skip
    if kind == "Forecasted":
        data["ForecastedTotalForPeriod"] = written(total)
    essentials = {
        "monitoringService": "CostAlerts", "firedDateTime": engine.now().isoformat(timespec="milliseconds")[:23] + "Z",
        "description": told, "essentialsVersion": "1.0", "alertContextVersion": "1.0",
        "alertId": alert,
        "alertRule": None, "severity": None, "signalType": None, "monitorCondition": "Fired", "alertTargetIDs": None,
        "configurationItems": ["budgets"], "originAlertId": None,
    }  # fmt: skip
    context = {"AlertCategory": "budgets", "AlertData": data}
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {"essentials": essentials, "alertContext": context},
    }
