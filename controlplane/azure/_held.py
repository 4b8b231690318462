"""Sessions that end with the event loop they were opened on.

The Functions host tells an app nothing of its end, and a session that is merely forgotten is logged as an error
("Unclosed client session"). An asynchronous generator is told: whoever runs a loop closes those that have begun
(``loop.shutdown_asyncgens``, which ``asyncio.run`` and ``asyncio.Runner`` call).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

import aiohttp

_HELD: set[AsyncGenerator[None]] = set()


def close_with_loop(session: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """The session, which is closed when the running loop is shut down, if nobody closed it before. Without a running
    loop it is its owner's alone."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return session
    keeper = _keep(session)
    _HELD.add(keeper)
    with suppress(StopIteration):
        # Its first step waits for nothing, and so ends the coroutine; it makes the loop know of the generator.
        keeper.asend(None).send(None)
    return session


async def _keep(session: aiohttp.ClientSession) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await session.close()
