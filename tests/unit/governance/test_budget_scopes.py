"""What a budget enforces over workspaces that come, go, are made again or change hands, among others' things."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.arm import fold, group_id
from controlplane.audit.model import ENTRY, Kind
from controlplane.errors import Conflict, Transient
from controlplane.governance.budgets.judge import judge
from controlplane.governance.budgets.model import Budget, StepState
from controlplane.governance.budgets.tick import next_look
from controlplane.governance.costs.view import View
from controlplane.workspaces.effective import effective_spec
from tests.support.budget_scopes import FREE, HELD, SHARED, BudgetScopes
from tests.support.budget_world import CALLBACKS, SUBSCRIPTION

PROJECT = "project.churn"


@pytest.fixture
async def world() -> BudgetScopes:
    made = BudgetScopes()
    await made.start(PROJECT)
    await made.workspace("ws")
    await made.spent("ws", "1500")
    await made.settle(PROJECT, rounds=3)
    assert await made.stands("ws") == HELD
    return made


async def budget(world: BudgetScopes, scope: str = PROJECT) -> Budget:
    return (await world.objects.require(Budget, scope)).value


def assignment(name: str = "cp-budget-computes", group: str = "rg-ws") -> str:
    return f"{group_id(SUBSCRIPTION, group)}/providers/Microsoft.Authorization/policyAssignments/{name}"


async def test_a_workspace_that_comes_is_held_and_given_back(world: BudgetScopes) -> None:
    await world.workspace("later")
    await world.settle(PROJECT, rounds=1)
    assert await world.stands("later") == HELD
    await world.set(PROJECT, amount=9000)
    await world.settle(PROJECT, rounds=2)
    assert (await world.stands("ws"), await world.stands("later")) == (FREE, FREE)


async def test_a_workspace_that_is_made_again_is_noted_again(world: BudgetScopes) -> None:
    await world.vanish("ws")
    await world.settle(PROJECT, rounds=1)
    await world.workspace("ws", incarnation=2)
    await world.settle(PROJECT, rounds=1)
    assert await world.stands("ws") == HELD
    assert {one.incarnation for step in (await budget(world)).steps for one in step.undo} == {2}
    await world.set(PROJECT, amount=9000)
    await world.settle(PROJECT, rounds=2)
    assert await world.stands("ws") == FREE


async def test_one_that_goes_while_it_is_given_back_holds_up_nothing(world: BudgetScopes) -> None:
    await world.workspace("later")
    await world.settle(PROJECT, rounds=1)
    await world.vanish("ws")
    await world.set(PROJECT, amount=9000)
    await world.settle(PROJECT, rounds=2)
    assert await world.stands("later") == FREE
    assert (await budget(world)).steps == ()


async def test_a_project_that_changes_hands_gets_back_what_the_department_took() -> None:
    world, lab = BudgetScopes(), "department.lab"
    await world.start(lab)
    await world.register("lab", "other")
    await world.workspace("ws")
    await world.workspace("two", project="other")
    await world.spent("ws", "1500")
    await world.settle(lab, rounds=3)
    assert (await world.stands("ws"), await world.stands("two")) == (HELD, HELD)
    await world.register("sales", "other")
    await world.settle(lab, rounds=1)
    assert (await world.stands("ws"), await world.stands("two")) == (HELD, FREE)
    # Nobody is of the department any more: what it held is given back, what it had in Azure goes, and so does it.
    await world.register(None)
    await world.settle(lab, rounds=4)
    assert await world.stands("ws") == FREE
    assert await world.objects.get(Budget, lab) is None
    assert not [one for one in world.azure.resources if "/microsoft.consumption/budgets/" in one or "/cp-d" in one]


async def test_a_foreign_assignment_of_the_name_stays_and_is_said() -> None:
    world = BudgetScopes()
    await world.start(PROJECT)
    await world.workspace("ws")
    theirs: dict[str, Any] = {"enforcementMode": "DoNotEnforce", "metadata": {"assignedBy": "Somebody"}}
    world.azure.plant(assignment(), properties=dict(theirs))
    await world.spent("ws", "1500")
    await world.settle(PROJECT, rounds=3)
    step = (await budget(world)).steps[0]
    assert (step.state, "NotOurs" in step.said[0]) == (StepState.TAKING, True)
    assert (await world.stands("ws"))["nodes"] == 0
    await world.set(PROJECT, amount=9000)
    await world.settle(PROJECT, rounds=2)
    assert world.azure.body(assignment())["properties"] == theirs


@pytest.mark.parametrize(
    "change",
    [
        {"enforcementMode": "DoNotEnforce"},
        {"notScopes": [group_id(SUBSCRIPTION, "rg-ws")]},
        {"parameters": {"effect": {"value": "Audit"}}},
        None,
    ],
    ids=["switched off", "all left out", "audits", "removed"],
)
async def test_an_assignment_that_somebody_changed_is_written_back(
    world: BudgetScopes, change: dict[str, Any] | None
) -> None:
    before = dict(world.azure.body(assignment())["properties"])
    if change is None:
        del world.azure.resources[fold(assignment())]
    else:
        world.azure.body(assignment())["properties"].update(change)
    await world.settle(PROJECT, rounds=1)
    assert world.azure.body(assignment())["properties"] == before


async def test_new_deployments_of_an_endpoint_that_serves_are_denied_and_what_serves_is_left_out() -> None:
    world = BudgetScopes()
    await world.start(PROJECT)
    await world.workspace("ws")
    endpoint = world.known.workspace_id + "/onlineEndpoints/churn"
    world.azure.plant(endpoint, properties={})
    world.azure.plant(f"{endpoint}/deployments/blue", properties={})
    await world.spent("ws", "1500")
    await world.settle(PROJECT, rounds=3)
    out = {
        name: world.azure.body(assignment(f"cp-budget-{name}"))["properties"]["notScopes"]
        for name in ("endpoints", "deployments")
    }
    assert out == {"endpoints": [endpoint], "deployments": [f"{endpoint}/deployments/blue"]}


async def test_where_azure_is_away_the_others_go_on() -> None:
    world = BudgetScopes()
    await world.start(PROJECT)
    for name in ("one", "two"):
        await world.workspace(name)
    await world.spent("one", "1500")
    await world.look(PROJECT)
    away = lambda: Transient("ServiceUnavailable", "Later.", retry_after=1.0)  # noqa: E731
    for method in ("GET", "LIST", "PUT", "PATCH", "POST"):
        world.azure.fail(method, "/resourcegroups/rg-one/", away, times=1000)
    await world.settle(PROJECT, rounds=1)
    assert await world.stands("two") == HELD
    assert {one.state for one in (await budget(world)).steps} == {StepState.TAKING}
    world.azure.faults.clear()
    await world.settle(PROJECT, rounds=2)
    assert await world.stands("one") == HELD


async def test_how_many_nodes_run_is_unknown_and_nothing_is_cut(world: BudgetScopes) -> None:
    record = await world.workspace("later")
    inner = world._inner(f"{world.workspace_id(record)}/computes/gpu")
    del inner["currentNodeCount"]
    await world.settle(PROJECT, rounds=1)
    stands = await world.stands("later")
    assert (stands["nodes"], stands["limits"]) == (4, {})
    jobs = (await budget(world)).steps[1]
    assert any("does not say how many nodes run" in one for one in jobs.said)


async def test_an_azure_budget_of_the_name_is_somebody_elses() -> None:
    world = BudgetScopes()
    await world.start(PROJECT)
    await world.workspace("ws")
    theirs = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Consumption/budgets/cp-project-churn"
    world.azure.plant(theirs, properties={"amount": 5})
    found = await world.look(PROJECT)
    assert found is not None
    told = next(one for one in found.conditions if one.type == "AzureBudgetStands")
    assert (told.status.value, "not of ours" in told.message) == ("False", True)
    assert found.due_at == world.clock.now() + timedelta(minutes=10)
    stored = await world.objects.require(Budget, PROJECT)
    await world.change_of(stored, deleting=True, generation=2)
    await world.settle(PROJECT, rounds=2)
    assert await world.objects.get(Budget, PROJECT) is None
    assert world.azure.body(theirs)["properties"] == {"amount": 5}


async def test_a_subscription_that_is_left_keeps_no_budget(world: BudgetScopes) -> None:
    mine = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Consumption/budgets/cp-project-churn"
    assert fold(mine) in world.azure.resources
    await world.vanish("ws")
    world.clock.advance(7 * 3600)
    found = await world.look(PROJECT)
    assert found is not None
    assert fold(mine) not in world.azure.resources
    assert found.made == (fold(f"{SHARED}/providers/Microsoft.Insights/actionGroups/cp-project-churn"),)


async def test_a_repeated_tier_of_a_budget_that_was_made_again_is_told_again(world: BudgetScopes) -> None:
    reached = "Project churn: 100 % of the budget is reached"
    assert (await world.titles()).count(reached) == 1
    await world.change_of(await world.objects.require(Budget, PROJECT), deleting=True, generation=2)
    await world.settle(PROJECT, rounds=2)
    await world.set(PROJECT)
    await world.settle(PROJECT, rounds=1)
    assert (await world.titles()).count(reached) == 2


async def test_an_archived_workspace_holds_up_no_release(world: BudgetScopes) -> None:
    """Its computes went with the archive; what a restore makes is the spec's again."""
    stored = await world.workspaces.load("ws")
    assert stored is not None
    await world.workspaces.save_record(stored, stored.record.model_copy(update={"archived": True}))
    for one in [one for one in world.azure.resources if "/computes/" in one]:
        del world.azure.resources[one]
    await world.settle(PROJECT, rounds=1)
    await world.set(PROJECT, amount=9000)
    await world.settle(PROJECT, rounds=2)
    assert (await budget(world)).steps == ()
    after = await world.workspaces.load("ws")
    assert after is not None
    assert (dict(after.record.node_limits), after.record.frozen, after.record.archived) == ({}, False, True)
    assert not [one for one in world.azure.resources if "/policyassignments/" in one]


