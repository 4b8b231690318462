"""``/api/workspaces/{name}/template``: the workspace as code."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok
from controlplane.http.requests import Ctx
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.template import DeploymentTemplate

router = APIRouter(prefix="/api/workspaces", tags=["Workspaces"])


@router.get(
    "/{name}/template",
    operation_id=Permission.WORKSPACES_TEMPLATE,
    responses=ok(DeploymentTemplate),
    summary="The accepted spec as a deployment template of Azure Resource Manager",
)
async def get_template(ctx: Ctx, name: str) -> JSONResponse:
    """For `az deployment sub create`: a resource group and nested deployments, with their order and no secret. Nothing
    is read from Azure. What no template can make stands in `metadata.leftOut`.
    """
    return JsonResponse(dict(await service.template_of(ctx.services.for_workspaces(), ctx.caller, name)))
