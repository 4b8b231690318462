"""Storing a run's next state with everything that it changes, in one commit."""

from __future__ import annotations

from datetime import datetime

from controlplane.audit.model import Action, Fact
from controlplane.notifications.model import Notification, notification_id
from controlplane.objects.repository import Objects, Stored, put
from controlplane.ports.store import Write
from controlplane.projects.access import Caller
from controlplane.retraining.facts import About, by_person, by_us
from controlplane.retraining.model import ModelState, state_id
from controlplane.retraining.runs.attempts import RETRY_PAUSE, is_retried
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import freed
from controlplane.retraining.signal import Signal, SignalState


async def writes_of(objects: Objects, stored: Stored[Run], after: Run, now: datetime) -> list[Write]:
    """A run that ends frees its model in the same commit, tells of it, and makes a signal due: the one that waited for
    its end, or its own, when it is to be decided again."""
    writes = put(stored, after) if after != stored.value else []
    if not after.state.is_terminal or stored.value.state.is_terminal:
        return writes
    writes += put(None, result_of(after, now))
    before = await objects.get(ModelState, state_id(after.workspace, after.model))
    if before is None or before.value.active_run != after.id:
        return writes
    writes += put(before, freed(before.value, after, now))
    signal = await _revived(objects, before.value, after)
    return writes if signal is None else [*writes, *put(signal, again(signal.value, after, now))]


async def _revived(objects: Objects, state: ModelState, run: Run) -> Stored[Signal] | None:
    """What waits is newer than what the run was about."""
    if state.waiting_signal is not None:
        return await objects.get(Signal, state.waiting_signal)
    if run.state is RunState.SUPERSEDED or is_retried(run):
        return await objects.get(Signal, run.signal_id)
    return None


def again(signal: Signal, run: Run, now: datetime) -> Signal:
    """The signal as it waits to be decided once more. After a failure the cooldown does not hold for it; the breaker
    does. A run that was superseded was never sent, so that there is no cooldown."""
    retried = is_retried(run)
    update = {"state": SignalState.HELD, "due_at": now + RETRY_PAUSE if retried else now}
    return signal.model_copy(update={**update, "retry_of": run.id} if retried else update)


_TITLES = {
    RunState.SUCCEEDED: "Retrained",
    RunState.FAILED: "Retraining failed",
    RunState.REJECTED: "Retraining rejected",
    RunState.CANCELED: "Retraining canceled",
    RunState.SUPERSEDED: "Retraining superseded",
}


def result_of(run: Run, now: datetime) -> Notification:
    """What people are told of a run's end, once."""
    kind = f"ControlPlane.Retraining.{run.state.value[0].upper()}{run.state.value[1:]}"
    last = run.transitions[-1]
    facts = {"run": run.id, "decision": run.decision_id, "reason": last.reason}
    if run.registered_model:
        facts["model"] = run.registered_model
    if run.studio_url:
        facts["studio"] = run.studio_url
    about = f"workspaces/{run.workspace}/models/{run.model}"
    return Notification(
        id=notification_id(kind, run.id),
        due_at=now,
        workspace=run.workspace,
        project=run.project,
        type=kind,
        subject=about,
        title=f"{_TITLES[run.state]}: {about}"[:200],
        text=last.message[:4000],
        link=f"/api/retrainings/{run.id}",
        facts=facts,
        created_at=now,
    )


def told(stored: Stored[Run], after: Run, now: datetime, caller: Caller | None = None) -> tuple[Fact, ...]:
    """Nothing while the state stays."""
    if after.state is stored.value.state:
        return ()
    last = after.transitions[-1]
    details = {
        "run": after.id,
        "state": after.state.value,
        "reason": last.reason,
        "message": last.message,
        "requestedBy": after.requested_by,
    }
    about = About(after.workspace, after.project, after.model)
    if caller is None:
        return (by_us(about, now, Action.RUN_CHANGED, details),)
    return (by_person(about, now, caller, Action.RUN_CHANGED, details),)
