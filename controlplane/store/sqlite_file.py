"""One SQLite file, opened by several processes: connections, lanes for blocking work, errors by what can be done."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from controlplane.errors import Fatal, Transient

_T = TypeVar("_T")

#: How long a connection waits for another process's write before it gives up.
BUSY_SECONDS = 60.0
_PASSING = {
    sqlite3.SQLITE_BUSY: "StoreBusy",
    sqlite3.SQLITE_LOCKED: "StoreBusy",
    sqlite3.SQLITE_IOERR: "StoreUnavailable",
    sqlite3.SQLITE_FULL: "StoreUnavailable",
}


def connect(path: Path, schema: str, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection in autocommit mode to a WAL file that has ``schema`` (``CREATE ... IF NOT EXISTS`` statements).

    It may be used by any thread, one at a time. Raises ``Transient`` or ``Fatal``.
    """
    with translated():
        path.parent.mkdir(parents=True, exist_ok=True)
        # URLs of Azure's operations are in it, and carry signatures; SQLite gives its other files the same mode.
        path.touch(0o600)
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
        try:
            _enter_wal(connection, busy_seconds)
            # An accepted request must survive a power failure, as it does in Tables; WAL's NORMAL may lose it.
            connection.execute("PRAGMA synchronous=FULL")
            for statement in schema.split(";"):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
    return connection


def _enter_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switching to WAL does not wait for other processes by itself: two that open a new file would both try."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError as error:
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise Fatal("StoreBroken", "The database file cannot be put into WAL mode.")
        time.sleep(0.01)


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; rolled back when the block raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors as ``Transient`` (locked, disk full or away) or ``Fatal`` (a broken file, a defect)."""
    try:
        yield
    except sqlite3.Error as error:
        code = _PASSING.get(_primary_code(error))
        if code is None:
            raise Fatal("StoreBroken", f"The database answers: {error}") from error
        raise Transient(code, f"The database answers: {error}", retry_after=1.0) from error


def _primary_code(error: sqlite3.Error) -> int:
    """Extended result codes keep the primary one in their low byte."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


class Lane:
    """A connection with a thread of its own: blocking work waits there, and the event loop goes on."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Runs ``work`` after what was given before. A cancelled caller does not stop work that has begun."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._translated, work)

    def _translated(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        with translated():
            return work(self._connection)

    def close(self) -> None:
        """Waits for work that has begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._connection.close()
