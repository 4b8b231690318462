"""A run whose job Azure ML has: compared, tried again, cancelled, overdue, gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.errors import Rejected
from controlplane.objects.repository import put
from controlplane.retraining.model import Outcome
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import CANCEL_TIME, MISSING_TIME
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import PIPELINE
from tests.support.run_states import WON, approve, begun, cancel, later, run_of


async def test_a_challenger_that_wins_ends_well_and_its_model_is_named() -> None:
    world = await begun()
    run = await later(world)
    assert (run.state, run.job_status) == (RunState.RUNNING, "Running")
    assert run.studio_url == f"https://ml.azure.com/runs/{run.id}"
    model = f"{world.known.workspace_id}/models/churn/versions"
    world.azure.plant(f"{model}/3", properties={"jobName": "somebody"})
    world.azure.plant(f"{model}/4", properties={"jobName": run.id})
    world.ml.end(run.id, "Completed", **WON)
    run = await later(world)
    assert (run.state, run.registered_model) == (RunState.SUCCEEDED, "churn:4")
    assert (run.metrics, run.champion_metrics) == ({"accuracy": 0.9}, {"accuracy": 0.8})
    assert run.comparison is not None
    assert run.comparison.verdict == "won"
    assert [step.state for step in run.transitions] == [
        RunState.SUBMITTED, RunState.RUNNING, RunState.EVALUATING, RunState.SUCCEEDED,
    ]  # fmt: skip


async def test_a_model_that_a_tag_claims_is_read_back() -> None:
    world = await begun()
    run = await run_of(world)
    world.azure.plant(f"{world.known.workspace_id}/models/other/versions/9", properties={"jobName": "somebody"})
    world.ml.end(run.id, "Completed", **WON, **{"cp.registeredModel": "other:9"})
    run = await later(world)
    assert (run.state, run.registered_model) == (RunState.SUCCEEDED, None)


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"cp.metric.accuracy": "0.7", "cp.champion.accuracy": "0.8"}, "ChallengerLost"),
        ({"cp.metric.accuracy": "nan", "cp.champion.accuracy": "0.8"}, "ChallengerUnknown"),
        ({"cp.metric.accuracy": "0.9"}, "ChallengerUnknown"),
        ({}, "ChallengerUnknown"),
    ],
)
async def test_a_challenger_that_does_not_win_is_rejected(tags: dict[str, str], code: str) -> None:
    world = await begun()
    run = await run_of(world)
    world.ml.end(run.id, "Completed", **tags)
    await later(world)
    run = await later(world, timedelta(minutes=20))
    assert (run.state, run.transitions[-1].reason) == (RunState.REJECTED, code)
    assert (await world.state()).value.active_run is None


async def test_metrics_that_come_late_are_waited_for() -> None:
    world = await begun()
    run = await run_of(world)
    world.ml.end(run.id, "Completed")
    assert (await later(world)).state is RunState.EVALUATING
    world.ml.end(run.id, "Completed", **WON)
    assert (await later(world)).state is RunState.SUCCEEDED


@pytest.mark.parametrize(("mode", "code"), [("disabled", "NotCompared"), ("dryRun", "ComparedOnly")])
async def test_a_gate_that_stops_nothing(mode: str, code: str) -> None:
    world = await begun({"gate": {"mode": mode}})
    world.ml.end((await run_of(world)).id, "Completed", **{"cp.metric.accuracy": "0.1", "cp.champion.accuracy": "0.8"})
    run = await later(world)
    assert (run.state, run.transitions[-1].reason) == (RunState.SUCCEEDED, code)


async def test_a_failure_is_decided_on_once_more_and_gets_another_name() -> None:
    world = await begun()
    first = await run_of(world)
    world.ml.end(first.id, "Failed")
    await later(world)
    assert [one.reason for one in await world.decisions()] == ["Submitted"]
    second = await later(world, timedelta(minutes=11))
    assert second.id == first.id.removesuffix("1") + "2"
    assert (second.attempt, second.state) == (2, RunState.RUNNING)
    assert second.decision_id != first.decision_id
    assert world.ml.submitted == [first.id, second.id]


async def test_failures_end_at_the_breaker() -> None:
    world = await begun({"breaker": {"failures": 2}})
    for _ in range(4):
        run = await run_of(world)
        if not run.state.is_terminal:
            world.ml.end(run.id, "Failed")
        await later(world, timedelta(minutes=11))
        await later(world, timedelta(minutes=11))
    assert len(world.ml.submitted) == 2
    assert (await world.decisions())[0].reason == "BreakerOpen"


@pytest.mark.parametrize("status", ["Completed", "Canceled"])
async def test_what_did_not_fail_is_not_done_again(status: str) -> None:
    """The same evidence, decided again: by another signal of the same monitor run."""
    world = await begun({"cooldown": "P1D"})
    run = await run_of(world)
    world.ml.end(run.id, status, **WON)
    await later(world, timedelta(minutes=20))
    stored = (await world.signals())[0]
    again = await world.objects.require(type(stored), stored.id)
    retried = {"state": "held", "due_at": world.clock.now(), "retry_of": run.id}
    await world.objects.commit(put(again, type(stored).model_validate({**again.value.model_dump(), **retried})))
    await world.tick()
    decision = (await world.decisions())[0]
    assert (decision.outcome, decision.reason) == (Outcome.REFUSE, "AlreadyRun")
    assert world.ml.submitted == [run.id]


async def test_a_cancelled_run_ends_when_its_job_has() -> None:
    world = await begun()
    world.ml.after_cancel = "CancelRequested"
    await cancel(world)
    run = await later(world)
    assert (run.state, run.job_status) == (RunState.RUNNING, "Running")
    run = await later(world)
    assert (world.ml.canceled, run.job_status) == ([run.id], "CancelRequested")
    world.ml.end(run.id, "Canceled")
    assert (await later(world)).state is RunState.CANCELED


async def test_a_job_that_does_not_let_itself_be_cancelled_is_told() -> None:
    world = await begun()
    world.ml.after_cancel = "CancelRequested"
    await cancel(world)
    await later(world)
    run = await later(world, CANCEL_TIME + timedelta(minutes=1))
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "CancelTimedOut")


async def test_a_run_that_was_never_sent_is_cancelled_without_azure() -> None:
    world = await begun(environment="test")
    await approve(world)
    await cancel(world)
    run = await later(world, timedelta(minutes=5))
    assert (run.state, world.ml.submitted, world.ml.canceled) == (RunState.CANCELED, [], [])


async def test_a_job_that_takes_too_long_is_cancelled_and_has_failed() -> None:
    world = await begun({"pipeline": {**PIPELINE, "timeout": "PT2H"}})
    await later(world, timedelta(hours=2, minutes=1))
    run = await later(world)
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "DeadlineExceeded")
    assert world.ml.canceled == [run.id]
    await later(world, timedelta(hours=1))
    assert len(await world.runs()) == 1


async def test_a_job_that_is_not_shown_for_a_moment_is_not_gone() -> None:
    world = await begun()
    run = await run_of(world)
    path = f"{world.known.workspace_id}/jobs/{run.id}".lower()
    body = world.azure.resources.pop(path)
    assert (await later(world)).state is RunState.RUNNING
    world.azure.resources[path] = body
    run = await later(world, MISSING_TIME)
    assert (run.state, run.missing_since) == (RunState.RUNNING, None)
    del world.azure.resources[path]
    await later(world)
    run = await later(world, MISSING_TIME)
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "JobGone")


async def test_somebody_may_cancel_the_job_in_studio() -> None:
    world = await begun()
    world.ml.end((await run_of(world)).id, "Canceled")
    run = await later(world)
    assert (run.state, run.transitions[-1].reason) == (RunState.CANCELED, "JobCanceled")


async def test_a_job_that_cannot_be_read_says_nothing_until_its_time_is_over() -> None:
    world = await begun({"pipeline": {**PIPELINE, "timeout": "PT2H"}})
    refused = lambda: Rejected("AuthorizationFailed", "no", status=403)  # noqa: E731
    world.azure.fail("GET", "/jobs/", refused, times=10_000)
    run = await later(world)
    assert (run.state, run.error and run.error.code) == (RunState.RUNNING, "AuthorizationFailed")
    run = await later(world, timedelta(hours=2))
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "JobUnreadable")


async def test_an_event_of_a_job_asks_for_a_look() -> None:
    world = await begun()
    run = await later(world)
    event = world.event(run.id, {})
    heard = await hear(world.intake, event)
    assert (heard.kind, heard.id, heard.reason) == (Run.KIND, run.id, "due")
    same = {**event, "data": {**event["data"], "runStatus": "Running"}}
    assert (await hear(world.intake, same)).reason == "known"
    assert (await hear(world.intake, world.event(f"rt-{24 * '0'}-1", {}))).id is None
    assert len(await world.signals()) == 1
