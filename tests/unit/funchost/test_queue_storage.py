"""Storage queues, on Azurite: the adapter, and the listener over it as over the SQLite file."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import azure.functions as func
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueClient

from funchost.host_json import HostError, QueueSettings
from funchost.invocation import Invoker
from funchost.queue_listener import QueueListener
from funchost.queue_storage import StorageQueue, connection_string
from funchost.queues import NEVER, Message, QueueUnavailable
from tests.support.azurite import RunningAzurite
from tests.support.funchost import function
from tests.support.waiting import PATIENCE_SECONDS

FAST = QueueSettings(max_polling_interval=0.1)
Call = Callable[[func.QueueMessage], Awaitable[None]]


@dataclass
class Bench:
    """A queue of its own, and its poison queue, seen from outside."""

    connection: str
    name: str

    def client(self, name: str | None = None) -> QueueClient:
        return QueueClient.from_connection_string(self.connection, name or self.name)

    async def send(self, text: str, *, encode: bool = True, name: str | None = None) -> str:
        async with self.client(name) as client:
            with suppress(ResourceExistsError):
                await client.create_queue()
            body = base64.b64encode(text.encode()).decode() if encode else text
            return str((await client.send_message(body, time_to_live=-1)).id)

    async def count(self, name: str | None = None) -> int:
        """Messages in a queue, hidden ones too."""
        async with self.client(name) as client:
            return int((await client.get_queue_properties()).approximate_message_count or 0)

    async def seen(self, name: str | None = None) -> list[str]:
        """Bodies that can be taken now."""
        async with self.client(name) as client:
            return [str(message.content) for message in await client.peek_messages(32)]

    @asynccontextmanager
    async def listening(
        self, call: Call, settings: QueueSettings = FAST, lease_seconds: float = 600, name: str | None = None
    ) -> AsyncIterator[None]:
        queue = name or self.name
        trigger = {"type": "queueTrigger", "name": "message", "queueName": queue, "connection": "C"}
        messages, stop = StorageQueue(self.connection, queue), asyncio.Event()
        listener = QueueListener(
            function(call, trigger), settings, messages, Invoker(None), lambda: None, lease_seconds
        )
        running = asyncio.create_task(listener.run(stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await running
            await messages.aclose()


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await done():  # noqa: ASYNC110 - the listener's task brings it about
            await asyncio.sleep(0.02)


@pytest.fixture
def bench(azurite: RunningAzurite) -> Bench:
    return Bench(azurite.connection_string, f"t-{uuid.uuid4().hex[:12]}")


async def test_what_the_function_gets(bench: Bench) -> None:
    got: list[func.QueueMessage] = []

    async def call(message: func.QueueMessage) -> None:
        got.append(message)

    identity = await bench.send('{"a": "ä"}')

    async def gone() -> bool:
        return await bench.count() == 0

    async with bench.listening(call):
        await until(gone)
    (message,) = got
    assert message.id == identity
    assert message.get_json() == {"a": "ä"}
    assert message.dequeue_count == 1
    assert message.pop_receipt
    assert message.insertion_time is not None
    assert abs((message.insertion_time - datetime.now(UTC)).total_seconds()) < 300
    assert message.expiration_time is not None
    assert message.expiration_time.year == 9999
    assert message.time_next_visible is not None
    assert 300 < (message.time_next_visible - datetime.now(UTC)).total_seconds() < 601


async def test_one_poll_takes_a_batch_and_no_more(bench: Bench) -> None:
    for number in range(5):
        await bench.send(str(number))
    queue = StorageQueue(bench.connection, bench.name)
    first, second = await queue.receive(3, 60), await queue.receive(3, 60)
    assert [len(first), len(second)] == [3, 2]
    assert len({message.id for message in (*first, *second)}) == 5
    assert await queue.receive(3, 60) == ()
    assert {message.expires_at for message in first} == {NEVER}
    await queue.aclose()


async def test_who_lost_a_message_changes_nothing(bench: Bench) -> None:
    await bench.send("x")
    queue = StorageQueue(bench.connection, bench.name)
    (mine,) = await queue.receive(1, 60)
    released = await queue.hide(mine, 0)
    assert released is not None
    (theirs,) = await queue.receive(1, 60)
    assert theirs.dequeue_count == 2
    assert await queue.delete(mine) is False
    assert await queue.hide(mine, 60) is None
    renewed = await queue.hide(theirs, 600)
    assert renewed is not None
    assert renewed.visible_at > theirs.visible_at + 500
    assert await queue.delete(theirs) is False, "a renewal gives a new receipt"
    assert await queue.delete(renewed) is True
    assert await queue.delete(renewed) is False
    assert await queue.hide(renewed, 60) is None
    await queue.aclose()


async def failing(message: func.QueueMessage) -> None:
    raise ValueError("always")


async def test_what_fails_too_often_goes_to_the_poison_queue_which_is_made(bench: Bench) -> None:
    counts: list[int | None] = []

    async def call(message: func.QueueMessage) -> None:
        counts.append(message.dequeue_count)
        raise ValueError("always")

    await bench.send("poison")
    poison = f"{bench.name}-poison"

    async def moved() -> bool:
        return await bench.count() == 0

    async with bench.listening(call, QueueSettings(max_dequeue_count=3, max_polling_interval=0.1)):
        await until(moved)
    assert counts == [1, 2, 3]
    assert [base64.b64decode(body) for body in await bench.seen(poison)] == [b"poison"]


async def test_a_function_on_the_poison_queue_gets_it_and_its_own_failure_loses_nothing(bench: Bench) -> None:
    poison = f"{bench.name}-poison"
    await bench.send("not base64!", encode=False)

    async def moved() -> bool:
        return await bench.count() == 0

    async with bench.listening(failing):
        await until(moved)
    assert await bench.seen(poison) == ["not base64!"], "what cannot be decoded is not run"
    ran: list[int | None] = []

    async def call(message: func.QueueMessage) -> None:
        ran.append(message.dequeue_count)
        raise ValueError("always")

    async def did() -> bool:
        return bool(ran)

    settings = QueueSettings(max_dequeue_count=1, base64=False, max_polling_interval=0.1)
    async with bench.listening(call, settings, name=poison):
        await until(did)
    assert (ran, await bench.count(poison), await bench.seen(poison)) == ([1], 1, []), "kept, hidden for its lease"


async def test_after_a_failure_a_message_is_hidden(bench: Bench) -> None:
    await bench.send("x")
    ran: list[str] = []

    async def call(message: func.QueueMessage) -> None:
        ran.append("ran")
        raise ValueError("always")

    async def did() -> bool:
        return bool(ran)

    async with bench.listening(call, QueueSettings(visibility_timeout=1800, max_polling_interval=0.1)):
        await until(did)
    assert (ran, await bench.count(), await bench.seen()) == (["ran"], 1, [])


async def test_a_long_run_keeps_its_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewed as for leases of a second; those in Azurite are longer, for who stands still for a while."""
    begun: list[int | None] = []
    renewed: list[Message] = []
    gate = asyncio.Event()
    receive, hide = StorageQueue.receive, StorageQueue.hide

    async def received(self: StorageQueue, count: int, seconds: float) -> tuple[Message, ...]:
        return await receive(self, count, seconds + PATIENCE_SECONDS)

    async def hidden(self: StorageQueue, message: Message, seconds: float) -> Message | None:
        found = await hide(self, message, seconds + PATIENCE_SECONDS)
        renewed.extend([found] if found else [])
        return found

    monkeypatch.setattr(StorageQueue, "receive", received)
    monkeypatch.setattr(StorageQueue, "hide", hidden)

    async def call(message: func.QueueMessage) -> None:
        begun.append(message.dequeue_count)
        await gate.wait()

    await bench.send("x")

    async def did() -> bool:
        return len(renewed) > 1

    async def gone() -> bool:
        return await bench.count() == 0

    async with bench.listening(call, lease_seconds=1):
        try:
            await until(did)
        finally:
            gate.set()
        await until(gone)
    assert begun == [1], "its lease was renewed, so nobody else could take it; and deleted by the last receipt"


