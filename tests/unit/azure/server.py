"""A TLS server on loopback that plays ARM and the identity endpoint as a test scripts them, and records all it gets."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import trustme
from aiohttp import web

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvcGVyYXRvciJ9.c2lnbmF0dXJl"
LOST = -1
"""A status that means: read the request, then drop the connection without an answer."""
CUT = -2
"""Promise a body and drop the connection in the middle of it."""


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


REVOKED = Answer(
    401,
    {"error": {"code": "ExpiredAuthenticationToken", "message": "The access token expiry UTC time is earlier."}},
    {"WWW-Authenticate": 'Bearer authorization_uri="https://login", error="invalid_token"'},
)


@dataclass(frozen=True)
class Call:
    """One request as it arrived. ``target`` is the raw path and query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeArm:
    """``on`` scripts the answers to one method and path, in order; the last one stays."""

    def __init__(self, host: str = "localhost") -> None:
        self.host = host
        self.port = 0
        self.calls: list[Call] = []
        self.token_calls: list[Call] = []
        self.tokens: list[Answer] = []
        self.revoked: set[str] = set()
        self._transports: set[asyncio.Transport] = set()
        self._script: dict[tuple[str, str], list[Answer]] = {}

    @property
    def endpoint(self) -> str:
        return f"https://{self.host}:{self.port}"

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self._script[method, path.lower()] = list(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.Transport)
        self._transports.add(request.transport)
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.raw_path, headers, await request.read())
        if request.path == "/msi/token":
            self.token_calls.append(call)
            return await self._reply(request, self._token(request))
        self.calls.append(call)
        if headers.get("authorization") in self.revoked:
            return await self._reply(request, REVOKED)
        queue = self._script.get((request.method, request.path.lower()))
        if not queue:
            return web.json_response({"error": {"code": "NotScripted", "message": request.path}}, status=418)
        return await self._reply(request, queue.pop(0) if len(queue) > 1 else queue[0])

    async def hang_up(self) -> None:
        """Closes every connection without waiting for the client's part of TLS."""
        for transport in self._transports:
            transport.abort()
        for _ in range(10):  # the loop's own callbacks that close the sockets
            await asyncio.sleep(0)

    def _token(self, request: web.Request) -> Answer:
        if self.tokens:
            return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        return Answer(
            body={
                "access_token": f"{TOKEN}{len(self.token_calls)}",
                "expires_in": "86399",
                "expires_on": "4102444800",
                "resource": request.query["resource"],
                "token_type": "Bearer",
            }
        )

    async def _reply(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        if answer.status == LOST:
            transport.abort()
            return web.Response()
        if answer.status == CUT:
            response = web.StreamResponse(headers={"Content-Length": "1000"})
            await response.prepare(request)
            await response.write(b'{"value": [')
            transport.close()
            return response
        if isinstance(answer.body, str | bytes):
            content = answer.body.encode() if isinstance(answer.body, str) else answer.body
            return web.Response(status=answer.status, body=content, headers=answer.headers)
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        headers = {"Content-Type": "application/json"} | answer.headers
        return web.Response(status=answer.status, body=content, headers=headers)


def server_context(authority: trustme.CA, *hosts: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


@asynccontextmanager
async def serve(fake: FakeArm, authority: trustme.CA) -> AsyncIterator[FakeArm]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority, "localhost", "127.0.0.1"))
    await site.start()
    fake.port = runner.addresses[0][1]
    try:
        yield fake
    finally:
        await runner.cleanup()
        await fake.hang_up()
