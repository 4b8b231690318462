"""What Azure's own budgets tell: that somebody should look. The figures are ours; an alert's amounts are never read."""

from __future__ import annotations

from hashlib import sha256

from controlplane.errors import Conflict, Transient
from controlplane.governance.budgets.model import MOST_HISTORY, Budget, Event, of_azure
from controlplane.governance.services.deps import hint
from controlplane.objects.repository import Objects, put
from controlplane.operations.preconditions import on_fresh_state
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue

#: Alerts of a budget whose copies are known; it has five thresholds a month.
_REMEMBERED = 20
_WHY = "A threshold of Azure's own budget is passed, it says; what was spent is read here."


class BudgetAlerts:
    """Makes the budget due that an alert is about."""

    def __init__(self, objects: Objects, queue: WorkQueue, clock: Clock) -> None:
        self._objects, self._queue, self._clock = objects, queue, clock

    async def heard(self, arm_id: str, key: str) -> str | None:
        """What became of it; None for a budget that is not ours. ``key`` is the same for copies. Raises ``Transient``:
        Azure Monitor sends it again."""
        ids = await self._objects.ids(of_azure(arm_id), limit=1)
        if not ids:
            return None

        async def attempt() -> str | None:
            return await self._once(ids[0], sha256(key.encode()).hexdigest()[:16])

        try:
            return await on_fresh_state(attempt)
        except Conflict as error:
            raise Transient(error.code, error.message, retry_after=1.0) from error

    async def _once(self, budget_id: str, digest: str) -> str | None:
        stored, now = await self._objects.get(Budget, budget_id), self._clock.now()
        if stored is None:
            return None
        budget = stored.value
        if digest in budget.heard:
            return f"known to budget {budget_id}"
        line = Event(at=now, what="Azure's budget told", why=_WHY, by="Azure Monitor")
        due = now if budget.due_at is None else min(now, budget.due_at)
        update = {
            "due_at": due, "heard": (*budget.heard, digest)[-_REMEMBERED:],
            "history": (*budget.history, line)[-MOST_HISTORY:],
        }  # fmt: skip
        await self._objects.commit(put(stored, budget.model_copy(update=update)))
        await hint(self._queue, budget)
        return f"budget {budget_id} is looked at"
