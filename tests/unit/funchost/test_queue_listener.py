"""The queue listener over a real file: what host.json's settings do, and what becomes of messages."""

from __future__ import annotations

import asyncio
import base64
import random
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import azure.functions as func
import pytest

from funchost.host_json import QueueSettings
from funchost.invocation import Invoker
from funchost.queue_file import QueueFile
from funchost.queue_listener import PollingDelay, QueueListener
from tests.support.funchost import function
from tests.support.waiting import PATIENCE_SECONDS

FAST = QueueSettings(max_polling_interval=0.1)
Call = Callable[[func.QueueMessage], Awaitable[None]]


@dataclass
class Bench:
    """A queue file, seen from outside by its documented layout."""

    path: Path
    timed_out: list[str] = field(default_factory=list)

    def send(self, text: str, *, encode: bool = True, dequeue_count: int = 0) -> str:
        body = base64.b64encode(text.encode()).decode() if encode else text
        identity = str(uuid.uuid4())
        row = (identity, "ticks", body, 1_795_000_000.0, 0.0, dequeue_count)
        columns = "id, queue, body, inserted_at, visible_at, dequeue_count"
        self._execute(f"INSERT INTO queue_messages ({columns}) VALUES (?, ?, ?, ?, ?, ?)", row)
        return identity

    def rows(self, queue: str = "ticks") -> list[tuple[str, int, float]]:
        """Body, dequeue count and visibility of what is in the queue."""
        return self._execute(
            "SELECT body, dequeue_count, visible_at FROM queue_messages WHERE queue = ? ORDER BY number", (queue,)
        )

    def _execute(self, sql: str, values: tuple[object, ...]) -> list[tuple[str, int, float]]:
        connection = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS)
        with connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    @asynccontextmanager
    async def listening(
        self,
        call: Call,
        settings: QueueSettings = FAST,
        lease_seconds: float = 600,
        longest: float | None = None,
        queue: str = "ticks",
        now: Callable[[], float] = time.time,
    ) -> AsyncIterator[None]:
        trigger = {"type": "queueTrigger", "name": "message", "queueName": queue, "connection": "C"}
        file = QueueFile(self.path, queue, now=now)
        stop = asyncio.Event()
        listener = QueueListener(
            function(call, trigger),
            settings,
            file,
            Invoker(longest),
            lambda: self.timed_out.append("end"),
            lease_seconds,
        )
        running = asyncio.create_task(listener.run(stop))
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await running
            file.close()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not done():  # noqa: ASYNC110 - the listener's task brings it about
                await asyncio.sleep(0.01)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    path = tmp_path / "queue.db"
    QueueFile(path, "ticks").close()
    return Bench(path)


async def test_what_the_function_gets(bench: Bench) -> None:
    got: list[func.QueueMessage] = []

    async def call(message: func.QueueMessage) -> None:
        got.append(message)

    identity = bench.send('{"a": "ä"}')
    async with bench.listening(call):
        await bench.until(lambda: not bench.rows())
    (message,) = got
    assert message.id == identity
    assert message.get_body() == '{"a": "ä"}'.encode()
    assert message.get_json() == {"a": "ä"}
    assert message.dequeue_count == 1
    assert message.pop_receipt
    assert message.insertion_time == datetime.fromtimestamp(1_795_000_000, UTC)
    assert message.expiration_time is not None
    assert message.expiration_time.year == 9999
    assert message.time_next_visible is not None
    assert 300 < (message.time_next_visible - datetime.now(UTC)).total_seconds() < 601


async def test_a_synchronous_function_runs_in_a_thread(bench: Bench) -> None:
    threads: list[str] = []

    def call(message: func.QueueMessage) -> None:
        import threading

        threads.append(threading.current_thread().name)

    bench.send("x")
    async with bench.listening(call):  # type: ignore[arg-type]
        await bench.until(lambda: not bench.rows())
    assert threads[0].startswith("function")


@pytest.mark.parametrize(("batch_size", "threshold", "most"), [(1, 0, 1), (4, 0, 4), (2, 3, 4), (1, 2, 3), (32, 0, 8)])
async def test_batch_size_and_new_batch_threshold_bound_what_runs_at_once(
    bench: Bench, batch_size: int, threshold: int, most: int
) -> None:
    running, seen, gate = 0, [0], asyncio.Event()

    async def call(message: func.QueueMessage) -> None:
        nonlocal running
        running += 1
        seen.append(running)
        await gate.wait()
        running -= 1

    for number in range(8):
        bench.send(str(number))
    settings = QueueSettings(batch_size, threshold, max_polling_interval=0.1)
    async with bench.listening(call, settings):
        await bench.until(lambda: max(seen) == most)
        # Messages that are hidden were handed out; no more of them than may run.
        assert len([row for row in bench.rows() if row[1] > 0]) == most
        gate.set()
        await bench.until(lambda: not bench.rows())
    assert max(seen) == most


async def failing(message: func.QueueMessage) -> None:
    raise ValueError("always")


