"""Who wrote what through Azure Resource Manager: the activity log of a subscription."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

#: Azure keeps the log for 90 days; a question that begins earlier is refused. An hour is left for clocks and pages.
LONGEST = timedelta(days=90) - timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Event:
    """One event about one write. Several events (it began, was accepted, ended) are about the same write when
    correlation, action and resource are the same."""

    at: datetime
    principal: str
    """Object id in lower case; empty where Azure does not say."""
    app: str
    """Client id of the application that called, in lower case; of a person's call the tool's."""
    caller: str
    """As the log names it: a user principal name, or an id."""
    is_app: bool
    groups: frozenset[str] | None
    """Object ids of the groups that the caller's token had, in lower case; None where it had none written in it."""
    action: str
    resource: str
    status: str
    correlation: str


class ActivityLog(Protocol):
    """Raises as ``ResourceReader``."""

    async def writes(self, subscription: str, group: str, since: datetime, until: datetime) -> tuple[Event, ...]:
        """Every administrative event about a resource group and what is in it, in no order. ``since`` no longer ago
        than ``LONGEST``."""
        ...
