"""``/api/workspaces/{name}/remediation``: how far what serves the models may be scaled by us."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import resource
from controlplane.http.docs import body, created, no_content, ok
from controlplane.http.examples import REMEDIATION
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, read_object
from controlplane.http.things import plain, put, removed
from controlplane.projects.access import Permission
from controlplane.retraining.remediation.model import RemediationPolicy
from controlplane.retraining.services import remediation as service
from controlplane.retraining.services.deps import Put
from controlplane.retraining.services.remediation import RemediationBody

router = APIRouter(prefix="/api/workspaces/{name}/remediation", tags=["Tasks"])


@router.get(
    "",
    operation_id=Permission.REMEDIATION_GET,
    responses=ok(RemediationBody, etag=True),
    summary="Read a workspace's remediation policy",
)
async def get_remediation(ctx: Ctx, name: str) -> JSONResponse:
    """404 where there is none: signals about infrastructure are tasks for people then."""
    return resource(plain(await service.get_remediation(ctx.services.for_models(), ctx.caller, name)))


@router.put(
    "",
    operation_id=Permission.REMEDIATION_PUT,
    responses={**ok(RemediationBody, etag=True), **created(RemediationBody)},
    openapi_extra=body(RemediationPolicy, JSON, example=REMEDIATION),
    summary="Set a workspace's remediation policy",
)
async def put_remediation(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """A step adds `step` instances or nodes, once for a signal, never beyond these limits, the workspace's spec and
    the project's registration; quota is Azure's to judge.
    """

    async def work() -> Put[RemediationBody]:
        data = await read_object(request, JSON)
        return await service.put_remediation(ctx.services.for_models(), ctx.caller, name, data, once.conditions)

    return await put(once, work)


@router.delete(
    "",
    operation_id=Permission.REMEDIATION_DELETE,
    responses=no_content(),
    status_code=204,
    summary="Take a workspace's remediation policy away",
)
async def delete_remediation(ctx: Ctx, name: str, once: Repeat) -> Response:
    """Nothing is scaled from then on; a step that is on its way goes on."""
    deps = ctx.services.for_models()
    return await removed(once, lambda: service.delete_remediation(deps, ctx.caller, name, once.conditions))
