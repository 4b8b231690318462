"""``/runtime/webhooks/EventGrid?functionName=…&code=…``: where Event Grid delivers to an Event Grid function.

Statuses and texts are those of ``HttpRequestProcessor`` and ``EventGridExtensionConfigProvider`` of
Microsoft.Azure.WebJobs.Extensions.EventGrid 3 (https://github.com/Azure/azure-sdk-for-net, sdk/eventgrid) behind
``HostController.ExtensionWebHookHandler`` of azure-functions-host. A Python function's binding is of neither schema
there (``BindingType.Unknown``), so it takes both and both handshakes.

The process of the HTTP functions hears the port; each Event Grid function runs in a process of its own, to which its
requests are passed on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.functions.meta import Datum

from funchost.functions import Function
from funchost.http_request import Answer, Request, text_answer
from funchost.invocation import Invoker, TimedOut
from funchost.keys import Keys

_log = logging.getLogger("funchost.eventgrid")
PREFIX = "runtime/webhooks/"
_METHODS = frozenset({"GET", "POST", "DELETE", "OPTIONS"})
_PUBLIC_CLOUD = "eventgrid.azure.net"
_ORIGINS = frozenset(
    {
        _PUBLIC_CLOUD,
        "eventgrid.azure.us",
        "eventgrid.azure.eaglex.ic.gov",
        "eventgrid.azure.microsoft.scloud",
        "eventgrid.azure.cn",
    }
)
#: Set anew by who passes a request or an answer on.
_PER_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "server", "date"})


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The HTTP process's side: keys, names, and passing on. ``ports`` of Event Grid functions, on loopback."""

    keys: Keys
    ports: Mapping[str, int]
    _client: list[Any] = field(default_factory=list)

    async def answer(self, request: Request) -> Answer:
        """The answer to a request whose path starts with ``PREFIX``."""
        if request.method not in _METHODS:
            return 405, [], b""
        if not self.keys.allow("system", request.key):
            return 401, [], b""
        extension, _, _ = request.path.removeprefix(PREFIX).partition("/")
        if extension.lower() != "eventgrid":
            return 404, [], b""
        name = request.query.get("functionname", "")
        if name not in self.ports:
            return text_answer(404, f"cannot find function: '{name}'")
        return await self._pass_on(request, self.ports[name])

    async def _pass_on(self, request: Request, port: int) -> Answer:
        import httpx

        if not self._client:
            self._client.append(httpx.AsyncClient(timeout=None, trust_env=False))  # noqa: S113 - the front cuts it
        try:
            answer = await self._client[0].request(
                request.method,
                f"http://127.0.0.1:{port}{request.raw_path}?{request.raw_query}",
                headers={name: value for name, value in request.headers.items() if name not in _PER_HOP},
                content=request.body,
            )
        except httpx.HTTPError as error:
            # The worker died under its function, which is a failed function.
            _log.warning("the worker of %s did not answer: %s", request.query.get("functionname"), error)
            return 500, [], b""
        headers = [(k.lower(), v) for k, v in answer.headers.raw if k.lower().decode() not in _PER_HOP]
        return answer.status_code, headers, answer.content


class EventGridHook:
    """The function's side. ``timed_out`` is called when it ran too long."""

    def __init__(self, function: Function, keys: Keys, invoker: Invoker, timed_out: Callable[[], None]) -> None:
        self._function = function
        self._keys = keys
        self._invoker = invoker
        self._timed_out = timed_out

    async def answer(self, request: Request) -> Answer:
        """Handshakes are 200, delivered events 202, or 500 when the function failed on one; else 400."""
        if not self._keys.allow("system", request.key):
            return 401, [], b""
        if request.method == "OPTIONS":
            origin = request.headers.get("webhook-request-origin", "")
            allowed = origin if origin in _ORIGINS else _PUBLIC_CLOUD
            return 200, [(b"webhook-allowed-origin", allowed.encode())], b""
        kind = request.headers.get("aeg-event-type", "").lower()
        try:
            match kind:
                case "subscriptionvalidation":
                    code = _validation_code(json.loads(request.body))
                    return text_answer(200, json.dumps({"validationResponse": code}))
                case "notification":
                    return await self._deliver(_events(json.loads(request.body)))
                case "unsubscribe":
                    return 202, [], b""
        except (ValueError, LookupError, TypeError) as error:
            # The extension lets the parser's exception through, which the host answers with 500.
            _log.warning("a %s of Event Grid cannot be read: %s", kind, error)
            return 500, [], b""
        return 400, [], b""

    async def _deliver(self, events: list[Any]) -> Answer:
        """All events at once; one failure fails the request, and Event Grid sends all of them again."""
        done = await asyncio.gather(*(self._run(event) for event in events))
        if all(done):
            return 202, [], b""
        return text_answer(500, f"Exception while executing function: Functions.{self._function.name}")

    async def _run(self, event: Any) -> bool:
        reason = "EventGrid trigger fired."
        try:
            await self._invoker.invoke(self._function, Datum(json.dumps(event), "json"), {}, reason)
        except TimedOut:
            self._timed_out()
            return False
        except Exception:  # noqa: BLE001 - the edge: a failure is the answer; the invoker has logged it
            return False
        return True


def _events(document: Any) -> list[Any]:
    """An object is one CloudEvent, an array a batch of either schema."""
    if isinstance(document, dict):
        return [document]
    if isinstance(document, list):
        return document
    raise TypeError(f"an object or an array, not {type(document).__name__}")


def _validation_code(document: Any) -> str:
    if isinstance(document, list):
        return str(document[0]["data"]["validationCode"])
    # ``data`` of a CloudEvent is JSON in a string here.
    data = document["data"]
    return str((json.loads(data) if isinstance(data, str) else data)["validationCode"])
