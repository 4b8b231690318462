"""The enforcements of a budget: noted, held, and given back. The order is the contract: nothing is changed in Azure
before how it stood is stored, and nothing is forgotten before it is given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.audit.model import Action, Fact
from controlplane.governance.budgets.blocking import Sight, merged, release, sight_of
from controlplane.governance.budgets.blocking import hold as keep
from controlplane.governance.budgets.model import Act, Budget, Step, StepState, Undo
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.facts import by_us
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.retraining.known import Known, known


@dataclass(frozen=True, slots=True)
class Ground:
    """What a look starts from."""

    spaces: tuple[Known, ...]
    now: datetime


async def enforce(deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], ground: Ground) -> Stored[Budget]:
    """The milder first when taking, the stronger first when giving back. Raises ``Transient`` when the store is
    away."""
    for step in reversed(stored.value.steps):
        if step.state is StepState.RELEASING:
            stored = await _give_back(deps, hold, stored, step, ground)
    for act in [one.act for one in stored.value.steps if one.state in (StepState.TAKING, StepState.TAKEN)]:
        stored, sight = await _noted(deps, hold, stored, _step(stored, act), ground)
        step = _step(stored, act)
        after = await keep(deps, step, ground.spaces, sight)
        if after.state is StepState.TAKEN and step.taken_at is None:
            after = after.model_copy(update={"taken_at": ground.now})
        stored = await _replaced(deps, hold, stored, step, after)
    return stored


def _step(stored: Stored[Budget], act: Act) -> Step:
    return next(one for one in stored.value.steps if one.act is act)


async def _noted(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], step: Step, ground: Ground
) -> tuple[Stored[Budget], Sight]:
    """How everything stands, stored before any of it is changed: what came since the last look, too. What has left the
    scope is given back. What others hold is read before Azure is and again after: one of the two sees it."""
    here = {(one.name, one.record.incarnation) for one in ground.spaces}
    gone = tuple(one for one in step.undo if (one.workspace, one.incarnation) not in here)
    kept = tuple(one for one in step.undo if one not in gone)
    if gone:
        left, _ = await release(deps, step.model_copy(update={"undo": gone}), await _others(deps, stored, (), gone))
        kept = (*kept, *left.undo)
    early = await _others(deps, stored, ground.spaces)
    sight = await sight_of(deps, step.act, ground.spaces)
    late = await _others(deps, stored, ground.spaces)
    own = step.model_copy(update={"undo": kept})
    after = step.model_copy(update={"undo": merged(own, sight.undo, (*late, *early))})
    return await _replaced(deps, hold, stored, step, after), sight


async def _give_back(
    deps: GovernanceDeps, hold: Hold, stored: Stored[Budget], step: Step, ground: Ground
) -> Stored[Budget]:
    after, done = await release(deps, step, await _others(deps, stored, (), step.undo))
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


async def _others(
    deps: GovernanceDeps, stored: Stored[Budget], spaces: Sequence[Known], undo: Sequence[Undo] = ()
) -> tuple[Step, ...]:
    """Of budgets that share a workspace with this one, as they are now; by the workspaces, or by what was noted of
    them."""
    about = list(spaces)
    for name in sorted({one.workspace for one in undo}):
        found = await deps.workspaces.load(name)
        about += [] if found is None else [known(found.record)]
    scopes = {Scope(ScopeKind.WORKSPACE, one.name).id for one in about}
    for project in {one.record.project for one in about}:
        scopes.add(Scope(ScopeKind.PROJECT, project).id)
        registered = await deps.projects.load(project)
        if registered is not None and registered.record.registration.department is not None:
            scopes.add(Scope(ScopeKind.DEPARTMENT, registered.record.registration.department).id)
    found_too = await deps.objects.get_many(Budget, sorted(scopes - {stored.value.id}))
    return tuple(step for one in found_too if one is not None for step in one.value.steps)
