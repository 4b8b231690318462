"""The product's own writer of pipeline jobs against the simulator: components, batch deployments, definitions."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from controlplane.azure.jobs import JobClient
from controlplane.azure.ml_writer import AzureMlWriter
from controlplane.errors import Rejected
from controlplane.ports.ml import BatchDeployment, Component, Definition, PipelineJob
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
    jobs = JobClient(settings, settings.operator_client_id)
    yield AzureMlWriter(jobs)
    await jobs.close()


def job(owner: str = "decision-1", component: str = "azureml:retrain:1") -> PipelineJob:
    given = {"training_data": DATA, "reason": "drift"}
    return PipelineJob("rt-1-1", owner, Component(component), "retraining", "serverless", given, {"cp.model": "churn"})


async def ended(azure: Monitored, name: str) -> dict[str, Any]:
    for _ in range(5000):
        found: dict[str, Any] = azure.call("GET", f"{azure.workspace}/jobs/{name}").json()["properties"]
        if found["status"] in ("Completed", "Failed", "Canceled"):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(found["status"])


async def test_a_run_is_submitted_under_its_name_and_says_whose_it_is(azure: Monitored, writer: AzureMlWriter) -> None:
    await writer.submit(azure.workspace, job())
    found = await ended(azure, "rt-1-1")
    assert (found["status"], found["tags"]) == ("Completed", {"cp.decisionId": "decision-1", "cp.model": "churn"})
    await writer.submit(azure.workspace, job())
    listed = azure.call("GET", f"{azure.workspace}/jobs").json()["value"]
    assert [one["name"] for one in listed] == ["rt-1-1"]


async def test_a_component_that_is_not_there_is_refused(azure: Monitored, writer: AzureMlWriter) -> None:
    with pytest.raises(Rejected):
        await writer.submit(azure.workspace, job(component="azureml:gone:1"))
    assert azure.call("GET", f"{azure.workspace}/jobs").json()["value"] == []


async def test_a_batch_deployment_is_invoked_and_its_job_gets_our_tags(azure: Monitored, writer: AzureMlWriter) -> None:
    here: dict[str, Any] = {"location": "westeurope"}
    endpoint = f"{azure.workspace}/batchEndpoints/training"
    azure.put(endpoint, {**here, "properties": {"authMode": "AADToken"}})
    component = f"{azure.workspace}/components/retrain/versions/1"
    configuration = {"deploymentConfigurationType": "PipelineComponent", "componentId": {"assetId": component}}
    azure.put(f"{endpoint}/deployments/blue", {**here, "properties": {"deploymentConfiguration": configuration}})
    asked = PipelineJob(
        "rt-2-1", "decision-2", BatchDeployment("training", "blue"), "retraining",
        inputs={"training_data": DATA, "reason": "drift"},
    )  # fmt: skip
    await writer.submit(azure.workspace, asked)
    await writer.label(azure.workspace, "rt-2-1", {"cp.decisionId": "decision-2"})
    found = await ended(azure, "rt-2-1")
    assert (found["status"], found["tags"]["cp.decisionId"]) == ("Completed", "decision-2")
    assert found["inputs"]["training_data"]["uri"] == DATA
    assert found["properties"]["azureml.batchendpointid"] == "training"


async def test_a_definition_is_put_as_it_is_and_can_be_cancelled(azure: Monitored, writer: AzureMlWriter) -> None:
    component = f"{azure.workspace}/components/retrain/versions/1"
    definition = {
        "jobType": "Pipeline", "componentId": component, "status": "Completed",
        "inputs": {"training_data": {"jobInputType": "uri_folder", "uri": DATA}},
    }  # fmt: skip
    azure.running.control("PUT", "outcomes", json=[{"component": "retrain", "seconds": 1_000_000}])
    asked = PipelineJob("rt-3-1", "decision-3", Definition(definition), "retraining")
    await writer.submit(azure.workspace, asked)
    before = azure.call("GET", f"{azure.workspace}/jobs/rt-3-1").json()["properties"]
    assert (before["experimentName"], before["tags"]) == ("retraining", {"cp.decisionId": "decision-3"})
    await writer.cancel(azure.workspace, "rt-3-1")
    assert (await ended(azure, "rt-3-1"))["status"] == "Canceled"
