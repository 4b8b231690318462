"""A timer trigger's listener, after ``TimerListener`` and ``ScheduleMonitor`` of azure-webjobs-sdk-extensions.

Schedules are six-field NCRONTAB in UTC. Occurrences never overlap: the next one is looked for when the function has
ended. Schedules of a minute or more are monitored: their status is a file, so that an occurrence that was missed while
the host was down runs at the start, ``past_due``. A failed run is not repeated. Of several hosts one has the timer: the
real host holds the lease of a blob for it (``[Singleton]``), this one the lock of a file beside the status.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from azure.functions.meta import Datum
from croniter import croniter

from funchost.functions import Function
from funchost.host_json import HostError
from funchost.invocation import Invoker, TimedOut

_log = logging.getLogger("funchost.timer")
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
#: How often a host that does not have the timer asks for it. The real one asks every minute.
_LOCK_SECONDS = 1.0


class Schedule:
    """``{second} {minute} {hour} {day} {month} {day-of-week}``; five fields mean second 0."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        self._expression = " ".join(["0", *fields] if len(fields) == 5 else fields)
        if len(self._expression.split()) != 6 or not croniter.is_valid(self._expression, second_at_beginning=True):
            raise HostError(f"The schedule expression '{expression}' was not recognized as a valid cron expression.")

    def after(self, moment: datetime) -> datetime:
        """The first occurrence later than ``moment``."""
        occurrences = croniter(self._expression, moment.astimezone(UTC), second_at_beginning=True)
        found: datetime = occurrences.get_next(datetime)
        return found

    def is_monitored(self, now: datetime) -> bool:
        """Whether occurrences are at least a minute apart; the real host looks at the next two."""
        first = self.after(now)
        return self.after(first) - first >= _MINUTE


@dataclass(frozen=True, slots=True)
class Status:
    """``last`` and ``next`` occurrence, and when this was written."""

    last: datetime
    next: datetime
    updated: datetime

    def to_json(self) -> dict[str, str]:
        """As the host stores it, and as the function sees it."""
        return {"Last": self.last.isoformat(), "Next": self.next.isoformat(), "LastUpdated": self.updated.isoformat()}


class StatusFile:
    """The schedule status of one timer; in Azure a blob under ``azure-webjobs-hosts/timers``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Status | None:
        """None when it was never written."""
        try:
            document: Mapping[str, Any] = json.loads(self._path.read_text())
            moments = (datetime.fromisoformat(document[name]) for name in ("Last", "Next", "LastUpdated"))
            return Status(*moments)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise HostError(f"{self._path} is no schedule status: {error}") from error

    def write(self, status: Status) -> None:
        """Replaces the file at once."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(status.to_json()))
        temporary.replace(self._path)


class TimerListener:
    """Runs one function on its schedule until it is stopped."""

    def __init__(
        self,
        function: Function,
        status_directory: Path,
        invoker: Invoker,
        timed_out: Callable[[], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._function = function
        self._schedule = Schedule(str(function.trigger["schedule"]))
        monitored = function.trigger.get("useMonitor", True) and self._schedule.is_monitored(now())
        self._file = StatusFile(status_directory / f"{function.name}.json") if monitored else None
        self._lock = status_directory / f"{function.name}.lock"
        self._invoker = invoker
        self._timed_out = timed_out
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        """Returns after the run that is under way when ``stop`` is set. Waits while another host has the timer."""
        descriptor = await self._take(stop)
        if descriptor is None:
            return
        try:
            await self._run_on_schedule(stop)
        finally:
            os.close(descriptor)

    async def _take(self, stop: asyncio.Event) -> int | None:
        """The file that holds the lock, which ends with this process at the latest; None when told to stop."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOCK_SECONDS):
                        await stop.wait()
                if stop.is_set():
                    os.close(descriptor)
                    return None

    async def _run_on_schedule(self, stop: asyncio.Event) -> None:
        await self._start()
        while not stop.is_set():
            next_ = self._schedule.after(self._now())
            while (left := (next_ - self._now()).total_seconds()) > 0:
                # Long waits in pieces: a machine that slept must not oversleep, and a moved clock is noticed.
                try:
                    async with asyncio.timeout(min(left, 60.0)):
                        await stop.wait()
                    return
                except TimeoutError:
                    continue
            await self._run(past_due=False, occurrence=next_)

    async def _start(self) -> None:
        """Runs what was missed, or what ``runOnStartup`` asks for; both at once are one run."""
        now = self._now()
        status = self._file.read() if self._file else None
        if self._file is not None and status is None:
            self._file.write(Status(_NO_TIME, self._schedule.after(now), now))
        elif self._file is not None and status is not None:
            # From when it was last written, so that a schedule that was changed meanwhile counts as it is now.
            expected = self._schedule.after(status.updated)
            if expected != status.next:
                self._file.write(Status(status.last, expected, now))
            if now > expected:
                await self._run(past_due=True, occurrence=now)
                return
        if self._function.trigger.get("runOnStartup"):
            await self._run(past_due=False, occurrence=now)

    async def _run(self, *, past_due: bool, occurrence: datetime) -> None:
        status = self._file.read() if self._file else None
        document = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.to_json() if status else None,
            "IsPastDue": past_due,
        }
        reason = f"Timer fired at {self._now().isoformat()}"
        timed_out = False
        try:
            await self._invoker.invoke(self._function, Datum(json.dumps(document), "json"), {}, reason)
        except TimedOut:
            timed_out = True
        except Exception:  # noqa: BLE001, S110 - the edge: a failed timer is not repeated; the invoker has logged it
            pass
        if self._file is not None:
            now = self._now()
            self._file.write(Status(occurrence, self._schedule.after(now), now))
        if timed_out:
            self._timed_out()
