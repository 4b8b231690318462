"""Event Grid's data plane: `POST /eventgrid/topics/{region}/{topic}/api/events`, events of a custom topic.

Sources: learn.microsoft.com, "Publish events to Event Grid custom topics using access keys" (aeg-sas-key; 200 without a
body; 401, 413; 1 MB), "Authenticate publishing clients with Microsoft Entra ID" (audience https://eventgrid.azure.net,
Microsoft.EventGrid/events/send/action on the topic), "CloudEvents v1.0 schema" (content types of one and of several
events). Sentences are assumed but for those of the schema, as people quote them.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from simulator.engine.hooks import ArmError, JsonObject, Resource
from simulator.engine.messages import Request, Response, error_response
from simulator.engine.outbox import Event
from simulator.types.eventgrid import SCHEMAS
from simulator.types.eventgrid_topics import CUSTOM_TOPIC

if TYPE_CHECKING:
    from simulator.planes.world import World

AUDIENCE = "https://eventgrid.azure.net"
PATH = re.compile(r"/eventgrid/topics/(?P<region>[^/]+)/(?P<name>[^/]+)/api/events", re.IGNORECASE)
SEND = "Microsoft.EventGrid/events/send/action"
LARGEST = 1_048_576
NO_KEY = "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key."


def handle(world: World, request: Request) -> Response | None:
    """None for what is no call of this plane."""
    match = PATH.fullmatch(request.path)
    if match is None:
        return None
    try:
        wanted = (match["name"].lower(), match["region"].lower())
        topics = world.engine.store.of_type(CUSTOM_TOPIC)
        found = [one for one in topics if (one.name.lower(), one.location.lower()) == wanted]
        if not found or found[0].hidden:
            raise ArmError(404, "NotFound", f"The topic '{match['name']}' does not exist.")
        _let_in(world, request, found[0])
        return _publish(world, request, found[0])
    except ArmError as error:
        return error_response(error)


def _let_in(world: World, request: Request, topic: Resource) -> None:
    """By key, or by a token whose principal may send."""
    bearer = request.headers.get("authorization", "")
    if bearer.lower().startswith("bearer "):
        request.caller = world.tokens.caller(bearer, (AUDIENCE,))
        if not world.rights.may_data(request.caller, SEND, topic.id):
            text = f"The principal of the access token does not have permission to send data to {topic.id}."
            raise ArmError(401, "Unauthorized", text)
        return
    given = request.headers.get("aeg-sas-key", "")
    if not given or topic.properties.get("disableLocalAuth"):
        raise ArmError(401, "Unauthorized", NO_KEY)
    if given not in (topic.private.get("keys") or {}).values():
        raise ArmError(401, "Unauthorized", "The request authorization key is not authorized for the topic.")


def _publish(world: World, request: Request, topic: Resource) -> Response:
    if request.method != "POST":
        raise ArmError(405, "MethodNotAllowed", f"The method {request.method} is not allowed.")
    if len(request.body) > LARGEST:
        raise ArmError(413, "PayloadTooLarge", f"The maximum size ({LARGEST}) has been exceeded.")
    try:
        sent: Any = json.loads(request.body)
    except ValueError as error:
        raise _bad("The JSON received does not conform to the expected schema.") from error
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    cloud = topic.properties.get("inputSchema") == SCHEMAS[1]
    if cloud and not media.startswith("application/cloudevents"):
        raise _bad("This resource is configured for 'CloudEventV10' schema and requires a content-type of CloudEvents.")
    single = cloud and media == "application/cloudevents+json"
    if isinstance(sent, dict) != single:
        words = ("StartObject", "StartArray") if single else ("StartArray", "StartObject")
        said = f"Token Expected: {words[0]}, Actual Token Received: {words[1]}."
        raise _bad(f"The JSON received does not conform to the expected schema. {said}")
    read = _cloud_event if cloud else _event
    events = [read(topic, one) for one in ([sent] if single else sent)]
    world.engine.outbox.events.extend(events)
    return Response(200, None)


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def _moment(given: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(given))
    except ValueError as error:
        raise _bad(f"The time of an event is not valid: '{given}'.") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _fields(one: object, *names: str) -> JsonObject:
    given = one if isinstance(one, dict) else {}
    missing = [name for name in names if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise _bad(f"The event's property '{missing[0]}' is required and must be a text.")
    return given


def _event(topic: Resource, one: object) -> Event:
    """Event Grid's schema; its topic is the one that it was sent to."""
    found = _fields(one, "id", "subject", "eventType", "eventTime")
    when, version = _moment(found["eventTime"]), str(found.get("dataVersion") or "")
    return Event(found["id"], topic.id, found["eventType"], found["subject"], found.get("data"), when, version)


def _cloud_event(topic: Resource, one: object) -> Event:
    found = _fields(one, "id", "source", "type", "specversion")
    if found["specversion"] != "1.0":
        raise _bad(f"The specversion '{found['specversion']}' is not supported.")
    when = _moment(found["time"]) if found.get("time") else datetime.now(UTC)
    subject = str(found.get("subject") or "")
    return Event(found["id"], topic.id, found["type"], subject, found.get("data"), when, source=found["source"])
