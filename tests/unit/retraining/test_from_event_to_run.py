"""The thinnest way through: an event of a breach, a decision with its reasons, a job under its own name, its end."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from controlplane.objects.repository import put
from controlplane.retraining.declared import declared_id
from controlplane.retraining.model import CheckName, Outcome, Verdict
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.runs.model import RunState
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import MONITOR, PIPELINE, RetrainingWorld, message

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
}


async def test_one_breach_heard_a_hundred_times_is_one_run() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    event = world.breach("step-1")
    copies = [{**event, "id": f"e{n}", "data": {**event["data"], "runStatus": f"s{n % 3}"}} for n in range(100)]
    random.Random(7).shuffle(copies)
    for copy in copies:
        assert (await hear(world.intake, copy)).id is not None
    await world.tick()
    (decision,) = await world.decisions()
    assert (decision.outcome, decision.reason) == (Outcome.SUBMIT, "Submitted")
    assert [check.name for check in decision.checks] == list(CheckName)
    (run,) = await world.runs()
    assert (run.state, run.id) == (RunState.RUNNING, decision.run_id)
    assert list(world.ml.jobs) == [run.id]
    assert world.ml.jobs[run.id].owner == decision.id


async def test_the_run_gets_the_data_that_the_monitor_looked_at() -> None:
    """A monitor whose window is a week, and ends two days before its run (D16), drifted on that data."""
    world = RetrainingWorld()
    told = {"begin": "windowBegin", "end": "windowEnd", "before": "baseline"}
    await world.begin({**EAGER, "pipeline": {**PIPELINE, "fromSignal": told}})
    stored = await world.objects.require(Monitor, declared_id("ws", MONITOR))
    wide = {"window": timedelta(days=7), "offset": timedelta(days=2)}
    changed = stored.value.model_copy(update={"spec": stored.value.spec.model_copy(update=wide)})
    await world.objects.commit(put(stored, changed))
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,), (signal,) = await world.runs(), await world.signals()
    slot = signal.window_at
    assert slot is not None
    expected = {"begin": slot - timedelta(days=9), "end": slot - timedelta(days=2), "before": slot - timedelta(days=23)}
    assert {name: datetime.fromisoformat(value) for name, value in run.inputs.items()} == expected
    assert (signal.data_begin, signal.data_end) == (expected["begin"], expected["end"])


async def test_a_run_that_ends_frees_its_model_and_starts_the_cooldown() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (run,) = await world.runs()
    world.ml.end(run.id, "Completed", **{"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"})
    world.clock.advance(120)
    await world.tick()
    state = (await world.state()).value
    assert (state.active_run, [end.outcome for end in state.ends]) == (None, ["succeeded"])
    world.clock.advance(timedelta(days=1).total_seconds())
    await hear(world.intake, world.breach("step-2"))
    await world.tick()
    refused = (await world.decisions())[0]
    assert (refused.outcome, refused.reason) == (Outcome.REFUSE, "CooldownActive")
    assert "cooldown until" in refused.sentence


async def test_what_azure_does_not_confirm_is_told_and_not_done() -> None:
    """The event claims a breach, and the run's own tags say nothing of it."""
    world = RetrainingWorld()
    await world.begin(EAGER)
    event = world.breach("step-1")
    world.ml.plant(world.known.workspace_id, "step-1", "Completed")
    await hear(world.intake, event)
    await world.tick()
    (decision,) = await world.decisions()
    assert decision.outcome is Outcome.NOTIFY
    assert await world.runs() == ()


async def test_a_cv_model_goes_to_annotation() -> None:
    world = RetrainingWorld(workload="cv")
    await world.begin(EAGER)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (decision,) = await world.decisions()
    assert (decision.outcome, decision.reason) == (Outcome.ANNOTATE, "WorkloadNeedsAnnotation")
    assert await world.runs() == ()


async def test_drift_alone_is_told() -> None:
    world = RetrainingWorld()
    await world.begin({**EAGER, "agreement": "secondSignalOrKpi"})
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (decision,) = await world.decisions()
    assert (decision.outcome, decision.reason) == (Outcome.NOTIFY, "NothingAgrees")
    verdicts = {check.name: check.verdict for check in decision.checks}
    assert verdicts[CheckName.WINDOWS] is Verdict.HOLDS


async def test_events_that_are_not_ours_are_left_alone() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    event = world.breach("step-1")
    old = (world.clock.now() - timedelta(hours=25)).isoformat()
    strange = [
        {},
        {**event, "topic": event["topic"].replace("rg-ws", "rg-other")},
        {**event, "topic": f"{event['topic']}x"},
        {**event, "eventTime": old},
        {**event, "eventType": "Microsoft.Storage.BlobCreated"},
        {**event, "data": {"runId": "../../x", "runTags": {}}},
    ]
    for one in strange:
        assert (await hear(world.intake, one)).id is None
    assert await world.signals() == ()


async def test_a_window_that_nobody_counted_has_the_calls_of_its_deployment() -> None:
    """Azure ML's own monitors write no number of samples; no sample of the metric is unknown, and no zero."""
    for totals, reason in (([40.0, 70.0], "Submitted"), ([40.0, None], "TooFewSamples"), ([], "SamplesUnknown")):
        world = RetrainingWorld()
        await world.begin(EAGER)
        deployment = f"{world.known.workspace_id}/onlineEndpoints/ep/deployments/blue"
        data = [{"timeStamp": "2026-11-01T00:00:00Z", **({} if one is None else {"total": one})} for one in totals]
        metric = {"name": {"value": "RequestsPerMinute"}, "timeseries": [{"data": data}] if data else []}
        world.azure.plant(f"{deployment}/providers/Microsoft.Insights/metrics/RequestsPerMinute", **metric)
        await hear(world.intake, world.breach("step-1", samples=None))
        await world.tick()
        (decision,) = await world.decisions()
        assert decision.reason == reason, totals


async def test_accuracy_is_held_against_the_threshold_that_was_asked_for() -> None:
    """Azure ML's component flags it when it is above what it was told, which is 0: each run says what it measured."""
    for value, reason in ((0.7, "Submitted"), (0.95, "NotWorse")):
        world = RetrainingWorld()
        await world.begin({**EAGER, "kinds": ["modelPerformance"]})
        await hear(world.intake, world.breach("step-1", message("watch_quality", Accuracy=(value, 0.0))))
        await world.tick()
        (decision,) = await world.decisions()
        assert decision.reason == reason, value


async def test_on_production_only_an_administrator_does_without_approvals() -> None:
    """The policy may be from before the workspace was production's."""
    world = RetrainingWorld(environment="prod")
    await world.begin({**EAGER, "approval": {"required": False}})
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    (decision,) = await world.decisions()
    assert (decision.outcome, decision.reason) == (Outcome.AWAIT_APPROVAL, "ApprovalNeeded")
    assert world.ml.jobs == {}
