"""A budget from the first tier to its release: announced, taken with its undo stored, kept, given back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from controlplane.errors import Conflict, Rejected
from controlplane.governance.budgets.model import Acceptance, Act, Budget, StepState
from controlplane.notifications.channels import Audience, Channel, wants
from controlplane.notifications.model import Notification
from controlplane.objects.tick import tick_object
from controlplane.operations.model import ConditionStatus
from tests.support.budget_world import BudgetWorld


@pytest.fixture
async def world() -> BudgetWorld:
    made = BudgetWorld()
    await made.begin()
    return made


def states(budget: Budget) -> dict[str, str]:
    return {one.act.value: one.state.value for one in budget.steps}


async def test_azure_has_a_budget_that_calls_us(world: BudgetWorld) -> None:
    budget = await world.tick()
    (found,) = (body for arm_id, body in world.azure.resources.items() if "/microsoft.consumption/budgets/" in arm_id)
    properties = found["properties"]
    assert (properties["amount"], properties["timeGrain"], properties["category"]) == (1000, "Monthly", "Cost")
    assert properties["timePeriod"]["startDate"] == "2026-11-01T00:00:00Z"
    tier = properties["notifications"]["actual_50_percent"]
    assert (tier["operator"], tier["threshold"], tier["thresholdType"]) == ("GreaterThanOrEqualTo", 50, "Actual")
    (group,) = tier["contactGroups"]
    hook = world.azure.body(group)["properties"]["webhookReceivers"][0]
    assert hook["serviceUri"].startswith("https://x.test/api/alerts")
    assert budget.observed_generation == 1
    # Somebody changes it: the next look writes it back.
    properties["amount"] = 9999
    await world.tick(hours=7)
    assert found["properties"]["amount"] == 1000


async def test_nothing_known_is_unknown_and_never_within(world: BudgetWorld) -> None:
    budget = await world.tick()
    status = {one.type: one.status for one in budget.conditions}
    assert status["WithinBudget"] is ConditionStatus.UNKNOWN
    assert budget.steps == ()
    assert await world.titles() == []


async def test_a_tier_is_told_once(world: BudgetWorld) -> None:
    await world.spend("510")
    for _ in range(3):
        await world.tick()
    assert await world.titles() == ["Workspace ws: 50 % of the budget is reached"]


async def test_the_recipients_of_the_rule_hear_it_and_no_others(world: BudgetWorld) -> None:
    await world.rule(recipients=["projectLeads"])
    await world.spend("510")
    await world.tick()
    (note,) = (await world.told.page(Notification)).values
    heard = {
        one.value
        for one in Audience
        if wants(Channel.model_validate({"name": "a", "kind": "teams", "audiences": [one.value]}), note)
    }
    assert heard == {"projectLead", "monitoring"}


async def test_an_overspend_of_today_is_seen_by_what_runs(world: BudgetWorld) -> None:
    await world.spend("450", live="60")
    budget = await world.tick()
    (crossing,) = budget.crossings
    assert (crossing.tier, crossing.seen_by, crossing.figure) == (0, "live", Decimal(510))


async def test_what_is_taken_was_announced_and_is_given_back_with_the_month(world: BudgetWorld) -> None:
    await world.spend("1300")
    budget = await world.tick()
    assert states(budget) == {"blockComputes": "announced", "blockJobs": "announced"}
    assert world.policies() == []
    assert world.scale() == (1, 4)
    budget = await world.tick(hours=1.9)
    assert set(states(budget).values()) == {"announced"}
    budget = await world.tick(hours=0.2)
    assert states(budget) == {"blockComputes": "taken", "blockJobs": "taking"}
    assert world.policies() == ["cp-budget-computes"]
    assert world.scale() == (0, 3)
    assert world.instance() == "Stopped"
    # Nodes end with their jobs; none come again.
    world.nodes(1)
    budget = await world.tick(hours=0.1)
    assert world.scale() == (0, 1)
    world.nodes(0)
    budget = await world.tick(hours=0.1)
    assert world.scale() == (0, 0)
    assert states(budget)["blockJobs"] == "taken"
    stored = await world.workspaces.load("ws")
    assert stored is not None
    assert stored.record.node_limits == {"cpu": 0}
    # December.
    world.until("2026-12-01T00:05:00+00:00")
    for _ in range(3):
        budget = await world.tick(hours=0.1)
    assert states(budget) == {}
    assert world.policies() == []
    assert world.scale() == (1, 4)
    assert world.instance() == "Running"
    stored = await world.workspaces.load("ws")
    assert stored is not None
    assert stored.record.node_limits == {}


async def test_existing_computes_are_left_out_of_the_denial(world: BudgetWorld) -> None:
    await world.spend("1010")
    await world.tick()
    await world.tick(hours=2.1)
    (body,) = (one for arm_id, one in world.azure.resources.items() if arm_id.endswith("/cp-budget-computes"))
    asked = body["properties"]
    assert sorted(one.rpartition("/")[2] for one in asked["notScopes"]) == ["ada", "cpu"]
    denied = asked["parameters"]["listOfResourceTypesNotAllowed"]["value"]
    assert denied == ["Microsoft.MachineLearningServices/workspaces/computes"]


async def test_frozen_endpoints_by_the_token_are_denied_but_for_those_there(
    world: BudgetWorld,
) -> None:
    world.azure.plant(f"{world.known.workspace_id}/serverlessEndpoints/llama", properties={"authMode": "Key"})
    await world.spend("1510")
    await world.tick()
    budget = await world.tick(hours=2.1)
    (asked,) = (one["properties"] for key, one in world.azure.resources.items() if key.endswith("/cp-budget-endpoints"))
    assert [one.rpartition("/")[2] for one in asked["notScopes"]] == ["llama"]
    denied = asked["parameters"]["listOfResourceTypesNotAllowed"]["value"]
    assert "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints" in denied
    said = " ".join(text for one in budget.steps for text in one.said)
    assert "Serverless endpoints that are there go on answering" in said


async def test_a_raised_budget_gives_back(world: BudgetWorld) -> None:
    await world.spend("1010")
    await world.tick()
    budget = await world.tick(hours=2.1)
    assert states(budget) == {"blockComputes": "taken"}
    await world.rule(monthly={"amount": 2000, "currency": "USD"})
    for _ in range(3):
        budget = await world.tick(hours=0.1)
    assert states(budget) == {}
    assert world.policies() == []


async def test_raised_too_little_it_stays(world: BudgetWorld) -> None:
    await world.spend("1500")
    await world.tick()
    await world.tick(hours=2.1)
    # What was spent is spent, also where the figures are gone.
    stored = await world.objects.get(type(await world.budget()), "workspace.ws")
    assert stored is not None
    await world.rule(monthly={"amount": 1400, "currency": "USD"})
    await world.spend("0", as_of=None, days={})
    for _ in range(3):
        budget = await world.tick(hours=0.1)
    assert states(budget)["blockComputes"] == "taken"
    assert "freeze" not in states(budget)


@pytest.mark.parametrize(("answer", "left"), [("accept", {}), ("stop", {"blockComputes": "taken"})])
async def test_the_owner_answers(world: BudgetWorld, answer: str, left: dict[str, str]) -> None:
    await world.spend("1010")
    await world.tick()
    now = world.clock.now()
    word = {"month": "2026-11", "answer": answer, "by": "t/olga", "at": now, "reason": "Because."}
    await world.change(acceptance=Acceptance.model_validate(word))
    for _ in range(3):
        budget = await world.tick(hours=0.1)
    assert states(budget) == left


async def said(world: BudgetWorld, answer: str, **more: Any) -> None:
    word = {"month": "2026-11", "answer": answer, "by": "t/olga", "at": world.clock.now(), "reason": "Because.", **more}
    await world.change(acceptance=Acceptance.model_validate(word))


async def test_a_stop_needs_no_tier_and_no_notice(world: BudgetWorld) -> None:
    """Before the first enforcement is reached; and when another is, it does not wait."""
    await world.spend("850")
    assert states(await world.tick()) == {}
    await said(world, "stop")
    assert states(await world.tick()) == {"blockComputes": "announced"}
    assert states(await world.tick(hours=0.02)) == {"blockComputes": "taken"}
    await world.spend("1210")
    await world.tick(hours=0.02)
    assert states(await world.tick(hours=0.02)) == {"blockComputes": "taken", "blockJobs": "taking"}
    await said(world, "accept", up_to="1200")
    for _ in range(3):
        budget = await world.tick(hours=0.02)
    assert states(budget) == {}


async def test_what_is_accepted_has_a_ceiling(world: BudgetWorld) -> None:
    await world.spend("1010")
    await world.tick()
    await said(world, "accept", up_to="1000")
    assert states(await world.tick(hours=2.1)) == {}
    await world.spend("1210")
    assert states(await world.tick(hours=1)) == {"blockComputes": "announced", "blockJobs": "announced"}


async def test_what_azure_does_not_give_back_is_told_with_the_reason(world: BudgetWorld) -> None:
    budget = await world.tick()
    no = lambda: Conflict("ScopeLocked", "The scope is locked.")  # noqa: E731
    for arm_id in budget.made:
        world.azure.fail("DELETE", arm_id, no)
    await world.change(deleting=True, generation=2)
    budget = await world.tick()
    (told,) = [one for one in budget.conditions if one.type == "AzureBudgetStands"]
    assert (told.status, told.reason) == (ConditionStatus.FALSE, "CannotBeDeleted")
    assert told.message.count("ScopeLocked") == 2
    assert budget.due_at is not None
    world.azure.faults.clear()
    await tick_object(Budget.KIND, "workspace.ws", world.machines)
    assert await world.objects.get(Budget, "workspace.ws") is None


async def test_what_the_instance_was_decides_what_it_becomes(world: BudgetWorld) -> None:
    world.azure.body(world.compute("ada"))["properties"]["properties"]["state"] = "Stopped"
    await world.spend("1300")
    await world.tick()
    await world.tick(hours=2.1)
    await world.rule(monthly={"amount": 5000, "currency": "USD"})
    for _ in range(3):
        await world.tick(hours=0.1)
    assert world.instance() == "Stopped"


async def test_another_currency_compares_nothing(world: BudgetWorld) -> None:
    await world.spend("5000", currency="EUR")
    budget = await world.tick()
    assert (budget.crossings, budget.steps) == ((), ())
    told = next(one for one in budget.conditions if one.type == "WithinBudget")
    assert (told.status, "EUR" in told.message) == (ConditionStatus.UNKNOWN, True)


async def test_what_cannot_be_read_is_not_blocked_and_is_said(world: BudgetWorld) -> None:
    await world.spend("1300")
    await world.tick()
    no = lambda: Rejected("AuthorizationFailed", "No.", status=403)  # noqa: E731
    world.azure.fail("LIST", f"{world.known.workspace_id}/computes", no, times=99)
    budget = await world.tick(hours=2.1)
    jobs = next(one for one in budget.steps if one.act is Act.BLOCK_JOBS)
    assert jobs.state is StepState.TAKING
    assert jobs.undo == ()
    assert "AuthorizationFailed" in jobs.said[0]
    assert world.scale() == (1, 4)


async def test_a_tick_that_comes_late_announces_first(world: BudgetWorld) -> None:
    """Days without a tick, the clock set forward: what was not announced is not done."""
    await world.spend("1600")
    world.clock.advance(10 * 24 * 3600)
    await world.spend("1600")
    budget = await world.tick()
    assert set(states(budget).values()) == {"announced"}
    assert min(one.effective_at - one.announced_at for one in budget.steps) == timedelta(hours=2)


async def test_taken_away_it_gives_back_first(world: BudgetWorld) -> None:
    await world.spend("1300")
    await world.tick()
    await world.tick(hours=2.1)
    await world.change(deleting=True, generation=2)
    for _ in range(4):
        world.clock.advance(360)
        await tick_object(Budget.KIND, "workspace.ws", world.machines)
    assert await world.objects.get(Budget, "workspace.ws") is None
    assert world.policies() == []
    assert world.scale() == (1, 4)
    assert not [arm_id for arm_id in world.azure.resources if "/budgets/" in arm_id or "/actiongroups/" in arm_id]
