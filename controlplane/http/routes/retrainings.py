"""``/api/retrainings``: runs with their decision and lineage; a person's wish, yes, no and stop."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import body, ok, taken
from controlplane.http.examples import WISH
from controlplane.http.models import retraining as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import JSON, Ctx, Paged, read_object
from controlplane.http.things import Answers, Listing
from controlplane.projects.access import Permission
from controlplane.retraining.runs.model import Run
from controlplane.retraining.services import runs as service
from controlplane.retraining.services import signals
from controlplane.retraining.services.signals import Wish

router = APIRouter(prefix="/api/retrainings", tags=["Retraining"])
_RUNS: Answers[Run] = Answers("retrainings", "run")
_LISTING = Listing(_RUNS.path, "run", service.FIELDS, service.list_runs, _RUNS.body)


@router.get(
    "", operation_id=Permission.RETRAININGS_LIST, responses=ok(models.RetrainingList), summary="List retraining runs"
)
async def list_runs(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first. Fields of the filter: `workspace`, `project`, `model`, `state`."""
    return await _LISTING.page(ctx, asked)


@router.post(
    "",
    operation_id=Permission.RETRAININGS_POST,
    responses=taken(models.RetrainingAsked),
    status_code=202,
    openapi_extra=body(Wish, JSON, example=WISH),
    summary="Ask for a retraining",
)
async def ask(ctx: Ctx, request: Request, once: Repeat) -> Response:
    """A person's wish is not held against monitors and the cooldown; freezes, the budget, an active run and the
    approval hold for it, too. With Repeatability headers the same request is one wish.
    """

    async def work() -> Response:
        deps = ctx.services.for_models()
        data = await read_object(request, JSON)
        asked, once.project = await signals.wish(
            deps, ctx.services.for_intake(), ctx.caller, data, once.identity or secrets.token_hex(16)
        )
        return JsonResponse({"signal": asked.id}, 202)

    return await once.do(work)


@router.get(
    "/{id}",
    operation_id=Permission.RETRAININGS_GET,
    responses=ok(models.RetrainingBody, etag=True),
    summary="Read a retraining run",
)
async def get_run(ctx: Ctx, id: str) -> JSONResponse:
    """Its states with their times, its lineage, and how challenger and champion compare."""
    return _RUNS.answer(await service.get_run(ctx.services.for_models(), ctx.caller, id))


@router.post(
    "/{id}:approve",
    operation_id=Permission.RETRAININGS_APPROVE,
    responses=ok(models.RetrainingBody, etag=True),
    summary="Approve a retraining run",
)
async def approve(ctx: Ctx, id: str, once: Repeat) -> Response:
    """By an approver who did not ask for it. 409 `NotWaitingForApproval` when it does not wait any more."""
    return await _RUNS.change(ctx, once, id, service.approve)


@router.post(
    "/{id}:reject",
    operation_id=Permission.RETRAININGS_REJECT,
    responses=ok(models.RetrainingBody, etag=True),
    summary="Reject a retraining run",
)
async def reject(ctx: Ctx, id: str, once: Repeat) -> Response:
    """It counts for the policy's breaker, as a failed one does."""
    return await _RUNS.change(ctx, once, id, service.reject)


@router.post(
    "/{id}:cancel",
    operation_id=Permission.RETRAININGS_CANCEL,
    responses=ok(models.RetrainingBody, etag=True),
    summary="Cancel a retraining run",
)
async def cancel(ctx: Ctx, id: str, once: Repeat) -> Response:
    """A job that runs is cancelled in Azure ML first; the run ends when the job has."""
    return await _RUNS.change(ctx, once, id, service.cancel)
