"""Checkpoints: one line an hour, whatever is lost, doubled or at once; and what they say holds for any reader."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from controlplane.audit import checkpoints
from controlplane.audit.checkpoints import Folded, fold, log_of, root_of, take
from controlplane.audit.model import HEAD, Head, Kind, head_row
from controlplane.errors import Fatal, Transient
from controlplane.triggers.checkpoints import CheckpointDeps, take_checkpoint
from tests.support.audit import HOUR, NOW, MemoryAnchor, drop, fact, put, rows, tell
from tests.support.clock import FrozenClock
from tests.support.memory_store import MemoryStore

LOG = "audit-2026-11.jsonl"


def lines(anchor: MemoryAnchor, log: str = LOG) -> list[dict[str, object]]:
    return [json.loads(line) for line in anchor.logs[log].splitlines()]


async def heads_of(store: MemoryStore) -> dict[str, Head]:
    return {head.object: head async for head in checkpoints.heads(store)}


async def test_a_line_holds_what_changed_and_the_root_over_all() -> None:
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, fact("a"), fact("b"), fact("churn", kind=Kind.PROJECTS))
    first = await take(store, anchor, NOW)
    assert [head[0] for head in first.heads] == ["projects/churn", "workspaces/a", "workspaces/b"]
    await tell(store, fact("b", 2))
    second = await take(store, anchor, NOW + HOUR)
    assert [head[:2] for head in second.heads] == [("workspaces/b", 2)]
    assert (second.count, second.number, second.root) == (3, 2, root_of(await heads_of(store)))
    third = await take(store, anchor, NOW + 2 * HOUR)
    assert (third.heads, third.root) == ((), second.root)
    folded = Folded()
    assert [c.number for c in fold(anchor.logs[LOG], folded)] == [1, 2, 3]
    assert folded.heads == await heads_of(store)


async def test_one_an_hour() -> None:
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, fact())
    taken = [await take(store, anchor, NOW + timedelta(minutes=m)) for m in (0, 0, 20, -20)]
    assert len({checkpoint.number for checkpoint in taken}) == 1
    assert len(lines(anchor)) == 1


async def test_at_once_leaves_one() -> None:
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, fact())
    taken = await asyncio.gather(*(take(store, anchor, NOW) for _ in range(3)))
    assert {c.number for c in taken} == {1}
    assert len(lines(anchor)) == 1


async def test_a_lost_answer_doubles_nothing() -> None:
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, fact())
    anchor.lose = 1
    taken = await take(store, anchor, NOW)
    assert (taken.number, len(lines(anchor))) == (1, 1)


async def test_an_anchor_that_is_away_raises() -> None:
    class Away(MemoryAnchor):
        async def names(self) -> tuple[str, ...]:
            raise Transient("StoreUnavailable", "away", retry_after=1)

    with pytest.raises(Transient):
        await take(MemoryStore(), Away(), NOW)


async def test_a_new_month_begins_a_log_that_can_be_read_alone() -> None:
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, fact("a"), fact("b"))
    await take(store, anchor, NOW)
    await drop(store, Kind.WORKSPACES, head_row("a"))
    later = NOW + timedelta(days=31)
    await take(store, anchor, later)
    assert log_of(later) == "audit-2026-12.jsonl"
    folded = Folded()
    (checkpoint,) = fold(anchor.logs[log_of(later)], folded)
    assert (checkpoint.number, set(folded.heads)) == (2, {"workspaces/a", "workspaces/b"})
    both = Folded()
    assert [c.number for log in sorted(anchor.logs) for c in fold(anchor.logs[log], both)] == [1, 2]
    behind = await take(store, anchor, NOW + HOUR)
    assert (behind.number, len(anchor.logs[LOG].splitlines())) == (2, 1)


async def test_more_heads_than_a_line_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MAX_HEADS", 2)
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, *(fact(f"ws{n}") for n in range(5)))
    last = await take(store, anchor, NOW)
    assert (last.number, last.count, last.more, len(lines(anchor))) == (3, 5, False, 3)
    folded = Folded()
    assert [c.more for c in fold(anchor.logs[LOG], folded)] == [True, True, False]
    assert folded.heads == await heads_of(store)
    # The process that wrote the first line of an hour died: the next one goes on.
    cut = anchor.logs[LOG].splitlines(keepends=True)[0]
    anchor.logs[LOG] = cut
    again = await take(store, anchor, NOW)
    assert (again.count, again.root) == (5, last.root)
    assert len(list(fold(anchor.logs[LOG], Folded()))) == 3


async def test_five_thousand_heads_come_in_pages() -> None:
    class Counting(MemoryStore):
        queries = 0

        async def query(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def]
            self.queries += 1
            return await super().query(*args, **kwargs)  # type: ignore[arg-type]

    store, anchor = Counting(), MemoryAnchor()
    for n in range(5000):
        value = {"object": f"workspaces/ws{n:04d}", "sequence": 1, "hash": f"{n:064x}"}
        await put(store, Kind.WORKSPACES, head_row(f"ws{n:04d}"), value)
    store.queries = 0
    taken = await take(store, anchor, NOW)
    assert (taken.count, store.queries) == (5000, 5 + len(Kind) - 1)
    assert len(anchor.logs[LOG]) < 4 * 1024 * 1024 * 5000 // checkpoints.MAX_HEADS


BREAKS = {
    "a line changed": lambda log: log.replace(b'"sequence"', b'"sequenze"').replace(b'"count":1', b'"count":2', 1),
    "a line removed": lambda log: b"".join(log.splitlines(keepends=True)[1:]),
    "lines swapped": lambda log: b"".join(reversed(log.splitlines(keepends=True))),
    "half a line": lambda log: log[:-10],
    "not canonical": lambda log: log.replace(b'"count":1', b'"count": 1', 1),
    "not JSON": lambda log: log + b"hello\n",
}


@pytest.mark.parametrize("how", BREAKS)
async def test_a_broken_log_is_not_added_to(how: str) -> None:
    store, anchor = MemoryStore(), MemoryAnchor()
    await tell(store, fact())
    await take(store, anchor, NOW)
    await take(store, anchor, NOW + HOUR)
    await take(store, anchor, NOW + 2 * HOUR)
    anchor.logs[LOG] = before = BREAKS[how](anchor.logs[LOG])
    with pytest.raises(Fatal) as caught:
        await take(store, anchor, NOW + 3 * HOUR)
    assert caught.value.code == "CheckpointBroken"
    assert anchor.logs[LOG] == before


async def test_the_timer_takes_one_where_there_is_an_anchor() -> None:
    store, clock, anchor = MemoryStore(), FrozenClock(), MemoryAnchor()
    await tell(store, fact())
    assert await take_checkpoint(CheckpointDeps(store, None, clock)) is None
    taken = await take_checkpoint(CheckpointDeps(store, anchor, clock))
    assert taken is not None
    assert (await rows(store, Kind.WORKSPACES, HEAD))[0].value["hash"] == taken.heads[0][2]
