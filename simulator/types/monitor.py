"""What Azure Monitor answers about a resource: metrics, their definitions, categories of diagnostic settings.

Sources: learn.microsoft.com, "Supported metrics for Microsoft.MachineLearningServices/workspaces" (names, unit,
aggregations, dimensions, grain of a minute); the API definitions of Microsoft.Insights metrics 2018-01-01 and
diagnosticSettingsCategories 2021-05-01-preview (shapes); "Azure Monitor Metrics overview" (kept for 93 days).
A metric has points only where there was something to count: no nodes, no samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from simulator.engine.declaration import Answer, ArmError, JsonObject, ListContext, ResourceType, Scope
from simulator.types._shared import type_of
from simulator.types.diagnostic_categories import categories_of
from simulator.types.machinelearning.nodes import HISTORY, SAMPLED, duration

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
AGGREGATIONS = ("Average", "Maximum", "Minimum", "Total", "Count")
GRAINS = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D")
MOST_POINTS = 11_000
#: Metric -> column of a cluster's history.
NODES = {"Total Nodes": 0, **{f"{word} Nodes": number + 1 for number, word in enumerate(("Active", "Idle", "Leaving"))}}
assert SAMPLED == ("running", "idle", "leaving")


@dataclass(frozen=True)
class Question:
    """What a call asks: from and to in seconds since 1970, the grain in seconds."""

    start: float
    end: float
    grain: float
    interval: str
    metrics: tuple[str, ...]
    aggregations: tuple[str, ...]
    cluster: str | None


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise _bad(f"Invalid timestamp in the timespan: {text}") from error
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _question(ctx: ListContext) -> Question:
    query = {name.lower(): value for name, value in ctx.query.items()}
    now = ctx.engine.now()
    span = query.get("timespan") or f"{(now - timedelta(hours=1)).isoformat()}/{now.isoformat()}"
    first, _, last = unquote(span).partition("/")  # the Azure CLI encodes it twice
    interval = query.get("interval") or "PT1M"
    if interval not in GRAINS:
        raise _bad(f"Invalid time grain duration: {interval}, supported ones are: {', '.join(GRAINS)}")
    names = tuple(one.strip() for one in query.get("metricnames", "").split(",") if one.strip())
    asked = tuple(one.strip().lower() for one in query.get("aggregation", "Average").split(","))
    if unknown := [one for one in asked if one not in {known.lower() for known in AGGREGATIONS}]:
        raise _bad(f"Invalid aggregation type: {unknown[0]}")
    question = Question(
        _moment(first), _moment(last), duration(interval), interval, names or tuple(NODES)[:1], asked,
        _cluster(query.get("$filter", "")),
    )  # fmt: skip
    if question.end <= question.start or (question.end - question.start) / question.grain > MOST_POINTS:
        raise _bad(f"The timespan {span} is not valid for the interval {interval}.")
    return question


def _cluster(text: str) -> str | None:
    """`ClusterName eq 'cpu'`; `*` asks for all of them."""
    if not text:
        return None
    match = re.fullmatch(r"\s*ClusterName\s+eq\s+'([^']*)'\s*", text, re.IGNORECASE)
    if match is None:
        raise _bad(f"The filter is not supported here: {text}")
    return None if match[1] == "*" else match[1]


def metrics(ctx: ListContext) -> Answer:
    question = _question(ctx)
    known = NODES if type_of(ctx.scope) == WORKSPACE.lower() else {}
    namespace, _, kind = type_of(ctx.scope).partition("/")
    folded = {name.lower(): name for name in known}
    for asked in question.metrics:
        if asked.lower() not in folded:
            raise _bad(
                f"Failed to find metric configuration for provider: {namespace}, resource Type: {kind}, "
                f"metric: {asked}, Valid metrics: {','.join(known)}"
            )
    value = [_metric(ctx, question, folded[asked.lower()]) for asked in question.metrics]
    resource = ctx.engine.get(ctx.scope)
    span = f"{_text(question.start)}/{_text(question.end)}"
    body: JsonObject = {"cost": 0, "timespan": span, "interval": question.interval, "value": value}
    return Answer(200, {**body, "namespace": WORKSPACE, "resourceregion": resource.location if resource else ""})


def _metric(ctx: ListContext, question: Question, name: str) -> JsonObject:
    histories = [
        compute.private.get(HISTORY, [])
        for compute in ctx.engine.children(ctx.scope, f"{WORKSPACE}/computes")
        if question.cluster is None or compute.name.lower() == question.cluster.lower()
    ]
    data, any_sample = [], False
    begin = question.start - question.start % question.grain
    while begin < question.end:
        samples = [one for history in histories for one in _samples(history, NODES[name], begin, question)]
        any_sample = any_sample or bool(samples)
        data.append({"timeStamp": _text(begin), **_aggregated(samples, question.aggregations)})
        begin += question.grain
    return {
        "id": f"{ctx.scope}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": f"Number of {name.lower()}.",
        "unit": "Count",
        "timeseries": [{"metadatavalues": [], "data": data}] if any_sample else [],
        "errorCode": "Success",
    }


def _samples(history: Iterable[list[float]], column: int, begin: float, question: Question) -> list[float]:
    """What was there when the interval began and every change in it; nothing for a cluster that had no node then."""
    end = min(begin + question.grain, question.end)
    standing = [row for row in history if row[0] < begin][-1:]
    rows = [*standing, *(row for row in history if begin <= row[0] < end)]
    return [row[1 + column] for row in rows] if any(row[1] for row in rows) else []


def _aggregated(samples: list[float], asked: tuple[str, ...]) -> JsonObject:
    if not samples:
        return {}
    total = float(sum(samples))
    found = {
        "average": total / len(samples), "maximum": float(max(samples)), "minimum": float(min(samples)),
        "total": total, "count": float(len(samples)),
    }  # fmt: skip
    return {name: found[name] for name in asked}


def _text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def definitions(ctx: ListContext) -> Answer:
    names = NODES if type_of(ctx.scope) == WORKSPACE.lower() else {}
    value = [
        {
            "id": f"{ctx.scope}/providers/microsoft.insights/metricdefinitions/{name}", "resourceId": ctx.scope,
            "namespace": WORKSPACE, "category": "Quota", "name": {"value": name, "localizedValue": name},
            "isDimensionRequired": False, "unit": "Count", "primaryAggregationType": "Average",
            "supportedAggregationTypes": list(AGGREGATIONS),
            "metricAvailabilities": [{"timeGrain": grain, "retention": "P93D"} for grain in GRAINS],
            "dimensions": [{"value": one, "localizedValue": one} for one in ("Scenario", "ClusterName")],
        }
        for name in names
    ]  # fmt: skip
    return Answer(200, {"value": value})


def categories(ctx: ListContext) -> Answer:
    known = categories_of(type_of(ctx.scope))
    if known is None:
        raise _bad(f"The resource type '{type_of(ctx.scope)}' does not support diagnostic settings.")
    rows = [(name, "Logs", list(known.groups)) for name in known.logs] + [(one, "Metrics", []) for one in known.metrics]
    value = [
        {
            "id": f"{ctx.scope}/providers/microsoft.insights/diagnosticSettingsCategories/{name}",
            "type": "microsoft.insights/diagnosticSettingsCategories", "name": name,
            "properties": {"categoryType": kind, "categoryGroups": groups},
        }
        for name, kind, groups in rows
    ]  # fmt: skip
    return Answer(200, {"value": value})


def _asked(name: str, answer: object) -> ResourceType:
    assert callable(answer)
    return ResourceType(
        name=f"Microsoft.Insights/{name}",
        scope=Scope.EXTENSION,
        methods=frozenset({"LIST"}),
        location="none",
        tags=False,
        provisioning_state=False,
        collection=answer,
    )


TYPES: tuple[ResourceType, ...] = (
    _asked("metrics", metrics),
    _asked("metricDefinitions", definitions),
    _asked("diagnosticSettingsCategories", categories),
)
