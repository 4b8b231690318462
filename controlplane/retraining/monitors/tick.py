"""The tick of a monitor: what it means in Azure is read, made, repaired, or taken away; it is looked at again for ever.

Level-triggered: each tick reads what stands and does what is missing. Before the first write of a resource its id is
in ``made``, so that a deletion finds it whatever happened in between. What stands and is not ours is neither
written over nor deleted (``marks.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from controlplane.arm import fold, name_of, type_of
from controlplane.audit.model import Action
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import Condition
from controlplane.ports.store import Write
from controlplane.retraining.declared import index_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import Known, known
from controlplane.retraining.monitors.frequency import FITS, fit_of
from controlplane.retraining.monitors.marks import is_ours
from controlplane.retraining.monitors.model import Monitor, slot_of
from controlplane.retraining.monitors.preconditions import Ground, conflicts, ground
from controlplane.retraining.monitors.removal import State, is_busy, state_of, taken
from controlplane.retraining.monitors.schedule import off, request_of
from controlplane.retraining.monitors.site import Site, site_of
from controlplane.retraining.monitors.telling import SCHEDULED, WRITTEN, Said, conditions, is_in_vain, throttling
from controlplane.retraining.monitors.versions import version_of
from controlplane.retraining.monitors.wanted import (
    HEARD,
    SCHEDULES_API,
    Wanted,
    differs,
    schedule_id,
    wanted,
)
from controlplane.retraining.polls.model import WorkspacePoll
from controlplane.retraining.signals.samples import calls_in
from controlplane.workspaces.arm_errors import Verdict, look_up
from controlplane.workspaces.ending import condition
from controlplane.workspaces.services.deps import stored_spec

_log = logging.getLogger(__name__)
#: Looked at again: what stands, what somebody has to change first, what Azure is at work on.
REST, RETRY, SOON = timedelta(hours=6), timedelta(minutes=15), timedelta(seconds=10)
#: After a write that changed nothing of what Azure shows.
AGAIN = timedelta(minutes=5)
_MOST = 1000


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Monitor, thing_id)
    if stored is None:
        return None
    monitor = stored.value
    space = await deps.workspaces.load(monitor.workspace)
    if space is None or space.record.incarnation != monitor.incarnation:
        return await _buried(deps, hold, stored, again=space is not None)
    if space.record.deleting:
        # It may be taken back, and then what stands in Azure is still ours to keep.
        due = deps.clock.now() + RETRY
        await deps.objects.commit_held(hold, put(stored, monitor.model_copy(update={"due_at": due})))
        return due
    found = known(space.record)
    siblings = await _siblings(deps, monitor)
    site = site_of(found, deps.callbacks)
    if monitor.deleting:
        return await _end(deps, hold, stored, site, siblings)
    return await _keep(deps, hold, (stored, found, site), siblings)


async def _siblings(deps: RetrainingDeps, monitor: Monitor) -> tuple[Monitor, ...]:
    """All other monitors of the same workspace."""
    page = await deps.objects.page(Monitor, index_of(Monitor, monitor.workspace), limit=_MOST)
    return tuple(one for one in page.values if one.id != monitor.id and one.incarnation == monitor.incarnation)


# -- to keep it --------------------------------------------------------------------------------------------------------


async def _keep(
    deps: RetrainingDeps, hold: Hold, what: tuple[Stored[Monitor], Known, Site], siblings: Sequence[Monitor]
) -> datetime:
    stored, found, site = what
    stored = await _announced(deps, hold, stored, site, siblings)
    monitor, now = stored.value, deps.clock.now()
    all_of_them = (monitor, *siblings)
    base = await ground(deps.reader, site, monitor.spec)
    today = now.date()
    base = Ground((*conflicts(stored_spec(found.record), monitor.spec, today), *base.unmet), base.collected)
    said: Said = {}
    missing = deps.callbacks.missing()
    if missing:
        said[HEARD] = [(State.REFUSED, f"{', '.join(missing)} is not set: Azure has nobody to call.")]
    elif not base.unmet:
        await _resources(deps, all_of_them, site, said)
        said[SCHEDULED] = [await _schedule(deps, all_of_them, site, base)]
    gone = await _leftovers(deps, all_of_them, site)
    told = (*conditions(monitor, base, said, now), *await _advice(deps, monitor, site, now))
    states = [state for some in said.values() for state, _ in some]
    if base.unmet or missing or State.REFUSED in states:
        due = now + RETRY
    else:
        soon = AGAIN if is_in_vain(monitor.conditions, told) else SOON
        due = now + (REST if set(states) == {State.STANDS} and not gone else soon)
    made = tuple(one for one in monitor.made if one in gone or one in _ids(monitor, site))
    update: dict[str, Any] = {"conditions": told, "due_at": due, "made": made}
    if set(states) == {State.STANDS}:
        update |= {"observed_generation": monitor.generation, "marks": True}
    await deps.objects.commit_held(hold, put(stored, monitor.model_copy(update=update)))
    return due


async def _announced(
    deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], site: Site, siblings: Sequence[Monitor]
) -> Stored[Monitor]:
    """The monitor with the ids of all that it will have, before any of that is written. What stands already and is not
    ours is not among them, and nothing is written that is not among them."""
    monitor, free = stored.value, set[str]()
    for arm_id in sorted(_ids(monitor, site) - set(monitor.made)):
        try:
            found = await deps.reader.get(arm_id, version_of(arm_id))
        except Rejected as error:
            _log.warning("whose it is cannot be read id=%s code=%s", arm_id, error.code)
            continue
        if found is None or is_ours(arm_id, found, monitor.workspace, (monitor, *siblings)):
            free.add(arm_id)
    if not free:
        return stored
    after = monitor.model_copy(update={"made": tuple(sorted(free | set(monitor.made)))})
    await deps.objects.commit_held(hold, put(stored, after))
    return await deps.objects.require(Monitor, after.id)


def _ids(monitor: Monitor, site: Site) -> set[str]:
    return {fold(one.arm_id) for one in wanted(monitor, site)} | {fold(schedule_id(monitor, site))}


async def _resources(deps: RetrainingDeps, monitors: Sequence[Monitor], site: Site, said: Said) -> None:
    """Those that others need come first, and are awaited. Of ``monitors`` the first is the one that is looked at."""
    chosen = wanted(monitors[0], site)
    for first in (True, False):
        for one in (each for each in chosen if each.first is first):
            said.setdefault(one.kind, []).append(await _resource(deps, one, monitors))
        if any(state is not State.STANDS for some in said.values() for state, _ in some):
            return


async def _resource(deps: RetrainingDeps, one: Wanted, monitors: Sequence[Monitor]) -> tuple[State, str]:
    name = name_of(one.arm_id)
    try:
        found = await _read(deps, one)
        barred = _barred(one.arm_id, found, monitors)
        if barred is not None:
            return barred
        wrong = "it was not there" if found is None else differs(one.compared, found)
        if wrong is None and found is not None and state_of(found) == "failed":
            wrong = "it had failed"
        if wrong is None:
            return State.STANDS, name
        _log.info("monitor's resource is written id=%s because=%s", one.arm_id, wrong)
        await deps.writer.put(one.arm_id, one.api_version, one.body)
    except (Rejected, Conflict) as error:
        return _unwritten(one.arm_id, error)
    return State.WAITS, f"{name}{WRITTEN}{wrong}."


async def _read(deps: RetrainingDeps, one: Wanted) -> JsonObject | None:
    if not one.listed:
        return await deps.reader.get(one.arm_id, one.api_version)
    all_of_them = await deps.reader.list(one.arm_id.rpartition("/")[0], one.api_version, one.listed)
    return next((each for each in all_of_them if fold(str(each.get("id"))) == fold(one.arm_id)), None)


async def _schedule(deps: RetrainingDeps, monitors: Sequence[Monitor], site: Site, base: Ground) -> tuple[State, str]:
    monitor = monitors[0]
    arm_id = schedule_id(monitor, site)
    try:
        found = await deps.reader.get(arm_id, SCHEDULES_API)
        barred = _barred(arm_id, found, monitors)
        if barred is not None:
            return barred
        wrong = "it was not there" if found is None else off(monitor, found)
        if wrong is None:
            return State.STANDS, "The schedule stands."
        _log.info("monitor's schedule is written monitor=%s because=%s", monitor.id, wrong)
        await deps.ml.put_schedule(site.workspace_id, request_of(monitor, base.collected))
    except (Rejected, Conflict, Fatal) as error:
        return _unwritten(arm_id, error)
    return State.WAITS, f"The schedule{WRITTEN}{wrong}."


async def _advice(deps: RetrainingDeps, monitor: Monitor, site: Site, now: datetime) -> tuple[Condition, ...]:
    """D12, S3-93. It is not part of ``Monitored``, and keeps nothing from being made."""
    poll = await deps.objects.get(WorkspacePoll, monitor.workspace)
    try:
        rows = await calls_in(deps.reader, site.workspace_id, monitor.spec, slot_of(monitor.spec, now))
    except Transient as error:
        _log.info("rows of a window are not known monitor=%s code=%s", monitor.id, error.code)
        rows = None
    fit = fit_of(monitor.spec, rows, now)
    fits = condition(FITS, fit.status, fit.reason, fit.text, monitor.conditions, now)
    return fits, throttling(monitor, poll.value.unwatched if poll else None, now)


def _unwritten(arm_id: str, error: ControlPlaneError) -> tuple[State, str]:
    """Monitors that are set at once write what they share: the others come when the first one's write has ended."""
    row = look_up(error.code, type_of(arm_id))
    state = State.WAITS if row is not None and row.verdict is Verdict.WAIT else State.REFUSED
    return state, f"{name_of(arm_id)}: {error.code}: {error.message}"