async def test_a_queue_that_is_not_there_is_empty_and_one_that_does_not_answer_is_unavailable(bench: Bench) -> None:
    absent = StorageQueue(bench.connection, bench.name)
    assert await absent.receive(16, 60) == ()
    await absent.aclose()
    nobody = bench.connection.split("QueueEndpoint=")[0] + "QueueEndpoint=http://127.0.0.1:9/devstoreaccount1;"
    silent = StorageQueue(nobody, bench.name)
    with pytest.raises(QueueUnavailable):
        await silent.receive(16, 60)
    await silent.aclose()


CONNECTIONS = {
    "by its name": ("Data", {"Data": "A=1"}, "A=1"),
    "with the host's prefix first": ("Data", {"AzureWebJobsData": "A=1", "Data": "A=2"}, "A=1"),
    "the host's own": ("AzureWebJobsStorage", {"AzureWebJobsStorage": "A=1"}, "A=1"),
    "none is the host's own": ("", {"AzureWebJobsStorage": "A=1"}, "A=1"),
    "Storage too": ("Storage", {"AzureWebJobsStorage": "A=1"}, "A=1"),
}


@pytest.mark.parametrize("name", CONNECTIONS)
def test_connections(name: str) -> None:
    asked, settings, found = CONNECTIONS[name]
    assert connection_string(asked, settings) == found


def test_the_emulator_and_what_is_refused() -> None:
    emulator = connection_string("C", {"C": "UseDevelopmentStorage=true"})
    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1" in emulator
    with pytest.raises(HostError, match="'C' does not exist"):
        connection_string("C", {})
    with pytest.raises(HostError, match="by identity"):
        connection_string("C", {"C__accountName": "data"})
    with pytest.raises(HostError, match="not a connection string"):
        StorageQueue("nonsense", "q")
