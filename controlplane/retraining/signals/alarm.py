"""An alert that was received: stored once, or left alone. What it says is a hint, that it is over as well."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from controlplane.errors import Conflict, Rejected, Transient
from controlplane.objects.repository import put
from controlplane.operations.preconditions import on_fresh_state
from controlplane.retraining.known import Known, by_group
from controlplane.retraining.signal import Direction, Evidence, Signal, SignalKind, Source, signal_id, told_over
from controlplane.retraining.signals.alerts import Alert, NoAlert, decode_alert
from controlplane.retraining.signals.intake import MAX_AGE, MAX_AHEAD, IntakeDeps, Taken, take
from controlplane.retraining.signals.once import send

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
    if alert.kind is SignalKind.BUDGET and deps.budgets is not None:
        # A budget of ours tells by its own tiers, from its own figures: an alert of it is no signal beside them.
        ours = await deps.budgets.heard(alert.alert_id, alert.key)
        if ours is not None:
            return Taken(None, None, ours)
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
    quiet = alert.kind in (SignalKind.BUDGET, SignalKind.ACTIVITY, SignalKind.HEALTH)
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
        end_told_at=now if alert.resolved else None,
    )


async def _resolve(deps: IntakeDeps, resolved: Signal) -> Taken:
    """A hint: the tick asks Azure. The fired form may not have come yet: then this one stands in its place."""

    async def attempt() -> Taken:
        stored = await deps.objects.get(Signal, resolved.id)
        if stored is None:
            return await take(deps, resolved)
        if stored.value.resolved or stored.value.end_told_at is not None:
            return Taken(Signal.KIND, resolved.id, "known")
        after = told_over(stored.value, deps.clock.now())
        await deps.objects.commit(put(stored, after))
        await send(deps, after)
        return Taken(Signal.KIND, resolved.id, "told that it is over")

    try:
        return await on_fresh_state(attempt)
    except Conflict as error:
        # 409 would be final for Azure Monitor.
        raise Transient(error.code, error.message, retry_after=1.0) from error
