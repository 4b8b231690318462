"""Receives from a queue of Azure Queue Storage, or of Azurite, which plays it on one machine.

What is done to a message, and which errors mean that somebody else has it, is as in ``QueueProcessor`` of
Microsoft.Azure.WebJobs.Extensions.Storage.Queues 5 (https://github.com/Azure/azure-sdk-for-net, sdk/storage).
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.queue.aio import QueueClient

from funchost.host_json import HostError
from funchost.queues import NEVER, POISON_SUFFIX, Message, QueueUnavailable

#: Each poll would be a dozen lines.
_calls = logging.getLogger("funchost.storage")
_calls.setLevel(logging.WARNING)
#: https://learn.microsoft.com/azure/storage/common/storage-use-azurite: the account of every emulator, no secret.
_DEVELOPMENT = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)
#: Of https://learn.microsoft.com/rest/api/storageservices/queue-service-error-codes: the message or the queue is gone,
#: or somebody else has the message.
_NOT_OURS = frozenset({"MessageNotFound", "PopReceiptMismatch", "QueueNotFound", "QueueBeingDeleted", "QueueDisabled"})
_NO_QUEUE = frozenset({"QueueNotFound", "QueueBeingDeleted", "QueueDisabled"})


def connection_string(name: str, settings: Mapping[str, str]) -> str:
    """The connection string that a binding's ``connection`` names, as the host looks it up.

    ``AzureWebJobs<name>`` wins over ``<name>``; no name means ``AzureWebJobsStorage``
    (https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections).
    Raises ``HostError`` when there is none, and for connections by identity, which this host does not have.
    """
    name = name or "AzureWebJobsStorage"
    value = settings.get(f"AzureWebJobs{name}") or settings.get(name)
    if value:
        return _DEVELOPMENT if value.strip().rstrip(";").lower() == "usedevelopmentstorage=true" else value
    if any(key.startswith(f"{name}__") for key in settings):
        raise HostError(f"{name}: funchost takes a connection string, not a connection by identity")
    raise HostError(f"Storage account connection string '{name}' does not exist.")


class StorageQueue:
    """``funchost.queues.Queue`` over the service's REST API. The queue need not exist yet."""

    def __init__(self, connection: str, queue: str) -> None:
        try:
            # Once more after a second; a listener asks again by itself, and the SDK's own 15 s would make it late.
            options: dict[str, Any] = {
                "retry_total": 1,
                "initial_backoff": 1,
                "random_jitter_range": 0,
                "logger": _calls,
            }
            self._queue = QueueClient.from_connection_string(connection, queue, **options)
            self._poison = QueueClient.from_connection_string(connection, queue + POISON_SUFFIX, **options)
        except ValueError as error:
            raise HostError(f"the connection of queue {queue} is not a connection string: {error}") from error

    async def aclose(self) -> None:
        await self._queue.close()
        await self._poison.close()

    async def receive(self, count: int, lease_seconds: float) -> tuple[Message, ...]:
        pages = self._queue.receive_messages(
            messages_per_page=count, visibility_timeout=_whole(lease_seconds)
        ).by_page()
        try:
            # One page only: the SDK would ask again until nothing is left.
            async for page in pages:
                return tuple([_message(item) async for item in page])
        except HttpResponseError as error:
            if _code(error) in _NO_QUEUE:
                return ()
            raise QueueUnavailable(str(error)) from error
        except AzureError as error:
            raise QueueUnavailable(str(error)) from error
        return ()

    async def delete(self, message: Message) -> bool:
        try:
            await self._queue.delete_message(message.id, message.pop_receipt)
        except AzureError as error:
            return _lost(error)
        return True

    async def hide(self, message: Message, seconds: float) -> Message | None:
        try:
            renewed = await self._queue.update_message(
                message.id, message.pop_receipt, visibility_timeout=_whole(seconds)
            )
        except AzureError as error:
            _lost(error)
            return None
        visible_at = renewed.next_visible_on or datetime.now(UTC) + timedelta(seconds=seconds)
        return replace(message, pop_receipt=str(renewed.pop_receipt), visible_at=visible_at.timestamp())

    async def poison(self, message: Message) -> bool:
        """Two steps, as in the real host: the copy, then the deletion. A crash between them makes a second copy."""
        try:
            await self._copy(message.body)
        except AzureError as error:
            raise QueueUnavailable(str(error)) from error
        return await self.delete(message)

    async def _copy(self, body: str) -> None:
        try:
            await self._poison.send_message(body, time_to_live=-1)
        except HttpResponseError as error:
            if _code(error) != "QueueNotFound":
                raise
            with contextlib.suppress(ResourceExistsError):  # somebody else was faster
                await self._poison.create_queue()
            await self._poison.send_message(body, time_to_live=-1)


def _lost(error: AzureError) -> bool:
    """False when somebody else has the message, or it is gone; everything else is raised."""
    if isinstance(error, HttpResponseError) and _code(error) in _NOT_OURS:
        return False
    raise QueueUnavailable(str(error)) from error


def _code(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code))


def _whole(seconds: float) -> int:
    """The service counts whole seconds; never less than asked."""
    return math.ceil(seconds)


def _message(item: Any) -> Message:
    return Message(
        id=item.id,
        body=item.content,
        inserted_at=item.inserted_on.timestamp(),
        visible_at=item.next_visible_on.timestamp(),
        dequeue_count=item.dequeue_count,
        pop_receipt=item.pop_receipt,
        expires_at=item.expires_on.timestamp() if item.expires_on else NEVER,
    )
