"""Episodes become signals, once each, and their end closes what their beginning opened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.arm import fold
from controlplane.objects.repository import Stored, of_workspace, put, remove
from controlplane.ports.store import Write
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known
from controlplane.retraining.polls.judge import ABOVE, BELOW, Judged, Observation, told
from controlplane.retraining.polls.model import WINDOW, Watched
from controlplane.retraining.signal import (
    Direction,
    Evidence,
    Measure,
    Severity,
    Signal,
    SignalKind,
    SignalState,
    Source,
    signal_id,
)
from controlplane.retraining.signals.ending import closing
from controlplane.retraining.signals.intake import IntakeDeps, take

_UNITS = {
    "RequestsPerMinute": "times what its size class is made for",
    ABOVE: "times the usual spread above what is usual at this hour",
    BELOW: "times the usual spread below what is usual at this hour",
    "RequestLatency_P95": "ms",
    "ErrorShare": "of all calls",
    "ServerErrorsRise": "times as many as in the window before",
    "ThrottlingDelayMs": "ms of waiting",
    "ResourceManagerWaits": "(1: it asked us to wait)",
    "ResourceManager429": "calls in the subscription that Resource Manager refused as too many",
    "DaysWithoutCalls": "days",
}
#: Signals of a workspace among which an alert is looked for.
_LATEST = 50
_HIGH = frozenset({SignalKind.ERRORS, SignalKind.LATENCY})


@dataclass(frozen=True, slots=True)
class Place:
    """Where it was seen."""

    found: Known
    target: str
    slot: datetime


def intake_of(deps: RetrainingDeps) -> IntakeDeps:
    """What a poll finds comes in by the same door as what events say."""
    return IntakeDeps(deps.objects, deps.workspaces, deps.queue, deps.clock)


async def settle(deps: RetrainingDeps, place: Place, judged: Judged) -> Watched:
    """Tells every change. Raises ``Transient``: the window is judged again, and its signals are the same ones."""
    after = judged.after
    for change in judged.changes:
        if change.begins and change.observation is not None:
            alert = await _alert_of(deps, place, change.observation.kind)
            if alert is not None and alert.state is SignalState.RECEIVED:
                continue  # Whether it is true shows its tick; the next window sees.
            if alert is not None:
                after = told(after, change, alert.id)
                continue
            taken = await take(intake_of(deps), _signal(deps, place, change.observation))
            after = told(after, change, taken.id)
        elif change.episode.signal_id is not None:
            await close(deps, change.episode.signal_id)
    return after


async def _alert_of(deps: RetrainingDeps, place: Place, kind: SignalKind) -> Signal | None:
    """An alert of Azure Monitor that says the same and is not over: it was told already. One that could not be read
    back was told and opened nothing, so that it does not stand for what was measured."""
    page = await deps.objects.page(Signal, of_workspace(Signal, place.found.name), limit=_LATEST)
    since = deps.clock.now() - timedelta(days=1)
    return next(
        (
            one
            for one in page.values
            if (one.source, one.kind, fold(one.target or "")) == (Source.ALERT, kind, fold(place.target))
            and not one.resolved
            and (one.evidence.read_back or one.state is SignalState.RECEIVED)
            and one.received_at >= since
        ),
        None,
    )


def writes_of(before: Stored[Watched] | None, after: Watched) -> list[Write]:
    """What is plainly fine has no row."""
    if after.empty:
        return [] if before is None else remove(before)
    return [] if before is not None and before.value == after else put(before, after)


def _signal(deps: RetrainingDeps, place: Place, seen: Observation) -> Signal:
    """It was read from Azure by whoever makes it: it needs no reading back."""
    now, found = deps.clock.now(), place.found
    key = f"poll\n{found.record.incarnation}\n{place.target}\n{seen.kind.value}{seen.part}\n{place.slot.isoformat()}"
    unit = _UNITS.get(seen.metric, "percent")
    said = f"{seen.metric} was {seen.value:g} {unit} in the window until {place.slot:%F %R}"
    return Signal(
        id=signal_id(found.name, key),
        due_at=now,
        workspace=found.name,
        project=found.record.project,
        kind=seen.kind,
        source=Source.POLL,
        dedupe_key=key,
        severity=Severity.CRITICAL if seen.severe else Severity.HIGH if seen.kind in _HIGH else Severity.MEDIUM,
        direction=Direction.WORSE,
        observed_at=min(place.slot, now),
        received_at=now,
        window_at=place.slot - WINDOW,
        target=place.target,
        measures=(
            Measure(metric=seen.metric, value=seen.value, threshold=seen.rule.raise_at, direction=Direction.WORSE),
        ),
        evidence=Evidence(
            read_back=True, where=place.target, at=now, summary=f"{said}; {seen.rule.raise_at:g} raises it."
        ),
    )


async def close(deps: RetrainingDeps, thing_id: str) -> None:
    """It is over: a signal that is still open is decided as resolved, an open task is closed. Raises ``Conflict`` when
    a tick is at it: the poll is done again."""
    stored = await deps.objects.get(Signal, thing_id)
    if stored is None or stored.value.resolved or stored.value.source is not Source.POLL:
        return  # Of an alert Azure Monitor says when it is over.
    now = deps.clock.now()
    after = stored.value.model_copy(update={"resolved": True})
    if after.state in (SignalState.RECEIVED, SignalState.HELD):
        after = after.model_copy(update={"due_at": now})
    writes, facts = await closing(deps.objects, thing_id, now, "The poll does not see it any more.")
    await deps.objects.commit([*put(stored, after), *writes], *facts)


def later(now: datetime, retry_after: float, tries: int) -> datetime:
    """When to ask again: as told, else after a while that doubles."""
    seconds = retry_after if retry_after > 0 else min(15.0 * 2 ** min(tries, 5), 300.0)
    return now + timedelta(seconds=seconds)
