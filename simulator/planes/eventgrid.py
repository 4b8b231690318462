"""Event Grid's rules: who wants an event, how it looks, when it is sent again. No I/O in here.

Sources: learn.microsoft.com, "Event Grid message delivery and retry" (schedule, statuses, limits, dead letters), "Event
filtering", "Endpoint validation with Event Grid event schema" and "... CloudEvents schema".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from simulator.engine.hooks import JsonObject, Resource
from simulator.engine.outbox import Event
from simulator.engine.values import stamp
from simulator.types._shared import dig, same_id

#: Seconds before the next attempt, at scale 1; the last one repeats.
SCHEDULE = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)
DELIVERED = frozenset({200, 201, 202, 203, 204})
#: Of webhooks: sent once.
HOPELESS = frozenset({400, 401, 403, 413})
ANSWER_SECONDS = 30.0
HEADERS = {"user-agent": "EventGrid", "webhook-request-origin": "eventgrid.azure.net"}


def delay(attempt: int, draw: float) -> float:
    """Seconds at scale 1 after so many attempts; `draw` in 0…1 is the "small randomization"."""
    return float(SCHEDULE[min(attempt, len(SCHEDULE)) - 1]) * (1 + 0.1 * draw)


def is_loopback(url: str) -> bool:
    """Whether a URL leads nowhere but to this machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_cloud(subscription: Resource) -> bool:
    return bool(subscription.properties.get("eventDeliverySchema") == "CloudEventSchemaV1_0")


def wants(subscription: Resource, source: str, event: Event) -> bool:
    """Whether an event passes a subscription's filters. `source` is the resource that it is about."""
    if not same_id(source, event.topic):
        return False
    wanted: JsonObject = subscription.properties.get("filter") or {}
    types = wanted.get("includedEventTypes")
    if types and event.type.lower() not in {str(one).lower() for one in types}:
        return False
    begin, end = str(wanted.get("subjectBeginsWith") or ""), str(wanted.get("subjectEndsWith") or "")
    subject = event.subject
    if not wanted.get("isSubjectCaseSensitive"):
        begin, end, subject = begin.lower(), end.lower(), subject.lower()
    if not (subject.startswith(begin) and subject.endswith(end)):
        return False
    return all(_passes(one, event) for one in wanted.get("advancedFilters") or ())


_STRINGS: Mapping[str, Callable[[str, str], bool]] = {
    "StringIn": lambda found, wanted: found == wanted,
    "StringContains": lambda found, wanted: wanted in found,
    "StringBeginsWith": str.startswith,
    "StringEndsWith": str.endswith,
}
_NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "NumberIn": lambda found, wanted: found == wanted,
    "NumberGreaterThan": lambda found, wanted: found > wanted,
    "NumberGreaterThanOrEquals": lambda found, wanted: found >= wanted,
    "NumberLessThan": lambda found, wanted: found < wanted,
    "NumberLessThanOrEquals": lambda found, wanted: found <= wanted,
}
OPERATORS = frozenset((*_STRINGS, *_NUMBERS, "BoolEquals", "IsNullOrUndefined", "IsNotNull")) | {
    one.replace("String", "StringNot", 1) for one in _STRINGS
} | {"NumberNotIn"}  # fmt: skip


def _passes(condition: JsonObject, event: Event) -> bool:
    """One advanced filter. Strings are compared without regard to case; of an array one element is enough; what a Not
    operator asks for holds where there is nothing."""
    operator = str(condition.get("operatorType"))
    found = _value(event, str(condition.get("key") or ""))
    wanted = condition["values"] if "values" in condition else [condition.get("value")]
    match operator:
        case "IsNullOrUndefined":
            return found is None
        case "IsNotNull":
            return found is not None
        case "BoolEquals":
            return isinstance(found, bool) and found == condition.get("value")
    plain = operator.replace("Not", "", 1)
    held = any(_holds(plain, one, wanted) for one in (found if isinstance(found, list) else [found]))
    return held if plain == operator else not held


def _holds(operator: str, found: Any, wanted: list[Any]) -> bool:
    if operator in _STRINGS and isinstance(found, str):
        return any(_STRINGS[operator](found.lower(), str(one).lower()) for one in wanted)
    if operator in _NUMBERS and isinstance(found, int | float) and not isinstance(found, bool):
        return any(_NUMBERS[operator](found, float(one)) for one in wanted)
    return False


def _value(event: Event, key: str) -> Any:
    """What a filter's key names: an envelope field, or a path into data."""
    envelope = {
        "id": event.id, "topic": event.topic, "source": event.source or event.topic, "subject": event.subject,
        "eventtype": event.type, "type": event.type, "dataversion": event.data_version,
    }  # fmt: skip
    head, _, rest = key.partition(".")
    if head.lower() != "data":
        return envelope.get(key.lower())
    current: Any = event.data
    for part in rest.split(".") if rest else ():
        held = {name.lower(): value for name, value in current.items()} if isinstance(current, dict) else {}
        current = held.get(part.lower())
    return current


def body_of(event: Event, *, cloud: bool) -> tuple[Any, str]:
    """(body, content type) of a delivery: an array of one event, or the one CloudEvent."""
    if cloud:
        body = {
            "id": event.id, "source": event.source or event.topic, "subject": event.subject, "type": event.type,
            "time": stamp(event.time), "data": event.data, "specversion": "1.0",
        }  # fmt: skip
        return body, "application/cloudevents+json; charset=utf-8"
    return [plain(event)], "application/json; charset=utf-8"


def plain(event: Event) -> JsonObject:
    """Event Grid's own schema."""
    return {
        "id": event.id, "topic": event.topic, "subject": event.subject, "eventType": event.type,
        "data": event.data, "dataVersion": event.data_version, "metadataVersion": "1", "eventTime": stamp(event.time),
    }  # fmt: skip


def headers_of(subscription: Resource, kind: str, attempt: int) -> dict[str, str]:
    """Event Grid's own headers, and the static ones that the subscription asks for."""
    found = {
        "aeg-event-type": kind, "aeg-subscription-name": subscription.name.upper(),
        "aeg-delivery-count": str(attempt), "aeg-data-version": "", "aeg-metadata-version": "1", **HEADERS,
    }  # fmt: skip
    for mapping in dig(subscription.properties, "destination.properties.deliveryAttributeMappings", []) or ():
        if mapping.get("type") == "Static":
            found[str(mapping.get("name"))] = str(dig(mapping, "properties.value", ""))
    return found


def outcome(status: int | None) -> str:
    """A status as dead letters name it: `NotFound`, `TimedOut` without one."""
    if status is None:
        return "TimedOut"
    try:
        return HTTPStatus(status).phrase.title().replace(" ", "")
    except ValueError:
        return str(status)


def dead_letter(event: Event, reason: str, tries: list[tuple[datetime, int | None]]) -> JsonObject:
    """An event as it goes to the dead-letter container. `tries`: (when, status or None) of each attempt."""
    return {
        **plain(event),
        "deadLetterReason": reason,
        "deliveryAttempts": len(tries),
        "lastDeliveryOutcome": outcome(tries[-1][1]),
        "publishTime": stamp(event.time),
        "lastDeliveryAttemptTime": stamp(tries[-1][0]),
    }
