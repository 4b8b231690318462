"""Microsoft.CostManagement/forecast, and what budgets hold to be the spend of their whole period.

Sources: API definition 2025-03-01 (columns, CostStatus, 204 without data); microsoft/azure-skills, "Forecast API
guardrails" (at least 28 days of history, `to` in the future, `CantForecastOnThePast`, no grouping). The forecast of a
day is the mean of the last 28 days that are shown whole, which is simplified: Azure trains a model.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.billing import filters
from simulator.billing.currency import currency, rate
from simulator.billing.filters import Test, bad, invalid
from simulator.billing.prices import DAY
from simulator.billing.query import (
    TYPES,
    aggregations,
    engine_of,
    period,
    require_group,
    result,
    routes,
)
from simulator.billing.rows import LATEST, next_day
from simulator.billing.rows import rows as rows_of
from simulator.engine.declaration import Answer, JsonObject, RouteContext

if TYPE_CHECKING:
    from simulator.engine.core import Engine

HISTORY_DAYS = 28


def by_day(engine: Engine, scope: str, wanted: Test, span: tuple[float, float]) -> dict[datetime, float]:
    found: dict[datetime, float] = {}
    for row in rows_of(engine, scope, span):
        if wanted(row):
            found[row.when] = found.get(row.when, 0.0) + row.cost
    return found


def whole_until(engine: Engine) -> datetime:
    """The first day that is not shown whole."""
    day = datetime.fromtimestamp(engine.time() - LATEST, UTC)
    return day.replace(hour=0, minute=0, second=0, microsecond=0)


def daily(engine: Engine, scope: str, wanted: Test) -> float | None:
    """What a day costs; None with too little history."""
    end = whole_until(engine)
    begin = end - timedelta(days=HISTORY_DAYS)
    history = by_day(engine, scope, wanted, ((begin - timedelta(days=1)).timestamp(), end.timestamp()))
    if not history or min(history) > begin:
        return None
    return sum(cost for day, cost in history.items() if day >= begin) / HISTORY_DAYS


def of_period(engine: Engine, scope: str, wanted: Test, span: tuple[float, float]) -> float | None:
    """Actual cost of the days that are shown whole, and the mean for the others; None with too little history."""
    mean = daily(engine, scope, wanted)
    if mean is None:
        return None
    whole = min(max(whole_until(engine).timestamp(), span[0]), span[1])
    actual = sum(by_day(engine, scope, wanted, (span[0], whole)).values())
    return actual + mean * (span[1] - whole) / DAY


def _forecast(context: RouteContext) -> Answer:
    engine, scope, sent = engine_of(context), context.path.partition("/providers/")[0], context.request
    require_group(engine, scope)
    dataset = sent.get("dataset")
    if str(sent.get("type")) not in TYPES or not isinstance(dataset, dict):
        raise invalid("A forecast needs a type and a dataset.")
    if dataset.get("grouping"):
        raise invalid("Grouping is not supported by forecasts.")
    names, wanted, (begin, end) = aggregations(dataset), filters.parse(dataset.get("filter")), period(sent)
    if end <= engine.now():
        raise bad("CantForecastOnThePast: the to date of a forecast must be in the future.")
    if sent.get("includeFreshPartialCost") and not sent.get("includeActualCost"):
        raise bad("DontContainIncludeActualCostWhileIncludeFreshPartialCost: includeActualCost is needed as well.")
    headers = engine.ledger.quota.take(scope, 1)
    mean = daily(engine, scope, wanted)
    if mean is None:
        return Answer(204, None, headers)
    data = _actual(engine, scope, wanted, (begin, end), sent) if sent.get("includeActualCost") else []
    day = max(begin, whole_until(engine))
    monthly = str(dataset.get("granularity")).lower() == "monthly"
    while day < end:
        data.append([mean, day, "Forecast"])
        day = next_day(day)
    columns = [{"name": name, "type": "Number"} for name in names]
    columns += [{"name": "BillingMonth", "type": "Datetime"} if monthly else {"name": "UsageDate", "type": "Number"}]
    columns += [{"name": "CostStatus", "type": "String"}, {"name": "Currency", "type": "String"}]
    factors = [1.0 if "USD" in one else rate(engine.store) for one in names]
    rows = [[*row, currency(engine.store)] for row in _summed(data, factors, monthly=monthly)]
    return Answer(200, result(context, columns, rows, None), headers)


def _actual(
    engine: Engine, scope: str, wanted: Test, span: tuple[datetime, datetime], sent: JsonObject
) -> list[list[Any]]:
    """Days that are shown whole; the later ones, as far as they are shown, when that was asked for."""
    until = span[1] if sent.get("includeFreshPartialCost") else min(span[1], whole_until(engine))
    held = by_day(engine, scope, wanted, (span[0].timestamp(), max(span[0], until).timestamp()))
    return [[cost, day, "Actual"] for day, cost in sorted(held.items())]


def _summed(data: list[list[Any]], factors: list[float], *, monthly: bool) -> list[list[Any]]:
    sums: dict[tuple[Any, str], float] = {}
    for cost, day, status in data:
        key = (day.strftime("%Y-%m-01T00:00:00") if monthly else int(day.strftime("%Y%m%d")), status)
        sums[key] = sums.get(key, 0.0) + cost
    return [[*(cost * factor for factor in factors), *key] for key, cost in sums.items()]


ROUTES = routes("forecast", _forecast)
