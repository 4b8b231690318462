"""``/api/notifications``: what was told, which channels took it, and why one did not."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http.docs import ok
from controlplane.http.models import retraining as models
from controlplane.http.requests import Ctx, Paged
from controlplane.http.things import Listing
from controlplane.notifications import service
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api/notifications", tags=["Notifications"])
_LISTING = Listing("notifications", "ntf", service.FIELDS, service.list_notifications)


@router.get(
    "",
    operation_id=Permission.NOTIFICATIONS_LIST,
    responses=ok(models.NotificationList),
    summary="List notifications",
)
async def list_notifications(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first. Fields of the filter: `workspace`, `project`, `type`."""
    return await _LISTING.page(ctx, asked)
