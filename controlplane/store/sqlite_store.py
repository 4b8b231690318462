"""The store in one SQLite file: table ``entities``, a row per entity, its value as the joined chunks of ``codec``."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from controlplane.errors import Conflict, Rejected
from controlplane.ports.store import Check, Entity, Insert, Page, Remove, Replace, Upsert, Write
from controlplane.store import codec
from controlplane.store.keys import check_bound, check_key
from controlplane.store.limits import check_commit, check_commit_bytes, page_size
from controlplane.store.sqlite_file import BUSY_SECONDS, Lane, connect, immediate, translated

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entities (
    partition TEXT NOT NULL,
    row TEXT NOT NULL,
    etag TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (partition, row)
) WITHOUT ROWID
"""
_GET = "SELECT etag, value FROM entities WHERE partition = ? AND row = ?"
_GET_SOME = "SELECT row, etag, value FROM entities WHERE partition = ? AND row IN ({})"
_ETAG = "SELECT etag FROM entities WHERE partition = ? AND row = ?"
_PUT = "INSERT OR REPLACE INTO entities (partition, row, etag, value) VALUES (?, ?, ?, ?)"
_DELETE = "DELETE FROM entities WHERE partition = ? AND row = ?"
_QUERY = """
SELECT row, etag, value FROM entities
WHERE partition = ? AND row >= ? AND row > ? AND row < ? ORDER BY row LIMIT ?
"""
#: Sorts after every valid key, which is printable ASCII.
_AFTER_ALL = "\x7f"

#: Rows that are read on the event loop without a break, as a point read is. In a thread its decoding would fight the
#: loop for the interpreter, which changes hands every 5 ms only.
SMALL_PAGE = 50


class SqliteStore:
    """``controlplane.ports.store.Store``; safe for several processes on one file.

    Point reads are done on the event loop: they take tens of microseconds, a thread hop takes longer, and readers of
    a WAL file never wait for writers. Pages and commits go to a thread each, where waiting harms nobody.
    """

    def __init__(self, path: str | Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        file = Path(path)
        self._writes = Lane(connect(file, _SCHEMA, busy_seconds), "store-write")
        self._pages = Lane(connect(file, _SCHEMA, busy_seconds), "store-page")
        self._points = connect(file, _SCHEMA, busy_seconds)
        self._points_lock = threading.Lock()

    def close(self) -> None:
        """Ends the threads and connections; the store is of no use afterwards."""
        self._writes.close()
        self._pages.close()
        self._points.close()

    async def get(self, partition: str, row: str) -> Entity | None:
        """See ``Store``."""
        keys = (check_key(partition), check_key(row))
        with self._points_lock, translated():
            found = self._points.execute(_GET, keys).fetchone()
        return None if found is None else Entity(partition, row, codec.decode((found[1],)), found[0])

    async def get_many(self, partition: str, rows: Sequence[str]) -> tuple[Entity | None, ...]:
        """See ``Store``."""
        found: dict[str, Entity] = {}
        for start in range(0, len(rows), SMALL_PAGE):
            if start:
                await asyncio.sleep(0)
            found |= self._get_some(partition, rows[start : start + SMALL_PAGE])
        return tuple(found.get(row) for row in rows)

    def _get_some(self, partition: str, rows: Sequence[str]) -> dict[str, Entity]:
        """One statement, because SQLite takes and gives back a file's locks for each."""
        keys = (check_key(partition), *(check_key(row) for row in rows))
        with self._points_lock, translated():
            found = self._points.execute(_GET_SOME.format(", ".join("?" * len(rows))), keys).fetchall()
        return {row: Entity(partition, row, codec.decode((value,)), etag) for row, etag, value in found}

    async def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        at_least: str = "",
        below: str | None = None,
        limit: int = 1000,
        continuation: str | None = None,
    ) -> Page:
        """See ``Store``; a page holds at most 1,000 entities, whatever ``limit`` says."""
        size = page_size(limit)
        end = min(check_bound(prefix) + _AFTER_ALL, _AFTER_ALL if below is None else check_bound(below))
        after = "" if continuation is None else _row_of(continuation)
        values = (check_key(partition), max(prefix, check_bound(at_least)), after, end, size + 1)

        def read(connection: sqlite3.Connection) -> Page:
            rows = connection.execute(_QUERY, values).fetchall()
            entities = tuple(Entity(partition, row, codec.decode((value,)), etag) for row, etag, value in rows[:size])
            return Page(entities, _continuation(entities[-1].row) if len(rows) > size else None)

        if size <= SMALL_PAGE:
            with self._points_lock, translated():
                return read(self._points)
        return await self._pages.run(read)

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        """See ``Store``."""
        wanted = tuple(writes)
        check_commit(partition, wanted)

        def write(connection: sqlite3.Connection) -> tuple[str | None, ...]:
            values = _encoded(wanted)
            with immediate(connection):
                return tuple(_apply(connection, partition, item, values.get(item.row)) for item in wanted)

        return await self._writes.run(write)


def _encoded(writes: Sequence[Write]) -> Mapping[str, bytes]:
    """Row → value, for the writes that have one; before the transaction begins, so that nobody waits for gzip."""
    values = {w.row: b"".join(codec.encode(w.value)) for w in writes if isinstance(w, Insert | Replace | Upsert)}
    check_commit_bytes(sum(len(value) for value in values.values()))
    return values


def _apply(connection: sqlite3.Connection, partition: str, write: Write, value: bytes | None) -> str | None:
    """Does one write inside the transaction and returns its ETag. Raises ``Conflict``."""
    found = connection.execute(_ETAG, (partition, write.row)).fetchone()
    present = None if found is None else str(found[0])
    match write:
        case Check():
            _require(present, write.etag, write.row)
            return present
        case Remove():
            if present is not None or write.etag != "*":
                _require(present, write.etag, write.row)
            connection.execute(_DELETE, (partition, write.row))
            return None
        case Insert() if present is not None:
            raise Conflict("EntityAlreadyExists", f"The row {write.row} exists.")
        case Replace():
            _require(present, write.etag, write.row)
    etag = f'W/"{secrets.token_hex(12)}"'
    connection.execute(_PUT, (partition, write.row, etag, value))
    return etag


def _require(present: str | None, etag: str, row: str) -> None:
    if present is None or etag not in ("*", present):
        raise Conflict("UpdateConditionNotSatisfied", f"The row {row} was changed or removed by somebody else.")


def _continuation(row: str) -> str:
    return base64.urlsafe_b64encode(row.encode()).decode()


def _row_of(continuation: str) -> str:
    try:
        return check_key(base64.b64decode(continuation, altchars=b"-_", validate=True).decode())
    except (binascii.Error, UnicodeDecodeError, ValueError, Rejected) as error:
        raise Rejected("InvalidContinuation", "The continuation is not one that a page gave.") from error