async def test_one_that_is_being_deleted_is_left_alone(world: BudgetScopes) -> None:
    stored = await world.workspaces.load("ws")
    assert stored is not None
    await world.workspaces.save_record(stored, stored.record.model_copy(update={"deleting": True}))
    del world.azure.resources[fold(assignment())]
    await world.settle(PROJECT, rounds=1)
    assert fold(assignment()) not in world.azure.resources
    assert {one.state for one in (await budget(world)).steps} == {StepState.TAKEN}


async def test_a_record_that_changes_at_the_same_time_is_limited_by_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = BudgetScopes()
    await world.start(PROJECT)
    await world.workspace("ws")
    await world.spent("ws", "1500")
    await world.look(PROJECT)
    save, times = world.workspaces.save_record, 2

    async def raced(*args: Any) -> Any:
        nonlocal times
        times -= 1
        if times >= 0:
            raise Conflict("UpdateConditionNotSatisfied", "Somebody was faster.")
        return await save(*args)

    monkeypatch.setattr(world.workspaces, "save_record", raced)
    await world.settle(PROJECT, rounds=1)
    # Not in Azure before it is in the record: a repair between the two would bring the nodes back.
    stands = await world.stands("ws")
    assert (stands["nodes"], stands["limits"], stands["frozen"]) == (4, {}, False)
    assert any("UpdateConditionNotSatisfied" in one for step in (await budget(world)).steps for one in step.said)
    await world.settle(PROJECT, rounds=1)
    assert await world.stands("ws") == HELD


