"""The ticks of the pass: one paged list of workspaces, batches of fifty for metrics; candidates look for themselves.

Active Cores alone say who is in use; who is not may be idle, and its expiry reads everything else before it says so.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.arm import fold, subscription_of
from controlplane.errors import Rejected, Transient
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry import clues
from controlplane.governance.expiry.look import span_of
from controlplane.governance.expiry.model import Expiry, Stage, Verdict, expiry_id
from controlplane.governance.expiry.storing import due_now, rule_of
from controlplane.governance.storing import all_of, change_each
from controlplane.governance.sweeps.model import GIVES_UP, FleetSweep, IdleBatch, Member
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.objects.tick import message_of
from controlplane.ports.inventory import Found
from controlplane.ports.metrics import MOST_IDS, Answers, MetricsQuestion
from controlplane.retraining.known import WORKSPACE_TYPE, Known, known
from controlplane.retraining.polls.episodes import later
from controlplane.workspaces.spec_rules.lifetime import days

_log = logging.getLogger(__name__)
_PAGE = 1000
#: Between two candidates of a subscription, each of which reads eight times at most.
APART = timedelta(seconds=1)
_SOURCE = "metrics:getBatch"


@dataclass(frozen=True, slots=True)
class _Ruled:
    """A workspace that is idle after some time."""

    space: Known
    period: str


async def sweep(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """What an earlier pass left undone is cut anew."""
    stored = await deps.objects.get(FleetSweep, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    now = deps.clock.now()
    if stored.value.due_at > now:
        return stored.value.due_at
    if deps.polls is None or now - stored.value.slot > GIVES_UP:
        return await _rest(deps, stored, hold, {"why": f"Nothing could be asked in time. {stored.value.why or ''}"})
    ruled = await _ruled(deps)
    subscriptions = sorted({(subscription_of(one.space.workspace_id) or "").lower() for one in ruled})
    try:
        found = await deps.polls.inventory.workspaces(subscriptions) if subscriptions else ()
    except Transient as error:
        due = later(now, error.retry_after, 1)
        waits = {"due_at": due, "why": f"{error.code}: {error.message}"[:500]}
        await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update=waits)))
        return due
    except Rejected as error:
        return await _rest(deps, stored, hold, {"why": f"{error.code}: {error.message}"[:500]})
    batches = list(cut(ruled, found, stored.value.slot, now))
    await _store(deps, batches, stored.value.slot)
    listed = sum(len(one.members) for one in batches)
    update = {"why": None, "workspaces": len(ruled), "missing": len(ruled) - listed, "scopes": len(batches)}
    return await _rest(deps, stored, hold, update)


async def _rest(
    deps: GovernanceDeps, stored: Stored[FleetSweep], hold: Hold, changes: Mapping[str, object]
) -> datetime | None:
    after = stored.value.model_copy(update={"due_at": None, **changes})
    _log.info("fleet slot=%s workspaces=%d why=%s", after.slot.isoformat(), after.workspaces, after.why)
    await deps.objects.commit_held(hold, put(stored, after))
    return None


async def _ruled(deps: GovernanceDeps) -> list[_Ruled]:
    """Those with a rule of idleness that nothing was begun with yet. Who should have an expiry and has none (its
    project has an end since) is told to begin one."""
    ends = {one.name: one.registration.ends_on for one in await deps.projects.all()}
    expiries = {one.id: one for one in await all_of(deps.objects, Expiry)}
    found: list[_Ruled] = []
    continuation: str | None = None
    while True:
        records, continuation = await deps.workspaces.list(limit=_PAGE, continuation=continuation)
        for record in records:
            expiry = expiries.get(expiry_id(record.name))
            rule = rule_of(expiry, record)
            if record.deleting:
                continue
            if expiry is None and (rule is not None or ends.get(record.project) is not None):
                await deps.queue.send(message_of(Expiry.KIND, expiry_id(record.name)))
            early = expiry is None or expiry.stage is Stage.ACTIVE
            if rule is not None and rule.idle_after is not None and early:
                found.append(_Ruled(known(record), rule.idle_after))
        if continuation is None:
            return found


def cut(ruled: Sequence[_Ruled], found: Sequence[Found], slot: datetime, now: datetime) -> Iterator[IdleBatch]:
    """By subscription and region, at most fifty each, so that Σ⌈n/50⌉ calls ask for all. Those of like periods are
    together; a batch asks for the shortest of them, which finds too many candidates and never too few."""
    places = {fold(one.id): one.location for one in found}
    groups: dict[tuple[str, str], list[_Ruled]] = {}
    for one in ruled:
        arm_id = one.space.workspace_id
        if (region := places.get(fold(arm_id))) is not None:
            groups.setdefault(((subscription_of(arm_id) or "").lower(), region), []).append(one)
    turns = Counter[str]()
    for (subscription, _), members in groups.items():
        turns[subscription] += -(-len(members) // MOST_IDS)
    turn = Counter[str]()
    for (subscription, region), members in sorted(groups.items()):
        ordered = sorted(members, key=lambda each: (days(each.period), each.space.name))
        for number in range(0, len(ordered), MOST_IDS):
            some = ordered[number : number + MOST_IDS]
            turn[subscription] += 1
            yield IdleBatch(
                id=f"{subscription}.{region}.{number // MOST_IDS:04d}",
                due_at=now,
                slot=slot,
                region=region,
                period=some[0].period,
                turn=turn[subscription] - 1,
                turns=turns[subscription],
                members=tuple(
                    Member(name=one.space.name, incarnation=one.space.record.incarnation, id=one.space.workspace_id)
                    for one in some
                ),
            )


async def _store(deps: GovernanceDeps, batches: Sequence[IdleBatch], slot: datetime) -> None:
    by_id = {one.id: one for one in batches}

    def after(thing_id: str, before: IdleBatch | None) -> IdleBatch:
        # Cut before, by a tick that lost its lease.
        return before if before is not None and before.slot >= slot else by_id[thing_id]

    for one in await change_each(deps.objects, IdleBatch, list(by_id), after):
        if one.due_at is not None:
            await deps.queue.send(message_of(IdleBatch.KIND, one.id))
    for one in await all_of(deps.objects, IdleBatch):
        if one.id not in by_id and (gone := await deps.objects.get(IdleBatch, one.id)) is not None:
            await deps.objects.commit(remove(gone))


# -- a batch -----------------------------------------------------------------------------------------------------------


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One call. What it does not answer is unknown, and unknown is no candidate: its expiry looks daily by itself."""
    stored = await deps.objects.get(IdleBatch, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    batch, now = stored.value, deps.clock.now()
    if batch.due_at is not None and batch.due_at > now:
        return batch.due_at
    if deps.polls is None or (batch.tries and now - batch.slot > GIVES_UP):
        return await _done(deps, stored, hold, {"why": batch.why, "unknown": len(batch.members)})
    span = span_of(batch.period, now)
    names = (clues.CORES, clues.CONTROL)
    question = MetricsQuestion(WORKSPACE_TYPE.lower(), names, span.begin, span.end, span.grain)
    try:
        told = await deps.polls.metrics.batch(batch.region, [one.id for one in batch.members], question)
    except Transient as error:
        due = later(now, error.retry_after, batch.tries)
        update = {"tries": batch.tries + 1, "due_at": due, "why": f"{error.code}: {error.message}"[:500]}
        await deps.objects.commit_held(hold, put(stored, batch.model_copy(update=update)))
        return due
    except Rejected as error:
        why = f"{error.code}: {error.message}"[:500]
        return await _done(deps, stored, hold, {"why": why, "unknown": len(batch.members)})
    return await _done(deps, stored, hold, await _learned(deps, batch, told, span))


async def _learned(deps: GovernanceDeps, batch: IdleBatch, told: Answers, span: clues.Span) -> dict[str, Any]:
    now = deps.clock.now()
    ids = {one.name: fold(one.id) for one in batch.members}
    seen = {
        name: clues.cores(told.measured.get(one), span, _SOURCE, told.unknown.get(one)) for name, one in ids.items()
    }
    in_use = {name: clue.observed for name, clue in seen.items() if clue.verdict is Verdict.BUSY}
    candidates = [name for name, clue in seen.items() if clue.verdict is Verdict.IDLE]
    for place, name in enumerate(candidates):
        at = now + APART * (place * batch.turns + batch.turn)
        await due_now(deps.objects, deps.queue, name, at)
    unknown = [f"{name}: {clue.observed}" for name, clue in seen.items() if clue.verdict is Verdict.UNKNOWN]
    why = unknown[0][:500] if unknown else None
    return {"why": why, "asked_at": now, "in_use": in_use, "candidates": len(candidates), "unknown": len(unknown)}


async def _done(
    deps: GovernanceDeps, stored: Stored[IdleBatch], hold: Hold, changes: Mapping[str, object]
) -> datetime | None:
    after = stored.value.model_copy(update={"due_at": None, "tries": 0, **changes})
    await deps.objects.commit_held(hold, put(stored, after))
    return None
