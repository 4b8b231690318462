"""Objects of one partition of the store, each with a due row and index rows that change in the same commit. Pure.

==========================  ==========================================================================
``w!kind!id``               the object
``l!kind!id``               the lease of the tick that works on it
``d!time!kind!id``          the due index
``x!…``                     index rows, named by the object itself; each holds the kind and the id
==========================  ==========================================================================

Several objects of a partition may change in one commit: that is why they share one. Ids are printable ASCII without
``/ \\ # ? !``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar

from controlplane.audit.chain import Chain
from controlplane.audit.model import Fact, Kind
from controlplane.errors import Fatal
from controlplane.objects.leases import Hold, Leases, fence
from controlplane.operations.model import Model
from controlplane.ports.store import Entity, Insert, Page, Remove, Replace, Store, Upsert, Write

#: Milliseconds in the year 5138; subtracting makes later times sort first.
_END_OF_TIME = 99_999_999_999_999


class Thing(Model):
    """What is stored as one object. ``due_at`` is when a tick shall look at it; None at rest."""

    KIND: ClassVar[str]

    id: str
    due_at: datetime | None = None

    def index(self) -> tuple[str, ...]:
        """Index rows without their ``x!``."""
        return ()


class Listed(Thing):
    """What lists show, newest first: of everything, of a project, of a workspace."""

    LETTER: ClassVar[str]
    """Of its index rows; each class has another."""

    workspace: str
    project: str

    def listed_at(self) -> datetime:
        """What the order goes by; it never changes."""
        raise NotImplementedError

    def further(self) -> tuple[str, ...]:
        """Index rows besides those of lists."""
        return ()

    def index(self) -> tuple[str, ...]:
        key = f"{newest_first(self.listed_at())}!{self.id}"
        return (
            f"{everything(type(self))}{key}",
            f"{of_project(type(self), self.project)}{key}",
            f"{of_workspace(type(self), self.workspace)}{key}",
            *self.further(),
        )


class Versioned(Listed):
    """What people change, too: one who has not seen the last state does not write over it."""

    generation: int = 1
    """Counts what callers see."""

    @property
    def etag(self) -> str:
        """As it stands in the header."""
        return f'"{self.generation}"'


def everything(kind: type[Listed]) -> str:
    """The index of all objects of a kind."""
    return f"{kind.LETTER}a!"


def of_project(kind: type[Listed], project: str) -> str:
    """The index of a project's objects of a kind."""
    return f"{kind.LETTER}p!{project}!"


def of_workspace(kind: type[Listed], workspace: str) -> str:
    """The index of a workspace's objects of a kind."""
    return f"{kind.LETTER}w!{workspace}!"


T = TypeVar("T", bound=Thing)


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """An object and the ETag under which it was read."""

    value: T
    etag: str


@dataclass(frozen=True, slots=True)
class Due:
    """An object whose time has come, and the row that says so."""

    kind: str
    id: str
    row: str


@dataclass(frozen=True, slots=True)
class ThingPage(Generic[T]):
    """``continuation`` is opaque, None on the last page."""

    values: tuple[T, ...]
    continuation: str | None


def stamp(time: datetime) -> str:
    """A time that sorts as text."""
    return time.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")


def newest_first(time: datetime) -> str:
    """A time that sorts as text, later ones first."""
    return f"{_END_OF_TIME - int(time.timestamp() * 1000):014d}"


def key_of(kind: str, thing_id: str) -> str:
    """What a lease is called."""
    return f"{kind}!{thing_id}"


def due_row(at: datetime, kind: str, thing_id: str) -> str:
    """Where the due index has an object."""
    return f"d!{stamp(at)}!{kind}!{thing_id}"


def put(before: Stored[T] | None, after: T) -> list[Write]:
    """Writes that store ``after``: a new object where ``before`` is None, else in place of what was read."""
    row, value = f"w!{after.KIND}!{after.id}", after.model_dump(mode="json", by_alias=True)
    writes: list[Write] = [Insert(row, value) if before is None else Replace(row, value, before.etag)]
    old = _rows(before.value) if before else {}
    new = _rows(after)
    writes += [Remove(gone, "*") for gone in old if gone not in new]
    writes += [Upsert(added, pointer) for added, pointer in new.items() if added not in old]
    return writes


def remove(before: Stored[T]) -> list[Write]:
    """Writes that take an object away as it was read, with its rows."""
    value = before.value
    return [Remove(f"w!{value.KIND}!{value.id}", before.etag), *(Remove(row, "*") for row in _rows(value))]


