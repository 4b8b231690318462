"""The receiving side of the SQLite queue file; its layout and rules are docs/sqlite-queue.md."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from funchost.queues import POISON_SUFFIX, Message, QueueUnavailable

__all__ = ["SCHEMA", "Message", "QueueFile"]
_T = TypeVar("_T")

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
_READY = "SELECT 1 FROM queue_messages WHERE queue = ? AND visible_at <= ? LIMIT 1"
_PICK = """
SELECT number, id, body, inserted_at, dequeue_count FROM queue_messages
WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, number LIMIT ?
"""
_TAKE = "UPDATE queue_messages SET visible_at = ?, dequeue_count = dequeue_count + 1, pop_receipt = ? WHERE number = ?"
_MOVE = "UPDATE queue_messages SET visible_at = ?, pop_receipt = ? WHERE id = ? AND pop_receipt = ?"
_DELETE = "DELETE FROM queue_messages WHERE id = ? AND pop_receipt = ?"
_INSERT = "INSERT INTO queue_messages (id, queue, body, inserted_at, visible_at) VALUES (?, ?, ?, ?, ?)"


class QueueFile:
    """``funchost.queues.Queue`` over one queue of a file, which is unavailable when it is locked or broken."""

    def __init__(
        self, path: Path, queue: str, *, now: Callable[[], float] = time.time, busy_seconds: float = 60.0
    ) -> None:
        self._queue = queue
        self._now = now
        self._connection = _connect(path, busy_seconds)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="queue-file")

    def close(self) -> None:
        """Waits for what has begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._connection.close()

    async def aclose(self) -> None:
        self.close()

    async def receive(self, count: int, lease_seconds: float) -> tuple[Message, ...]:
        return await self._run(lambda: self._receive(count, lease_seconds))

    async def delete(self, message: Message) -> bool:
        return await self._run(lambda: self._write(_DELETE, (message.id, message.pop_receipt)))

    async def hide(self, message: Message, seconds: float) -> Message | None:
        receipt, visible_at = secrets.token_hex(16), self._now() + seconds
        done = await self._run(lambda: self._write(_MOVE, (visible_at, receipt, message.id, message.pop_receipt)))
        return replace(message, pop_receipt=receipt, visible_at=visible_at) if done else None

    async def poison(self, message: Message) -> bool:
        """Both steps are one transaction."""
        now = self._now()
        copy = (str(uuid.uuid4()), self._queue + POISON_SUFFIX, message.body, now, now)
        return await self._run(lambda: self._write(_DELETE, (message.id, message.pop_receipt), (_INSERT, copy)))

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise QueueUnavailable(str(error)) from error

    def _receive(self, count: int, lease_seconds: float) -> tuple[Message, ...]:
        now = self._now()
        # Looking takes no lock, so that an idle listener does not stand in the way of senders.
        if self._connection.execute(_READY, (self._queue, now)).fetchone() is None:
            return ()
        until = now + lease_seconds
        messages: list[Message] = []
        with _transaction(self._connection):
            for number, id_, body, inserted, dequeued in self._connection.execute(_PICK, (self._queue, now, count)):
                messages.append(Message(id_, body, inserted, until, dequeued + 1, secrets.token_hex(16)))
                self._connection.execute(_TAKE, (until, messages[-1].pop_receipt, number))
        return tuple(messages)

    def _write(self, sql: str, values: tuple[object, ...], then: tuple[str, tuple[object, ...]] | None = None) -> bool:
        """True when ``sql`` changed a row; only then ``then`` is done, in the same transaction."""
        with _transaction(self._connection):
            changed = self._connection.execute(sql, values).rowcount == 1
            if changed and then is not None:
                self._connection.execute(*then)
        return changed


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    deadline = time.monotonic() + busy_seconds
    while True:
        # Switching a new file to WAL does not wait for another process that does the same.
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            return connection
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(0.01)
