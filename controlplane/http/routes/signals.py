"""``/api/signals`` and ``/api/decisions``: what was heard of models, and what was made of it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http import models
from controlplane.http.answers import JsonResponse, page
from controlplane.http.docs import ok
from controlplane.http.requests import Ctx, Paged
from controlplane.operations.paging import token_of
from controlplane.projects.access import Permission
from controlplane.retraining.services import signals as service
from controlplane.retraining.services.signals import SignalBody

router = APIRouter(prefix="/api", tags=["Signals"])


@router.get("/signals", operation_id=Permission.SIGNALS_LIST, responses=ok(models.SignalList), summary="List signals")
async def list_signals(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first. Fields of the filter: `workspace`, `project`, `model`, `kind`, `source`, `state`, `severity`,
    `direction`.
    """
    paging = asked.paging("sig", service.FIELDS)
    found, last = await service.list_signals(ctx.services.for_models(), ctx.caller, paging)
    return page(
        ctx, "signals", [one.model_dump(mode="json", by_alias=True) for one in found], token_of("sig", last), asked
    )


@router.get("/signals/{id}", operation_id=Permission.SIGNALS_GET, responses=ok(SignalBody), summary="Read a signal")
async def get_signal(ctx: Ctx, id: str) -> JSONResponse:
    """With the last decision on it: its outcome, and a sentence for every question that was asked."""
    found = await service.get_signal(ctx.services.for_models(), ctx.caller, id)
    return JsonResponse(found.model_dump(mode="json", by_alias=True))


@router.get(
    "/decisions",
    operation_id=Permission.DECISIONS_LIST,
    responses=ok(models.DecisionList),
    summary="List decisions on signals",
)
async def list_decisions(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first, every "no" among them. Fields of the filter: `workspace`, `project`, `model`, `outcome`,
    `reason`.
    """
    paging = asked.paging("dec", service.DECISIONS)
    found, last = await service.list_decisions(ctx.services.for_models(), ctx.caller, paging)
    return page(
        ctx, "decisions", [one.model_dump(mode="json", by_alias=True) for one in found], token_of("dec", last), asked
    )
