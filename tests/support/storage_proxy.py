"""A proxy before one service of Azurite that counts requests, and answers some of them itself or not at all.

async with storage_proxy(azurite.table_url) as proxy:
    proxy.rule = lambda request: LOSE if "$batch" in request.path else PASS
    ...  # speak to proxy.url
    assert proxy.seen == ["POST $batch"]
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

Rule = Callable[[web.Request], "Decision"]


@dataclass(frozen=True)
class Decision:
    """``forward``: whether the service gets to see it; ``answer``: what is sent in place of its answer;
    ``lose``: the connection is closed in place of one."""

    forward: bool = True
    answer: Callable[[], web.Response] | None = None
    lose: bool = False


PASS = Decision()
#: The effect takes place, the answer is lost.
LOSE = Decision(lose=True)
#: Neither.
REFUSE = Decision(forward=False, lose=True)


def answers(status: int, code: str, *, forward: bool = False, headers: dict[str, str] | None = None) -> Decision:
    """The service's error body for ``code``."""
    body = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": f"{code}.\nRequestId:1\nTime:now"}}}
    return Decision(forward, lambda: web.json_response(body, status=status, headers=headers))


@dataclass
class StorageProxy:
    url: str
    rule: Rule = lambda request: PASS
    seen: list[str] = field(default_factory=list)
    """``METHOD path`` without the account, in the order they came."""
    before: Callable[[web.Request], Awaitable[None]] | None = None
    """Runs before a request is forwarded."""
    largest: int = 0
    """Bytes of the largest body."""


@asynccontextmanager
async def storage_proxy(upstream: str) -> AsyncIterator[StorageProxy]:
    """On a free loopback port; ``upstream`` is the URL of an account."""
    origin, account = str(URL(upstream).origin()), URL(upstream).path
    state = StorageProxy("")

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        state.seen.append(f"{request.method} {request.path.removeprefix(account + '/')}")
        state.largest = max(state.largest, len(body))
        decision = state.rule(request)
        answer = None
        if decision.forward:
            if state.before is not None:
                await state.before(request)
            answer = await _forward(session, request, origin, body)
        if decision.lose or (answer is None and decision.answer is None):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return decision.answer() if decision.answer else answer or web.Response(status=500)

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    async with aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=("Content-Type",)) as session:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        state.url = f"http://127.0.0.1:{port}{account}"
        try:
            yield state
        finally:
            await runner.cleanup()


async def _forward(session: aiohttp.ClientSession, request: web.Request, origin: str, body: bytes) -> web.Response:
    headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "connection")}
    url = URL(origin + request.raw_path, encoded=True)
    async with session.request(request.method, url, headers=headers, data=io.BytesIO(body) if body else None) as answer:
        content = await answer.read()
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in ("transfer-encoding", "content-length")}
        kept.pop("Connection", None)
        return web.Response(status=answer.status, headers=kept, body=content)
