"""The tick of a budget: what Azure has of it stands, what was spent is compared with it, and what follows is done.

Announced before it happens: notifications are stored, then the announcement; when its notice has run, how everything
stands is stored, and then it is changed. A crash between any two of them repeats the later ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from controlplane.audit.model import Action, Fact
from controlplane.governance.budgets import said
from controlplane.governance.budgets.azure_side import LOOK, azure_side, buried
from controlplane.governance.budgets.judge import Course, Judged, course, judge
from controlplane.governance.budgets.model import Budget, Step, StepState
from controlplane.governance.budgets.steps import Ground, enforce
from controlplane.governance.budgets.within import within
from controlplane.governance.costs.model import Spend
from controlplane.governance.costs.view import month_end, month_of, view_of
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.facts import by_us
from controlplane.governance.places import held
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.telling import tell
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import Condition

#: While something is taken or given back; while it is kept; otherwise, with Azure's side.
SOON, KEPT, REST = timedelta(minutes=1), timedelta(minutes=10), LOOK
#: Seconds over which the looks of a month's turn are spread.
_SPREAD = 600


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Budget, thing_id)
    if stored is None:
        return None
    budget = stored.value
    spaces = await held(budget.scope, deps.workspaces, deps.projects)
    if budget.kind is ScopeKind.WORKSPACE and (spaces is None or spaces[0].record.incarnation != budget.incarnation):
        await _forget(deps, hold, stored, "gone with what it was about", await buried(deps, stored.value))
        return None
    if spaces is None and not budget.deleting:
        stored = await _ending(deps, hold, stored)
    ground = Ground(spaces or (), deps.clock.now())
    stored = await _judged(deps, hold, stored, ground)
    stored = await enforce(deps, hold, stored, ground)
    stored = await azure_side(deps, hold, stored, (ground.spaces, ground.now))
    if stored.value.deleting and not stored.value.steps and not stored.value.made:
        await _forget(deps, hold, stored, "taken away")
        return None
    return stored.value.due_at


async def _ending(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget]) -> Stored[Budget]:
    """Its project or department is gone, its workspaces may be another's now: they get back what it took."""
    after = stored.value.model_copy(update={"deleting": True, "generation": stored.value.generation + 1})
    about = (stored.value.scope, stored.value.project)
    fact = by_us(about, deps.clock.now(), Action.BUDGET_CHANGED, {"change": "what it was about is gone"})
    await deps.objects.commit_held(hold, put(stored, after), fact)
    return await deps.objects.require(Budget, after.id)


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
        "rounds": budget.rounds + len(path.announced),
        "history": said.kept(budget.history, happened),
        "conditions": _with(budget, within(budget, judged, view, now)),
        "due_at": next_look(budget, path.steps, judged, now),
    }
    after = budget.model_copy(update=update)
    await deps.objects.commit_held(hold, put(stored, after), *_facts(budget, path, judged, now))
    return await deps.objects.require(Budget, after.id)


def next_look(budget: Budget, steps: Sequence[Step], judged: Judged, now: datetime) -> datetime:
    """Whoever learns that a tier is reached, and every request, makes it due at once; this is for what comes by
    itself: a notice that has run, nodes that end with their jobs, somebody's change, the month's turn."""
    times = [now + REST]
    for one in steps:
        match one.state:
            case StepState.ANNOUNCED:
                times.append(max(one.effective_at, now + SOON))
            case StepState.TAKEN:
                times.append(now + KEPT)
            case _:
                times.append(now + SOON)
    if steps or judged.crossings:
        times.append(month_end(month_of(now)) + _spread(budget))
    if budget.deleting:
        times.append(now + KEPT)
    return min(times)


def _spread(budget: Budget) -> timedelta:
    """So that not all of a fleet turn the month in the same second."""
    return timedelta(seconds=int(sha256(budget.id.encode()).hexdigest()[:4], 16) % _SPREAD)


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


# -- its end -----------------------------------------------------------------------------------------------------------


async def _forget(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], why: str, left: tuple[str, ...] = ()
) -> None:
    """``left``: what Azure refused to delete."""
    budget = stored.value
    rule = budget.rule.model_dump(mode="json", by_alias=True)
    told = {"change": why, "rule": rule, **({"left": list(left)} if left else {})}
    fact = by_us((budget.scope, budget.project), deps.clock.now(), Action.BUDGET_CHANGED, told)
    await deps.objects.commit_held(hold, remove(stored), fact)


def _with(budget: Budget, one: Condition) -> tuple[Condition, ...]:
    return (*(each for each in budget.conditions if each.type != one.type), one)
