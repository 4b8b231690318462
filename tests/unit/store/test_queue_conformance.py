"""What every backend of the work queue must do, as its receiver, which is funchost's side, sees it."""

from __future__ import annotations

import base64
import re
import sqlite3
import time as real_time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.storage_queue import AzureQueue
from controlplane.errors import Rejected
from controlplane.ports.store import WorkQueue
from controlplane.store import SqliteQueue, sqlite_queue
from funchost import queue_file
from funchost.queue_file import QueueFile
from funchost.queue_storage import StorageQueue
from funchost.queues import Message, Queue
from tests.support.azurite import RunningAzurite, start_azurite
from tests.support.stores import BACKENDS, new_name

ROOT = Path(__file__).resolve().parents[3]


class Time:
    """Seconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.seconds = 1_795_000_000.25

    def now(self) -> float:
        return self.seconds

    def forward(self, seconds: int) -> None:
        self.seconds += seconds


@dataclass
class AzureTime:
    """Azurite's clock."""

    azurite: RunningAzurite

    def now(self) -> float:
        return real_time.time() + self.azurite.ahead

    def forward(self, seconds: int) -> None:
        self.azurite.forward(seconds)


@dataclass
class Backend:
    """Messages are taken for ten minutes. Azure's clock goes on by itself: nothing here depends on three minutes."""

    sender: WorkQueue
    receiver: Queue
    poison: Queue
    now: Callable[[], float]
    forward: Callable[[int], None]

    async def texts(self, count: int = 32) -> list[str]:
        """Bodies that are visible now; takes them."""
        return [base64.b64decode(m.body).decode() for m in await self.receiver.receive(count, 600)]

    async def one(self) -> Message:
        (message,) = await self.receiver.receive(32, 600)
        return message


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Backend]:
    path, time = folder / "queue.db", Time()
    sender = SqliteQueue(path, "ticks", now=time.now)
    receiver, poison = QueueFile(path, "ticks", now=time.now), QueueFile(path, "ticks-poison", now=time.now)
    yield Backend(sender, receiver, poison, time.now, time.forward)
    sender.close()
    for opened in (receiver, poison):
        await opened.aclose()


@asynccontextmanager
async def _azure(azurite: RunningAzurite) -> AsyncIterator[Backend]:
    account, time = StorageAccount(from_connection_string(azurite.connection_string)), AzureTime(azurite)
    name = new_name("ticks")
    receiver, poison = (StorageQueue(azurite.connection_string, name + end) for end in ("", "-poison"))
    yield Backend(AzureQueue(account, name), receiver, poison, time.now, time.forward)
    await account.close()
    for opened in (receiver, poison):
        await opened.aclose()


@pytest.fixture(scope="module")
def own_azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAzurite]:
    """Its clock is put forward, which other tests must not see."""
    with start_azurite(tmp_path_factory.mktemp("azurite")) as running:
        yield running


@pytest.fixture(params=BACKENDS)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    opening = _sqlite(tmp_path) if request.param == "sqlite" else _azure(request.getfixturevalue("own_azurite"))
    async with opening as opened:
        yield opened


@pytest.mark.parametrize("text", ["", "{}", "größe 😀", "x" * 48 * 1024], ids=["empty", "JSON", "emoji", "48 KiB"])
async def test_a_message_arrives_as_it_was_sent(backend: Backend, text: str) -> None:
    await backend.sender.send(text)
    assert await backend.texts() == [text]


async def test_messages_come_in_the_order_of_their_visibility(backend: Backend) -> None:
    for text in ("a", "b", "c"):
        await backend.sender.send(text, delay_seconds=1000 if text == "a" else 0)
    assert await backend.texts() == ["b", "c"]
    backend.forward(300)
    assert await backend.texts() == []
    backend.forward(300)
    assert await backend.texts() == ["b", "c"]
    backend.forward(400)
    assert await backend.texts() == ["a"]


async def test_a_batch_has_at_most_as_many_as_asked(backend: Backend) -> None:
    for number in range(5):
        await backend.sender.send(str(number))
    assert await backend.texts(2) == ["0", "1"]
    assert await backend.texts(2) == ["2", "3"]
    assert await backend.texts(2) == ["4"]
    assert await backend.texts(2) == []


async def test_a_delayed_message_is_seen_when_its_time_has_come(backend: Backend) -> None:
    await backend.sender.send("later", delay_seconds=3600)
    backend.forward(3300)
    assert await backend.texts() == []
    backend.forward(300)
    message = await backend.one()
    assert message.inserted_at == pytest.approx(backend.now() - 3600, abs=200)


@pytest.mark.parametrize("delay", [-1, 3600.5, float("nan"), float("inf")])
async def test_delays_out_of_range_are_refused(backend: Backend, delay: float) -> None:
    with pytest.raises(Rejected) as caught:
        await backend.sender.send("x", delay_seconds=delay)
    assert caught.value.code == "OutOfRangeInput"
    backend.forward(86400)
    assert await backend.texts() == []


