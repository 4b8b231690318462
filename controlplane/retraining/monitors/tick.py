"""The tick of a monitor: what it means in Azure is read, made, repaired, or taken away; it is looked at again for ever.

Level-triggered: each tick reads what stands and does what is missing. Before the first write of a resource its id is
in ``made``, so that a deletion finds it whatever happened in between.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from controlplane.arm import fold, name_of
from controlplane.audit.model import Action
from controlplane.errors import Conflict, Fatal, Rejected
from controlplane.json_types import JsonObject
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.operations.model import Condition, ConditionStatus
from controlplane.ports.store import Write
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.known import Known, known
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.monitors.preconditions import COLLECTED, POSSIBLE, Ground, conflicts, ground
from controlplane.retraining.monitors.schedule import off, request_of
from controlplane.retraining.monitors.site import Site, site_of
from controlplane.retraining.monitors.versions import version_of
from controlplane.retraining.monitors.wanted import (
    HEARD,
    LOGGED,
    SCHEDULES_API,
    WATCHED,
    Wanted,
    differs,
    schedule_id,
    wanted,
)
from controlplane.workspaces.ending import condition
from controlplane.workspaces.services.deps import stored_spec

_log = logging.getLogger(__name__)
SCHEDULED, MONITORED = "ScheduleStands", "Monitored"
#: Looked at again: what stands, what somebody has to change first, what Azure is at work on.
REST, RETRY, SOON = timedelta(hours=6), timedelta(minutes=15), timedelta(seconds=10)
_BUSY = frozenset({"creating", "updating", "deleting", "accepted", "running"})
_MOST = 1000


class State(StrEnum):
    """Of one resource, after a look and what it led to."""

    STANDS = "stands"
    WAITS = "waits"
    """Azure is at work on it, or it was written just now."""
    REFUSED = "refused"


Said = dict[str, list[tuple[State, str]]]
"""Condition → state and sentence of each of its resources."""


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Transient`` when Azure or the store is away: the due row stays."""
    stored = await deps.objects.get(Monitor, thing_id)
    if stored is None:
        return None
    monitor = stored.value
    space = await deps.workspaces.load(monitor.workspace)
    if space is None or space.record.incarnation != monitor.incarnation:
        # What stood in Azure stood in the workspace's group, and went with it.
        await _forget(deps, hold, stored, ())
        return None
    if space.record.deleting:
        # It may be taken back, and then what stands in Azure is still ours to keep.
        due = deps.clock.now() + RETRY
        await deps.objects.commit_held(hold, put(stored, monitor.model_copy(update={"due_at": due})))
        return due
    found = known(space.record)
    others = await _others(deps, monitor)
    site = site_of(found, deps.callbacks)
    if monitor.deleting:
        return await _end(deps, hold, stored, site, others)
    return await _keep(deps, hold, (stored, found, site), others)


async def _others(deps: RetrainingDeps, monitor: Monitor) -> tuple[Monitor, ...]:
    """Monitors of the same workspace that stay."""
    page = await deps.objects.page(Monitor, f"mo!{monitor.workspace}!", limit=_MOST)
    return tuple(
        one for one in page.values
        if one.id != monitor.id and not one.deleting and one.incarnation == monitor.incarnation
    )  # fmt: skip


# -- to keep it --------------------------------------------------------------------------------------------------------


async def _keep(
    deps: RetrainingDeps, hold: Hold, what: tuple[Stored[Monitor], Known, Site], others: Sequence[Monitor]
) -> datetime:
    stored, found, site = what
    stored = await _announced(deps, hold, stored, site)
    monitor, now = stored.value, deps.clock.now()
    base = await ground(deps.reader, site, monitor.spec)
    today = now.date()
    base = Ground((*conflicts(stored_spec(found.record), monitor.spec, today), *base.unmet), base.collected)
    said: Said = {}
    missing = deps.callbacks.missing()
    if missing:
        said[HEARD] = [(State.REFUSED, f"{', '.join(missing)} is not set: Azure has nobody to call.")]
    elif not base.unmet:
        await _resources(deps, monitor, site, said)
        said[SCHEDULED] = [await _schedule(deps, monitor, site, base)]
    gone = await _leftovers(deps, monitor, site, others)
    conditions = _conditions(monitor, base, said, now)
    states = [state for some in said.values() for state, _ in some]
    if base.unmet or missing or State.REFUSED in states:
        due = now + RETRY
    else:
        due = now + (REST if set(states) == {State.STANDS} and not gone else SOON)
    made = tuple(one for one in monitor.made if one in gone or one in _ids(monitor, site))
    update: dict[str, Any] = {"conditions": conditions, "due_at": due, "made": made}
    if set(states) == {State.STANDS}:
        update["observed_generation"] = monitor.generation
    await deps.objects.commit_held(hold, put(stored, monitor.model_copy(update=update)))
    return due


