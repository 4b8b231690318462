"""What metrics say becomes signals: once per episode, closed when it is back, never from no samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.objects.repository import put
from controlplane.ports.metrics import Point
from controlplane.retraining.declared import declared_id
from controlplane.retraining.model import Outcome
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.polls.judge import (
    ABOVE,
    BELOW,
    DEPLOYMENT,
    ENDPOINT,
    Observation,
    is_idle,
    judge,
    of_metrics,
)
from controlplane.retraining.polls.model import WINDOW, Poll, Watched, watched_id
from controlplane.retraining.polls.usual import ENOUGH, looked
from controlplane.retraining.polls.watch import Rule, Watch
from controlplane.retraining.signal import Direction, Evidence, Signal, SignalKind, SignalState, Source, signal_id
from controlplane.retraining.tasks import Task, TaskState
from tests.support.clock import START
from tests.support.polled import PolledWorld
from tests.support.retraining_world import MONITOR

MONDAY = datetime(2027, 2, 1, 9, 5, tzinfo=UTC)


async def serving() -> PolledWorld:
    world = PolledWorld()
    await world.begin()
    world.serve()
    return world


async def test_a_slow_endpoint_is_told_once_and_closed_when_it_is_back() -> None:
    world = await serving()
    world.measure(world.endpoint, RequestLatency_P95=1500.0, RequestsPerMinute=60.0)
    await world.window()
    assert await world.signals() == ()  # one window is no episode
    for _ in range(4):
        await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.source, signal.target) == (SignalKind.LATENCY, Source.POLL, world.endpoint)
    assert (signal.direction, signal.state) == (Direction.WORSE, SignalState.DECIDED)
    assert signal.evidence.read_back
    assert [one.outcome for one in await world.decisions()] == [Outcome.REMEDIATE]
    task = await world.objects.require(Task, signal.id)
    assert task.value.state is TaskState.OPEN
    world.measure(world.endpoint, RequestLatency_P95=900.0, RequestsPerMinute=60.0)
    await world.window()
    assert not (await world.signals())[0].resolved  # between the two thresholds
    world.measure(world.endpoint, RequestLatency_P95=100.0, RequestsPerMinute=60.0)
    await world.window()
    assert (await world.signals())[0].resolved
    assert (await world.objects.require(Task, signal.id)).value.state is TaskState.CLOSED
    remembered = await world.remembered(world.endpoint)
    assert remembered is not None  # how many calls are usual
    assert remembered.value.episodes == ()
    world.measure(world.endpoint, RequestLatency_P95=1500.0, RequestsPerMinute=60.0)
    await world.window()
    await world.window()
    assert len(await world.signals()) == 2  # another episode


async def test_no_samples_are_unknown_and_never_zero() -> None:
    world = await serving()
    world.measure(world.endpoint, RequestLatency_P95=1500.0)
    await world.window()
    world.measure(world.endpoint)
    await world.window()
    remembered = await world.remembered(world.endpoint)
    assert remembered is not None
    assert remembered.value.episodes[0].bad == 1  # neither more nor none
    world.measure(world.endpoint, RequestLatency_P95=1500.0)
    await world.window()
    assert len(await world.signals()) == 1
    world.measure(world.endpoint)
    await world.window()
    assert not (await world.signals())[0].resolved


async def test_utilisation_is_that_of_the_busiest_resource() -> None:
    world = await serving()
    world.measure(world.deployment, CpuUtilizationPercentage=20.0, GpuMemoryUtilizationPercentage=96.0)
    await world.window()
    await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, signal.target) == (SignalKind.UTILISATION, world.deployment)
    assert [(one.metric, one.value) for one in signal.measures] == [("GpuMemoryUtilizationPercentage", 96.0)]


async def test_calls_are_held_against_the_size_class() -> None:
    world = await serving()
    world.measure(world.endpoint, RequestsPerMinute=45_000.0)  # 3,000 a minute
    await world.window()
    await world.window()
    assert [one.kind for one in await world.signals()] == [SignalKind.REQUESTS]
    wide = Watch.model_validate({"size": "medium"})
    observed = of_metrics(ENDPOINT, {"RequestsPerMinute": (Point(total=45_000.0),)}, wide)
    assert observed[0].value == pytest.approx(0.5)


async def watched(world: PolledWorld, watch: Watch, **changes: Any) -> None:
    """The world's monitor, of endpoint `ep`, says so."""
    stored = await world.objects.require(Monitor, declared_id("ws", MONITOR))
    spec = stored.value.spec.model_copy(update={"watch": watch})
    await world.objects.commit(put(stored, stored.value.model_copy(update={"spec": spec, **changes})))


async def test_a_monitor_says_what_its_endpoint_is_held_against() -> None:
    world = await serving()
    await watched(world, Watch.model_validate({"latency": {"raiseAt": 100, "clearAt": 50, "windows": 1}}))
    world.measure(world.endpoint, RequestLatency_P95=150.0)
    await world.window()
    assert [one.measures[0].threshold for one in await world.signals()] == [100]


