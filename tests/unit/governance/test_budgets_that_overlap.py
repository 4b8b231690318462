"""Budgets of a workspace, its project and its department over the same things: taken and given back in every order,
each knows how everything stood before any of them, and what one holds stays while another lets go."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.governance.budgets.model import Budget
from controlplane.objects.tick import tick_object
from tests.support.budget_scopes import FREE, HELD, LIMITS, BudgetScopes
from tests.support.fake_azure import FakeAzure
from tests.support.virtual_time import run

QUOTAS = {name: limit for name, limit in LIMITS.items() if limit > 0}
SCOPES = ("workspace.ws", "project.churn", "department.lab")


async def made(*scopes: str) -> BudgetScopes:
    world = BudgetScopes()
    await world.start(*scopes)
    await world.workspace("ws")
    await world.spent("ws", "1500")
    return world


@pytest.mark.parametrize("back", list(permutations(SCOPES)))
async def test_what_one_holds_stays_while_others_let_go(back: tuple[str, ...]) -> None:
    world = await made(*SCOPES)
    await world.settle(*SCOPES, rounds=3)
    assert await world.stands("ws") == HELD
    for one in back:
        assert await world.stands("ws") == HELD
        await world.set(one, amount=9000)
        await world.settle(one, rounds=2)
    assert await world.stands("ws") == FREE


MOVES = st.lists(
    st.tuples(st.sampled_from(SCOPES), st.sampled_from(["tick", "tick", "tick", "raise", "lower"])),
    max_size=40,
)


@settings(max_examples=30)
@given(MOVES)
def test_in_every_order_all_comes_back(moves: list[tuple[str, str]]) -> None:
    async def live() -> None:
        world = await made(*SCOPES)
        for scope, move in moves:
            if move in ("raise", "lower"):
                await world.set(scope, amount=9000 if move == "raise" else 1000)
            await world.look(scope, minutes=11)
            budget = await world.objects.require(Budget, scope)
            for step in budget.value.steps:
                for one in step.undo:
                    if one.kind == "quota":
                        assert {name: found["limit"] for name, found in one.before.items()} == QUOTAS
                    else:
                        assert one.before in ({}, {"runs": True}) or one.before["maxNodeCount"] == 4
        for scope in SCOPES:
            await world.set(scope, amount=9000)
        await world.settle(*SCOPES, rounds=3)
        assert await world.stands("ws") == FREE

    run(live())


class Interrupted(FakeAzure):
    """Before its ``at``-th call, another process's whole tick happens."""

    at = 0
    world: BudgetScopes | None = None
    seen = 0

    async def _call(self, method: str, path: str):  # type: ignore[no-untyped-def]
        self.seen += 1
        if self.seen == self.at and self.world is not None:
            world, self.world = self.world, None
            await tick_object(Budget.KIND, "project.churn", world.machines)
        return await super()._call(method, path)


async def interrupted(at: int, *, releasing: bool) -> int:
    """Of the workspace's tick by the project's; returns how many calls the workspace's made."""
    azure = Interrupted()
    world = BudgetScopes(azure=azure)
    first, other = "workspace.ws", "project.churn"
    await world.start(first, other)
    await world.workspace("ws")
    await world.spent("ws", "1500")
    for one in (first, other):
        await world.look(one)
    if releasing:
        await world.settle(first, rounds=2)
        await world.set(first, amount=9000)
    world.clock.advance(1000)
    azure.seen, azure.at, azure.world = 0, at, world
    await world.look(first)
    calls, azure.world = azure.seen, None
    await world.settle(first, other, rounds=2)
    assert await world.stands("ws") == HELD, at
    # The one that was there first goes first: what the other noted is what comes back.
    for one in (other, first):
        await world.set(one, amount=9000)
        await world.settle(one, rounds=2)
    assert await world.stands("ws") == FREE, at
    return calls


@pytest.mark.parametrize("releasing", [False, True], ids=["taking", "releasing"])
async def test_a_tick_of_another_budget_in_the_middle_of_one(releasing: bool) -> None:
    calls = await interrupted(0, releasing=releasing)
    assert calls > 5
    for at in range(1, calls + 1):
        await interrupted(at, releasing=releasing)