def _barred(arm_id: str, found: JsonObject | None, monitors: Sequence[Monitor]) -> tuple[State, str] | None:
    """Why it is not written now: it is somebody else's, Azure is at work on it, or its id was not stored before."""
    name = name_of(arm_id)
    if found is not None and not is_ours(arm_id, found, monitors[0].workspace, monitors):
        return State.REFUSED, f"{name}: NotOurs: it stands, and does not carry this control plane's mark."
    if found is not None and is_busy(found):
        return State.WAITS, f"Azure is at work on {name}."
    if fold(arm_id) not in monitors[0].made:
        return State.WAITS, f"{name} is made with the next look."
    return None


# -- to take it away ---------------------------------------------------------------------------------------------------


async def _end(
    deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], site: Site, siblings: Sequence[Monitor]
) -> datetime | None:
    """Until nothing of it is left that no other monitor wants."""
    monitor = stored.value
    left = await taken(deps, set(monitor.made) - _of(siblings, site), (monitor, *siblings))
    if not left:
        there = await _siblings(deps, monitor)
        heirs = {one.id: _ids(one, site) & set(monitor.made) for one in there if not one.deleting}
        await _forget(deps, hold, stored, heirs)
        return None
    due = deps.clock.now() + (RETRY if set(left.values()) == {State.REFUSED} else SOON)
    after = monitor.model_copy(update={"due_at": due})
    await deps.objects.commit_held(hold, put(stored, after))
    return due


