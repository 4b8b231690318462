"""Infrastructure signals: one bounded step, once, within limits, read back; or a task for people. Never a training."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import Conflict, Rejected
from controlplane.retraining.remediation.model import Remediation, RemediationPolicy
from controlplane.retraining.signal import Evidence, Signal, SignalKind, Source, signal_id
from controlplane.retraining.tasks import Task, TaskKind, TaskState
from tests.support.retraining_world import RetrainingWorld

LIMITS = {"maxInstances": 3, "maxNodes": 6}


def ids(world: RetrainingWorld) -> dict[str, str]:
    workspace = world.known.workspace_id
    endpoint = f"{workspace}/onlineEndpoints/ep"
    blue = f"{endpoint}/deployments/blue"
    return {"workspace": workspace, "endpoint": endpoint, "blue": blue, "cluster": f"{workspace}/computes/cpu"}


def plant(world: RetrainingWorld, count: int = 1, *, state: str = "Succeeded", scale: str = "Default") -> None:
    """An endpoint whose traffic goes to `blue`, and a cluster."""
    where = ids(world)
    world.azure.plant(where["endpoint"], properties={"traffic": {"green": 0, "blue": 100}})
    serving = {"provisioningState": state, "scaleSettings": {"scaleType": scale}}
    world.azure.plant(where["blue"], sku={"name": "Default", "capacity": count}, properties=serving)
    nodes = {"minNodeCount": 0, "maxNodeCount": count, "nodeIdleTimeBeforeScaleDown": "PT5M"}
    cluster = {"computeType": "AmlCompute", "provisioningState": state, "properties": {"scaleSettings": nodes}}
    world.azure.plant(where["cluster"], properties=cluster)


async def heard(
    world: RetrainingWorld, target: str = "endpoint", kind: SignalKind = SignalKind.LATENCY, key: str = "k"
) -> Task:
    """A signal that a poll has read back, with its ticks; the task that it opened."""
    now = world.clock.now()
    signal = Signal(
        id=signal_id("ws", key), due_at=now, workspace="ws", project="churn", kind=kind, source=Source.POLL,
        dedupe_key=key, observed_at=now, received_at=now, target=ids(world).get(target, target),
        evidence=Evidence(read_back=True, summary="P95 was 2000 ms."),
    )  # fmt: skip
    await world.add(signal)
    await world.tick()
    return (await world.objects.require(Task, signal.id)).value


async def allowed(world: RetrainingWorld, limits: dict[str, Any] | None = LIMITS) -> None:  # type: ignore[assignment]
    await world.begin()
    await world.register()
    if limits is not None:
        policy = RemediationPolicy.model_validate(limits)
        await world.add(Remediation(id="ws", incarnation=1, project="churn", policy=policy, generation=1))


async def settled(world: RetrainingWorld, task: Task) -> Task:
    """After Azure has had time."""
    world.clock.advance(31)
    await world.tick()
    return (await world.objects.require(Task, task.id)).value


def capacity(world: RetrainingWorld) -> int:
    count: int = world.azure.body("/ep/deployments/blue")["sku"]["capacity"]
    return count


def patches(world: RetrainingWorld) -> int:
    return sum(one.method == "PATCH" and one.status == "ok" for one in world.azure.calls)


async def test_slow_endpoint_gets_one_instance_and_nothing_is_trained() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    task = await settled(world, await heard(world))
    assert (task.kind, task.state, capacity(world), patches(world)) == (TaskKind.SCALE_ENDPOINT, TaskState.DONE, 2, 1)
    assert task.action is not None
    assert (task.action.before, task.action.after, task.action.limit) == (1, 2, 3)
    assert await world.runs() == ()
    assert world.ml.jobs == {}


@pytest.mark.parametrize(
    ("requirement", "workload", "kind", "expected"),
    [
        pytest.param("S3-37", "classical", SignalKind.LATENCY, TaskKind.SCALE_ENDPOINT, id="S3-37"),
        pytest.param("S3-44", "cv", SignalKind.LATENCY, TaskKind.SCALE_ENDPOINT, id="S3-44"),
        pytest.param("S3-91", "classical", SignalKind.UNUSED, TaskKind.RETIRE, id="unused"),
    ],
)
async def test_react(requirement: str, workload: str, kind: SignalKind, expected: TaskKind) -> None:
    world = RetrainingWorld(workload=workload)
    plant(world)
    await allowed(world)
    assert (await heard(world, kind=kind)).kind is expected, requirement


async def test_an_unused_endpoint_is_only_a_question() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    task = await heard(world, kind=SignalKind.UNUSED)
    assert (task.state, task.action, task.due_at, world.azure.writes()) == (TaskState.OPEN, None, None, [])


@pytest.mark.parametrize(
    ("kind", "target", "changes", "limits", "says"),
    [
        (SignalKind.ERRORS, "endpoint", {}, LIMITS, "no step that would help"),
        (SignalKind.THROTTLING, "endpoint", {}, LIMITS, "no step that would help"),
        (SignalKind.LATENCY, "endpoint", {}, None, "Nobody has allowed"),
        (SignalKind.LATENCY, "endpoint", {}, {**LIMITS, "mode": "disabled"}, "Nobody has allowed"),
        (SignalKind.LATENCY, "endpoint", {}, {**LIMITS, "mode": "dryRun"}, "From 1 to 2 instances"),
        (SignalKind.LATENCY, "endpoint", {}, {"maxNodes": 6}, "no limit of instances"),
        (SignalKind.LATENCY, "endpoint", {"count": 3}, LIMITS, "3 is the remediation policy's limit"),
        (SignalKind.LATENCY, "endpoint", {"count": 9}, LIMITS, "It has 9 instances"),
        (SignalKind.LATENCY, "endpoint", {"state": "Updating"}, LIMITS, "It is Updating"),
        (SignalKind.LATENCY, "endpoint", {"scale": "TargetUtilization"}, LIMITS, "rules of its own"),
        (SignalKind.LATENCY, "workspace", {}, LIMITS, "nothing that could be scaled"),
        (SignalKind.LATENCY, "/subscriptions/x/resourceGroups/other", {}, LIMITS, "nothing inside the workspace"),
    ],
)
async def test_what_is_not_allowed_or_not_known_is_for_people(
    kind: SignalKind, target: str, changes: dict[str, Any], limits: dict[str, Any] | None, says: str
) -> None:
    world = RetrainingWorld()
    plant(world, **changes)
    await allowed(world, limits)
    task = await heard(world, target, kind)
    assert (task.kind, task.state, patches(world)) == (TaskKind.PLATFORM, TaskState.OPEN, 0)
    assert says in task.text, task.text


@pytest.mark.parametrize("target", ["endpoint", "cluster"])
async def test_where_nobody_registered_the_project_nothing_is_scaled(target: str) -> None:
    world = RetrainingWorld()
    plant(world)
    await world.begin()
    policy = RemediationPolicy.model_validate(LIMITS)
    await world.add(Remediation(id="ws", incarnation=1, project="churn", policy=policy, generation=1))
    task = await heard(world, target, SignalKind.UTILISATION)
    assert (task.kind, patches(world)) == (TaskKind.PLATFORM, 0)
    assert "0 is the project's limit" in task.text


@pytest.mark.parametrize(("most", "state"), [(5, TaskState.OPEN), (6, TaskState.DONE)])
async def test_what_a_lead_allows_is_bounded_by_the_project_for_all_deployments_together(
    most: int, state: TaskState
) -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world, {"maxInstances": 100})
    await world.register(max_instances=most)
    other = f"{ids(world)['workspace']}/onlineEndpoints/other"
    world.azure.plant(other, properties={"traffic": {}})
    world.azure.plant(f"{other}/deployments/x", sku={"name": "Default", "capacity": 3})
    world.azure.plant(f"{ids(world)['endpoint']}/deployments/green", sku={"name": "Default"})
    task = await settled(world, await heard(world))
    assert (task.state, capacity(world)) == (state, 2 if state is TaskState.DONE else 1)
    assert f"{most - 4} is the project's limit" in task.text


async def test_a_second_signal_meets_the_cooldown_of_the_first() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    await settled(world, await heard(world))
    second = await heard(world, "blue", SignalKind.UTILISATION, "k2")
    assert (second.kind, capacity(world)) == (TaskKind.PLATFORM, 2)
    assert "the next step of ours is possible" in second.text
    world.clock.advance(timedelta(hours=1).total_seconds())
    third = await settled(world, await heard(world, "blue", SignalKind.UTILISATION, "k3"))
    assert (third.state, capacity(world)) == (TaskState.DONE, 3)


async def test_a_cluster_of_the_spec_grows_no_further_than_the_spec() -> None:
    world = RetrainingWorld()
    world.record = world.record.model_copy(
        update={
            "spec": {
                **world.record.spec,
                "compute": {"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 2}]},
            }
        }
    )
    plant(world)
    await allowed(world)
    first = await settled(world, await heard(world, "cluster", SignalKind.UTILISATION))
    settings = world.azure.body("/computes/cpu")["properties"]["properties"]["scaleSettings"]
    assert (first.state, settings["maxNodeCount"], settings["nodeIdleTimeBeforeScaleDown"]) == ("done", 2, "PT5M")
    world.clock.advance(timedelta(hours=1).total_seconds())
    second = await heard(world, "cluster", SignalKind.UTILISATION, "k2")
    assert "2 is its spec's limit" in second.text


async def test_a_lost_answer_is_read_back_and_not_a_second_step() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    world.azure.lose_answer("PATCH", "/ep/deployments/blue")
    task = await heard(world)
    assert (task.state, capacity(world)) == (TaskState.ACTING, 2)
    world.clock.advance(60)
    await world.tick()
    task = (await world.objects.require(Task, task.id)).value
    assert (task.state, capacity(world), patches(world)) == (TaskState.DONE, 2, 0)


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (lambda: Rejected("OutOfQuota", "Not enough quota.", status=400), TaskState.FAILED, "OutOfQuota"),
        (lambda: Conflict("ResourceBusy", "Being updated."), TaskState.DONE, None),
    ],
)
async def test_what_azure_refuses_is_told_and_what_is_busy_is_tried_again(
    error: Callable[[], Any], state: TaskState, code: str | None
) -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    world.azure.fail("PATCH", "/ep/deployments/blue", error)
    task = await heard(world)
    world.clock.advance(60)
    await world.tick()
    task = await settled(world, task)
    assert (task.state, task.error.code if task.error else None) == (state, code)


async def test_a_count_that_somebody_else_sets_stays() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    world.azure.fail("PATCH", "/ep/deployments/blue", lambda: Conflict("ResourceBusy", "Being updated."))
    task = await heard(world)
    world.azure.body("/ep/deployments/blue")["sku"]["capacity"] = 7
    world.clock.advance(60)
    task = await settled(world, task)
    assert (task.state, task.error.code if task.error else None, capacity(world)) == ("failed", "ChangedByOthers", 7)


async def test_a_step_that_does_not_come_fails_in_time() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    task = await heard(world)
    world.azure.body("/ep/deployments/blue")["properties"]["provisioningState"] = "Updating"
    task = await settled(world, task)
    assert task.state is TaskState.ACTING
    world.clock.advance(timedelta(hours=2).total_seconds())
    task = await settled(world, task)
    assert (task.state, task.error.code if task.error else None) == (TaskState.FAILED, "DeadlineExceeded")


async def test_policies_of_an_earlier_workspace_allow_nothing() -> None:
    world = RetrainingWorld()
    plant(world)
    await world.begin()
    policy = RemediationPolicy.model_validate(LIMITS)
    await world.add(Remediation(id="ws", incarnation=0, project="churn", policy=policy))
    assert (await heard(world)).kind is TaskKind.PLATFORM


@pytest.mark.parametrize(
    ("target", "kind", "changes", "says"),
    [
        ("cluster", SignalKind.UTILISATION, {"node_limits": {"cpu": 0}}, "A budget holds it at 0 nodes"),
        ("endpoint", SignalKind.LATENCY, {"frozen": True}, "A budget has frozen the workspace"),
    ],
    ids=["cluster", "deployment"],
)
async def test_what_a_budget_holds_is_not_scaled_up(
    target: str, kind: SignalKind, changes: dict[str, Any], says: str
) -> None:
    world = RetrainingWorld()
    plant(world)
    world.record = world.record.model_copy(update=changes)
    await allowed(world)
    task = await heard(world, target, kind)
    assert (task.kind, task.action, says in task.text) == (TaskKind.PLATFORM, None, True)
    assert world.azure.writes() == []


async def test_a_budget_that_comes_between_stops_the_step() -> None:
    world = RetrainingWorld()
    plant(world)
    await allowed(world)
    world.azure.fail("PATCH", "/ep/deployments/blue", lambda: Conflict("ResourceBusy", "Being updated."))
    task = await heard(world)
    stored = await world.workspaces.load("ws")
    assert stored is not None
    await world.workspaces.save_record(stored, stored.record.model_copy(update={"frozen": True}))
    world.clock.advance(60)
    task = await settled(world, task)
    assert (task.state, task.error.code if task.error else None, capacity(world)) == ("failed", "HeldByBudget", 1)
