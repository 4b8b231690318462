"""``/api/alerts``: where Azure Monitor's action groups send what fired: stored, answered, and read back later."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import body, taken
from controlplane.http.examples import ALERT
from controlplane.http.models import retraining as models
from controlplane.http.requests import JSON, Alerts, read_object
from controlplane.projects.access import Permission
from controlplane.retraining.signals.alarm import alarm

router = APIRouter(prefix="/api", tags=["Signals"])


@router.post(
    "/alerts",
    operation_id=Permission.ALERTS_SEND,
    responses=taken(models.AlertTaken),
    status_code=202,
    openapi_extra=body(None, JSON, example=ALERT),
    summary="Take an alert of Azure Monitor",
)
async def send_alert(ctx: Alerts, request: Request) -> JSONResponse:
    """The common alert schema, and the budgets' own. 202 says that it is stored with the time at which it is looked at,
    or why it is left alone; 503 that it could not be stored, and Azure Monitor sends it again.
    """
    found = await alarm(ctx.services.for_intake(), await read_object(request, JSON))
    return JsonResponse({"signal": found.id, "reason": found.reason}, 202)
