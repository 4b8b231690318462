"""The ticks of the live view: workspaces with a budget, cut by subscription; one list of computes each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from controlplane.arm import fold, subscription_of
from controlplane.errors import Rejected, Transient
from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs import live, rows
from controlplane.governance.costs.billed import billed_in
from controlplane.governance.costs.collect_tick import charged
from controlplane.governance.costs.crossing import departments_of, wake_budgets
from controlplane.governance.costs.model import LIVE_EVERY, LiveScope, LiveSweep, Serving, Spend, spend_id
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.pricing.asking import table_for
from controlplane.governance.pricing.table import CURRENCY
from controlplane.governance.scope import Scope, ScopeKind
from controlplane.governance.storing import all_of, change_each
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.objects.tick import message_of
from controlplane.retraining.known import Known, known
from controlplane.retraining.polls.episodes import later

_log = logging.getLogger(__name__)
API = "2024-04-01"
#: Workspaces of one tick, and reads at once: ARM allows 25 a second in a subscription.
_SOME, _AT_ONCE = 20, 5
_PAGE = 1000


async def sweep(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One list of deployments for all, and a scope for each subscription."""
    stored = await deps.objects.get(LiveSweep, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    slot, now = stored.value.slot, deps.clock.now()
    if stored.value.due_at > now:
        return stored.value.due_at
    groups = await _watched(deps)
    serving, unread = await _serving(deps, sorted(groups))
    for subscription, names in groups.items():
        before = await deps.objects.get(LiveScope, subscription)
        if before is not None and before.value.slot >= slot:
            continue
        here = tuple(one for one in serving if (subscription_of(one.id) or "").lower() == subscription)
        scope = LiveScope(id=subscription, due_at=now, slot=slot, left=tuple(names), serving=here, unread=unread)
        await deps.objects.commit(put(before, scope))
        await deps.queue.send(message_of(LiveScope.KIND, subscription))
    for one in await all_of(deps.objects, LiveScope):
        if one.id not in groups and (gone := await deps.objects.get(LiveScope, one.id)) is not None:
            await deps.objects.commit(remove(gone))
    after = stored.value.model_copy(update={"due_at": None, "scopes": len(groups), "why": unread})
    await deps.objects.commit_held(hold, put(stored, after))
    return None


async def _watched(deps: GovernanceDeps) -> dict[str, list[str]]:
    """Subscription → workspaces that a budget is about."""
    budgets = {one.id for one in await all_of(deps.objects, Budget) if not one.deleting}
    if not budgets:
        return {}
    departments, found = await departments_of(deps), dict[str, list[str]]()
    continuation: str | None = None
    while True:
        records, continuation = await deps.workspaces.list(limit=_PAGE, continuation=continuation)
        for one in records:
            scopes = {Scope(ScopeKind.WORKSPACE, one.name).id, Scope(ScopeKind.PROJECT, one.project).id}
            if one.project in departments:
                scopes.add(Scope(ScopeKind.DEPARTMENT, departments[one.project]).id)
            if scopes & budgets:
                found.setdefault(str(one.spec["subscriptionId"]).lower(), []).append(one.name)
        if continuation is None:
            return found


async def _serving(deps: GovernanceDeps, subscriptions: Sequence[str]) -> tuple[list[Serving], str | None]:
    if not subscriptions:
        return [], None
    if deps.polls is None:
        return [], "What serves was not read: nothing is configured that could be asked."
    try:
        found = await deps.polls.inventory.online(subscriptions)
    except (Transient, Rejected) as error:
        # Azure's own words may be of other people's subscriptions: readers of each workspace see what is said here.
        _log.warning("what serves not read code=%s message=%s", error.code, error.message[:300])
        return [], f"What serves was not read: {error.code}."
    deployments = (one for one in found if one.type.endswith("/deployments"))
    return [Serving(id=fold(one.id), size=one.size, count=one.count) for one in deployments], None


# -- one subscription --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Look:
    """``currency``: what Azure bills in; of the look's prices it is where they are known in it. ``wait``: seconds that
    Azure asked to wait, None where it answered."""

    space: Known
    seen: live.Seen
    currency: str
    wait: float | None = None


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Some workspaces a tick. What could not be read is incomplete in this look, and read in the next."""
    stored = await deps.objects.get(LiveScope, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    scope, now = stored.value, deps.clock.now()
    if scope.due_at is not None and scope.due_at > now:
        return scope.due_at
    names, left = scope.left[:_SOME], scope.left[_SOME:]
    spaces = [known(one.record) for name in names if (one := await deps.workspaces.load(name)) is not None]
    room = asyncio.Semaphore(_AT_ONCE)
    money = await _currencies(deps, scope, spaces)
    looks = await asyncio.gather(*(_look(deps, scope, space, (room, money[space.record.name])) for space in spaces))
    throttled = [one for one in looks if one.wait is not None]
    if throttled:
        due = later(now, max(one.wait or 0.0 for one in throttled), scope.tries)
        if due < scope.slot + LIVE_EVERY:
            # Those that answered are stored; the others are asked again when Azure says, while it is this slot.
            left = (*(one.space.name for one in throttled), *left)
            await _stored(deps, [one for one in looks if one.wait is None])
            update: dict[str, Any] = {"left": left, "tries": scope.tries + 1, "due_at": due}
            await deps.objects.commit_held(hold, put(stored, scope.model_copy(update=update)))
            return due
    await _stored(deps, looks)
    return await _next(deps, hold, stored, left)


async def _next(deps: GovernanceDeps, hold: Hold, stored: Stored[LiveScope], left: tuple[str, ...]) -> datetime | None:
    due = deps.clock.now() if left else None
    update: dict[str, Any] = {"left": left, "tries": 0, "due_at": due}
    await deps.objects.commit_held(hold, put(stored, stored.value.model_copy(update=update)))
    return due


async def _currencies(deps: GovernanceDeps, scope: LiveScope, spaces: Sequence[Known]) -> dict[str, str]:
    """Workspace → what Azure bills it in, as its rows say; before there are any, as its subscription's do."""
    told = await billed_in(deps.objects, scope.id) or CURRENCY
    ids = [spend_id(one.record.name) for one in spaces]
    spends = await deps.objects.get_many(Spend, ids) if ids else ()
    return {
        space.record.name: told if spend is None or spend.value.as_of is None else spend.value.currency
        for space, spend in zip(spaces, spends, strict=True)
    }


async def _look(deps: GovernanceDeps, scope: LiveScope, space: Known, how: tuple[asyncio.Semaphore, str]) -> _Look:
    room, currency = how
    region = str(space.record.spec.get("location") or "")
    serving = live.serving_of(space.workspace_id, scope.serving)
    missing = (scope.unread,) if scope.unread else ()
    try:
        async with room:
            computes = await deps.reader.list(f"{space.workspace_id}/computes", API)
    except (Transient, Rejected) as error:
        why = f"What runs could not be read: {error.code}."
        wait = error.retry_after if isinstance(error, Transient) else None
        return _Look(space, live.Seen(deps.clock.now(), (), (why, *missing), currency), currency, wait)
    at = deps.clock.now()
    table = await table_for(live.sizes(region, computes, serving), deps.prices, currency)
    found = live.seen(at, region, computes, serving, table)
    return _Look(space, replace(found, missing=(*found.missing, *missing)), currency)


async def _stored(deps: GovernanceDeps, looks: Sequence[_Look]) -> None:
    by_id = {spend_id(one.space.name): one for one in looks}

    def after(thing_id: str, before: Spend | None) -> Spend:
        look = by_id[thing_id]
        record, at = look.space.record, look.seen.at
        mine = before if before is not None and before.incarnation == record.incarnation else None
        spend = rows.turned(mine or rows.fresh(charged(record), at, look.currency), at)
        if spend.as_of is None:
            # Azure has said nothing of it yet, but perhaps of others in its subscription.
            spend = spend.model_copy(update={"currency": look.currency})
        return live.accrued(spend, look.seen, record.created_at.astimezone(UTC))

    if by_id:
        await wake_budgets(deps, await change_each(deps.objects, Spend, list(by_id), after))
