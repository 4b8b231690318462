"""``/api/signals`` and ``/api/decisions``: what was heard of models, and what was made of it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from controlplane.http.answers import JsonResponse
from controlplane.http.docs import ok
from controlplane.http.models import retraining as models
from controlplane.http.requests import Ctx, Paged
from controlplane.http.things import Listing, plain
from controlplane.projects.access import Permission
from controlplane.retraining.services import signals as service
from controlplane.retraining.services.signals import SignalBody

router = APIRouter(prefix="/api", tags=["Signals"])
_SIGNALS = Listing("signals", "sig", service.FIELDS, service.list_signals)
_DECISIONS = Listing("decisions", "dec", service.DECISIONS, service.list_decisions)


@router.get("/signals", operation_id=Permission.SIGNALS_LIST, responses=ok(models.SignalList), summary="List signals")
async def list_signals(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first. Fields of the filter: `workspace`, `project`, `model`, `kind`, `source`, `state`, `severity`,
    `direction`.
    """
    return await _SIGNALS.page(ctx, asked)


@router.get("/signals/{id}", operation_id=Permission.SIGNALS_GET, responses=ok(SignalBody), summary="Read a signal")
async def get_signal(ctx: Ctx, id: str) -> JSONResponse:
    """With the last decision on it: its outcome, and a sentence for every question that was asked."""
    found = await service.get_signal(ctx.services.for_models(), ctx.caller, id)
    return JsonResponse(plain(found))


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
    return await _DECISIONS.page(ctx, asked)
