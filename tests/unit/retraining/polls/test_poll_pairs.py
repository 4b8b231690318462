"""One test for each requirement of the sweep: the state that it tells of, and the one that it does not."""

from __future__ import annotations

from datetime import timedelta

from controlplane.errors import Rejected
from controlplane.objects.repository import put
from controlplane.retraining.history import with_policy
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.monitors.telling import throttling
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.polls.levels import ARM_LEVEL, SERVICE_LEVEL
from controlplane.retraining.polls.model import WorkspacePoll
from controlplane.retraining.polls.runs import ADDRESSES, TRUTH_TAG
from controlplane.retraining.signal import SignalKind
from tests.support.polled import PolledWorld
from tests.support.retraining_world import MONITOR, PIPELINE, SUBSCRIPTION


async def serving() -> PolledWorld:
    world = PolledWorld()
    await world.begin()
    world.serve()
    return world


async def days(world: PolledWorld, count: int) -> None:
    for _ in range(count):
        await world.window()
        await world.clock.sleep(86_400 - 900)


async def test_react_s3_91() -> None:
    """A model that nobody calls for a month is told of; one call a month ago and it is not."""
    world = await serving()
    world.measure(world.deployment, DeploymentCapacity=1.0)
    await days(world, 20)
    world.measure(world.deployment, DeploymentCapacity=1.0, RequestsPerMinute=3.0)
    await days(world, 1)
    world.measure(world.deployment, DeploymentCapacity=1.0)
    await days(world, 20)
    assert await world.signals() == ()
    await days(world, 12)
    assert [(one.kind, one.target) for one in await world.signals()] == [(SignalKind.UNUSED, world.deployment)]


async def test_create_s3_93() -> None:
    """Throttling is watched at both levels, each by itself."""
    world = await serving()
    await world.window()
    await world.window()
    assert await world.signals() == ()
    world.monitor.waited = 0.0
    world.wait_for_bandwidth(70_000)
    await world.window()
    world.wait_for_bandwidth(70_000)
    await world.window()
    found = {(one.kind, one.target) for one in await world.signals()}
    assert found == {
        (SignalKind.THROTTLING, world.known.workspace_id), (SignalKind.THROTTLING, world.endpoint)
    }  # fmt: skip


async def test_react_s3_35() -> None:
    """A policy with a schedule trains when its period has passed, one without does not."""
    for schedule, runs in (("P10D", 1), (None, 0)):
        world = PolledWorld()
        await world.begin({})
        stored, now = await world.state(), world.clock.now()
        asked = {"pipeline": PIPELINE, "schedule": schedule, "approval": {"required": False}}
        policy = RetrainingPolicy.model_validate(asked)
        changes = {"due_at": now, "policy_changed_at": now}
        await world.objects.commit(put(stored, with_policy(stored.value, policy).model_copy(update=changes)))
        await world.tick()
        assert await world.runs() == ()
        await world.clock.sleep(timedelta(days=10).total_seconds())
        await world.tick()
        assert len(await world.runs()) == runs


async def test_react_d17() -> None:
    """A run that found nothing wrong with the model's performance had its truth, or nobody knows."""
    for truth, verdict in ((None, "unknown"), ("0", "unknown"), ("many", "unknown"), ("812", "clear")):
        world = PolledWorld()
        await world.begin({})
        root = f"{MONITOR}-20261102T000000Z"
        tags = {ADDRESSES: "a@contoso.example"} | ({} if truth is None else {f"{TRUTH_TAG}{MONITOR}_quality": truth})
        world.scheduled(root, world.clock.now(), **tags)
        await world.clock.sleep(timedelta(days=1).total_seconds())
        await world.sweep()
        await world.tick()
        windows = (await world.state()).value.windows
        said = {one.signal_name: one.verdict.value for one in windows if one.at.day == 2}
        assert said == {f"{MONITOR}_drift": "clear", f"{MONITOR}_quality": verdict}, truth


def refused(world: PolledWorld, *counts: tuple[str, float]) -> None:
    """Resource Manager's own metric: status → how often in the window."""
    series = [
        {"metadatavalues": [{"name": {"value": "statuscode"}, "value": code}], "data": [{"count": count}]}
        for code, count in counts
    ]
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Insights/metrics/Traffic"
    world.azure.plant(path, timeseries=series)


async def test_validate_s3_93() -> None:
    """Each level that cannot be read is named; where both can, what Azure counts of everybody's calls is told."""
    world = await serving()
    named = []
    monitor = (await world.objects.require(Monitor, f"ws.{MONITOR}")).value
    for counts, errors in (
        ((), []), ((("200", 900.0),), [Rejected("InsufficientAccessError", "no", status=403)]), ((("200", 900.0),), []),
    ):  # fmt: skip
        refused(world, *counts)
        world.monitor.log_errors = list(errors)
        await world.window()
        poll = (await world.objects.require(WorkspacePoll, "ws")).value
        named.append(poll.unwatched)
        said = throttling(monitor, poll.unwatched, world.clock.now())
        assert (said.status.value == "True") is (poll.unwatched == ()), said.message
    assert named == [(ARM_LEVEL,), (SERVICE_LEVEL,), ()]
    assert throttling(monitor, None, world.clock.now()).status.value == "Unknown"
    assert await world.signals() == ()
    refused(world, ("200", 900.0), ("429", 12.0))
    await world.window()
    await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.target) == (SignalKind.THROTTLING, world.known.workspace_id)
    assert [(one.metric, one.value) for one in signal.measures] == [("ResourceManager429", 12.0)]
    refused(world, ("200", 900.0))
    await world.window()
    assert (await world.signals())[0].resolved
