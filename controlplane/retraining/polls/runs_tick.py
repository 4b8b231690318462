"""The second half of a workspace's poll: runs of its monitors, by one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.retraining.declared import index_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known
from controlplane.retraining.model import ModelState, Window, WindowVerdict, state_id
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.polls.episodes import intake_of
from controlplane.retraining.polls.model import WorkspacePoll
from controlplane.retraining.polls.ports import PollPorts
from controlplane.retraining.polls.queries import RUNS, steps_of
from controlplane.retraining.polls.runs import Said, Slot, name_of, open_signals, part_of, said_of, slots, status_of
from controlplane.retraining.signal import Signal, Source
from controlplane.retraining.signals.evidence import JOBS_API
from controlplane.retraining.signals.hinted import Hint, hinted
from controlplane.retraining.signals.intake import take
from controlplane.retraining.signals.ownership import SCHEDULED_API
from controlplane.retraining.signals.windows import record_window

_MOST_MONITORS = 1000
#: Steps that are read of one run; a monitor has at most ten signals.
_MOST_STEPS = 40
Span = tuple[datetime, datetime]
#: Runs of a page that may go on; a shorter one is all there is.
_FULL = 20


async def look(
    deps: RetrainingDeps, about: tuple[Stored[WorkspacePoll], Known, PollPorts], hold: Hold, logs: str
) -> datetime | None:
    """When it is due again. ``logs``: the workspace's Log Analytics. Raises ``Transient``, ``Conflict``."""
    stored, space, ports = about
    now = deps.clock.now()
    page = await deps.objects.page(Monitor, index_of(Monitor, space.name), limit=_MOST_MONITORS)
    monitors = [one for one in page.values if one.incarnation == space.record.incarnation and not one.deleting]
    states = await _states(deps, space, monitors)
    asked = [
        (slot, wanted)
        for monitor in monitors
        for slot in slots(monitor, now)
        if (wanted := open_signals(slot, states[monitor.spec.model]))
    ]
    why, said = None, list[Said]()
    try:
        runs = await _runs(deps, space, [slot for slot, _ in asked]) if asked else {}
        span = min((slot.at for slot, _ in asked), default=now), now
        mine = [runs[slot.run] for slot, _ in asked if slot.run in runs]
        steps, why = await _steps(deps, (space, ports, logs), mine, span)
        found = (said_of(slot, names, runs.get(slot.run), steps.get(slot.run, ()), now) for slot, names in asked)
        said = [one for one in found if one is not None]
    except Rejected as error:
        why = f"{error.code}: {error.message}"[:500]
    for one in said:
        for name, run in one.breaches.items():
            await take(intake_of(deps), _signal(space, (one.slot, name, run), now), space)
        await _record(deps, space, one)
    hourly = stored.value.is_hourly
    update = {"due_at": now if hourly else None, "models_left": hourly, "tries": 0, "why": why or stored.value.why}
    await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update=update)))
    return now if hourly else None


async def _states(deps: RetrainingDeps, space: Known, monitors: Sequence[Monitor]) -> Mapping[str, ModelState | None]:
    """What is known of each model; of an earlier workspace of this name nothing is."""
    models = sorted({one.spec.model for one in monitors})
    found = await deps.objects.get_many(ModelState, [state_id(space.name, one) for one in models]) if models else ()
    mine = (one.value if one and one.value.incarnation == space.record.incarnation else None for one in found)
    return dict(zip(models, mine, strict=True))


async def _runs(deps: RetrainingDeps, space: Known, asked: Sequence[Slot]) -> Mapping[str, JsonObject]:
    """Runs that schedules started, by name: the workspace's newest in one list, and a monitor's own only where that
    list does not reach back far enough."""
    path, query = f"{space.workspace_id}/jobs", (("scheduled", "true"),)
    found = {name_of(one): one for one in await deps.reader.first(path, SCHEDULED_API, query)}
    missing = {slot.monitor.name for slot in asked if slot.run not in found}
    if missing and len(found) >= _FULL:
        for name in sorted(missing):
            more = await deps.reader.first(path, SCHEDULED_API, (*query, ("scheduleId", name)))
            found |= {name_of(one): one for one in more}
    return found


async def _steps(
    deps: RetrainingDeps,
    about: tuple[Known, PollPorts, str],
    runs: Sequence[JsonObject],
    span: tuple[datetime, datetime],
) -> tuple[Mapping[str, tuple[JsonObject, ...]], str | None]:
    """What ARM shows of the steps of runs that completed, and why that is not all. No list of ARM's has steps: the log
    says which there were. Without it a run may still say by itself what was breached; what it does not say is unknown.
    """
    space, ports, logs = about
    done = {name_of(one) for one in runs if status_of(one) == "completed"}
    if not done:
        return {}, None
    try:
        rows = await ports.logs.query(logs, RUNS, *span)
    except Rejected as error:
        return {}, f"{error.code}: {error.message}"[:500]
    found: dict[str, tuple[JsonObject, ...]] = {}
    for root, names in steps_of(rows.rows).items():
        if root in done:
            read = [await deps.reader.get(f"{space.workspace_id}/jobs/{one}", JOBS_API) for one in names[:_MOST_STEPS]]
            found[root] = tuple(one for one in read if one is not None)
    return found, None if rows.complete else "Logs gave a part of what was asked."


def _signal(space: Known, breach: tuple[Slot, str, str], now: datetime) -> Signal:
    """What the lost event would have been: the same key, read back in the same way."""
    slot, name, run = breach
    key = f"breach\n{space.record.incarnation}\n{run}\n{name}"
    summary = f"Found by a poll of monitor {slot.monitor.name}'s runs."
    return hinted(space, Hint(Source.POLL, key, name, run, slot.run, slot.at, summary), now)


async def _record(deps: RetrainingDeps, space: Known, said: Said) -> None:
    """Clear and unknown windows. Breaches come with their signals."""
    monitor = said.slot.monitor
    for name in sorted(said.clear | said.unknown):
        verdict = WindowVerdict.CLEAR if name in said.clear else WindowVerdict.UNKNOWN
        kind = part_of(monitor, name).kind
        window = Window(monitor=monitor.name, signal_name=name, kind=kind, at=said.slot.at, verdict=verdict)
        await record_window(deps.objects, space, monitor.spec.model, window)