async def _announced(deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], site: Site) -> Stored[Monitor]:
    """The monitor with the ids of all that it will have, before any of that is written."""
    ids = _ids(stored.value, site)
    if ids <= set(stored.value.made):
        return stored
    after = stored.value.model_copy(update={"made": tuple(sorted(ids | set(stored.value.made)))})
    await deps.objects.commit_held(hold, put(stored, after))
    return await deps.objects.require(Monitor, after.id)


def _ids(monitor: Monitor, site: Site) -> set[str]:
    return {fold(one.arm_id) for one in wanted(monitor, site)} | {fold(schedule_id(monitor, site))}


async def _resources(deps: RetrainingDeps, monitor: Monitor, site: Site, said: Said) -> None:
    """Those that others need come first, and are awaited."""
    chosen = wanted(monitor, site)
    for first in (True, False):
        for one in (each for each in chosen if each.first is first):
            said.setdefault(one.kind, []).append(await _resource(deps, one))
        if any(state is not State.STANDS for some in said.values() for state, _ in some):
            return


async def _resource(deps: RetrainingDeps, one: Wanted) -> tuple[State, str]:
    name = name_of(one.arm_id)
    try:
        found = await deps.reader.get(one.arm_id, one.api_version)
        if found is not None and _state(found) in _BUSY:
            return State.WAITS, f"Azure is at work on {name}."
        wrong = "it was not there" if found is None else differs(one.compared, found)
        if wrong is None and found is not None and _state(found) == "failed":
            wrong = "it had failed"
        if wrong is None:
            return State.STANDS, name
        _log.info("monitor's resource is written id=%s because=%s", one.arm_id, wrong)
        await deps.writer.put(one.arm_id, one.api_version, one.body)
    except (Rejected, Conflict) as error:
        return State.REFUSED, f"{name}: {error.code}: {error.message}"
    return State.WAITS, f"{name} was written: {wrong}."


async def _schedule(deps: RetrainingDeps, monitor: Monitor, site: Site, base: Ground) -> tuple[State, str]:
    try:
        found = await deps.reader.get(schedule_id(monitor, site), SCHEDULES_API)
        if found is not None and _state(found) in _BUSY:
            return State.WAITS, "Azure is at work on the schedule."
        wrong = "it was not there" if found is None else off(monitor, found)
        if wrong is None:
            return State.STANDS, "The schedule stands."
        _log.info("monitor's schedule is written monitor=%s because=%s", monitor.id, wrong)
        await deps.ml.put_schedule(site.workspace_id, request_of(monitor, base.collected))
    except (Rejected, Conflict, Fatal) as error:
        return State.REFUSED, f"{error.code}: {error.message}"
    return State.WAITS, f"The schedule was written: {wrong}."


def _state(found: JsonObject) -> str:
    properties = found.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""


# -- what is told ------------------------------------------------------------------------------------------------------


def _conditions(monitor: Monitor, base: Ground, said: Said, now: datetime) -> tuple[Condition, ...]:
    """``Monitored`` is true when all the others are."""
    found: list[Condition] = []

    def tell(kind: str, status: ConditionStatus, reason: str, text: str) -> None:
        found.append(condition(kind, status, reason, text, monitor.conditions, now))

    for kind, well in ((COLLECTED, "The deployment collects its data."), (POSSIBLE, "Azure ML can compute it.")):
        unmet = [one for one in base.unmet if one.kind == kind]
        if not unmet:
            tell(kind, ConditionStatus.TRUE, "AsNeeded", well)
        else:
            status = ConditionStatus.UNKNOWN if all(one.unknown for one in unmet) else ConditionStatus.FALSE
            tell(kind, status, unmet[0].detail.code, " ".join(one.detail.message for one in unmet))
    kinds = [SCHEDULED, HEARD, *((LOGGED, WATCHED) if monitor.spec.alerts else ())]
    for kind in kinds:
        parts = said.get(kind, [(State.WAITS, "It was not looked at: something else is missing.")])
        bad = [text for state, text in parts if state is State.REFUSED]
        late = [text for state, text in parts if state is State.WAITS]
        if bad:
            tell(kind, ConditionStatus.FALSE, "Refused", " ".join(bad))
        elif late:
            tell(kind, ConditionStatus.FALSE, "InProgress", " ".join(late))
        else:
            tell(kind, ConditionStatus.TRUE, "Stands", "As declared.")
    bad_ones = [one for one in found if one.status is not ConditionStatus.TRUE]
    if not bad_ones:
        tell(MONITORED, ConditionStatus.TRUE, "AllStands", "Azure computes it, and tells us.")
    else:
        tell(MONITORED, bad_ones[0].status, bad_ones[0].reason, bad_ones[0].message)
    return tuple(found)


