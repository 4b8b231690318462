"""Microsoft.EventGrid: event subscriptions on any scope, system topics and their event subscriptions.

Recording: azure-cli `test_create_event_subscriptions_to_arm_resource_group` (2021-10-15-preview): PUT 201 with
`Azure-AsyncOperation` at `operationsStatus`, `endpointUrl` null and `endpointBaseUrl` in the answer, the default event
types written out, a failed handshake in the words below, and nothing there after it (DELETE 204). What differs: the
polls' `Retry-After`, which the recording has not. The handshake itself is in simulator/server/delivery.py.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Poll,
    ReadOnly,
    Required,
    ResourceType,
    Scope,
    Style,
)
from simulator.types._shared import dig, scope_of_extension, type_of

SUBSCRIPTION = "Microsoft.EventGrid/eventSubscriptions"
TOPIC = "Microsoft.EventGrid/systemTopics"
OF_TOPIC = f"{TOPIC}/eventSubscriptions"
URL = "properties.destination.properties.endpointUrl"
SCHEMAS = ("EventGridSchema", "CloudEventSchemaV1_0", "CustomInputSchema")
HANDSHAKE_SECONDS, SMALLEST_HANDSHAKE = 600.0, 30.0  # at scale 1; real seconds, since the endpoint's own time is real
VERSIONS = (
    "2025-02-15", "2022-06-15", "2021-12-01", "2020-06-01", "2019-06-01", "2019-01-01", r"20\d\d-\d\d-\d\d-preview",
)  # fmt: skip
#: Event types by the folded type of the source. Machine learning: MicrosoftDocs/azure-ai-docs, how-to-use-event-grid
#: (2026-07); resource groups and subscriptions: the recording.
EVENT_TYPES = {
    "microsoft.machinelearningservices/workspaces": tuple(
        f"Microsoft.MachineLearningServices.{name}"
        for name in ("ModelRegistered", "ModelDeployed", "RunCompleted", "RunStatusChanged")
    ),
    "": tuple(
        f"Microsoft.Resources.Resource{what}{how}"
        for what in ("Write", "Delete", "Action")
        for how in ("Success", "Failure", "Cancel")
    ),
}


def source_of(ctx: HookContext) -> str:
    """The id of the resource whose events a subscription is about."""
    resource_id = ctx.resource.id
    if ctx.resource.type == OF_TOPIC:
        topic = ctx.engine.get(resource_id.rpartition("/eventSubscriptions/")[0])
        return str(dig(topic.body, "properties.source", "")) if topic is not None else ""
    return scope_of_extension(resource_id)


def _event_types(source: str) -> tuple[str, ...]:
    kind = type_of(source)
    return EVENT_TYPES.get(kind, ())


def input_schema(engine: EngineApi, source: str) -> str:
    """Of a custom topic what its publishers send; a system topic's events are of Event Grid's own schema."""
    topic = engine.get(source) if type_of(source) == "microsoft.eventgrid/topics" else None
    return str(topic.properties.get("inputSchema")) if topic is not None else SCHEMAS[0]


def _defaults(ctx: HookContext) -> JsonObject:
    source = source_of(ctx)
    return {
        "properties": {
            "topic": source,
            "filter": {"includedEventTypes": list(_event_types(source))},
            "labels": None,
            "eventDeliverySchema": input_schema(ctx.engine, source),
            "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
        }
    }


def _seconds(ctx: HookContext) -> float:
    """How long an endpoint may take. It ends when the endpoint has answered."""
    return max(HANDSHAKE_SECONDS, SMALLEST_HANDSHAKE * ctx.engine.scale)


def check(ctx: HookContext) -> None:
    """A webhook with a URL, limits as documented (learn.microsoft.com, "Event Grid message delivery and retry"), event
    types that the source has. Words assumed, the code is the provider's."""
    properties = ctx.resource.properties
    kind = dig(properties, "destination.endpointType")
    if kind != "WebHook":
        raise ArmError(400, "InvalidRequest", f"Destination endpoint type '{kind}' is not supported here: WebHook is.")
    url = str(dig(ctx.request, URL) or ctx.resource.private.get(URL) or "")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ArmError(400, "InvalidRequest", f"Endpoint URL '{url}' is not a valid absolute URL.")
    schema = properties.get("eventDeliverySchema")
    if schema not in SCHEMAS[:2]:
        raise ArmError(400, "InvalidRequest", f"Event delivery schema '{schema}' is not supported.")
    if schema == SCHEMAS[0] and input_schema(ctx.engine, source_of(ctx)) == SCHEMAS[1]:
        # "Event Grid event schemas compared": CloudEvents are not delivered in Event Grid's schema.
        raise ArmError(
            400, "InvalidRequest", "Events of a CloudEventSchemaV1_0 topic are delivered as CloudEvents only."
        )
    for name, low, high in (("maxDeliveryAttempts", 1, 30), ("eventTimeToLiveInMinutes", 1, 1440)):
        value = dig(properties, f"retryPolicy.{name}")
        if value is not None and not low <= int(value) <= high:
            raise ArmError(400, "InvalidRequest", f"{name} must be between {low} and {high}, not {value}.")
    known = {one.lower() for one in _event_types(str(properties.get("topic")))}
    unknown = [one for one in dig(properties, "filter.includedEventTypes", []) if known and one.lower() not in known]
    if unknown:
        raise ArmError(400, "InvalidRequest", f"Event type '{unknown[0]}' is not one of the topic's.")