@pytest.mark.parametrize("visibility_timeout", [0.0, 30.0, 3600.0])
async def test_visibility_timeout_hides_a_message_after_a_failure(bench: Bench, visibility_timeout: float) -> None:
    bench.send("x")
    began = time.time()
    settings = QueueSettings(visibility_timeout=visibility_timeout, max_dequeue_count=3, max_polling_interval=0.1)
    async with bench.listening(failing, settings):
        if visibility_timeout == 0:
            await bench.until(lambda: len(bench.rows("ticks-poison")) == 1)
            return
        # That moment is the failure's: one after this test began, with the time to hide added.
        await bench.until(lambda: began <= bench.rows()[0][2] - visibility_timeout <= time.time())
        assert bench.rows()[0][1] == 1


@pytest.mark.parametrize("most", [1, 4])
async def test_max_dequeue_count_moves_a_message_to_the_poison_queue(bench: Bench, most: int) -> None:
    counts: list[int | None] = []

    async def call(message: func.QueueMessage) -> None:
        counts.append(message.dequeue_count)
        raise ValueError("always")

    bench.send("poison")
    async with bench.listening(call, QueueSettings(max_dequeue_count=most, max_polling_interval=0.1)):
        await bench.until(lambda: len(bench.rows("ticks-poison")) == 1)
    assert counts == list(range(1, most + 1))
    assert bench.rows() == []
    assert base64.b64decode(bench.rows("ticks-poison")[0][0]) == b"poison"


async def test_a_message_that_was_taken_too_often_goes_without_being_run(bench: Bench) -> None:
    ran: list[str] = []

    async def call(message: func.QueueMessage) -> None:
        ran.append("ran")

    bench.send("x", dequeue_count=5)
    async with bench.listening(call):
        await bench.until(lambda: len(bench.rows("ticks-poison")) == 1)
    assert ran == []


async def test_a_failure_in_a_poison_queue_leaves_the_message_hidden(bench: Bench) -> None:
    ran: list[str] = []

    async def call(message: func.QueueMessage) -> None:
        ran.append("ran")
        raise ValueError("always")

    bench.send("x", dequeue_count=4)
    async with bench.listening(call, QueueSettings(max_dequeue_count=1, max_polling_interval=0.1)):
        await bench.until(lambda: len(bench.rows("ticks-poison")) == 1)
    async with bench.listening(call, FAST, queue="ticks-poison"):
        await bench.until(lambda: len(ran) == 1)
    ((_, count, visible_at),) = bench.rows("ticks-poison")
    assert count == 1
    assert visible_at > datetime.now(UTC).timestamp() + 500


async def test_message_encoding(bench: Bench) -> None:
    got: list[bytes] = []

    async def call(message: func.QueueMessage) -> None:
        got.append(message.get_body())

    bench.send("not base64!", encode=False)
    async with bench.listening(call):
        await bench.until(lambda: len(bench.rows("ticks-poison")) == 1)
    assert got == []
    bench.send("not base64!", encode=False)
    async with bench.listening(call, QueueSettings(base64=False, max_polling_interval=0.1)):
        await bench.until(lambda: not bench.rows())
    assert got == [b"not base64!"]


async def test_a_long_run_keeps_its_message(bench: Bench) -> None:
    begun: list[int | None] = []
    leases: set[float] = set()
    gate = asyncio.Event()

    async def call(message: func.QueueMessage) -> None:
        begun.append(message.dequeue_count)
        await gate.wait()

    bench.send("x")
    began = time.time()
    # The file's time goes slowly: the lease is not over when this process stands still for a while.
    async with bench.listening(call, lease_seconds=0.1, now=lambda: began + (time.time() - began) / 1000):

        def renewed_often() -> bool:
            leases.add(bench.rows()[0][2])
            return len(leases) > 5

        await bench.until(renewed_often)
        gate.set()
        await bench.until(lambda: not bench.rows())
    assert begun == [1], "its lease was renewed, so nobody else could take it"


async def test_stopping_waits_for_what_runs(bench: Bench) -> None:
    ended: list[str] = []
    begun = asyncio.Event()

    async def call(message: func.QueueMessage) -> None:
        begun.set()
        await asyncio.sleep(0.05)
        ended.append("ended")

    bench.send("x")
    async with bench.listening(call):
        await begun.wait()
    assert ended == ["ended"]
    assert bench.rows() == []


async def test_a_run_over_the_function_timeout_is_a_failure_and_costs_the_process(bench: Bench) -> None:
    async def call(message: func.QueueMessage) -> None:
        await asyncio.sleep(3600)

    bench.send("x")
    async with bench.listening(call, QueueSettings(max_dequeue_count=1, max_polling_interval=0.1), longest=0.01):
        await bench.until(lambda: bench.timed_out == ["end"])
    assert len(bench.rows("ticks-poison")) == 1


async def test_a_locked_file_is_waited_for(bench: Bench) -> None:
    got: list[str] = []

    async def call(message: func.QueueMessage) -> None:
        got.append("got")

    bench.send("x")
    other = sqlite3.connect(bench.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with bench.listening(call):
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
        await bench.until(lambda: not bench.rows())
    other.close()
    assert got == ["got"]


def test_polls_get_rarer_until_a_message_comes() -> None:
    delay = PollingDelay(2.0, random.Random(1))
    delays = [delay.next(found=False) for _ in range(12)]
    assert delays[0] == 0.1
    assert delays == sorted(delays)
    assert delays[-1] == 2.0
    assert 0.18 <= delays[1] <= 0.22
    assert delay.next(found=True) == 0.1
    assert delay.next(found=False) < 0.3