# -- to take it away ---------------------------------------------------------------------------------------------------


async def _end(
    deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], site: Site, others: Sequence[Monitor]
) -> datetime | None:
    """Until nothing of it is left that no other monitor wants."""
    left = await _taken(deps, set(stored.value.made) - _of(others, site))
    if not left:
        await _forget(deps, hold, stored, await _others(deps, stored.value))
        return None
    due = deps.clock.now() + (RETRY if left == {State.REFUSED} else SOON)
    after = stored.value.model_copy(update={"due_at": due})
    await deps.objects.commit_held(hold, put(stored, after))
    return due


async def _leftovers(deps: RetrainingDeps, monitor: Monitor, site: Site, others: Sequence[Monitor]) -> set[str]:
    """What an earlier spec made and this one does not want; the ids that are not gone yet."""
    surplus = set(monitor.made) - _ids(monitor, site) - _of(others, site)
    await _taken(deps, surplus)
    return surplus if surplus and await _there(deps, surplus) else set()


def _of(monitors: Sequence[Monitor], site: Site) -> set[str]:
    return {arm_id for one in monitors for arm_id in _ids(one, site)}


async def _taken(deps: RetrainingDeps, ids: set[str]) -> set[State]:
    """Deletes what stands; what is below another goes before it. The states of what is not gone."""
    states = set()
    for arm_id in sorted(ids, key=lambda one: (-one.count("/"), one)):
        version = version_of(arm_id)
        try:
            found = await deps.reader.get(arm_id, version)
            if found is None:
                continue
            states.add(State.WAITS)
            if _state(found) in _BUSY:
                continue
            if "/schedules/" in arm_id and _enabled(found):
                # "A schedule must be disabled before deletion": Schedule machine learning pipeline jobs.
                await deps.writer.put(arm_id, version, _disabled(found))
            else:
                await deps.writer.delete(arm_id, version)
        except (Rejected, Conflict) as error:
            _log.warning("not deleted id=%s code=%s", arm_id, error.code)
            states.add(State.REFUSED)
    return states


async def _there(deps: RetrainingDeps, ids: set[str]) -> bool:
    for arm_id in ids:
        if await deps.reader.get(arm_id, version_of(arm_id)) is not None:
            return True
    return False


def _enabled(found: JsonObject) -> bool:
    properties = found.get("properties")
    return isinstance(properties, dict) and properties.get("isEnabled") is True


def _disabled(found: JsonObject) -> JsonObject:
    properties = found.get("properties")
    kept = {name: one for name, one in dict(properties or {}).items() if name != "provisioningState"}
    return {"properties": {**kept, "isEnabled": False}}


async def _forget(deps: RetrainingDeps, hold: Hold, stored: Stored[Monitor], others: Sequence[Monitor]) -> None:
    """The row goes. Whoever was set meanwhile looks again: something shared may just have been taken away."""
    monitor, now = stored.value, deps.clock.now()
    writes: list[Write] = remove(stored)
    for one in others[:20]:
        other = await deps.objects.get(Monitor, one.id)
        if other is not None and (other.value.due_at is None or other.value.due_at > now):
            writes += put(other, other.value.model_copy(update={"due_at": now}))
    about = About(monitor.workspace, monitor.project, monitor.spec.model)
    fact = by_us(about, now, Action.MONITOR_CHANGED, {"monitor": monitor.name, "change": "deleted"})
    await deps.objects.commit_held(hold, writes, fact)
