"""The work queue in Azure Queue Storage. This side only sends; the Functions host delivers.

Importing this module imports no SDK; the first call does, in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import math
from typing import TYPE_CHECKING

from controlplane.azure.storage_account import StorageAccount
from controlplane.errors import Fatal
from controlplane.store.messages import check_delay, encode

if TYPE_CHECKING:
    from controlplane.azure._queues import Queue


class AzureQueue:
    """``controlplane.ports.store.WorkQueue`` in one queue, which is made when it is missing."""

    def __init__(self, account: StorageAccount, name: str) -> None:
        self._account = account
        self._name = name
        self._queue: Queue | None = None
        self._opening = asyncio.Lock()

    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        """See ``WorkQueue``. Raises ``Rejected``: ``MessageTooLarge``, ``OutOfRangeInput`` (the delay).

        Delays are whole seconds there, rounded up: too late is what a hint may be. After a lost answer it is not sent
        again but ``Transient``; whoever repeats it sends two, which hints may be as well.
        """
        body = encode(message)
        delay = math.ceil(check_delay(delay_seconds))
        queue = await self._opened()
        try:
            await queue.send(body, delay)
        except Fatal as error:
            if error.code != "QueueNotFound":
                raise
            # Somebody deleted it while this process ran; while that goes on, making it is ``Transient``.
            await queue.create()
            await queue.send(body, delay)

    async def _opened(self) -> Queue:
        if self._queue is None:
            async with self._opening:
                if self._queue is None:
                    module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._queues")
                    clients = await self._account.clients()
                    queue: Queue = module.Queue(clients.queue(self._name))
                    await queue.create()
                    self._queue = queue
        return self._queue
