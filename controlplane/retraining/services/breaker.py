"""The circuit breaker, closed again by a person who has looked (D27)."""

from __future__ import annotations

from controlplane.audit.model import Action
from controlplane.errors import Conflict
from controlplane.objects.repository import put
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.facts import About, by_person
from controlplane.retraining.history import failures_in_a_row
from controlplane.retraining.services.deps import ModelDeps, workspace
from controlplane.retraining.services.policies import PolicyBody, policy_not_found, shown, stored_state


async def reset_breaker(
    deps: ModelDeps, caller: Caller, asked: tuple[str, str], preconditions: Preconditions
) -> tuple[PolicyBody, str]:
    """Failures until now count no more; the project comes with it. Nothing is started: what was refused while it was
    open stays refused, and the next signal is decided anew. Raises ``Rejected("RetrainingPolicyNotFound")``,
    ``Conflict("BreakerNotOpen")``: who resets what is closed has looked at another model, or at yesterday's.
    """
    name, model = asked
    found = await workspace(deps, caller, Permission.POLICIES_RESET_BREAKER, name)

    async def attempt() -> PolicyBody:
        stored = await stored_state(deps, found, model)
        if stored is None or stored.value.policy is None:
            raise policy_not_found(model)
        state, policy, now = stored.value, stored.value.policy, deps.clock.now()
        preconditions.check(shown(state, policy).etag)
        failed = failures_in_a_row(state)
        if failed < policy.breaker.failures:
            text = f"{failed} runs in a row failed or were rejected; {policy.breaker.failures} open the breaker."
            raise Conflict("BreakerNotOpen", text)
        after = state.model_copy(update={"breaker_reset_at": now})
        told = {"failures": failed, "before": state.breaker_reset_at.isoformat() if state.breaker_reset_at else None}
        about = About(found.name, found.record.project, model)
        await deps.objects.commit(put(stored, after), by_person(about, now, caller, Action.BREAKER_RESET, told))
        return shown(after, policy)

    return await on_fresh_state(attempt), found.record.project