def _rows(value: Thing) -> dict[str, dict[str, Any]]:
    pointer = {"kind": value.KIND, "id": value.id}
    rows = {f"x!{one}": pointer for one in value.index()}
    if value.due_at is not None:
        rows[due_row(value.due_at, value.KIND, value.id)] = pointer
    return rows


class Objects:
    """The objects of one partition. Raises what the store raises; ``Conflict`` when somebody else was faster."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self._partition = str(kind)
        self._audit = Chain(store, kind)
        self.leases = Leases(store, self._partition)

    @property
    def store(self) -> Store:
        """For upkeep, which looks at rows and not at what they mean."""
        return self._store

    @property
    def partition(self) -> str:
        return self._partition

    async def get(self, kind: type[T], thing_id: str) -> Stored[T] | None:
        entity = await self._store.get(self._partition, f"w!{kind.KIND}!{thing_id}")
        return None if entity is None else Stored(kind.model_validate(entity.value), entity.etag)

    async def get_many(self, kind: type[T], ids: Sequence[str]) -> tuple[Stored[T] | None, ...]:
        """In the order of ``ids``; no snapshot."""
        found = await self._store.get_many(self._partition, [f"w!{kind.KIND}!{one}" for one in ids])
        return tuple(None if one is None else Stored(kind.model_validate(one.value), one.etag) for one in found)

    async def require(self, kind: type[T], thing_id: str) -> Stored[T]:
        """Raises ``Fatal("InvalidRecord")`` for what another object names and the store does not have."""
        found = await self.get(kind, thing_id)
        if found is None:
            raise Fatal("InvalidRecord", f"{kind.KIND} {thing_id} is not in the store.")
        return found

    async def page(
        self, kind: type[T], index: str = "", *, limit: int = 100, continuation: str | None = None
    ) -> ThingPage[T]:
        """Objects under an index prefix, in its order; without one, all of the kind by id. What an index row leads to
        may be gone meanwhile; it is left out."""
        prefix = f"x!{index}" if index else f"w!{kind.KIND}!"
        page = await self._rows(limit, prefix=prefix, continuation=continuation)
        if not index:
            return ThingPage(tuple(kind.model_validate(one.value) for one in page.entities), page.continuation)
        found = await self.get_many(kind, [str(one.value["id"]) for one in page.entities])
        return ThingPage(tuple(one.value for one in found if one is not None), page.continuation)

    async def ids(self, index: str, *, limit: int = 1000) -> tuple[str, ...]:
        """Ids under an index prefix, without reading what they lead to."""
        page = await self._rows(limit, prefix=f"x!{index}")
        return tuple(str(one.value["id"]) for one in page.entities)

    async def keys(self, index: str, after: str | None, limit: int) -> tuple[tuple[str, ...], bool]:
        """What follows an index prefix in its rows, behind ``after``, in order; and whether more follows."""
        prefix = f"x!{index}"
        # A space is the smallest character that a key may hold.
        page = await self._rows(limit, prefix=prefix, at_least=f"{prefix}{after} " if after else "")
        return tuple(one.row.removeprefix(prefix) for one in page.entities), page.continuation is not None

    async def _rows(self, limit: int, *, continuation: str | None = None, **asked: str) -> Page:
        """``limit`` rows when there are so many: a page of Tables may be short and go on, and whoever asks for the
        first thousand must not miss one of them."""
        found: list[Entity] = []
        while True:
            left = limit - len(found)
            page = await self._store.query(self._partition, limit=left, continuation=continuation, **asked)
            found += page.entities
            continuation = page.continuation
            if continuation is None or len(found) >= limit:
                return Page(tuple(found), continuation)

    async def due(self, now: datetime, limit: int = 1000) -> tuple[Due, ...]:
        """What is due, the longest due first; at most ``limit``, in as many pages as that takes."""
        page = await self._rows(limit, prefix="d!", below=f"d!{stamp(now)}!~")
        return tuple(Due(str(one.value["kind"]), str(one.value["id"]), one.row) for one in page.entities)

    async def commit(self, writes: Sequence[Write], *facts: Fact) -> tuple[str | None, ...]:
        """All or none, with the entries of the audit that tell of it. The facts are of one object."""
        if facts:
            return await self._audit.commit(writes, *facts)
        return await self._store.commit(self._partition, writes)

    async def commit_held(self, hold: Hold, writes: Sequence[Write], *facts: Fact) -> None:
        """As ``commit``, and only while the tick's lease holds."""
        async with hold.lock:
            await self.commit([fence(hold.lease), *writes], *facts)
