"""``/api/operations``: what was accepted, how far it is, and how to stop it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from controlplane.http import views
from controlplane.http.answers import RETRY_AFTER, accepted, page, resource
from controlplane.http.docs import accepted_doc, ok
from controlplane.http.models import operations as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import Ctx, Paged
from controlplane.operations import service
from controlplane.operations.model import Operation
from controlplane.operations.paging import token_of
from controlplane.ports.store import Write
from controlplane.projects.access import Permission

router = APIRouter(prefix="/api/operations", tags=["Operations"])


@router.get("", operation_id=Permission.OPERATIONS_LIST, responses=ok(models.OperationList), summary="List operations")
async def list_operations(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Those of projects in which the caller has a role, newest first. Fields of the filter: `target`
    (`workspaces/{name}`), `project`, `kind`, `status`. A filtered page may be short, or empty, while there is a
    `nextLink`.
    """
    paging = asked.paging("o", service.FIELDS)
    found, last = await service.list_operations(ctx.services.for_operations(), ctx.caller, paging)
    return page(ctx, "operations", [views.operation(item) for item in found], token_of("o", last), asked)


@router.get(
    "/{operationId}",
    operation_id=Permission.OPERATIONS_GET,
    responses=ok(models.OperationBody, etag=True, retry_after=True),
    summary="Read an operation",
)
async def get_operation(ctx: Ctx, operationId: str) -> JSONResponse:  # noqa: N803 - the name in the document
    """`Retry-After` is there until `isTerminal` is true."""
    found = await service.get_operation(ctx.services.for_operations(), ctx.caller, operationId)
    answer = resource(views.operation(found))
    if not found.status.is_terminal:
        answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


@router.post(
    "/{operationId}:cancel",
    operation_id=Permission.OPERATIONS_CANCEL,
    responses=accepted_doc(),
    status_code=202,
    summary="Stop an operation before its next write",
)
async def cancel_operation(ctx: Ctx, operationId: str, once: Repeat) -> Response:  # noqa: N803 - as above
    """Canceled at once when no tick has begun it. What was sent to Azure already goes on: the operation is Running, and
    its steps `inFlight`, until that has ended. 409 `OperationNotCancelable` when the operation has ended.
    """

    def remember(operation: Operation) -> tuple[Write, ...]:
        once.project = operation.project
        return once.remember(accepted(ctx, operation))

    async def work() -> Response:
        deps = ctx.services.for_operations()
        found = await service.cancel_operation(deps, ctx.caller, operationId, once.conditions, remember)
        once.project = found.project
        return accepted(ctx, found)

    return await once.do(work)