async def test_a_fleet_at_rest_is_looked_at_every_six_hours_and_turns_the_month_in_ten_minutes() -> None:
    world = BudgetScopes()
    await world.start(PROJECT)
    await world.workspace("ws")
    found = await world.look(PROJECT)
    assert found is not None
    assert found.due_at == world.clock.now() + timedelta(hours=6)
    await world.spent("ws", "1500")
    found = await world.look(PROJECT)
    assert found is not None
    assert found.due_at == world.clock.now() + timedelta(minutes=10), "the notice"
    await world.settle(PROJECT, rounds=2)
    world.until("2026-11-30T23:59:00+00:00")
    turns = set()
    for number in range(50):
        one = (await budget(world)).model_copy(update={"id": f"project.p{number}", "steps": ()})
        judged = judge(one, View(month="2026-11"), world.clock.now())
        turns.add(next_look(one, (), judged, world.clock.now()))
    begin = datetime(2026, 12, 1, tzinfo=UTC)
    assert all(begin <= one < begin + timedelta(minutes=10) for one in turns)
    assert len(turns) > 40


def test_limits_hold_whatever_case_azure_names_a_cluster_in() -> None:
    record = BudgetScopes().record.model_copy(update={"node_limits": {"cpu": 2}})
    (cluster,) = effective_spec(record).compute.clusters
    assert (cluster.name, cluster.max_nodes, cluster.min_nodes) == ("cpu", 2, 1)
    spelt = {**record.spec, "compute": {"clusters": [{**record.spec["compute"]["clusters"][0], "name": "Cpu"}]}}
    (cluster,) = effective_spec(record.model_copy(update={"spec": spelt})).compute.clusters
    assert cluster.max_nodes == 2


