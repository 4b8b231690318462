"""Storing a run's next state with everything that it changes, in one commit."""

from __future__ import annotations

from datetime import datetime

from controlplane.audit.model import Action, Fact
from controlplane.objects.repository import Objects, Stored, put
from controlplane.ports.store import Write
from controlplane.projects.access import Caller
from controlplane.retraining.facts import About, by_person, by_us
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.runs.model import Run
from controlplane.retraining.runs.moves import freed
from controlplane.retraining.signal import Signal


async def writes_of(objects: Objects, stored: Stored[Run], after: Run, now: datetime) -> list[Write]:
    """A run that ends frees its model in the same commit, and makes the signal due that waited for it."""
    writes = put(stored, after)
    if not after.state.is_terminal or stored.value.state.is_terminal:
        return writes
    before = await objects.get(ModelState, state_id(after.workspace, after.model))
    if before is None or before.value.active_run != after.id:
        return writes
    writes += put(before, freed(before.value, after, now))
    if before.value.waiting_signal is not None:
        waiting = await objects.get(Signal, before.value.waiting_signal)
        if waiting is not None:
            writes += put(waiting, waiting.value.model_copy(update={"due_at": now}))
    return writes


def told(stored: Stored[Run], after: Run, now: datetime, caller: Caller | None = None) -> tuple[Fact, ...]:
    """Nothing while the state stays."""
    if after.state is stored.value.state:
        return ()
    last = after.transitions[-1]
    details = {"run": after.id, "state": after.state.value, "reason": last.reason, "message": last.message}
    about = About(after.workspace, after.project, after.model)
    if caller is None:
        return (by_us(about, now, Action.RUN_CHANGED, details),)
    return (by_person(about, now, caller, Action.RUN_CHANGED, details),)
