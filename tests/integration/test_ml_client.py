"""azure-ai-ml's own client against the simulator: pipelines, models, schedules, monitors, endpoints, unchanged."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.test_types_azure_ai_ml import settled
from tests.support.simulator import RunningSimulator, start_simulator

CALLS = Path(__file__).with_name("ml_client_calls.py")
TRAIN = """
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
name: train
version: "1"
type: command
inputs:
  training_data: {type: uri_folder}
  drift_reason: {type: string}
environment: azureml://registries/azureml/environments/sklearn-1.5/versions/1
command: echo ${{inputs.training_data}} ${{inputs.drift_reason}}
"""
PIPELINE = """
$schema: https://azuremlschemas.azureedge.net/latest/pipelineComponent.schema.json
name: NAME
version: "1"
type: pipeline
inputs:
  training_data: {type: uri_folder}
  drift_reason: {type: string}
jobs:
  step:
    type: KIND
    component: azureml:OF:1
    inputs:
      training_data: ${{parent.inputs.training_data}}
      drift_reason: ${{parent.inputs.drift_reason}}
"""
OUTCOMES = [
    {"job": "rt-2", "status": "Failed", "message": "no rows", "seconds": 1},
    {"job": "long-*", "seconds": 100_000_000},
    {"component": "retrain", "metrics": {"challenger.auc": 0.91}, "model": {"name": "churn-retrained"}, "seconds": 1},
]

pytestmark = pytest.mark.slow


async def workspace(simulator: RunningSimulator) -> str:
    """A workspace with public access and a cluster."""
    group = f"{simulator.subscription}/resourceGroups/ml"
    here = {"location": "westeurope"}
    async with simulator.arm() as arm:
        await settled(arm, group, "2021-04-01", here)

        async def put(of_type: str, name: str, version: str, **more: Any) -> str:
            return await settled(arm, f"{group}/providers/{of_type}/{name}", version, {**here, **more})

        sku = {"name": "Standard_LRS"}
        account = await put("Microsoft.Storage/storageAccounts", "account1", "2023-05-01", kind="StorageV2", sku=sku)
        rbac = {
            "tenantId": simulator.env["AZURE_TENANT_ID"],
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
        }
        vault = await put("Microsoft.KeyVault/vaults", "vault-1", "2023-07-01", properties=rbac)
        logs = await put("Microsoft.OperationalInsights/workspaces", "logs", "2023-09-01")
        web = {"Application_Type": "web", "WorkspaceResourceId": logs}
        insights = await put("Microsoft.Insights/components", "insights", "2020-02-02", kind="web", properties=web)
        bundle = {
            "storageAccount": account,
            "keyVault": vault,
            "applicationInsights": insights,
            "managedNetwork": {"isolationMode": "AllowInternetOutbound"},
        }
        found = await put("Microsoft.MachineLearningServices/workspaces", "ws1", "2024-10-01", properties=bundle)
        size = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 2, "minNodeCount": 0}}
        provision = {"includeSpark": True}
        answer = await arm.post(
            f"{found}/provisionManagedNetwork", params={"api-version": "2024-10-01"}, json=provision
        )
        assert answer.status_code == 202, answer.text
        cluster = {**here, "properties": {"computeType": "AmlCompute", "properties": size}}
        await settled(arm, f"{found}/computes/cpu", "2024-10-01", cluster)
    return found


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    with start_simulator(tmp_path_factory.mktemp("simulator"), time_scale=5000) as running:
        running.settings(throttling=False)
        asyncio.run(workspace(running))
        yield running


@pytest.fixture(scope="module")
def said(azure: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client saw, all sections in one process: importing the SDK takes most of the time."""
    folder = tmp_path_factory.mktemp("components")
    (folder / "train.yaml").write_text(TRAIN)
    for name, kind, inner in (("retrain", "command", "train"), ("nested", "pipeline", "retrain")):
        text = PIPELINE.replace("NAME", name).replace("KIND", kind).replace("OF", inner)
        (folder / f"{name}.yaml").write_text(text)
    azure.control("PUT", "outcomes", json=OUTCOMES)
    azure.inject(kind="drift", workspace="ws1", model="churn", severity="high")
    # The SDK writes the cloud it used last into the environment of its process, which may have been this one.
    environment = {name: value for name, value in azure.environment().items() if name != "AZUREML_CURRENT_CLOUD"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(CALLS)],
        env={**environment, "COMPONENTS": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_components_are_registered_and_listed(said: dict[str, Any]) -> None:
    made = [["train", "1", "command"], ["retrain", "1", "pipeline"], ["nested", "1", "pipeline"]]
    assert said["components"] == {"made": made, "listed": ["nested", "retrain", "train"]}


def test_a_pipeline_runs_and_a_name_is_one_run(said: dict[str, Any]) -> None:
    pipelines = said["pipelines"]
    assert (pipelines["first"], pipelines["again"], pipelines["done"]) == ("NotStarted", "rt-1", "Completed")
    status, code, message = pipelines["other body"]
    assert (status, code) == (400, "UserError")
    assert "A job with this name already exists" in message
    assert pipelines["tags"]["cp.metric.challenger.auc"] == "0.91"
    assert pipelines["tags"]["cp.decisionId"] == "d1"
    assert pipelines["failed"] == ["Failed"]
    assert pipelines["nested"] == "Completed"
    assert pipelines["canceled"] == "Canceled"
    assert pipelines["no input"][:2] == [400, "UserError"]
    assert [name for name, _, _ in pipelines["listed"]] == ["long-1", "rt-3", "rt-2", "rt-1"]
    assert said["dsl"] == "Completed"


def test_models_are_versions_that_can_be_read_and_archived(said: dict[str, Any]) -> None:
    models = said["models"]
    assert (models["made"], models["second"], models["latest"], models["read"]) == (["1"], "2", "2", {"a": "2"})
    assert sorted(models["versions"]) == ["1", "2"]
    assert models["left"] == ["2"]
    assert models["names"] == ["churn", "churn-retrained"]
    assert models["moved"][:2] == [400, "UserError"]
    assert "Asset paths cannot be updated." in models["moved"][2]


def test_an_online_endpoint_has_traffic_instances_and_collections(said: dict[str, Any]) -> None:
    online = said["online"]
    assert online["collects"] == {"model_inputs": "true", "model_outputs": "true"}
    assert (online["traffic"], online["instances"]) == ({"blue": 100}, 3)
    assert online["wrong traffic"][:2] == [400, "UserError"]
    assert online["quota"][:2] == [400, "OutOfQuota"]
    assert (online["listed"], online["deployments"], online["keys"]) == (["churn"], ["blue"], 404)


def test_a_batch_endpoint_runs_a_pipeline(said: dict[str, Any]) -> None:
    assert said["batch"] == {"invoked": "Completed", "deployments": ["first"], "listed": ["scoring"]}


def test_a_schedule_is_triggered_disabled_enabled_and_deleted(said: dict[str, Any]) -> None:
    assert said["schedules"] == {
        "made": ["nightly", True, "Succeeded"],
        "triggered": ["CreateJob", "Completed"],
        "disabled": False,
        "refused": [400, "UserError"],
        "listed": [],
        "all": ["nightly"],
        "enabled": True,
        "gone": [],
    }


def test_a_monitor_finds_the_drift(said: dict[str, Any]) -> None:
    monitors = said["monitors"]
    assert monitors["made"] == ["churn-monitor", ["churn-monitor_drift"]]
    assert monitors["refused"] == [400, "UserError"]
    action, status, names, tags = monitors["run"]
    assert (action, status) == ("CreateMonitor", "Completed")
    breached = "azureml.modelmonitor.threshold.breached.churn-monitor_drift"
    assert names == [breached, "azureml.notification.email.address"]
    assert "has failed due to one or more features violating metric thresholds" in tags[breached]
