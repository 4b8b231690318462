"""What is heard is stored, once, with the time at which a tick looks at it; nothing is decided here.

A signal's id is a digest of what it is about, so a copy meets the row of the first and is answered like it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from controlplane.errors import Conflict, Transient
from controlplane.objects.repository import put
from controlplane.promotion.intake import registered
from controlplane.retraining.declared import declared_id
from controlplane.retraining.known import Known
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.runs.attempts import is_job_name
from controlplane.retraining.runs.hearing import heard_of_run
from controlplane.retraining.signal import Signal, Source
from controlplane.retraining.signals.admission import HINTS, MOST_IN_AN_HOUR, Admission, admitted
from controlplane.retraining.signals.eventgrid import MODEL_REGISTERED, Heard, Unheard, decode
from controlplane.retraining.signals.hinted import Hint, hinted
from controlplane.retraining.signals.hints import breach_of, key_of, monitor_of
from controlplane.retraining.signals.once import IntakeDeps, Taken, left, send, store_once

__all__ = ["MAX_AGE", "MAX_AHEAD", "MOST_IN_AN_HOUR", "IntakeDeps", "Taken", "hear", "take"]

MAX_AGE = timedelta(hours=24)
#: Clocks differ; what says that it comes from later than this is not believed.
MAX_AHEAD = timedelta(minutes=5)
#: Hints of one workspace that meet at its row of admissions, one of which gets on each time.
_TRIES = 20
#: Parts of a signal's name that may be its monitor's.
_MOST_PARTS = 20


async def hear(deps: IntakeDeps, event: Mapping[str, Any]) -> Taken:
    """One event. Raises ``Transient`` when the store is away: Event Grid sends it again."""
    heard = decode(event)
    if isinstance(heard, Unheard):
        return left(heard.reason)
    now = deps.clock.now()
    if not now - MAX_AGE <= heard.at <= now + MAX_AHEAD:
        return left("it is older than 24 h, or from the future")
    found = await deps.topics.workspace(deps.workspaces, heard.topic, now)
    if found is None:
        return left("its topic is no workspace of ours")
    if heard.type == MODEL_REGISTERED:
        return await registered(deps, found, heard, now)
    if heard.run_id is not None and is_job_name(heard.run_id):
        return await heard_of_run(deps, found, heard, now)
    breach = breach_of(heard)
    if isinstance(breach, str):
        return left(breach)
    return await take(deps, _signal(heard, found, breach.signal_name, now), found)


def _signal(heard: Heard, found: Known, name: str, now: datetime) -> Signal:
    key, summary = key_of(heard, name, found.record.incarnation), f"Event {heard.event_id}: {heard.type}"
    return hinted(found, Hint(Source.EVENT, key, name, heard.run_id, heard.root_run_id, heard.at, summary), now)


async def take(deps: IntakeDeps, signal: Signal, found: Known | None = None) -> Taken:
    """Stores a signal that may be a copy: events and alerts within their number, what polls and people bring always.
    ``found``: the workspace, for who asks whether the signal is of a monitor of it. Raises ``Transient``."""
    if signal.source not in HINTS:
        return await store_once(deps, signal, "stored")
    ours: bool | None = None
    for _ in range(_TRIES):
        if await deps.objects.get(Signal, signal.id) is not None:
            return Taken(Signal.KIND, signal.id, "known")
        if ours is None:
            ours = found is None or await _is_ours(deps, found, signal.signal_name)
        counted = await deps.objects.get(Admission, signal.workspace)
        after = admitted(counted.value if counted else None, signal, ours)
        if after is None:
            return left(f"workspace {signal.workspace} had {MOST_IN_AN_HOUR} new signals within the hour")
        try:
            await deps.objects.commit([*put(counted, after), *put(None, signal)])
        except Conflict:
            continue
        await send(deps, signal)
        return Taken(Signal.KIND, signal.id, "stored")
    raise Transient("ConcurrentChange", "Too many signals of this workspace at once.", retry_after=1.0)


async def _is_ours(deps: IntakeDeps, found: Known, name: str | None) -> bool:
    """Whether a monitor that was set up here has a signal of this name (D19: ``{monitor}_{signal}``)."""
    parts = (name or "").split("_")[:_MOST_PARTS]
    ids = [declared_id(found.name, "_".join(parts[:length])) for length in range(1, len(parts))]
    stored = await deps.objects.get_many(Monitor, ids) if ids else ()
    mine = tuple(one.value for one in stored if one is not None)
    return monitor_of(tuple(one for one in mine if one.incarnation == found.record.incarnation), name) is not None
