"""Around every request: its correlation id, the size of its body, and the answer to what nobody foresaw."""

from __future__ import annotations

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controlplane.http.correlation import correlation_of
from controlplane.http.errors import error_body, internal_error

_log = logging.getLogger(__name__)

#: Bytes a request's body may have (api.md).
MAX_BODY = 256 * 1024


class Edge:
    """ASGI middleware, outermost. Nothing raised inside leaves it, so a caller never sees a stack trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        correlation = correlation_of(headers)
        scope["state"] = {**(scope.get("state") or {}), "correlation_id": correlation}
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _common_headers(MutableHeaders(scope=message), correlation)
            await send(message)

        if _is_too_large(headers):
            await too_large(correlation)(scope, receive, answer)
            return
        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the HTTP trigger's edge: whatever it is, the caller gets a 500
            _log.error("request failed correlation=%s", correlation, exc_info=error)
            if not started:
                await _server_error(correlation)(scope, receive, answer)


def _common_headers(headers: MutableHeaders, correlation: str) -> None:
    headers["x-ms-request-id"] = correlation
    headers["x-content-type-options"] = "nosniff"
    headers.setdefault("cache-control", "no-store")


def _is_too_large(headers: Headers) -> bool:
    """By digits first: Python refuses to read a number of thousands of them."""
    length = headers.get("content-length", "").lstrip("0")
    return length.isdecimal() and (len(length) > len(str(MAX_BODY)) or int(length) > MAX_BODY)


def too_large(correlation: str) -> JSONResponse:
    """413, before anything of the body was read."""
    code = "RequestBodyTooLarge"
    body = error_body(correlation, code, f"A body may have {MAX_BODY} bytes.")
    return JSONResponse(body, 413, {"x-ms-error-code": code})


def _server_error(correlation: str) -> JSONResponse:
    return JSONResponse(internal_error(correlation), 500, {"x-ms-error-code": "InternalServerError"})
