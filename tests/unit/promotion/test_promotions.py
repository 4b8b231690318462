"""A model version becomes one promotion, is read back, and is judged by what its workload asks for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.notifications.model import Notification
from controlplane.objects.repository import of_workspace, put
from controlplane.ports.store import Insert
from controlplane.promotion.intake import MOST_IN_AN_HOUR, promotion_id, promotion_of
from controlplane.promotion.model import Promotion, PromotionState
from controlplane.promotion.poll import Found, lost_versions
from controlplane.retraining.model import Outcome
from controlplane.retraining.runs.model import Comparison, Run, RunState
from controlplane.retraining.signals.intake import hear
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from tests.support.retraining_world import BATCH, PIPELINE, RetrainingWorld


def event(world: RetrainingWorld, version: Any = 7, model: str = "churn") -> dict[str, Any]:
    return {
        "topic": world.known.workspace_id,
        "subject": f"models/{model}:{version}",
        "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
        "eventTime": world.clock.now().isoformat(),
        "id": f"registered-{version}",
        "data": {"ModelName": model, "ModelVersion": version, "ModelTags": {}, "ModelProperties": {}},
    }


def register(world: RetrainingWorld, version: str = "7", *, job: str | None = "train-1", **properties: Any) -> None:
    """The version in Azure, and the job that made it."""
    made = {"createdAt": world.clock.now().isoformat(), "createdBy": "Ada"}
    path = f"azureml://jobs/{job}/outputs/artifacts/paths/model/" if job else "azureml://datastores/d/paths/m/"
    body = {"modelUri": path, "isArchived": False, **properties}
    world.azure.plant(f"{world.known.workspace_id}/models/churn/versions/{version}", properties=body, systemData=made)


def trained(world: RetrainingWorld, job: str = "train-1", **tags: str) -> None:
    """A job that says what it is made of."""
    inputs = {"data": {"jobInputType": "uri_folder", "uri": "azureml:churn-data:4"}, "rate": {"value": "1"}}
    body = {"status": "Completed", "tags": tags, "inputs": inputs, "properties": {"azureml.git.commit": "abc123"}}
    world.azure.plant(f"{world.known.workspace_id}/jobs/{job}", properties=body)


async def promotions(world: RetrainingWorld) -> tuple[Promotion, ...]:
    return (await world.objects.page(Promotion, of_workspace(Promotion, "ws"))).values


async def judged(world: RetrainingWorld) -> Promotion:
    """After one event and its ticks."""
    await world.begin()
    await hear(world.intake, event(world))
    await world.tick()
    (found,) = await promotions(world)
    return found


def verdicts(promotion: Promotion) -> dict[str, str]:
    return {one.name: one.verdict for one in promotion.requirements}


async def test_one_version_heard_of_in_any_way_is_one_promotion() -> None:
    world = RetrainingWorld()
    await world.begin()
    register(world)
    copies = [event(world), event(world, "7"), {**event(world), "id": "other"}]
    assert {(await hear(world.intake, one)).kind for one in copies} == {"promotion"}
    await world.tick()
    await hear(world.intake, event(world))
    await world.tick()
    (found,) = await promotions(world)
    assert (found.model, found.version, found.state) == ("churn", "7", PromotionState.AWAITING_EVALUATION)
    told = (await world.objects.page(Notification, of_workspace(Notification, "ws"))).values
    assert [one.type for one in told] == ["ControlPlane.Promotion.AwaitingEvaluation"]


async def test_where_it_comes_from_is_read_back_and_not_believed() -> None:
    world = RetrainingWorld(environment="staging")
    register(world)
    trained(world)
    found = await judged(world)
    assert found.lineage is not None
    lineage = found.lineage.model_dump()
    assert lineage == {
        "job": "train-1",
        "run_id": None,
        "git_commit": "abc123",
        "data": ("azureml:churn-data:4",),
        "created_by": "Ada",
        "created_at": world.clock.now(),
    }
    assert verdicts(found)["traceable"] == "holds"


async def stage(world: RetrainingWorld, name: str) -> None:
    """Another workspace of the project, for staging."""
    spec = {**world.record.spec, "environment": "staging"}
    record = world.record.model_copy(update={"name": name, "resource_group": f"rg-{name}", "spec": spec})
    rows = [Insert(f"w!{name}", dump(record)), Insert(f"p!churn!{name}", {}), Insert("p!churn!ws", {})]
    await world.store.commit(PARTITION, rows)


async def asked_of(workload: str) -> dict[str, str]:
    world = RetrainingWorld(workload=workload)
    register(world)
    trained(world)
    await world.begin()
    await world.add(promotion_of(world.known, ("churn", "7"), world.clock.now()))
    await world.tick()
    (found,) = await promotions(world)
    return verdicts(found)


async def _registering_begins_it() -> None:
    """A classical model has to be trained again on production data."""
    found = await asked_of("classical")
    assert set(found) == {"available", "traceable", "retrainedOnProductionData", "evaluatedInStaging"}
    assert found["retrainedOnProductionData"] == "unknown"


async def _a_breach_leads_back_to_staging() -> None:
    """S3-34: threshold → a run on the newest production data → its version waits for staging, and no further."""
    world = RetrainingWorld(environment="prod")
    newest = {"begin": "windowBegin", "end": "windowEnd"}
    await world.begin({"pipeline": {**BATCH, "fromSignal": newest}})
    state = await world.state()
    await world.objects.commit(put(state, state.value.model_copy(update={"waived_by": "t/admin"})))
    await stage(world, "churn-stage")
    # Not through the intake and the questions: what is broken there is other requirements'.
    run = await world.begun()
    (decision,) = await world.decisions()
    assert (decision.outcome, decision.loop_back, decision.run_id) == (Outcome.SUBMIT, "staging", run.id)
    window = world.clock.now()
    world.ml.end(run.id, "Completed", **{"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "0.8"})
    register(world, job=run.id)
    world.clock.advance(60)
    await world.tick()
    await hear(world.intake, event(world))
    await world.tick()
    (found,) = await promotions(world)
    back = found.loop_back
    assert back is not None
    assert (back.environment, back.workspaces, back.run_id) == ("staging", ("churn-stage",), run.id)
    assert back.data_begin is not None
    assert back.data_end is not None
    assert (window - back.data_end, back.data_end - back.data_begin) < (timedelta(days=1), timedelta(days=2))
    assert verdicts(found)["retrainedOnProductionData"] == "holds"
    assert (found.state, verdicts(found)["evaluatedInStaging"]) == (PromotionState.AWAITING_EVALUATION, "unknown")


REACTS = {"S3-17": _registering_begins_it, "S3-34": _a_breach_leads_back_to_staging}


@pytest.mark.parametrize("requirement", REACTS)
async def test_react(requirement: str) -> None:
    await REACTS[requirement]()


@pytest.mark.parametrize(
    ("workload", "asked", "verdict"),
    [
        pytest.param("cv", "candidateFromDev", "holds", id="S3-41"),
        pytest.param("nlp", "retrainedOnProductionData", "unknown", id="S3-47"),
    ],
)
async def test_validate(workload: str, asked: str, verdict: str) -> None:
    found = await asked_of(workload)
    assert set(found) == {"available", "traceable", asked, "evaluatedInStaging"}
    assert found[asked] == verdict


async def test_what_nobody_says_is_unknown_and_waits() -> None:
    world = RetrainingWorld(environment="staging")
    register(world, job=None)
    found = await judged(world)
    assert found.state is PromotionState.AWAITING_EVALUATION
    assert verdicts(found) == {
        "available": "holds",
        "traceable": "unknown",
        "retrainedOnProductionData": "unknown",
        "evaluatedInStaging": "unknown",
    }
    assert found.due_at is not None
    world.clock.advance(timedelta(days=15).total_seconds())
    await world.tick()
    (found,) = await promotions(world)
    assert (found.due_at, found.state) == (None, PromotionState.AWAITING_EVALUATION)


SAYS = {"cp.dataEnvironment": "prod", "cp.evaluation": "passed", "cp.decisionId": "d"}


async def test_it_is_evaluated_when_its_pipeline_says_so_later() -> None:
    world = RetrainingWorld(environment="staging")
    register(world, job="rt-1-1")
    trained(world, "rt-1-1", **{"cp.decisionId": "d"})
    await world.add(ours(world))
    assert (await judged(world)).state is PromotionState.AWAITING_EVALUATION
    trained(world, "rt-1-1", **SAYS)
    world.clock.advance(60)
    await world.tick()
    (found,) = await promotions(world)
    assert (found.state, found.reason, found.due_at) == (PromotionState.EVALUATED, "Every requirement holds.", None)


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [
        ({"cp.evaluation": "failed"}, "fails"),
        ({"cp.evaluation": "passed", "cp.evaluationEnvironment": "dev"}, "unknown"),
        ({"cp.evaluation": "brilliant"}, "unknown"),
    ],
)
async def test_only_a_pass_in_staging_is_a_pass(tags: dict[str, str], verdict: str) -> None:
    world = RetrainingWorld(environment="staging")
    register(world, job="rt-1-1")
    trained(world, "rt-1-1", **tags, **{"cp.decisionId": "d"})
    await world.add(ours(world))
    found = await judged(world)
    assert verdicts(found)["evaluatedInStaging"] == verdict
    assert found.state is (PromotionState.REJECTED if verdict == "fails" else PromotionState.AWAITING_EVALUATION)


@pytest.mark.parametrize("whose", ["the version's", "anybody's job", "a job that is called as ours", "another one's"])
async def test_what_our_own_job_does_not_say_is_not_believed(whose: str) -> None:
    """Whoever may register a version may write its tags, and name a job as its maker."""
    world = RetrainingWorld(environment="staging")
    job = {"the version's": "rt-1-1", "anybody's job": "train-1"}.get(whose, "rt-1-1")
    register(world, job=job, **({"tags": SAYS} if whose == "the version's" else {}))
    if whose == "anybody's job":
        trained(world, **SAYS)
    elif whose != "the version's":
        trained(world, "rt-1-1", **{**SAYS, "cp.decisionId": "another"})
    if whose != "a job that is called as ours":
        await world.add(ours(world))
    found = await judged(world)
    asked = verdicts(found)
    assert (asked["retrainedOnProductionData"], asked["evaluatedInStaging"]) == ("unknown", "unknown")
    assert found.lineage is not None
    assert found.lineage.run_id is None


def ours(world: RetrainingWorld, verdict: str | None = None) -> Run:
    """A run of ours in this workspace, on a monitor's window, with this comparison."""
    now = world.clock.now()
    compared = None if verdict is None else Comparison(verdict=verdict, sentence="By 0.1.", metric="accuracy")
    return Run.model_validate(
        {
            "id": "rt-1-1",
            "workspace": "ws",
            "project": "churn",
            "incarnation": 1,
            "model": "churn",
            "workspace_id": world.known.workspace_id,
            "state": RunState.SUCCEEDED,
            "deadline": now,
            "decision_id": "d",
            "signal_id": "s",
            "policy_generation": 1,
            "pipeline": {**PIPELINE, "fromSignal": {"end": "windowEnd"}},
            "gate": {},
            "created_at": now,
            "lineage": {"monitorRun": "step-1", "gitCommit": "fedcba"},
            "comparison": compared,
        }
    )


