"""An alert that was received: stored once, or left alone; its end closes what its beginning opened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from controlplane.audit.model import Action, Fact
from controlplane.errors import Conflict, Rejected, Transient
from controlplane.objects.repository import put
from controlplane.operations.preconditions import on_fresh_state
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import Known, by_group
from controlplane.retraining.signal import Direction, Evidence, Signal, SignalKind, SignalState, Source, signal_id
from controlplane.retraining.signals.alerts import Alert, NoAlert, decode_alert
from controlplane.retraining.signals.intake import MAX_AGE, MAX_AHEAD, IntakeDeps, Taken, take
from controlplane.retraining.tasks import Task, TaskState

#: A resolved form tells of an alert that may have fired long ago.
_MAX_FIRED = timedelta(days=30)


async def alarm(deps: IntakeDeps, body: Mapping[str, Any]) -> Taken:
    """Raises ``Rejected("InvalidAlert")`` for what is no alert, ``Transient`` when it could not be stored."""
    now = deps.clock.now()
    alert = decode_alert(body, now)
    if isinstance(alert, NoAlert):
        raise Rejected("InvalidAlert", alert.reason, target="$")
    if not now - (_MAX_FIRED if alert.resolved else MAX_AGE) <= alert.at <= now + MAX_AHEAD:
        return Taken(None, None, "it is older than 24 h, or from the future")
    found = await _workspace(deps, alert)
    if found is None:
        return Taken(None, None, "it is about nothing of ours")
    known, target = found
    signal = _signal(alert, known, target, deps)
    if alert.resolved:
        return await _resolve(deps, signal)
    return await take(deps, signal)


async def _workspace(deps: IntakeDeps, alert: Alert) -> tuple[Known, str] | None:
    """The first target that lies in a workspace's resource group."""
    for target in alert.targets:
        found = await by_group(deps.workspaces, target)
        if found is not None:
            return found, target
    return None


def _signal(alert: Alert, found: Known, target: str, deps: IntakeDeps) -> Signal:
    """What Azure Monitor says is told at once; that it is so, the tick reads back."""
    now = deps.clock.now()
    worse = {one.direction for one in alert.measures}
    quiet = alert.resolved or alert.kind in (SignalKind.BUDGET, SignalKind.ACTIVITY, SignalKind.HEALTH)
    return Signal(
        id=signal_id(found.name, f"alert\n{found.record.incarnation}\n{alert.key}"),
        due_at=now,
        workspace=found.name,
        project=found.record.project,
        kind=alert.kind,
        source=Source.ALERT,
        dedupe_key=alert.key[:1000],
        severity=alert.severity,
        direction=Direction.WORSE if Direction.WORSE in worse and not quiet else Direction.UNKNOWN,
        observed_at=min(alert.at, now),
        received_at=now,
        target=target,
        measures=alert.measures,
        evidence=Evidence(summary=alert.summary),
        alert_id=alert.alert_id,
        resolved=alert.resolved,
    )


async def _resolve(deps: IntakeDeps, resolved: Signal) -> Taken:
    """The fired form may not have come yet, or never; then the resolved one stands in its place, and it is late."""

    async def attempt() -> Taken:
        stored = await deps.objects.get(Signal, resolved.id)
        if stored is None:
            return await take(deps, resolved)
        if stored.value.resolved:
            return Taken(Signal.KIND, resolved.id, "known")
        after = stored.value.model_copy(update={"resolved": True})
        if after.state in (SignalState.RECEIVED, SignalState.HELD):
            after = after.model_copy(update={"due_at": deps.clock.now()})
        task = await deps.objects.get(Task, resolved.id)
        writes, facts = put(stored, after), list[Fact]()
        if task is not None and task.value.state is TaskState.OPEN:
            closed = _closed(task.value, deps.clock.now())
            writes += put(task, closed)
            facts.append(_told(closed))
        await deps.objects.commit(writes, *facts)
        return Taken(Signal.KIND, resolved.id, "resolved")

    try:
        return await on_fresh_state(attempt)
    except Conflict as error:
        # 409 would be final for Azure Monitor.
        raise Transient(error.code, error.message, retry_after=1.0) from error


def _closed(task: Task, now: datetime) -> Task:
    """Over without anybody; the next generation, so that nobody acts on what he saw before."""
    changes = {"state": TaskState.CLOSED, "last_modified_at": now, "due_at": None, "generation": task.generation + 1}
    return task.model_copy(update=changes)


def _told(task: Task) -> Fact:
    told = {"task": task.id, "kind": task.kind.value, "state": task.state.value, "because": "The alert is resolved."}
    return by_us(About(task.workspace, task.project, task.model), task.last_modified_at, Action.TASK_CHANGED, told)
