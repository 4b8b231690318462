"""The store and the work queue: one protocol, written for Azure Tables and Queues, met first by SQLite.

An entity is a JSON value under (partition, row) with an ETag. Limits are Tables': keys of printable ASCII without
``/ \\ # ?``, not empty, at most 512 characters (1 KiB of UTF-16); a value at most 760 KiB after gzip; a commit at
most 100 writes of one partition, each row once, all or none. There is no transaction across partitions, nor across
store and queue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controlplane.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Entity:
    """One stored value."""

    partition: str
    row: str
    value: JsonObject
    etag: str


@dataclass(frozen=True, slots=True)
class Insert:
    """Fails with ``Conflict("EntityAlreadyExists")`` when the row is there."""

    row: str
    value: JsonObject


@dataclass(frozen=True, slots=True)
class Replace:
    """Fails with ``Conflict("UpdateConditionNotSatisfied")`` on another ETag or no row; ETag ``*`` means any."""

    row: str
    value: JsonObject
    etag: str


@dataclass(frozen=True, slots=True)
class Upsert:
    """Writes whatever was there."""

    row: str
    value: JsonObject


@dataclass(frozen=True, slots=True)
class Remove:
    """Fails with ``Conflict`` on another ETag or no row; ETag ``*`` removes any, and then a gone row is fine."""

    row: str
    etag: str


@dataclass(frozen=True, slots=True)
class Check:
    """Writes nothing; fails the commit with ``Conflict`` unless the row has this ETag (the fence of a lease)."""

    row: str
    etag: str


Write = Insert | Replace | Upsert | Remove | Check


@dataclass(frozen=True, slots=True)
class Page:
    """Entities in row order; ``continuation`` is opaque, None on the last page. A page that is not the last may be
    short (4 MiB are all that Tables sends at once), but not empty."""

    entities: tuple[Entity, ...]
    continuation: str | None


class Store(Protocol):
    """Raises ``Conflict`` (a precondition), ``Rejected`` (a limit), ``Transient`` (the backend is away)."""

    async def get(self, partition: str, row: str) -> Entity | None: ...

    async def get_many(self, partition: str, rows: Sequence[str]) -> tuple[Entity | None, ...]:
        """As many ``get`` at once, in the order of ``rows``: no snapshot, each has an ETag of its own."""
        ...

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
        """Rows that start with ``prefix``, and sort at or after ``at_least`` and before ``below``."""
        ...

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        """All or none. Returns the new ETag of each write (None for ``Remove``; the same for ``Check``)."""
        ...


class WorkQueue(Protocol):
    """Hints. A message holds an object's id and may be lost, doubled or late."""

    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        """``delay_seconds`` ≤ 3600. Raises ``Transient``."""
        ...
