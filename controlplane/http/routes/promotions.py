"""``/api/promotions``: registered model versions, what they were made of, and what they still lack."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from controlplane.http.docs import ok
from controlplane.http.models import retraining as models
from controlplane.http.repeats import Repeat
from controlplane.http.requests import Ctx, Paged
from controlplane.http.things import Answers, Listing
from controlplane.projects.access import Permission
from controlplane.promotion import service
from controlplane.promotion.model import Promotion

router = APIRouter(prefix="/api/promotions", tags=["Promotions"])
_PROMOTIONS: Answers[Promotion] = Answers("promotions", "promotion")
_LISTING = Listing(_PROMOTIONS.path, "pro", service.FIELDS, service.list_promotions, _PROMOTIONS.body)


@router.get("", operation_id=Permission.PROMOTIONS_LIST, responses=ok(models.PromotionList), summary="List promotions")
async def list_promotions(ctx: Ctx, asked: Paged) -> JSONResponse:
    """Newest first: one for each model version that was registered, by whomever. Fields of the filter: `workspace`,
    `project`, `model`, `state`.
    """
    return await _LISTING.page(ctx, asked)


@router.get(
    "/{id}",
    operation_id=Permission.PROMOTIONS_GET,
    responses=ok(models.PromotionBody, etag=True),
    summary="Read a promotion",
)
async def get_promotion(ctx: Ctx, id: str) -> JSONResponse:
    """With the version's lineage as Azure tells it, and a sentence for each requirement of its workload."""
    return _PROMOTIONS.answer(await service.get_promotion(ctx.services.for_models(), ctx.caller, id))


@router.post(
    "/{id}:reject",
    operation_id=Permission.PROMOTIONS_REJECT,
    responses=ok(models.PromotionBody, etag=True),
    summary="Reject a promotion",
)
async def reject(ctx: Ctx, id: str, once: Repeat) -> Response:
    """By an approver, for good: 409 `PromotionRejected` when it is rejected already."""
    return await _PROMOTIONS.change(ctx, once, id, service.reject)
