"""What was spent is read once a subscription, and what is not known is never nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from controlplane.errors import Rejected, Throttled, Transient
from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs.collect_tick import PACE
from controlplane.governance.costs.crossing import SOON, _wake
from controlplane.governance.costs.model import CostScope, Course
from controlplane.governance.costs.rows import question
from controlplane.governance.costs.view import ForecastBy, view_of
from controlplane.objects.repository import put
from controlplane.ports.store import Upsert
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from tests.support.cost_world import NOON, SUBSCRIPTION, CostWorld

OTHER = "00000000-0000-0000-0000-000000000002"


@pytest.fixture
async def world() -> CostWorld:
    made = CostWorld()
    await made.add("ws", "calm")
    for day in range(1, 17):
        made.costs.spend(date(2026, 11, day), "rg-ws", "10")
    return made


async def test_one_query_and_one_forecast_a_subscription(world: CostWorld) -> None:
    spec = {**world.record("there").spec, "subscriptionId": OTHER}
    await world.add("there", spec=spec)
    await world.collect()
    assert sorted(one for one, _ in world.costs.asked) == [SUBSCRIPTION, OTHER]
    assert sorted(world.costs.forecasted) == [f"/subscriptions/{SUBSCRIPTION}", f"/subscriptions/{OTHER}"]
    spend = await world.spent()
    assert sum(spend.days.values()) == Decimal(160)
    # At noon of the 16th the 14th is whole: rows of the 15th may come until tomorrow.
    assert (spend.as_of, spend.through, spend.unknown) == (NOON, date(2026, 11, 14), None)


async def test_who_is_not_named_while_others_are_cost_nothing_on_whole_days_alone(world: CostWorld) -> None:
    await world.collect()
    calm = await world.spent("calm")
    assert set(calm.days.values()) == {Decimal(0)}
    assert sorted(calm.days) == [date(2026, 11, day).isoformat() for day in range(1, 15)]
    view = view_of([calm], ["calm"], world.clock.now())
    assert (view.actual, view.covered) == (Decimal(0), 1)


async def test_rows_before_a_workspace_was_made_are_anothers(world: CostWorld) -> None:
    made = datetime(2026, 11, 12, 9, tzinfo=UTC)
    await world.add("new", created_at=made)
    world.costs.spend(date(2026, 11, 3), "rg-new", "500")
    world.costs.spend(date(2026, 11, 13), "rg-new", "7")
    await world.collect()
    new = await world.spent("new")
    assert new.days == {"2026-11-12": Decimal(0), "2026-11-13": Decimal(7), "2026-11-14": Decimal(0)}


async def test_an_answer_without_rows_says_nothing_of_anybody() -> None:
    world = CostWorld()
    await world.add("ws")
    await world.collect()
    spend = await world.spent()
    assert (spend.as_of, spend.days) == (None, {})
    view = view_of([spend], ["ws"], world.clock.now())
    assert (view.actual, view.seen, view.covered) == (None, None, 0)
    assert view.unknown == ("ws: Azure told of no cost in the subscription.",)


async def test_a_refusal_leaves_the_last_figures_and_says_so(world: CostWorld) -> None:
    await world.collect()
    world.clock.advance(4 * 3600)
    world.costs.errors.append(Rejected("AuthorizationFailed", "No.", status=403))
    await world.collect()
    spend = await world.spent()
    assert sum(spend.days.values()) == Decimal(160)
    assert spend.unknown == "Azure refused: AuthorizationFailed: No."
    view = view_of([spend], ["ws"], world.clock.now())
    assert (view.actual, view.covered) == (Decimal(160), 0)
    assert (await world.scope()).course is Course.DONE


async def test_throttled_it_waits_as_told_and_asks_once_more(world: CostWorld) -> None:
    world.costs.errors.append(Throttled("429", "Too many requests. Please retry.", retry_after=47.0))
    await world.collect()
    assert len(world.costs.asked) == 2
    assert (await world.spent()).as_of == NOON + timedelta(seconds=47)


async def test_an_azure_that_is_away_for_hours_is_unknown(world: CostWorld) -> None:
    world.costs.errors += [Transient("ServiceUnavailable", "Away.", retry_after=900.0)] * 20
    await world.collect()
    spend = await world.spent()
    assert spend.unknown is not None and "ServiceUnavailable" in spend.unknown
    assert spend.days == {}


async def test_questions_of_all_subscriptions_keep_the_tenants_pace() -> None:
    world = CostWorld()
    spec = world.record("x").spec
    for number in range(5):
        await world.add(f"ws-{number}", spec={**spec, "subscriptionId": f"00000000-0000-0000-0000-{number:012d}"})
    await world.collect()
    scopes = (await world.objects.page(CostScope)).values
    assert {one.pace for one in scopes} == {5 * PACE}
    assert sorted(one.as_of - NOON for one in scopes if one.as_of) == [PACE * number for number in range(5)]
    assert 3600 / PACE.total_seconds() < 600  # query processing units an hour


async def test_a_workspace_that_took_a_name_over_begins_anew(world: CostWorld) -> None:
    await world.collect()
    record = world.record("ws", incarnation=2, created_at=datetime(2026, 11, 14, 10, tzinfo=UTC))
    await world.store.commit(PARTITION, [Upsert("w!ws", dump(record))])
    world.clock.advance(4 * 3600)
    await world.collect()
    spend = await world.spent()
    assert (spend.incarnation, sum(spend.days.values())) == (2, Decimal(30))


async def test_the_month_turns() -> None:
    world = CostWorld()
    await world.add("ws")
    for day in range(1, 31):
        world.costs.spend(date(2026, 11, day), "rg-ws", "10")
    world.clock.advance((datetime(2026, 11, 30, 20, tzinfo=UTC) - NOON).total_seconds())
    await world.collect()
    assert (await world.spent()).month == "2026-11"
    world.clock.advance(8 * 3600)
    world.costs.spend(date(2026, 11, 30), "rg-ws", "2")  # late
    await world.collect()
    spend = await world.spent()
    assert (spend.month, spend.months) == ("2026-12", {"2026-11": Decimal(302)})
    view = view_of([spend], ["ws"], world.clock.now())
    # All that was read is of November: of December nothing is known, and that is not 0.
    assert (view.actual, view.seen, view.as_of) == (None, None, spend.as_of)
    assert "ws: Azure has no cost of 2026-12 yet." in view.unknown
    assert world.costs.asked[-1][1].begin == date(2026, 11, 1)
    assert question(datetime(2026, 12, 4, tzinfo=UTC)).begin == date(2026, 12, 1)


async def test_another_currency_is_not_added_to_what_was() -> None:
    world = CostWorld()
    await world.add("ws")
    world.costs.spend(date(2026, 11, 10), "rg-ws", "10")
    await world.collect()
    world.costs.currency = "EUR"
    world.clock.advance(4 * 3600)
    await world.collect()
    spend = await world.spent()
    assert (spend.currency, sum(spend.days.values())) == ("EUR", Decimal(10))


async def test_a_forecast_is_azures_or_ours_and_says_which(world: CostWorld) -> None:
    tiers = [{"at": 50}, {"at": 100}, {"at": 100, "of": "forecast", "act": "notify"}]
    await world.budget(tiers=tiers)
    await world.collect()
    spend = await world.spent()
    assert (spend.forecast, spend.forecast_reason) == (None, "Azure has too little history for a forecast.")
    view = view_of([spend], ["ws"], world.clock.now())
    # Sixteen days of 10 are seen at noon of the last; half a day and fourteen like them are to come.
    assert view.forecast is not None
    assert (round(view.forecast), view.forecast_by) == (305, ForecastBy.OURS)
    world.costs.forecasts[f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-ws"] = Decimal(333)
    world.clock.advance(4 * 3600)
    await world.collect()
    view = view_of([await world.spent()], ["ws"], world.clock.now())
    assert (view.forecast, view.forecast_by) == (Decimal(333), ForecastBy.AZURE)
    assert len(world.costs.forecasted) == 4  # of the subscription and of that workspace, twice


async def test_rows_that_cross_a_tier_wake_the_budget_at_once(world: CostWorld) -> None:
    await world.budget()
    await world.budget("project.churn", monthly={"amount": 10_000, "currency": "USD"})
    begun = world.clock.now()
    await world.collect()
    assert (await world.objects.require(Budget, "workspace.ws")).value.due_at == begun
    assert (await world.objects.require(Budget, "project.churn")).value.due_at == begun + SOON


async def test_a_project_is_looked_at_once_for_the_rows_of_all_its_subscriptions(world: CostWorld) -> None:
    """It does not say for hours that costs were not read, which were; and two subscriptions are one look."""
    await world.add("there", spec={**world.record("there").spec, "subscriptionId": OTHER})
    there = f"/subscriptions/{OTHER}/resourcegroups/rg-there/x"
    world.costs.spend(date(2026, 11, 5), "rg-there", "40", there)
    await world.budget("project.churn", monthly={"amount": 10_000, "currency": "USD"})
    begun = world.clock.now()
    await world.collect()
    stored = await world.objects.require(Budget, "project.churn")
    assert stored.value.due_at == begun + SOON
    assert begun + PACE < begun + SOON, "the other subscription was asked by then"
    # What runs is looked at each four minutes: that makes nothing due that reaches no tier.
    at_rest = stored.value.model_copy(update={"due_at": begun + timedelta(hours=6)})
    await world.objects.commit(put(stored, at_rest))
    await world.look()
    assert (await world.objects.require(Budget, "project.churn")).value.due_at == begun + timedelta(hours=6)
    # The next sweep's rows make it due again, long before that.
    world.clock.advance(4 * 3600)
    asked = world.clock.now()
    await world.collect()
    assert (await world.objects.require(Budget, "project.churn")).value.due_at == asked + SOON


async def test_who_was_judged_just_before_rows_came_is_looked_at_again(world: CostWorld) -> None:
    """The look is stored between the collector's read of the budget and its write."""
    await world.budget("project.churn", monthly={"amount": 10_000, "currency": "USD"})
    there = await world.objects.require(Budget, "project.churn")
    looked = there.value.model_copy(update={"due_at": NOON + timedelta(hours=6), "rounds": 7})
    await world.objects.commit(put(there, looked))
    assert not await _wake(world.deps, there, (), rows=True)
    after = (await world.objects.require(Budget, "project.churn")).value
    assert (after.rounds, after.due_at) == (7, NOON + SOON)


async def test_what_lies_in_no_workspaces_group_is_told_apart(world: CostWorld) -> None:
    world.costs.spend(date(2026, 11, 5), "rg-hub", "40")
    await world.collect()
    scope = await world.scope()
    assert (scope.total, scope.others) == (Decimal(200), Decimal(40))
