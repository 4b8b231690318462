"""Azure Monitor's metrics data plane: `POST /metrics/{region}/subscriptions/{s}/metrics:getBatch`.

In Azure each region has a host, `https://{region}.metrics.monitor.azure.com`; here it is a path, so that a client which
asks the wrong region is refused. Sources: API definition of metrics:getBatch 2023-10-01 and 2024-02-01; "How to migrate
from the metrics API to the getBatch API" (50 unique ids, one subscription, one region, one type); README of
azure-monitor-querymetrics (audience; Monitoring Reader on the subscription); "Azure Monitor service limits" (360,000
calls an hour and subscription). Words of refusals are assumed: Microsoft publishes none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.engine import words
from simulator.engine.hooks import ArmError, JsonObject, Resource
from simulator.engine.messages import Request, Response, error_response
from simulator.types import metric_query, monitor
from simulator.types._shared import subscription_of, type_of
from simulator.types.metric_query import bad
from simulator.types.metric_table import metrics_of

if TYPE_CHECKING:
    from simulator.planes.world import World

AUDIENCE = "https://metrics.monitor.azure.com"
PATH = re.compile(r"/metrics/(?P<region>[^/]+)/subscriptions/(?P<s>[^/]+)/metrics:getBatch", re.IGNORECASE)
VERSIONS = ("2023-10-01", "2024-02-01")
MOST = 50
READ = "Microsoft.Insights/metrics/read"


def handle(world: World, request: Request) -> Response | None:
    """None for what is no call of this plane."""
    match = PATH.fullmatch(request.path)
    if match is None:
        return None
    try:
        request.caller = world.tokens.caller(request.headers.get("authorization", ""), (AUDIENCE,))
        return _batch(world, request, match["region"].lower(), match["s"])
    except ArmError as error:
        return error_response(error)


def _batch(world: World, request: Request, region: str, subscription: str) -> Response:
    if request.method != "POST":
        raise words.method_not_allowed(request.method, "metrics:getBatch")
    if request.api_version not in VERSIONS:
        raise bad(f"The api-version '{request.api_version}' is not supported, supported ones: {', '.join(VERSIONS)}")
    caller, scope = request.caller, f"/subscriptions/{subscription}"
    world.limits.metrics(subscription.lower())
    if not world.engine.may(caller, READ, scope):
        raise words.authorization_failed(caller.name, caller.object_id, READ, scope)
    query = {name.lower(): value for name, value in request.query.items()}
    kind = query.get("metricnamespace", "").lower()
    if not kind or not query.get("metricnames"):
        raise bad("The query parameters metricnamespace and metricnames are required.")
    ids = _ids(request, subscription, kind)
    question = metric_query.read(query, world.engine.now())
    monitor.check_names(kind, question.metrics)
    known = metrics_of(kind)
    values: list[JsonObject] = []
    span = {"starttime": metric_query.text(question.start), "endtime": metric_query.text(question.end)}
    shown: JsonObject = {**span, "interval": question.interval, "namespace": kind, "resourceregion": region}
    for arm_id in ids:
        resource = world.engine.get(arm_id)
        if resource is None:  # it has no region, and no time series
            values.append({**shown, "resourceid": arm_id, "value": []})
            continue
        _check_region(resource, world, region)
        found = [
            metric_query.answer(world.engine, resource, known[name.lower()], question) for name in question.metrics
        ]
        values.append({**shown, "resourceid": arm_id, "value": found})
    return Response(200, {"values": values})


def _ids(request: Request, subscription: str, kind: str) -> list[str]:
    """Of one subscription and type, each once, at most 50."""
    body: JsonObject = request.json()
    given = body.get("resourceids")
    if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
        raise bad("The request body must hold a list of resource IDs under resourceids.")
    folded = [one.rstrip("/").lower() for one in given]
    if len(set(folded)) != len(folded):
        raise bad("The resource IDs of a batch must be unique.")
    if len(folded) > MOST:
        raise bad(f"Up to {MOST} unique resource IDs may be specified in each call, {len(folded)} were.")
    for one in folded:
        if not one.startswith("/subscriptions/") or "/providers/" not in one:
            raise bad(f"The resource ID '{one}' is not valid.")
        if subscription_of(one) != subscription.lower():
            raise bad(f"The resource '{one}' is not in subscription '{subscription}': a batch is of one subscription.")
        if type_of(one) != kind:
            raise bad(f"The resource '{one}' is not of type '{kind}': a batch is of one resource type.")
    return [str(one) for one in given]


def _check_region(resource: Resource, world: World, region: str) -> None:
    if world.engine.location_near(resource.id).lower() != region:
        raise bad(f"The resource '{resource.id}' is not in region '{region}': a batch is of its endpoint's region.")
