"""Requests and answers as the engine sees them: no web framework in here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from simulator.engine import words
from simulator.engine.hooks import ArmError, Caller, JsonObject

JSON = "application/json; charset=utf-8"


@dataclass(slots=True)
class Request:
    """One call to ARM. Header names are lower-case; `base` is `https://host:port` as the caller wrote it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    base: str
    caller: Caller
    failure: ArmError | None = None  # a fault: the long operation that this call starts ends Failed with it
    asked: tuple[str, str] | None = None  # action and scope that RBAC was asked for: what the activity log records
    lag: float | None = None  # a fault: a read answers what was there so many real seconds ago

    @property
    def api_version(self) -> str:
        return self.query.get("api-version", "")

    def json(self) -> JsonObject:
        """The body as an object; raises InvalidRequestContent in ARM's words."""
        if not self.body:
            raise words.invalid_content("The request body is empty")
        media = self.headers.get("content-type", "application/json").partition(";")[0].strip()
        if not media.endswith("json"):
            raise words.unsupported_media_type(media)
        try:
            parsed = json.loads(self.body)
        except ValueError as error:
            raise words.invalid_content(f"Unexpected character encountered while parsing value: {error}") from error
        if not isinstance(parsed, dict):
            raise words.invalid_content("Cannot deserialize the current JSON value: an object is expected")
        return parsed

    def url(self, path: str, query: dict[str, str]) -> str:
        return f"{self.base}{quote(path, safe='/()=;,@:')}?{urlencode(query, safe='')}" if query else self.base + path


@dataclass(slots=True)
class Response:
    """`body`: None, bytes, or JSON data. `operation` and `retry_after` (real seconds) are for the recorder."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = JSON
    operation: str | None = None
    retry_after: float | None = None
    resource: str | None = None  # folded id that was read or written

    def encoded(self) -> bytes:
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(",", ":"), ensure_ascii=False).encode()


def error_response(error: ArmError) -> Response:
    return Response(error.status, error.body(), dict(error.headers))
