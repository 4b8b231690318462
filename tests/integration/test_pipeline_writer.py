"""The product's own writer of pipeline jobs against the simulator: one name is one run, and whose it is."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from controlplane.azure.jobs import JobClient
from controlplane.azure.ml_writer import AzureMlWriter
from controlplane.errors import Conflict, Rejected
from controlplane.ports.ml import PipelineJob
from controlplane.settings import Settings
from tests.support.monitored import Monitored, monitored
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401

DATA = "azureml://datastores/workspaceblobstore/paths/production/"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")]


@pytest.fixture
def azure(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitored]:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD", raising=False)
    with monitored(simulator) as made:
        inputs = {"training_data": {"type": "uri_folder"}, "reason": {"type": "string", "optional": "True"}}
        for name, kind in (("train", "command"), ("retrain", "pipeline")):
            graph = {"step": {"type": "command", "componentId": f"{made.workspace}/components/train/versions/1"}}
            spec = {"name": name, "version": "1", "type": kind, "inputs": inputs}
            spec |= {"jobs": graph} if kind == "pipeline" else {"command": "echo", "environment": "azureml:env:1"}
            made.put(f"{made.workspace}/components/{name}/versions/1", {"properties": {"componentSpec": spec}})
        simulator.settings(timeScale=5000)
        yield made


@pytest.fixture
async def writer(simulator: RunningSimulator) -> AsyncIterator[AzureMlWriter]:
    settings = Settings(
        arm_endpoint=simulator.env["ARM_ENDPOINT"],
        authority_host=simulator.env["AZURE_AUTHORITY_HOST"],
        tenant_ids=(simulator.env["AZURE_TENANT_ID"],),
        audience="a",
        observer_client_id=simulator.env["OBSERVER_CLIENT_ID"],
        operator_client_id=simulator.env["OPERATOR_CLIENT_ID"],
    )
    jobs = JobClient(settings, simulator.env["DATA_SCIENTIST_CLIENT_ID"])
    yield AzureMlWriter(jobs)
    await jobs.close()


def job(**changes: str) -> PipelineJob:
    said = {"name": "rt-1-1", "owner": "decision-1", "component": "azureml:retrain:1", "experiment": "retraining"}
    return PipelineJob(**{**said, **changes}, inputs={"training_data": DATA, "reason": "drift"}, compute="serverless")


async def test_a_run_is_submitted_once_and_is_its_decision_s(azure: Monitored, writer: AzureMlWriter) -> None:
    await writer.submit(azure.workspace, job())
    await writer.submit(azure.workspace, job())
    with pytest.raises(Conflict):
        await writer.submit(azure.workspace, job(owner="decision-2"))
    path = f"{azure.workspace}/jobs/rt-1-1"
    for _ in range(400):
        found = azure.call("GET", path).json()["properties"]
        if found["status"] == "Completed":
            break
        await asyncio.sleep(0.02)
    assert (found["status"], found["tags"]["cp.decisionId"]) == ("Completed", "decision-1")
    puts = [one for one in azure.running.calls(method="PUT") if one["path"].endswith("/jobs/rt-1-1")]
    assert [one["status"] for one in puts] == [201]


async def test_a_component_that_is_not_there_is_refused(azure: Monitored, writer: AzureMlWriter) -> None:
    with pytest.raises(Rejected):
        await writer.submit(azure.workspace, job(component="azureml:gone:1"))
    assert azure.call("GET", f"{azure.workspace}/jobs").json()["value"] == []
