"""The tick of a poll: one call for metrics, what follows from it, and the poll at rest, in one commit."""

from __future__ import annotations

import logging
from datetime import datetime

from controlplane.arm import fold
from controlplane.errors import Rejected, Transient
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put
from controlplane.ports.metrics import Answers, MetricsQuestion
from controlplane.ports.store import Write
from controlplane.retraining.declared import index_of
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known, by_name
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.polls.episodes import Place, later, settle, writes_of
from controlplane.retraining.polls.judge import METRICS, both, calls_of, is_idle, judge, of_metrics, of_usual, with_idle
from controlplane.retraining.polls.model import GIVES_UP, WINDOW, Poll, Target, Watched, watched_id
from controlplane.retraining.polls.usual import looked
from controlplane.retraining.polls.watch import Watch

_log = logging.getLogger(__name__)
_MOST_MONITORS = 1000
DEFAULT = Watch()


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Throttled or without an answer it waits as told, and asks then: what was read is committed, and is not asked
    again."""
    stored = await deps.objects.get(Poll, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    poll, now = stored.value, deps.clock.now()
    if stored.value.due_at > now:
        return stored.value.due_at  # A hint that came too early: it waits as told.
    if deps.polls is None:
        return await _rest(deps, stored, hold, "Nothing is configured that could be asked.")
    if poll.tries and now - poll.slot > GIVES_UP:
        return await _rest(deps, stored, hold, f"It could not be asked in time: {poll.why}")
    question = MetricsQuestion(poll.type, METRICS[poll.type], poll.slot - WINDOW, poll.slot)
    try:
        found = await deps.polls.metrics.batch(poll.region, [one.id for one in poll.targets], question)
    except Transient as error:
        due = later(now, error.retry_after, poll.tries)
        update = {"tries": poll.tries + 1, "due_at": due, "why": f"{error.code}: {error.message}"[:500]}
        await deps.objects.commit_held(hold, put(stored, poll.model_copy(update=update)))
        return due
    except Rejected as error:
        return await _rest(deps, stored, hold, f"{error.code}: {error.message}"[:500])
    writes = await _learn(deps, poll, found)
    await deps.objects.commit_held(hold, [*put(stored, _done(poll, None)), *writes])
    return None


def _done(poll: Poll, why: str | None) -> Poll:
    return poll.model_copy(update={"due_at": None, "tries": 0, "why": why})


async def _rest(deps: RetrainingDeps, stored: Stored[Poll], hold: Hold, why: str) -> datetime | None:
    _log.warning("metrics unknown poll=%s slot=%s: %s", stored.value.id, stored.value.slot.isoformat(), why)
    after = _done(stored.value, why)
    await deps.objects.commit_held(hold, put(stored, after))
    return after.due_at


async def _learn(deps: RetrainingDeps, poll: Poll, answers: Answers) -> list[Write]:
    """Signals are stored as they are found: their keys make a repetition the same signal."""
    ids = [watched_id(one.workspace, fold(one.id)) for one in poll.targets]
    remembered = await deps.objects.get_many(Watched, ids)
    spaces = {name: await by_name(deps.workspaces, name) for name in {one.workspace for one in poll.targets}}
    watches = {name: await watches_of(deps, space) for name, space in spaces.items() if space is not None}
    writes: list[Write] = []
    for target, row, before in zip(poll.targets, ids, remembered, strict=True):
        space = spaces[target.workspace]
        if space is not None:
            value = before.value if before else Watched(id=row, workspace=target.workspace, target=fold(target.id))
            watch = watches[target.workspace].get(endpoint_of(target.id), DEFAULT)
            after = await _judged(deps, (poll, target, space), value, (answers, watch))
            writes += writes_of(before, after)
    return writes


async def watches_of(deps: RetrainingDeps, space: Known) -> dict[str, Watch]:
    """Folded name of an endpoint → the thresholds that a monitor of it says; of several that do, which are the same
    (``services/monitors.py``), the first by name."""
    page = await deps.objects.page(Monitor, index_of(Monitor, space.name), limit=_MOST_MONITORS)
    found: dict[str, Watch] = {}
    for one in page.values:
        if one.incarnation == space.record.incarnation and not one.deleting and one.spec.watch is not None:
            found.setdefault(one.spec.endpoint.lower(), one.spec.watch)
    return found


def endpoint_of(arm_id: str) -> str:
    """Folded name of the endpoint that this is, or is a deployment of."""
    return fold(arm_id).partition("/onlineendpoints/")[2].partition("/")[0]


async def _judged(
    deps: RetrainingDeps, where: tuple[Poll, Target, Known], before: Watched, seen: tuple[Answers, Watch]
) -> Watched:
    """What was not answered of it is unknown, whatever else was."""
    (poll, target, space), (answers, watch) = where, seen
    measured, whole = answers.measured.get(fold(target.id), {}), answers.whole(fold(target.id))
    usual = looked(before.usual, calls_of(poll.type, measured), poll.slot, watch.unusual.raise_at)
    observed = (*of_metrics(poll.type, measured, watch), *of_usual(poll.type, usual.score, watch))
    first = judge(before.model_copy(update={"usual": usual.after}), observed, poll.slot)
    second = with_idle(first.after, None if whole is None else is_idle(poll.type, whole), watch, poll.slot)
    return await settle(deps, Place(space, target.id, poll.slot), both(first, second))
