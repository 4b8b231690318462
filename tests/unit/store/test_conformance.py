"""What every backend of the store must do; ``tests/support/stores.py`` names them."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.errors import Conflict, Rejected
from controlplane.ports.store import Check, Entity, Insert, Remove, Replace, Store, Upsert, Write
from tests.support.memory_store import MemoryStore
from tests.support.stores import BACKENDS, open_store

#: What other tests use in place of a backend: the same answers, without the limits.
FAKES = ("memory",)


@pytest.fixture(params=(*BACKENDS, *FAKES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with open_store(request.param, tmp_path, request) as opened:
        yield opened


@pytest.fixture(params=BACKENDS)
async def limited(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A real backend, which refuses what Tables would."""
    async with open_store(request.param, tmp_path, request) as opened:
        yield opened


async def rows_of(store: Store, partition: str = "p", **query: Any) -> list[str]:
    """Every row of a query, whatever the pages."""
    rows: list[str] = []
    continuation: str | None = None
    while True:
        page = await store.query(partition, continuation=continuation, **query)
        rows += [entity.row for entity in page.entities]
        if page.continuation is None:
            return rows
        continuation = page.continuation


async def one(store: Store, write: Write) -> str:
    (etag,) = await store.commit("p", [write])
    assert etag is not None
    return etag


# -- values ------------------------------------------------------------------------------------------------------------

VALUES: dict[str, dict[str, Any]] = {
    "empty": {},
    "null and numbers": {"a": None, "b": True, "c": 0, "d": -1.5, "e": 2**60},
    "33 K characters": {"text": "x" * 33 * 1024},
    "33 K characters of three bytes": {"text": "中" * 33 * 1024},
    "emoji": {"👩‍🔬": "😀" * 40, "quote": "\"'\\/\u0000\u2028"},
    "names of Tables' own properties": {"PartitionKey": "x", "RowKey": "y", "Timestamp": 1, "odata.etag": "z"},
    "dates stay text": {"at": "2026-11-01T00:00:00Z"},
    "deep": {"a": [{"b": [[{"c": {}}]]}]},
}


@pytest.mark.parametrize("name", VALUES)
async def test_a_value_comes_back_as_it_was(store: Store, name: str) -> None:
    etag = await one(store, Insert("r", VALUES[name]))
    assert await store.get("p", "r") == Entity("p", "r", VALUES[name], etag)
    page = await store.query("p")
    assert page.entities == (Entity("p", "r", VALUES[name], etag),)


async def test_tuples_come_back_as_lists(store: Store) -> None:
    await one(store, Insert("r", {"a": (1, 2)}))
    found = await store.get("p", "r")
    assert found is not None
    assert found.value == {"a": [1, 2]}


def incompressible(size: int) -> dict[str, str]:
    return {"text": "".join(random.Random(size).choices(string.ascii_letters + string.digits, k=size))}


async def test_a_value_of_several_chunks(store: Store) -> None:
    value = incompressible(1_000_000)
    etag = await one(store, Insert("r", {}))
    await one(store, Replace("r", value, etag))
    await one(store, Insert("~" * 512, value))
    for row in ("r", "~" * 512):
        found = await store.get("p", row)
        assert found is not None
        assert found.value == value


REFUSED_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "too large after gzip": (incompressible(1_100_000), "EntityTooLarge"),
    "not a number": ({"a": float("nan")}, "InvalidValue"),
    "not JSON": ({"a": object()}, "InvalidValue"),
    "not Unicode": ({"a": "\ud800"}, "InvalidValue"),
}


@pytest.mark.parametrize("name", REFUSED_VALUES)
async def test_a_refused_value_leaves_nothing(limited: Store, name: str) -> None:
    value, code = REFUSED_VALUES[name]
    with pytest.raises(Rejected) as caught:
        await limited.commit("p", [Insert("before", {}), Insert("r", value)])
    assert caught.value.code == code
    assert await rows_of(limited) == []


async def test_a_commit_of_more_than_four_mebibytes_is_refused(limited: Store) -> None:
    value = incompressible(1_000_000)
    with pytest.raises(Rejected) as caught:
        await limited.commit("p", [Insert(f"r{n}", value) for n in range(4)])
    assert caught.value.code == "RequestBodyTooLarge"
    assert await rows_of(limited) == []


# -- keys --------------------------------------------------------------------------------------------------------------


REFUSED_KEYS = {
    "slash": "a/b",
    "backslash": "a\\b",
    "number sign": "a#b",
    "question mark": "a?b",
    "control character": "a\tb",
    "trailing line feed": "a\n",
    "delete": "a\x7f",
    "not ASCII": "ä",
    "not Unicode": "\ud800",
    "513 characters": "a" * 513,
}


@pytest.mark.parametrize("name", REFUSED_KEYS)
async def test_a_bad_key_is_refused_everywhere(limited: Store, name: str) -> None:
    key = REFUSED_KEYS[name]
    for call in (
        limited.get("p", key),
        limited.get(key, "r"),
        limited.query(key),
        limited.query("p", prefix=key),
        limited.query("p", below=key),
        limited.query("p", at_least=key),
        limited.commit(key, [Upsert("r", {})]),
        limited.commit("p", [Upsert(key, {})]),
    ):
        with pytest.raises(Rejected) as caught:
            await call
        assert caught.value.code in ("InvalidKey", "KeyValueTooLarge")
    assert await rows_of(limited) == []


