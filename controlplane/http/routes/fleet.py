"""``/api/fleet/costs``, ``/api/fleet/summary`` and ``/api/workspaces/{name}/costs``: what was spent, as it was last
read."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.governance.services import costs as service
from controlplane.governance.services import fleet
from controlplane.governance.services.fleet_bodies import FleetCosts, FleetSummary
from controlplane.http.answers import JsonResponse, next_link
from controlplane.http.cost_views import declared
from controlplane.http.docs import ok
from controlplane.http.models.costs import WorkspaceCostsBody
from controlplane.http.money import priced
from controlplane.http.requests import Context, Ctx, Paged, PageQuery
from controlplane.operations.paging import token_of
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api", tags=["Money"])
#: Paths below ``/api``, which also begin the continuations.
_COSTS, _SUMMARY = "fleet/costs", "fleet/summary"


@router.get(
    "/workspaces/{name}/costs",
    operation_id=Permission.COSTS_GET,
    responses=ok(WorkspaceCostsBody),
    summary="Read what a workspace cost",
)
async def get_costs(ctx: Ctx, name: str) -> JSONResponse:
    """Azure's rows by day with their age, what has run since at list prices, the forecast and whose it is, and days
    that cost much more than usual with their cause. What is unknown is named and never 0. `estimate` is what the
    accepted spec costs a month by list prices.
    """
    found = await service.get_costs(ctx.services.for_governance(), ctx.caller, name)
    return JsonResponse({**priced(found.body), "estimate": declared(found.estimate, found.billed_in)})


@router.get(
    "/fleet/costs",
    operation_id=Permission.FLEET_COSTS,
    responses=ok(FleetCosts),
    summary="List what workspaces cost",
)
async def fleet_costs(ctx: Ctx, asked: Paged) -> JSONResponse:
    """In name order, those of the projects that the caller may read; sums are lower bounds while `unknown` says
    anything. Fields of the filter: `project`, `department`, `subscription`, `environment`.
    """
    paging = asked.paging(_COSTS, fleet.FIELDS)
    body, last = await fleet.fleet_costs(ctx.services.for_governance(), ctx.caller, paging)
    return _page(ctx, (_COSTS, last), body, asked)


@router.get(
    "/fleet/summary",
    operation_id=Permission.FLEET_SUMMARY,
    responses=ok(FleetSummary),
    summary="The fleet in numbers",
)
async def fleet_summary(ctx: Ctx, asked: Paged) -> JSONResponse:
    """By project, in name order, those that the caller may read: counts from the latest sweeps and ticks, with their
    age. A page ends after 1,000 workspaces. Fields of the filter: `project`, `department`, `subscription`,
    `environment`; of the last two workspaces alone are counted that fit.
    """
    paging = asked.paging(_SUMMARY, fleet.FIELDS)
    body, last = await fleet.fleet_summary(ctx.services.for_governance(), ctx.caller, paging)
    return _page(ctx, (_SUMMARY, last), body, asked)


def _page(ctx: Context, at: tuple[str, str | None], body: FleetCosts | FleetSummary, asked: PageQuery) -> JSONResponse:
    kind, last = at
    shown = {name: value for name, value in priced(body).items() if name != "nextLink"}
    return JsonResponse({**shown, **next_link(ctx, kind, token_of(kind, last), asked)})
