"""Jobs through azure-ai-ml in a custom cloud, against a scripted ARM."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.azure.job_request import JobRequest
from controlplane.azure.jobs import JobClient, JobState
from controlplane.errors import Conflict, Fatal, Rejected, Transient
from controlplane.settings import Settings
from tests.unit.azure.conftest import CLIENT_ID
from tests.unit.azure.server import LOST, TOKEN, Answer, FakeArm

# azure-ai-ml's own schemas use what marshmallow 4 will drop; they are loaded once per process.
pytestmark = pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")

WORKSPACE = (
    "/subscriptions/5b1f2e6a-0000-4000-8000-000000000001/resourceGroups/rg-1"
    "/providers/Microsoft.MachineLearningServices/workspaces/mlw-1"
)
JOB = f"{WORKSPACE}/jobs/probe-1"
REQUEST = JobRequest(
    name="probe-1",
    owner="demo",
    command="echo hello",
    environment="azureml://registries/azureml/environments/sklearn-1.5/versions/1",
    compute="cpu",
)


def job(status: str = "Running", owner: str = "demo") -> dict[str, Any]:
    return {
        "id": JOB,
        "name": "probe-1",
        "type": "Microsoft.MachineLearningServices/workspaces/jobs",
        "properties": {
            "jobType": "Command",
            "status": status,
            "command": "echo hello",
            "environmentId": REQUEST.environment,
            "computeId": f"{WORKSPACE}/computes/cpu",
            "experimentName": "Default",
            "displayName": "probe-1",
            "tags": {"cp.owner": owner},
            "properties": {},
            "services": {},
            "inputs": {},
            "outputs": {},
            "resources": {"instanceCount": 1},
            "parameters": {},
        },
        "systemData": {"createdAt": "2026-11-21T12:00:00Z", "createdByType": "Application"},
    }


NOT_FOUND = Answer(404, {"error": {"code": "ResourceNotFound", "message": "No such job."}})


@pytest.fixture
async def jobs(arm: FakeArm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JobClient]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD", raising=False)
    settings = Settings(
        arm_endpoint=arm.endpoint,
        authority_host=arm.endpoint,
        tenant_ids=("t",),
        audience="a",
        observer_client_id="o",
        operator_client_id=CLIENT_ID,
    )
    client = JobClient(settings, CLIENT_ID)
    yield client
    await client.close()


async def test_a_job_is_put_under_its_own_name(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, NOT_FOUND)
    arm.on("PUT", JOB, Answer(201, job("NotStarted")))

    state = await jobs.submit(WORKSPACE, REQUEST)

    assert state == JobState("probe-1", "NotStarted", "demo")
    [put] = [call for call in arm.calls if call.method == "PUT"]
    assert put.target.partition("?")[0] == JOB
    assert put.json["properties"]["command"] == "echo hello"
    assert put.json["properties"]["computeId"] == f"{WORKSPACE}/computes/cpu"
    assert put.json["properties"]["environmentId"] == REQUEST.environment
    assert put.json["properties"]["tags"] == {"cp.owner": "demo"}
    assert put.headers["authorization"].startswith(f"Bearer {TOKEN}")
    assert [call.target for call in arm.token_calls if CLIENT_ID not in call.target] == []


async def test_a_job_that_was_submitted_before_is_found(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, Answer(200, job("Running")))
    assert await jobs.submit(WORKSPACE, REQUEST) == JobState("probe-1", "Running", "demo")
    assert {call.method for call in arm.calls} == {"GET"}


async def test_a_job_of_somebody_else_is_left_alone(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, Answer(200, job("Running", owner="ada")))
    with pytest.raises(Conflict) as caught:
        await jobs.submit(WORKSPACE, REQUEST)
    assert caught.value.code == "JobExists"
    assert {call.method for call in arm.calls} == {"GET"}


async def test_status_in_azures_words(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, Answer(200, job("Completed")), NOT_FOUND)
    assert await jobs.state(WORKSPACE, "probe-1") == JobState("probe-1", "Completed", "demo")
    assert await jobs.state(WORKSPACE, "probe-1") is None


async def test_cancel_does_not_wait(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("POST", f"{JOB}/cancel", Answer(202, None, {"Location": f"{arm.endpoint}/operations/1"}))
    await jobs.cancel(WORKSPACE, "probe-1")
    assert [call.method for call in arm.calls] == ["POST"]


async def test_refusals_have_arms_code(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, NOT_FOUND)
    arm.on("PUT", JOB, Answer(400, {"error": {"code": "UserError", "message": f"No compute. {TOKEN}"}}))
    with pytest.raises(Rejected) as caught:
        await jobs.submit(WORKSPACE, REQUEST)
    assert caught.value.code == "UserError"
    assert TOKEN not in str(caught.value)
    arm.on("GET", JOB, Answer(404, {"error": {"code": "SubscriptionNotFound", "message": "m"}}))
    with pytest.raises(Rejected):
        await jobs.state(WORKSPACE, "probe-1")


async def test_a_lost_write_is_transient(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, NOT_FOUND)
    arm.on("PUT", JOB, Answer(LOST))
    with pytest.raises(Transient):
        await jobs.submit(WORKSPACE, REQUEST)
    assert [call.method for call in arm.calls] == ["GET", "PUT"]


async def test_throttling_is_not_slept_off(arm: FakeArm, jobs: JobClient) -> None:
    arm.on("GET", JOB, Answer(429, {"error": {"code": "TooManyRequests", "message": "m"}}, {"Retry-After": "30"}))
    with pytest.raises(Transient) as caught:
        await jobs.state(WORKSPACE, "probe-1")
    assert caught.value.retry_after == 30.0
    assert len(arm.calls) == 1


async def test_tokens_stay_at_arm_whatever_the_settings_of_the_sdk_say(
    arm: FakeArm, elsewhere: FakeArm, jobs: JobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm.on("GET", JOB, Answer(307, None, {"Location": f"{elsewhere.endpoint}{JOB}"}))
    with pytest.raises(Fatal):
        await jobs.state(WORKSPACE, "probe-1")
    monkeypatch.setenv("AZUREML_DEV_URL_MFE", elsewhere.endpoint)  # the SDK's own back door for its developers
    with pytest.raises(Fatal) as caught:
        await jobs.state(WORKSPACE.replace("mlw-1", "mlw-2"), "probe-1")
    assert caught.value.code == "UnexpectedHost"
    assert elsewhere.calls == []
