"""``/admin/functions``: a timer's function by hand, with the statuses of the real host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import azure.functions as func
import httpx
import pytest

from funchost.by_hand import ByHand
from funchost.http_front import AnswerApp, HttpFront
from funchost.invocation import Invoker
from funchost.keys import Keys
from tests.support.funchost import function

KEYS = Keys("master", ("host",), ("system",))
TIMER = {"type": "timerTrigger", "name": "timer", "schedule": "0 0 0 1 1 *", "direction": "IN"}
QUEUE = {"type": "queueTrigger", "name": "message", "queueName": "q", "direction": "IN"}
MASTER = {"x-functions-key": "master"}


class Timers:
    """What ran."""

    def __init__(self) -> None:
        self.past_due: asyncio.Queue[bool] = asyncio.Queue()

    async def good(self, timer: func.TimerRequest) -> None:
        self.past_due.put_nowait(timer.past_due)

    async def bad(self, timer: func.TimerRequest) -> None:
        self.past_due.put_nowait(timer.past_due)
        raise ValueError("no")

    async def message(self, message: func.QueueMessage) -> None:
        self.past_due.put_nowait(True)


@asynccontextmanager
async def host(timers: Timers) -> AsyncIterator[httpx.AsyncClient]:
    invoker = Invoker(None)
    functions = [
        function(timers.good, TIMER, name="Nightly"),
        function(timers.bad, TIMER, name="bad"),
        function(timers.message, QUEUE, name="queue"),
    ]
    front = HttpFront((), invoker, lambda: None, KEYS)
    transport = httpx.ASGITransport(app=AnswerApp(ByHand(functions, KEYS, invoker, front.answer).answer))
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        yield client


@pytest.mark.parametrize("name", ["Nightly", "nightly", "bad"])
async def test_it_runs_now_and_the_answer_does_not_wait(name: str) -> None:
    timers = Timers()
    async with host(timers) as client:
        answer = await client.post(f"/admin/functions/{name}", json={}, headers=MASTER)
        assert (answer.status_code, answer.content) == (202, b"")
        assert await timers.past_due.get() is False


@pytest.mark.parametrize(
    ("method", "path", "body", "key", "status"),
    [
        ("POST", "/admin/functions/nightly", b"{}", "host", 401),
        ("POST", "/admin/functions/nightly", b"{}", "", 401),
        ("GET", "/admin/functions/nightly", b"", "master", 405),
        ("POST", "/admin/functions/nightly", b"", "master", 400),
        ("POST", "/admin/functions/nightly", b"[]", "master", 400),
        ("POST", "/admin/functions/other", b"{}", "master", 404),
        ("POST", "/admin/functions/queue", b"{}", "master", 404),
        ("POST", "/admin/host/status", b"{}", "master", 404),
    ],
)
async def test_what_is_refused_runs_nothing(method: str, path: str, body: bytes, key: str, status: int) -> None:
    timers = Timers()
    async with host(timers) as client:
        answer = await client.request(method, path, content=body, headers={"x-functions-key": key})
    assert answer.status_code == status
    assert timers.past_due.empty()
