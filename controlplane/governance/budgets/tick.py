"""The tick of a budget: what Azure has of it stands, what was spent is compared with it, and what follows is done.

Announced before it happens: notifications are stored, then the announcement; when its notice has run, how everything
stands is stored, and then it is changed. A crash between any two of them repeats the later ones.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.arm import fold, name_of
from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, Rejected
from controlplane.governance.budgets import said
from controlplane.governance.budgets.blocking import hold as keep
from controlplane.governance.budgets.blocking import release, undo_of
from controlplane.governance.budgets.judge import Course, Judged, course, judge
from controlplane.governance.budgets.model import Budget, Step, StepState
from controlplane.governance.budgets.wanted import BUDGET, BUDGET_API, body_for, place_of, wanted
from controlplane.governance.costs.model import Spend
from controlplane.governance.costs.view import view_of
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.facts import by_us
from controlplane.governance.places import held
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.telling import tell
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import Condition, ConditionStatus
from controlplane.retraining.known import Known
from controlplane.retraining.monitors.wanted import ACTION_GROUP_API, Wanted, differs
from controlplane.workspaces.ending import condition

_log = logging.getLogger(__name__)
AZURE, WITHIN = "AzureBudgetStands", "WithinBudget"
#: While something is announced, taken or given back; otherwise, unless the collector asks earlier.
SOON, REST = timedelta(minutes=1), timedelta(hours=1)
#: What Azure has of it is compared this often.
LOOK = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a look starts from."""

    spaces: tuple[Known, ...]
    others: tuple[Step, ...]
    """Steps of other budgets over the same workspaces."""
    now: datetime


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Budget, thing_id)
    if stored is None:
        return None
    budget = stored.value
    spaces = await held(budget.scope, deps.workspaces, deps.projects)
    if spaces is None or (budget.kind is ScopeKind.WORKSPACE and spaces[0].record.incarnation != budget.incarnation):
        await _forget(deps, hold, stored, "gone with what it was about")
        return None
    ground = Ground(spaces, await _others(deps, budget, spaces), deps.clock.now())
    stored = await _judged(deps, hold, stored, ground)
    stored = await _steps(deps, hold, stored, ground)
    stored = await _azure(deps, hold, stored, ground)
    if stored.value.deleting and not stored.value.steps and not stored.value.made:
        await _forget(deps, hold, stored, "taken away")
        return None
    return stored.value.due_at


# -- what was spent, and what follows ----------------------------------------------------------------------------------


async def _judged(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], ground: Ground) -> Stored[Budget]:
    """Tells, then commits: tiers that are reached, what is announced, begun, dropped and to be given back."""
    budget, now = stored.value, ground.now
    ids = [Scope(ScopeKind.WORKSPACE, one.name).id for one in ground.spaces]
    spends = await deps.objects.get_many(Spend, ids)
    own = [
        one.value if one is not None and one.value.incarnation == space.record.incarnation else None
        for one, space in zip(spends, ground.spaces, strict=True)
    ]
    view = view_of(own, [one.name for one in ground.spaces], now)
    judged = judge(budget, view, now)
    path = course(budget, judged, now)
    for one in said.notifications(budget, judged, path, now):
        await tell(deps.notifications, one)
    happened = said.events(budget, judged, path, now)
    update: dict[str, Any] = {
        "view": view,
        "crossings": judged.crossings,
        "steps": path.steps,
        "history": said.kept(budget.history, happened),
        "conditions": _with(budget, _within(budget, judged, now)),
        "due_at": now + (SOON if path.steps else REST),
    }
    after = budget.model_copy(update=update)
    await deps.objects.commit_held(hold, put(stored, after), *_facts(budget, path, judged, now))
    return await deps.objects.require(Budget, after.id)


