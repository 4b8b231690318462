"""A run on its way to Azure ML: approved, held, decided again, sent, lost, found again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.errors import Rejected, Transient
from controlplane.retraining.runs.model import RunState
from controlplane.retraining.signals.intake import hear
from tests.support.retraining_world import COMMIT, PIPELINE, RetrainingWorld
from tests.support.run_states import EAGER, approve, begun, change, later, run_of


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


async def test_nobody_approves() -> None:
    world = await begun(environment="prod")
    run = await later(world, timedelta(days=3, minutes=1))
    assert (run.state, run.transitions[-1].reason) == (RunState.REJECTED, "ApprovalExpired")


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
        "jobType": "Pipeline",
        "componentId": "azureml:retrain:3",
        "inputs": {"why": {"jobInputType": "literal", "value": "time"}},
    }
    schedule = {"action": {"actionType": "CreateJob", "jobDefinition": definition}}
    world.azure.plant(f"{world.known.workspace_id}/schedules/nightly", properties=schedule)
    await hear(world.intake, world.breach("step-1"))
    await world.tick()
    run = await run_of(world)
    source: Any = world.ml.jobs[run.id].source
    assert run.state is RunState.RUNNING
    assert source.properties["inputs"]["why"] == {"jobInputType": "literal", "value": "Every question holds."}
    assert run.lineage.component == "schedules/nightly"


async def test_the_job_tells_where_it_comes_from() -> None:
    world = await begun({"pipeline": {**PIPELINE, "inputs": {"rows": "azureml:orders:7"}}})
    run = await run_of(world)
    job = world.ml.jobs[run.id]
    assert job.tags["cp.gitCommit"] == run.lineage.git_commit == COMMIT
    assert job.tags["cp.dataVersion"] == run.lineage.data_version == "azureml:orders:7"
    assert (job.tags["cp.monitorRun"], job.tags["cp.component"]) == ("step-1", "azureml:retrain:3")
    assert "watch_drift" in job.tags["cp.breach"]
    assert job.owner == run.decision_id
