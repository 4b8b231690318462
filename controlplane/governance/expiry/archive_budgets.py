"""What budgets have changed of a workspace's computes: an archive stores them as they stood before that. A budget that
still holds when they come back does so again by its own look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm import fold
from controlplane.governance.budgets.holding import Covered, holding
from controlplane.governance.budgets.model import Budget
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Kept
from controlplane.retraining.known import Known


async def before_budgets(deps: GovernanceDeps, found: Known) -> Mapping[str, Mapping[str, Any]]:
    """Folded id of a cluster or an instance → its scale settings, or whether it ran. The workspace's budget, its
    project's and its department's; what one of them noted first is what stood before all."""
    scopes = (await _covered(deps, found)).scopes
    told: dict[str, Mapping[str, Any]] = {}
    for stored in await deps.objects.get_many(Budget, [one.id for one in scopes]):
        for step in () if stored is None else stored.value.steps:
            for one in step.undo:
                mine = (one.workspace, one.incarnation) == (found.name, found.record.incarnation)
                if mine and one.kind in ("cluster", "instance"):
                    told.setdefault(fold(one.resource), one.before)
    return told


async def blocked(deps: GovernanceDeps, found: Known) -> str | None:
    """Why its spec's computes cannot be made now; None where nothing of ours denies them, or the spec has none."""
    wanted = found.record.spec.get("compute") or {}
    if not any(wanted.values()):
        return None
    held = await holding(deps.objects, await _covered(deps, found))
    return (
        f"Its computes are made when the budget is released: {'. And '.join(one.words for one in held)}."
        if held
        else None
    )


async def _covered(deps: GovernanceDeps, found: Known) -> Covered:
    registered = await deps.projects.load(found.record.project)
    department = registered.record.registration.department if registered is not None else None
    return Covered(found.name, found.record.incarnation, found.record.project, department)


def as_before(kept: Kept, before: Mapping[str, Any] | None) -> Kept:
    """A compute without what a budget did to it. Pure."""
    if before is None:
        return kept
    if "runs" in before:
        return kept.model_copy(update={"stopped": kept.stopped and before["runs"] is not True})
    properties = kept.body["properties"]
    inner = {**properties["properties"], "scaleSettings": dict(before)}
    return kept.model_copy(update={"body": {**kept.body, "properties": {**properties, "properties": inner}}})
