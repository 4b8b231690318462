"""The HTTP side: an ASGI app that turns a request into the worker's ``HttpRequest`` and its ``HttpResponse`` back.

The shapes are the host's (``RpcHttp``): lower-case header names, repeated headers and query values joined by commas,
the body as bytes, the URL with its escaped path. The converters are azure.functions' own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from azure.functions.meta import Datum

from funchost.functions import Function, converter
from funchost.invocation import Invoker, TimedOut
from funchost.routes import Route

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
#: Status, headers, body.
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
#: Kestrel's default, which the Functions host keeps for itself: 100 MB on every plan.
MAX_BODY_BYTES = 104_857_600
#: Set by the server for the bytes it sends.
_HOP_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


class HttpFront:
    """``timed_out`` is called when a function ran too long; the host then replaces the worker process."""

    def __init__(self, routes: tuple[Route, ...], invoker: Invoker, timed_out: Callable[[], None]) -> None:
        self._routes = routes
        self._invoker = invoker
        self._timed_out = timed_out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the host answers HTTP only, not {scope['type']}")
        status, headers, body = await self._answer(scope, receive)
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        body = await _body(receive)
        if body is None:
            return 413, [], b""
        try:
            raw_path = scope["raw_path"].decode("ascii")
            path = unquote(raw_path, errors="strict").lstrip("/")
        except UnicodeDecodeError:
            return 400, [], b""
        for route in self._routes:
            parameters = route.match(scope["method"], path)
            if parameters is not None:
                request = _request(scope, raw_path, parameters, body)
                return await self._invoke(route.function, request)
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


async def _body(receive: Receive) -> bytes | None:
    """None when it is larger than the host takes."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _request(scope: Scope, raw_path: str, parameters: Any, body: bytes) -> Datum:
    headers = _joined((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
    query = scope["query_string"].decode("latin-1")
    host = headers.get("host") or "{}:{}".format(*(scope.get("server") or ("localhost", 80)))
    url = f"{scope['scheme']}://{host}{raw_path}" + (f"?{query}" if query else "")
    return Datum(
        type="http",
        value={
            "method": _text(scope["method"]),
            "url": _text(url),
            "headers": {name: _text(value) for name, value in headers.items()},
            "query": {k: _text(v) for k, v in _joined(parse_qsl(query, keep_blank_values=True)).items()},
            "params": {name: _text(value) for name, value in parameters.items()},
            "body": Datum(type="bytes", value=body),
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


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(items) for name, items in values.items()}


def _text(value: str) -> Datum:
    return Datum(type="string", value=value)
