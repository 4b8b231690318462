"""Free cores (D24): asked when a run would follow; without any it waits, and what nobody knows is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.retraining.capacity import LOCATIONS, room_of
from controlplane.retraining.model import CheckName, Decision, Outcome, Verdict
from controlplane.retraining.policy import Pipeline
from controlplane.retraining.signals.intake import hear
from tests.support.fake_azure_parts import Fault
from tests.support.retraining_world import PIPELINE, SUBSCRIPTION, RetrainingWorld

POLICY: dict[str, Any] = {
    "windows": {"breaches": 1, "of": 1, "minimumSeen": 1}, "agreement": "none", "approval": {"required": False},
    "quietHours": [],
}  # fmt: skip
REGION = f"/subscriptions/{SUBSCRIPTION}/providers/{LOCATIONS}/westeurope"
FAMILY = "standardDSv2Family"


def usage(world: RetrainingWorld, name: str, tier: str, used: int | None, limit: int) -> None:
    told = {"name": {"value": name}, "type": f"Microsoft.MachineLearningServices/vmFamily/{tier}/usages"}
    world.azure.plant(f"{REGION}/usages/{name}-{tier}", currentValue=used, limit=limit, **told)


def cluster(world: RetrainingWorld, **changes: Any) -> None:
    inner = {
        "vmSize": "STANDARD_DS3_V2", "vmPriority": "Dedicated", "currentNodeCount": 0,
        "scaleSettings": {"maxNodeCount": 4}, "nodeStateCounts": {"idleNodeCount": 0}, **changes,
    }  # fmt: skip
    path = f"{world.known.workspace_id}/computes/cpu"
    properties = {"computeType": "AmlCompute", "properties": inner}
    world.azure.plant(path, location="West Europe", properties=properties)
    world.azure.plant(f"{REGION}/vmSizes/Standard_DS3_v2", family=FAMILY, vCPUs=4)


def quota(
    world: RetrainingWorld, *, region: tuple[int | None, int] = (0, 100), family: tuple[int, int] = (0, 100)
) -> None:
    usage(world, "TotalDedicatedCores", "dedicatedCores", *region)
    usage(world, "TotalLowPriorityCores", "lowPriorityCores", 0, 100)
    usage(world, FAMILY, "lowPriorityCores", 0, -1)
    usage(world, FAMILY, "dedicatedCores", *family)


async def decided(world: RetrainingWorld) -> Decision:
    await world.begin(POLICY)
    await hear(world.intake, world.breach("step"))
    await world.tick()
    return (await world.decisions())[0]


def answer(decision: Decision) -> tuple[Verdict, str]:
    (check,) = [one for one in decision.checks if one.name is CheckName.CAPACITY]
    return check.verdict, check.sentence


@pytest.mark.parametrize("full", [{"region": (98, 100)}, {"family": (97, 100)}])
async def test_without_free_cores_it_waits_and_is_decided_again(full: dict[str, Any]) -> None:
    world = RetrainingWorld()
    cluster(world)
    quota(world, **full)
    decision = await decided(world)
    assert (decision.outcome, decision.reason) == (Outcome.HOLD, "NoCapacity")
    assert decision.until == decision.at + timedelta(hours=1)
    quota(world)
    await world.clock.sleep(3600)
    await world.tick()
    latest = (await world.decisions())[0]
    assert (latest.outcome, answer(latest)[0]) == (Outcome.SUBMIT, Verdict.HOLDS)
    assert "needs 4 cores; 100 of the quota are free" in answer(latest)[1]


async def test_a_workspace_s_share_of_a_family_counts_too() -> None:
    world = RetrainingWorld()
    cluster(world)
    quota(world)
    share, name = f"{world.known.workspace_id}/usages/x", "Standard_DSv2_Family_Cluster_Dedicated_vCPUs"
    world.azure.plant(f"{REGION}/usages/share", currentValue=0, limit=2, type="share", name={"value": name})
    world.azure.resources[f"{REGION}/usages/share".lower()]["id"] = share
    assert (await decided(world)).reason == "NoCapacity"


async def test_a_cluster_that_may_have_no_node_waits_although_cores_are_free() -> None:
    """As a budget that blocks jobs leaves it."""
    world = RetrainingWorld()
    cluster(world, scaleSettings={"maxNodeCount": 0})
    quota(world)
    decision = await decided(world)
    assert (decision.outcome, decision.reason) == (Outcome.HOLD, "NoCapacity")
    assert "cluster cpu may have no node (maxNodeCount 0)" in answer(decision)[1]
    cluster(world)
    await world.clock.sleep(3600)
    await world.tick()
    assert (await world.decisions())[0].outcome is Outcome.SUBMIT


async def test_a_cluster_with_an_idle_node_or_with_all_of_its_nodes_asks_for_no_quota() -> None:
    for changes in ({"nodeStateCounts": {"idleNodeCount": 1}}, {"currentNodeCount": 4}):
        world = RetrainingWorld()
        cluster(world, **changes)
        quota(world, region=(100, 100))
        decision = await decided(world)
        assert (decision.outcome, answer(decision)[0]) == (Outcome.SUBMIT, Verdict.HOLDS)


async def test_nodes_of_low_priority_have_a_quota_of_their_own() -> None:
    world = RetrainingWorld()
    cluster(world, vmPriority="LowPriority")
    quota(world, region=(100, 100))
    assert (await decided(world)).outcome is Outcome.SUBMIT


@pytest.mark.parametrize("why", ["compute", "size", "count", "right"])
async def test_what_nobody_knows_is_said_and_never_fine(why: str) -> None:
    """Azure ML queues a job that has no cores, so that it goes on all the same."""
    world = RetrainingWorld()
    if why != "compute":
        cluster(world, **({"vmSize": "Standard_New"} if why == "size" else {}))
    quota(world, region=(None if why == "count" else 0, 100))
    if why == "right":
        refusal = Fault("LIST", "/usages", lambda: Rejected("AuthorizationFailed", "No.", status=403))
        world.azure.faults.append(refusal)
    decision = await decided(world)
    verdict, sentence = answer(decision)
    assert (decision.outcome, verdict) == (Outcome.SUBMIT, Verdict.UNKNOWN)
    assert sentence.startswith("Nobody knows whether cores are free") and sentence.endswith("queues the job.")


@pytest.mark.parametrize("name", ["${{parent.inputs.cluster}}", "..", "azureml:..", "a b"])
async def test_what_names_no_compute_is_said_and_keeps_no_decision(name: str) -> None:
    world = RetrainingWorld()
    cluster(world)
    quota(world)
    path = f"{world.known.workspace_id}/components/retrain/versions/3"
    world.azure.plant(path, properties={"componentSpec": {"jobs": {"train": {"computeId": name}}}})
    room = await room_of(world.azure, world.known, Pipeline.model_validate({**PIPELINE, "compute": None}))
    assert (room.free, room.needed) == (None, None)
    assert str(room.doubt).endswith("names no compute.")


async def test_a_signal_that_trains_nothing_asks_for_no_quota() -> None:
    world = RetrainingWorld()
    cluster(world)
    await world.begin({**POLICY, "mode": "disabled"})
    await hear(world.intake, world.breach("step"))
    await world.tick()
    assert not [one for one in world.azure.calls if "/locations/" in one.path or "/computes/" in one.path]


async def test_serverless_asks_for_what_the_region_has_left_and_a_component_names_its_own() -> None:
    world = RetrainingWorld()
    world.record = world.record.model_copy(update={"spec": {**world.record.spec, "location": "westeurope"}})
    cluster(world)
    quota(world, region=(100, 100))
    asked = Pipeline.model_validate({**PIPELINE, "compute": "serverless"})
    room = await room_of(world.azure, world.known, asked)
    assert (room.free, room.needed, room.doubt) == (0, 1, None)
    path = f"{world.known.workspace_id}/components/retrain/versions/3"
    steps = {"train": {"computeId": f"{world.known.workspace_id}/computes/cpu"}, "test": {"compute": "azureml:cpu"}}
    world.azure.plant(path, properties={"componentSpec": {"jobs": steps}})
    room = await room_of(world.azure, world.known, Pipeline.model_validate({"name": "retrain", "version": "3"}))
    assert (room.free, room.needed) == (0, 4)
    world.azure.plant(path, properties={"componentSpec": {}})
    room = await room_of(world.azure, world.known, Pipeline.model_validate({"name": "retrain", "version": "3"}))
    assert room.doubt is not None


def share(world: RetrainingWorld, family: str, limit: int) -> None:
    path = f"{REGION}/usages/share-{family}"
    about = {"type": "Microsoft.MachineLearningServices/workspaces/dedicatedCores/usages", "name": {"value": family}}
    world.azure.plant(path, currentValue=0, limit=limit, **about)
    world.azure.resources[path.lower()]["id"] = f"{world.known.workspace_id}/usages/{family}"


@pytest.mark.parametrize(
    ("shares", "free"),
    [
        ({}, 100),
        ({FAMILY: 0}, 60),
        ({FAMILY: 0, "standardNCFamily": 0}, 0),
        ({FAMILY: 8, "standardNCFamily": 0}, 8),
    ],
)
async def test_serverless_takes_the_family_that_has_the_most_left(shares: dict[str, int], free: int) -> None:
    """Azure ML chooses the size. With each of the workspace's shares at 0, as a budget leaves them, none is left."""
    world = RetrainingWorld()
    world.record = world.record.model_copy(update={"spec": {**world.record.spec, "location": "westeurope"}})
    quota(world, region=(0, 200))
    usage(world, "standardNCFamily", "dedicatedCores", 40, 100)
    for family, limit in shares.items():
        share(world, family, limit)
    asked = Pipeline.model_validate({**PIPELINE, "compute": "serverless"})
    room = await room_of(world.azure, world.known, asked)
    assert (room.free, room.needed, room.doubt) == (free, 1, None)


async def test_serverless_with_a_family_that_nobody_counts_goes_by_the_region() -> None:
    world = RetrainingWorld()
    world.record = world.record.model_copy(update={"spec": {**world.record.spec, "location": "westeurope"}})
    quota(world, region=(30, 100))
    usage(world, "standardNCFamily", "dedicatedCores", None, 100)
    share(world, FAMILY, 0)
    room = await room_of(world.azure, world.known, Pipeline.model_validate({**PIPELINE, "compute": "serverless"}))
    assert (room.free, room.needed, room.doubt) == (70, 1, None)
