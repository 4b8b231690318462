"""How tests wait for what other processes bring about.

Nothing is proven by how fast it came: a machine may stand still for a while, and the test then waits. So there is one
patience, far longer than anything that works takes; it costs nothing where what is waited for comes. A state that may
pass between two looks is not waited for: a history tells of it, or Azure's clock is moved by hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
#: Of one wait, and of one request that is answered at last.
PATIENCE_SECONDS = 180.0
_LOOK_SECONDS = 0.02


def until(look: Callable[[], T | None], *, every: float = _LOOK_SECONDS, says: Callable[[], Any] | None = None) -> T:
    """The first answer of ``look`` that is true. AssertionError with the last one, or with what ``says`` answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain: {says() if says else found}")
        time.sleep(every)
    return found


async def until_true(look: Callable[[], T | None], *, every: float = _LOOK_SECONDS) -> T:
    """:func:`until`, while the loop goes on."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain: {found}")
        await asyncio.sleep(every)
    return found
