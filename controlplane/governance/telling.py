"""What people are told of money and lifetime: stored where every notification waits, before it happens."""

from __future__ import annotations

from controlplane.errors import Conflict
from controlplane.notifications.model import Notification
from controlplane.objects.repository import Objects, put


async def tell(notifications: Objects, told: Notification) -> None:
    """Stores it unless it is there: its id is stable, so a tick that is repeated after a crash tells nothing twice.
    Raises ``Transient`` when the store is away."""
    if await notifications.get(Notification, told.id) is not None:
        return
    try:
        await notifications.commit(put(None, told))
    except Conflict:
        return  # another tick was faster with the same words
