"""Budgets that what was just learned is about: their ticks are due, and judge for themselves. At once where it brings
them over a tier; where rows of Azure came, soon: rows of other subscriptions of the same sweep come meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from controlplane.errors import Conflict
from controlplane.governance.budgets.judge import judge
from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs.model import Spend, of_project
from controlplane.governance.costs.view import view_of
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import message_of

_PAGE = 1000
_TRIES = 3
#: One look for what many subscriptions say in a sweep, seven seconds apart.
SOON = timedelta(minutes=2)


async def wake_budgets(deps: GovernanceDeps, changed: Iterable[Spend], *, rows: bool = False) -> int:
    """Returns how many reach a tier; ``rows``: Azure's were read, and each budget about them is looked at. Sums of
    several workspaces are of those that anything is known of: lower bounds, so a tier that they reach is reached.
    Raises ``Transient``; done again it finds the same."""
    if not await deps.objects.ids("bu!", limit=1):
        return 0  # There is no budget.
    spends = tuple(changed)
    by_id = {Scope(ScopeKind.WORKSPACE, one.workspace).id: (one,) for one in spends}
    wanted: dict[str, Sequence[Spend]] = dict(by_id)
    departments = await departments_of(deps)
    for project in sorted({one.project for one in spends}):
        wanted[Scope(ScopeKind.PROJECT, project).id] = ()
        if project in departments:
            wanted[Scope(ScopeKind.DEPARTMENT, departments[project]).id] = ()
    woken = 0
    for stored in await deps.objects.get_many(Budget, list(wanted)) if wanted else ():
        if stored is not None and not stored.value.deleting:
            own = wanted[stored.value.id] or await _spends(deps, stored.value, departments)
            woken += await _wake(deps, stored, own, rows=rows)
    return woken


async def departments_of(deps: GovernanceDeps) -> dict[str, str]:
    """Project → department, of those that have one."""
    found = ((one.name, one.registration.department) for one in await deps.projects.all())
    return {name: department for name, department in found if department is not None}


async def _spends(deps: GovernanceDeps, budget: Budget, departments: dict[str, str]) -> tuple[Spend, ...]:
    if budget.kind is ScopeKind.PROJECT:
        return await spends_of(deps, budget.name)
    names = sorted(name for name, department in departments.items() if department == budget.name)
    return tuple([one for name in names for one in await spends_of(deps, name)])


async def spends_of(deps: GovernanceDeps, project: str) -> tuple[Spend, ...]:
    """Of a project's workspaces."""
    found: list[Spend] = []
    continuation: str | None = None
    while True:
        page = await deps.objects.page(Spend, of_project(project), limit=_PAGE, continuation=continuation)
        found += page.values
        continuation = page.continuation
        if continuation is None:
            return tuple(found)


async def _wake(deps: GovernanceDeps, stored: Stored[Budget], spends: Sequence[Spend], *, rows: bool) -> bool:
    now = deps.clock.now()
    view = view_of(spends, [one.workspace for one in spends], now)
    for _ in range(_TRIES):
        budget = stored.value
        reached = bool(judge(budget, view, now).new)
        due = now if reached else now + SOON
        if not (reached or rows) or (budget.due_at is not None and budget.due_at <= due):
            return False
        try:
            await deps.objects.commit(put(stored, budget.model_copy(update={"due_at": due})))
        except Conflict:
            # It was judged just now, perhaps by what was known before, or was changed.
            again = await deps.objects.get(Budget, budget.id)
            if again is None:
                return False
            stored = again
            continue
        if reached:
            await deps.queue.send(message_of(Budget.KIND, budget.id))
        return reached
    return False  # The next look finds it again.
