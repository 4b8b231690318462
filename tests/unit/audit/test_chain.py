"""Writing entries: in the commit of the change, one chain per object, one writer at a time."""

from __future__ import annotations

import asyncio
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from controlplane.audit import merkle
from controlplane.audit.canonical import canonical
from controlplane.audit.chain import Chain
from controlplane.audit.changes import MAX_PATHS, changes
from controlplane.audit.model import ENTRY, GENESIS, HEAD, TIME, Kind, hash_of, head_row
from controlplane.errors import Conflict, Fatal
from controlplane.ports.store import Insert, Replace
from controlplane.store import SqliteStore
from tests.support.audit import drop, fact, put, rows, tell
from tests.support.memory_store import MemoryStore


async def test_each_entry_names_the_one_before() -> None:
    store = MemoryStore()
    await tell(store, fact(number=1), fact("other"), fact(number=2), fact(number=3))
    newest, middle, first = [e.value for e in await rows(store, Kind.WORKSPACES, f"{ENTRY}ws!")]
    assert [e["sequence"] for e in (first, middle, newest)] == [1, 2, 3]
    assert (first["previousHash"], middle["previousHash"]) == (GENESIS, first["hash"])
    assert newest["previousHash"] == middle["hash"] == hash_of(middle)
    head = await store.get(Kind.WORKSPACES, head_row("ws"))
    assert head is not None
    assert head.value == {"object": "workspaces/ws", "sequence": 3, "hash": newest["hash"]}


async def test_change_and_entry_are_stored_together_or_not_at_all() -> None:
    store = MemoryStore()
    chain = Chain(store, Kind.WORKSPACES)
    etags = await chain.commit([Insert("w!ws", {"a": 1})], fact())
    with pytest.raises(Conflict):
        await chain.commit([Insert("w!ws", {"a": 2})], fact(number=2))
    found = await store.get(Kind.WORKSPACES, "w!ws")
    assert found is not None
    assert (found.value, found.etag) == ({"a": 1}, etags[0])
    assert len(await rows(store, Kind.WORKSPACES, ENTRY)) == 1
    assert len(await rows(store, Kind.WORKSPACES, TIME)) == 1


async def test_two_facts_of_one_commit_follow_each_other() -> None:
    store = MemoryStore()
    etags = await Chain(store, Kind.WORKSPACES).commit([Insert("w!ws", {})], fact(number=1), fact(number=2))
    assert len(etags) == 1
    newest, first = [e.value for e in await rows(store, Kind.WORKSPACES, ENTRY)]
    assert newest["previousHash"] == first["hash"]
    with pytest.raises(Fatal):
        await Chain(store, Kind.WORKSPACES).commit([], fact("a"), fact("b"))


async def test_commits_at_once_all_get_in_behind_each_other(tmp_path: object) -> None:
    store = SqliteStore(f"{tmp_path}/store.db")
    try:
        chains = [Chain(store, Kind.WORKSPACES) for _ in range(4)]
        work = (chain.commit([Insert(f"w!{n}", {})], fact(number=n)) for n, chain in enumerate(chains))
        await asyncio.gather(*work)
        entries = [e.value for e in (await store.query(Kind.WORKSPACES, prefix=ENTRY)).entities]
        assert [e["sequence"] for e in entries] == [4, 3, 2, 1]
        assert [e["previousHash"] for e in entries] == [*(e["hash"] for e in entries[1:]), GENESIS]
    finally:
        store.close()


async def test_of_two_that_change_the_same_row_one_loses() -> None:
    store = MemoryStore()
    chain = Chain(store, Kind.WORKSPACES)
    etag = (await chain.commit([Insert("w!ws", {"n": 0})], fact(number=1)))[0]
    assert etag is not None
    work = (chain.commit([Replace("w!ws", {"n": n}, etag)], fact(number=n)) for n in (2, 3))
    results = await asyncio.gather(*work, return_exceptions=True)
    assert sorted(isinstance(result, Conflict) for result in results) == [False, True]
    assert len(await rows(store, Kind.WORKSPACES, ENTRY)) == 2