async def test_a_message_of_more_than_48_kibibytes_is_refused(backend: Backend) -> None:
    with pytest.raises(Rejected) as caught:
        await backend.sender.send("x" * (48 * 1024 + 1))
    assert caught.value.code == "MessageTooLarge"
    assert await backend.texts() == []


async def test_a_received_message_is_hidden_and_comes_again(backend: Backend) -> None:
    await backend.sender.send("x")
    first = await backend.one()
    backend.forward(300)
    assert await backend.texts() == []
    backend.forward(300)
    second = await backend.one()
    assert (first.dequeue_count, second.dequeue_count) == (1, 2)
    assert first.id == second.id
    assert first.pop_receipt != second.pop_receipt


async def test_only_the_latest_receipt_counts(backend: Backend) -> None:
    await backend.sender.send("x")
    old = await backend.one()
    backend.forward(600)
    new = await backend.one()
    assert not await backend.receiver.delete(old)
    assert await backend.receiver.hide(old, 0) is None
    assert not await backend.receiver.poison(old)
    assert await backend.texts() == []
    assert await backend.receiver.delete(new)
    assert not await backend.receiver.delete(new)
    backend.forward(86400)
    assert await backend.texts() == []


async def test_hiding_renews_and_releases(backend: Backend) -> None:
    await backend.sender.send("x")
    message = await backend.one()
    backend.forward(400)
    renewed = await backend.receiver.hide(message, 600)
    assert renewed is not None
    assert not await backend.receiver.delete(message), "renewing gives a new receipt"
    backend.forward(400)
    assert await backend.texts() == [], "400 + 400 seconds, and hidden for 600 from the middle"
    assert await backend.receiver.hide(renewed, 0) is not None
    again = await backend.one()
    assert again.dequeue_count == 2


async def test_poison_moves_the_body_to_a_queue_of_its_own(backend: Backend) -> None:
    await backend.sender.send("x")
    message = await backend.one()
    assert await backend.receiver.poison(message)
    backend.forward(86400)
    assert await backend.texts() == []
    (poisoned,) = await backend.poison.receive(1, 600)
    assert (poisoned.body, poisoned.dequeue_count) == (message.body, 1)
    assert poisoned.id != message.id


async def test_poison_of_a_message_that_somebody_else_has(tmp_path: Path, own_azurite: RunningAzurite) -> None:
    """In a file it is one transaction. In Azure the host copies first, so that nothing is lost, and a copy may stay."""
    copies = {}
    for name, opening in (("sqlite", _sqlite(tmp_path)), ("azure", _azure(own_azurite))):
        async with opening as backend:
            await backend.sender.send("x")
            old = await backend.one()
            backend.forward(600)
            await backend.one()
            assert not await backend.receiver.poison(old)
            copies[name] = len(await backend.poison.receive(32, 600))
    assert copies == {"sqlite": 0, "azure": 1}


async def test_delays_are_rounded_up_to_seconds(own_azurite: RunningAzurite) -> None:
    async with _azure(own_azurite) as backend:
        await backend.sender.send("x", delay_seconds=399.2)
        backend.forward(200)
        assert await backend.texts() == []
        backend.forward(200)
        message = await backend.one()
    assert base64.b64decode(message.body) == b"x"


async def test_a_queue_that_somebody_deleted_is_made_again(own_azurite: RunningAzurite) -> None:
    account, name = StorageAccount(from_connection_string(own_azurite.connection_string)), new_name("ticks")
    sender, receiver = AzureQueue(account, name), StorageQueue(own_azurite.connection_string, name)
    await sender.send("lost")
    await (await account.clients()).queue(name).delete_queue()
    await sender.send("kept")
    assert [base64.b64decode(m.body) for m in await receiver.receive(32, 600)] == [b"kept"]
    await account.close()
    await receiver.aclose()


async def test_queues_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    one, other = SqliteQueue(path, "one"), SqliteQueue(path, "other")
    await one.send("1")
    await other.send("2")
    received = QueueFile(path, "other")
    assert [base64.b64decode(m.body) for m in await received.receive(32, 600)] == [b"2"]
    for opened in (one, other, received):
        opened.close()


def test_the_documented_layout_is_the_layout() -> None:
    page = (ROOT / "docs" / "sqlite-queue.md").read_text()
    documented = re.search(r"```sql\n(.*?)```", page, re.DOTALL)
    assert documented is not None
    schemas = []
    for ddl in (documented[1], sqlite_queue.SCHEMA, queue_file.SCHEMA):
        connection = sqlite3.connect(":memory:")
        connection.executescript(ddl)
        schemas.append(connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall())
        connection.close()
    assert schemas[0] == schemas[1] == schemas[2]
