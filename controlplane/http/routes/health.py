"""``/api/health``: whether the process runs, and whether what it needs is there."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok, unavailable
from controlplane.http.models import health as models
from controlplane.http.requests import Anyone

router = APIRouter(prefix="/api/health", tags=["Health"])


@router.get("/live", operation_id="Health_Live", responses=ok(models.Liveness), summary="The process answers")
async def live() -> JSONResponse:
    """Needs no token and touches nothing."""
    return JsonResponse({"status": "Alive"})


@router.get(
    "/ready",
    operation_id="Health_Ready",
    responses={**ok(models.Readiness), **unavailable(models.Readiness)},
    summary="What the process needs is there",
)
async def ready(request: Request, anyone: Anyone) -> JSONResponse:
    """Needs a valid token of any role: it names what does not work. 503 when something does not. An answer is
    kept for a few seconds."""
    dependencies = await request.app.state.api.readiness.dependencies(anyone.services)
    good = all(item["status"] == "Ready" for item in dependencies)
    body = {"status": "Ready" if good else "NotReady", "dependencies": dependencies}
    return JsonResponse(body, 200 if good else 503)
