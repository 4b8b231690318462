"""``POST /admin/functions/{name}``: a timer's function, run now; its schedule goes on as it was.

After "Manually run a non HTTP-triggered function" (https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http)
and ``FunctionsController.Invoke`` of azure-functions-host: the master key, a JSON object, 202 at once whatever becomes
of the run, 404 for a function that is not there.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from azure.functions.meta import Datum

from funchost.functions import Function
from funchost.http_request import Answer, Request
from funchost.invocation import Invoker
from funchost.keys import Keys

_log = logging.getLogger("funchost.by_hand")
PREFIX = "admin/functions/"


class ByHand:
    """Answers what is under ``PREFIX`` and leaves the rest to ``other``. The function runs in this process."""

    def __init__(
        self, functions: Iterable[Function], keys: Keys, invoker: Invoker, other: Callable[[Request], Awaitable[Answer]]
    ) -> None:
        self._timers = {one.name.lower(): one for one in functions if one.kind == "timer"}
        self._keys, self._invoker, self._other = keys, invoker, other
        self._running: set[asyncio.Task[None]] = set()

    async def answer(self, request: Request) -> Answer:
        """As the host does."""
        if not request.path.lower().startswith(PREFIX):
            return await self._other(request)
        if not self._keys.allow("admin", request.key):
            return 401, [], b""
        function = self._timers.get(request.path[len(PREFIX) :].lower())
        if function is None:
            return 404, [], b""
        if request.method != "POST":
            return 405, [], b""
        if not _is_object(request.body):
            return 400, [], b""
        run = asyncio.ensure_future(self._run(function))
        # The loop keeps weak references to tasks only, and this one outlives its request.
        self._running.add(run)
        run.add_done_callback(self._running.discard)
        return 202, [], b""

    async def _run(self, function: Function) -> None:
        document = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
        reason = "This function was programmatically called via the host APIs."
        try:
            await self._invoker.invoke(function, Datum(json.dumps(document), "json"), {}, reason)
        except Exception as error:  # noqa: BLE001 - the edge: who called has had an answer; the invoker has logged it
            _log.info("the run of %s by hand failed: %s", function.name, type(error).__name__)


def _is_object(body: bytes) -> bool:
    try:
        found: Any = json.loads(body)
    except ValueError:
        return False
    return isinstance(found, dict)
