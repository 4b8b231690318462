"""``/api/projects``: what a project may use in Azure and who belongs to it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http import views
from controlplane.http.answers import page, resource
from controlplane.http.docs import body, created, no_content, ok
from controlplane.http.examples import REGISTRATION
from controlplane.http.models import projects as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, Paged, read_object
from controlplane.http.things import removed
from controlplane.operations.paging import token_of
from controlplane.projects import service
from controlplane.projects.access import Permission
from controlplane.projects.model import Registration

router = APIRouter(prefix="/api/projects", tags=["Projects"])


@router.get("", operation_id=Permission.PROJECTS_LIST, responses=ok(models.ProjectList), summary="List registrations")
async def list_projects(ctx: Ctx, asked: Paged) -> JSONResponse:
    """In name order. Fields of the filter: `name`, `subscription`, `region`; the last two are what the registration
    allows.
    """
    paging = asked.paging("p", service.FIELDS)
    records, last = await service.list_projects(ctx.services.for_projects(), ctx.caller, paging)
    return page(ctx, "projects", [views.project(record) for record in records], token_of("p", last), asked)


@router.get(
    "/{name}",
    operation_id=Permission.PROJECTS_GET,
    responses=ok(models.Project, etag=True),
    summary="Read a registration",
)
async def get_project(ctx: Ctx, name: str) -> JSONResponse:
    """404 also for a project that the caller has no role in."""
    record = await service.get_project(ctx.services.for_projects(), ctx.caller, name)
    return resource(views.project(record))


@router.put(
    "/{name}",
    operation_id=Permission.PROJECTS_PUT,
    responses={**ok(models.Project, etag=True), **created(models.Project)},
    openapi_extra=body(Registration, JSON, example=REGISTRATION),
    summary="Register a project, or replace its registration",
)
async def put_project(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """Workspaces that exist stay as they are when a registration shrinks; the next request for them is checked anew."""

    async def work() -> Response:
        data = await read_object(request, JSON)
        put = await service.put_project(ctx.services.for_projects(), ctx.caller, name, data, once.conditions)
        return resource(views.project(put.record), 201 if put.created else 200)

    return await once.do(work)


@router.delete(
    "/{name}",
    operation_id=Permission.PROJECTS_DELETE,
    responses=no_content(),
    status_code=204,
    summary="End a registration",
)
async def delete_project(ctx: Ctx, name: str, once: Repeat) -> Response:
    """409 `ProjectNotEmpty` while it has workspaces. 204 also when there is no such project."""
    deps = ctx.services.for_projects()
    return await removed(once, lambda: service.delete_project(deps, ctx.caller, name, once.conditions))
