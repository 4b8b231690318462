"""One queue through azure-storage-queue, errors translated.

This module imports the SDK; it is itself imported on first use, off the event loop.
"""

from __future__ import annotations

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.queue.aio import QueueClient

from controlplane.azure.storage_errors import code_of, explain


class Queue:
    """Raises ``controlplane.errors``."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    async def create(self) -> None:
        """Makes the queue unless it is there."""
        try:
            await self._client.create_queue()
        except ResourceExistsError as error:
            if code_of(error) != "QueueAlreadyExists":
                raise explain(error) from error
        except AzureError as error:
            raise explain(error) from error

    async def send(self, body: str, delay: int) -> None:
        """One message, visible after ``delay`` seconds. It expires after a week, which is Azure's default."""
        try:
            await self._client.send_message(body, visibility_timeout=delay)
        except AzureError as error:
            raise explain(error) from error