async def test_a_key_of_512_characters(store: Store) -> None:
    etag = await one(store, Insert("a" * 512, {}))
    assert await store.get("p", "a" * 512) == Entity("p", "a" * 512, {}, etag)
    assert await rows_of(store) == ["a" * 512]


async def test_an_empty_key_is_refused(limited: Store) -> None:
    for call in (limited.get("p", ""), limited.query(""), limited.commit("p", [Upsert("", {})])):
        with pytest.raises(Rejected):
            await call


# -- preconditions -----------------------------------------------------------------------------------------------------


async def test_inserted_twice_is_a_conflict(store: Store) -> None:
    etag = await one(store, Insert("r", {"n": 1}))
    with pytest.raises(Conflict) as caught:
        await store.commit("p", [Insert("r", {"n": 2})])
    assert caught.value.code == "EntityAlreadyExists"
    assert await store.get("p", "r") == Entity("p", "r", {"n": 1}, etag)


async def test_replace_needs_the_etag_of_the_last_write(store: Store) -> None:
    first = await one(store, Insert("r", {"n": 1}))
    second = await one(store, Replace("r", {"n": 2}, first))
    assert second != first
    with pytest.raises(Conflict) as caught:
        await store.commit("p", [Replace("r", {"n": 3}, first)])
    assert caught.value.code == "UpdateConditionNotSatisfied"
    assert await store.get("p", "r") == Entity("p", "r", {"n": 2}, second)


async def test_writing_the_same_value_changes_the_etag(store: Store) -> None:
    first = await one(store, Upsert("r", {"n": 1}))
    assert await one(store, Upsert("r", {"n": 1})) != first


async def test_star_replaces_what_is_there_and_only_that(store: Store) -> None:
    with pytest.raises(Conflict):
        await store.commit("p", [Replace("r", {"n": 1}, "*")])
    await one(store, Insert("r", {"n": 1}))
    etag = await one(store, Replace("r", {"n": 2}, "*"))
    assert await store.get("p", "r") == Entity("p", "r", {"n": 2}, etag)


async def test_remove(store: Store) -> None:
    etag = await one(store, Insert("r", {}))
    with pytest.raises(Conflict):
        await store.commit("p", [Remove("r", 'W/"another"')])
    assert await store.commit("p", [Remove("r", etag)]) == (None,)
    assert await store.get("p", "r") is None
    with pytest.raises(Conflict):
        await store.commit("p", [Remove("r", etag)])
    assert await store.commit("p", [Remove("r", "*"), Upsert("other", {})]) != ()
    assert await rows_of(store) == ["other"]


async def test_a_row_put_again_after_its_deletion_has_another_etag(store: Store) -> None:
    first = await one(store, Insert("r", {"n": 1}))
    await store.commit("p", [Remove("r", first)])
    second = await one(store, Insert("r", {"n": 1}))
    assert second != first
    with pytest.raises(Conflict):
        await store.commit("p", [Replace("r", {"n": 2}, first)])


async def test_check_fences_a_commit(store: Store) -> None:
    lease = await one(store, Insert("lease", {"owner": "a"}))
    etags = await store.commit("p", [Check("lease", lease), Upsert("r", {"n": 1})])
    assert etags[0] == lease, "a check leaves the ETag as it was, so that the holder can fence again"
    await store.commit("p", [Check("lease", lease), Upsert("r", {"n": 2})])
    await one(store, Replace("lease", {"owner": "b"}, lease))
    with pytest.raises(Conflict) as caught:
        await store.commit("p", [Upsert("r", {"n": 3}), Check("lease", lease)])
    assert caught.value.code == "UpdateConditionNotSatisfied"
    found = await store.get("p", "r")
    assert found is not None
    assert found.value == {"n": 2}


async def test_check_of_a_row_that_is_gone_fails_even_with_star(store: Store) -> None:
    for etag in ("*", 'W/"x"'):
        with pytest.raises(Conflict):
            await store.commit("p", [Check("lease", etag), Upsert("r", {})])
    assert await rows_of(store) == []


async def test_check_with_star_asks_only_that_the_row_exists(store: Store) -> None:
    lease = await one(store, Insert("lease", {}))
    assert (await store.commit("p", [Check("lease", "*"), Upsert("r", {})]))[0] == lease


async def test_many_rows_come_in_the_order_in_which_they_were_asked_for(store: Store) -> None:
    rows = [f"r{number:03d}" for number in range(60)]
    await store.commit("p", [Insert(row, {"row": row}) for row in rows])
    asked = [*reversed(rows), "absent", "r007"]
    found = await store.get_many("p", asked)
    assert [entity and entity.value["row"] for entity in found] == [*reversed(rows), None, "r007"]
    assert found[0] == await store.get("p", "r059")
    assert await store.get_many("p", []) == ()


