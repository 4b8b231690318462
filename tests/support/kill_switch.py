"""Kills a process that is none: from one point on every call raises, as if nobody were there to make it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Killed(BaseException):
    """Not an ``Exception``: nothing in the product may catch it."""


class KillSwitch:
    """Counts points; at point ``kill_at`` (from 1) it dies before the effect, or ``after`` it and before the answer."""

    def __init__(self, kill_at: int | None = None, *, after: bool = False) -> None:
        self.kill_at = kill_at
        self.after = after
        self.seen: list[str] = []
        self.dead = False

    def check(self) -> None:
        """Raises when the process is dead."""
        if self.dead:
            raise Killed

    def revive(self) -> None:
        """A new process; the switch does not fire again."""
        self.dead = False
        self.kill_at = None

    @asynccontextmanager
    async def point(self, label: str) -> AsyncIterator[None]:
        """Around an effect."""
        self.check()
        self.seen.append(label)
        mine = self.kill_at == len(self.seen)
        if mine and not self.after:
            self.dead = True
            raise Killed
        yield
        if mine:
            self.dead = True
        self.check()
