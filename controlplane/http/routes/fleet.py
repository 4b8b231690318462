"""``/api/fleet/costs``, ``/api/fleet/summary`` and ``/api/workspaces/{name}/costs``: what was spent, as it was last
read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from controlplane.governance.services import costs as service
from controlplane.governance.services.costs import CostsBody, FleetCosts, FleetSummary
from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok
from controlplane.http.requests import Ctx
from controlplane.http.things import plain
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api", tags=["Money"])
Project = Annotated[str | None, Query(description="Only this project's workspaces.")]


@router.get(
    "/workspaces/{name}/costs",
    operation_id=Permission.COSTS_GET,
    responses=ok(CostsBody),
    summary="Read what a workspace cost",
)
async def get_costs(ctx: Ctx, name: str) -> JSONResponse:
    """Azure's rows by day with their age, what has run since at list prices, the forecast and whose it is, and days
    that cost much more than usual with their cause. What is unknown is named and never 0.
    """
    return JsonResponse(plain(await service.get_costs(ctx.services.for_governance(), ctx.caller, name)))


@router.get(
    "/fleet/costs",
    operation_id=Permission.FLEET_COSTS,
    responses=ok(FleetCosts),
    summary="What all workspaces cost",
)
async def fleet_costs(ctx: Ctx, project: Project = None) -> JSONResponse:
    """By project, of those that the caller may read; sums are lower bounds while `unknown` says anything.
    `subscriptions`, with what lies outside of managed workspaces, are shown to who may read of every project.
    """
    return JsonResponse(plain(await service.fleet_costs(ctx.services.for_governance(), ctx.caller, project)))


@router.get(
    "/fleet/summary",
    operation_id=Permission.FLEET_SUMMARY,
    responses=ok(FleetSummary),
    summary="The fleet in numbers",
)
async def fleet_summary(ctx: Ctx, project: Project = None) -> JSONResponse:
    """Counts from the latest sweeps and ticks, with their age, of the projects that the caller may read."""
    return JsonResponse(plain(await service.fleet_summary(ctx.services.for_governance(), ctx.caller, project)))
