"""What every backend of the work queue must do, as its receiver sees it; for SQLite that is funchost's side."""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from controlplane.errors import Rejected
from controlplane.ports.store import WorkQueue
from controlplane.store import SqliteQueue, sqlite_queue
from funchost import queue_file
from funchost.queue_file import Message, QueueFile

ROOT = Path(__file__).resolve().parents[3]


class Receiver(Protocol):
    """The host's side of a queue."""

    async def receive(self, count: int, lease_seconds: float) -> tuple[Message, ...]: ...
    async def delete(self, message: Message) -> bool: ...
    async def hide(self, message: Message, seconds: float) -> Message | None: ...
    async def poison(self, message: Message) -> bool: ...


class Time:
    """Seconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.25

    def __call__(self) -> float:
        return self.now


@dataclass
class Backend:
    sender: WorkQueue
    receiver: Receiver
    poison: Receiver
    time: Time

    async def texts(self, count: int = 32) -> list[str]:
        """Bodies that are visible now; takes them for a minute."""
        return [base64.b64decode(m.body).decode() for m in await self.receiver.receive(count, 60)]

    async def one(self) -> Message:
        (message,) = await self.receiver.receive(32, 60)
        return message


def _sqlite(folder: Path) -> Iterator[Backend]:
    path, time = folder / "queue.db", Time()
    sender = SqliteQueue(path, "ticks", now=time)
    receiver, poison = QueueFile(path, "ticks", now=time), QueueFile(path, "ticks-poison", now=time)
    yield Backend(sender, receiver, poison, time)
    for opened in (sender, receiver, poison):
        opened.close()


BACKENDS = {"sqlite": _sqlite}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    yield from BACKENDS[request.param](tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "größe 😀", "x" * 48 * 1024], ids=["empty", "JSON", "emoji", "48 KiB"])
async def test_a_message_arrives_as_it_was_sent(backend: Backend, text: str) -> None:
    await backend.sender.send(text)
    assert await backend.texts() == [text]


async def test_messages_come_in_the_order_of_their_visibility(backend: Backend) -> None:
    for text in ("a", "b", "c"):
        await backend.sender.send(text, delay_seconds=10 if text == "a" else 0)
    assert await backend.texts() == ["b", "c"]
    backend.time.now += 10
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
    backend.time.now += 3599
    assert await backend.texts() == []
    backend.time.now += 1
    message = await backend.one()
    assert message.inserted_at == backend.time.now - 3600


@pytest.mark.parametrize("delay", [-1, 3600.5, float("nan"), float("inf")])
async def test_delays_out_of_range_are_refused(backend: Backend, delay: float) -> None:
    with pytest.raises(Rejected) as caught:
        await backend.sender.send("x", delay_seconds=delay)
    assert caught.value.code == "OutOfRangeInput"
    backend.time.now += 86400
    assert await backend.texts() == []


async def test_a_message_of_more_than_48_kibibytes_is_refused(backend: Backend) -> None:
    with pytest.raises(Rejected) as caught:
        await backend.sender.send("x" * (48 * 1024 + 1))
    assert caught.value.code == "MessageTooLarge"
    assert await backend.texts() == []


async def test_a_received_message_is_hidden_and_comes_again(backend: Backend) -> None:
    await backend.sender.send("x")
    first = await backend.one()
    backend.time.now += 59
    assert await backend.texts() == []
    backend.time.now += 1
    second = await backend.one()
    assert (first.dequeue_count, second.dequeue_count) == (1, 2)
    assert first.id == second.id
    assert first.pop_receipt != second.pop_receipt


async def test_only_the_latest_receipt_counts(backend: Backend) -> None:
    await backend.sender.send("x")
    old = await backend.one()
    backend.time.now += 60
    new = await backend.one()
    assert not await backend.receiver.delete(old)
    assert await backend.receiver.hide(old, 0) is None
    assert not await backend.receiver.poison(old)
    assert await backend.texts() == []
    assert await backend.poison.receive(1, 60) == ()
    assert await backend.receiver.delete(new)
    assert not await backend.receiver.delete(new)
    backend.time.now += 86400
    assert await backend.texts() == []


async def test_hiding_renews_and_releases(backend: Backend) -> None:
    await backend.sender.send("x")
    message = await backend.one()
    backend.time.now += 30
    renewed = await backend.receiver.hide(message, 60)
    assert renewed is not None
    assert not await backend.receiver.delete(message), "renewing gives a new receipt"
    backend.time.now += 59
    assert await backend.texts() == []
    assert await backend.receiver.hide(renewed, 0) is not None
    again = await backend.one()
    assert again.dequeue_count == 2


async def test_poison_moves_the_body_to_a_queue_of_its_own(backend: Backend) -> None:
    await backend.sender.send("x")
    message = await backend.one()
    assert await backend.receiver.poison(message)
    backend.time.now += 86400
    assert await backend.texts() == []
    (poisoned,) = await backend.poison.receive(1, 60)
    assert (poisoned.body, poisoned.dequeue_count) == (message.body, 1)
    assert poisoned.id != message.id


async def test_queues_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "queue.db"
    one, other = SqliteQueue(path, "one"), SqliteQueue(path, "other")
    await one.send("1")
    await other.send("2")
    received = QueueFile(path, "other")
    assert [base64.b64decode(m.body) for m in await received.receive(32, 60)] == [b"2"]
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
