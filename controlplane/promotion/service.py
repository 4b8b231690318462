"""Promotions as people see them, and what an approver may say to one: no."""

from __future__ import annotations

from controlplane.errors import Conflict
from controlplane.objects.repository import put
from controlplane.objects.tick import message_of
from controlplane.operations.paging import Fields, Paging
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission
from controlplane.promotion.facts import changed, told_of
from controlplane.promotion.model import Promotion, PromotionState
from controlplane.retraining.services.deps import ModelDeps, listed, thing

FIELDS: Fields = {
    "workspace": None,
    "project": None,
    "model": None,
    "state": frozenset(one.value for one in PromotionState),
}
_NOT_FOUND = "PromotionNotFound"


async def list_promotions(deps: ModelDeps, caller: Caller, paging: Paging) -> tuple[tuple[Promotion, ...], str | None]:
    """Newest first."""
    return await listed(deps, caller, (Promotion, Permission.PROMOTIONS_LIST), paging)


async def get_promotion(deps: ModelDeps, caller: Caller, asked: str) -> Promotion:
    """Raises ``Rejected("PromotionNotFound")``, also for callers who may not know of its workspace."""
    return (await thing(deps, caller, Permission.PROMOTIONS_GET, (Promotion, asked), _NOT_FOUND)).value


async def reject(deps: ModelDeps, caller: Caller, asked: str, preconditions: Preconditions) -> Promotion:
    """Final. Raises ``Rejected("PromotionNotFound")``, ``Conflict("PromotionRejected")``."""

    async def attempt() -> Promotion:
        stored = await thing(deps, caller, Permission.PROMOTIONS_REJECT, (Promotion, asked), _NOT_FOUND)
        before, now = stored.value, deps.clock.now()
        preconditions.check(before.etag)
        if before.state is PromotionState.REJECTED:
            raise Conflict("PromotionRejected", f"Promotion {before.id} is rejected already.")
        after = before.model_copy(
            update={
                "state": PromotionState.REJECTED,
                "reason": f"{caller.principal} rejected it.",
                "rejected_by": caller.principal,
                "due_at": None,
                "last_modified_at": now,
                "generation": before.generation + 1,
            }
        )
        told = told_of(after, now)
        await deps.objects.commit([*put(stored, after), *put(None, told)], changed(after, now, caller))
        await deps.workspaces.queue.send(message_of(told.KIND, told.id))
        return after

    return await on_fresh_state(attempt)
