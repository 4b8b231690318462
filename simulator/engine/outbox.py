"""What resources have to say to the world outside ARM: events, and subscriptions that wait for their handshake.

Hooks do no I/O; the Event Grid plane takes from here and delivers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from simulator.engine.hooks import JsonObject


@dataclass(frozen=True)
class Event:
    """One event as its source publishes it. `topic` is the id of the resource that it is about."""

    id: str
    topic: str
    type: str
    subject: str
    data: JsonObject
    time: datetime
    data_version: str = ""


@dataclass
class Outbox:
    events: deque[Event] = field(default_factory=deque)
    handshakes: deque[str] = field(default_factory=deque)
    """Ids of event subscriptions whose endpoint has to be asked."""
