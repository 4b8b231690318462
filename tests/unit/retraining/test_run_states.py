"""A run through its states: sent, lost, found again, held, cancelled, overdue, compared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import Rejected, Transient
from controlplane.objects.repository import put
from controlplane.retraining.model import Outcome
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import CANCEL_TIME, MISSING_TIME
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import COMMIT, PIPELINE, RetrainingWorld

EAGER: dict[str, Any] = {
    "agreement": "none",
    "windows": {"period": "P1D", "breaches": 1, "of": 1, "minimumSeen": 1},
    "minimumSamples": 100,
    "cooldown": "P1D",
}
WON = {"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"}


async def begun(policy: dict[str, Any] | None = None, **world: Any) -> RetrainingWorld:
    """A breach was heard, and decided."""
    made = RetrainingWorld(**world)
    await made.begin({**EAGER, **(policy or {})})
    await hear(made.intake, made.breach("step-1"))
    await made.tick()
    return made


async def run_of(world: RetrainingWorld) -> Run:
    return (await world.runs())[0]


async def later(world: RetrainingWorld, time: timedelta = timedelta(minutes=2)) -> Run:
    world.clock.advance(time.total_seconds())
    await world.tick()
    return await run_of(world)


async def change(world: RetrainingWorld, **policy: Any) -> None:
    """The policy as an edit leaves it."""
    stored = await world.state()
    before = stored.value
    parsed = RetrainingPolicy.model_validate({"pipeline": PIPELINE, **EAGER, **policy})
    after = before.model_copy(update={"policy": parsed, "policy_generation": before.policy_generation + 1})
    await world.objects.commit(put(stored, after))


async def cancel(world: RetrainingWorld) -> None:
    (run,) = await world.runs()
    stored = await world.objects.require(Run, run.id)
    now = world.clock.now()
    asked = {"cancel_requested_by": "t/ada", "stopping_since": now, "due_at": now}
    await world.objects.commit(put(stored, stored.value.model_copy(update=asked)))


async def approve(world: RetrainingWorld) -> None:
    (run,) = await world.runs()
    stored = await world.objects.require(Run, run.id)
    now = world.clock.now()
    said = {"state": RunState.SUBMITTED, "due_at": now, "deadline": now + timedelta(hours=2)}
    await world.objects.commit(put(stored, stored.value.model_copy(update=said)))


async def test_the_job_tells_where_it_comes_from() -> None:
    world = await begun({"pipeline": {**PIPELINE, "inputs": {"rows": "azureml:orders:7"}}})
    run = await run_of(world)
    job = world.ml.jobs[run.id]
    assert job.tags["cp.gitCommit"] == run.lineage.git_commit == COMMIT
    assert job.tags["cp.dataVersion"] == run.lineage.data_version == "azureml:orders:7"
    assert (job.tags["cp.monitorRun"], job.tags["cp.component"]) == ("step-1", "azureml:retrain:3")
    assert "watch_drift" in job.tags["cp.breach"]
    assert job.owner == run.decision_id


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


async def test_a_lost_answer_is_resolved_by_the_job() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    send = world.ml.submit

    async def lose(workspace_id: str, job: Any) -> None:
        await send(workspace_id, job)
        world.ml.submit = send  # type: ignore[method-assign]
        raise Transient("ConnectionLost", "gone", retry_after=1.0)

    world.ml.submit = lose  # type: ignore[method-assign]
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    waiting = await run_of(world)
    assert (waiting.state, waiting.error and waiting.error.code) == (RunState.SUBMITTED, "ConnectionLost")
    run = await later(world)
    assert (run.state, run.error, world.ml.submitted) == (RunState.RUNNING, None, [run.id])


async def test_what_is_said_to_exist_is_ours_when_its_tag_is() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)
    send = world.ml.submit

    async def exists(workspace_id: str, job: Any) -> None:
        await send(workspace_id, job)
        raise Rejected("UserError", "A job with this name already exists.")

    world.ml.submit = exists  # type: ignore[method-assign]
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    assert (await run_of(world)).state is RunState.RUNNING


async def test_a_job_of_somebody_else_under_our_name_is_left_alone() -> None:
    world = await begun(environment="prod")
    run = await run_of(world)
    assert run.state is RunState.WAITING_APPROVAL
    world.ml.plant(world.known.workspace_id, run.id, "Running", **{"cp.decisionId": "another"})
    await approve(world)
    run = await later(world)
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "JobExists")
    assert world.ml.submitted == world.ml.canceled == []


async def test_a_refused_pipeline_fails_with_azure_s_words_and_is_not_tried_again() -> None:
    world = RetrainingWorld()
    await world.begin({**EAGER, "pipeline": {**PIPELINE, "version": "9"}})
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    run = await later(world, timedelta(hours=1))
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "PipelineNotFound")
    assert [one.id for one in await world.runs()] == [run.id]


async def test_azure_that_is_away_ends_with_the_deadline() -> None:
    world = RetrainingWorld()
    await world.begin(EAGER)

    async def away(workspace_id: str, job: Any) -> None:
        raise Transient("ServerTimeout", "busy", retry_after=1.0)

    world.ml.submit = away  # type: ignore[method-assign]
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    for _ in range(10):
        run = await later(world, timedelta(minutes=15))
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "SubmitTimedOut")


async def test_a_changed_policy_decides_the_signal_again() -> None:
    world = await begun(environment="test")
    first = await run_of(world)
    await change(world, minimumSamples=100, gate={"metric": "auc"})
    await approve(world)
    await later(world)
    runs = {run.id: run for run in await world.runs()}
    assert runs[first.id].state is RunState.SUPERSEDED
    (other,) = [run for run in runs.values() if run.id != first.id]
    assert (other.state, other.policy_generation, other.gate.metric) == (RunState.WAITING_APPROVAL, 2, "auc")
    assert world.ml.submitted == []


async def test_a_policy_that_was_disabled_meanwhile_sends_nothing() -> None:
    world = await begun(environment="test")
    await change(world, mode="disabled")
    await approve(world)
    run = await later(world)
    assert run.state is RunState.SUPERSEDED
    assert (await world.decisions())[0].reason == "PolicyDisabled"
    assert world.ml.submitted == []


async def test_what_is_approved_in_quiet_hours_is_sent_when_they_are_over() -> None:
    hours = {"begin": "10:00", "end": "06:00", "timeZone": "UTC"}
    world = RetrainingWorld(environment="test")
    while not 7 <= world.clock.now().hour < 9:
        world.clock.advance(3600)
    await world.begin({**EAGER, "quietHours": [hours]})
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    await later(world, timedelta(hours=4))
    await approve(world)
    held = await later(world)
    assert (held.state, held.transitions[-1].reason) == (RunState.SUBMITTED, "QuietHours")
    assert world.ml.submitted == []
    assert held.due_at is not None
    assert held.due_at.hour == 6
    sent = await later(world, held.due_at - world.clock.now() + timedelta(minutes=1))
    assert (sent.state, world.ml.submitted) == (RunState.RUNNING, [sent.id])


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


async def test_nobody_approves() -> None:
    world = await begun(environment="prod")
    run = await later(world, timedelta(days=3, minutes=1))
    assert (run.state, run.transitions[-1].reason) == (RunState.REJECTED, "ApprovalExpired")


async def test_a_job_that_cannot_be_read_says_nothing_until_its_time_is_over() -> None:
    world = await begun({"pipeline": {**PIPELINE, "timeout": "PT2H"}})
    refused = lambda: Rejected("AuthorizationFailed", "no", status=403)  # noqa: E731
    world.azure.fail("GET", "/jobs/", refused, times=10_000)
    run = await later(world)
    assert (run.state, run.error and run.error.code) == (RunState.RUNNING, "AuthorizationFailed")
    run = await later(world, timedelta(hours=2))
    assert (run.state, run.error and run.error.code) == (RunState.FAILED, "JobUnreadable")


async def test_a_batch_deployment_is_invoked_and_labelled() -> None:
    pipeline = {"kind": "batchDeployment", "name": "training", "deployment": "blue"}
    world = await begun({"pipeline": pipeline})
    run = await later(world)
    assert run.state is RunState.RUNNING
    tags = world.azure.body(f"/jobs/{run.id}")["properties"]["tags"]
    assert (tags["cp.decisionId"], tags["cp.model"]) == (run.decision_id, "churn")
    assert world.ml.submitted == [run.id]


async def test_a_schedule_s_job_is_sent_as_ours() -> None:
    world = RetrainingWorld()
    pipeline = {"kind": "schedule", "name": "nightly", "fromSignal": {"why": "reason"}, "experiment": "again"}
    await world.begin({**EAGER, "pipeline": pipeline})
    definition = {
        "jobType": "Pipeline", "componentId": "c", "inputs": {"why": {"jobInputType": "literal", "value": "time"}},
    }  # fmt: skip
    schedule = {"action": {"actionType": "CreateJob", "jobDefinition": definition}}
    world.azure.plant(f"{world.known.workspace_id}/schedules/nightly", properties=schedule)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    run = await run_of(world)
    source: Any = world.ml.jobs[run.id].source
    assert run.state is RunState.RUNNING
    assert source.properties["inputs"]["why"] == {"jobInputType": "literal", "value": "Every question holds."}
    assert run.lineage.component == "schedules/nightly"


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
