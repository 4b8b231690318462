"""Any sequence of commits, queries and reads: every backend answers as the dictionary of ``MemoryStore`` does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.errors import Conflict
from controlplane.ports.store import Check, Insert, Remove, Replace, Store, Upsert, Write
from tests.support.memory_store import MemoryStore
from tests.support.stores import BACKENDS, open_store

#: Close to each other in every order that a backend may get wrong.
ROWS = ("a", "a!", "a!1", "a!1~", "a!~", "a'b", "a ", "B", "~")
ETAGS = ("now", "before", "*", "none")


@dataclass(frozen=True)
class Wish:
    """A write. Its ETag is known when its turn comes: the row's, that of an earlier write, any, or another."""

    kind: type[Any]
    row: str
    value: int
    etag: str


wishes = st.builds(
    Wish, st.sampled_from([Insert, Replace, Upsert, Remove, Check]), st.sampled_from(ROWS), st.integers(0, 3),
    st.sampled_from(ETAGS),
)  # fmt: skip
commits = st.lists(wishes, min_size=1, max_size=4, unique_by=lambda wish: wish.row)


class Pair:
    """A backend and the model, and the ETags that each gave for the same writes."""

    def __init__(self, store: Store, partition: str) -> None:
        self.sides: tuple[Store, Store] = (store, MemoryStore())
        self.partition = partition
        self.given: dict[str, list[tuple[str, str]]] = {row: [] for row in ROWS}

    async def commit(self, wanted: Sequence[Wish]) -> None:
        outcomes = [
            await self._try(side, [self._write(wish, number) for wish in wanted])
            for number, side in enumerate(self.sides)
        ]
        if any(isinstance(outcome, str) for outcome in outcomes):
            assert all(isinstance(outcome, str) for outcome in outcomes), (outcomes, wanted)
            # Of two writes of a commit that cannot be done, either may be named.
            assert outcomes[0] == outcomes[1] or len(wanted) > 1, (outcomes, wanted)
            return
        for wish, *etags in zip(wanted, *outcomes, strict=True):
            assert (etags[0] is None) == (etags[1] is None)
            if etags[0] is not None and wish.kind is not Check:
                self.given[wish.row].append((etags[0], etags[1]))

    async def _try(self, side: Store, writes: list[Write]) -> Any:
        try:
            return await side.commit(self.partition, writes)
        except Conflict as error:
            return error.code

    def _write(self, wish: Wish, side: int) -> Write:
        etags = self.given[wish.row]
        known = {"*": "*", "now": etags[-1][side] if etags else "x", "before": etags[-2][side] if etags[1:] else "y"}
        etag = known.get(wish.etag, 'W/"another"')
        if wish.kind is Insert or wish.kind is Upsert:
            made: Write = wish.kind(wish.row, {"n": wish.value})
        elif wish.kind is Replace:
            made = Replace(wish.row, {"n": wish.value}, etag)
        else:
            made = wish.kind(wish.row, etag)
        return made

    async def same(self, prefix: str, at_least: str, below: str | None, limit: int) -> None:
        """Every row of a query, whatever the pages, and each row by itself."""
        found = [[entity async for entity in self._all(side, prefix, at_least, below, limit)] for side in self.sides]
        assert [replace(e, etag="") for e in found[0]] == [replace(e, etag="") for e in found[1]]
        for row in ROWS:
            mine, model = [await side.get(self.partition, row) for side in self.sides]
            assert (mine and mine.value) == (model and model.value)
            if mine is not None and model is not None:
                assert (mine.etag, model.etag) == self.given[row][-1]

    async def _all(self, side: Store, prefix: str, at_least: str, below: str | None, limit: int) -> Any:
        continuation = None
        while True:
            page = await side.query(
                self.partition, prefix=prefix, at_least=at_least, below=below, limit=limit, continuation=continuation
            )
            assert len(page.entities) <= limit
            for entity in page.entities:
                yield entity
            continuation = page.continuation
            if continuation is None:
                return


@pytest.fixture(params=BACKENDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[asyncio.Runner, Store]]:
    with asyncio.Runner() as runner:
        opening = open_store(request.param, tmp_path, request)
        store = runner.run(opening.__aenter__())
        yield runner, store
        runner.run(opening.__aexit__(None, None, None))


_partitions = itertools.count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(commits, max_size=12),
    st.sampled_from(["", "a", "a!", "a!~", "~"]),
    st.sampled_from(["", "a!1", "a'b"]),
    st.sampled_from([None, "a!1~", "B", ""]),
    st.integers(1, 4),
)
def test_a_backend_answers_as_the_model(
    opened: tuple[asyncio.Runner, Store],
    sequence: list[list[Wish]],
    prefix: str,
    at_least: str,
    below: str | None,
    limit: int,
) -> None:
    runner, store = opened
    pair = Pair(store, f"p{next(_partitions)}")

    async def play() -> None:
        for wanted in sequence:
            await pair.commit(wanted)
        await pair.same(prefix, at_least, below, limit)

    runner.run(play())
