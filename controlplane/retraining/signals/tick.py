"""The tick of a signal: read it back, learn its window, decide, store everything that follows in one commit."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

from controlplane.audit.model import Fact
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.objects.tick import message_of
from controlplane.ports.store import Write
from controlplane.retraining import facts
from controlplane.retraining.capacity import room_of
from controlplane.retraining.decide import Facts, decide
from controlplane.retraining.declared import index_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.history import with_window
from controlplane.retraining.job_costs import pools_of
from controlplane.retraining.known import Known, since
from controlplane.retraining.model import ModelState, Outcome, state_id
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.outcomes import STARTS, Made, Standing, made_of
from controlplane.retraining.signal import Signal, SignalKind, SignalState, Source
from controlplane.retraining.signals.alert_evidence import read_alert
from controlplane.retraining.signals.ending import look, looked
from controlplane.retraining.signals.evidence import read_back, understood
from controlplane.retraining.signals.hints import monitor_of
from controlplane.retraining.signals.samples import calls_in
from controlplane.retraining.signals.windows import fresh_state
from controlplane.retraining.tasks import Task
from controlplane.retraining.waiting import displaced
from controlplane.retraining.windows import window_of

_log = logging.getLogger(__name__)
_OPEN = (SignalState.RECEIVED, SignalState.HELD)
_MOST_MONITORS = 1000


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Decides one signal. Raises ``Conflict`` when the model's row changed meanwhile: it is decided again."""
    stored = await deps.objects.get(Signal, thing_id)
    if stored is None or (stored.value.state not in _OPEN and stored.value.end_told_at is None):
        return None
    if stored.value.due_at is None or stored.value.due_at > deps.clock.now():
        # A hint comes after an hour at the latest, and what is held may be held for longer.
        return stored.value.due_at
    signal = stored.value
    found = await since(deps.workspaces, signal.workspace, signal.project, signal.received_at)
    if signal.state not in _OPEN:
        return await look(deps, stored, hold, found, deps.clock.now())
    if found is None:
        await _ignore(deps, stored, hold, "The workspace is not managed any more.")
        return None
    now = deps.clock.now()
    signal = await _read_back(deps, signal, found, now)
    before = await _state(deps, signal)
    state = _learned(before.value if before else None, signal, found)
    waiting = await _waiting(deps, state)
    known = state or fresh_state(found, signal.model or "")
    pools = pools_of(found.record.spec)
    spec = Facts(known, found.environment, found.workload, waiting.value if waiting else None, pools)
    ruling = decide(state.policy if state else None, spec, signal, now)
    if ruling.outcome in STARTS and state is not None and state.policy is not None:
        # Asked of Azure only when a run would follow.
        room = await room_of(deps.reader, found, state.policy.pipeline)
        ruling = decide(state.policy, replace(spec, room=room), signal, now)
    made = made_of(ruling, signal, Standing(state, found, await _annotating(deps, state)), now)
    made = replace(made, signal=looked(made.signal, now))
    writes = _writes(stored, before, made)
    if waiting is not None and made.state is not None and made.state.waiting_signal == signal.id:
        writes += put(waiting, displaced(waiting.value, signal)) if _is_other(waiting.value, signal) else []
    await deps.objects.commit_held(hold, writes, *_told(made))
    _log.info("decided signal=%s outcome=%s reason=%s", signal.id, ruling.outcome, ruling.reason)
    for thing in made.at_work(now):
        await deps.queue.send(message_of(thing.KIND, thing.id))
    return made.signal.due_at


async def _read_back(deps: RetrainingDeps, signal: Signal, found: Known, now: datetime) -> Signal:
    """What was held was read back when it came; a person's wish has nothing to be read back."""
    if signal.evidence.read_back and signal.end_told_at is None:
        return signal
    if signal.source is Source.ALERT:
        return await read_alert(deps.reader, found, signal, now)
    if signal.run_id is None:
        return signal
    page = await deps.objects.page(Monitor, index_of(Monitor, signal.workspace), limit=_MOST_MONITORS)
    mine = tuple(one for one in page.values if one.incarnation == found.record.incarnation)
    monitor = monitor_of(mine, signal.signal_name)
    seen = await read_back(deps.reader, found.workspace_id, signal, monitor, now)
    told = understood(signal, seen, monitor)
    if monitor is None or told.window_at is None or told.samples is not None:
        return told
    if told.kind is SignalKind.PERFORMANCE:
        return told  # D17: not each call has a truth, so that calls say nothing of how many rows were measured.
    calls = await calls_in(deps.reader, found.workspace_id, monitor.spec, told.window_at)
    return told.model_copy(update={"samples": calls})


async def _state(deps: RetrainingDeps, signal: Signal) -> Stored[ModelState] | None:
    if signal.model is None:
        return None
    return await deps.objects.get(ModelState, state_id(signal.workspace, signal.model))


async def _waiting(deps: RetrainingDeps, state: ModelState | None) -> Stored[Signal] | None:
    if state is None or state.waiting_signal is None:
        return None
    return await deps.objects.get(Signal, state.waiting_signal)


async def _annotating(deps: RetrainingDeps, state: ModelState | None) -> Stored[Task] | None:
    if state is None or state.annotation_task is None:
        return None
    return await deps.objects.get(Task, state.annotation_task)


def _is_other(waiting: Signal, signal: Signal) -> bool:
    return waiting.id != signal.id and waiting.state is SignalState.HELD


def _learned(state: ModelState | None, signal: Signal, found: Known) -> ModelState | None:
    """The model's row with the signal's window; what is known of an earlier workspace of this name does not count."""
    if signal.model is None:
        return None
    if state is None or state.incarnation != found.record.incarnation:
        state = fresh_state(found, signal.model)
    window = window_of(signal)
    return state if window is None else with_window(state, window)


def _writes(stored: Stored[Signal], before: Stored[ModelState] | None, made: Made) -> list[Write]:
    writes = put(stored, made.signal)
    if made.state is not None and (before is None or made.state != before.value):
        writes += put(before, made.state)
    return [*writes, *made.started()]


def _told(made: Made) -> tuple[Fact, ...]:
    return () if made.decision.outcome is Outcome.IGNORE else (facts.decided(made.decision),)


async def _ignore(deps: RetrainingDeps, stored: Stored[Signal], hold: Hold, reason: str) -> None:
    changed = stored.value.model_copy(update={"state": SignalState.IGNORED, "due_at": None, "reason": reason})
    await deps.objects.commit_held(hold, put(stored, changed))
