"""The clocks of ``ports/clock.py``: the system's, and one that follows a URL, to try expiry in minutes, not weeks."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import urlsplit

from controlplane.errors import Fatal, Transient

#: Times the refresh: an offset that is older is not used.
_OLD = 2


class SystemClock:
    """The machine's time. Leases use it always."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Waits real seconds."""
        await asyncio.sleep(seconds)


class UrlClock:
    """The time that ``url`` answers as ``{"now": "2026-11-01T00:00:00Z"}``, kept as an offset to the system's.

    The first ``now`` waits for an answer; later ones use the last offset, and when that is older than
    ``refresh_seconds`` a thread asks again. Who has not looked for twice as long waits once more: else a process
    that was idle while the clock was moved on would take an event of now for one of the future. ``now`` raises
    ``Transient`` when its question got no answer and ``Fatal`` when the answer was not a time; what an earlier
    question failed with, which nobody waited for, is asked again.
    """

    def __init__(self, url: str, *, refresh_seconds: float = 0.1, timeout_seconds: float = 60.0) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise Fatal("InvalidSetting", "The clock's URL must be http or https.")
        self._url = url
        self._refresh_seconds = refresh_seconds
        self._timeout_seconds = timeout_seconds
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="clock")
        self._lock = threading.Lock()
        self._asked: Future[tuple[timedelta, float]] | None = None
        self._offset: timedelta | None = None
        self._known_at = float("-inf")

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC) + self._current_offset()

    async def sleep(self, seconds: float) -> None:
        """Waits real seconds, however fast the other clock runs."""
        await asyncio.sleep(seconds)

    def _current_offset(self) -> timedelta:
        with self._lock:
            if self._asked is not None and self._asked.done():
                asked, self._asked = self._asked, None
                if asked.exception() is None:
                    self._take(asked)
            age = time.monotonic() - self._known_at
            if self._asked is None and age > self._refresh_seconds:
                self._asked = self._thread.submit(self._ask)
            if self._asked is not None and age > _OLD * self._refresh_seconds:
                self._take(self._asked)
            if self._offset is None:
                raise Transient("ClockUnavailable", "The clock has not answered.", retry_after=1.0)
            return self._offset

    def _take(self, asked: Future[tuple[timedelta, float]]) -> None:
        """Waits where there is no answer yet. An answer is as old as it is, whenever it is taken."""
        self._asked, self._offset, self._known_at = None, None, float("-inf")
        self._offset, self._known_at = asked.result()

    def _ask(self) -> tuple[timedelta, float]:
        # Its age counts from the question: a process that stood still may read an answer long after it was given.
        started, asked_at = datetime.now(UTC), time.monotonic()
        try:
            # The scheme was checked above, so that no file is opened here.
            with urllib.request.urlopen(self._url, timeout=self._timeout_seconds) as answer:  # noqa: S310
                body = answer.read(65536)
        except OSError as error:
            if isinstance(error, HTTPError):
                error.close()
            raise Transient("ClockUnavailable", f"The clock does not answer: {error}", retry_after=1.0) from error
        middle = started + (datetime.now(UTC) - started) / 2
        try:
            moment = datetime.fromisoformat(json.loads(body)["now"])
        except (ValueError, KeyError, TypeError) as error:
            raise Fatal("InvalidClock", 'The clock must answer {"now": an ISO 8601 time}.') from error
        if moment.tzinfo is None:
            raise Fatal("InvalidClock", "The clock must answer a time with its zone.")
        return moment - middle, asked_at
