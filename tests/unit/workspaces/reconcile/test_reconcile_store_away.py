"""What a tick leaves behind when the store was away, and how often it writes what passing faults cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from controlplane.errors import Transient
from controlplane.objects.leases import Lease, Leases
from controlplane.operations.model import OperationKind, OperationStatus
from controlplane.ports.store import Entity, Write
from controlplane.workspaces.reconcile import tick
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.rows import PARTITION
from tests.support.memory_store import MemoryStore
from tests.support.tick_world import ENDPOINT, World
from tests.support.virtual_time import run

CREATE = OperationKind.CREATE


class Away(MemoryStore):
    """Another view of a store, which is away from its n-th commit on."""

    def __init__(self, store: MemoryStore, commits: int) -> None:
        super().__init__()
        self._rows = store._rows
        self._left = commits

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        self._left -= 1
        if self._left < 0:
            raise Transient("StoreUnavailable", "away", retry_after=1.0)
        return await super().commit(partition, writes)


def test_a_tick_that_the_store_failed_keeps_its_lease(world: World) -> None:
    """Nobody comes before it has ended: what Azure asked to wait for is known to nobody."""

    async def scene() -> None:
        assert isinstance(world.store, MemoryStore)
        operation = await world.ask(CREATE)
        away = replace(world.deps, repository=WorkspaceRepository(Away(world.store, commits=3)))
        with pytest.raises(Transient):
            await tick("ws", away)
        assert await world.repository.is_leased("ws", world.clock.now())
        before = len(world.azure.calls)
        await world.tick()
        assert len(world.azure.calls) == before, "somebody came"
        await asyncio.sleep(away.lease_seconds)
        assert (await world.settle(operation)).status is OperationStatus.SUCCEEDED

    run(scene())


class SlowLeases(Leases):
    """A renewal is done, and a while later its answer comes."""

    renewed = asyncio.Event()

    async def renew(self, lease: Lease, now: datetime, seconds: float) -> Lease:
        done = await super().renew(lease, now, seconds)
        self.renewed.set()
        await asyncio.sleep(5.0)
        return done


class SlowStore(MemoryStore):
    """The durations are a tick's last act: here it ends while the answer of a renewal is on its way."""

    async def get(self, partition: str, row: str) -> Entity | None:
        SlowLeases.renewed.clear()
        await SlowLeases.renewed.wait()
        return await super().get(partition, row)


def test_a_lease_is_given_back_although_it_is_being_renewed(world: World) -> None:
    async def scene() -> None:
        SlowLeases.renewed = asyncio.Event()
        operation = await world.ask(CREATE)
        deps = replace(world.deps, durations=SlowStore())
        deps.repository.leases = SlowLeases(world.store, PARTITION)
        while not (await world.operation(operation)).status.is_terminal:
            await tick("ws", deps)
            assert not await world.repository.is_leased("ws", world.clock.now())

    run(scene())


def test_writes_that_were_cut_off_do_not_use_up_the_tries(world: World) -> None:
    """The operation's URL is forgotten, so that only the resource tells that the third write failed."""
    passing = Transient("InternalServerError", "Try again.", retry_after=0.0)
    world.azure.forget_operations = True
    world.azure.fail("PUT", ENDPOINT, lambda: passing, times=2)
    world.azure.doomed.append((ENDPOINT, "InternalServerError", "Try again."))

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        (step,) = [step for step in operation.steps if step.key == "endpoint"]
        assert step.attempts == 4

    run(scene())
