"""``/api/workspaces/{name}/expiry``: when a workspace ends, and what people decide about it; archive and restore."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.governance.expiry.model import Rule
from controlplane.governance.services import archives
from controlplane.governance.services import expiry as service
from controlplane.governance.services.deps import RuleDeps
from controlplane.governance.services.expiry_bodies import (
    Answered,
    ArchiveBody,
    ArchiveRequest,
    ExemptionRequest,
    ExpiryBody,
    ExtensionRequest,
    RetirementRequest,
)
from controlplane.http.answers import resource
from controlplane.http.docs import body, created, no_content, ok, taken
from controlplane.http.examples import ARCHIVE, EXEMPTION, EXPIRY, EXTENSION, RETIREMENT
from controlplane.http.repeats import Once, Repeat
from controlplane.http.requests import JSON, Context, Ctx, read_body, read_object
from controlplane.http.things import plain
from controlplane.json_types import JsonObject
from controlplane.operations.preconditions import Preconditions
from controlplane.projects.access import Caller, Permission

router = APIRouter(prefix="/api/workspaces", tags=["Money and lifetime"])
_CHANGED = ok(ExpiryBody, etag=True)


@router.get(
    "/{name}/expiry", operation_id=Permission.EXPIRY_GET, responses=_CHANGED, summary="Read when a workspace ends"
)
async def get_expiry(ctx: Ctx, name: str) -> JSONResponse:
    """The rule, the stage and the date of the next one, the evidence of idleness with its sources, what people decided,
    the stages so far, and the archive."""
    return resource(plain(await service.get_expiry(ctx.services.for_governance(), ctx.caller, name)))


@router.put(
    "/{name}/expiry",
    operation_id=Permission.EXPIRY_PUT,
    responses={**_CHANGED, **created(ExpiryBody)},
    openapi_extra=body(Rule, JSON, example=EXPIRY),
    summary="Set when a workspace ends",
)
async def put_expiry(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """A grace has no default and is longer than nothing; production is reported and never expired. 409 `DeclaredBySpec`
    where the workspace's spec declares the rule. Another rule begins the stages anew. One that is later or milder, or
    comes when they have begun, is an extension: 403 `ExtensionNotAllowed` for who is neither an owner of the workspace
    nor a Platform.Admin.
    """

    async def work() -> Response:
        data = await read_object(request, JSON)
        done = await service.put_expiry(ctx.services.for_governance(), ctx.caller, name, data, once.conditions)
        return _answer(once, done)

    return await once.do(work)


@router.delete(
    "/{name}/expiry",
    operation_id=Permission.EXPIRY_DELETE,
    responses=no_content(),
    status_code=204,
    summary="Take the rule away",
)
async def delete_expiry(ctx: Ctx, name: str, once: Repeat) -> Response:
    """Nothing expires from then on; what is archived stays so until it is restored. Where its project has an end, what
    was told of it stands, and `GET` shows it without a rule. By an owner of the workspace or a Platform.Admin: 403
    `ExtensionNotAllowed`."""

    async def work() -> Response:
        await service.delete_expiry(ctx.services.for_governance(), ctx.caller, name, once.conditions)
        return Response(status_code=204)

    return await once.do(work)


@router.post(
    "/{name}/expiry:extend",
    operation_id=Permission.EXPIRY_EXTEND,
    responses=_CHANGED,
    openapi_extra=body(ExtensionRequest, JSON, example=EXTENSION),
    summary="Give a workspace more time",
)
async def extend(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """By an owner of the workspace, or a Platform.Admin, with a reason. The stages begin anew; what is archived, and
    would be deleted, is kept until that day, until the archiver has begun. 403 `NotTheOwner`, 409 `ExpiryUnderWay`."""
    return await _said(service.extend, (ctx, name), request, once)


@router.post(
    "/{name}/expiry:exempt",
    operation_id=Permission.EXPIRY_EXEMPT,
    responses=_CHANGED,
    openapi_extra=body(ExemptionRequest, JSON, example=EXEMPTION),
    summary="Exempt a workspace for a while",
)
async def exempt(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """By an owner of the workspace, or a Platform.Admin, with a reason and an end; in the archive as `:extend`. 403
    `NotTheOwner`, 409 `ExpiryUnderWay`."""
    return await _said(service.exempt, (ctx, name), request, once)


@router.post(
    "/{name}/expiry:retire",
    operation_id=Permission.EXPIRY_RETIRE,
    responses=_CHANGED,
    openapi_extra=body(RetirementRequest, JSON, example=RETIREMENT),
    summary="Say that a workspace may go",
)
async def retire(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """The owner's yes, while the stage is `asked`; the grace starts with it. Nobody else says it for the owner. 403
    `NotTheOwner`, 409 `NotAsked`."""
    return await _said(service.retire, (ctx, name), request, once)


@router.post(
    "/{name}:archive",
    operation_id=Permission.WORKSPACES_ARCHIVE,
    responses=taken(ArchiveBody),
    status_code=202,
    openapi_extra=body(ArchiveRequest, JSON, example=ARCHIVE, required=False),
    summary="Archive a workspace",
)
async def archive(ctx: Ctx, name: str, request: Request, once: Repeat) -> Response:
    """Endpoints and computes, also those that no spec names, are stored and taken away; data, models, the registry, the
    configuration and the spec are kept. `GET …/expiry` and the workspace's operations show how far it is, what stays
    and what a restore does not bring back. 409 `ProductionNotArchived`.
    """

    async def work() -> Response:
        data = await read_object(request, JSON) if await read_body(request) else {}
        found, once.project = await archives.archive(ctx.services.for_governance(), ctx.caller, name, data)
        return resource(plain(found), 202)

    return await once.do(work)


@router.post(
    "/{name}:restore",
    operation_id=Permission.WORKSPACES_RESTORE,
    responses=taken(ArchiveBody),
    status_code=202,
    summary="Restore a workspace from its archive",
)
async def restore(ctx: Ctx, name: str, once: Repeat) -> Response:
    """Computes come back from the spec, then the others, endpoints, deployments and traffic as they were. System
    identities are new ones: roles that others gave them have to be given again. Takes a deletion back that the archiver
    has not begun. 409 `NotArchived`, `ExpiryUnderWay`."""

    async def work() -> Response:
        found, once.project = await archives.restore(ctx.services.for_governance(), ctx.caller, name)
        return resource(plain(found), 202)

    return await once.do(work)


_Say = Callable[[RuleDeps, Caller, str, JsonObject, Preconditions], Awaitable[Answered]]


async def _said(say: _Say, asked: tuple[Context, str], request: Request, once: Once) -> Response:
    """What an owner decides of a workspace."""
    ctx, name = asked

    async def work() -> Response:
        data = await read_object(request, JSON)
        return _answer(once, await say(ctx.services.for_governance(), ctx.caller, name, data, once.conditions))

    return await once.do(work)


def _answer(once: Once, done: Answered) -> Response:
    once.project = done.project
    return resource(plain(done.body), 201 if done.created else 200)
