"""The HTTP side: an ASGI app that turns a request into the worker's ``HttpRequest`` and its ``HttpResponse`` back.

The shapes are the host's (``RpcHttp``): lower-case header names, repeated headers and query values joined by commas,
the body as bytes, the URL with its escaped path. The converters are azure.functions' own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from azure.functions.meta import Datum

from funchost.functions import Function, converter
from funchost.http_request import Answer, Receive, Request, Scope, Send, joined, read_request, send_answer
from funchost.invocation import Invoker, TimedOut
from funchost.keys import Keys, level_of
from funchost.routes import Route
from funchost.webhooks import PREFIX, Webhooks

#: Azure's load balancer gives a request up after this long, while the function goes on:
#: https://learn.microsoft.com/azure/azure-functions/functions-scale#timeout
ANSWER_SECONDS = 230.0
#: Set by the server for the bytes it sends.
_HOP_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


class AnswerApp:
    """An ASGI app of one coroutine: request in, answer out. Answers that take too long are 504."""

    def __init__(self, answer: Callable[[Request], Awaitable[Answer]], answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer = answer
        self._seconds = answer_seconds
        self._late: set[asyncio.Future[Answer]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the host answers HTTP only, not {scope['type']}")
        request = await read_request(scope, receive)
        if isinstance(request, int):
            await send_answer((request, [], b""), scope, send)
            return
        work = asyncio.ensure_future(self._answer(request))
        # The loop keeps weak references to tasks only, and this one may outlive its request.
        self._late.add(work)
        work.add_done_callback(self._late.discard)
        done, _ = await asyncio.wait({work}, timeout=self._seconds)
        await send_answer(work.result() if done else (504, [], b""), scope, send)


class HttpFront:
    """Finds whose a request is. ``timed_out`` is called when a function ran too long; the host then replaces the
    worker process. Without ``keys`` nothing but anonymous functions can be called."""

    def __init__(
        self,
        routes: tuple[Route, ...],
        invoker: Invoker,
        timed_out: Callable[[], None],
        keys: Keys | None = None,
        webhooks: Webhooks | None = None,
    ) -> None:
        self._routes = tuple((route, level_of(route.function.trigger)) for route in routes)
        self._invoker = invoker
        self._timed_out = timed_out
        self._keys = keys
        self._webhooks = webhooks

    async def answer(self, request: Request) -> Answer:
        """404 for what is nobody's, 401 without the key that a function asks for, 500 when it raises."""
        if self._webhooks is not None and request.path.lower().startswith(PREFIX):
            return await self._webhooks.answer(request)
        for route, level in self._routes:
            parameters = route.match(request.method, request.path)
            if parameters is None:
                continue
            if level != "anonymous" and not (self._keys and self._keys.allow(level, request.key)):
                return 401, [], b""
            return await self._invoke(route.function, _datum(request, parameters))
        return 404, [], b""

    async def _invoke(self, function: Function, request: Datum) -> Answer:
        try:
            result = await self._invoker.invoke(function, request, {}, "This function was programmatically called.")
            return _response(function, result)
        except TimedOut:
            self._timed_out()
            return 500, [], b""
        except Exception:  # noqa: BLE001 - the edge: the host answers 500 without saying why; the invoker has logged it
            return 500, [], b""


def _datum(request: Request, parameters: Any) -> Datum:
    scope, query = request.scope, request.raw_query
    host = request.headers.get("host") or "{}:{}".format(*(scope.get("server") or ("localhost", 80)))
    url = f"{scope['scheme']}://{host}{request.raw_path}" + (f"?{query}" if query else "")
    return Datum(
        type="http",
        value={
            "method": _text(request.method),
            "url": _text(url),
            "headers": {name: _text(value) for name, value in request.headers.items()},
            "query": {k: _text(v) for k, v in joined(parse_qsl(query, keep_blank_values=True)).items()},
            "params": {name: _text(value) for name, value in parameters.items()},
            "body": Datum(type="bytes", value=request.body),
        },
    )


def _response(function: Function, result: Any) -> Answer:
    """What the worker sends back and the host makes of it."""
    if result is None or not function.returns_http:
        return 204, [], b""
    datum = converter("http").encode(result, expected_type=None)
    if datum.type == "string":
        return 200, [(b"content-type", b"text/plain; charset=utf-8")], str(datum.value).encode()
    value = datum.value
    headers = [
        (name.lower().encode("latin-1"), item.value.encode("latin-1"))
        for name, item in value["headers"].items()
        if name.lower() not in _HOP_HEADERS
    ]
    for jar in value["cookies"] or ():
        headers += [(b"set-cookie", morsel.OutputString().encode("latin-1")) for morsel in jar.values()]
    return int(value["status_code"].value), headers, value["body"].value


def _text(value: str) -> Datum:
    return Datum(type="string", value=value)
