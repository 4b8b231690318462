"""azure-ai-ml's own client submits a plain command job: an environment by image, no code, a cluster by name."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401
from tests.support.waiting import PATIENCE_SECONDS

# In a process of its own: the SDK reads the cloud from the environment when it is imported.
SCRIPT = """
import json, os, time
from azure.ai.ml import MLClient, command
from azure.ai.ml.entities import Environment
from azure.identity import ClientSecretCredential

env = os.environ
credential = ClientSecretCredential(
    env["AZURE_TENANT_ID"], env["AZURE_CLIENT_ID"], env["AZURE_CLIENT_SECRET"],
    authority=env["AZURE_AUTHORITY_HOST"], disable_instance_discovery=True,
)
client = MLClient(credential, env["AZURE_SUBSCRIPTION_ID"], "ml", "ws1")
image = Environment(image="mcr.microsoft.com/azureml/base:1")
job = client.jobs.create_or_update(command(command="echo", environment=image, compute="cpu", name="job-1"))
seen = [job.status]
for _ in range(2000):
    status = client.jobs.get("job-1").status
    if status != seen[-1]:
        seen.append(status)
    if status in ("Completed", "Failed"):
        break
    time.sleep(0.05)
stores = sorted(store.name for store in client.datastores.list())
print(json.dumps({"seen": seen, "computes": [one.name for one in client.compute.list()], "stores": stores}))
"""


async def settled(arm: Any, path: str, version: str, body: dict[str, Any]) -> str:
    answer = await arm.put(path, params={"api-version": version}, json=body)
    assert answer.status_code < 300, answer.text
    for _ in range(5000):
        found = await arm.get(path, params={"api-version": version})
        state = found.json().get("properties", {}).get("provisioningState", "Succeeded")
        if found.status_code == 200 and state == "Succeeded":
            return path
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path}: {found.text}")


@pytest.mark.slow
async def test_command_job_by_the_sdk(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/ml"
    here, tenant = {"location": "westeurope"}, simulator.env["AZURE_TENANT_ID"]
    async with simulator.arm() as arm:
        await settled(arm, group, "2021-04-01", here)

        async def put(resource_type: str, name: str, version: str, **more: Any) -> str:
            return await settled(arm, f"{group}/providers/{resource_type}/{name}", version, {**here, **more})

        account = await put(
            "Microsoft.Storage/storageAccounts",
            "account1",
            "2023-05-01",
            kind="StorageV2",
            sku={"name": "Standard_LRS"},
        )
        rbac = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
        vault = await put("Microsoft.KeyVault/vaults", "vault-1", "2023-07-01", properties=rbac)
        logs = await put("Microsoft.OperationalInsights/workspaces", "logs", "2023-09-01")
        web = {"Application_Type": "web", "WorkspaceResourceId": logs}
        insights = await put("Microsoft.Insights/components", "insights", "2020-02-02", kind="web", properties=web)
        bundle = {"storageAccount": account, "keyVault": vault, "applicationInsights": insights}
        workspace = await put("Microsoft.MachineLearningServices/workspaces", "ws1", "2024-10-01", properties=bundle)
        size = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 1, "minNodeCount": 0}}
        cluster = {**here, "properties": {"computeType": "AmlCompute", "properties": size}}
        await settled(arm, f"{workspace}/computes/cpu", "2024-10-01", cluster)
    # The SDK writes the cloud it used last into the environment of its process, which may have been this one.
    environment = {name: value for name, value in simulator.environment().items() if name != "AZUREML_CURRENT_CLOUD"}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "ignore", "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["seen"][0] == "NotStarted"
    assert said["seen"][-1] == "Completed"
    assert said["computes"] == ["cpu"]
    assert "workspaceblobstore" in said["stores"]
