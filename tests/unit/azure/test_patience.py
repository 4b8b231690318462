"""What the chaos harness calls an early write: nothing depends on how long anything takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.gates import GatedWriter, Gates
from controlplane.azure.writer import ArmWriter
from controlplane.clocks import SystemClock
from controlplane.errors import Throttled
from controlplane.ports.writer import ResourceWriter
from tests.support.memory_store import MemoryStore
from tests.support.patience import Patience
from tests.unit.azure.server import Answer as ArmAnswer
from tests.unit.azure.server import FakeArm

HERE, THERE = "/subscriptions/a/resourceGroups/g", "/subscriptions/b/resourceGroups/g"
WAIT = 60.0


@dataclass
class Answer:
    status_code: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Line:
    """One identity's connection; the clock stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.patience = Patience(lambda: self.now)

    async def write(self, path: str = HERE, *, refused: bool = False, method: str = "PUT", who: int = 1) -> None:
        async def answered() -> Answer:
            return Answer(429, {"Retry-After": str(WAIT)}) if refused else Answer()

        await self.patience.sent(who, method, path, answered)

    async def call(self, *works: Callable[[], Awaitable[None]]) -> None:
        """One call of the product that does these things, one after the other."""

        async def all_of_them() -> None:
            for work in works:
                await work()

        await self.patience.begun(all_of_them)


async def test_a_write_that_was_on_its_way_is_not_early_however_long_it_took() -> None:
    line, token = Line(), asyncio.Event()

    async def waits_for_a_token() -> None:
        await token.wait()

    slow = asyncio.create_task(line.call(waits_for_a_token, line.write))
    await asyncio.sleep(0)
    await line.call(lambda: line.write(refused=True))
    line.now += WAIT / 2
    token.set()
    await slow
    assert line.patience.early == []


async def test_a_write_that_begins_when_the_wait_is_known_is_early_however_soon() -> None:
    line = Line()
    await line.call(lambda: line.write(refused=True))
    await line.call(line.write)
    assert line.patience.early == [f"PUT {HERE}"]


async def test_a_call_that_sends_again_by_itself_is_early() -> None:
    line = Line()
    await line.call(lambda: line.write(refused=True), line.write)
    assert line.patience.early == [f"PUT {HERE}"]


async def test_what_is_no_call_of_the_writer_is_judged_when_it_is_sent() -> None:
    line = Line()
    await line.write(refused=True)
    await line.write(method="POST")
    assert line.patience.early == [f"POST {HERE}"]


async def test_what_was_read_while_the_reader_had_not_ended_is_known_to_nobody_else() -> None:
    line, told, end = Line(), asyncio.Event(), asyncio.Event()

    async def refused() -> None:
        await line.write(refused=True)
        told.set()
        await end.wait()

    reader = asyncio.create_task(line.call(refused))
    await told.wait()
    await line.call(line.write)
    assert line.patience.early == []
    end.set()
    await reader
    await line.call(line.write)
    assert line.patience.early == [f"PUT {HERE}"]


async def test_reads_others_and_whoever_waited_are_not_early() -> None:
    line = Line()
    await line.call(lambda: line.write(refused=True))
    await line.call(lambda: line.write(method="GET"))
    await line.call(lambda: line.write(THERE))
    await line.call(lambda: line.write(who=2))
    line.now += WAIT
    await line.call(line.write)
    assert line.patience.early == []


@pytest.mark.parametrize("gated", [True, False])
async def test_on_the_wire_it_is_the_gate_that_keeps_writes_from_being_early(
    arm: FakeArm, client: ArmClient, monkeypatch: pytest.MonkeyPatch, gated: bool
) -> None:
    patience = Patience()
    patience.watch(monkeypatch)
    writer: ResourceWriter = patience.of(ArmWriter(client))
    if gated:
        writer = GatedWriter(writer, Gates(MemoryStore(), "operator", SystemClock()))
    group = f"{HERE}/providers/Microsoft.Storage/storageAccounts/st1"
    arm.on("PUT", group, ArmAnswer(429, {}, {"Retry-After": str(WAIT)}), ArmAnswer(200, {}))
    for _ in range(2):
        with suppress(Throttled):
            await writer.put(group, "2023-11-01", {})
    assert patience.early == ([] if gated else [f"PUT {group}"])
    assert len(arm.calls) == (1 if gated else 2)
