"""The end of what a signal told of: an alert's resolved form is a hint, and Azure's own record says whether it is true;
what a poll does not see any more was read from Azure by the poll itself. Either closes what the signal opened."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.audit.model import Action, Fact
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Objects, Stored, put
from controlplane.ports.store import Write
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import Known
from controlplane.retraining.signal import Signal
from controlplane.retraining.signals.alert_evidence import read_alert
from controlplane.retraining.tasks import Task, TaskState

#: Azure's record of an alert may lag behind what its action group sent; it is asked again for so long.
PATIENCE = timedelta(hours=1)
AGAIN = timedelta(minutes=5)


def looked(signal: Signal, now: datetime) -> Signal:
    """After Azure's record was read: due again while it may still lag; what it does not say by then, is not so."""
    if signal.end_told_at is None:
        return signal
    lags = signal.evidence.read_back and not signal.resolved and now < signal.end_told_at + PATIENCE
    changes = {"due_at": now + AGAIN} if lags else {"end_told_at": None}
    return signal.model_copy(update=changes)


async def look(
    deps: RetrainingDeps, stored: Stored[Signal], hold: Hold, found: Known | None, now: datetime
) -> datetime | None:
    """One look at a signal that was decided and is said to be over. Raises ``Transient``: it is looked at again."""
    before = stored.value.model_copy(update={"due_at": None})
    after, writes, facts = before.model_copy(update={"end_told_at": None}), list[Write](), list[Fact]()
    if found is not None:
        seen = await read_alert(deps.reader, found, before, now)
        # Only that it is over is news: what was decided, was decided by the evidence of then.
        after = looked(seen if seen.resolved else before, now)
    if after.resolved:
        writes, facts = await closing(deps.objects, after.id, now, "The alert is resolved.")
    await deps.objects.commit_held(hold, [*put(stored, after), *writes], *facts)
    return after.due_at


async def closing(objects: Objects, signal_id: str, now: datetime, because: str) -> tuple[list[Write], list[Fact]]:
    """What closes the signal's task when nobody is at it: the next generation, so that nobody acts on what he saw
    before."""
    task = await objects.get(Task, signal_id)
    if task is None or task.value.state is not TaskState.OPEN:
        return [], []
    before = task.value
    changes = {"state": TaskState.CLOSED, "last_modified_at": now, "due_at": None, "generation": before.generation + 1}
    after = before.model_copy(update=changes)
    told = {"task": after.id, "kind": after.kind.value, "state": after.state.value, "because": because}
    about = About(after.workspace, after.project, after.model)
    return put(task, after), [by_us(about, now, Action.TASK_CHANGED, told)]
