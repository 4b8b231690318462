"""What resources have to say to the world outside ARM: events, rows of logs, subscriptions that wait for a handshake.

Hooks do no I/O; the Event Grid plane takes from here and delivers.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.engine.hooks import JsonObject

MOST_ROWS = 200_000


@dataclass(frozen=True)
class Event:
    """One event as its source publishes it. `topic` is the id of the resource that it is about."""

    id: str
    topic: str
    type: str
    subject: str
    data: Any
    time: datetime
    data_version: str = ""
    source: str = ""  # what its publisher calls its source, where that is not the topic


@dataclass(frozen=True)
class Row:
    """One row of a resource's log: `table` as Log Analytics names it."""

    resource_id: str
    table: str
    values: JsonObject
    time: datetime


@dataclass
class Outbox:
    events: deque[Event] = field(default_factory=deque)
    handshakes: deque[str] = field(default_factory=deque)
    """Ids of event subscriptions whose endpoint has to be asked."""
    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=MOST_ROWS))
    """Rows of logs, oldest first: what the plane that answers queries reads. The oldest go when there are too many."""
    notices: deque[tuple[str, tuple[str, ...], JsonObject]] = field(default_factory=deque)
    """What action groups are to be told: (whose, action groups, payload)."""