@pytest.mark.parametrize(("verdict", "state"), [("won", "awaitingEvaluation"), ("lost", "rejected")])
async def test_our_own_run_is_known_by_its_steps_run_and_its_gate_counts(verdict: str, state: str) -> None:
    world = RetrainingWorld(environment="prod")
    register(world, job="step-9")
    own = {"azureml.rootpipelinerunid": "rt-1-1"}
    body = {"status": "Completed", "properties": own, "tags": {"cp.evaluation": "passed"}}
    world.azure.plant(f"{world.known.workspace_id}/jobs/step-9", properties=body)
    world.azure.plant(f"{world.known.workspace_id}/jobs/rt-1-1", properties={"tags": {"cp.decisionId": "d"}})
    await world.add(ours(world, verdict))
    found = await judged(world)
    assert found.lineage is not None
    assert (found.lineage.run_id, found.lineage.git_commit) == ("rt-1-1", "fedcba")
    assert verdicts(found)["retrainedOnProductionData"] == "holds"
    assert found.state.value == state


@pytest.mark.parametrize(("environment", "verdict"), [("prod", "holds"), ("dev", "unknown")])
async def test_what_a_schedule_trained_goes_the_same_way(environment: str, verdict: str) -> None:
    """S3-35: no monitor told of its window, which ends when it was due."""
    world = RetrainingWorld(environment=environment)
    register(world, job="rt-1-1")
    trained(world, "rt-1-1", **{"cp.decisionId": "d"})
    run = ours(world, "won")
    lineage = run.lineage.model_copy(update={"monitor_run": None})
    await world.add(run.model_copy(update={"lineage": lineage, "inputs": {"end": world.clock.now().isoformat()}}))
    found = await judged(world)
    assert verdicts(found)["retrainedOnProductionData"] == verdict
    assert found.loop_back is not None
    assert (found.loop_back.environment, found.loop_back.data_end) == ("staging", world.clock.now())


