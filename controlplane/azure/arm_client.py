"""One small ARM client for every provider: pinned api-versions, plain JSON, ARM's answers as they are.

Importing this module imports no SDK; the first call does, in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.errors import lost_connection
from controlplane.azure.hosts import absolute
from controlplane.errors import Fatal
from controlplane.json_types import JsonObject

if TYPE_CHECKING:
    from types import ModuleType

    from azure.core.rest import AsyncHttpResponse

    from controlplane.azure._pipeline import Connection

#: RFC 3986's characters of a path segment, and the slash between segments.
_PATH_SAFE = "/-._~!$&'()*+,;=:@"


class ArmClient:
    """Speaks to one ARM endpoint as one identity. One per process and identity; safe for concurrent calls.

    Methods raise ``Transient`` (no answer), ``Fatal("UnexpectedHost")``; an answer of any status is returned.
    """

    def __init__(self, endpoint: str, client_id: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self._client_id = client_id
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()

    async def connection(self) -> Connection:
        """The shared connection, made on first use."""
        if self._connection is None:
            async with self._opening:
                if self._connection is None:
                    module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._pipeline")
                    context = await asyncio.to_thread(module.tls_context)
                    self._connection = module.connect(self.endpoint, self._client_id, context)
        return self._connection

    async def request(
        self,
        method: str,
        path: str,
        api_version: str,
        *,
        body: JsonObject | None = None,
        query: Sequence[tuple[str, str]] = (),
    ) -> ArmAnswer:
        """``path`` starts at the root (``/subscriptions/…``) and is not yet percent-encoded."""
        return await self._send(method, self.url(path, api_version, query), body)

    async def post(self, path: str, body: JsonObject) -> ArmAnswer:
        """POST without an api-version, for a client that was made for Microsoft Graph: it has none."""
        return await self._send("POST", f"{self.endpoint}{path}", body)

    async def follow(self, link: str, base: str | None = None) -> ArmAnswer:
        """GET of a URL that an earlier answer (to a request for ``base``) named."""
        return await self._send("GET", absolute(link, base or self.endpoint, self.endpoint), None)

    async def follow_post(self, link: str, body: JsonObject, base: str) -> ArmAnswer:
        """POST of the same body to the next page that an answer to a POST named."""
        return await self._send("POST", absolute(link, base, self.endpoint), body)

    def url(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> str:
        """The absolute URL. Raises ``Fatal("UnexpectedPath")`` for a path that could reach anything but itself."""
        if not path.startswith("/") or {"", ".", ".."} & set(path[1:].rstrip("/").split("/")):
            raise Fatal("UnexpectedPath", f"Not an absolute resource path: {path!r}")
        parameters = urlencode([*query, ("api-version", api_version)])
        return f"{self.endpoint}{quote(path, safe=_PATH_SAFE)}?{parameters}"

    async def close(self) -> None:
        """Closes the sockets. The client may be used again, and then opens new ones."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _send(self, method: str, url: str, body: JsonObject | None) -> ArmAnswer:
        connection = await self.connection()
        pipeline = _loaded("controlplane.azure._pipeline")
        rest = _loaded("azure.core.rest")
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = rest.HttpRequest(method, url, headers=headers, content=encode(body) if body is not None else None)
        try:
            response = await connection.client.send_request(request)
            return await answer_of(response)
        except pipeline.LOST as error:
            raise lost_connection(error) from error


def encode(body: JsonObject) -> bytes:
    """The bytes that are sent for a body, by us and through an SDK alike."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


async def answer_of(response: AsyncHttpResponse) -> ArmAnswer:
    """The SDK's answer as plain data."""
    try:
        content = response.content
    except _loaded("azure.core.exceptions").ResponseNotReadError:
        content = await response.read()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return ArmAnswer(response.status_code, headers, content, response.request.url)


def _loaded(name: str) -> ModuleType:
    """A module that :meth:`ArmClient.connection` has imported already."""
    return importlib.import_module(name)
