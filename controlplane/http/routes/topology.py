"""``/api/workspaces/{name}/topology``: the network as a graph."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok
from controlplane.http.requests import Ctx
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.topology import Topology

router = APIRouter(prefix="/api/workspaces", tags=["Workspaces"])


@router.get(
    "/{name}/topology",
    operation_id=Permission.WORKSPACES_TOPOLOGY,
    responses=ok(Topology),
    summary="The network as a graph: nodes, edges, zones, states",
)
async def get_topology(ctx: Ctx, name: str) -> JSONResponse:
    """What is wanted, each part with the state in which Azure has it now. What cannot be read is Unknown, never Ok. The
    order is the same each time.
    """
    found = await service.topology_of(ctx.services.for_workspaces(), ctx.caller, name)
    return JsonResponse(found.model_dump(mode="json", by_alias=True))
