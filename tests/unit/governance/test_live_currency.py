"""What runs is counted in the currency that Azure bills in, or not at all; nothing is compared across currencies."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.governance.budgets.judge import judge
from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.rules import parse_budget
from controlplane.governance.costs import live
from controlplane.governance.costs.model import LIVE_EVERY, Burning, Spend
from controlplane.governance.costs.view import view_of
from controlplane.governance.scope import ScopeKind
from tests.support.cost_world import NOON, RULE, CostWorld
from tests.support.price_list import ListedPrices

STEP = LIVE_EVERY.total_seconds()
SIZE = "Standard_D4s_v3"
DOLLARS = Decimal("0.24")
CURRENCIES = st.sampled_from(["USD", "EUR", "KRW"])


@pytest.fixture
async def world() -> CostWorld:
    made = CostWorld()
    made.with_prices(ListedPrices())
    made.costs.currency = "EUR"
    (space,) = await made.add("ws")
    await made.budget(monthly={"amount": 100, "currency": "EUR"})
    made.costs.spend(date(2026, 11, 13), "rg-ws", "10")
    await made.collect()
    made.cluster(space, "cpu", 2, SIZE)
    return made


async def hour(world: CostWorld) -> Spend:
    for _ in range(16):
        await world.look()
        world.clock.advance(STEP)
    return await world.spent()


async def test_nodes_are_counted_in_the_currency_of_the_rows(world: CostWorld) -> None:
    spent = await hour(world)
    assert spent.live is not None
    assert (spent.currency, spent.live.currency) == ("EUR", "EUR")
    assert spent.live.amount.quantize(Decimal("0.0001")) == 2 * DOLLARS * Decimal("0.9")
    assert {one.currency for one in spent.live.burning} == {"EUR"}


async def test_without_prices_in_it_nothing_is_added_and_it_says_so(world: CostWorld) -> None:
    counted = await hour(world)
    assert counted.live is not None
    world.with_prices(ListedPrices({"USD": Decimal(1)}))
    world.clock.advance(STEP)
    await world.look()
    after = await world.spent()
    assert after.live is not None
    # What was counted in euros stays, what runs is shown in dollars, and nothing of it is added.
    assert (after.live.amount, after.live.currency) == (counted.live.amount, "EUR")
    assert {one.currency for one in after.live.burning} == {"USD"}
    assert "priced in USD, and Azure bills in EUR" in str(after.live.incomplete)
    view = view_of([after], ["ws"], world.clock.now())
    assert (view.currency, view.complete) == ("EUR", False)


async def test_a_workspace_without_rows_is_in_its_subscriptions_currency(world: CostWorld) -> None:
    (space,) = await world.add("new")
    await world.budget("workspace.new", monthly={"amount": 100, "currency": "EUR"})
    world.cluster(space, "cpu", 1, SIZE)
    await world.look()
    world.clock.advance(STEP)
    await world.look()
    spent = await world.spent("new")
    assert spent.live is not None
    assert (spent.as_of, spent.currency, spent.live.currency) == (None, "EUR", "EUR")
    assert spent.live.amount > 0


async def test_what_was_counted_in_another_currency_is_dropped_when_the_rows_come(world: CostWorld) -> None:
    world = CostWorld()
    world.with_prices(ListedPrices())
    (space,) = await world.add("ws")
    await world.budget()
    world.cluster(space, "cpu", 2, SIZE)
    before = await hour(world)
    assert before.live is not None and before.live.currency == "USD" and before.live.amount > 0
    world.costs.currency = "EUR"
    world.costs.spend(date(2026, 11, 13), "rg-ws", "10")
    await world.collect()
    await world.look()
    after = await world.spent()
    assert after.live is not None
    assert (after.currency, after.live.currency, after.live.amount) == ("EUR", "EUR", 0)


def spend_in(currency: str, counted_in: str, amount: Decimal) -> Spend:
    made = Spend(
        id="workspace.ws", workspace="ws", incarnation=1, project="churn", month="2026-11", currency=counted_in
    )
    running = (Burning(resource="x", what=SIZE, count=1, hourly=amount, currency=counted_in),)
    first = live.accrued(made, live.Seen(NOON - timedelta(minutes=4), running, (), counted_in), NOON)
    later = live.accrued(first, live.Seen(NOON, running, (), counted_in), NOON)
    return later.model_copy(update={"currency": currency, "as_of": NOON, "days": {"2026-11-01": Decimal(1)}})


@given(currency=CURRENCIES, counted_in=CURRENCIES, budget=CURRENCIES, amount=st.decimals(1, 10**9, places=2))
def test_no_figure_is_compared_with_a_budget_of_another_currency(
    currency: str, counted_in: str, budget: str, amount: Decimal
) -> None:
    """Whatever runs and however dear: across currencies nothing crosses a tier, and the reason is said."""
    view = view_of([spend_in(currency, counted_in, amount)], ["ws"], NOON)
    rule = parse_budget({**RULE, "monthly": {"amount": 100, "currency": budget}})
    made = Budget(
        id="workspace.ws", kind=ScopeKind.WORKSPACE, name="ws", project="churn", incarnation=1, rule=rule,
        born_at=NOON, last_modified_at=NOON, last_modified_by="t/ada",
    )  # fmt: skip
    judged = judge(made, view, NOON)
    counted = amount * 4 / 60
    assert view.currency == currency
    assert view.seen is not None and (view.seen > 1) == (counted_in == currency)
    if currency != budget:
        assert judged.new == () and judged.wanted is None
        assert any(f"bills in {currency}, the budget is in {budget}" in one for one in judged.unknown)
    elif counted_in != currency:
        assert judged.new == ()
        assert any(f"counted in {counted_in}, and Azure bills in {currency}" in one for one in judged.unknown)
    else:
        assert bool(judged.new) == (1 + counted >= 50)
