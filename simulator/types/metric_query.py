"""A question about metrics, as the call for one resource and the batch call ask it, and its answer.

Sources: API definitions of Microsoft.Insights metrics 2018-01-01 and of metrics:getBatch 2023-10-01 (parameters,
shapes, filters, `top` of 10 where a filter splits); "Azure Monitor Metrics overview" (kept for 93 days). Average is
total by count of the samples of every time series that is not split. Words of refusals are assumed unless said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from simulator.engine.declaration import ArmError, EngineApi, JsonObject, Resource
from simulator.types.machinelearning.nodes import duration
from simulator.types.metric_table import Metric, Series

GAPS = "metric_gaps"
"""In a resource's private state: [from, to] of times without samples."""
AGGREGATIONS = ("Average", "Maximum", "Minimum", "Total", "Count")
GRAINS = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D")
MOST_POINTS, KEPT_DAYS, MINUTE, TOP = 11_000, 93, 60.0, 10


@dataclass(frozen=True)
class Question:
    """What a call asks: from and to in seconds since 1970, the grain in seconds. `wanted`: folded dimension → its
    values, None for all of them; what it names is split, unless it is rolled up."""

    start: float
    end: float
    grain: float
    interval: str
    metrics: tuple[str, ...]
    aggregations: tuple[str, ...]
    wanted: Mapping[str, frozenset[str] | None]
    rolled_up: frozenset[str]
    top: int
    order: str


def bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise bad(f"Invalid timestamp in the timespan: {text}") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def read(query: Mapping[str, str], now: datetime, default: str = "") -> Question:
    """A call's query, names folded, `starttime` and `endtime` in it. Raises 400."""
    interval = query.get("interval") or "PT1M"
    if interval not in GRAINS:
        raise bad(f"Invalid time grain duration: {interval}, supported ones are: {', '.join(GRAINS)}")
    names = query.get("metricnames", "") or default
    asked = tuple(one.strip().lower() for one in (query.get("aggregation") or "Average").split(","))
    if unknown := [one for one in asked if one not in {known.lower() for known in AGGREGATIONS}]:
        raise bad(f"Invalid aggregation type: {unknown[0]}")
    end = moment(query["endtime"]) if query.get("endtime") else now.timestamp()
    start = moment(query["starttime"]) if query.get("starttime") else end - 3600
    top = query.get("top") or str(TOP)
    if not top.isdigit() or not 0 < int(top) < 2**31:
        raise bad(f"Detected invalid TopN value {top}, should be Int value.")  # learn.microsoft.com/answers 6005145
    question = Question(
        start, end, duration(interval), interval, tuple(one.strip() for one in names.split(",") if one.strip()), asked,
        _filter(query.get("filter") or query.get("$filter") or ""),
        frozenset(one.strip().lower() for one in query.get("rollupby", "").split(",") if one.strip()),
        int(top), (query.get("orderby") or "").strip().lower(),
    )  # fmt: skip
    if end <= start or (end - start) / question.grain > MOST_POINTS:
        raise bad(f"The timespan {text(start)}/{text(end)} is not valid for the interval {interval}.")
    if end < (now - timedelta(days=KEPT_DAYS)).timestamp():
        # Azure/azure-rest-api-specs#23336
        raise bad(f"Query endTime: {text(end)} is out of the Max metrics retention period: {KEPT_DAYS}.00:00:00")
    return question


_CONDITION = re.compile(r"\s*(?P<name>[^']+?)\s+eq\s+'(?P<value>[^']*)'\s*", re.IGNORECASE)


def _filter(given: str) -> dict[str, frozenset[str] | None]:
    """`A eq 'a1' and B eq 'b1' or B eq 'b2' and C eq '*'`: `or` joins values of one dimension."""
    found: dict[str, frozenset[str] | None] = {}
    for part in re.split(r"\s+and\s+", given, flags=re.IGNORECASE) if given.strip() else ():
        conditions = [_CONDITION.fullmatch(one) for one in re.split(r"\s+or\s+", part, flags=re.IGNORECASE)]
        names = {match["name"].lower() for match in conditions if match is not None}
        if None in conditions or len(names) != 1 or names & set(found):
            raise bad(f"The filter is not valid: {given}")
        values = frozenset(match["value"].lower() for match in conditions if match is not None)
        found[names.pop()] = None if "*" in values else values
    return found


