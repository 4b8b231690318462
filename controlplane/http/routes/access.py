"""``/api/workspaces/{name}/access``: personas, who has which role, and by which row of the matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import JsonResponse, accepted, resource
from controlplane.http.docs import accepted_doc, body, ok
from controlplane.http.examples import ACCESS
from controlplane.http.models.workspaces import AccessBody
from controlplane.http.repeats import Once, Repeat
from controlplane.http.requests import JSON, AllowDestructive, Context, Ctx, read_object
from controlplane.ports.store import Write
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.access.powers import Can
from controlplane.workspaces.access.report import AccessReport, Explanation
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.service import Outcome
from controlplane.workspaces.service import Request as Ask
from controlplane.workspaces.spec import Access

Days = Annotated[
    str | None,
    Query(
        pattern="^([1-9]|[1-8][0-9]|90)d$",
        description="Days of the activity log to look at, such as 30d; 90d is all that Azure keeps. It takes "
        "the right to reconcile access.",
    ),
]

router = APIRouter(prefix="/api/workspaces", tags=["Access"])


@router.get(
    "/{name}/access",
    operation_id=Permission.ACCESS_GET,
    responses=ok(AccessBody, etag=True),
    summary="Personas, their roles, drift and invariants",
)
async def get_access(ctx: Ctx, name: str, activity: Days = None) -> JSONResponse:
    """As Azure has it now, inherited grants included. What cannot be read is unknown. The ETag is the workspace's.
    With `activity` also who changed what, which of them no row of the matrix lets do it now, and who never did.
    """
    days = int(activity[:-1]) if activity else None
    return _shown(*await service.get_access(ctx.services.for_workspaces(), ctx.caller, name, days))


@router.put(
    "/{name}/access",
    operation_id=Permission.ACCESS_PUT,
    responses={**ok(AccessBody, etag=True), **accepted_doc()},
    openapi_extra=body(Access, JSON, example=ACCESS),
    summary="Replace who is which persona",
)
async def put_access(
    ctx: Ctx, name: str, request: Request, once: Repeat, allow_destructive: AllowDestructive = False
) -> Response:
    """The body is `access` of the spec: personas that are left out are nobody's, and the rest of the spec stays. Taking
    roles away needs `allowDestructive=true`. 200 when it is so already. Product owners are an owner's or a
    Platform.Admin's to change: 403 `OwnersChangeNotAllowed`.
    """
    ask = Ask(ctx.caller, Permission.ACCESS_PUT, name, once.conditions, allow_destructive, _remember(ctx, once))

    async def work() -> Response:
        outcome = await service.put_access(ctx.services.for_workspaces(), ask, await read_object(request, JSON))
        once.project = outcome.stored.record.project
        if outcome.operation is None:
            return _shown(*await service.get_access(ctx.services.for_workspaces(), ctx.caller, name))
        return accepted(ctx, outcome.operation, etag=outcome.stored.record.public_etag)

    return await once.do(work)


@router.post(
    "/{name}/access:reconcile",
    operation_id=Permission.ACCESS_RECONCILE,
    responses=accepted_doc(),
    status_code=202,
    summary="Put back missing grants; with consent, take away others",
)
async def reconcile_access(ctx: Ctx, name: str, once: Repeat, allow_destructive: AllowDestructive = False) -> Response:
    """Without consent as `:repair` of the workspace. With it, grants inside the resource group that no row of the
    matrix has are deleted, direct grants to people among them; Owner and what is inherited stay an administrator's.
    """
    ask = Ask(ctx.caller, Permission.ACCESS_RECONCILE, name, once.conditions, allow_destructive, _remember(ctx, once))

    async def work() -> Response:
        outcome = await service.reconcile_access(ctx.services.for_workspaces(), ask)
        once.project = outcome.stored.record.project
        assert outcome.operation is not None
        return accepted(ctx, outcome.operation, etag=outcome.stored.record.public_etag)

    return await once.do(work)


@router.post(
    "/{name}/access:approve",
    operation_id=Permission.ACCESS_APPROVE,
    responses=ok(AccessBody, etag=True),
    summary="Approve the grants that an administrator has to make",
)
async def approve_access(ctx: Ctx, name: str, once: Repeat) -> Response:
    """Owner, and what platform support may take: they become `pendingManual` with the exact request to run, until Azure
    shows them. Whoever made the last change of the spec cannot approve.
    """

    async def work() -> Response:
        stored, found = await service.approve_access(ctx.services.for_workspaces(), ctx.caller, name)
        once.project = stored.record.project
        return _shown(stored, found)

    return await once.do(work)


@router.get(
    "/{name}/access/explanation",
    operation_id=Permission.ACCESS_EXPLAIN,
    responses=ok(Explanation),
    summary="Who can do that to a resource, and by which row",
)
async def explain_access(
    ctx: Ctx,
    name: str,
    about: Annotated[
        str, Query(alias="resource", min_length=1, max_length=1000, description="Key, such as storage, or ARM id.")
    ] = "workspace",
    can: Annotated[Can, Query(description="What is asked about.")] = Can.READ,
) -> JSONResponse:
    """Settings (management) and content (data) are told apart. A role that is not known here is listed without them."""
    found = await service.explain_access(ctx.services.for_workspaces(), ctx.caller, name, about, can)
    return JsonResponse(found.model_dump(mode="json", by_alias=True))


def _shown(stored: StoredWorkspace, found: AccessReport) -> JSONResponse:
    body = found.model_dump(mode="json", by_alias=True)
    head = {"id": f"workspaces/{stored.record.name}/access", "etag": stored.record.public_etag}
    return resource({**head, "access": stored.record.spec["access"], **body})


def _remember(ctx: Context, once: Once) -> Callable[[Outcome], tuple[Write, ...]]:
    """The answer to a repetition, for the commit that accepts the request."""

    def remember(outcome: Outcome) -> tuple[Write, ...]:
        once.project = outcome.stored.record.project
        if outcome.operation is None:
            return ()
        return once.remember(accepted(ctx, outcome.operation, etag=outcome.stored.record.public_etag))

    return remember
