"""Pages of workspaces and operations: the whole fleet's in two reads, a project's by its index."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from controlplane.operations.model import Operation
from controlplane.operations.paging import Paging
from controlplane.ports.store import Entity, Store
from controlplane.workspaces.repository import StoredWorkspace, stored_workspace
from controlplane.workspaces.rows import PARTITION, after

#: How much of the fleet one filtered request looks through at most; then it answers what it found, and where it is.
SCAN = 1000
#: The same for callers who see some projects: each item is a read of its own.
SCAN_PROJECTS = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Items in order, each with its key; ``last`` is where what follows begins, None when nothing does."""

    items: tuple[tuple[str, T], ...]
    last: str | None


class Listing:
    """Raises what the store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def workspaces(self, last: str | None, limit: int) -> Slice[StoredWorkspace]:
        """In name order, after ``last``: one read of records and one of the statuses of the same names."""
        start = after(f"w!{last}") if last else ""
        page = await self._store.query(PARTITION, prefix="w!", at_least=start, limit=limit)
        if not page.entities:
            return Slice((), None)
        first, end = (entity.row.removeprefix("w!") for entity in (page.entities[0], page.entities[-1]))
        by_name: dict[str, Entity] = {}
        start, below = f"s!{first}", after(f"s!{end}")
        while True:  # A page of a store may be short; a status that was not read must not look like none.
            statuses = await self._store.query(PARTITION, prefix="s!", at_least=start, below=below, limit=limit)
            by_name |= {entity.row.removeprefix("s!"): entity for entity in statuses.entities}
            if statuses.continuation is None:
                break
            start = after(statuses.entities[-1].row)
        items = tuple(
            (name, stored_workspace(entity, by_name.get(name)))
            for entity in page.entities
            for name in (entity.row.removeprefix("w!"),)
        )
        return Slice(items, end if page.continuation is not None else None)

    async def workspaces_of(self, projects: Iterable[str], last: str | None, limit: int) -> Slice[StoredWorkspace]:
        """Those of some projects, in name order."""
        names, more = await self._merged("p!", projects, last, limit)
        rows = [f"{kind}!{name}" for name in names for kind in "ws"]
        found = iter(await self._store.get_many(PARTITION, rows))
        # What was deleted between the two reads is not there any more.
        pairs = ((record, status) for record, status in zip(found, found, strict=True) if record is not None)
        stored = (stored_workspace(record, status) for record, status in pairs)
        return Slice(tuple((s.record.name, s) for s in stored), names[-1] if more else None)

    async def operations(self, last: str | None, limit: int) -> Slice[Operation]:
        """Newest first, after ``last``."""
        start = after(f"o!{last}") if last else ""
        page = await self._store.query(PARTITION, prefix="o!", at_least=start, limit=limit)
        items = tuple((e.row.removeprefix("o!"), Operation.model_validate(e.value)) for e in page.entities)
        return Slice(items, items[-1][0] if page.continuation is not None else None)

    async def operations_of(self, projects: Iterable[str], last: str | None, limit: int) -> Slice[Operation]:
        """Those of some projects, newest first."""
        ids, more = await self._merged("i!", projects, last, limit)
        rows = await self._store.get_many(PARTITION, [f"o!{key}" for key in ids])
        found = (Operation.model_validate(row.value) for row in rows if row is not None)
        return Slice(tuple((operation.id, operation) for operation in found), ids[-1] if more else None)

    async def has_workspaces(self, project: str) -> bool:
        """Whether any workspace is the project's."""
        return bool((await self._store.query(PARTITION, prefix=f"p!{project}!", limit=1)).entities)

    async def _merged(self, kind: str, projects: Iterable[str], last: str | None, limit: int) -> tuple[list[str], bool]:
        """Keys of several index ranges in one order, at most ``limit``, and whether there are others."""
        ranges = await asyncio.gather(*(self._range(f"{kind}{project}!", last, limit) for project in projects))
        # Behind the end of a range that goes on, keys of it are missing.
        ends = [keys[-1] for keys, cut in ranges if cut]
        keys = [key for key in heapq.merge(*(keys for keys, _ in ranges)) if not ends or key <= min(ends)]
        return keys[:limit], len(keys) > limit or bool(ends)

    async def _range(self, prefix: str, last: str | None, limit: int) -> tuple[Sequence[str], bool]:
        """Keys, and whether the range goes on behind them."""
        start = after(f"{prefix}{last}") if last else ""
        page = await self._store.query(PARTITION, prefix=prefix, at_least=start, limit=limit)
        return [entity.row.removeprefix(prefix) for entity in page.entities], page.continuation is not None


def page_of(
    found: Slice[T], paging: Paging, values: Callable[[T, str], frozenset[str]]
) -> tuple[tuple[T, ...], str | None]:
    """What of a slice matches, at most a page; and the key after which the next page begins, None when that was all.

    A page may be short, or empty, while there is a next one: the work of one request is bounded.
    """
    page: list[T] = []
    for number, (key, item) in enumerate(found.items, 1):
        if paging.matches(partial(values, item)):
            page.append(item)
        if len(page) == paging.size:
            return tuple(page), found.last if number == len(found.items) else key
    return tuple(page), found.last


def scan(paging: Paging, fields_by_index: frozenset[str], most: int) -> int:
    """How many items to read for a page: so many, where nothing is filtered that the index does not filter."""
    return paging.size if all(term.field in fields_by_index for term in paging.terms) else most