def answer(engine: EngineApi, resource: Resource, metric: Metric, question: Question) -> JsonObject:
    """One metric of one resource, as both calls print it."""
    known = {name.lower(): name for name in metric.dimensions}
    if strange := [name for name in (*question.wanted, *question.rolled_up) if name not in known]:
        raise bad(
            f"Metric: {metric.name} does not support requested dimension combination: {strange[0]}, supported ones "
            f"are: {','.join(metric.dimensions)}"
        )
    split = [known[name] for name in question.wanted if name not in question.rolled_up]
    groups: dict[tuple[str, ...], list[Series]] = {}
    for one in metric.series(engine, resource):
        if all(
            values is None or one.dimensions[known[name]].lower() in values for name, values in question.wanted.items()
        ):
            groups.setdefault(tuple(one.dimensions[name] for name in split), []).append(one)
    gaps = [(float(begin), float(end)) for begin, end in resource.private.get(GAPS) or ()]
    made = (_timeseries(split, key, some, question, gaps) for key, some in groups.items())
    shown = [one for one in made if one is not None]
    return {
        "id": f"{resource.id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.name},
        "displayDescription": f"{metric.name}.",
        "unit": metric.unit,
        "timeseries": _first(shown, question) if split else shown,
        "errorCode": "Success",
    }


def _first(shown: list[JsonObject], question: Question) -> list[JsonObject]:
    """The first `top` ones by the aggregation that was asked for; the largest first unless said otherwise."""
    word, _, way = question.order.partition(" ")
    field = {"sum": "total"}.get(word, word)

    def weight(one: JsonObject) -> float:
        return sum(float(point.get(field, _any_value(point))) for point in one["data"])

    return sorted(shown, key=weight, reverse=way.strip() != "asc")[: question.top]


def _any_value(point: JsonObject) -> float:
    return next((float(value) for name, value in point.items() if name != "timeStamp"), 0.0)


def _timeseries(
    names: list[str], key: tuple[str, ...], some: list[Series], question: Question, gaps: list[tuple[float, float]]
) -> JsonObject | None:
    """None without any sample."""
    data = _points(some, question, gaps)
    labels = [
        {"name": {"value": name.lower(), "localizedValue": name.lower()}, "value": value}
        for name, value in zip(names, key, strict=True)
    ]
    return {"metadatavalues": labels, "data": data} if data else None


def _points(some: list[Series], question: Question, gaps: list[tuple[float, float]]) -> list[JsonObject]:
    """Nothing without any sample. Where nothing changes, intervals of one length are worked out once."""
    intervals = _intervals(question.start, question.end, question.grain)
    still = not gaps and all(one.steady(intervals[0][0], intervals[-1][1]) for one in some)
    known: dict[float, JsonObject] = {}
    data, any_sample = [], False
    for begin, end, shown in intervals:
        values = known.get(end - begin)
        if values is None:
            lost = any(since <= begin and end <= until for since, until in gaps)
            samples = [] if lost else [value for one in some for value in one.samples(begin, end, MINUTE)]
            any_sample = any_sample or bool(samples)
            values = aggregated(samples, question.aggregations)
            if still:
                known[end - begin] = values
        data.append({"timeStamp": shown, **values})
    return data if any_sample else []


@lru_cache(maxsize=8)
def _intervals(start: float, end: float, grain: float) -> tuple[tuple[float, float, str], ...]:
    """(from, to, from as it is printed); at least one."""
    found, begin = [], start - start % grain
    while begin < end:
        found.append((begin, min(begin + grain, end), text(begin)))
        begin += grain
    return tuple(found)


def aggregated(samples: list[float], asked: tuple[str, ...]) -> JsonObject:
    if not samples:
        return {}
    total = float(sum(samples))
    found = {
        "average": total / len(samples), "maximum": float(max(samples)), "minimum": float(min(samples)),
        "total": total, "count": float(len(samples)),
    }  # fmt: skip
    return {name: found[name] for name in asked}


def text(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
