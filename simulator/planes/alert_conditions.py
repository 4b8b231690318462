"""Whether the condition of an alert rule holds now: of metrics, static and dynamic, and of log queries.

Windows and the minute between two samples are divided by the time scale, as every period is. Sources:
learn.microsoft.com, "Types of Azure Monitor alerts" and "Dynamic thresholds". Simplified: a dynamic threshold is the
mean of earlier windows and a multiple of their deviation; a window without samples does not meet a condition.
"""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine.core import Engine
from simulator.engine.hooks import ArmError, JsonObject, Resource
from simulator.planes import log_queries
from simulator.planes.log_tables import Span, named_in
from simulator.types._shared import items, type_of
from simulator.types.alert_rules import DYNAMIC, target_type
from simulator.types.machinelearning.nodes import duration
from simulator.types.metric_query import aggregated
from simulator.types.metric_table import Metric, Series, metrics_of

if TYPE_CHECKING:
    from simulator.planes.world import World

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThan": operator.gt, "GreaterThanOrEqual": operator.ge, "LessThan": operator.lt,
    "LessThanOrEqual": operator.le, "Equals": operator.eq, "Equal": operator.eq,
}  # fmt: skip
#: Deviations from the mean that are still usual, and how many earlier windows tell what that is.
BAND = {"High": 1.5, "Medium": 2.5, "Low": 4.0}
EARLIER, LEAST_EARLIER, SMALLEST_BAND = 20, 5, 0.05


@dataclass(frozen=True)
class Measured:
    """What was found for one resource and one combination of dimensions. `parts`: a value and a threshold for each
    criterion, as the payload prints them."""

    target: str
    met: bool
    parts: tuple[JsonObject, ...]
    dimensions: tuple[tuple[str, str], ...] = field(default=())

    @property
    def key(self) -> str:
        return "|".join((self.target.lower(), *(f"{name}={value}" for name, value in self.dimensions)))


# -- metrics -----------------------------------------------------------------------------------------------------------


def of_metrics(engine: Engine, rule: Resource, now: float) -> list[Measured]:
    found = []
    for resource in _targets(engine, rule):
        criteria = items(rule.properties, "criteria.allOf")
        if len(criteria) == 1:
            found += _split(engine, rule, resource, criteria[0], now)
            continue
        parts = [_part(_matching(engine, resource, one), one, (), _span(engine, rule, now)) for one in criteria]
        met = all(part is not None and part["met"] for part in parts)
        found.append(Measured(resource.id, met, tuple(part for part in parts if part is not None)))
    return found


def _targets(engine: Engine, rule: Resource) -> list[Resource]:
    kind, found = target_type(rule.properties), []
    for scope in rule.properties.get("scopes") or ():
        if type_of(str(scope)):
            one = engine.get(str(scope))
            found += [one] if one is not None else []
        else:
            region = str(rule.properties.get("targetResourceRegion") or "").lower()
            some = engine.all_of(kind, str(scope))
            found += [one for one in some if not region or engine.location_near(one.id).lower() == region]
    return found


def _span(engine: Engine, rule: Resource, now: float) -> tuple[float, float, float]:
    """(from, to, how often it is measured) of the window that ends now."""
    length = duration(str(rule.properties["windowSize"])) / engine.scale
    return now - length, now, 60.0 / engine.scale


def _metric(resource: Resource, criterion: JsonObject) -> Metric | None:
    return metrics_of(resource.type).get(str(criterion.get("metricName")).lower())


def _matching(engine: Engine, resource: Resource, criterion: JsonObject) -> list[Series]:
    metric = _metric(resource, criterion)
    return [one for one in metric.series(engine, resource) if _wanted(one, criterion)] if metric else []


def _wanted(series: Series, criterion: JsonObject) -> bool:
    held = {name.lower(): value.lower() for name, value in series.dimensions.items()}
    for one in items(criterion, "dimensions"):
        values = {str(value).lower() for value in one["values"]}
        inside = "*" in values or held.get(str(one["name"]).lower(), "") in values
        if inside != (one.get("operator") == "Include"):
            return False
    return True


def _split(engine: Engine, rule: Resource, resource: Resource, criterion: JsonObject, now: float) -> list[Measured]:
    """Each combination of the dimensions that the criterion names is watched for itself."""
    metric = _metric(resource, criterion)
    folded = {name.lower(): name for name in (metric.dimensions if metric else ())}
    names = [folded[str(one["name"]).lower()] for one in items(criterion, "dimensions")]
    groups: dict[tuple[tuple[str, str], ...], list[Series]] = {}
    for series in _matching(engine, resource, criterion):
        groups.setdefault(tuple((name, series.dimensions[name]) for name in names), []).append(series)
    found = []
    for dimensions, some in groups.items():
        part = _part(some, criterion, dimensions, _span(engine, rule, now))
        if part is not None:
            found.append(Measured(resource.id, bool(part["met"]), (part,), dimensions))
    return found


