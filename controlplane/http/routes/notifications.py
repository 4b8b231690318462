"""``/api/notifications``: what was told, which channels took it, and why one did not."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http import models
from controlplane.http.answers import page
from controlplane.http.docs import ok
from controlplane.http.requests import Ctx, Paged
from controlplane.notifications import service
from controlplane.operations.paging import token_of
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api/notifications", tags=["Notifications"])


@router.get(
    "",
    operation_id=Permission.NOTIFICATIONS_LIST,
    responses=ok(models.NotificationList),
    summary="List notifications",
)
async def list_notifications(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first. Fields of the filter: `workspace`, `project`, `type`."""
    paging = asked.paging("ntf", service.FIELDS)
    found, last = await service.list_notifications(ctx.services.for_models(), ctx.caller, paging)
    shown = [one.model_dump(mode="json", by_alias=True) for one in found]
    return page(ctx, "notifications", shown, token_of("ntf", last), asked)
