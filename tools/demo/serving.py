"""``make run`` after its chapters: it serves, follows leaps of the simulator's clock, and ends when a process did."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Protocol

import httpx

from funchost.functions import index
from funchost.timer_listener import Schedule
from tools.demo import screen
from tools.demo.month import Month
from tools.local import ROOT, LocalStack

_LOOK_SECONDS = 1.0
#: Clocks that are read one after the other are apart by less.
_LEAP = timedelta(seconds=30)


class Clocks(Protocol):
    """The simulator's clock, and the timers of the functions."""

    def now(self) -> datetime: ...
    def fire(self, *timers: str) -> None: ...


def schedules() -> dict[str, str]:
    """Of each timer of ``function_app.py``, which a process indexes once."""
    return {one.name: str(one.trigger["schedule"]) for one in index(ROOT) if one.kind == "timer"}


class Leaps:
    """The host's timers go by the machine's time; what the clock leapt over is fired here, each timer once a leap."""

    def __init__(self, clocks: Clocks, timers: dict[str, str], machine: datetime) -> None:
        self._clocks = clocks
        self._timers = {name: Schedule(expression) for name, expression in timers.items()}
        self._seen, self._machine = clocks.now(), machine

    def look(self, machine: datetime) -> tuple[str, ...]:
        """What it fired. Raises ``httpx.HTTPError``: the next look does it."""
        now = self._clocks.now()
        fired: tuple[str, ...] = ()
        if (now - self._seen) - (machine - self._machine) > _LEAP:
            fired = tuple(name for name, when in self._timers.items() if when.after(self._seen) <= now)
            self._clocks.fire(*fired)
        self._seen, self._machine = now, machine
        return fired


def serve(stack: LocalStack) -> None:
    """Until Ctrl-C. Raises ``StartFailed`` when the simulator or a function host has ended."""
    with Month(stack) as month:
        leaps = Leaps(month, schedules(), _machine())
        while True:
            time.sleep(_LOOK_SECONDS)
            stack.require_alive()
            try:
                fired = leaps.look(_machine())
            except httpx.HTTPError as error:
                screen.said(f"the clock was not followed just now, and is at the next look: {error}")
                continue
            if fired:
                screen.said(f"the clock leapt to {month.now():%Y-%m-%d %H:%M}: {', '.join(fired)} fired")


def _machine() -> datetime:
    return datetime.fromtimestamp(time.time()).astimezone()
