"""``/api/workspaces``: secured workspaces, planned, created, validated, repaired and deleted."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.errors import ErrorDetail, Rejected
from controlplane.http import views
from controlplane.http.answers import JsonResponse, accepted, page, resource
from controlplane.http.docs import accepted_doc, body, created_operation, no_content, ok
from controlplane.http.examples import PATCH, PLAN, SPEC
from controlplane.http.models import plans
from controlplane.http.models import workspaces as models
from controlplane.http.repeats import Once, Repeat
from controlplane.http.requests import (
    JSON,
    MERGE_PATCH,
    AllowDestructive,
    Context,
    Ctx,
    Paged,
    parse_object,
    read_body,
    read_object,
    require_media_type,
)
from controlplane.json_types import JsonObject
from controlplane.operations.paging import token_of
from controlplane.ports.store import Write
from controlplane.projects.access import Permission
from controlplane.workspaces import service
from controlplane.workspaces.service import Outcome
from controlplane.workspaces.service import Request as Ask
from controlplane.workspaces.services.lists import FIELDS
from controlplane.workspaces.spec import WorkspaceSpec

router = APIRouter(prefix="/api/workspaces", tags=["Workspaces"])


@router.get("", operation_id=Permission.WORKSPACES_LIST, responses=ok(models.WorkspaceList), summary="List workspaces")
async def list_workspaces(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Those of projects in which the caller has a role, in name order. Fields of the filter: `project`, `environment`,
    `state`, and `condition`, whose values are a type and a status, such as `Ready:False`. A filtered page may be short,
    or empty, while there is a `nextLink`.
    """
    paging = asked.paging("w", FIELDS)
    found, last = await service.list_workspaces(ctx.services.for_workspaces(), ctx.caller, paging)
    return page(ctx, "workspaces", [views.workspace(stored) for stored in found], token_of("w", last), asked)


@router.get(
    "/{name}",
    operation_id=Permission.WORKSPACES_GET,
    responses=ok(models.Workspace, etag=True),
    summary="Read a workspace: its spec and its status",
)
async def get_workspace(ctx: Ctx, name: str) -> JSONResponse:
    """The ETag changes with the spec and the wish to delete, not with progress."""
    return resource(views.workspace(await service.get_workspace(ctx.services.for_workspaces(), ctx.caller, name)))


@router.put(
    "/{name}",
    operation_id=Permission.WORKSPACES_PUT,
    responses={**ok(models.Workspace, etag=True), **created_operation(), **accepted_doc()},
    openapi_extra=body(WorkspaceSpec, JSON, example=SPEC),
    summary="Create a workspace, or replace its spec",
)
async def put_workspace(
    ctx: Ctx, name: str, request: Request, once: Repeat, allow_destructive: AllowDestructive = False
) -> Response:
    """The body is the spec. 200 when it is the accepted one and in effect: nothing is started then. After an operation
    that failed or was cancelled, the same spec starts a new one, which goes on from what exists. To name
    other owners and to let it last longer is an owner's or a Platform.Admin's: 403 `OwnersChangeNotAllowed`,
    `ExtensionNotAllowed`.
    """
    ask = Ask(ctx.caller, Permission.WORKSPACES_PUT, name, once.conditions, allow_destructive, _remember(ctx, once))

    async def work() -> Response:
        data = await read_object(request, JSON)
        return _outcome(ctx, once, await service.put_workspace(ctx.services.for_workspaces(), ask, data))

    return await once.do(work)


@router.patch(
    "/{name}",
    operation_id=Permission.WORKSPACES_PATCH,
    responses={**ok(models.Workspace, etag=True), **accepted_doc()},
    openapi_extra=body(None, MERGE_PATCH, JSON, example=PATCH),
    summary="Change parts of a spec",
)
async def patch_workspace(
    ctx: Ctx, name: str, request: Request, once: Repeat, allow_destructive: AllowDestructive = False
) -> Response:
    """A JSON merge patch of the spec: `null` gives a field its default back, a list replaces the whole list."""
    ask = Ask(ctx.caller, Permission.WORKSPACES_PATCH, name, once.conditions, allow_destructive, _remember(ctx, once))

    async def work() -> Response:
        patch = await read_object(request, MERGE_PATCH, JSON)
        return _outcome(ctx, once, await service.patch_workspace(ctx.services.for_workspaces(), ask, patch))

    return await once.do(work)


@router.delete(
    "/{name}",
    operation_id=Permission.WORKSPACES_DELETE,
    responses={**accepted_doc(), **no_content()},
    status_code=202,
    summary="Delete a workspace and everything it made",
)
async def delete_workspace(ctx: Ctx, name: str, once: Repeat) -> Response:
    """204 when there is none. A deletion that runs already is answered as it is. Its budget and its rule of expiry end
    with it; the audit keeps them."""
    ask = Ask(ctx.caller, Permission.WORKSPACES_DELETE, name, once.conditions, remember=_remember(ctx, once))

    async def work() -> Response:
        outcome = await service.delete_workspace(ctx.services.for_workspaces(), ask)
        return Response(status_code=204) if outcome is None else _outcome(ctx, once, outcome)

    return await once.do(work)


