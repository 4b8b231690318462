"""Telling others. Only ticks send."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from controlplane.notifications.channels import Channel
from controlplane.notifications.model import Notification


class Notifier(Protocol):
    """The channels of the settings, and how each is spoken to."""

    channels: tuple[Channel, ...]

    async def send(self, channel: Channel, notification: Notification, now: datetime) -> None:
        """Returns when it was taken. Raises ``Transient`` (may have been taken; with the receiver's ``Retry-After``),
        ``Rejected`` (its answer's status), ``Fatal``. No message holds a secret."""
        ...
