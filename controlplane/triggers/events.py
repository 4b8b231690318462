"""The Event Grid trigger. An event is a hint: it is stored or left alone, and answered before anything is decided."""

from __future__ import annotations

from typing import Any

from controlplane.retraining.signals.intake import IntakeDeps, Taken, hear


async def run_event(event: Any, deps: IntakeDeps) -> Taken:
    """``event``: azure.functions' EventGridEvent or CloudEvent. Raises ``Transient`` when the store is away: the host
    answers 500, and Event Grid delivers again.
    """
    return await hear(deps, envelope(event))


def envelope(event: Any) -> dict[str, Any]:
    """Of whichever class the worker made, by what the body is and not by what the function declares."""
    if hasattr(event, "source"):
        return {
            "source": event.source,
            "type": event.type,
            "id": event.id,
            "time": event.time,
            "data": _data(event),
        }
    return {
        "topic": event.topic,
        "eventType": event.event_type,
        "id": event.id,
        "eventTime": event.event_time,
        "data": _data(event),
    }


def _data(event: Any) -> Any:
    try:
        return event.get_json()
    except ValueError:
        return None
