"""Every call that came in: a ring in memory, optionally a JSON-lines file; and polls that came too early."""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path
from typing import IO, Any

from simulator.engine.hooks import JsonObject
from simulator.engine.messages import Response

RING = 200_000
TOLERANCE_SECONDS = 0.002  # clocks of two processes on one machine, rounding of milliseconds


class Recorder:
    """`early_poll` is true for a GET of an operation's URL, or of the resource it works on, by the principal that was
    told to wait, before the Retry-After it was told has passed."""

    def __init__(self, path: str | None = None) -> None:
        self.calls: deque[JsonObject] = deque(maxlen=RING)
        self._file: IO[str] | None = None
        if path:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 (open as long as the process)
        self._number = 0
        self._waits: dict[tuple[str, str], float] = {}
        self._resources: dict[tuple[str, str], str] = {}

    def clear(self) -> None:
        """Forget the calls, not what callers were told to wait for."""
        self.calls.clear()
        self._number = 0

    def early(self, principal: str, method: str, response: Response) -> bool:
        """Judge one answered call and remember what it was told."""
        now = time.time()
        operation = response.operation
        early = False
        if method == "GET":
            watched = operation or self._resources.get((principal, response.resource or ""))
            if watched is not None:
                early = now + TOLERANCE_SECONDS < self._waits.get((principal, watched), 0.0)
        if operation is not None and response.retry_after is not None:
            self._waits[(principal, operation)] = now + response.retry_after
            if response.resource is not None:
                self._resources[(principal, response.resource)] = operation
        elif operation is not None and method == "GET":
            self._waits.pop((principal, operation), None)
        return early

    def add(self, call: JsonObject) -> None:
        self._number += 1
        entry = {"n": self._number, **call}
        self.calls.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def listed(self, query: dict[str, str]) -> list[JsonObject]:
        """Filters: `since` (n greater than), `method`, `plane`, `early` (only early polls), `path` (contains)."""
        found: list[JsonObject] = list(self.calls)
        if since := query.get("since"):
            found = [call for call in found if call["n"] > int(since)]
        for key in ("method", "plane", "principal"):
            if wanted := query.get(key):
                found = [call for call in found if str(call.get(key)).lower() == wanted.lower()]
        if query.get("early"):
            found = [call for call in found if call.get("early_poll")]
        if part := query.get("path"):
            found = [call for call in found if part.lower() in call["path"].lower()]
        return found

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def body_of(raw: bytes) -> Any:
    """A request body for the record: JSON when it is JSON, text otherwise, None when empty."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
