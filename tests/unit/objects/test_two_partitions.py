"""Objects of two partitions with one queue: each tick takes its lease where its object is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Objects, Thing, put
from controlplane.objects.tick import Handler, Machines, Part, give_up, tick_object
from controlplane.store.sqlite_store import SqliteStore
from controlplane.triggers.sweeps import SweepDeps, wake_due
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.clock import START, FrozenClock
from tests.support.memory_store import MemoryQueue


class Here(Thing):
    KIND: ClassVar[str] = "here"
    ticks: int = 0


class There(Here):
    KIND: ClassVar[str] = "there"


class Places:
    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "store.db")
        self.clock = FrozenClock(START)
        self.queue = MemoryQueue()
        self.here, self.there = Objects(self.store, Kind.RETRAINING), Objects(self.store, Kind.GOVERNANCE)
        parts = {
            Here.KIND: Part(Here, self._count(Here, self.here)),
            There.KIND: Part(There, self._count(There, self.there), self.there),
        }
        self.machines = Machines(self.here, parts, self.queue, self.clock, SystemClock(), "test")

    def _count(self, kind: type[Here], objects: Objects) -> Handler:
        async def work(thing_id: str, hold: Hold) -> datetime | None:
            stored = await objects.require(kind, thing_id)
            after = stored.value.model_copy(update={"ticks": stored.value.ticks + 1, "due_at": None})
            await objects.commit_held(hold, put(stored, after))
            return None

        return work


@pytest.fixture
def places(tmp_path: Path) -> Iterator[Places]:
    made = Places(tmp_path)
    yield made
    made.store.close()


async def test_each_is_woken_and_worked_on_where_it_is(places: Places) -> None:
    now = places.clock.now()
    await places.here.commit(put(None, Here(id="one", due_at=now)))
    await places.there.commit(put(None, There(id="one", due_at=now)))
    deps = SweepDeps(
        WorkspaceRepository(places.store), places.queue, places.clock, SystemClock(), None, (places.here, places.there)
    )
    assert await wake_due(deps) == 2
    assert sorted(one["kind"] for one, _ in places.queue.sent) == ["here", "there"]
    for kind in ("here", "there"):
        await tick_object(kind, "one", places.machines)
    assert (await places.here.require(Here, "one")).value.ticks == 1
    assert (await places.there.require(There, "one")).value.ticks == 1
    assert await wake_due(deps) == 0


async def test_what_ticks_failed_at_is_put_off_where_it_is(places: Places) -> None:
    await places.there.commit(put(None, There(id="one", due_at=places.clock.now())))
    assert await give_up("there", "one", places.machines)
    due = (await places.there.require(There, "one")).value.due_at
    assert due is not None
    assert due > places.clock.now()
    assert not await give_up("here", "one", places.machines)
