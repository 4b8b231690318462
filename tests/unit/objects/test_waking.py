"""Waking and upkeep of objects: bounded and fair, and nothing that is due is ever forgotten."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Objects, Thing, due_row, put
from controlplane.objects.tick import PUT_OFF, Machines, Part
from controlplane.objects.upkeep import heal_objects
from controlplane.objects.waking import MOST, wake
from controlplane.ports.store import Insert, Remove, Replace, Store, Upsert
from controlplane.triggers.poison import run_poison
from controlplane.triggers.sweeps import SweepDeps, keep_up, wake_due
from controlplane.workspaces.healing import CareDeps
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.upkeep import Upkeep
from tests.support.clock import START, FrozenClock
from tests.support.memory_store import MemoryQueue
from tests.support.stores import BACKENDS, open_store

PARTITION = str(Kind.RETRAINING)
MINUTE = timedelta(minutes=1)


class Signalled(Thing):
    KIND: ClassVar[str] = "signal"


class Running(Thing):
    KIND: ClassVar[str] = "run"


class Decided(Thing):
    KIND: ClassVar[str] = "decision"


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(request.param, tmp_path, request) as opened:
        yield opened


@pytest.fixture
async def quick(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    async with open_store("sqlite", tmp_path, request) as opened:
        yield opened


async def add(objects: Objects, *things: Thing) -> None:
    writes = [write for thing in things for write in put(None, thing)]
    for start in range(0, len(writes), 100):
        await objects.commit(writes[start : start + 100])


def asked(queue: MemoryQueue) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one, _ in queue.sent]


def machines_of(store: Store, clock: FrozenClock) -> Machines:
    async def nothing(_: str, __: Hold) -> None:
        return None

    parts = {one.KIND: Part(one, nothing) for one in (Signalled, Running)}
    return Machines(Objects(store, Kind.RETRAINING), parts, MemoryQueue(), clock, SystemClock(), "test")


async def test_ten_thousand_signals_keep_no_run_waiting(quick: Store) -> None:
    """One call sends a thousand messages, and every kind has its share of them."""
    objects, queue = Objects(quick, Kind.RETRAINING), MemoryQueue()
    old = START - timedelta(hours=1)
    await add(objects, *(Signalled(id=f"s{number:05d}", due_at=old) for number in range(9_990)))
    await add(objects, *(Running(id=f"r{number}", due_at=START) for number in range(5)))
    await add(objects, Running(id="later", due_at=START + MINUTE))
    now = START + timedelta(seconds=1)
    assert await wake(objects, queue, now, now) == MOST
    kinds = Counter(kind for kind, _ in asked(queue))
    assert kinds == {"signal": MOST - 5, "run": 5}
    assert {name for kind, name in asked(queue) if kind == "signal"} == {f"s{n:05d}" for n in range(MOST - 5)}


async def test_what_a_tick_holds_is_left_to_it(store: Store) -> None:
    objects, queue = Objects(store, Kind.RETRAINING), MemoryQueue()
    await add(objects, *(Signalled(id=name, due_at=START) for name in ("free", "held", "late")))
    await objects.leases.take("signal!held", "somebody", START, 90)
    await objects.leases.take("signal!late", "somebody", START - 2 * MINUTE, 90)
    now = START + timedelta(seconds=1)
    assert await wake(objects, queue, now, now) == 2
    assert sorted(asked(queue)) == [("signal", "free"), ("signal", "late")]


async def test_a_lost_due_row_comes_back(store: Store) -> None:
    """Of whichever kind, and behind however many objects; those at rest and those that never wake get none."""
    objects = Objects(store, Kind.RETRAINING)
    await add(objects, *(Decided(id=f"d{number}") for number in range(7)))
    await add(objects, *(Signalled(id=f"s{number}", due_at=START) for number in range(7)), Signalled(id="rests"))
    await add(objects, Running(id="r", due_at=START))
    lost = [due_row(START, "signal", "s3"), due_row(START, "signal", "s6"), due_row(START, "run", "r")]
    await store.commit(PARTITION, [Remove(row, "*") for row in lost])
    now = START + timedelta(seconds=1)
    assert len(await objects.due(now)) == 5
    # Nine objects that may be due, four at a time; the decisions before them are not looked at.
    healed = [await heal_objects(objects, START, at_rest=("decision",), limit=4) for _ in range(4)]
    assert (sum(healed), healed[0]) == (3, 1)
    assert {one.id for one in await objects.due(now)} == {"r", *(f"s{number}" for number in range(7))}
    assert await heal_objects(objects, START, at_rest=("decision",)) == 0


async def test_rows_that_lead_nowhere_go(store: Store) -> None:
    objects = Objects(store, Kind.RETRAINING)
    await add(objects, Signalled(id="moved", due_at=START + MINUTE), Signalled(id="fine", due_at=START))
    strays = {due_row(START, "signal", "gone"): "gone", due_row(START, "signal", "moved"): "moved"}
    await store.commit(PARTITION, [Upsert(row, {"kind": "signal", "id": name}) for row, name in strays.items()])
    assert await heal_objects(objects, START + timedelta(seconds=1)) == 2
    due = await objects.due(START + 2 * MINUTE)
    assert [(one.id, one.row) for one in due] == [
        ("fine", due_row(START, "signal", "fine")),
        ("moved", due_row(START + MINUTE, "signal", "moved")),
    ]


async def test_the_timer_wakes_and_heals_both(quick: Store) -> None:
    clock, queue = FrozenClock(), MemoryQueue()
    objects = Objects(quick, Kind.RETRAINING)
    await add(objects, Running(id="r", due_at=clock.now()))
    await quick.commit(PARTITION, [Remove(due_row(clock.now(), "run", "r"), "*")])
    clock.advance(1)
    deps = SweepDeps(WorkspaceRepository(quick), queue, clock, clock, Upkeep(quick), (objects,))
    assert (await wake_due(deps), await keep_up(deps), await wake_due(deps)) == (0, 1, 1)
    assert asked(queue) == [("run", "r")]


async def poisoned(store: Store, clock: FrozenClock, name: str) -> None:
    """What the host does with a message that five ticks failed at."""
    care = CareDeps(WorkspaceRepository(store), Upkeep(store), clock, clock)
    body = json.dumps({"kind": "signal", "name": name}).encode()
    await run_poison(body, care, lambda: machines_of(store, clock))


async def test_poison_puts_off_even_what_cannot_be_read(store: Store) -> None:
    clock, objects = FrozenClock(), Objects(store, Kind.RETRAINING)
    due_at = clock.now()
    await add(objects, *(Signalled(id=name, due_at=due_at) for name in ("odd", "held")))
    row = await store.get(PARTITION, "w!signal!odd")
    assert row is not None
    await store.commit(PARTITION, [Replace("w!signal!odd", {**row.value, "nobody": "knows"}, row.etag)])
    with pytest.raises(ValueError, match="nobody"):
        await objects.get(Signalled, "odd")
    await objects.leases.take("signal!held", "somebody", SystemClock().now(), 90)
    for name in ("odd", "odd", "held", "gone"):
        await poisoned(store, clock, name)
    clock.advance(1)
    assert [one.id for one in await objects.due(clock.now())] == ["held"]
    clock.advance(PUT_OFF.total_seconds())
    assert [one.id for one in await objects.due(clock.now())] == ["held", "odd"]
    assert await heal_objects(objects, clock.now()) == 0


async def test_an_object_of_a_kind_nobody_knows_is_put_off_by_nobody(quick: Store) -> None:
    clock = FrozenClock()
    await quick.commit(PARTITION, [Insert("w!other!x", {"id": "x", "dueAt": clock.now().isoformat()})])
    care = CareDeps(WorkspaceRepository(quick), Upkeep(quick), clock, clock)
    await run_poison(b'{"kind": "other", "name": "x"}', care, lambda: machines_of(quick, clock))
    row = await quick.get(PARTITION, "w!other!x")
    assert row is not None
    assert row.value["dueAt"] == clock.now().isoformat()
