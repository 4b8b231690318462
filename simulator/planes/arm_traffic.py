"""Azure Resource Manager's own metrics of a subscription: who asked how often, and with which answer.

Source: learn.microsoft.com, "Monitor Azure Resource Manager" and "Supported metrics for microsoft.resources/
subscriptions" (`Traffic`, a count; dimensions; `region=global`; the id without a leading slash). `Latency` is not
measured here. What was answered before the process began is forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from simulator.engine.arm_traffic import ArmTraffic
from simulator.engine.declaration import Answer, EngineApi, Resource, Route, RouteContext
from simulator.types import metric_query
from simulator.types.metric_query import bad
from simulator.types.metric_table import Metric, Series

if TYPE_CHECKING:
    from simulator.engine.core import Engine

NAMESPACE = "microsoft.resources/subscriptions"
DIMENSIONS = ("Method", "StatusCode", "StatusCodeClass")


def _series_of(traffic: ArmTraffic, subscription: str) -> Iterator[Series]:
    found = tuple(traffic.answers.get(subscription, ()))
    for method, status in sorted({(method, status) for _, method, status in found}):
        mine = [when for when, *kind in found if kind == [method, status]]
        labels = {"Method": method, "StatusCode": str(status), "StatusCodeClass": f"{status // 100}xx"}

        def samples(begin: float, end: float, _: float, mine: list[float] = mine) -> list[float]:
            return [1.0 for when in mine if begin <= when < end]

        yield Series(labels, samples)


def _metrics(ctx: RouteContext) -> Answer:
    engine, subscription = cast("Engine", ctx.engine), ctx.params["s"].lower()
    query = {name.lower(): value for name, value in ctx.query.items()}
    if query.get("metricnamespace", "").lower() != NAMESPACE or query.get("region", "").lower() != "global":
        raise bad(f"Metrics of a subscription are of the namespace {NAMESPACE}, in the region global.")
    first, _, last = unquote(query.get("timespan", "")).partition("/")
    question = metric_query.read({"starttime": first, "endtime": last, **query}, engine.now())
    if [one.lower() for one in question.metrics] != ["traffic"]:
        raise bad(f"Failed to find metric configuration: {','.join(question.metrics)}, Valid metrics: Traffic")

    def series(_: EngineApi, __: Resource) -> Iterator[Series]:
        return _series_of(engine.arm_traffic, subscription)

    metric = Metric("Traffic", "Count", DIMENSIONS, series)
    owner = cast(Resource, SimpleNamespace(id=f"subscriptions/{subscription}", private={}))
    span = f"{metric_query.text(question.start)}/{metric_query.text(question.end)}"
    value = [metric_query.answer(engine, owner, metric, question)]
    told = {"cost": 0, "timespan": span, "interval": question.interval, "value": value}
    return Answer(200, {**told, "namespace": NAMESPACE, "resourceregion": "global"})


READ = "Microsoft.Insights/metrics/read"
ROUTES = (Route("GET", "/subscriptions/{s}/providers/Microsoft.Insights/metrics", READ, _metrics),)