@pytest.mark.parametrize(("days", "verdict"), [(1, "holds"), (0, "fails"), (-1, "fails")])
async def test_what_was_trained_on_no_newer_data_is_not_trained_again(days: int, verdict: str) -> None:
    """S3-34: newer production data, and not that of the run before."""
    world = RetrainingWorld(environment="prod")
    register(world, job="rt-1-1")
    trained(world, "rt-1-1", **{"cp.decisionId": "d"})
    run, at = ours(world, "won"), world.clock.now()
    before = run.model_copy(update={
        "id": "rt-0-1", "created_at": at - timedelta(days=8), "inputs": {"end": (at - timedelta(days=8)).isoformat()},
    })  # fmt: skip
    mine = {"end": (at + timedelta(days=days - 8)).isoformat()}
    for one in (run.model_copy(update={"inputs": mine}), before):
        await world.add(one)
    found = await judged(world)
    assert verdicts(found)["retrainedOnProductionData"] == verdict


async def test_a_version_that_azure_does_not_have_leaves_nothing_behind() -> None:
    world = RetrainingWorld()
    found = await judged(world)
    assert found.reason == "Azure ML does not show it yet."
    world.clock.advance(3601)
    await world.tick()
    assert await promotions(world) == ()
    register(world)
    await hear(world.intake, event(world))
    await world.tick()
    (again,) = await promotions(world)
    assert again.lineage is not None


