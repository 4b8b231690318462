"""A notification: stored in the commit of what it tells, sent by a tick of its own. Pure data."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Listed
from controlplane.retraining.signal import Severity


class Notification(Listed):
    """``id`` is stable: the same thing told again has the same id, so that receivers can drop the copy."""

    KIND: ClassVar[str] = "notification"
    LETTER: ClassVar[str] = "n"

    type: str
    """Of the CloudEvent, such as ``ControlPlane.Retraining.ApprovalNeeded``."""
    subject: str
    """``workspaces/{w}/models/{m}`` or what else it is about."""
    title: str = Field(max_length=200)
    text: str = Field(default="", max_length=4000)
    severity: Severity = Severity.MEDIUM
    link: str | None = None
    """Path in our API of what it tells of, such as ``/api/retrainings/rt-1``; channels get its whole address."""
    audiences: tuple[str, ...] = ()
    """Whom it is for, where somebody has chosen them; else its type says."""
    facts: dict[str, str] = Field(default_factory=dict)
    created_at: datetime
    attempts: int = 0
    sent: tuple[str, ...] = ()
    """Channels that took it."""
    failed: dict[str, str] = Field(default_factory=dict)
    """Channel → why the last try did not work."""
    given_up: tuple[str, ...] = ()
    """Channels that did not take it within a day."""

    def listed_at(self) -> datetime:
        return self.created_at


def notification_id(type_: str, about: str) -> str:
    """``about`` names the occasion: a decision's id, a run and its state."""
    return sha256(f"{type_}\n{about}".encode()).hexdigest()[:32]
