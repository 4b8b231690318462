"""Every call that came in: a ring in memory, optionally a JSON-lines file; and calls that came too early."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from simulator.engine.hooks import JsonObject
from simulator.engine.messages import Response

RING = 200_000
TOLERANCE_SECONDS = 0.002  # clocks of two processes on one machine, rounding of milliseconds
COSTS = "x-ms-ratelimit-microsoft.costmanagement"
WRITES = frozenset({"PUT", "PATCH", "POST", "DELETE"})


@dataclass(frozen=True)
class Answered:
    """One call and its answer. `arrived` is when the call came (seconds since the epoch), before any delay; `told`
    whether the answer went out."""

    principal: str
    method: str
    path: str
    response: Response
    arrived: float
    told: bool = True


class Recorder:
    """`early_poll` is true for a GET of an operation's URL, or of the resource it works on, by the principal that was
    told to wait, before the Retry-After it was told has passed.

    `early_write` is true for a write by a principal to a subscription before the Retry-After has passed that came with
    a 429 which the same principal got for a write there. A write that had come in when that answer went out is not
    early; one that was on its way only cannot be told apart here from one whose sender had read the answer. What
    nobody was told counts for nobody: an answer whose connection was cut is not `told`.

    `early_question` is true for a question to Cost Management before the longest time has passed that a 429 named in
    its headers: what is over for a scope (`entity`) keeps its questions waiting only, the rest those of the principal.
    """

    def __init__(self, path: str | None = None) -> None:
        self.calls: deque[JsonObject] = deque(maxlen=RING)
        self._file: IO[str] | None = None
        if path:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 (open as long as the process)
        self._number = 0
        self._waits: dict[tuple[str, str], float] = {}
        self._resources: dict[tuple[str, str], str] = {}
        self._closed: dict[tuple[str, str], tuple[float, float]] = {}
        self._asked: dict[tuple[str, str], float] = {}

    def clear(self) -> None:
        """Forget the calls, not what callers were told to wait for."""
        self.calls.clear()
        self._number = 0

    def forget(self) -> None:
        """Forget the calls and the waits."""
        self.clear()
        for told in (self._waits, self._resources, self._closed, self._asked):
            told.clear()

    def early(self, call: Answered) -> bool:
        """Judge one answered call and remember what it was told."""
        principal, response, now = call.principal, call.response, time.time()
        operation = response.operation
        early = False
        if call.method == "GET":
            watched = operation or self._resources.get((principal, response.resource or ""))
            if watched is not None:
                early = call.arrived + TOLERANCE_SECONDS < self._waits.get((principal, watched), 0.0)
        if not call.told:
            return early
        if operation is not None and response.retry_after is not None:
            self._waits[(principal, operation)] = now + response.retry_after
            if response.resource is not None:
                self._resources[(principal, response.resource)] = operation
        elif operation is not None and call.method == "GET":
            self._waits.pop((principal, operation), None)
        return early

    def early_write(self, call: Answered) -> bool:
        """Judge one write and remember a 429."""
        subscription = subscription_of(call.path)
        if call.method not in WRITES or subscription is None or not call.principal:
            return False
        now, key = time.time(), (call.principal, subscription)
        since, until = self._closed.get(key, (0.0, 0.0))
        early = since < call.arrived and call.arrived + TOLERANCE_SECONDS < until
        seconds = retry_after(call.response.headers) if call.response.status == 429 else None
        if call.told and seconds is not None and now + seconds > until:
            # Whoever was told before that waits already: only what is new may be in flight still.
            self._closed[key] = (since if now < until else now, now + seconds)
        return early

    def early_question(self, call: Answered) -> bool:
        """Judge one question to Cost Management and remember a 429."""
        scope, found, _ = call.path.lower().partition("/providers/microsoft.costmanagement/")
        if not found or not call.principal:
            return False
        mine = (call.principal, ""), (call.principal, scope)
        early = call.arrived + TOLERANCE_SECONDS < max(self._asked.get(key, 0.0) for key in mine)
        for name, value in call.response.headers.items() if call.told and call.response.status == 429 else ():
            if name.startswith(COSTS) and name.endswith("-retry-after"):
                key = mine[name == f"{COSTS}-entity-retry-after"]
                self._asked[key] = max(self._asked.get(key, 0.0), time.time() + float(value))
        return early

    def add(self, call: JsonObject) -> None:
        self._number += 1
        entry = {"n": self._number, **call}
        self.calls.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def listed(self, query: dict[str, str]) -> list[JsonObject]:
        """Filters: `since` (n greater than), `method`, `plane`, `principal`, `status`, `early` (only early polls),
        `earlyWrite`, `earlyQuestion` (only such), `fault` (only those that a rule disturbed), `path` (contains)."""
        found: list[JsonObject] = list(self.calls)
        if since := query.get("since"):
            found = [call for call in found if call["n"] > int(since)]
        for key in ("method", "plane", "principal", "status"):
            if wanted := query.get(key):
                found = [call for call in found if str(call.get(key)).lower() == wanted.lower()]
        for name, key in (
            ("early", "early_poll"),
            ("earlyWrite", "early_write"),
            ("earlyQuestion", "early_question"),
            ("fault", "faults"),
        ):
            if query.get(name):
                found = [call for call in found if call.get(key)]
        if part := query.get("path"):
            found = [call for call in found if part.lower() in call["path"].lower()]
        return found

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def subscription_of(path: str) -> str | None:
    """The folded id of a path's subscription."""
    parts = path.lower().split("/", 3)
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" and parts[2] else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer of this simulator asks to wait."""
    if "x-ms-retry-after-ms" in headers:
        return float(headers["x-ms-retry-after-ms"]) / 1000
    return float(headers["retry-after"]) if "retry-after" in headers else None


def body_of(raw: bytes) -> Any:
    """A request body for the record: JSON when it is JSON, text otherwise, None when empty."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
