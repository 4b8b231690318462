"""``/api/jobs:check``: whether a job will read its data and pull its image, before it is sent."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import body, ok
from controlplane.http.examples import JOB
from controlplane.http.requests import JSON, Ctx, read_object
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.jobs.model import JobCheck, JobQuestion

router = APIRouter(prefix="/api", tags=["Jobs"])


@router.post(
    "/jobs:check",
    operation_id=Permission.JOBS_CHECK,
    responses=ok(JobCheck),
    openapi_extra=body(JobQuestion, JSON, example=JOB),
    summary="Whether a job will read its data and pull its image",
)
async def check_job(ctx: Ctx, request: Request) -> JSONResponse:
    """Nothing is sent to Azure ML: the workspace's datastores are read, and the job is held against the rules of
    identities and images. The answer has the job as it should be sent.
    """
    data = await read_object(request, JSON)
    found = await service.check_job(ctx.services.for_workspaces(), ctx.caller, data)
    return JsonResponse(found.model_dump(mode="json", by_alias=True))
