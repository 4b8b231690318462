"""Cloud Custodian, as one runs it over an estate: it lists the workspaces and filters them by tag and by metric."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.simulator import RunningSimulator, start_simulator
from tests.support.waiting import PATIENCE_SECONDS, until

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-c7n" / "bin" / "python"
CUSTODIAN = Path(__file__).with_name("custodian.py")
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"  # the built-in role
ML = "Microsoft.MachineLearningServices/workspaces"
VERSIONS = {
    "Microsoft.Storage": "2023-05-01", "Microsoft.KeyVault": "2023-07-01", "Microsoft.Insights": "2020-02-02",
    "Microsoft.OperationalInsights": "2023-09-01", "Microsoft.MachineLearningServices": "2024-10-01",
    "Microsoft.ManagedIdentity": "2023-01-31", "Microsoft.Authorization": "2022-04-01",
}  # fmt: skip


class Arm:
    """Calls as Owner that wait until what they started has ended."""

    def __init__(self, azure: RunningSimulator) -> None:
        token = azure.arm_token()
        self.azure = azure
        self.http = httpx.Client(
            base_url=azure.url, verify=azure.context(), headers={"authorization": f"Bearer {token}"},
            timeout=PATIENCE_SECONDS,
        )  # fmt: skip

    def put(self, path: str, body: dict[str, Any]) -> None:
        namespace = path.split("/providers/")[-1].split("/")[0] if "/providers/" in path else ""
        answer = self.http.put(path, params={"api-version": VERSIONS.get(namespace, "2021-04-01")}, json=body)
        assert answer.status_code < 300, answer.text
        until(lambda: not self.azure.settings()["runningOperations"], says=lambda: "operations are still running")


def workspace(arm: Arm, group: str, name: str, tags: dict[str, str]) -> str:
    """A workspace and what it needs; its id."""
    here = f"{group}/providers"
    logs = f"{here}/Microsoft.OperationalInsights/workspaces/{name}"
    insights = f"{here}/Microsoft.Insights/components/{name}"
    storage, vault = f"{here}/Microsoft.Storage/storageAccounts/{name}", f"{here}/Microsoft.KeyVault/vaults/{name}"
    region = {"location": "westeurope"}
    arm.put(logs, {**region, "properties": {}})
    arm.put(insights, {**region, "kind": "web", "properties": {"Application_Type": "web", "WorkspaceResourceId": logs}})
    arm.put(storage, {**region, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}})
    tenant = arm.azure.env["AZURE_TENANT_ID"]
    sku = {"family": "A", "name": "standard"}
    arm.put(vault, {**region, "properties": {"tenantId": tenant, "sku": sku, "enableRbacAuthorization": True}})
    properties = {"storageAccount": storage, "keyVault": vault, "applicationInsights": insights}
    path = f"{here}/{ML}/{name}"
    arm.put(path, {**region, "tags": tags, "identity": {"type": "SystemAssigned"}, "properties": properties})
    return path


def cluster(arm: Arm, path: str, least: int) -> None:
    scale = {"minNodeCount": least, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT2H"}
    inner = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale}
    arm.put(
        f"{path}/computes/cpu",
        {"location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": inner}},
    )


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """`busy` has a node, `quiet` has a cluster without any, `bare` has no cluster."""
    with start_simulator(tmp_path_factory.mktemp("estate"), time_scale=1000) as azure:
        arm, group = Arm(azure), f"{azure.subscription}/resourceGroups/estate"
        arm.put(group, {"location": "westeurope"})
        for name, tags, least in (
            ("busy001", {"owner": "risk"}, 1), ("quiet001", {"owner": "fraud"}, 0), ("bare001", {}, None),
        ):  # fmt: skip
            path = workspace(arm, group, name, tags)
            if least is not None:
                cluster(arm, path, least)
        _wait_for_node(azure, f"{group}/providers/{ML}/busy001/computes/cpu")
        _reader(arm, group)
        yield azure
        arm.http.close()


def _reader(arm: Arm, group: str) -> None:
    """Custodian's own identity, Reader of the subscription; named in the process's env as CUSTODIAN_CLIENT_ID."""
    path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/custodian"
    arm.put(path, {"location": "westeurope"})
    made = {key.lower(): body for key, body in arm.azure.state(under=path).items()}[path.lower()]["properties"]
    roles = f"{arm.azure.subscription}/providers/Microsoft.Authorization"
    given = {"roleDefinitionId": f"{roles}/roleDefinitions/{READER}", "principalId": made["principalId"]}
    arm.put(f"{roles}/roleAssignments/{READER}", {"properties": {**given, "principalType": "ServicePrincipal"}})
    arm.azure.env["CUSTODIAN_CLIENT_ID"] = made["clientId"]


def _wait_for_node(azure: RunningSimulator, path: str) -> None:
    def look() -> bool:
        return bool(azure.state()[path]["properties"]["properties"]["currentNodeCount"] >= 1)

    until(look, says=lambda: "the node does not come")


POLICIES: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    "all": ([], {"busy001", "quiet001", "bare001"}),
    "by-tag": ([{"tag:owner": "risk"}], {"busy001"}),
    "without-owner": ([{"tag:owner": "absent"}], {"bare001"}),
    "by-property": ([{"type": "value", "key": "properties.provisioningState", "value": "Succeeded"}],
                    {"busy001", "quiet001", "bare001"}),
    "with-nodes": ([{"type": "metric", "metric": "Total Nodes", "aggregation": "maximum", "op": "ge", "threshold": 1,
                     "timeframe": 1, "interval": "PT5M"}], {"busy001"}),
    "without-nodes": ([{"type": "metric", "metric": "Total Nodes", "aggregation": "maximum", "op": "le",
                        "threshold": 0, "timeframe": 1, "interval": "PT5M", "no_data_action": "to_zero"}],
                      {"quiet001", "bare001"}),
    "no-samples": ([{"type": "metric", "metric": "Active Nodes", "aggregation": "maximum", "op": "le", "threshold": 99,
                     "timeframe": 1, "interval": "PT5M", "no_data_action": "exclude"}], {"busy001"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def found(estate: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Policy -> names of the workspaces that one run of `custodian` found, as an identity that may only read."""
    folder = tmp_path_factory.mktemp("custodian")
    policies = [
        {"name": name, "resource": "azure.machine-learning-workspace", "filters": filters}
        for name, (filters, _) in POLICIES.items()
    ]
    written = folder / "policies.yml"
    written.write_text(yaml.safe_dump({"policies": policies}), encoding="utf-8")
    estate.clear_calls()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AZURE_")}
    env = {
        **inherited,
        **{name: estate.env[name] for name in ("ARM_ENDPOINT", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")},
        "REQUESTS_CA_BUNDLE": estate.env["REQUESTS_CA_BUNDLE"],
        "SSL_CERT_FILE": estate.env["SSL_CERT_FILE"],
        "AZURE_USE_MSI": "true",
        "AZURE_CLIENT_ID": estate.env["CUSTODIAN_CLIENT_ID"],
        "AZURE_TENANT_ID": estate.env["AZURE_TENANT_ID"],
        "AZURE_SUBSCRIPTION_ID": estate.env["AZURE_SUBSCRIPTION_ID"],
        "HOME": str(folder),
    }
    command = [str(PYTHON), str(CUSTODIAN), "run", "--region", "SimulatedCloud", "--cache-period", "0"]
    done = subprocess.run(
        [*command, "-s", str(folder), str(written)], env=env, capture_output=True, text=True,
        timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: _names(folder / name / "resources.json") for name in POLICIES}


def _names(path: Path) -> set[str]:
    return {one["name"] for one in json.loads(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_policy_finds(found: dict[str, set[str]], name: str) -> None:
    assert found[name] == POLICIES[name][1]


def test_custodian_only_read(found: dict[str, set[str]], estate: RunningSimulator) -> None:
    calls = estate.calls(plane="arm")
    assert {one["method"] for one in calls} == {"GET"}
    assert {one["clientId"] for one in calls} == {estate.env["CUSTODIAN_CLIENT_ID"]}
    assert {one["status"] for one in calls} == {200}
    assert any(one["path"].endswith("/metrics") for one in calls)