async def test_what_is_ours_in_a_group_that_stays_goes_with_the_workspace() -> None:
    """The simulator keeps groups as Azure does: Application Insights' own action group is nobody's to delete, and a
    workspace of the same name comes back into a group that must not deny its computes."""
    world, scope = BudgetScopes(), "workspace.ws"
    await world.start()
    await world.workspace("ws")
    await world.set(scope)
    await world.spent("ws", "1500")
    await world.settle(scope, rounds=3)
    there = await budget(world, scope)
    ours = {*there.made, fold(assignment())}
    assert len(ours) == 3
    assert ours <= set(world.azure.resources)
    await world.vanish("ws", with_group=False)
    await world.settle(scope, rounds=1)
    assert await world.objects.get(Budget, scope) is None
    assert ours & set(world.azure.resources) == set()
    # A workspace that is made again has none: what it had is told.
    told = (await world.store.query(Kind.GOVERNANCE, prefix=ENTRY)).entities
    last = max((one.value for one in told), key=lambda entry: entry["sequence"])
    assert last["details"]["change"] == "gone with what it was about"
    assert last["details"]["rule"] == there.rule.model_dump(mode="json", by_alias=True)


async def test_the_denials_of_a_workspace_that_is_gone_go_with_it_where_its_group_stays(world: BudgetScopes) -> None:
    await world.vanish("ws", with_group=False)
    assert fold(assignment()) in world.azure.resources
    await world.settle(PROJECT, rounds=1)
    assert fold(assignment()) not in world.azure.resources
    await world.workspace("ws", incarnation=2)
    await world.settle(PROJECT, rounds=2)
    assert await world.stands("ws") == HELD


async def test_a_projects_budget_names_the_setting_that_it_lacks() -> None:
    made = BudgetScopes()
    made.deps = replace(made.deps, callbacks=CALLBACKS)
    made.remake()
    await made.start(PROJECT)
    await made.workspace("ws")
    await made.settle(PROJECT, rounds=1)
    (said,) = [one.message for one in (await budget(made)).conditions if one.type == "AzureBudgetStands"]
    assert said.startswith("CONTROLPLANE_SHARED_GROUP_ID is not set, the resource group")
    assert "no workspace yet" not in said