def _part(
    some: list[Series], criterion: JsonObject, dimensions: tuple[tuple[str, str], ...], span: tuple[float, float, float]
) -> JsonObject | None:
    """A criterion's value and whether it is met; None without a sample."""
    value = _value(some, criterion, *span)
    if value is None:
        return None
    low, high = _thresholds(some, criterion, span)
    name = str(criterion["operator"])
    if criterion.get("criterionType") != DYNAMIC:
        met, limit = COMPARE[name](value, high), high
    else:
        above, below = value > high and name != "LessThan", value < low and name != "GreaterThan"
        met, limit = above or below, low if below else high
    return {
        "criterion": criterion, "met": met, "value": value, "threshold": limit,
        "dimensions": [{"name": one, "value": found} for one, found in dimensions],
    }  # fmt: skip


def _value(some: list[Series], criterion: JsonObject, begin: float, end: float, step: float) -> float | None:
    samples = [value for one in some for value in one.samples(begin, end, step)]
    name = str(criterion["timeAggregation"]).lower()
    found = aggregated(samples, (name,))
    return float(found[name]) if found else None


def _thresholds(some: list[Series], criterion: JsonObject, span: tuple[float, float, float]) -> tuple[float, float]:
    """(low, high); of a static criterion both are the same."""
    if criterion.get("criterionType") != DYNAMIC:
        return float(criterion["threshold"]), float(criterion["threshold"])
    begin, end, step = span
    length = end - begin
    earlier = [_value(some, criterion, begin - n * length, end - n * length, step) for n in range(1, EARLIER + 1)]
    known = [value for value in earlier if value is not None]
    if len(known) < LEAST_EARLIER:
        return float("-inf"), float("inf")
    mean = statistics.fmean(known)
    band = BAND[str(criterion["alertSensitivity"])] * max(statistics.pstdev(known), SMALLEST_BAND * abs(mean))
    return mean - band, mean + band


# -- logs --------------------------------------------------------------------------------------------------------------


def of_logs(world: World, rule: Resource, now: float) -> list[Measured]:
    """Rows of the window, by the dimensions that are named; counted, or a column of theirs aggregated. A query that
    fails finds nothing, as in Azure, where the rule's health says so."""
    engine = world.engine
    scope = str((rule.properties.get("scopes") or [""])[0])
    (criterion,) = items(rule.properties, "criteria.allOf")
    query, tables = str(criterion["query"]), named_in(str(criterion["query"]))
    workspace = engine.get(scope)
    is_workspace = workspace is not None and type_of(scope) == "microsoft.operationalinsights/workspaces"
    workspace_id, about = (scope.lower(), None) if is_workspace else (None, scope.lower())
    length = duration(str(rule.properties["windowSize"])) / engine.scale
    try:
        made = world.logs.connection(workspace_id, about, tables, Span(now - length, now))
    except ArmError:
        return []
    try:
        (table,) = log_queries.run(made, query, tables, engine.now())["tables"]
    except ArmError:
        return []
    finally:
        made.close()
    columns = [one["name"] for one in table["columns"]]
    rows = [dict(zip(columns, row, strict=True)) for row in table["rows"]]
    return [_of_rows(scope, criterion, dimensions, some) for dimensions, some in _grouped(criterion, rows)]


def _grouped(
    criterion: JsonObject, rows: list[JsonObject]
) -> list[tuple[tuple[tuple[str, str], ...], list[JsonObject]]]:
    wanted = items(criterion, "dimensions")
    groups: dict[tuple[tuple[str, str], ...], list[JsonObject]] = {} if wanted else {(): []}
    for row in rows:
        key = tuple((str(one["name"]), str(row.get(str(one["name"])))) for one in wanted)
        held = [
            ("*" in one["values"] or value in one["values"]) == (one.get("operator", "Include") == "Include")
            for one, (_, value) in zip(wanted, key, strict=True)
        ]
        if all(held):
            groups.setdefault(key, []).append(row)
    return list(groups.items())


def _of_rows(
    scope: str, criterion: JsonObject, dimensions: tuple[tuple[str, str], ...], rows: list[JsonObject]
) -> Measured:
    column, name = criterion.get("metricMeasureColumn"), str(criterion["timeAggregation"]).lower()
    if column:
        found = aggregated([float(row[column]) for row in rows if row.get(column) is not None], (name,))
        value = float(found[name]) if found else None
    else:
        value = float(len(rows))
    met = value is not None and COMPARE[str(criterion["operator"])](value, float(criterion["threshold"]))
    part = {
        "criterion": criterion, "met": met, "value": value, "threshold": float(criterion["threshold"]),
        "dimensions": [{"name": one, "value": given} for one, given in dimensions],
    }  # fmt: skip
    return Measured(scope, met, (part,), dimensions)