@pytest.mark.parametrize("how", ["the head is gone", "the head is an older one"])
async def test_a_chain_that_was_meddled_with_takes_nothing_more(how: str) -> None:
    store = MemoryStore()
    await tell(store, fact(number=1))
    older = (await rows(store, Kind.WORKSPACES, HEAD))[0].value
    await tell(store, fact(number=2))
    if how == "the head is gone":
        await drop(store, Kind.WORKSPACES, head_row("ws"))
    else:
        await put(store, Kind.WORKSPACES, head_row("ws"), older)
    with pytest.raises(Fatal) as caught:
        await Chain(store, Kind.WORKSPACES).commit([Insert("w!ws", {})], fact(number=3))
    assert caught.value.code == "AuditChainBroken"
    assert await store.get(Kind.WORKSPACES, "w!ws") is None


# -- canonical JSON, changes, Merkle trees -----------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_the_store_and_the_order_of_fields_change_no_hash(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]
    again = json.loads(json.dumps(value))
    assert canonical(again) == canonical(value)
    if isinstance(value, dict):
        assert canonical(dict(reversed(list(value.items())))) == canonical(value)


@given(
    st.recursive(st.text() | st.integers() | st.booleans(), lambda inner: st.dictionaries(st.text(max_size=3), inner))
)
def test_what_is_written_fast_is_written_the_same(value: object) -> None:
    """Any text, control characters among it; numbers that are refused are refused."""
    try:
        wanted = rfc8785.dumps(value)  # type: ignore[arg-type]
    except rfc8785.CanonicalizationError:
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical(value)
    else:
        assert canonical(value) == wanted


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical({"a": "\ud800"})


def test_canonical_json_is_that_of_the_rfc() -> None:
    """RFC 8785: numbers of 3.2.2, sorting of 3.2.3, by UTF-16 and not by code point."""
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5}
    keys = [key for key, _ in json.loads(canonical(value), object_pairs_hook=list)]
    assert keys == ["\r", "1", "\u20ac", "\U0001f600", "\ufb33"]
    numbers = json.loads("[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]")
    assert canonical(numbers) == b"[333333333.3333333,1e+30,4.5,0.002,1e-27]"


CHANGES = {
    "same": ({"a": 1}, {"a": 1}, []),
    "one leaf": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [{"path": "$.a.c", "old": 2, "new": 3}]),
    "added and removed": ({"a": 1}, {"b": None}, [{"path": "$.a", "old": 1}, {"path": "$.b", "new": None}]),
    "in a list": ({"a": [1, 2]}, {"a": [1, 3]}, [{"path": "$.a[1]", "old": 2, "new": 3}]),
    "a longer list": ({"a": [1]}, {"a": [1, 2]}, [{"path": "$.a", "old": [1], "new": [1, 2]}]),
    "a whole document": (None, {"a": {"b": 1}}, [{"path": "$.a.b", "new": 1}]),
    "true is not one": ({"a": True}, {"a": 1}, [{"path": "$.a", "old": True, "new": 1}]),
    "an odd name": ({}, {"a b": 1}, [{"path": "$['a b']", "new": 1}]),
    "a number that JSON readers round": ({}, {"a": 2**60}, [{"path": "$.a", "new": str(2**60)}]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes(name: str) -> None:
    before, after, wanted = CHANGES[name]
    assert changes(before, after) == wanted


def test_long_values_and_many_paths_are_told_by_their_hash() -> None:
    (long,) = changes({"a": "x" * 300}, {"a": "y"})
    assert long == {"path": "$.a", "oldHash": long["oldHash"], "new": "y"}
    assert len(long["oldHash"]) == 64
    many = {f"k{n}": n for n in range(MAX_PATHS + 1)}
    (whole,) = changes({}, many)
    assert (whole["path"], len(whole["newHash"])) == ("$", 64)


#: Leaves and roots of RFC 6962's reference implementation, certificate-transparency's merkle_tree_test.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_merkle_roots_are_those_of_rfc_6962(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size]


@given(st.lists(st.binary(max_size=3), max_size=40), st.data())
def test_a_root_tells_every_list_of_leaves_apart(leaves: list[bytes], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.sampled_from([*leaves, b"x"]), max_size=41))
    assert (merkle.root(leaves) == merkle.root(other)) is (leaves == other)
