"""The tick of the sweep: one paged question for what there is, cut into polls that are due at once."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from controlplane.arm import fold, subscription_of
from controlplane.errors import Rejected, Transient
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, Thing, put, remove
from controlplane.objects.tick import message_of
from controlplane.ports.inventory import Found
from controlplane.ports.metrics import MOST_IDS
from controlplane.ports.store import Write
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.known import Known, known
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.polls.episodes import later
from controlplane.retraining.polls.judge import DEPLOYMENT, ENDPOINT
from controlplane.retraining.polls.model import (
    GIVES_UP,
    WINDOW,
    Poll,
    Sweep,
    Target,
    Watched,
    WorkspacePoll,
    watched_id,
)
from controlplane.retraining.polls.resource_manager import refused_in

_log = logging.getLogger(__name__)
_PAGE = 1000
#: Objects of one commit: each is a row, its due row and what goes of an old one.
_AT_ONCE = 20
_SHORT = {ENDPOINT: "e", DEPLOYMENT: "d"}
_MARK = "/onlineendpoints/"
T = TypeVar("T", bound=Thing)
P = TypeVar("P", Poll, WorkspacePoll)


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Cut anew with each slot. What an earlier slot left undone goes on, and misses this one."""
    stored = await deps.objects.get(Sweep, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    sweep, now = stored.value, deps.clock.now()
    if stored.value.due_at > now:
        return stored.value.due_at  # A hint that came too early: it waits as told.
    if deps.polls is None or now - sweep.slot > GIVES_UP:
        return await _rest(deps, stored, hold, {"why": "Nothing could be asked in time."})
    spaces = {fold(one.workspace_id): one for one in await managed(deps)}
    try:
        found = await deps.polls.inventory.online(sorted({_subscription(one) for one in spaces.values()}))
    except Transient as error:
        due = later(now, error.retry_after, 1)
        waits = sweep.model_copy(update={"due_at": due, "why": f"{error.code}: {error.message}"[:500]})
        await deps.objects.commit_held(hold, put(stored, waits))
        return due
    except Rejected as error:
        return await _rest(deps, stored, hold, {"why": f"{error.code}: {error.message}"[:500]})
    polls = list(cut(found, spaces, sweep.slot, now))
    asked = await _workspaces(deps, found, spaces, (sweep.slot, now))
    asked = await _with_refused(deps, asked, spaces)
    late = await _store(deps, polls, asked, {one.name for one in spaces.values()})
    return await _rest(deps, stored, hold, {"why": None, "polls": len(polls) + len(asked), "late": late})


async def _rest(
    deps: RetrainingDeps, stored: Stored[Sweep], hold: Hold, changes: Mapping[str, object]
) -> datetime | None:
    after = stored.value.model_copy(update={"due_at": None, **changes})
    _log.info("sweep slot=%s polls=%d late=%d why=%s", after.slot.isoformat(), after.polls, after.late, after.why)
    await deps.objects.commit_held(hold, put(stored, after))
    return after.due_at


async def managed(deps: RetrainingDeps) -> list[Known]:
    """Every workspace that is not being deleted."""
    found: list[Known] = []
    continuation: str | None = None
    while True:
        records, continuation = await deps.workspaces.list(limit=_PAGE, continuation=continuation)
        found += [known(one) for one in records if not one.deleting]
        if continuation is None:
            return found


def _subscription(space: Known) -> str:
    return str(space.record.spec["subscriptionId"]).lower()


def owner_of(found: Found, spaces: Mapping[str, Known]) -> Known | None:
    """The managed workspace that an endpoint or deployment lies in."""
    return spaces.get(fold(found.id).partition(_MARK)[0])


def cut(found: Sequence[Found], spaces: Mapping[str, Known], slot: datetime, now: datetime) -> Iterator[Poll]:
    """By subscription, region and type, at most fifty each: Σ⌈n/50⌉ polls, and each is one call."""
    groups: dict[tuple[str, str, str], list[Target]] = {}
    for one in sorted(found, key=lambda each: fold(each.id)):
        space, kind = owner_of(one, spaces), one.type.lower()
        if space is not None and kind in _SHORT:
            key = ((subscription_of(one.id) or "").lower(), one.location, kind)
            groups.setdefault(key, []).append(Target(id=one.id, workspace=space.name))
    for (subscription, region, kind), targets in sorted(groups.items()):
        for number in range(0, len(targets), MOST_IDS):
            yield Poll(
                id=f"{subscription}.{region}.{_SHORT[kind]}.{number // MOST_IDS:04d}",
                due_at=now,
                slot=slot,
                subscription=subscription,
                region=region,
                type=kind,
                targets=tuple(targets[number : number + MOST_IDS]),
            )


async def _workspaces(
    deps: RetrainingDeps, found: Sequence[Found], spaces: Mapping[str, Known], when: tuple[datetime, datetime]
) -> list[WorkspacePoll]:
    """One for each workspace that has something to ask about. Once an hour that is every one: people and pipelines
    register models also where nothing is monitored or served, and such a workspace has no events of its own."""
    slot, now = when
    targets: dict[str, list[str]] = {}
    for one in found:
        if (space := owner_of(one, spaces)) is not None:
            targets.setdefault(space.name, []).append(one.id)
    before = {one.id: one for one in await all_of(deps, WorkspacePoll)}
    watching = {(one.workspace, one.incarnation) for one in await all_of(deps, Monitor) if not one.deleting}
    asked: list[WorkspacePoll] = []
    for space in sorted(spaces.values(), key=lambda each: each.name):
        here, there = tuple(sorted(targets.get(space.name, ()))), before.get(space.name)
        monitors = (space.name, space.record.incarnation) in watching
        gone = tuple(sorted({*there.targets, *there.gone} - set(here))) if there else ()
        poll = WorkspacePoll(id=space.name, due_at=now, slot=slot, targets=here, gone=gone, monitors=monitors)
        if poll.serves or poll.is_hourly:
            kept = {"models_after": there.models_after, "unwatched": there.unwatched} if there else {}
            only = {} if poll.serves else {"logs_done": True, "models_left": True}
            asked.append(poll.model_copy(update={**kept, **only}))
    return asked


async def _with_refused(
    deps: RetrainingDeps, asked: Sequence[WorkspacePoll], spaces: Mapping[str, Known]
) -> list[WorkspacePoll]:
    """What Resource Manager refused in each one's subscription, asked once for each subscription (S3-93)."""
    of = {one.name: _subscription(one) for one in spaces.values()}
    counts: dict[str, float | None] = {}
    for poll in asked:
        if poll.serves and of[poll.id] not in counts:
            counts[of[poll.id]] = await refused_in(deps.reader, of[poll.id], poll.slot - WINDOW, poll.slot)
    return [one.model_copy(update={"refused": counts.get(of[one.id])}) for one in asked]


async def all_of(deps: RetrainingDeps, kind: type[T]) -> list[T]:
    """Every object of a kind."""
    found: list[T] = []
    continuation: str | None = None
    while True:
        page = await deps.objects.page(kind, limit=_PAGE, continuation=continuation)
        found += page.values
        continuation = page.continuation
        if continuation is None:
            return found


async def _store(
    deps: RetrainingDeps, polls: Sequence[Poll], spaces: Sequence[WorkspacePoll], names: Container[str]
) -> int:
    """Returns how many of an earlier slot are not done yet. What nobody wants any more goes, once it is at rest; what
    is only wanted once an hour stays as long as its workspace, of ``names``, does."""
    late = await _store_all(deps, Poll, polls) + await _store_all(deps, WorkspacePoll, spaces)
    for stale in await _stale(deps, WorkspacePoll, spaces):
        if not stale.value.serves and stale.value.id in names:
            continue
        targets = (*stale.value.targets, *stale.value.gone)
        rows = [watched_id(stale.value.id, fold(one) + part) for one in targets for part in ("", "#logs")]
        remembered = [one for one in (await deps.objects.get_many(Watched, rows) if rows else ()) if one is not None]
        for begin in range(0, len(remembered), _AT_ONCE):
            some = remembered[begin : begin + _AT_ONCE]
            await deps.objects.commit([write for one in some for write in remove(one)])
        await deps.objects.commit(remove(stale))
    for gone in await _stale(deps, Poll, polls):
        await deps.objects.commit(remove(gone))
    return late


async def _stale(deps: RetrainingDeps, kind: type[P], wanted: Sequence[P]) -> list[Stored[P]]:
    names = {one.id for one in wanted}
    ids = [one.id for one in await all_of(deps, kind) if one.id not in names and one.due_at is None]
    found = await deps.objects.get_many(kind, ids) if ids else ()
    return [one for one in found if one is not None and one.value.due_at is None]


async def _store_all(deps: RetrainingDeps, kind: type[P], wanted: Sequence[P]) -> int:
    late = 0
    for begin in range(0, len(wanted), _AT_ONCE):
        late += await _store_some(deps, kind, wanted[begin : begin + _AT_ONCE])
    return late


async def _store_some(deps: RetrainingDeps, kind: type[P], wanted: Sequence[P]) -> int:
    before = await deps.objects.get_many(kind, [one.id for one in wanted])
    writes: list[Write] = []
    sent: list[P] = []
    late = 0
    for one, there in zip(wanted, before, strict=True):
        if there is not None and (there.value.due_at is not None or there.value.slot >= one.slot):
            # Not done yet, or cut and done before by a tick that lost its lease.
            late += there.value.slot < one.slot
            continue
        writes += put(there, one)
        sent.append(one)
    if writes:
        await deps.objects.commit(writes)
    for thing in sent:
        await deps.queue.send(message_of(thing.KIND, thing.id))
    return late
