"""Quotas of a workspace under a budget that blocks jobs: lowered to what runs, to 0 at last; what comes back is what
stood, or what somebody made of it; what no quota holds is said, and holds up nothing."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.errors import ControlPlaneError, Rejected, Transient
from controlplane.governance.budgets.model import Act, Step, StepState
from tests.support.budget_scopes import FREE, HELD, LIMITS, BudgetScopes
from tests.support.budget_world import SUBSCRIPTION
from tests.support.fake_quotas import quotas_of

SCOPE = "project.churn"
DS, FS = "standardDSv2Family", "standardFSv2Family"
LOCATION = "/locations/westeurope"
HARD = {"amount": 1000, "tiers": [{"at": 50}, {"at": 100, "act": "blockJobs"}]}


@pytest.fixture
async def world() -> BudgetScopes:
    """Everything is announced, nothing is taken."""
    made = BudgetScopes()
    await made.start()
    await made.set(SCOPE, **HARD)
    await made.workspace("ws")
    await made.spent("ws", "1500")
    await made.look(SCOPE)
    return made


async def looked(world: BudgetScopes, times: int = 1) -> Step:
    """The step, after so many looks."""
    found = None
    for _ in range(times):
        found = await world.look(SCOPE, minutes=11)
    assert found is not None
    return next(one for one in found.steps if one.act is Act.BLOCK_JOBS)


async def limits(world: BudgetScopes, name: str = "ws") -> dict[str, int]:
    found: dict[str, int] = (await world.stands(name))["quotas"]
    return found


async def released(world: BudgetScopes) -> dict[str, int]:
    await world.set(SCOPE, **{**HARD, "amount": 9000})
    await world.settle(SCOPE, rounds=2)
    found = await world.look(SCOPE)
    assert found is not None
    assert found.steps == ()
    return await limits(world)


def row(world: BudgetScopes, family: str) -> dict[str, Any]:
    """Of the workspace."""
    ending = f"/quotas/{fold(family)}"
    (found,) = (one for key, one in world.azure.resources.items() if "/workspaces/" in key and key.endswith(ending))
    return found


def whole(world: BudgetScopes, family: str) -> dict[str, Any]:
    return world.azure.resources[f"/subscriptions/{SUBSCRIPTION}/quotas/{fold(family)}"]


def cluster(world: BudgetScopes, **changes: Any) -> None:
    world.azure.body("/computes/gpu")["properties"]["properties"].update(changes)


def refused(code: str, status: int) -> Any:
    def error() -> ControlPlaneError:
        return Rejected(code, "No.", status=status) if status < 500 else Transient(code, "Later.", retry_after=1.0)

    return error


def calls(world: BudgetScopes, ending: str) -> int:
    return sum(1 for one in world.azure.calls if one.path.endswith(ending))


async def test_they_are_lowered_and_come_back_as_they_stood(world: BudgetScopes) -> None:
    step = await looked(world, 2)
    assert (await limits(world), step.state) == (dict.fromkeys(LIMITS, 0), StepState.TAKEN)
    (undo,) = (one for one in step.undo if one.kind == "quota")
    assert undo.done
    assert undo.before == {
        DS: {"limit": 16, "whole": False, "set": 0},
        FS: {"limit": 24, "whole": True, "set": 0},
    }
    assert any("low priority" in one for one in step.said)
    assert await released(world) == LIMITS


async def test_with_the_nodes_that_run_they_go_to_nothing(world: BudgetScopes) -> None:
    cluster(world, currentNodeCount=3)
    step = await looked(world, 2)
    assert (await limits(world))[DS] == 12
    assert (await limits(world))[FS] == 0
    assert step.state is StepState.TAKING
    assert any(f"12 of {DS}" in one for one in step.said)
    cluster(world, currentNodeCount=1)
    await looked(world)
    assert (await limits(world))[DS] == 4
    cluster(world, currentNodeCount=0)
    assert (await looked(world, 2)).state is StepState.TAKEN
    assert (await limits(world))[DS] == 0
    assert await released(world) == LIMITS


async def test_nodes_of_low_priority_take_nothing_of_them(world: BudgetScopes) -> None:
    cluster(world, currentNodeCount=3, vmPriority="LowPriority")
    await looked(world)
    assert (await limits(world))[DS] == 0


async def test_an_instance_holds_its_cores_until_it_stands_still(world: BudgetScopes) -> None:
    world.azure.body("/computes/ada")["properties"]["properties"]["vmSize"] = "Standard_DS3_v2"
    await looked(world)
    assert (await limits(world))[DS] == 4
    await looked(world)
    assert (await limits(world))[DS] == 0


@pytest.mark.parametrize("size", ["Standard_Unheard_Of", None])
async def test_whose_cores_are_unknown_keeps_its_quotas(world: BudgetScopes, size: str | None) -> None:
    cluster(world, currentNodeCount=1, vmSize=size)
    step = await looked(world, 2)
    assert (await limits(world), step.state) == (LIMITS, StepState.TAKING)
    assert any("of which family" in one for one in step.said)


def deploy(world: BudgetScopes, size: str = "Standard_DS3_v2") -> None:
    endpoint = f"{row(world, DS)['id'].partition('/quotas/')[0]}/onlineEndpoints/serve"
    world.azure.plant(endpoint)
    properties = {"instanceType": size, "endpointComputeType": "Managed"}
    world.azure.plant(f"{endpoint}/deployments/blue", properties=properties)


async def test_what_serves_keeps_its_quota(world: BudgetScopes) -> None:
    deploy(world)
    step = await looked(world, 2)
    assert (await limits(world), step.state) == ({**dict.fromkeys(LIMITS, 0), DS: 16}, StepState.TAKEN)
    assert any(f"on {DS} are not blocked: online endpoints" in one for one in step.said)
    assert await released(world) == LIMITS


async def test_what_begins_to_serve_gets_its_quota_back(world: BudgetScopes) -> None:
    await looked(world, 2)
    deploy(world)
    step = await looked(world, 2)
    assert ((await limits(world))[DS], step.state) == (16, StepState.TAKEN)
    assert await released(world) == LIMITS


async def test_what_somebody_raises_is_lowered_again_and_comes_back(world: BudgetScopes) -> None:
    await looked(world, 2)
    row(world, DS)["limit"] = 20
    await looked(world, 2)
    assert (await limits(world))[DS] == 0
    assert await released(world) == {**LIMITS, DS: 20}


@pytest.mark.parametrize("limit", [3, 20])
async def test_what_somebody_raised_since_the_last_look_stays(world: BudgetScopes, limit: int) -> None:
    await looked(world, 2)
    row(world, DS)["limit"] = limit
    assert await released(world) == {**LIMITS, DS: limit}


async def test_the_whole_of_the_subscriptions_is_todays(world: BudgetScopes) -> None:
    await looked(world, 2)
    whole(world, FS)["limit"] = 48
    whole(world, DS)["limit"] = 10
    assert await released(world) == {**LIMITS, FS: 48, DS: 10}


@pytest.mark.parametrize(("method", "path"), [("LIST", f"{LOCATION}/quotas"), ("POST", "updateQuotas")])
async def test_without_the_right_the_rest_is_blocked_and_it_is_said(
    world: BudgetScopes, method: str, path: str
) -> None:
    world.azure.fail(method, path, refused("AuthorizationFailed", 403), times=99)
    step = await looked(world, 2)
    assert (await limits(world), step.state) == (LIMITS, StepState.TAKEN)
    assert (await world.stands("ws"))["nodes"] == 0
    (told,) = (one for one in step.said if "infra/role-operator-quota.json" in one)
    assert "AuthorizationFailed" in told
    assert await released(world) == LIMITS


async def test_a_right_that_is_taken_away_holds_up_the_release_of_nothing_else(world: BudgetScopes) -> None:
    await looked(world, 2)
    world.azure.fail("POST", "updateQuotas", refused("AuthorizationFailed", 403), times=99)
    await world.set(SCOPE, **{**HARD, "amount": 9000})
    step = await looked(world)
    assert step.state is StepState.RELEASING
    assert [one.kind for one in step.undo] == ["quota"]
    assert any("not given back: AuthorizationFailed" in one for one in step.said)
    assert {**await world.stands("ws"), "quotas": LIMITS} == FREE
    world.azure.faults.clear()
    await world.settle(SCOPE, rounds=2)
    assert await limits(world) == LIMITS


@pytest.mark.parametrize(("method", "path"), [("LIST", f"{LOCATION}/quotas"), ("POST", "updateQuotas")])
async def test_where_azure_is_away_the_next_look_does_it(world: BudgetScopes, method: str, path: str) -> None:
    world.azure.fail(method, path, refused("ServiceUnavailable", 503))
    step = await looked(world)
    assert (await limits(world), step.state) == (LIMITS, StepState.TAKING)
    assert any("ServiceUnavailable" in one for one in step.said)
    assert (await looked(world, 2)).state is StepState.TAKEN
    assert await limits(world) == dict.fromkeys(LIMITS, 0)


@pytest.mark.parametrize("releasing", [False, True], ids=["taking", "releasing"])
async def test_an_answer_that_is_lost_is_read_back(world: BudgetScopes, releasing: bool) -> None:
    if releasing:
        await looked(world, 2)
    world.azure.lose_answer("POST", LOCATION)
    if not releasing:
        assert (await looked(world, 2)).state is StepState.TAKEN
        assert await limits(world) == dict.fromkeys(LIMITS, 0)
    assert await released(world) == LIMITS


async def test_what_a_cluster_keeps_at_least_is_waited_for(world: BudgetScopes) -> None:
    row(world, DS)["kept"] = 4
    step = await looked(world, 2)
    assert ((await limits(world))[DS], (await limits(world))[FS], step.state) == (16, 0, StepState.TAKING)
    assert any(f"{DS} are not blocked: InvalidQuotaBelowClusterMinimum" in one for one in step.said)
    row(world, DS)["kept"] = 0
    assert (await looked(world, 2)).state is StepState.TAKEN
    assert (await limits(world))[DS] == 0


async def test_what_has_no_quota_of_its_own_is_said(world: BudgetScopes) -> None:
    for one in quotas_of(world.azure.resources, f"/subscriptions/{SUBSCRIPTION}/providers/x"):
        if "/workspaces/" in one:
            del world.azure.resources[one]
    step = await looked(world)
    assert step.state is StepState.TAKEN
    assert "ws: serverless jobs are not blocked: Azure shows no quota of its own for it." in step.said


async def test_a_family_without_a_limit_is_left_and_said(world: BudgetScopes) -> None:
    row(world, DS)["limit"] = -1
    step = await looked(world, 2)
    assert ((await limits(world))[DS], (await limits(world))[FS], step.state) == (-1, 0, StepState.TAKEN)
    assert f"ws: serverless jobs on {DS} are not blocked: no limit is set for them." in step.said


async def test_one_call_for_all_of_a_region_and_none_where_all_stands(world: BudgetScopes) -> None:
    for name in ("two", "three"):
        await world.workspace(name)
    world.azure.calls.clear()
    await looked(world)
    assert (calls(world, f"{LOCATION}/quotas"), calls(world, "updateQuotas")) == (1, 1)
    assert [sum((await limits(world, name)).values()) for name in ("ws", "two", "three")] == [0, 0, 0]
    await looked(world)
    world.azure.calls.clear()
    await looked(world)
    assert (calls(world, f"{LOCATION}/quotas"), calls(world, "updateQuotas"), calls(world, "/vmSizes")) == (1, 0, 0)
    world.azure.calls.clear()
    await world.set(SCOPE, **{**HARD, "amount": 9000})
    await looked(world)
    assert (calls(world, f"{LOCATION}/quotas"), calls(world, "updateQuotas")) == (1, 1)


async def test_quotas_are_back_before_a_cluster_keeps_nodes_again() -> None:
    """Azure refuses a minimum of nodes above the quota: `ClusterMinNodesExceedCoreQuota`."""
    world = BudgetScopes()
    await world.start(SCOPE)
    await world.workspace("ws")
    await world.spent("ws", "1500")
    await world.settle(SCOPE, rounds=3)
    assert await world.stands("ws") == HELD
    world.azure.calls.clear()
    await world.set(SCOPE, amount=9000)
    await world.settle(SCOPE, rounds=2)
    written = [one.path.rpartition("/")[2] for one in world.azure.calls if one.method in ("POST", "PATCH")]
    assert written.index("updateQuotas") < min(written.index("gpu"), written.index("start"))
    assert await world.stands("ws") == FREE