def _within(budget: Budget, judged: Judged, now: datetime) -> Condition:
    acts = [budget.rule.tiers[one.tier].at for one in judged.crossings]
    if acts and max(acts) >= 100:
        text = said.reached(budget, max(judged.crossings, key=lambda one: budget.rule.tiers[one.tier].at))
        return condition(WITHIN, ConditionStatus.FALSE, "BudgetReached", text, budget.conditions, now)
    if judged.unknown:
        text = " ".join(judged.unknown)[:1000]
        return condition(WITHIN, ConditionStatus.UNKNOWN, "CostsIncomplete", text, budget.conditions, now)
    text = f"{max(acts)} % is reached." if acts else "No tier is reached."
    return condition(WITHIN, ConditionStatus.TRUE, "BelowBudget", text, budget.conditions, now)


def _facts(budget: Budget, path: Course, judged: Judged, now: datetime) -> list[Fact]:
    about = (budget.scope, budget.project)
    told = [
        by_us(
            about, now, Action.ENFORCEMENT_CHANGED,
            {"act": one.act.value, "state": state, "month": one.month, "figure": said.amount(one.figure)},
        )
        for state, steps in (
            ("announced", path.announced), ("dropped", path.dropped), ("taking", path.begun),
            ("releasing", path.releasing),
        )
        for one in steps
    ]  # fmt: skip
    told += [
        by_us(about, now, Action.ENFORCEMENT_CHANGED, {"tier": one.tier, "state": "reached", "month": one.month,
              "figure": said.amount(one.figure), "seenBy": one.seen_by})
        for one in judged.new
    ]  # fmt: skip
    return told


# -- enforcement -------------------------------------------------------------------------------------------------------


async def _steps(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], ground: Ground) -> Stored[Budget]:
    """The milder first when taking, the stronger first when giving back."""
    for step in reversed(stored.value.steps):
        if step.state is StepState.RELEASING:
            stored = await _give_back(deps, hold, stored, step, ground)
    for step in stored.value.steps:
        if step.state is StepState.TAKING and not step.undo:
            stored = await _noted(deps, hold, stored, step, ground)
    for step in stored.value.steps:
        if step.state in (StepState.TAKING, StepState.TAKEN) and step.undo:
            after = await keep(deps, step, ground.spaces)
            if after.state is StepState.TAKEN and step.taken_at is None:
                after = after.model_copy(update={"taken_at": ground.now})
            stored = await _replaced(deps, hold, stored, step, after)
    return stored


async def _noted(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], step: Step, ground: Ground
) -> Stored[Budget]:
    """How everything stands, stored before any of it is changed."""
    try:
        undo = await undo_of(deps, step.act, ground.spaces, ground.others)
    except Rejected as error:
        after = step.model_copy(update={"said": (f"It could not be read: {error.code}: {error.message}",)})
        return await _replaced(deps, hold, stored, step, after)
    after = step.model_copy(update={"undo": undo, **({} if undo else {"state": StepState.TAKEN})})
    return await _replaced(deps, hold, stored, step, after)


async def _give_back(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], step: Step, ground: Ground
) -> Stored[Budget]:
    after, done = await release(deps, step, ground.spaces, ground.others)
    if not done:
        return await _replaced(deps, hold, stored, step, after)
    told = {"act": step.act.value, "state": "released", "month": step.month}
    about = (stored.value.scope, stored.value.project)
    fact = by_us(about, ground.now, Action.ENFORCEMENT_CHANGED, told)
    return await _replaced(deps, hold, stored, step, None, fact)


async def _replaced(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], step: Step, after: Step | None, *facts: Fact
) -> Stored[Budget]:
    steps = tuple(
        one for one in (after if each.act is step.act else each for each in stored.value.steps) if one is not None
    )
    if steps == stored.value.steps:
        return stored
    await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update={"steps": steps})), *facts)
    return await deps.objects.require(Budget, stored.value.id)


async def _others(deps: GovernanceDeps, budget: Budget, spaces: Sequence[Known]) -> tuple[Step, ...]:
    """Of budgets that share a workspace with this one."""
    scopes = {Scope(ScopeKind.WORKSPACE, one.name).id for one in spaces}
    scopes |= {Scope(ScopeKind.PROJECT, one.record.project).id for one in spaces}
    for project in {one.record.project for one in spaces}:
        registered = await deps.projects.load(project)
        if registered is not None and registered.record.registration.department is not None:
            scopes.add(Scope(ScopeKind.DEPARTMENT, registered.record.registration.department).id)
    found = await deps.objects.get_many(Budget, sorted(scopes - {budget.id}))
    return tuple(step for one in found if one is not None for step in one.value.steps)


