"""What a plan says of budgets that hold something of its workspace now."""

from __future__ import annotations

from controlplane.governance.budgets.holding import Covered, holding
from controlplane.workspaces.model import PlanWarning
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.services.deps import ServiceDeps, registration_of
from controlplane.workspaces.spec import WorkspaceSpec

_FAILS = "An operation that makes what is denied fails; clusters get what the spec asks for with the release."


async def budget_warnings(
    deps: ServiceDeps, name: str, spec: WorkspaceSpec, stored: StoredWorkspace | None
) -> tuple[PlanWarning, ...]:
    """One for each budget, or one for what the record still has of one. Raises ``Transient``."""
    if deps.governed is None:
        return ()
    registration = await registration_of(deps, spec.project)
    incarnation = stored.record.incarnation if stored is not None else 0
    department = registration.department if registration is not None else None
    held = await holding(deps.governed, Covered(name, incarnation, spec.project, department))
    told = [f"{one.words[0].upper()}{one.words[1:]}. {_FAILS}" for one in held]
    if not told and stored is not None and (stored.record.node_limits or stored.record.frozen):
        told = [f"A budget that is being released still holds what it took. {_FAILS}"]
    return tuple(PlanWarning("BudgetHolds", text, "$.compute") for text in told)
