"""What was told to whom, as people read it: who took it, and why somebody did not."""

from __future__ import annotations

from controlplane.notifications.model import Notification
from controlplane.operations.paging import Fields, Paging
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.services.deps import ModelDeps, listed

FIELDS: Fields = {
    "workspace": None,
    "project": None,
    "type": None,
}


async def list_notifications(
    deps: ModelDeps, caller: Caller, paging: Paging
) -> tuple[tuple[Notification, ...], str | None]:
    """Newest first."""
    return await listed(deps, caller, (Notification, Permission.NOTIFICATIONS_LIST), paging)
