"""The product's clock, as `CONTROLPLANE_CLOCK` reads it: a time that can be set, moved on, stopped and made to run.

Azure's own clock is the machine's, unless a call says that it goes on as well (`azure`); that of leases and tokens is
the machine's always.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.engine.hooks import JsonObject

WISHES = frozenset({"now", "advanceSeconds", "speed", "azure"})


@dataclass
class Clock:
    """`offset` seconds ahead of the machine's when it was last changed, running `speed` times as fast since."""

    speed: float = 1.0
    _at: float = 0.0
    _then: float = 0.0

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The machine's time again."""
        self.speed = 1.0
        self._at = self._then = time.time()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._then + (time.time() - self._at) * self.speed, UTC)

    def shown(self) -> JsonObject:
        return {"now": self.now().isoformat().replace("+00:00", "Z"), "speed": self.speed}

    def change(self, wish: Any) -> JsonObject:
        """`{"now": an ISO 8601 time with its zone}`, `{"advanceSeconds": n}`, `{"speed": n}` (0 stops it), or several.
        Raises ValueError."""
        if not isinstance(wish, dict) or not wish or set(wish) - WISHES:
            raise ValueError(f"a clock takes {', '.join(sorted(WISHES))}")
        moment = datetime.fromisoformat(str(wish["now"])) if "now" in wish else self.now()
        if moment.tzinfo is None:
            raise ValueError("the time of a clock needs its zone")
        speed = float(wish.get("speed", self.speed))
        if speed < 0:
            raise ValueError("a clock does not run backwards")
        moment += timedelta(seconds=float(wish.get("advanceSeconds", 0)))
        self.speed, self._at, self._then = speed, time.time(), moment.timestamp()
        return self.shown()
