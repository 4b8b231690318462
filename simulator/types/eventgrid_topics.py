"""Microsoft.EventGrid/topics: custom topics, to which anybody with a key or a role publishes (planes/topics.py).

Shapes: API definition of 2025-02-15 (Topic, TopicSharedAccessKeys). Subscriptions are extensions of the topic
(eventgrid.py). Words assumed.
"""

from __future__ import annotations

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    NameRule,
    Phase,
    ReadOnly,
    ResourceType,
    Style,
)
from simulator.types.eventgrid import SCHEMAS, VERSIONS

CUSTOM_TOPIC = "Microsoft.EventGrid/topics"
KEYS = ("key1", "key2")
_STATUS = "/subscriptions/{s}/providers/Microsoft.EventGrid/operationsStatus/{guid}"
_RESULT = "/subscriptions/{s}/providers/Microsoft.EventGrid/operationResults/{guid}"


def path_of(name: str, location: str) -> str:
    """In Azure `https://{name}.{region}-1.eventgrid.azure.net/api/events`; here a path of this process."""
    return f"/eventgrid/topics/{location}/{name}/api/events"


def _computed(ctx: HookContext) -> JsonObject:
    topic = ctx.resource
    endpoint = f"{ctx.engine.base}{path_of(topic.name, topic.location)}"
    return {"properties": {"endpoint": endpoint, "metricResourceId": ctx.engine.guid("metrics", topic.key)}}


def check(ctx: HookContext) -> None:
    schema = ctx.resource.properties.get("inputSchema")
    if schema not in SCHEMAS[:2]:
        raise ArmError(
            400, "InvalidRequest", f"Input schema '{schema}' is not supported here: {', '.join(SCHEMAS[:2])} are."
        )
    if ctx.previous is not None and (ctx.previous.get("properties") or {}).get("inputSchema") != schema:
        raise ArmError(400, "InvalidRequest", "The input schema of a topic cannot be changed.")
    for other in ctx.engine.all_of(CUSTOM_TOPIC):
        same = (other.name.lower(), other.location) == (ctx.resource.name.lower(), ctx.resource.location)
        if same and other.key != ctx.resource.key:
            raise ArmError(
                409, "Conflict", f"A topic named '{other.name}' exists in region '{other.location}' already."
            )


def _keys(ctx: HookContext) -> Answer:
    kept: dict[str, str] = ctx.resource.private.setdefault("keys", {})
    for name in KEYS:
        if name not in kept:
            kept[name] = _new(ctx, name)
    return Answer(200, {name: kept[name] for name in KEYS})


def _regenerate(ctx: HookContext) -> Answer:
    name = str(ctx.request.get("keyName"))
    if name not in KEYS:
        raise ArmError(400, "InvalidRequest", f"Key name '{name}' is not valid: {', '.join(KEYS)} are.")
    _keys(ctx)
    ctx.resource.private["keys"][name] = _new(ctx, name)
    return _keys(ctx)


def _new(ctx: HookContext, name: str) -> str:
    drawn = str(ctx.resource.private.get("drawn", 0) + 1)
    ctx.resource.private["drawn"] = int(drawn)
    digits = ctx.engine.digits("topic-key", ctx.resource.key, name, drawn, length=43)
    return f"{digits}="


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=CUSTOM_TOPIC,
        create=Lro(Style.ASYNC_OPERATION, 201, state="Creating", seconds=10, operation_url=_STATUS),
        update=Lro(Style.ASYNC_OPERATION, 201, state="Updating", seconds=5, operation_url=_STATUS),
        delete=Lro(
            Style.BOTH, 202, Body.EMPTY, state="Deleting", seconds=5, operation_url=_STATUS, location_url=_RESULT
        ),
        api_versions=VERSIONS,
        identity=True,
        name_rule=NameRule(
            "[a-zA-Z0-9-]{3,50}",
            "InvalidRequest",
            "Topic name '{name}' is invalid: 3 to 50 letters, digits and hyphens are allowed.",
        ),
        read_only=(ReadOnly("properties.endpoint"), ReadOnly("properties.metricResourceId")),
        defaults={
            "sku": {"name": "Basic"},
            "kind": "Azure",
            "properties": {
                "inputSchema": SCHEMAS[0],
                "publicNetworkAccess": "Enabled",
                "disableLocalAuth": False,
                "privateEndpointConnections": [],
                "dataResidencyBoundary": "WithinGeopair",
            },
        },
        computed=_computed,
        keys=("properties", "sku", "kind", "systemData", "identity", "location", "tags", "id", "name", "type"),
        actions=(Action("listKeys", _keys), Action("regenerateKey", _regenerate)),
        hooks=(Hook(Phase.VALIDATE, "custom-topic-rules", check),),
    ),
)
