"""What a budget has in Azure of its own: made, compared, and taken away. Its id is stored before its first write; what
stands under such an id and was not stored is somebody else's, and stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.arm import fold, name_of
from controlplane.errors import Conflict, ControlPlaneError, Rejected
from controlplane.governance.budgets.denials import allowed
from controlplane.governance.budgets.model import LEFT, STANDS, Budget
from controlplane.governance.budgets.wanted import BUDGET, BUDGET_API, body_for, place_of, wanted
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.scope import ScopeKind
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.operations.model import ConditionStatus
from controlplane.retraining.known import Known
from controlplane.retraining.monitors.wanted import ACTION_GROUP_API, Wanted, differs
from controlplane.workspaces.ending import condition

_log = logging.getLogger(__name__)
#: What Azure has of it is compared this often, and at once when the rule has changed.
LOOK = timedelta(hours=6)
#: Where something does not stand: a group that is not made yet, a right that lacks.
RETRY = timedelta(minutes=10)
#: Why it stands nowhere, by whether it is a workspace's.
_NO_PLACE = {
    True: "The workspace has no resource group yet.",
    False: "CONTROLPLANE_SHARED_GROUP_ID is not set, the resource group for what belongs to no workspace.",
}


async def azure_side(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], about: tuple[Sequence[Known], datetime]
) -> Stored[Budget]:
    """One look, when it is time for one. Raises ``Transient``."""
    budget, (spaces, now) = stored.value, about
    if budget.deleting:
        stored, kept = await _without(deps, hold, stored, budget.made)
        if not stored.value.made:
            return stored
        told = (LEFT, f"Azure keeps what the budget has in it: {' '.join(kept)}")
        return await _looked(deps, hold, stored, (told, now, now + RETRY))
    fresh = budget.looked_at is not None and now - budget.looked_at < LOOK
    if fresh and budget.observed_generation == budget.generation:
        return stored
    place = place_of(budget, tuple(spaces), deps.callbacks)
    missing = deps.callbacks.missing()
    wrong: str | None = None
    if missing:
        wrong = f"{', '.join(missing)} is not set: Azure has nobody to call. What was spent is judged all the same."
    elif place is None:
        wrong = f"{_NO_PLACE[budget.kind is ScopeKind.WORKSPACE]} What was spent is judged here all the same."
    else:
        chosen = wanted(budget, place, deps.callbacks, now)
        stored, wrong = await _written(deps, hold, stored, chosen)
        if wrong is None:
            still = {fold(one.arm_id) for one in chosen}
            surplus = [one for one in stored.value.made if one not in still]
            stored, _ = await _without(deps, hold, stored, surplus)
    # What only a setting cures needs no more looks than what stands.
    again = now + (LOOK if missing or place is None else RETRY)
    return await _looked(deps, hold, stored, (None if wrong is None else ("Refused", wrong), now, again))


async def _looked(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], found: tuple[tuple[str, str] | None, datetime, datetime]
) -> Stored[Budget]:
    budget, (wrong, now, again) = stored.value, found
    status = ConditionStatus.TRUE if wrong is None else ConditionStatus.FALSE
    reason, text = wrong or ("Stands", "As declared.")
    told = condition(STANDS, status, reason, text, budget.conditions, now)
    others = (one for one in budget.conditions if one.type != told.type)
    update: dict[str, Any] = {"conditions": (*others, told), "looked_at": now}
    if wrong is None:
        update["observed_generation"] = budget.generation
    else:
        update["due_at"] = again if budget.due_at is None else min(budget.due_at, again)
    return await _stored(deps, hold, stored, update)


async def _written(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], chosen: Sequence[Wanted]
) -> tuple[Stored[Budget], str | None]:
    """None when all stands; else why something does not."""
    for one in chosen:
        found, wrong = await _read(deps, one)
        if wrong is not None:
            return stored, wrong
        if fold(one.arm_id) not in stored.value.made:
            if found is not None:
                return stored, f"{name_of(one.arm_id)}: one of this name is there and not of ours; it is left as it is."
            stored = await _stored(deps, hold, stored, {"made": (*stored.value.made, fold(one.arm_id))})
        if found is not None and differs(one.compared, found) is None:
            continue
        try:
            await deps.writer.put(one.arm_id, one.api_version, body_for(one, found))
        except (Rejected, Conflict) as error:
            return stored, _refused(one, error)
    return stored, None


async def _read(deps: GovernanceDeps, one: Wanted) -> tuple[JsonObject | None, str | None]:
    try:
        return await deps.reader.get(one.arm_id, one.api_version), None
    except (Rejected, Conflict) as error:
        return None, _refused(one, error)


def _refused(one: Wanted, error: ControlPlaneError) -> str:
    _log.warning("budget not written id=%s code=%s", one.arm_id, error.code)
    return f"{name_of(one.arm_id)}: {error.code}: {error.message}"


async def _without(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], surplus: Iterable[str]
) -> tuple[Stored[Budget], tuple[str, ...]]:
    """The last written goes first: a budget before the action group that it calls. And why what is left is left."""
    said = {one: await _deleted(deps, one) for one in reversed(tuple(surplus))}
    gone, kept = {one for one, why in said.items() if why is None}, tuple(why for why in said.values() if why)
    if gone:
        left = tuple(one for one in stored.value.made if one not in gone)
        stored = await _stored(deps, hold, stored, {"made": left})
    return stored, kept


async def buried(deps: GovernanceDeps, budget: Budget) -> tuple[str, ...]:
    """Its workspace is gone. The resource group stays where others have something in it, and a workspace of the same
    name comes back into it: what is ours there goes, denials first. Returns what Azure refused to delete."""
    left: list[str] = []
    for one in (each for step in budget.steps for each in step.undo if each.kind == "policy"):
        try:
            await allowed(deps, one)
        except (Rejected, Conflict) as error:
            _log.warning("not deleted id=%s code=%s", one.resource, error.code)
            left.append(one.resource)
    return (*left, *[one for one in reversed(budget.made) if await _deleted(deps, one) is not None])


async def _deleted(deps: GovernanceDeps, arm_id: str) -> str | None:
    """None when it is gone, else a sentence."""
    version = BUDGET_API if f"/providers/{BUDGET.lower()}/" in arm_id else ACTION_GROUP_API
    try:
        await deps.writer.delete(arm_id, version)
    except (Rejected, Conflict) as error:
        _log.warning("not deleted id=%s code=%s", arm_id, error.code)
        return f"{name_of(arm_id)}: {error.code}: {error.message}"
    return None


async def _stored(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], update: dict[str, Any]) -> Stored[Budget]:
    await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update=update)))
    return await deps.objects.require(Budget, stored.value.id)
