"""The tick of a workspace's poll: its logs, the runs of its monitors, and once an hour its model versions; each part
ends in a commit of its own."""

from __future__ import annotations

import logging
from datetime import datetime

from controlplane.arm import fold, group_id, name_of, resource_id
from controlplane.errors import Rejected, Transient
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.ports.store import Write
from controlplane.promotion.poll import lost_versions
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known, by_name
from controlplane.retraining.polls.episodes import Place, close, later, settle, writes_of
from controlplane.retraining.polls.judge import Observation, judge
from controlplane.retraining.polls.levels import of_arm, of_traffic, unwatched
from controlplane.retraining.polls.metrics_tick import DEFAULT, endpoint_of, watches_of
from controlplane.retraining.polls.model import GIVES_UP, WINDOW, Watched, WorkspacePoll, watched_id
from controlplane.retraining.polls.ports import PollPorts
from controlplane.retraining.polls.queries import TRAFFIC, traffic_of
from controlplane.retraining.polls.runs_tick import look
from controlplane.workspaces.blueprint.names import Names

_log = logging.getLogger(__name__)
#: Rows of one commit, which may have a hundred.
_AT_ONCE = 40
#: What logs say of a target has a row of its own: its metrics are another poll's, at the same time.
_PART = "#logs"
LOGS = "Microsoft.OperationalInsights/workspaces"


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises ``Conflict`` when something that it ends is being worked on: it is done again."""
    stored = await deps.objects.get(WorkspacePoll, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    poll, now = stored.value, deps.clock.now()
    if stored.value.due_at > now:
        return stored.value.due_at  # A hint that came too early: it waits as told.
    space = await by_name(deps.workspaces, poll.id)
    if space is None or deps.polls is None or (poll.tries and now - poll.slot > GIVES_UP):
        return await _rest(deps, stored, hold, f"It could not be asked: {poll.why}")
    try:
        if not poll.logs_done:
            return await _logs(deps, (stored, space, deps.polls), hold)
        if poll.models_left:
            return await _versions(deps, (stored, space), hold)
        return await look(deps, (stored, space, deps.polls), hold, logs_of(space))
    except Transient as error:
        due = later(now, error.retry_after, poll.tries)
        update = {"tries": poll.tries + 1, "due_at": due, "why": f"{error.code}: {error.message}"[:500]}
        await deps.objects.commit_held(hold, put(stored, poll.model_copy(update=update)))
        return due


async def _rest(deps: RetrainingDeps, stored: Stored[WorkspacePoll], hold: Hold, why: str | None) -> datetime | None:
    if why:
        _log.warning("unknown workspace=%s slot=%s: %s", stored.value.id, stored.value.slot.isoformat(), why)
    after = stored.value.model_copy(update={"due_at": None, "tries": 0, "why": why, "models_left": False})
    await deps.objects.commit_held(hold, put(stored, after))
    return after.due_at


def logs_of(space: Known) -> str:
    """The workspace's own Log Analytics workspace."""
    subscription, record = str(space.record.spec["subscriptionId"]), space.record
    names = Names.of(subscription, record.name, record.incarnation)
    return resource_id(group_id(subscription, record.resource_group), LOGS, names.log_analytics)


async def _logs(
    deps: RetrainingDeps, about: tuple[Stored[WorkspacePoll], Known, PollPorts], hold: Hold
) -> datetime | None:
    stored, space, ports = about
    poll, now = stored.value, deps.clock.now()
    endpoints = [one for one in poll.targets if "/deployments/" not in fold(one)]
    # A window later than metrics: rows take longer to arrive.
    why, found, end = None, {}, poll.slot - WINDOW
    if endpoints:
        try:
            rows = await ports.logs.query(logs_of(space), TRAFFIC, end - 2 * WINDOW, end)
            why = None if rows.complete else "Logs gave a part of what was asked."
            found = dict(traffic_of(rows.rows)) if rows.complete else {}
        except Rejected as error:
            why = f"{error.code}: {error.message}"[:500]
    wait = await ports.throttles.waits(str(space.record.spec["subscriptionId"]).lower())
    watches = await watches_of(deps, space)
    writes: list[Write] = []
    for target in endpoints:
        watch = watches.get(endpoint_of(target), DEFAULT)
        seen = of_traffic(found, name_of(target).lower(), end, watch)
        writes += await _judged(deps, Place(space, target, end), seen)
    writes += await _judged(deps, Place(space, space.workspace_id, poll.slot), of_arm(wait, poll.refused))
    writes += await _forget(deps, poll)
    # Without a monitor there is no run to look at; model versions are looked for all the same.
    versions = not poll.monitors and poll.is_hourly
    update = {
        "logs_done": True,
        "models_left": versions,
        "unwatched": unwatched(why is None, poll.refused),
        "why": why,
        "gone": poll.gone[_AT_ONCE:],
        "due_at": now if poll.monitors or versions else None,
        "tries": 0,
    }
    after = poll.model_copy(update=update)
    if why:
        _log.warning("logs unknown workspace=%s slot=%s: %s", poll.id, poll.slot.isoformat(), why)
    for begin in range(0, len(writes), _AT_ONCE):
        # A window counts once, so that these may be stored before the poll is.
        await deps.objects.commit_held(hold, writes[begin : begin + _AT_ONCE])
    await deps.objects.commit_held(hold, put(stored, after))
    return after.due_at


async def _versions(deps: RetrainingDeps, about: tuple[Stored[WorkspacePoll], Known], hold: Hold) -> datetime | None:
    """Model versions whose events were lost: some models, and the others with the next tick."""
    stored, space = about
    poll, why, after = stored.value, stored.value.why, None
    try:
        after = (await lost_versions(deps, space, poll.models_after)).after
    except Rejected as error:
        why = why or f"{error.code}: {error.message}"[:500]
    due = deps.clock.now() if after is not None else None
    update = {"due_at": due, "models_left": due is not None, "models_after": after, "tries": 0, "why": why}
    await deps.objects.commit_held(hold, put(stored, poll.model_copy(update=update)))
    return due


async def _judged(deps: RetrainingDeps, place: Place, seen: tuple[Observation, ...]) -> list[Write]:
    row = watched_id(place.found.name, fold(place.target) + _PART)
    before = await deps.objects.get(Watched, row)
    value = before.value if before else Watched(id=row, workspace=place.found.name, target=fold(place.target))
    return writes_of(before, await settle(deps, place, judge(value, seen, place.slot)))


async def _forget(deps: RetrainingDeps, poll: WorkspacePoll) -> list[Write]:
    """What was raised about what is gone is over."""
    rows = [watched_id(poll.id, fold(one) + part) for one in poll.gone[:_AT_ONCE] for part in ("", _PART)]
    writes: list[Write] = []
    for stored in await deps.objects.get_many(Watched, rows) if rows else ():
        if stored is not None:
            for episode in stored.value.episodes:
                if episode.signal_id is not None:
                    await close(deps, episode.signal_id)
            writes += remove(stored)
    return writes