async def test_a_version_that_is_deleted_or_archived_goes_no_further() -> None:
    world = RetrainingWorld()
    register(world)
    assert (await judged(world)).state is PromotionState.AWAITING_EVALUATION
    del world.azure.resources[fold(f"{world.known.workspace_id}/models/churn/versions/7")]
    world.clock.advance(60)
    await world.tick()
    (found,) = await promotions(world)
    assert (found.state, found.reason) == (PromotionState.REJECTED, "The version was deleted.")
    other = RetrainingWorld()
    register(other, isArchived=True)
    assert (await judged(other)).state is PromotionState.REJECTED


async def test_versions_of_an_earlier_workspace_of_this_name_are_others() -> None:
    world = RetrainingWorld()
    before = promotion_id(world.known, ("churn", "7"))
    world.record = world.record.model_copy(update={"incarnation": 2})
    assert promotion_id(world.known, ("churn", "7")) != before


async def test_a_flood_of_events_does_not_become_a_flood_of_promotions() -> None:
    world = RetrainingWorld()
    await world.begin()
    ids = [(await hear(world.intake, event(world, n))).id for n in range(MOST_IN_AN_HOUR + 5)]
    assert (len(set(filter(None, ids))), ids[-5:]) == (MOST_IN_AN_HOUR, [None] * 5)


async def test_a_poll_finds_what_no_event_told() -> None:
    """S3-17: lost events lose no version; what was there before the workspace was ours is nobody's promotion."""
    world = RetrainingWorld()
    await world.begin()
    for number in ("7", "8"):
        register(world, number)
    old = {"createdAt": (world.clock.now() - timedelta(days=8)).isoformat()}
    path = f"{world.known.workspace_id}/models/churn"
    world.azure.plant(f"{path}/versions/1", properties={"modelUri": "x"}, systemData=old)
    world.azure.plant(path, properties={"latestVersion": "8"})
    await hear(world.intake, event(world, 7))
    first = await lost_versions(world.deps, world.known)
    assert [one.reason for one in first.taken] == ["stored"]
    assert await lost_versions(world.deps, world.known) == Found(())
    await world.tick()
    assert sorted(one.version for one in await promotions(world)) == ["7", "8"]
