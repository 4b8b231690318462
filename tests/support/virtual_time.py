"""An event loop whose time jumps: nothing waits, everything happens in order, every run is the same.

``run(coroutine)`` is ``asyncio.run`` on it. Blocking work given to threads is done at once, on the loop.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

_T = TypeVar("_T")

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: instead of a timeout the loop's time goes forward by it."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        ready: list[Any] = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise RuntimeError("Nothing will ever happen again: a deadlock.")
        self.loop.virtual += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.virtual = 0.0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.virtual

    def run_in_executor(self, executor: Any, func: Callable[..., _T], *args: Any) -> asyncio.Future[_T]:  # type: ignore[override]
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  the future carries it, as a thread's would
            future.set_exception(error)
        return future


class VirtualClock:
    """``ports.clock.Clock`` on the loop's time; ``offset`` seconds are added by hand."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time() + self.offset)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Runs to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
