"""What is heard is stored, once, with the time at which a tick looks at it; nothing is decided here.

A signal's id is a digest of what it is about, so a copy meets the row of the first and is answered like it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from controlplane.objects.repository import of_workspace
from controlplane.promotion.intake import registered
from controlplane.retraining.known import Known, by_id
from controlplane.retraining.signal import Evidence, Severity, Signal, SignalKind, Source, signal_id
from controlplane.retraining.signals.breach import BREACH_TAG, parse_breach
from controlplane.retraining.signals.eventgrid import MODEL_REGISTERED, Heard, Unheard, decode
from controlplane.retraining.signals.once import IntakeDeps, Taken, left, store_once

__all__ = ["MAX_AGE", "MAX_AHEAD", "MOST_IN_AN_HOUR", "IntakeDeps", "Taken", "hear", "take"]

MAX_AGE = timedelta(hours=24)
#: Clocks differ; what says that it comes from later than this is not believed.
MAX_AHEAD = timedelta(minutes=5)
#: New signals of one workspace in an hour; a poll finds what is dropped here.
MOST_IN_AN_HOUR = 20


async def hear(deps: IntakeDeps, event: Mapping[str, Any]) -> Taken:
    """One event. Raises ``Transient`` when the store is away: Event Grid sends it again."""
    heard = decode(event)
    if isinstance(heard, Unheard):
        return left(heard.reason)
    now = deps.clock.now()
    if not now - MAX_AGE <= heard.at <= now + MAX_AHEAD:
        return left("it is older than 24 h, or from the future")
    found = await by_id(deps.workspaces, heard.topic)
    if found is None:
        return left("its topic is no workspace of ours")
    if heard.type == MODEL_REGISTERED:
        return await registered(deps, found, heard, now)
    breach = parse_breach((heard.tags or {}).get(BREACH_TAG))
    if breach is None or heard.run_id is None:
        return left("it says nothing of a breach")
    return await take(deps, _signal(heard, found, breach.signal_name, now))


def _signal(heard: Heard, found: Known, name: str, now: datetime) -> Signal:
    """Kind, measures and window are read back by the tick: the event only names where."""
    key = f"breach\n{found.record.incarnation}\n{heard.run_id}\n{name}"
    return Signal(
        id=signal_id(found.name, key),
        due_at=now,
        workspace=found.name,
        project=found.record.project,
        kind=SignalKind.CUSTOM,
        source=Source.EVENT,
        dedupe_key=key,
        severity=Severity.MEDIUM,
        observed_at=min(heard.at, now),
        received_at=now,
        signal_name=name,
        run_id=heard.run_id,
        root_run_id=heard.root_run_id,
        target=found.workspace_id,
        evidence=Evidence(summary=f"Event {heard.event_id}: {heard.type}"),
    )


async def take(deps: IntakeDeps, signal: Signal) -> Taken:
    """Stores a signal that may be a copy. Raises ``Transient``."""
    known = await deps.objects.get(Signal, signal.id)
    if known is not None:
        return Taken(Signal.KIND, signal.id, "known")
    if signal.source is not Source.PERSON and await _too_many(deps, signal):
        return left(f"workspace {signal.workspace} had {MOST_IN_AN_HOUR} new signals within the hour")
    return await store_once(deps, signal, "stored")


async def _too_many(deps: IntakeDeps, signal: Signal) -> bool:
    """The twentieth latest tells; people's wishes are not counted against events."""
    page = await deps.objects.page(Signal, of_workspace(Signal, signal.workspace), limit=MOST_IN_AN_HOUR)
    hour = signal.received_at - timedelta(hours=1)
    return sum(one.received_at > hour and one.source is not Source.PERSON for one in page.values) >= MOST_IN_AN_HOUR
