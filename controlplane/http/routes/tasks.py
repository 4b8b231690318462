"""``/api/tasks``: what signals gave people to do, and what was done about it within limits."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.docs import body, ok
from controlplane.http.examples import CLOSING
from controlplane.http.models import retraining as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, Paged, read_body, read_object
from controlplane.http.things import Answers, Listing
from controlplane.operations.preconditions import Preconditions
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.services import tasks as service
from controlplane.retraining.services.deps import ModelDeps
from controlplane.retraining.tasks import Closing, Task

router = APIRouter(prefix="/api/tasks", tags=["Tasks"])
_TASKS: Answers[Task] = Answers("tasks", "task")
_LISTING = Listing(_TASKS.path, "tsk", service.FIELDS, service.list_tasks, _TASKS.body)


@router.get("", operation_id=Permission.TASKS_LIST, responses=ok(models.TaskList), summary="List tasks")
async def list_tasks(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first. Fields of the filter: `workspace`, `project`, `model`, `kind`, `state`, `cause`."""
    return await _LISTING.page(ctx, asked)


@router.get("/{id}", operation_id=Permission.TASKS_GET, responses=ok(models.TaskBody, etag=True), summary="Read a task")
async def get_task(ctx: Ctx, id: str) -> JSONResponse:
    """Samples to annotate, or the action with its limits and what became of it."""
    return _TASKS.answer(await service.get_task(ctx.services.for_models(), ctx.caller, id))


@router.post(
    "/{id}:close",
    operation_id=Permission.TASKS_CLOSE,
    responses=ok(models.TaskBody, etag=True),
    openapi_extra=body(Closing, JSON, example=CLOSING, required=False),
    summary="Close a task",
)
async def close(ctx: Ctx, id: str, request: Request, once: Repeat) -> Response:
    """Done, or not wanted; what was behind it is kept. 409 `TaskActing` while a write of ours is on the way."""

    async def done(deps: ModelDeps, caller: Caller, asked: str, conditions: Preconditions) -> Task:
        closing = service.closing_of(await read_object(request, JSON) if await read_body(request) else {})
        return await service.close(deps, caller, asked, closing, conditions)

    return await _TASKS.change(ctx, once, id, done)


@router.post(
    "/{id}:revert",
    operation_id=Permission.TASKS_REVERT,
    responses=ok(models.TaskBody, etag=True),
    summary="Take a task's step back",
)
async def revert(ctx: Ctx, id: str, once: Repeat) -> Response:
    """To the instances or nodes that there were before; the task is `acting` until Azure has them. 409
    `NothingToRevert` without a step that has ended well.
    """
    return await _TASKS.change(ctx, once, id, service.revert)
