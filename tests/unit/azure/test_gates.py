"""Nobody sends anything to a subscription before the Retry-After of a 429 has passed: no tick, and no other process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from controlplane.azure.gates import FRESH_READS, FRESH_WRITES, PARTITION, GatedReader, GatedWriter, Gates, Kind
from controlplane.errors import Throttled, Transient
from controlplane.operations.model import OperationKind, OperationStatus
from controlplane.ports.store import Entity, Write
from controlplane.workspaces.reconcile import TickDeps, tick
from tests.support.fake_azure import FakeAzure
from tests.support.memory_store import MemoryStore
from tests.support.tick_world import SUBSCRIPTION, World, meaning
from tests.support.virtual_time import VirtualClock, run

OTHER = "00000000-0000-0000-0000-000000000002"
OPERATOR = "11111111-0000-0000-0000-000000000001"
RESOURCE = "/subscriptions/{}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/{}"


def throttled(seconds: float) -> Callable[[], Throttled]:
    return lambda: Throttled("TooManyRequests", "slow", retry_after=seconds)


class Process:
    """One of the processes of a principal: gates of its own, the store and Azure shared."""

    def __init__(self, azure: FakeAzure, store: MemoryStore, principal: str = OPERATOR) -> None:
        self.gates = Gates(store, principal, VirtualClock())
        self.reader, self.writer = GatedReader(azure, self.gates), GatedWriter(azure, self.gates)

    async def put(self, subscription: str = SUBSCRIPTION, name: str = "st") -> bool:
        """Whether the write reached Azure and was taken."""
        try:
            await self.writer.put(RESOURCE.format(subscription, name), "v", {"location": "westeurope"})
        except Throttled:
            return False
        return True

    async def get(self, subscription: str = SUBSCRIPTION) -> bool:
        try:
            await self.reader.get(RESOURCE.format(subscription, "st"), "v")
        except Throttled:
            return False
        return True


@pytest.fixture
def azure() -> FakeAzure:
    azure = FakeAzure()
    for subscription in (SUBSCRIPTION, OTHER):
        azure.plant(f"/subscriptions/{subscription}/resourceGroups/g")
    return azure


def sent(azure: FakeAzure, *methods: str) -> list[float]:
    return [call.at for call in azure.calls if call.method in methods]


@pytest.mark.parametrize("who", ["the same process", "another process"])
def test_no_write_before_retry_after_by_anybody(azure: FakeAzure, who: str) -> None:
    store = MemoryStore()
    azure.fail("PUT", "storageaccounts", throttled(40))

    async def scene() -> None:
        first = Process(azure, store)
        second = first if who == "the same process" else Process(azure, store)
        assert not await first.put()
        refused_at = azure.calls[-1].at
        await asyncio.sleep(FRESH_WRITES)
        for _ in range(30):
            assert not await second.put()
            await asyncio.sleep(1.0)
        assert sent(azure, "PUT") == [refused_at]
        await asyncio.sleep(40.0 - 30.0)
        assert await second.put()
        assert azure.calls[-1].at >= refused_at + 40.0

    run(scene())


def test_what_is_closed_is_one_class_of_one_principal_in_one_subscription(azure: FakeAzure) -> None:
    store = MemoryStore()
    azure.fail("PUT", "storageaccounts", throttled(40))

    async def scene() -> None:
        first = Process(azure, store)
        assert not await first.put()
        await asyncio.sleep(FRESH_READS)
        second = Process(azure, store)
        assert await second.put(OTHER)
        assert await second.get()
        assert await Process(azure, store, "22222222-0000-0000-0000-000000000002").put()
        assert not await second.put(SUBSCRIPTION.upper())

    run(scene())


@pytest.mark.parametrize("call", ["GET", "LIST", "POLL"])
def test_a_429_of_a_read_holds_back_reads_and_polls_and_no_writes(azure: FakeAzure, call: str) -> None:
    store = MemoryStore()
    azure.fail(call, "", throttled(40))
    arm_id, url = RESOURCE.format(SUBSCRIPTION, "st"), f"https://arm/subscriptions/{SUBSCRIPTION}/operations/1?t=1"

    async def scene() -> None:
        first, second = Process(azure, store), Process(azure, store)
        reads: dict[str, Callable[[Process], Any]] = {
            "GET": lambda process: process.reader.get(arm_id, "v"),
            "LIST": lambda process: process.reader.list(arm_id.rpartition("/")[0], "v"),
            "POLL": lambda process: process.reader.operation(url),
        }
        with pytest.raises(Throttled):
            await reads[call](first)
        await asyncio.sleep(FRESH_READS)
        before = len(azure.calls)
        for process in (first, second):
            for read in reads.values():
                with pytest.raises(Throttled) as caught:
                    await read(process)
                assert 0 < caught.value.retry_after <= 40 - FRESH_READS
        assert len(azure.calls) == before
        assert await second.put()
        await asyncio.sleep(40.0)
        for read in reads.values():
            await read(second)

    run(scene())


def test_a_429_without_a_time_closes_for_some(azure: FakeAzure) -> None:
    azure.fail("PUT", "storageaccounts", throttled(0))

    async def scene() -> None:
        process = Process(azure, MemoryStore())
        assert not await process.put()
        assert not await process.put()
        await asyncio.sleep(5.0)
        assert await process.put()

    run(scene())


@pytest.mark.parametrize("order", [(40.0, 10.0), (10.0, 40.0)], ids=str)
def test_the_longest_wait_that_anybody_was_told_holds(azure: FakeAzure, order: tuple[float, float]) -> None:
    store = MemoryStore()

    async def scene() -> None:
        for seconds in order:
            await Process(azure, store).gates.close(SUBSCRIPTION, Kind.WRITE, seconds)
        third = Process(azure, store)
        await asyncio.sleep(39.0)
        assert not await third.put()
        await asyncio.sleep(1.0)
        assert await third.put()

    run(scene())


class Counting(MemoryStore):
    """Counts reads of gates."""

    reads = 0

    async def get(self, partition: str, row: str) -> Entity | None:
        self.reads += partition == PARTITION
        return await super().get(partition, row)


def test_a_burst_of_calls_reads_the_gate_once(azure: FakeAzure) -> None:
    store = Counting()

    async def scene() -> None:
        process = Process(azure, store)
        await asyncio.gather(*(process.put(name=f"st{n}") for n in range(16)))
        assert store.reads == 1
        await asyncio.sleep(FRESH_WRITES)
        await process.put(name="later")
        assert store.reads == 2

    run(scene())


class Away(MemoryStore):
    """Cannot be written to."""

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        raise Transient("StoreAway", "no", retry_after=1.0)


def test_a_gate_that_cannot_be_stored_is_closed_here_all_the_same(azure: FakeAzure) -> None:
    azure.fail("PUT", "storageaccounts", throttled(40))

    async def scene() -> None:
        process = Process(azure, Away())
        assert not await process.put()
        assert not await process.put()
        assert len(sent(azure, "PUT")) == 1

    run(scene())


def gated(world: World, process: Process) -> TickDeps:
    """A tick's dependencies in one process."""
    return replace(world.deps, reader=process.reader, writer=process.writer)


def test_a_workspace_is_made_by_two_processes_through_429s() -> None:
    """Ticks of two processes in turn; each write is refused once in a while, and none is sent too early."""

    async def scene() -> None:
        with meaning(World()) as world:
            store = MemoryStore()
            processes = [Process(world.azure, store), Process(world.azure, store)]
            for part in ("vnet", "registries", "workspaces", "privateendpoints"):
                world.azure.fail("PUT", part, throttled(40))
            operation_id = await world.ask(OperationKind.CREATE)
            for turn in range(100):
                await tick("ws", gated(world, processes[turn % 2]))
                operation = await world.operation(operation_id)
                if operation.status.is_terminal:
                    break
                await asyncio.sleep(1.0)
            assert operation.status is OperationStatus.SUCCEEDED, operation.error
            writes = [call for call in world.azure.calls if call.method in ("PUT", "DELETE")]
            refusals = [call.at for call in writes if call.status == "TooManyRequests"]
            assert refusals
            for refused_at in refusals:
                # What left together with the refused write was on its way already.
                between = [c.at for c in writes if refused_at + world.azure.latency < c.at < refused_at + 40.0]
                assert between == []

    run(scene())
