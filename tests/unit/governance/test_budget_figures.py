"""What a budget says of its figures: within by money, told once, and nothing given back that was not taken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from controlplane.governance.budgets.advice import advice
from controlplane.governance.budgets.judge import judge
from controlplane.governance.budgets.model import Acceptance, Budget, BudgetRule
from controlplane.governance.budgets.within import within
from controlplane.governance.costs.view import View, month_of
from controlplane.governance.scope import ScopeKind
from controlplane.notifications.model import Notification
from controlplane.operations.model import Condition
from tests.support.budget_world import RULE, BudgetWorld
from tests.support.clock import START

TWO: list[dict[str, Any]] = [{"at": 50}, {"at": 90}]
AHEAD: list[dict[str, Any]] = [{"at": 50}, {"at": 100, "of": "forecast"}]
GAP = ("ws: what runs now was not read.",)


def budget(tiers: list[dict[str, Any]] = TWO, **changes: Any) -> Budget:
    """Rules of before a tier at the amount was asked for, too."""
    money = {"amount": 100, "currency": "USD"}
    rule = BudgetRule.model_validate({**RULE, "monthly": money, "tiers": tiers})
    made = Budget(
        id="workspace.ws", kind=ScopeKind.WORKSPACE, name="ws", project="churn", rule=rule,
        born_at=START, last_modified_at=START, last_modified_by="t/ada",
    )  # fmt: skip
    return made.model_copy(update=changes)


def view(seen: str | None, forecast: str | None = None, **changes: Any) -> View:
    known = None if seen is None else Decimal(seen)
    found = View(
        month=month_of(START), currency="USD", as_of=START, actual=known, seen=known,
        forecast=None if forecast is None else Decimal(forecast), covered=1, workspaces=1,
    )  # fmt: skip
    return found.model_copy(update=changes)


def said(one: Budget, seen: View) -> Condition:
    return within(one, judge(one, seen, START), seen, START)


@pytest.mark.parametrize(
    ("tiers", "seen", "status", "reason"),
    [
        (TWO, view("505"), "False", "BudgetReached"),
        (TWO, view("100"), "False", "BudgetReached"),
        (TWO, view("99.99"), "True", "BelowBudget"),
        (TWO, view("505", unknown=GAP), "False", "BudgetReached"),
        (TWO, view("10", unknown=GAP), "Unknown", "CostsIncomplete"),
        (TWO, view(None), "Unknown", "CostsIncomplete"),
        (TWO, view("505", currency="EUR"), "Unknown", "CostsIncomplete"),
        (TWO, view("10", "150"), "True", "ForecastOverBudget"),
        (AHEAD, view("10", "150"), "True", "ForecastOverBudget"),
        (AHEAD, view("10", "150", unknown=GAP), "Unknown", "CostsIncomplete"),
        (AHEAD, view("10"), "Unknown", "CostsIncomplete"),
        (AHEAD, view("10", "90"), "True", "BelowBudget"),
        ([{"at": 120}, {"at": 150}], view("110"), "False", "BudgetReached"),
        ([{"at": 120}, {"at": 150}], view("90"), "True", "BelowBudget"),
    ],
)  # fmt: skip
def test_within_goes_by_money_whatever_tiers_there_are(
    tiers: list[dict[str, Any]], seen: View, status: str, reason: str
) -> None:
    told = said(budget(tiers), seen)
    assert (told.status.value, told.reason) == (status, reason)


def test_what_was_spent_is_spent_also_when_the_figures_are_gone() -> None:
    one = budget()
    one = one.model_copy(update={"crossings": judge(one, view("505"), START).crossings})
    told = said(one, view(None))
    assert (told.status.value, told.message) == (
        "False", "505.00 of 100.00 USD are spent, as was seen when a tier of this month was reached."
    )  # fmt: skip


def test_a_forecast_over_it_is_said_and_is_not_spent() -> None:
    told = said(budget(AHEAD), view("10", "150"))
    assert told.message == (
        "10.00 of 100.00 USD are spent. The forecast to the month's end is 150.00 of 100.00 USD. Tiers reached: 100 %."
    )
    assert "is 150.00 of 100.00 USD" in said(budget(AHEAD), view("10", "150", unknown=GAP)).message


@pytest.fixture
async def world() -> BudgetWorld:
    made = BudgetWorld()
    await made.begin()
    return made


async def accept(world: BudgetWorld) -> None:
    word = {"month": "2026-11", "answer": "accept", "by": "t/olga", "at": world.clock.now(), "reason": "Fair."}
    await world.change(acceptance=Acceptance.model_validate(word))


async def test_what_was_only_announced_is_dropped_and_not_given_back(world: BudgetWorld) -> None:
    await world.spend("1300")
    await world.tick()
    await accept(world)
    found = await world.tick(hours=0.1)
    assert found.steps == ()
    titles = [one for one in await world.titles() if "from" not in one and "%" not in one]
    assert titles == ["Workspace ws: blockComputes is dropped", "Workspace ws: blockJobs is dropped"]
    line = next(one for one in found.history if one.what == "blockJobs dropped")
    assert line.why.startswith("It was announced and is not done: nothing was changed.")
    assert "Fair." in line.why


async def test_what_was_taken_is_given_back(world: BudgetWorld) -> None:
    await world.spend("1010")
    await world.tick()
    await world.tick(hours=2.1)
    await accept(world)
    found = await world.tick(hours=0.1)
    assert "Workspace ws: blockComputes is given back" in await world.titles()
    assert not [one for one in [*await world.titles(), *(line.what for line in found.history)] if "dropped" in one]


LATE = "The month ends before a notice of 7 days"


@pytest.mark.parametrize(("at", "announced"), [("2026-11-23T23:50:00+00:00", 2), ("2026-11-24T00:00:00+00:00", 0)])
async def test_what_its_notice_puts_into_the_next_month_is_not_announced(
    world: BudgetWorld, at: str, announced: int
) -> None:
    await world.rule(notice="P7D")
    world.until(at)
    await world.spend("1300")
    for _ in range(3):
        found = await world.tick(hours=0.01)
    assert [one.state.value for one in found.steps] == ["announced"] * announced
    notes = (await world.told.page(Notification)).values
    assert len([one for one in notes if one.type.endswith("EnforcementAnnounced")]) == announced
    # It is said once of each tier, with the tier itself.
    late = [one for one in found.history if LATE in one.why]
    assert [one.what for one in late] == ([] if announced else ["tier 100 % reached", "tier 120 % reached"])
    assert len([one for one in notes if LATE in one.text]) == len(late)


async def test_a_stop_waits_for_no_notice_in_the_last_days_either(world: BudgetWorld) -> None:
    await world.rule(notice="P7D")
    world.until("2026-11-27T12:00:00+00:00")
    await world.spend("1010")
    assert (await world.tick()).steps == ()
    word = {"month": "2026-11", "answer": "stop", "by": "t/olga", "at": world.clock.now(), "reason": "Stop it."}
    await world.change(acceptance=Acceptance.model_validate(word))
    for _ in range(3):
        found = await world.tick(hours=0.1)
    assert [(one.act.value, one.state.value) for one in found.steps] == [("blockComputes", "taken")]


def test_a_long_notice_is_said_to_leave_out_the_last_days() -> None:
    hard: list[dict[str, Any]] = [{"at": 50}, {"at": 100, "act": "freeze"}]
    rule = BudgetRule.model_validate({**RULE, "tiers": hard, "notice": "P7D"})
    (text,) = advice(rule, {})
    assert text.startswith("What is reached in the last 7 days of a month is not enforced in it")
    assert advice(rule.model_copy(update={"notice": timedelta(hours=36)}), {})[0].startswith(
        "What is reached in the last 36 hours"
    )
    assert advice(rule.model_copy(update={"notice": timedelta(days=1)}), {}) == ()
    assert advice(BudgetRule.model_validate({**RULE, "tiers": TWO, "notice": "P7D"}), {}) == ()
