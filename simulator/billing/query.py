"""Microsoft.CostManagement: what was spent, as it is asked for (API 2025-03-01).

Sources: API definition and its examples (shapes, columns by name, one row a group); Azure/azure-sdk-for-go#3765 (an
answer as it came: null location, sku and eTag; UsageDate a number); learn.microsoft.com/answers and
Azure/azure-rest-api-specs#12158 for sentences; the link is to be POSTed with the same body. That months come as
`BillingMonth` and tags as `TagKey`, `TagValue`: answers that people quote.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from simulator.billing import filters
from simulator.billing.currency import currency, rate
from simulator.billing.filters import Test, invalid
from simulator.billing.rows import Row, next_day, next_month, rows
from simulator.engine import words
from simulator.engine.declaration import Answer, JsonObject, Route, RouteContext

if TYPE_CHECKING:
    from simulator.engine.core import Engine

TYPES = ("Usage", "ActualCost", "AmortizedCost")
COSTS = ("Cost", "PreTaxCost", "CostUSD", "PreTaxCostUSD")
GRAINS = {"daily": next_day, "monthly": next_month, "none": next_month, "": next_month}
MOST_GROUPS, MOST_AGGREGATIONS, LONGEST_DAYS = 2, 2, 366
PAGE_KEY, PAGE = "cost_page_size", 5000


@dataclass(frozen=True)
class Query:
    """`span` in seconds since 1970; `grain` daily, monthly, none. Groups: (TagKey or Dimension, name)."""

    span: tuple[float, float]
    grain: str
    aggregations: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    wanted: Test

    @property
    def units(self) -> int:
        """Query processing units: the months that it is about."""
        begin, end = (datetime.fromtimestamp(one, UTC) for one in (self.span[0], self.span[1] - 1))
        return (end.year - begin.year) * 12 + end.month - begin.month + 1


def engine_of(context: RouteContext) -> Engine:
    return cast("Engine", context.engine)


def read(sent: JsonObject, now: datetime) -> Query:
    """Raises 400."""
    if str(sent.get("type")) not in TYPES:
        raise invalid(f"Invalid type: '{sent.get('type')}'; valid values: {','.join(TYPES)}.")
    dataset = sent.get("dataset") or sent.get("dataSet")
    if not isinstance(dataset, dict):
        raise invalid("Dataset is required.")
    grain = str(dataset.get("granularity") or "").lower()
    if grain not in GRAINS:
        raise invalid(f"Invalid dataset granularity: '{dataset.get('granularity')}'; valid values: 'Daily','Monthly'.")
    return Query(
        _span(sent, now), grain or "none", aggregations(dataset), _groups(dataset), filters.parse(dataset.get("filter"))
    )


def _span(sent: JsonObject, now: datetime) -> tuple[float, float]:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    match str(sent.get("timeframe")):
        case "MonthToDate" | "BillingMonthToDate":
            begin, end = first, next_day(now)
        case "TheLastMonth" | "TheLastBillingMonth":
            begin, end = _month_before(first), first
        case "Custom":
            begin, end = period(sent)
        case other:
            raise invalid(f"Invalid timeframe: '{other}'.")
    if (end - begin).days > LONGEST_DAYS:
        raise invalid("The time period for pulling the data cannot exceed 1 year(s).")
    return begin.timestamp(), end.timestamp()


def _month_before(first: datetime) -> datetime:
    return first.replace(year=first.year - 1, month=12) if first.month == 1 else first.replace(month=first.month - 1)


def period(sent: JsonObject) -> tuple[datetime, datetime]:
    """The days that a custom period names, the last one included."""
    given: JsonObject = sent.get("timePeriod") or {}
    try:
        begin, end = (datetime.fromisoformat(str(given[name])) for name in ("from", "to"))
    except (KeyError, ValueError) as error:
        raise invalid("A Custom timeframe needs a timePeriod with from and to.") from error
    begin, end = (one.astimezone(UTC) if one.tzinfo else one.replace(tzinfo=UTC) for one in (begin, end))
    if end < begin:
        raise invalid("The from date must not be after the to date.")
    return begin.replace(hour=0, minute=0, second=0, microsecond=0), next_day(end)


def aggregations(dataset: JsonObject) -> tuple[str, ...]:
    given = dataset.get("aggregation")
    if not isinstance(given, dict) or not given or len(given) > MOST_AGGREGATIONS:
        raise invalid(f"A dataset needs one or {MOST_AGGREGATIONS} aggregations.")
    found = []
    for one in given.values():
        name = str((one or {}).get("name"))
        if name not in (*COSTS, "UsageQuantity") or str((one or {}).get("function")).lower() != "sum":
            raise invalid(f"Invalid dataset aggregation: '{name}'; valid values: 'Cost','CostUSD','PreTaxCost'.")
        found.append(name)
    return tuple(found)


def _groups(dataset: JsonObject) -> tuple[tuple[str, str], ...]:
    given = dataset.get("grouping") or []
    if not isinstance(given, list) or len(given) > MOST_GROUPS:
        raise invalid(f"A query can have up to {MOST_GROUPS} group by clauses.")
    found = []
    for one in given:
        kind, name = str((one or {}).get("type")), str((one or {}).get("name"))
        if kind not in ("Dimension", "TagKey"):
            raise invalid(f"Invalid dataset grouping type: '{kind}'; valid values: 'TagKey','Dimension'.")
        found.append((kind, name if kind == "TagKey" else filters.dimension(name)))
    return tuple(found)


# -- the answer --------------------------------------------------------------------------------------------------------


def table(engine: Engine, scope: str, query: Query) -> tuple[list[JsonObject], list[list[Any]]]:
    """(columns, rows)."""
    sums: dict[tuple[Any, ...], list[float]] = {}
    unit, factor = currency(engine.store), rate(engine.store)
    factors = [1.0 if "USD" in one or one == "UsageQuantity" else factor for one in query.aggregations]
    # A resource's rows of one meter in a month differ by their days only.
    known: dict[tuple[str, int, int, int], tuple[Any, ...] | None] = {}
    for row in rows(engine, scope, query.span, GRAINS[query.grain]):
        about = row.resource, id(row.tags), id(row.price), row.when.month
        if about not in known:
            known[about] = _groups_of(row, query) if query.wanted(row) else None
        groups = known[about]
        if groups is not None:
            held = sums.setdefault((*_when(row.when, query.grain), *groups), [0.0] * len(query.aggregations))
            for number, one in enumerate(query.aggregations):
                held[number] += (row.quantity if one == "UsageQuantity" else row.cost) * factors[number]
    columns = [_column(name, "Number") for name in query.aggregations]
    columns += {"daily": [_column("UsageDate", "Number")], "monthly": [_column("BillingMonth", "Datetime")]}.get(
        query.grain, []
    )
    for kind, name in query.groups:
        columns += [_column("TagKey"), _column("TagValue")] if kind == "TagKey" else [_column(name)]
    columns.append(_column("Currency"))
    return columns, [[*held, *key, unit] for key, held in sorted(sums.items())]


def _column(name: str, kind: str = "String") -> JsonObject:
    return {"name": name, "type": kind}


@lru_cache(maxsize=8192)
def _when(day: datetime, grain: str) -> tuple[Any, ...]:
    if grain == "daily":
        return (int(day.strftime("%Y%m%d")),)
    return (day.strftime("%Y-%m-01T00:00:00"),) if grain == "monthly" else ()


def _groups_of(row: Row, query: Query) -> tuple[Any, ...]:
    found: list[Any] = []
    for kind, name in query.groups:
        found += [name.lower(), filters.tag(row, name)] if kind == "TagKey" else [filters.value(row, name)]
    return tuple(found)


def result(context: RouteContext, columns: list[JsonObject], data: list[list[Any]], link: str | None) -> JsonObject:
    scope = context.path.partition("/providers/")[0]
    name = engine_of(context).guid("cost-query", scope.lower(), str(engine_of(context).count("cost-queries")))
    return {
        "id": f"{scope.lstrip('/')}/providers/Microsoft.CostManagement/query/{name}", "name": name,
        "type": "Microsoft.CostManagement/query", "location": None, "sku": None, "eTag": None,
        "properties": {"nextLink": link, "columns": columns, "rows": data},
    }  # fmt: skip


def _query(context: RouteContext) -> Answer:
    engine, scope = engine_of(context), context.path.partition("/providers/")[0]
    require_group(engine, scope)
    query = read(context.request, engine.now())
    headers = engine.ledger.quota.take(scope, query.units)
    columns, data = table(engine, scope, query)
    start, size = _start(context), int(engine.store.kv.get(PAGE_KEY, PAGE))
    link = None
    if start + size < len(data):
        token = base64.b64encode((start + size).to_bytes(4, "little")).decode().replace("=", "%3D").replace("+", "%2B")
        link = f"{context.base}{context.path}?api-version={context.api_version}&$skiptoken={token}"
    return Answer(200, result(context, columns, data[start : start + size], link), headers)


def _start(context: RouteContext) -> int:
    token = next((value for name, value in context.query.items() if name.lower() == "$skiptoken"), "")
    try:
        return int.from_bytes(base64.b64decode(token, validate=True)[:4], "little")
    except binascii.Error as error:
        raise invalid("The skiptoken is not valid.") from error


def require_group(engine: Engine, scope: str) -> None:
    if scope.count("/") > 2 and engine.get(scope) is None:
        raise words.group_not_found(scope.rpartition("/")[2])


SCOPES = ("/subscriptions/{s}", "/subscriptions/{s}/resourceGroups/{g}")


def routes(name: str, run: Callable[[RouteContext], Answer]) -> tuple[Route, ...]:
    """POST at a subscription and a resource group. ARM asks for `read`, although it is a POST: Cost Management Reader,
    which has nothing else, may."""
    permission = f"Microsoft.CostManagement/{name}/read"
    return tuple(
        Route("POST", f"{scope}/providers/Microsoft.CostManagement/{name}", permission, run, scope) for scope in SCOPES
    )


ROUTES = routes("query", _query)
