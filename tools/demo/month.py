"""Time that goes by in leaps: Azure's and the control plane's, and the timers that fire meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TypeVar

import httpx

from funchost.keys import keys_of
from tools.local import LocalStack

T = TypeVar("T")
#: Between two looks the clocks go on a little, so that nobody here waits for what waits for half a minute.
_STEP_SECONDS = 15.0
_LOOK_SECONDS = 0.2


class Month:
    """The simulator's clock, which the functions read as well, and the functions' timers, which are fired by hand:
    those of the host go by the machine's time."""

    def __init__(self, stack: LocalStack) -> None:
        azure = stack.azure
        self._azure = httpx.Client(base_url=azure["SIMULATOR_URL"], verify=azure["SSL_CERT_FILE"], timeout=180)
        key = {"x-functions-key": keys_of(stack.directory).master}
        self._host = httpx.Client(base_url=stack.api_url, headers=key, timeout=180)

    def __enter__(self) -> Month:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._azure.close()
        self._host.close()

    def now(self) -> datetime:
        """What both of them take for the time."""
        shown = self._azure.get("/simulator/clock").raise_for_status().json()["now"]
        return datetime.fromisoformat(shown).astimezone(UTC)

    def leap(self, seconds: float = 0.0, *, hours: float = 0.0) -> None:
        """All that comes due on the way happens in its order, as of its moment."""
        wish = {"advanceSeconds": seconds + 3600 * hours, "azure": True}
        self._azure.put("/simulator/clock", json=wish).raise_for_status()

    def leap_to(self, moment: datetime) -> None:
        """As :meth:`leap`."""
        self.leap(max(0.0, (moment - self.now()).total_seconds()))

    @contextmanager
    def at_pace(self, time_scale: float) -> Iterator[None]:
        """What Azure begins meanwhile takes its time divided by ``time_scale``."""
        settings = "/simulator/settings"
        before = self._azure.get(settings).raise_for_status().json()["timeScale"]
        self._azure.patch(settings, json={"timeScale": time_scale}).raise_for_status()
        try:
            yield
        finally:
            self._azure.patch(settings, json={"timeScale": before}).raise_for_status()

    def fire(self, *timers: str) -> None:
        """``POST /admin/functions/{name}``, as an administrator of the function app."""
        for name in timers:
            self._host.post(f"/admin/functions/{name}", json={}).raise_for_status()

    def until(
        self,
        look: Callable[[], T | None],
        what: str,
        *timers: str,
        patience: float = 180.0,
        step: float = _STEP_SECONDS,
    ) -> T:
        """What ``look`` finds, once it finds something; meanwhile time goes on by ``step`` seconds, and what is due is
        woken. Raises ``TimeoutError``."""
        deadline = time.monotonic() + patience
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited in vain for {what}")
            self.fire(*timers, "wake")
            time.sleep(_LOOK_SECONDS)
            self.leap(step)
        return found


def next_month(now: datetime) -> datetime:
    """The second day of the next month at noon: what follows is within one month, on whatever day this is run."""
    first = (now.replace(day=1) + timedelta(days=32)).replace(day=2)
    return first.replace(hour=12, minute=0, second=0, microsecond=0)