async def test_many_rows_with_a_bad_key_are_refused(limited: Store) -> None:
    with pytest.raises(Rejected):
        await limited.get_many("p", ["fine", "not/fine"])


# -- commits -----------------------------------------------------------------------------------------------------------


async def test_all_or_none(store: Store) -> None:
    etag = await one(store, Insert("kept", {"n": 1}))
    failing: list[Write] = [Upsert("new", {}), Remove("kept", etag), Replace("absent", {}, "*")]
    with pytest.raises(Conflict):
        await store.commit("p", failing)
    assert await store.get("p", "kept") == Entity("p", "kept", {"n": 1}, etag)
    assert await rows_of(store) == ["kept"]


async def test_etags_are_returned_in_the_order_of_the_writes(store: Store) -> None:
    old = await one(store, Insert("gone", {}))
    etags = await store.commit("p", [Upsert("b", {}), Remove("gone", old), Upsert("a", {})])
    entities = (await store.query("p")).entities
    assert {e.row: e.etag for e in entities} == {"b": etags[0], "a": etags[2]}
    assert etags[1] is None


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_of_101_rows_and_of_none_is_refused(limited: Store, count: int) -> None:
    with pytest.raises(Rejected):
        await limited.commit("p", [Upsert(f"r{n}", {}) for n in range(count)])
    assert await rows_of(limited) == []


async def test_a_batch_of_100_rows(store: Store) -> None:
    etags = await store.commit("p", [Upsert(f"r{n:03d}", {"n": n}) for n in range(100)])
    assert len(set(etags)) == 100
    assert len(await rows_of(store)) == 100


async def test_a_row_may_be_written_once_in_a_commit(limited: Store) -> None:
    with pytest.raises(Rejected) as caught:
        await limited.commit("p", [Insert("r", {}), Upsert("r", {})])
    assert caught.value.code == "InvalidDuplicateRow"


async def test_one_of_many_concurrent_writers_wins(store: Store) -> None:
    etag = await one(store, Insert("r", {"n": -1}))
    attempts = [store.commit("p", [Replace("r", {"n": n}, etag)]) for n in range(20)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert all(isinstance(o, Conflict) for n, o in enumerate(outcomes) if n not in winners)
    assert len(winners) == 1
    found = await store.get("p", "r")
    assert found is not None
    assert found.value == {"n": winners[0]}


# -- queries -----------------------------------------------------------------------------------------------------------


async def test_rows_in_order_of_one_partition(store: Store) -> None:
    await store.commit("p", [Upsert(row, {}) for row in ("b", "a!2", "a!10", "B", "a", "~")])
    await store.commit("q", [Upsert("a!3", {})])
    assert await rows_of(store) == ["B", "a", "a!10", "a!2", "b", "~"]
    assert await rows_of(store, "q") == ["a!3"]
    assert await store.get("q", "a") is None


async def test_prefix_and_below(store: Store) -> None:
    await store.commit("p", [Upsert(row, {}) for row in ("c!1", "d!1", "d!2", "d!2~", "d!3", "d!~", "e")])
    assert await rows_of(store, prefix="d!") == ["d!1", "d!2", "d!2~", "d!3", "d!~"]
    assert await rows_of(store, prefix="d!", below="d!2") == ["d!1"]
    assert await rows_of(store, below="d!2") == ["c!1", "d!1"]
    assert await rows_of(store, prefix="d!", below="z") == ["d!1", "d!2", "d!2~", "d!3", "d!~"]
    assert await rows_of(store, prefix="x") == []
    assert await rows_of(store, at_least="d!2~") == ["d!2~", "d!3", "d!~", "e"]
    assert await rows_of(store, prefix="d!", at_least="d!2", below="d!3") == ["d!2", "d!2~"]
    assert await rows_of(store, prefix="d!", at_least="a") == ["d!1", "d!2", "d!2~", "d!3", "d!~"]


async def test_continuation_over_a_thousand_rows(limited: Store) -> None:
    rows = [f"w!{n:04d}" for n in range(2050)]
    for start in range(0, len(rows), 100):
        await limited.commit("p", [Insert(row, {"row": row}) for row in rows[start : start + 100]])
    page = await limited.query("p", prefix="w!", limit=5000)
    assert len(page.entities) <= 1000
    assert page.continuation is not None
    assert await rows_of(limited, prefix="w!", limit=5000) == rows
    assert await rows_of(limited, prefix="w!", limit=7, below="w!0030") == rows[:30]


async def test_rows_removed_and_added_between_pages(store: Store) -> None:
    await store.commit("p", [Upsert(f"r{n}", {}) for n in range(6)])
    page = await store.query("p", limit=3)
    await store.commit("p", [Remove("r2", "*"), Remove("r3", "*"), Upsert("r0a", {}), Upsert("r4a", {})])
    rest = await store.query("p", limit=1000, continuation=page.continuation)
    assert [entity.row for entity in rest.entities] == ["r4", "r4a", "r5"]


async def test_bad_pages_are_refused(limited: Store) -> None:
    for query in ({"limit": 0}, {"continuation": "not one"}, {"continuation": ""}, {"continuation": "/////w=="}):
        with pytest.raises(Rejected):
            await limited.query("p", **query)