@pytest.mark.parametrize("changes", [{"deleting": True}, {"incarnation": 7}])
async def test_what_a_monitor_that_goes_or_was_another_workspaces_says_does_not_count(changes: dict[str, Any]) -> None:
    world = await serving()
    await watched(world, Watch.model_validate({"latency": {"raiseAt": 100, "clearAt": 50, "windows": 1}}), **changes)
    world.measure(world.endpoint, RequestLatency_P95=150.0)
    await world.window()
    await world.window()
    assert await world.signals() == ()


async def test_the_traffic_log_is_held_against_the_monitors_thresholds_too() -> None:
    world = await serving()
    await watched(world, Watch.model_validate({"throttling": {"raiseAt": 10, "clearAt": 5, "windows": 1}}))
    world.wait_for_bandwidth(70)
    await world.window()
    assert [one.measures[0].threshold for one in await world.signals()] == [10]


async def hours(world: PolledWorld, windows: int, calls: float) -> None:
    """So many windows of the same hour of working days; four of them on each day."""
    for number in range(windows):
        world.measure(world.endpoint, RequestsPerMinute=calls + number % 4 * 10)
        await world.window()
        if number % 4 == 3:
            await world.clock.sleep(23 * 3600)


@pytest.mark.parametrize(("calls", "metric"), [(6_000.0, ABOVE), (30.0, BELOW)])
async def test_calls_are_held_against_the_endpoints_own_past(calls: float, metric: str) -> None:
    """Far below what its size class is made for, and yet not as it was."""
    world = await serving()
    await world.clock.sleep((MONDAY - world.clock.now()).total_seconds())
    await hours(world, 16, 1_500.0)
    assert await world.signals() == ()
    world.measure(world.endpoint, RequestsPerMinute=calls)
    await world.window()
    await world.window()
    (signal,) = await world.signals()
    assert (signal.kind, [one.metric for one in signal.measures]) == (SignalKind.REQUESTS, [metric])
    task = await world.objects.require(Task, signal.id)
    assert "unlike its own past" in task.value.text  # told, and nothing is scaled
    world.measure(world.endpoint, RequestsPerMinute=1_510.0)
    await world.window()
    assert (await world.signals())[0].resolved


def test_of_an_hour_that_was_not_seen_often_enough_nobody_knows_what_is_usual() -> None:
    usual, slot = None, MONDAY
    for number in range(ENOUGH + 1):
        found = looked(usual, 100.0, slot + number * timedelta(days=7), 6)
        assert (found.score is None) == (number < ENOUGH)
        again = looked(found.after, 9_999.0, slot + number * timedelta(days=7), 6)
        assert (again.score, again.after) == (None, found.after)  # a window is learned once
        unknown = looked(found.after, None, slot + timedelta(days=900), 6)
        assert (unknown.score, unknown.after) == (None, found.after)
        usual = found.after
    weekend = looked(usual, 100.0, MONDAY + timedelta(days=700 - 2), 6)
    assert weekend.score is None


def test_a_new_level_is_what_is_usual_after_some_days() -> None:
    usual, day = None, timedelta(days=7)
    for number in range(ENOUGH):
        usual = looked(usual, 100.0, MONDAY + number * day, 6).after
    scores = []
    for number in range(ENOUGH, ENOUGH + 60):
        found = looked(usual, 500.0, MONDAY + number * day, 6)
        usual = found.after
        scores.append(found.score or 0)
    assert scores[0] > 6 > 3 > scores[-1] >= 0


async def test_a_model_without_calls_for_thirty_days_is_told() -> None:
    world = await serving()
    world.measure(world.deployment, DeploymentCapacity=1.0)
    for _ in range(33):
        await world.window()
        await world.clock.sleep(23 * 3600)
    (signal,) = await world.signals()
    assert (signal.kind, signal.target) == (SignalKind.UNUSED, world.deployment)
    world.measure(world.deployment, DeploymentCapacity=1.0, RequestsPerMinute=1.0)
    await world.window()
    assert (await world.signals())[0].resolved
    assert await world.remembered(world.deployment) is None


async def test_a_month_in_which_nobody_could_look_is_no_month_without_calls() -> None:
    world = await serving()
    world.measure(world.deployment, DeploymentCapacity=1.0)
    await world.window()
    world.measure(world.deployment)
    for _ in range(30):
        await world.window()
        await world.clock.sleep(86_400)
    world.measure(world.deployment, DeploymentCapacity=1.0)
    await world.window()
    assert await world.signals() == ()
    remembered = await world.remembered(world.deployment)
    assert remembered is not None
    assert remembered.value.idle_since is not None
    assert world.clock.now() - remembered.value.idle_since < 3 * WINDOW


