"""``/api/workspaces/{name}/topology`` and ``/datastores``: the network as a graph, the ways to the data."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok
from controlplane.http.requests import Ctx
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.datastores import Datastores
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


@router.get(
    "/{name}/datastores",
    operation_id=Permission.WORKSPACES_DATASTORES,
    responses=ok(Datastores),
    summary="How jobs reach the data of each datastore, and what is wrong with that",
)
async def list_datastores(ctx: Ctx, name: str) -> JSONResponse:
    """As Azure has them now, those that nobody declared too. No secret is read. When they cannot be listed,
    `unreadable` says why, and `value` is null.
    """
    found = await service.datastores_of(ctx.services.for_workspaces(), ctx.caller, name)
    return JsonResponse(found.model_dump(mode="json", by_alias=True))
