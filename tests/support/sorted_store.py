"""The store in memory for long times: rows are kept in order, and what was read once is not searched for again."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections import defaultdict

from controlplane.ports.store import Entity, Page, Remove, Write
from tests.support.memory_store import MemoryStore


class SortedStore(MemoryStore):
    """As ``MemoryStore``; a query costs what it returns, not what there is."""

    def __init__(self) -> None:
        super().__init__()
        self._order: dict[str, list[str]] = defaultdict(list)

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
        order = self._order[partition]
        place = bisect_left(order, max(prefix, at_least, f"{continuation}\0" if continuation else ""))
        found: list[Entity] = []
        while place < len(order) and order[place].startswith(prefix) and (below is None or order[place] < below):
            row = order[place]
            if len(found) == limit:
                return Page(tuple(found), found[-1].row)
            etag, value = self._rows[partition, row]
            found.append(Entity(partition, row, json.loads(value), etag))
            place += 1
        return Page(tuple(found), None)

    def _do(self, partition: str, write: Write) -> str | None:
        known = (partition, write.row) in self._rows
        etag = super()._do(partition, write)
        order = self._order[partition]
        if isinstance(write, Remove) and known:
            del order[bisect_left(order, write.row)]
        elif not known and (partition, write.row) in self._rows:
            insort(order, write.row)
        return etag