def ask(ctx: HookContext) -> None:
    """The endpoint is asked, again on every change."""
    ctx.resource.private.update(validated=False, handshake=None)
    ctx.engine.handshake(ctx.resource.id)


def answered(ctx: HookContext) -> None:
    """Without the endpoint's consent there is no subscription."""
    private = ctx.resource.private
    if private.get("validated"):
        return
    base = base_url(str(private.get(URL)))
    why = private.get("handshake") or "Http POST request failed with response code Unknown"
    if private.get("waits"):
        ctx.resource.private["waits"] = False
        return
    if ctx.creating:
        ctx.engine.delete(ctx.resource.id)
    stamp = ctx.engine.now().strftime("%m/%d/%Y %I:%M:%S %p")
    raise ArmError(
        400,
        "URL validation",
        f"Webhook validation handshake failed for {base}. {why}. For troubleshooting, visit "
        f"https://aka.ms/esvalidation. Activity id:{ctx.engine.guid('handshake', ctx.resource.key)}, "
        f"timestamp: {stamp} (UTC).",
    )


def show(ctx: HookContext) -> None:
    """The URL may hold a secret: only its base is shown."""
    properties = dict(ctx.body["properties"])
    destination = dict(properties.get("destination") or {})
    base = base_url(str(ctx.resource.private.get(URL) or ""))
    destination["properties"] = {
        **(destination.get("properties") or {}), "endpointUrl": None, "endpointBaseUrl": base,
    }  # fmt: skip
    properties["destination"] = destination
    if ctx.resource.private.get("manual"):
        properties["provisioningState"] = ctx.resource.private["manual"]
    ctx.body["properties"] = properties


def base_url(url: str) -> str:
    return url.partition("?")[0]


def _full_url(ctx: HookContext) -> Answer:
    return Answer(200, {"endpointUrl": ctx.resource.private.get(URL)})


def _topic_source(ctx: HookContext) -> None:
    """A system topic is about a resource that exists, of the type it says. Words assumed."""
    source = str(dig(ctx.resource.body, "properties.source", ""))
    if ctx.engine.get(source) is None:
        raise ArmError(400, "InvalidRequest", f"The source '{source}' of the system topic was not found.")


def _polls(path: str) -> tuple[Poll, Poll]:
    shown = {"id": f"{path}?api-version={{api_version}}", "name": "{guid}"}
    return Poll(200, {**shown, "status": "InProgress"}), Poll(200, {**shown, "status": "Succeeded"})


_STATUS = "/subscriptions/{s}/providers/Microsoft.EventGrid/operationsStatus/{guid}"
_RESULT = "/subscriptions/{s}/providers/Microsoft.EventGrid/operationResults/{guid}"
_RUNNING, _DONE = _polls(_STATUS)
_DELETE = Lro(Style.BOTH, 202, Body.EMPTY, state="Deleting", seconds=5, operation_url=_STATUS, location_url=_RESULT)


def _lro(state: str, status: int) -> Lro:
    return Lro(
        Style.ASYNC_OPERATION,
        status,
        state=state,
        seconds=_seconds,
        operation_url=_STATUS,
        running=_RUNNING,
        done=_DONE,
    )


def _subscription(name: str, scope: Scope | None) -> ResourceType:
    return ResourceType(
        name=name,
        scope=scope,
        create=_lro("Creating", 201),
        update=_lro("Updating", 201),
        delete=_DELETE,
        api_versions=VERSIONS,
        location="none",
        tags=False,
        keys=("properties", "systemData", "id", "name", "type"),
        required=(Required("properties.destination", "InvalidRequest", "The destination of '{name}' is required."),),
        read_only=(ReadOnly("properties.topic"),),
        write_only=(URL,),
        defaults=_defaults,
        actions=(Action("getFullUrl", _full_url, permission=f"{name}/getFullUrl/action"),),
        hooks=(
            Hook(Phase.VALIDATE, "event-subscription-rules", check),
            Hook(Phase.ACCEPTED, "event-subscription-handshake", ask),
            Hook(Phase.COMPLETED, "event-subscription-handshake", answered),
            Hook(Phase.READ, "event-subscription-url-hidden", show),
        ),
    )


TYPES: tuple[ResourceType, ...] = (
    _subscription(SUBSCRIPTION, Scope.EXTENSION),
    ResourceType(
        name=TOPIC,
        create=Lro(Style.ASYNC_OPERATION, 201, state="Creating", seconds=5, operation_url=_STATUS),
        update=Lro(Style.ASYNC_OPERATION, 201, state="Updating", seconds=5, operation_url=_STATUS),
        delete=_DELETE,
        api_versions=VERSIONS,
        identity=True,
        required=(
            Required("properties.source", "InvalidRequest", "The source of system topic '{name}' is required."),
            Required("properties.topicType", "InvalidRequest", "The topic type of '{name}' is required."),
        ),
        read_only=(ReadOnly("properties.metricResourceId"),),
        computed=lambda ctx: {"properties": {"metricResourceId": ctx.engine.guid("metrics", ctx.resource.key)}},
        keys=("properties", "systemData", "identity", "location", "tags", "id", "name", "type"),
        hooks=(Hook(Phase.VALIDATE, "system-topic-source", _topic_source),),
    ),
    _subscription(OF_TOPIC, None),
)
