"""The ticks of the collector: the fleet is cut by subscription; each of its scopes asks one question at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from controlplane.arm import group_id, subscription_id
from controlplane.errors import Rejected, Transient
from controlplane.governance.budgets.model import Basis, Budget
from controlplane.governance.costs import anomalies, rows
from controlplane.governance.costs.cause_tick import look
from controlplane.governance.costs.crossing import spends_of, wake_budgets
from controlplane.governance.costs.model import Charged, CostScope, CostSweep, Course, Spend, spend_id
from controlplane.governance.costs.view import month_end
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.scope import ScopeKind
from controlplane.governance.storing import all_of, change_each
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Stored, put, remove
from controlplane.objects.tick import message_of
from controlplane.ports.costs import CostReader
from controlplane.retraining.polls.episodes import later
from controlplane.workspaces.records import WorkspaceRecord

_log = logging.getLogger(__name__)
#: 600 query processing units an hour of a tenant ("Manage costs with automation"); others ask, too.
PACE = timedelta(seconds=7)
#: Who could not be asked for so long is unknown until the next sweep.
GIVES_UP = timedelta(hours=2)
#: Forecasts of single workspaces, a subscription and sweep; the others are forecast here.
MOST_FORECASTS = 10
_PAGE = 1000
_NO_HISTORY = "Azure has too little history for a forecast."


async def sweep(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One scope for each subscription, a pace apart. What an earlier sweep left undone begins anew."""
    stored = await deps.objects.get(CostSweep, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    slot, now = stored.value.slot, deps.clock.now()
    if stored.value.due_at > now:
        return stored.value.due_at
    groups = await _by_subscription(deps)
    asked = await _forecasts(deps)
    pace = PACE * max(1, len(groups))
    for number, (subscription, spaces) in enumerate(sorted(groups.items())):
        before = await deps.objects.get(CostScope, subscription)
        if before is not None and before.value.slot >= slot:
            continue  # cut before, by a tick that lost its lease
        names = [one.name for one in spaces if one.name in asked][:MOST_FORECASTS]
        kept = before.value if before is not None else CostScope(id=subscription, slot=slot, pace=pace, workspaces=())
        due = now + PACE * number
        update: dict[str, Any] = {
            "slot": slot,
            "pace": pace,
            "workspaces": tuple(spaces),
            "forecasts": tuple(names),
            "course": Course.ROWS,
            "tries": 0,
            "calls": 0,
            "due_at": due,
        }
        await deps.objects.commit(put(before, kept.model_copy(update=update)))
        await deps.queue.send(message_of(CostScope.KIND, subscription), delay_seconds=(due - now).total_seconds())
    for one in await all_of(deps.objects, CostScope):
        if one.id not in groups and (gone := await deps.objects.get(CostScope, one.id)) is not None:
            await deps.objects.commit(remove(gone))
    await _forget(deps)
    after = stored.value.model_copy(update={"due_at": None, "scopes": len(groups), "why": None})
    await deps.objects.commit_held(hold, put(stored, after))
    return None


async def _by_subscription(deps: GovernanceDeps) -> dict[str, list[Charged]]:
    """Also those that are being deleted: they cost until they are gone."""
    found: dict[str, list[Charged]] = {}
    continuation: str | None = None
    while True:
        records, continuation = await deps.workspaces.list(limit=_PAGE, continuation=continuation)
        for one in records:
            found.setdefault(str(one.spec["subscriptionId"]).lower(), []).append(charged(one))
        if continuation is None:
            return found


def charged(record: WorkspaceRecord) -> Charged:
    return Charged(
        name=record.name,
        incarnation=record.incarnation,
        project=record.project,
        group=record.resource_group.lower(),
        since=record.created_at.astimezone(UTC).date(),
        born_at=record.created_at.astimezone(UTC),
    )


async def _forecasts(deps: GovernanceDeps) -> frozenset[str]:
    """Workspaces whose own forecast a budget's tier is about. Of projects and departments ours has to do, where
    Azure's is not asked for each of their workspaces."""
    budgets = await all_of(deps.objects, Budget)
    return frozenset(
        one.name
        for one in budgets
        if one.kind is ScopeKind.WORKSPACE and any(tier.of is Basis.FORECAST for tier in one.rule.tiers)
    )


async def _forget(deps: GovernanceDeps) -> None:
    """What is known of workspaces that are gone."""
    for spend in await all_of(deps.objects, Spend):
        if await deps.workspaces.load(spend.workspace) is None:
            stored = await deps.objects.get(Spend, spend.id)
            if stored is not None:
                await deps.objects.commit(remove(stored))


# -- one subscription --------------------------------------------------------------------------------------------------


async def work(deps: GovernanceDeps, thing_id: str, hold: Hold) -> datetime | None:
    """One question; throttled it waits as told, and asks then. What was read is stored before the next question."""
    stored = await deps.objects.get(CostScope, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    scope, now = stored.value, deps.clock.now()
    if scope.due_at is not None and scope.due_at > now:
        return scope.due_at  # A hint that came too early.
    if deps.costs is None or (scope.tries and now - scope.slot > GIVES_UP):
        why = "Nothing is configured that could be asked." if deps.costs is None else scope.why
        return await _gave_up(deps, hold, stored, f"Costs could not be read: {why}")
    try:
        after = await _ask(deps, deps.costs, scope)
    except Transient as error:
        due = later(now, error.retry_after, scope.tries)
        update = {"tries": scope.tries + 1, "due_at": due, "why": f"{error.code}: {error.message}"[:500]}
        await deps.objects.commit_held(hold, put(stored, scope.model_copy(update=update)))
        return due
    except Rejected as error:
        return await _gave_up(deps, hold, stored, f"Azure refused: {error.code}: {error.message}"[:500])
    due_next = None if after.course is Course.DONE else now + scope.pace
    after = after.model_copy(update={"due_at": due_next, "tries": 0})
    await deps.objects.commit_held(hold, put(stored, after))
    return due_next


async def _ask(deps: GovernanceDeps, costs: CostReader, scope: CostScope) -> CostScope:
    if scope.course is Course.ROWS:
        return await _rows(deps, costs, scope)
    if scope.course is Course.CAUSES:
        calls = await look(deps, costs, scope)
        return scope.model_copy(update={"course": Course.FORECAST, "calls": scope.calls + calls})
    if scope.course is Course.FORECAST:
        return await _forecast(deps, costs, scope)
    return await _own_forecast(deps, costs, scope)


async def _gave_up(deps: GovernanceDeps, hold: Hold, stored: Stored[CostScope], why: str) -> datetime | None:
    """The last figures stay, and say so; what was read of this sweep is read."""
    scope, now = stored.value, deps.clock.now()
    _log.warning("costs unknown subscription=%s course=%s: %s", scope.id, scope.course, why)
    if scope.course is Course.ROWS:
        await _change(deps, scope.workspaces, lambda before, one: rows.failed(before, one, why, now))
    due = now + scope.pace if scope.course is Course.CAUSES else None
    course = Course.FORECAST if scope.course is Course.CAUSES else Course.DONE
    update: dict[str, Any] = {"course": course, "due_at": due, "tries": 0, "why": why[:500]}
    if scope.course is Course.FORECAST:
        update |= {"forecasts": (), "forecast": None, "forecast_reason": why[:500]}
    await deps.objects.commit_held(hold, put(stored, scope.model_copy(update=update)))
    return due


async def _rows(deps: GovernanceDeps, costs: CostReader, scope: CostScope) -> CostScope:
    now = deps.clock.now()
    asked = rows.question(now)
    answer = await costs.query(scope.id, asked)
    said = rows.told(asked, answer, now)

    def after(before: Spend | None, one: Charged) -> Spend:
        spend = rows.learned(before, one, said)
        return spend.model_copy(update={"anomalies": anomalies.found(spend)})

    spends = await _change(deps, scope.workspaces, after)
    await wake_budgets(deps, spends, rows=bool(said.days))
    news = any(not one.looked for spend in spends for one in spend.anomalies)
    update = {
        "as_of": now,
        "through": said.through,
        "month": now.astimezone(UTC).strftime("%Y-%m"),
        "currency": said.currency or scope.currency,
        "total": said.of_month() if said.days else None,
        "others": said.of_month() - said.of_month([one.group for one in scope.workspaces]) if said.days else None,
        "why": None if said.days else rows.NOTHING,
        "calls": scope.calls + answer.calls,
        "course": Course.CAUSES if news else Course.FORECAST,
    }
    return scope.model_copy(update=update)


async def _change(
    deps: GovernanceDeps, spaces: Sequence[Charged], change: Callable[[Spend | None, Charged], Spend]
) -> tuple[Spend, ...]:
    """Of an earlier workspace of a name nothing is taken over."""
    by_id: Mapping[str, Charged] = {spend_id(one.name): one for one in spaces}

    def after(thing_id: str, before: Spend | None) -> Spend:
        one = by_id[thing_id]
        mine = before if before is not None and before.incarnation == one.incarnation else None
        return change(mine, one)

    return await change_each(deps.objects, Spend, list(by_id), after)


async def _forecast(deps: GovernanceDeps, costs: CostReader, scope: CostScope) -> CostScope:
    """The subscription's, to the month's end."""
    begin, end = _span(deps.clock.now())
    found = await costs.forecast(subscription_id(scope.id), begin, end)
    update: dict[str, Any] = {
        "forecast": None if found is None else found.amount,
        "forecast_reason": _NO_HISTORY if found is None else None,
        "calls": scope.calls + 1,
        "course": Course.OWN if scope.forecasts else Course.DONE,
    }
    return scope.model_copy(update=update)


async def _own_forecast(deps: GovernanceDeps, costs: CostReader, scope: CostScope) -> CostScope:
    """The next workspace's: its resource group's."""
    begin, end = _span(deps.clock.now())
    name, left = scope.forecasts[0], scope.forecasts[1:]
    here = [one for one in scope.workspaces if one.name == name]
    for one in here:
        found = await costs.forecast(group_id(scope.id, one.group), begin, end)
        update = {
            "forecast": None if found is None else found.amount,
            "forecast_reason": _NO_HISTORY if found is None else None,
        }
        await _change(deps, here, partial(_updated, update, deps.clock.now()))
        await wake_budgets(deps, [one for one in await spends_of(deps, one.project) if one.workspace == name])
    course = Course.OWN if left else Course.DONE
    return scope.model_copy(update={"forecasts": left, "course": course, "calls": scope.calls + len(here)})


def _updated(update: Mapping[str, object], at: datetime, before: Spend | None, one: Charged) -> Spend:
    return rows.turned(before or rows.fresh(one, at, "USD"), at).model_copy(update=dict(update))


def _span(now: datetime) -> tuple[date, date]:
    month = now.astimezone(UTC).strftime("%Y-%m")
    return now.astimezone(UTC).date().replace(day=1), (month_end(month) - timedelta(days=1)).date()
