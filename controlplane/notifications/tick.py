"""The tick of a notification: each channel that has not taken it yet is tried."""

from __future__ import annotations

from datetime import datetime

from controlplane.notifications.model import Notification
from controlplane.objects.leases import Hold
from controlplane.objects.repository import put
from controlplane.retraining.deps import RetrainingDeps


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Without a channel a notification is only listed."""
    stored = await deps.objects.get(Notification, thing_id)
    if stored is not None and stored.value.due_at is not None:
        await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update={"due_at": None})))
    return None
