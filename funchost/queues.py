"""A queue as its listener sees it: the SQLite file (``queue_file``) or Azure Queue Storage (``queue_storage``)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

#: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#poison-messages
POISON_SUFFIX = "-poison"
#: What Azure says of a message that does not expire: the last second of time.
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


class QueueUnavailable(Exception):
    """The queue cannot be read or written now; the text says why. It may be asked again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was handed out. Times in seconds since 1970; ``pop_receipt`` is the right to change it."""

    id: str
    body: str
    inserted_at: float
    visible_at: float
    dequeue_count: int
    pop_receipt: str
    expires_at: float = NEVER


class Queue(Protocol):
    """Receives from one queue. Everything may raise ``QueueUnavailable``."""

    async def receive(self, count: int, lease_seconds: float) -> tuple[Message, ...]:
        """At most ``count`` visible messages, earliest first, hidden for ``lease_seconds``."""
        ...

    async def delete(self, message: Message) -> bool:
        """False when somebody else has taken the message over, or it is gone."""
        ...

    async def hide(self, message: Message, seconds: float) -> Message | None:
        """Hides the message for ``seconds`` from now; gives it with its new receipt, or None as ``delete``'s False."""
        ...

    async def poison(self, message: Message) -> bool:
        """Moves the message to ``<queue>-poison``; False as ``delete``'s."""
        ...

    async def aclose(self) -> None:
        """Waits for what has begun."""
        ...