async def test_calls_that_could_not_be_counted_are_not_no_calls() -> None:
    """The capacity is there, and of the calls Azure says that their metric failed."""
    world = await serving()
    world.measure(world.deployment, DeploymentCapacity=1.0)
    world.monitor.unknown[fold(world.deployment)] = "RequestsPerMinute: Timeout: Took too long."
    for _ in range(33):
        await world.window()
        await world.clock.sleep(23 * 3600)
    assert (await world.signals(), await world.remembered(world.deployment)) == ((), None)


def test_no_capacity_no_calls_nobody_knows() -> None:
    assert is_idle(DEPLOYMENT, {}) is None
    assert is_idle(DEPLOYMENT, {"DeploymentCapacity": (Point(1.0),)}) is True
    assert is_idle(DEPLOYMENT, {"RequestsPerMinute": (Point(total=0.0),)}) is True
    assert is_idle(DEPLOYMENT, {"RequestsPerMinute": (Point(total=3.0),)}) is False
    assert is_idle(ENDPOINT, {"RequestsPerMinute": (Point(total=0.0),)}) is None


def test_a_window_counts_once_however_often_it_is_judged() -> None:
    rule = Rule(raise_at=10, clear_at=5, windows=3)
    before = Watched(id=watched_id("ws", "t"), workspace="ws", target="t")
    seen = (Observation(SignalKind.LATENCY, "m", 20.0, rule),)
    for _ in range(5):
        before = judge(before, seen, START).after
    assert [one.bad for one in before.episodes] == [1]


async def test_what_is_gone_is_over() -> None:
    world = await serving()
    world.measure(world.endpoint, RequestLatency_P95=1500.0)
    await world.window()
    await world.window()
    assert len(await world.signals()) == 1
    world.monitor.found = []
    await world.window()
    assert (await world.signals())[0].resolved
    assert await world.remembered(world.endpoint) is None


async def test_what_an_alert_says_already_is_not_told_again() -> None:
    world = await serving()
    now = world.clock.now()
    alert = Signal(
        id=signal_id("ws", "alert"), workspace="ws", project="churn", kind=SignalKind.LATENCY, source=Source.ALERT,
        state=SignalState.DECIDED, dedupe_key="alert", observed_at=now, received_at=now, target=world.endpoint.upper(),
        evidence=Evidence(read_back=True),
    )  # fmt: skip
    await world.add(alert)
    world.measure(world.endpoint, RequestLatency_P95=1500.0)
    for _ in range(3):
        await world.window()
    assert [one.id for one in await world.signals()] == [alert.id]
    world.measure(world.endpoint, RequestLatency_P95=10.0)
    await world.window()
    assert not (await world.signals())[0].resolved  # that is for Azure Monitor to say
    stored = await world.objects.require(Signal, alert.id)
    await world.objects.commit(put(stored, stored.value.model_copy(update={"resolved": True})))
    world.measure(world.endpoint, RequestLatency_P95=1500.0)
    await world.window()
    await world.window()
    assert len(await world.signals()) == 2


@pytest.mark.parametrize("state", [SignalState.RECEIVED, SignalState.DECIDED])
async def test_an_alert_that_was_not_read_back_does_not_stand_for_what_was_measured(state: SignalState) -> None:
    world = await serving()
    now = world.clock.now()
    alert = Signal(
        id=signal_id("ws", "alert"), workspace="ws", project="churn", kind=SignalKind.LATENCY, source=Source.ALERT,
        state=state, dedupe_key="alert", observed_at=now, received_at=now, target=world.endpoint,
        due_at=now + timedelta(minutes=40) if state is SignalState.RECEIVED else None,
    )  # fmt: skip
    await world.add(alert)
    world.measure(world.endpoint, RequestLatency_P95=1500.0)
    for _ in range(4):
        await world.window()
    (found,) = [one for one in await world.signals() if one.id != alert.id]
    assert (found.kind, found.source) == (SignalKind.LATENCY, Source.POLL)
    assert Outcome.REMEDIATE in [one.outcome for one in await world.decisions()]


async def test_a_poll_that_is_changed_under_its_tick_is_judged_again_and_tells_once() -> None:
    world = await serving()
    await watched(world, Watch.model_validate({"latency": {"raiseAt": 100, "clearAt": 50, "windows": 1}}))
    world.measure(world.endpoint, RequestLatency_P95=150.0)

    async def somebody_writes() -> None:
        for poll in (await world.objects.page(Poll)).values:
            stored = await world.objects.require(Poll, poll.id)
            await world.objects.commit(put(stored, stored.value.model_copy(update={"tries": 1})))

    world.monitor.meanwhile = [somebody_writes]
    await world.window()
    assert len(world.monitor.calls) == 3  # two polls, one of them twice: its first end was not stored
    assert len(await world.signals()) == 1
    remembered = await world.remembered(world.endpoint)
    assert remembered is not None
    assert [one.bad for one in remembered.value.episodes] == [1]
