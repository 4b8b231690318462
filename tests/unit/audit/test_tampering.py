"""Whoever can write the store can change any row. What of it ``:verify`` sees, with and without an anchor."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.audit import proof
from controlplane.audit.canonical import canonical
from controlplane.audit.checkpoints import take
from controlplane.audit.model import (
    ENTRY,
    HEAD,
    Head,
    Kind,
    entry_row,
    hash_of,
    head_of,
    head_row,
    seal,
)
from controlplane.audit.proof import Proof, prove_all, prove_object
from tests.support.audit import HOUR, NOW, MemoryAnchor, drop, fact, put, rows, run, tell
from tests.support.memory_store import MemoryStore

NAMES = ("a", "a-b", "ab")
WS = Kind.WORKSPACES


async def house(lengths: tuple[int, int, int], anchor: MemoryAnchor | None, checkpointed: int = 1000) -> MemoryStore:
    """Three chains; the checkpoint is taken when each had at most ``checkpointed`` entries."""
    store = MemoryStore()
    await tell(store, fact("churn", kind=Kind.PROJECTS))
    plan = [(name, n) for name, length in zip(NAMES, lengths, strict=True) for n in range(1, length + 1)]
    await tell(store, *(fact(name, n) for name, n in plan if n <= checkpointed))
    if anchor is not None:
        await take(store, anchor, NOW)
    await tell(store, *(fact(name, n) for name, n in plan if n > checkpointed))
    return store


async def both(store: MemoryStore, anchor: MemoryAnchor | None, name: str) -> tuple[Proof, Proof]:
    """All chains, and one of them."""
    return await prove_all(store, anchor), await prove_object(store, anchor, WS, name)


@given(st.tuples(*[st.integers(1, 6)] * 3), st.booleans())
@settings(max_examples=20, deadline=None)
def test_what_nobody_touched_is_consistent(lengths: tuple[int, int, int], with_anchor: bool) -> None:
    async def work() -> None:
        anchor = MemoryAnchor() if with_anchor else None
        store = await house(lengths, anchor, checkpointed=3)
        every, one = await both(store, anchor, "a-b")
        assert (every.consistent, every.anchored, every.first_bad) == (True, with_anchor, None)
        assert (every.checked_entries, every.checked_chains) == (sum(lengths) + 1, 4)
        assert (one.consistent, one.anchored, one.checked_entries) == (True, with_anchor, lengths[1])
        late = sum(max(0, n - 3) for n in lengths)
        assert every.unanchored_entries == (late if with_anchor else sum(lengths) + 1)

    run(work())


# -- without an anchor: everything but a cut tail and a chain rewritten as a whole -----------------------------------


def mutated(data: st.DataObject, value: dict[str, Any]) -> dict[str, Any]:
    """The entry with one leaf changed, a field removed or one added."""
    after = copy.deepcopy(value)
    holder: Any = after
    key: Any = data.draw(st.sampled_from(sorted(after)))
    while isinstance(holder[key], dict | list) and holder[key] and data.draw(st.booleans()):
        holder = holder[key]
        keys = sorted(holder) if isinstance(holder, dict) else range(len(holder))
        key = data.draw(st.sampled_from(keys))
    match data.draw(st.sampled_from(("change", "remove", "add"))):
        case "change":
            other = st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=3) | st.just("0" * 64)
            old = canonical(holder[key])
            holder[key] = data.draw(other.filter(lambda new: canonical(new) != old))
        case "remove":
            del holder[key]
        case _:
            after["more"] = data.draw(st.integers(-9, 9))
    return after


async def tamper(store: MemoryStore, name: str, data: st.DataObject) -> None:
    """One change of the stored rows of a chain."""
    found = await rows(store, WS, f"{ENTRY}{name}!")
    mine, other = (found[data.draw(st.integers(0, len(found) - 1))] for _ in range(2))
    match data.draw(st.sampled_from(("change", "swap", "remove", "insert", "move", "head", "no head"))):
        case "change":
            await put(store, WS, mine.row, mutated(data, dict(mine.value)))
        case "swap" if mine.row != other.row:
            await put(store, WS, mine.row, other.value)
            await put(store, WS, other.row, mine.value)
        case "remove" | "swap":
            await drop(store, WS, mine.row)
        case "insert":
            last = head_of(found[0].value)
            before = Head(last.object, last.sequence + data.draw(st.integers(0, 2)), last.hash)
            await put(store, WS, entry_row(name, before.sequence + 1), seal(fact(name, 99), before))
        case "move":
            elsewhere = next(n for n in NAMES if n != name)
            await put(store, WS, mine.row, (await rows(store, WS, f"{ENTRY}{elsewhere}!"))[0].value)
        case "head":
            head = dict((await rows(store, WS, f"{HEAD}{name}"))[0].value)
            forged = {"object": "workspaces/zz", "sequence": int(head["sequence"]) + 1, "hash": "f" * 64}
            field = data.draw(st.sampled_from(sorted(forged)))
            await put(store, WS, head_row(name), {**head, field: forged[field]})
        case _:
            await drop(store, WS, head_row(name))


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_any_single_change_of_stored_rows_is_seen(data: st.DataObject) -> None:
    async def work() -> None:
        store = await house((3, 4, 2), None)
        name = data.draw(st.sampled_from(NAMES))
        await tamper(store, name, data)
        every, one = await both(store, None, name)
        assert not every.consistent
        assert not one.consistent
        assert every.first_bad is not None
        assert every.first_bad.object == f"workspaces/{name}"
        other = next(n for n in NAMES if n != name)
        assert (await prove_object(store, None, WS, other)).consistent

    run(work())


# -- with an anchor: those too -----------------------------------------------------------------------------------------


async def rewrite(store: MemoryStore, name: str, length: int) -> None:
    """The chain as it would be if other things had happened: every hash and the head agree."""
    for entity in await rows(store, WS, f"{ENTRY}{name}!"):
        await drop(store, WS, entity.row)
    head: Head | None = None
    for number in range(1, length + 1):
        entry = seal(fact(name, number, details={"operation": "another"}), head)
        head = head_of(entry)
        await put(store, WS, entry_row(name, number), entry)
    if head is None:
        await drop(store, WS, head_row(name))
    else:
        value = {"object": head.object, "sequence": head.sequence, "hash": head.hash}
        await put(store, WS, head_row(name), value)


async def cut(store: MemoryStore, name: str, keep: int) -> None:
    """The chain without its last entries, the head moved back."""
    found = await rows(store, WS, f"{ENTRY}{name}!")
    for entity in found[: len(found) - keep]:
        await drop(store, WS, entity.row)
    if keep == 0:
        await drop(store, WS, head_row(name))
        return
    last = head_of(found[len(found) - keep].value)
    await put(store, WS, head_row(name), {"object": last.object, "sequence": last.sequence, "hash": last.hash})


@given(name=st.sampled_from(NAMES), keep=st.integers(0, 3), again=st.booleans(), more=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_a_cut_tail_is_seen_with_an_anchor(name: str, keep: int, again: bool, more: int) -> None:
    """Also when other entries took the place of those that were cut, and were checkpointed themselves."""

    async def work() -> None:
        anchor = MemoryAnchor()
        store = await house((4, 4, 4), anchor)
        await cut(store, name, keep)
        await tell(store, *(fact(name, 50 + n) for n in range(more)))
        if again:
            await take(store, anchor, NOW + HOUR)
        every, one = await both(store, anchor, name)
        assert (every.consistent, one.consistent) == (False, False)
        assert (every.anchored, one.anchored) == (True, True)
        blind = await prove_all(store, None)
        assert (blind.consistent, blind.anchored) == (True, False)

    run(work())


@given(name=st.sampled_from(NAMES), length=st.integers(0, 6), again=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_rewritten_chain_is_seen_with_an_anchor(name: str, length: int, again: bool) -> None:
    async def work() -> None:
        anchor = MemoryAnchor()
        store = await house((3, 4, 5), anchor, checkpointed=3)
        await rewrite(store, name, length)
        if again:
            await take(store, anchor, NOW + HOUR)
        every, one = await both(store, anchor, name)
        assert (every.consistent, one.consistent) == (False, False)
        blind = await prove_all(store, None)
        assert (blind.consistent, blind.anchored) == (True, False)

    run(work())


async def test_what_came_after_the_checkpoint_is_counted_as_not_anchored() -> None:
    anchor = MemoryAnchor()
    store = await house((4, 2, 2), anchor, checkpointed=2)
    await cut(store, "a", 2)
    found = await prove_all(store, anchor)
    assert (found.consistent, found.unanchored_entries) == (True, 0)
    await tell(store, fact("new"))
    one = await prove_object(store, anchor, WS, "new")
    assert (one.consistent, one.anchored, one.unanchored_entries) == (True, False, 1)


async def test_a_broken_anchor_is_not_consistent() -> None:
    anchor = MemoryAnchor()
    store = await house((1, 1, 1), anchor)
    anchor.logs["audit-2026-11.jsonl"] = anchor.logs["audit-2026-11.jsonl"].replace(b'"count":4', b'"count":5')
    found = await prove_all(store, anchor)
    assert not found.consistent
    assert found.first_bad is not None
    assert found.first_bad.reason == "CheckpointBroken"


async def test_where_it_is_bad_is_the_first_entry_that_is() -> None:
    store = await house((5, 1, 1), None)
    for number in (4, 2):
        entity = (await rows(store, WS, entry_row("a", number)))[0]
        await put(store, WS, entity.row, {**entity.value, "actor": "nobody"})
    found = (await prove_all(store, None)).first_bad
    assert found is not None
    assert (found.object, found.sequence, found.reason) == ("workspaces/a", 2, "HashMismatch")
    entity = (await rows(store, WS, entry_row("a", 2)))[0]
    resealed = {**entity.value, "hash": hash_of(entity.value)}
    await put(store, WS, entity.row, resealed)
    found = (await prove_object(store, None, WS, "a")).first_bad
    assert found is not None
    assert (found.sequence, found.reason) == (2, "PreviousHashMismatch")


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
async def test_pages_end_anywhere(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_ENTRIES", size)
    monkeypatch.setattr(proof, "_HEADS", size)
    store = await house((3, 4, 2), None)
    found = await prove_all(store, None)
    assert (found.consistent, found.checked_entries, found.checked_chains) == (True, 10, 4)
    await drop(store, WS, head_row("ab"))
    assert not (await prove_all(store, None)).consistent
    store = await house((3, 4, 2), None)
    for entity in await rows(store, WS, f"{ENTRY}a-b!"):
        await drop(store, WS, entity.row)
    found = await prove_all(store, None)
    assert found.first_bad is not None
    assert found.first_bad.object == "workspaces/a-b"


async def test_an_entry_that_comes_while_it_is_verified_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "_ENTRIES", 2)

    class Growing(MemoryStore):
        left = 2

        async def query(self, partition: str, **asked: Any) -> Any:
            page = await super().query(partition, **asked)
            if self.left and asked["prefix"].startswith(ENTRY):
                self.left -= 1
                await tell(self, fact("a", 90 + self.left))
            return page

    store = Growing()
    await tell(store, *(fact("a", n) for n in range(1, 6)))
    store.left = 2
    assert (await prove_object(store, None, WS, "a")).consistent
    store.left = 2
    assert (await prove_all(store, None)).consistent
