"""Reading on a store whose pages are short, or empty, while there is more: Tables does that."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.audit import reading
from controlplane.audit.model import Kind
from controlplane.audit.proof import prove_all
from controlplane.audit.reading import Filter, read
from controlplane.operations.paging import parse_filter
from controlplane.ports.store import Page
from tests.support.audit import fact, tell
from tests.support.memory_store import MemoryStore


class Stingy(MemoryStore):
    """Every other page is empty, the others have one entity."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = 0
        self.queries = 0

    async def query(self, partition: str, *, limit: int = 1000, continuation: str | None = None, **asked: Any) -> Page:
        self.queries += 1
        self.turn += 1
        after = continuation if continuation != "begin" else None
        if self.turn % 2:
            return Page((), after or "begin")
        return await super().query(partition, limit=1, continuation=after, **asked)


async def everyone(kind: Kind, project: str) -> bool:
    return True


async def every(store: MemoryStore, wanted: Filter, size: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    continuation: str | None = None
    for _ in range(100):
        page = await read(store, wanted, everyone, size, continuation)
        found += [(str(e["object"]), int(e["sequence"])) for e in page.entries]
        continuation = page.continuation
        if continuation is None:
            return found
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("size", [1, 2, 7])
async def test_short_and_empty_pages_lose_nothing(size: int) -> None:
    store = Stingy()
    await tell(store, *(fact("a" if n % 2 else "b", n) for n in range(6)), fact("churn", 3, kind=Kind.PROJECTS))
    wanted = [("workspaces/a", 3), ("workspaces/b", 3), ("workspaces/a", 2), ("projects/churn", 1), ("workspaces/b", 2)]
    assert (await every(store, Filter(), size))[:5] == wanted
    assert len(await every(store, Filter(), size)) == 7
    of_a = [("workspaces/a", n) for n in (3, 2, 1)]
    assert await every(store, Filter(Kind.WORKSPACES, "a"), size) == of_a
    assert (await prove_all(store, None)).checked_entries == 7


async def test_one_request_looks_at_so_many_rows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SCAN", 4)
    store = MemoryStore()
    await tell(store, *(fact("a", n, project="rare" if n == 0 else "churn") for n in range(11)))
    rare = parse_filter("project eq 'rare'", reading.FIELDS)
    for wanted in (Filter(terms=rare), Filter(Kind.WORKSPACES, "a", rare)):
        first = await read(store, wanted, everyone, 100, None)
        assert first.entries == ()
        assert first.continuation is not None
        assert await every(store, wanted, 100) == [("workspaces/a", 1)]
