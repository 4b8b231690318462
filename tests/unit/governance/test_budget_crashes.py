"""The process dies at every commit and at every call of an enforcement and of its release, before and after the effect:
it ends as it would have, people and the audit are told once, and nothing was changed before how it stood was stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from controlplane.audit.model import ENTRY, Kind
from controlplane.audit.proof import prove_object
from controlplane.governance.budgets.model import Budget
from controlplane.notifications.model import Notification
from controlplane.objects.tick import tick_object
from tests.support.budget_scopes import FREE, HELD, LIMITS, BudgetScopes
from tests.support.fake_azure import FakeAzure
from tests.support.kill_switch import Killed, KillSwitch
from tests.support.memory_store import MemoryStore
from tests.unit.retraining.test_run_crashes import Ticking

SCOPE = "project.churn"


@dataclass(frozen=True)
class Result:
    """What is left, and what was told of it."""

    stands: tuple[Any, ...]
    steps: tuple[Any, ...]
    made: tuple[str, ...]
    notifications: tuple[str, ...]
    audit: tuple[Any, ...]
    points: int


async def play(kill_at: int | None = None, *, after: bool = False) -> tuple[Result, Result]:
    """Enforced, and then given back; the death is in either."""
    switch = KillSwitch()
    world = BudgetScopes(store=MemoryStore(switch), azure=FakeAzure(switch=switch))
    world.machines = replace(world.machines, system=Ticking(world.clock))
    await world.start(SCOPE)
    await world.workspace("ws")
    await world.spent("ws", "1500")
    start = len(switch.seen)
    switch.kill_at, switch.after = (None if kill_at is None else start + kill_at), after
    await ticks(world, switch)
    held = await result(world, len(switch.seen) - start)
    while True:
        try:
            await world.set(SCOPE, amount=9000)
            break
        except Killed:
            switch.revive()
    await ticks(world, switch)
    return held, await result(world, len(switch.seen) - start)


async def ticks(world: BudgetScopes, switch: KillSwitch) -> None:
    """What is due gets its tick; a dead process is followed by a new one when its lease is over."""
    until = world.clock.now() + timedelta(minutes=40)
    while world.clock.now() < until:
        for one in await world.objects.due(world.clock.now() + timedelta(microseconds=1)):
            try:
                await tick_object(one.kind, one.id, world.machines)
            except Killed:
                switch.revive()
                _all_is_noted(world, await world.objects.get(Budget, SCOPE))
        world.clock.advance(45)


def _all_is_noted(world: BudgetScopes, stored: Any) -> None:
    """How it stood is in the store, whatever is changed in Azure at this moment."""
    noted = {one.resource.lower() for step in stored.value.steps for one in step.undo}
    there = {arm_id for arm_id in world.azure.resources if "/policyassignments/" in arm_id}
    assert there <= noted
    families = {name.lower(): limit for name, limit in LIMITS.items()}
    for name, one in world.azure.resources.items():
        owner, _, family = name.rpartition("/")
        if "/workspaces/" in name and owner.endswith("/quotas") and one["limit"] < families[family]:
            assert owner in noted
        inner = one.get("properties", {}).get("properties", {})
        if inner.get("state") == "Stopped" or inner.get("scaleSettings", {}).get("maxNodeCount") == 0:
            assert name in noted
    made = {name for name in world.azure.resources if "/budgets/" in name or "/actiongroups/" in name}
    assert made <= set(stored.value.made)


async def result(world: BudgetScopes, points: int) -> Result:
    budget = (await world.objects.require(Budget, SCOPE)).value
    notes = (await world.told.page(Notification, limit=1000)).values
    assert (await prove_object(world.store, None, Kind.GOVERNANCE, SCOPE)).consistent
    page = await world.store.query(Kind.GOVERNANCE, prefix=ENTRY)
    told = tuple(sorted(str(one.value["details"]) for one in page.entities))
    return Result(
        stands=tuple(sorted((await world.stands("ws")).items(), key=str)),
        steps=tuple(
            (one.act, one.state, tuple((each.resource, each.done) for each in one.undo)) for one in budget.steps
        ),
        made=budget.made,
        notifications=tuple(sorted(one.type for one in notes)),
        audit=told,
        points=points,
    )


@cache
def known() -> list[tuple[Result, Result]]:
    """Filled by the first who needs it."""
    return []


async def undisturbed() -> tuple[Result, Result]:
    if not known():
        known().append(await play())
    return known()[0]


async def test_undisturbed_it_is_held_and_given_back() -> None:
    held, free = await undisturbed()
    assert (dict(held.stands), dict(free.stands)) == (HELD, FREE)
    assert free.steps == ()
    assert free.notifications.count("ControlPlane.Budget.EnforcementAnnounced") == 3
    assert free.notifications.count("ControlPlane.Budget.EnforcementReleased") == 3


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_point_changes_nothing_of_the_end(after: bool) -> None:
    wanted = await undisturbed()
    assert wanted[1].points > 20
    for kill_at in range(1, wanted[1].points + 1):
        found = await play(kill_at, after=after)
        for one, other in zip(found, wanted, strict=True):
            assert replace(one, points=0) == replace(other, points=0), f"killed at {kill_at}"
