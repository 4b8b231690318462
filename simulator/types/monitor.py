"""What Azure Monitor answers about a resource: metrics, their definitions, categories of diagnostic settings.

Sources: learn.microsoft.com, "Supported metrics for Microsoft.MachineLearningServices/workspaces" (names, unit,
aggregations, dimensions, grain of a minute); the API definitions of Microsoft.Insights metrics 2018-01-01 and
diagnosticSettingsCategories 2021-05-01-preview (shapes); "Azure Monitor Metrics overview" (kept for 93 days).
A metric has points only where there was something to count: no nodes, no samples.
"""

from __future__ import annotations

from urllib.parse import unquote

from simulator.engine.declaration import Answer, JsonObject, ListContext, ResourceType, Scope
from simulator.types import metric_query
from simulator.types._shared import type_of
from simulator.types.diagnostic_categories import categories_of
from simulator.types.metric_query import AGGREGATIONS, GRAINS, bad
from simulator.types.metric_table import TABLE, metrics_of


def metrics(ctx: ListContext) -> Answer:
    query = {name.lower(): value for name, value in ctx.query.items()}
    first, _, last = unquote(query.get("timespan", "")).partition("/")  # the Azure CLI encodes it twice
    kind = type_of(ctx.scope)
    known, default = metrics_of(kind), next((one.name for one in TABLE.get(kind, ())), "")
    given = {"starttime": first, "endtime": last, **query}
    question = metric_query.read(given, ctx.engine.now(), default)
    check_names(kind, question.metrics)
    resource = ctx.engine.get(ctx.scope)
    found = [
        metric_query.answer(ctx.engine, resource, known[one.lower()], question) for one in question.metrics if resource
    ]
    span = f"{metric_query.text(question.start)}/{metric_query.text(question.end)}"
    body: JsonObject = {"cost": 0, "timespan": span, "interval": question.interval, "value": found}
    return Answer(200, {**body, "namespace": kind, "resourceregion": resource.location if resource else ""})


def check_names(kind: str, asked: tuple[str, ...]) -> None:
    known = metrics_of(kind)
    namespace, _, rest = kind.partition("/")
    for name in asked:
        if name.lower() not in known:
            raise bad(
                f"Failed to find metric configuration for provider: {namespace}, resource Type: {rest}, "
                f"metric: {name}, Valid metrics: {','.join(one.name for one in known.values())}"
            )


def definitions(ctx: ListContext) -> Answer:
    kind = type_of(ctx.scope)
    value = [
        {
            "id": f"{ctx.scope}/providers/microsoft.insights/metricdefinitions/{metric.name}", "resourceId": ctx.scope,
            "namespace": kind, "category": metric.category,
            "name": {"value": metric.name, "localizedValue": metric.name},
            "isDimensionRequired": False, "unit": metric.unit, "primaryAggregationType": "Average",
            "supportedAggregationTypes": list(AGGREGATIONS),
            "metricAvailabilities": [{"timeGrain": grain, "retention": "P93D"} for grain in GRAINS],
            "dimensions": [{"value": one, "localizedValue": one} for one in metric.dimensions],
        }
        for metric in TABLE.get(kind, ())
    ]  # fmt: skip
    return Answer(200, {"value": value})


def categories(ctx: ListContext) -> Answer:
    known = categories_of(ctx.scope)
    if known is None:
        raise bad(f"The resource type '{type_of(ctx.scope)}' does not support diagnostic settings.")
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
