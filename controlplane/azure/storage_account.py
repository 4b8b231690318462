"""One storage account for the store and the queue of a process: opened on first use, on the loop that uses it.

Importing this module imports no SDK; the first call does, in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from controlplane.azure.storage_connection import StorageConnection

if TYPE_CHECKING:
    from controlplane.azure._storage_client import StorageClients


class StorageAccount:
    """Safe for concurrent calls."""

    def __init__(self, connection: StorageConnection) -> None:
        self.connection = connection
        self._clients: StorageClients | None = None
        self._opening = asyncio.Lock()

    async def clients(self) -> StorageClients:
        """The shared clients, made on first use."""
        if self._clients is None:
            async with self._opening:
                if self._clients is None:
                    module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._storage_client")
                    context = await asyncio.to_thread(module.tls_context)
                    self._clients = module.connect(self.connection, context)
        return self._clients

    async def close(self) -> None:
        """Closes the sockets. The account may be used again, and then opens new ones."""
        clients, self._clients = self._clients, None
        if clients is not None:
            await clients.close()