@router.post(
    "/{name}:plan",
    operation_id=Permission.WORKSPACES_PLAN,
    responses=ok(plans.PlanBody),
    openapi_extra=body(plans.PlanRequest, JSON, example=PLAN, required=False),
    summary="What a PUT of a spec would do",
)
async def plan_workspace(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """Of a workspace that exists or does not. Without a spec: what the accepted one still needs. Nothing is written."""
    ask = Ask(ctx.caller, Permission.WORKSPACES_PLAN, name)

    async def work() -> Response:
        spec = await _plan_spec(request)
        planned = await service.plan_workspace(ctx.services.for_workspaces(), ask, spec)
        once.project = planned.project
        return JsonResponse(views.plan(name, planned))

    return await once.do(work)


@router.post(
    "/{name}:validate",
    operation_id=Permission.WORKSPACES_VALIDATE,
    responses=ok(models.Validation),
    summary="The posture now, with evidence",
)
async def validate_workspace(ctx: Ctx, name: str, once: Repeat) -> Response:
    """Each finding has the observed value and where it was read. What cannot be read is Unknown, never Pass."""

    async def work() -> Response:
        judged = await service.validate_workspace(ctx.services.for_workspaces(), ctx.caller, name)
        once.project = judged.stored.record.project
        return JsonResponse(views.validation(judged))

    return await once.do(work)


@router.post(
    "/{name}:repair",
    operation_id=Permission.WORKSPACES_REPAIR,
    responses=accepted_doc(),
    status_code=202,
    summary="Put back what differs from the spec",
)
async def repair_workspace(ctx: Ctx, name: str, once: Repeat) -> Response:
    """Fixes what can be fixed safely; what is left shows in the next `:validate`."""
    ask = Ask(ctx.caller, Permission.WORKSPACES_REPAIR, name, once.conditions, remember=_remember(ctx, once))

    async def work() -> Response:
        return _outcome(ctx, once, await service.repair_workspace(ctx.services.for_workspaces(), ask))

    return await once.do(work)


@router.post(
    "/{name}:provisionNetwork",
    operation_id=Permission.WORKSPACES_PROVISION_NETWORK,
    responses={**ok(models.Workspace, etag=True), **accepted_doc()},
    openapi_extra=body(models.ProvisionRequest, JSON, example={"includeSpark": True}, required=False),
    status_code=202,
    summary="Have the managed network built now",
)
async def provision_network(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """Sets `network.managed.provision` to `atCreation`, with `{"includeSpark": true}` also `spark`, and starts what
    that takes: half an hour, and ten minutes more with rules for host names. 200 when it is built already. 409
    `NetworkNotManaged` where the network is not managed.
    """
    permission = Permission.WORKSPACES_PROVISION_NETWORK
    ask = Ask(ctx.caller, permission, name, once.conditions, remember=_remember(ctx, once))

    async def work() -> Response:
        data = await read_object(request, JSON) if await read_body(request) else {}
        return _outcome(ctx, once, await service.provision_network(ctx.services.for_workspaces(), ask, data))

    return await once.do(work)


def _remember(ctx: Context, once: Once) -> Callable[[Outcome], tuple[Write, ...]]:
    """The answer to a repetition, for the commit that accepts the request."""
    return lambda outcome: once.remember(_outcome(ctx, once, outcome))


def _outcome(ctx: Context, once: Once, outcome: Outcome) -> JSONResponse:
    once.project = outcome.stored.record.project
    if outcome.operation is None:
        return resource(views.workspace(outcome.stored))
    return accepted(ctx, outcome.operation, etag=outcome.stored.record.public_etag, created=outcome.created)


async def _plan_spec(request: Request) -> JsonObject | None:
    """The spec of ``{"spec": …}``; None for an empty body, ``{}`` and ``{"spec": null}``. Paths of errors in a spec are
    relative to the spec, the same in a plan as in a PUT.
    """
    raw = await read_body(request)
    if not raw.strip():
        return None
    require_media_type(request, JSON)
    data = parse_object(raw)
    unknown = tuple(
        ErrorDetail("UnknownField", "A plan takes `spec` and nothing else.", f"$.{key}")
        for key in data
        if key != "spec"
    )
    if unknown:
        raise Rejected("InvalidRequestContent", unknown[0].message, target=unknown[0].target, details=unknown)
    spec = data.get("spec")
    if spec is not None and not isinstance(spec, dict):
        raise Rejected("InvalidRequestContent", "spec has to be a JSON object.", target="$.spec")
    return spec