# -- Azure's own budget ------------------------------------------------------------------------------------------------


async def _azure(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], ground: Ground) -> Stored[Budget]:
    """Compared every six hours and when the rule has changed."""
    budget = stored.value
    if budget.deleting:
        left = [one for one in reversed(budget.made) if not await _gone(deps, one)]
        after = budget.model_copy(update={"made": tuple(reversed(left))})
        await deps.objects.commit_held(hold, put(stored, after))
        return await deps.objects.require(Budget, budget.id)
    fresh = budget.looked_at is not None and ground.now - budget.looked_at < LOOK
    if fresh and budget.observed_generation == budget.generation:
        return stored
    place = place_of(budget, ground.spaces, deps.callbacks)
    missing = deps.callbacks.missing()
    wrong: str | None = None
    if missing:
        wrong = f"{', '.join(missing)} is not set: Azure has nobody to call. What was spent is judged all the same."
    elif place is None:
        wrong = "CONTROLPLANE_SHARED_GROUP_ID is not set, or it has no workspace yet. What was spent is judged here."
    else:
        chosen = wanted(budget, place, deps.callbacks, ground.now)
        stored = await _announced(deps, hold, stored, chosen)
        wrong = await _written(deps, chosen)
    budget = stored.value
    status = ConditionStatus.TRUE if wrong is None else ConditionStatus.FALSE
    reason, text = ("Stands", "As declared.") if wrong is None else ("Refused", wrong)
    told = condition(AZURE, status, reason, text, budget.conditions, ground.now)
    update: dict[str, Any] = {"conditions": _with(budget, told), "looked_at": ground.now}
    if wrong is None:
        update["observed_generation"] = budget.generation
    await deps.objects.commit_held(hold, put(stored, budget.model_copy(update=update)))
    return await deps.objects.require(Budget, budget.id)


async def _announced(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], chosen: Sequence[Wanted]
) -> Stored[Budget]:
    """The ids are stored before any of them is written."""
    made = stored.value.made
    more = [fold(one.arm_id) for one in chosen if fold(one.arm_id) not in made]
    if not more:
        return stored
    await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update={"made": (*made, *more)})))
    return await deps.objects.require(Budget, stored.value.id)


async def _written(deps: GovernanceDeps, chosen: Sequence[Wanted]) -> str | None:
    """None when all stands; else why something does not."""
    for one in chosen:
        try:
            found = await deps.reader.get(one.arm_id, one.api_version)
            if found is not None and differs(one.compared, found) is None:
                continue
            await deps.writer.put(one.arm_id, one.api_version, body_for(one, found))
        except (Rejected, Conflict) as error:
            _log.warning("budget not written id=%s code=%s", one.arm_id, error.code)
            return f"{name_of(one.arm_id)}: {error.code}: {error.message}"
    return None


async def _gone(deps: GovernanceDeps, arm_id: str) -> bool:
    version = BUDGET_API if f"/providers/{BUDGET.lower()}/" in arm_id else ACTION_GROUP_API
    try:
        await deps.writer.delete(arm_id, version)
    except (Rejected, Conflict) as error:
        _log.warning("not deleted id=%s code=%s", arm_id, error.code)
        return False
    return True


# -- its end -----------------------------------------------------------------------------------------------------------


async def _forget(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], why: str) -> None:
    """What stood in a workspace's group went with it."""
    budget = stored.value
    fact = by_us((budget.scope, budget.project), deps.clock.now(), Action.BUDGET_CHANGED, {"change": why})
    await deps.objects.commit_held(hold, remove(stored), fact)


def _with(budget: Budget, one: Condition) -> tuple[Condition, ...]:
    return (*(each for each in budget.conditions if each.type != one.type), one)
