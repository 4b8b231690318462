"""A request as the host sees it before it knows whose it is, and the shape of its answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from funchost.keys import given_key

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
#: Status, headers, body.
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
#: Kestrel's default, which the Functions host keeps for itself: 100 MB on every plan.
MAX_BODY_BYTES = 104_857_600


@dataclass(frozen=True, slots=True)
class Request:
    """``path`` is decoded and has no leading slash; header and query names are lower case; repeated values are joined
    by commas."""

    scope: Scope
    method: str
    raw_path: str
    raw_query: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str | None:
        return given_key(self.headers, self.query)


async def read_request(scope: Scope, receive: Receive) -> Request | int:
    """The request, or the status of what cannot be one: 413, 400."""
    body = await _body(receive)
    if body is None:
        return 413
    try:
        raw_path = scope["raw_path"].decode("ascii")
        path = unquote(raw_path, errors="strict").lstrip("/")
    except UnicodeDecodeError:
        return 400
    raw_query = scope["query_string"].decode("latin-1")
    headers = joined((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
    query = joined((name.lower(), value) for name, value in parse_qsl(raw_query, keep_blank_values=True))
    return Request(scope, scope["method"], raw_path, raw_query, path, headers, query, body)


async def send_answer(answer: Answer, scope: Scope, send: Send) -> None:
    status, headers, body = answer
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def text_answer(status: int, text: str) -> Answer:
    """As .NET's ``StringContent``."""
    return status, [(b"content-type", b"text/plain; charset=utf-8")], text.encode()


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Values of one name, joined by commas."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ",".join(items) for name, items in values.items()}


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