async def _buried(deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], *, again: bool) -> datetime | None:
    """What stood in Azure stood in the workspace's group and went with it, or is taken away where others have something
    in that group. ``again``: there is another workspace of that name by now, whose marks are the same."""
    left = {} if again else await taken(deps, stored.value.made, (stored.value,))
    if State.WAITS in left.values():
        due = deps.clock.now() + SOON
        await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update={"due_at": due})))
        return due
    await _forget(deps, hold, stored, {})
    return None


async def _leftovers(deps: RetrainingDeps, monitors: Sequence[Monitor], site: Site) -> set[str]:
    """What an earlier spec made and this one does not want; the ids that are not gone yet."""
    monitor, *siblings = monitors
    surplus = set(monitor.made) - _ids(monitor, site) - _of(siblings, site)
    return set(await taken(deps, surplus, monitors))


def _of(monitors: Sequence[Monitor], site: Site) -> set[str]:
    """What those want that stay."""
    return {arm_id for one in monitors if not one.deleting for arm_id in _ids(one, site)}


async def _forget(deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], heirs: Mapping[str, set[str]]) -> None:
    """The row goes. Whoever was set meanwhile looks again: something shared may just have been taken away; what is
    shared and stays is theirs now."""
    monitor, now = stored.value, deps.clock.now()
    writes: list[Write] = remove(stored)
    for other_id, shared in list(heirs.items())[:20]:
        other = await deps.objects.get(Monitor, other_id)
        if other is not None and not (shared <= set(other.value.made) and (other.value.due_at or now) <= now):
            made = tuple(sorted({*other.value.made, *shared}))
            writes += put(other, other.value.model_copy(update={"due_at": now, "made": made}))
    about = About(monitor.workspace, monitor.project, monitor.spec.model)
    fact = by_us(about, now, Action.MONITOR_CHANGED, {"monitor": monitor.name, "change": "deleted"})
    await deps.objects.commit_held(hold, writes, fact)
