"""Which budgets block something of a workspace now."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.governance.budgets.model import Act, Budget, StepState, rank
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.objects.repository import Objects

_BLOCKS = {
    Act.BLOCK_COMPUTES: "Azure denies new computes",
    Act.BLOCK_JOBS: "clusters get no other nodes, and instances are stopped",
    Act.FREEZE: "Azure denies new endpoints and deployments",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """A workspace, and whose budgets cover it."""

    name: str
    incarnation: int
    project: str
    department: str | None

    @property
    def scopes(self) -> tuple[Scope, ...]:
        wider = (ScopeKind.PROJECT, self.project), (ScopeKind.DEPARTMENT, self.department)
        return (Scope(ScopeKind.WORKSPACE, self.name), *(Scope(kind, name) for kind, name in wider if name))


@dataclass(frozen=True, slots=True)
class Held:
    """The strongest that a budget has taken, or is taking."""

    scope: Scope
    act: Act

    @property
    def words(self) -> str:
        """A sentence without its full stop."""
        what = "; ".join(text for act, text in _BLOCKS.items() if rank(act) <= rank(self.act))
        return f"the budget of {self.scope.kind} {self.scope.name} ({self.act}) holds: {what}"


async def holding(objects: Objects, covered: Covered) -> tuple[Held, ...]:
    """The workspace's own first. Raises ``Transient``."""
    found: list[Held] = []
    for stored in await objects.get_many(Budget, [one.id for one in covered.scopes]):
        if stored is None or _earlier(stored.value, covered):
            continue
        steps = [one for one in stored.value.steps if one.state in (StepState.TAKING, StepState.TAKEN)]
        if steps:
            found.append(Held(stored.value.scope, max((one.act for one in steps), key=rank)))
    return tuple(found)


def _earlier(budget: Budget, covered: Covered) -> bool:
    return budget.kind is ScopeKind.WORKSPACE and budget.incarnation != covered.incarnation
