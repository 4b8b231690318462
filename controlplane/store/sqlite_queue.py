"""The work queue in a SQLite file, as ``docs/sqlite-queue.md`` lays it out. This side only sends; a host delivers."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from controlplane.store.messages import check_delay, encode
from controlplane.store.sqlite_file import BUSY_SECONDS, Lane, connect, immediate

#: The layout is a contract; docs/sqlite-queue.md holds the same statements, and a test compares them.
SCHEMA = """
CREATE TABLE IF NOT EXISTS queue_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    inserted_at REAL NOT NULL,
    visible_at REAL NOT NULL,
    dequeue_count INTEGER NOT NULL DEFAULT 0,
    pop_receipt TEXT
);
CREATE INDEX IF NOT EXISTS queue_messages_visible ON queue_messages (queue, visible_at, number)
"""
_SEND = "INSERT INTO queue_messages (id, queue, body, inserted_at, visible_at) VALUES (?, ?, ?, ?, ?)"


class SqliteQueue:
    """``controlplane.ports.store.WorkQueue``; bodies are base64, as host.json's ``messageEncoding`` expects them."""

    def __init__(
        self,
        path: str | Path,
        name: str,
        *,
        now: Callable[[], float] = time.time,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self._name = name
        self._now = now
        self._lane = Lane(connect(Path(path), SCHEMA, busy_seconds), "queue")

    def close(self) -> None:
        """Ends the thread and the connection."""
        self._lane.close()

    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        """See ``WorkQueue``. Raises ``Rejected``: ``MessageTooLarge``, ``OutOfRangeInput`` (the delay)."""
        body, delay = encode(message), check_delay(delay_seconds)
        now = self._now()
        values = (str(uuid.uuid4()), self._name, body, now, now + delay)

        def write(connection: sqlite3.Connection) -> None:
            with immediate(connection):
                connection.execute(_SEND, values)

        await self._lane.run(write)
