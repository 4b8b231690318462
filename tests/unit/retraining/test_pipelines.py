"""A policy's pipeline is looked for when the policy is set: what is missing, wrong or unread is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.errors import Rejected, Transient
from controlplane.retraining.pipelines import require_pipeline
from controlplane.retraining.policy import Gate, Pipeline
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.sending import commit_of, letter
from controlplane.retraining.senders import DEPTH, MOST, require_no_sender, runs_as_sender
from tests.support.fake_azure import FakeAzure

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
INPUTS = {
    "rows": {"type": "uri_folder"},
    "why": {"type": "string", "optional": "True"},
    "rate": {"type": "number", "default": "0.1"},
}


@pytest.fixture
def azure() -> FakeAzure:
    made = FakeAzure()
    spec = {"type": "pipeline", "inputs": INPUTS}
    made.plant(f"{WORKSPACE}/components/retrain", properties={"latestVersion": "3"})
    made.plant(f"{WORKSPACE}/components/retrain/versions/3", properties={"componentSpec": spec})
    made.plant(f"{WORKSPACE}/components/step/versions/1", properties={"componentSpec": {"type": "command"}})
    steps = {"own": {"type": "command", "computeId": "cpu"}, "none": {"type": "command"}}
    made.plant(f"{WORKSPACE}/components/steps/versions/1", properties={"componentSpec": {"jobs": steps}})
    as_sender = {"s": {"type": "command", "computeId": "cpu", "identity": {"type": "user_identity"}}}
    made.plant(f"{WORKSPACE}/components/lends/versions/1", properties={"componentSpec": {"jobs": as_sender}})
    made.plant(f"{WORKSPACE}/computes/cpu", properties={})
    made.plant(f"{WORKSPACE}/batchEndpoints/training/deployments/blue", properties={})
    job = {"jobType": "Pipeline", "inputs": {"rows": {"jobInputType": "uri_folder", "uri": "azureml:orders:1"}}}
    action = {"actionType": "CreateJob", "jobDefinition": job}
    made.plant(f"{WORKSPACE}/schedules/nightly", properties={"action": action})
    lends = {"actionType": "CreateJob", "jobDefinition": {**job, "identity": {"identityType": "UserIdentity"}}}
    made.plant(f"{WORKSPACE}/schedules/lends", properties={"action": lends})
    made.plant(f"{WORKSPACE}/schedules/watch", properties={"action": {"actionType": "CreateMonitor"}})
    return made


async def refusals(azure: FakeAzure, **pipeline: Any) -> list[tuple[str, str | None]]:
    """Code and target of each reason; empty: it may be set."""
    asked = Pipeline.model_validate(pipeline)
    try:
        await require_pipeline(azure, WORKSPACE, asked)
    except Rejected as error:
        assert error.code == "InvalidPolicy"
        return [(one.code, one.target) for one in error.details]
    return []


ROWS = {"rows": "azureml:orders:3"}


@pytest.mark.parametrize(
    "pipeline",
    [
        {"name": "retrain", "version": "3", "inputs": ROWS, "compute": "cpu"},
        {"name": "retrain", "inputs": ROWS, "fromSignal": {"why": "reason"}, "compute": "serverless"},
        {"kind": "batchDeployment", "name": "training", "deployment": "blue", "inputs": {"any": "thing"}},
        {"kind": "schedule", "name": "nightly"},
        {"kind": "schedule", "name": "nightly", "inputs": ROWS},
    ],
)
async def test_what_is_there_and_takes_its_inputs_may_be_set(azure: FakeAzure, pipeline: dict[str, Any]) -> None:
    assert await refusals(azure, **pipeline) == []


@pytest.mark.parametrize(
    ("pipeline", "code", "target"),
    [
        ({"name": "gone", "inputs": ROWS}, "PipelineNotFound", "$.pipeline.name"),
        ({"name": "retrain", "version": "4", "inputs": ROWS}, "PipelineNotFound", "$.pipeline.name"),
        ({"name": "step", "version": "1"}, "NotAPipeline", "$.pipeline.name"),
        ({"name": "retrain", "inputs": ROWS, "compute": "gpu"}, "ComputeNotFound", "$.pipeline.compute"),
        ({"name": "retrain"}, "InputMissing", "$.pipeline.inputs"),
        ({"name": "steps", "version": "1"}, "ComputeMissing", "$.pipeline.compute"),
        ({"name": "retrain", "inputs": {**ROWS, "x": "1"}}, "InputUnknown", "$.pipeline.inputs.x"),
        ({"name": "retrain", "inputs": {"rows": "/etc/passwd"}}, "InputNotRemote", "$.pipeline.inputs.rows"),
        ({"name": "retrain", "fromSignal": {"rows": "reason"}}, "InputNotText", "$.pipeline.fromSignal.rows"),
        ({"name": "lends", "version": "1"}, "PipelineNotAllowed", "$.pipeline.name"),
        ({"kind": "schedule", "name": "lends"}, "PipelineNotAllowed", "$.pipeline.name"),
        ({"kind": "schedule", "name": "gone"}, "PipelineNotFound", "$.pipeline.name"),
        ({"kind": "schedule", "name": "watch"}, "PipelineNotAJob", "$.pipeline.name"),
        (
            {"kind": "batchDeployment", "name": "training", "deployment": "green"},
            "PipelineNotFound",
            "$.pipeline.deployment",
        ),
    ],
)
async def test_what_could_never_run_is_refused(
    azure: FakeAzure, pipeline: dict[str, Any], code: str, target: str
) -> None:
    assert await refusals(azure, **pipeline) == [(code, target)]


async def test_every_reason_is_told(azure: FakeAzure) -> None:
    found = await refusals(azure, name="retrain", inputs={"x": "1"}, compute="gpu")
    assert [code for code, _ in found] == ["InputUnknown", "InputMissing", "ComputeNotFound"]


async def test_what_cannot_be_read_is_not_known_and_so_refused(azure: FakeAzure) -> None:
    azure.fail("GET", "/components/", lambda: Rejected("AuthorizationFailed", "no right", status=403))
    assert await refusals(azure, name="retrain", inputs=ROWS) == [("PipelineUnreadable", "$.pipeline")]


async def test_azure_that_is_away_is_no_refusal(azure: FakeAzure) -> None:
    azure.fail("GET", "/components/", lambda: Transient("ServerTimeout", "busy", retry_after=1.0))
    with pytest.raises(Transient):
        await refusals(azure, name="retrain", inputs=ROWS)


@pytest.mark.parametrize(
    ("component", "commit"),
    [
        ({"properties": {"tags": {"git.commit": "0123abc"}}}, "0123abc"),
        ({"properties": {"properties": {"azureml.git.commit": "f" * 40}, "tags": {"commit": "0123abc"}}}, "f" * 40),
        ({"properties": {"tags": {"commit": "not a commit"}}}, None),
        ({"properties": {"tags": None}}, None),
        ({}, None),
    ],
)
def test_a_component_says_its_commit_or_does_not(component: dict[str, Any], commit: str | None) -> None:
    assert commit_of(component) == commit


@pytest.mark.parametrize(
    ("identity", "lends"),
    [
        ({"type": "user_identity"}, True),
        ({"identityType": "UserIdentity"}, True),
        ({"type": "managed", "client_id": "c"}, False),
        ({"identityType": "AMLToken"}, False),
        (None, False),
    ],
)
def test_a_job_as_its_sender_would_be_the_operator(identity: dict[str, Any] | None, lends: bool) -> None:
    """At any depth, as YAML and as ARM write it."""
    assert runs_as_sender({"jobs": {"step": {"jobs": [{"identity": identity}]}}}) is lends


async def test_a_component_that_lends_the_operator_since_the_policy_was_set_is_not_sent(azure: FakeAzure) -> None:
    now = datetime(2026, 11, 2, tzinfo=UTC)
    run = Run(
        id="rt-0-1", workspace="w", project="p", incarnation=1, model="m", workspace_id=WORKSPACE, deadline=now,
        state=RunState.SUBMITTED, decision_id="d", signal_id="s", policy_generation=1, gate=Gate(), created_at=now,
        pipeline=Pipeline(name="lends", version="1", compute="cpu"),
    )  # fmt: skip
    with pytest.raises(Rejected) as refused:
        await letter(azure, run)
    assert refused.value.code == "PipelineNotAllowed"


def component(azure: FakeAzure, name: str, *parts: str, **step: Any) -> str:
    """A pipeline component of these parts; its id."""
    jobs = {f"step-{number}": {"componentId": part, **step} for number, part in enumerate(parts)}
    arm_id = f"{WORKSPACE}/components/{name}/versions/1"
    azure.plant(arm_id, properties={"componentSpec": {"type": "pipeline", "jobs": jobs}})
    return arm_id


async def judged(azure: FakeAzure, part: str | dict[str, str]) -> str:
    """Of a deployment that is made of it: a code, or nothing."""
    try:
        configuration = {"deploymentConfiguration": {"componentId": part}}
        await require_no_sender(azure, WORKSPACE, {"properties": configuration}, "It")
    except Rejected as error:
        return error.code
    return ""


async def test_what_a_pipeline_is_made_of_is_looked_through(azure: FakeAzure) -> None:
    azure.plant(f"{WORKSPACE}/components/plain/versions/1", properties={"componentSpec": {"type": "command"}})
    azure.plant(f"{WORKSPACE}/components/plain", properties={"latestVersion": "1"})
    azure.plant(f"{WORKSPACE}/jobs/copied", properties={"jobs": {"s": {"identity": {"identityType": "UserIdentity"}}}})
    plain = f"{WORKSPACE}/components/plain/versions/1"
    well = component(azure, "well", plain, "azureml:plain:1", "azureml:plain@latest", f"azureml:{plain}")
    lends = component(azure, "deep", component(azure, "middle", f"{WORKSPACE}/components/lends/versions/1"))
    cases: dict[str, tuple[str | dict[str, str], str]] = {
        "all of it runs as the compute": ({"assetId": well, "referenceType": "Id"}, ""),
        "three levels down": (lends, "PipelineNotAllowed"),
        "copied of a job": (f"{WORKSPACE}/jobs/copied", "PipelineNotAllowed"),
        "gone": ("azureml:gone:1", "PipelineUnreadable"),
        "a registry's": ("azureml://registries/x/components/y/versions/1", "PipelineUnreadable"),
        "another workspace's": (f"{WORKSPACE}2/components/plain/versions/1", "PipelineUnreadable"),
        "a path that leads elsewhere": (f"{WORKSPACE}/components/plain/versions/1/../2", "PipelineUnreadable"),
    }
    assert {name: await judged(azure, part) for name, (part, _) in cases.items()} == {
        name: code for name, (_, code) in cases.items()
    }


async def test_what_is_made_of_too_much_is_not_looked_through_for_ever(azure: FakeAzure) -> None:
    part = component(azure, "again", f"{WORKSPACE}/components/again/versions/1")
    assert await judged(azure, part) == "", "of itself: seen once"
    for level in range(DEPTH):
        part = component(azure, f"level-{level}", part)
    assert await judged(azure, part) == "PipelineUnreadable"
    many = [component(azure, f"one-{number}") for number in range(MOST)]
    assert await judged(azure, component(azure, "many", *many)) == "PipelineUnreadable"
    assert await judged(azure, component(azure, "fewer", *many[:-1])) == ""


async def test_a_policy_is_refused_for_what_its_deployment_and_its_schedule_are_made_of(azure: FakeAzure) -> None:
    inner = {"componentId": {"assetId": f"{WORKSPACE}/components/lends/versions/1"}}
    path = f"{WORKSPACE}/batchEndpoints/training/deployments/lends"
    azure.plant(path, properties={"deploymentConfiguration": inner})
    job = {"jobType": "Pipeline", "jobs": {"s": {"componentId": "azureml:lends:1"}}}
    action = {"actionType": "CreateJob", "jobDefinition": job}
    azure.plant(f"{WORKSPACE}/schedules/outer", properties={"action": action})
    component(azure, "outer", "azureml://registries/r/components/c/versions/1", computeId="cpu")
    place = "$.pipeline.name"
    refused = await refusals(azure, kind="batchDeployment", name="training", deployment="lends")
    assert refused == [("PipelineNotAllowed", place)]
    assert await refusals(azure, kind="schedule", name="outer") == [("PipelineNotAllowed", place)]
    assert await refusals(azure, name="outer", version="1") == [("PipelineUnreadable", place)]
