"""A workspace with a managed network, its outbound rules, a compute instance, datastores, its registry and identities.

`az ml` is an extension that is not on PyPI: what it sends is sent through `az rest`, in the bodies that azure-ai-ml,
of which it is made, builds for the same wishes (tests/simulator/test_types_azure_ai_ml.py drives that library itself).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.az.client import Az
from tests.support.simulator import RunningSimulator
from tests.support.waiting import PATIENCE_SECONDS

GROUP = "az-learning"
PROVIDERS = "/providers/Microsoft."
VERSION = "api-version=2024-10-01"


@dataclass(frozen=True)
class Hub:
    """One workspace for the file's tests, none of which needs it as another left it."""

    az: Az
    azure: RunningSimulator

    @property
    def group_id(self) -> str:
        return f"{self.azure.subscription}/resourceGroups/{GROUP}"

    @property
    def path(self) -> str:
        return f"{self.group_id}{PROVIDERS}MachineLearningServices/workspaces/mlhub"

    def command(self, method: str, path: str, body: Any = None, query: str = VERSION) -> str:
        sent = "" if body is None else f" --body {shlex.quote(json.dumps(body))}"
        return f"rest --method {method} --url '{self.path}{path}?{query}'{sent}"

    def rest(self, method: str, path: str, body: Any = None, query: str = VERSION) -> Any:
        return self.az(self.command(method, path, body, query))

    def refused(self, method: str, path: str, body: Any = None) -> str:
        before = self.azure.state(under=self.path)
        said = self.az.refused(self.command(method, path, body))
        assert self.azure.state(under=self.path) == before
        return said

    def missing(self, path: str) -> bool:
        return "Not Found" in self.az.refused(self.command("get", path))

    def wait(self, path: str, *until: str) -> None:
        asked = f"--ids {self.path}{path} --interval 1 --timeout {PATIENCE_SECONDS:.0f}"
        self.az(f"resource wait {asked} {' '.join(until)}")

    def stored(self, path: str = "") -> dict[str, Any]:
        return self.azure.state(under=self.path)[self.path + path]


@pytest.fixture(scope="module")
def hub(az: Az, azure: RunningSimulator) -> Iterator[Hub]:
    made = Hub(az, azure)
    az(f"group create -n {GROUP}")
    az(f"storage account create -g {GROUP} -n azlearning --sku Standard_LRS")
    az(f"keyvault create -g {GROUP} -n kv-azlearning --no-wait")
    az("keyvault wait -n kv-azlearning --created --interval 1")
    az(f"monitor log-analytics workspace create -g {GROUP} -n logs")
    logs = {"Application_Type": "web", "WorkspaceResourceId": _id(made, "OperationalInsights/workspaces/logs")}
    _create(az, "insights", "Insights/components", {"location": "westeurope", "kind": "web", "properties": logs})
    properties = {
        "storageAccount": _id(made, "Storage/storageAccounts/azlearning"),
        "keyVault": _id(made, "KeyVault/vaults/kv-azlearning"),
        "applicationInsights": _id(made, "Insights/components/insights"),
        "managedNetwork": {"isolationMode": "AllowOnlyApprovedOutbound", "firewallSku": "Basic"},
    }
    workspace = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": properties}
    _create(az, "mlhub", "MachineLearningServices/workspaces", workspace)
    yield made
    az(f"group delete -n {GROUP} -y")


def _id(hub: Hub, path: str) -> str:
    return f"{hub.group_id}{PROVIDERS}{path}"


def _create(az: Az, name: str, kind: str, body: Any) -> None:
    text = shlex.quote(json.dumps(body))
    az(f"resource create -g {GROUP} -n {name} --resource-type Microsoft.{kind} --is-full-object -p {text}")


def _rule(kind: str, destination: Any) -> dict[str, Any]:
    return {"properties": {"type": kind, "category": "UserDefined", "destination": destination}}


TAG = {"serviceTag": "AzureDevOps", "protocol": "TCP", "portRanges": "443"}


def test_outbound_rules_and_the_network(hub: Hub) -> None:
    table = {"serviceResourceId": _id(hub, "Storage/storageAccounts/azlearning"), "subresourceTarget": "table"}
    rules = {
        "pypi": _rule("FQDN", "pypi.org"),
        "devops": _rule("ServiceTag", TAG),
        "table": _rule("PrivateEndpoint", {**table, "sparkEnabled": False}),
    }
    for name, body in rules.items():
        hub.rest("put", f"/outboundRules/{name}", body)
        hub.wait(f"/outboundRules/{name}", "--exists")
        shown = hub.rest("get", f"/outboundRules/{name}")["properties"]
        assert (shown["status"], shown["type"]) == ("Inactive", body["properties"]["type"])
    listed = {one["name"]: one["properties"]["category"] for one in hub.rest("get", "/outboundRules")["value"]}
    assert {name for name, category in listed.items() if category == "UserDefined"} == set(rules)
    assert "Required" in listed.values()
    hub.rest("put", "/outboundRules/devops", _rule("ServiceTag", {**TAG, "portRanges": "443,8080"}))
    assert hub.stored("/outboundRules/devops")["properties"]["destination"]["portRanges"] == "443,8080"

    hub.rest("post", "/provisionManagedNetwork", {"includeSpark": False})
    hub.wait("", "--custom", "\"properties.managedNetwork.status.status=='Active'\"")
    assert {one["properties"]["status"] for one in hub.rest("get", "/outboundRules")["value"]} == {"Active"}
    endpoints = hub.az(f"network private-endpoint-connection list --id {table['serviceResourceId']}")
    assert {one["properties"]["privateLinkServiceConnectionState"]["status"] for one in endpoints} == {"Approved"}
    hub.rest("delete", "/outboundRules/pypi")
    hub.wait("/outboundRules/pypi", "--deleted")
    assert hub.missing("/outboundRules/pypi")


def test_rules_that_are_refused(hub: Hub) -> None:
    required = next(name for name in hub.stored()["properties"]["managedNetwork"]["outboundRules"] if "SYS_ST" in name)
    assert "is required" in hub.refused("delete", f"/outboundRules/{required}")
    hub.rest("put", "/outboundRules/conda", _rule("FQDN", "conda.anaconda.org"))
    again = hub.refused("put", "/outboundRules/again", _rule("FQDN", "conda.anaconda.org"))
    assert "ValidationError" in again
    blob = hub.refused("put", "/outboundRules/blob", _rule("FQDN", "any.blob.core.windows.net"))
    assert "Use a private endpoint outbound rule." in blob
    off = hub.refused("patch", "", {"properties": {"managedNetwork": {"isolationMode": "Disabled"}}})
    assert "cannot be changed from 'AllowOnlyApprovedOutbound' to 'Disabled'" in off


def _instance(**more: Any) -> dict[str, Any]:
    properties = {"vmSize": "Standard_DS3_v2", "sshSettings": {"sshPublicAccess": "Disabled"}, **more}
    return {"location": "westeurope", "properties": {"computeType": "ComputeInstance", "properties": properties}}


def test_a_compute_instance(hub: Hub) -> None:
    path, ready = "/computes/ci-ada", ("--custom", "\"properties.provisioningState=='Succeeded'\"")
    # It stops by itself when it has idled for so long: two days are minutes at this time scale.
    hub.rest("put", path, _instance(idleTimeBeforeShutdown="P2D", enableNodePublicIp=False))
    hub.wait(path, *ready)
    assert [one["name"] for one in hub.rest("get", "/computes")["value"]] == ["ci-ada"]
    for action, state in (("stop", "Stopped"), ("start", "Running")):
        hub.rest("post", f"{path}/{action}")
        hub.wait(path, "--custom", f"\"properties.properties.state=='{state}'\"")
    hub.rest("post", f"{path}/updateIdleShutdownSetting", {"idleTimeBeforeShutdown": "P3D"})
    assert hub.stored(path)["properties"]["properties"]["idleTimeBeforeShutdown"] == "P3D"
    assert "PT1M" in hub.refused("post", f"{path}/updateIdleShutdownSetting", {"idleTimeBeforeShutdown": "PT1M"})
    assert "Reason: AlreadyExists" in _same_name(hub)
    hub.rest("delete", path, query=f"{VERSION}&underlyingResourceAction=Delete")
    hub.wait(path, "--deleted")
    assert hub.missing(path)
    assert "must start with a letter" in hub.refused("put", "/computes/1-bad", _instance())


def _same_name(hub: Hub) -> str:
    """Names of instances are one region's, so another workspace has none of them to give."""
    other = hub.command("put", "/computes/ci-ada", _instance()).replace("/mlhub/", "/mlother/")
    properties = {key: hub.stored()["properties"][key] for key in ("keyVault", "applicationInsights")}
    hub.az(f"storage account create -g {GROUP} -n azlearningother --sku Standard_LRS")
    properties["storageAccount"] = _id(hub, "Storage/storageAccounts/azlearningother")
    body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": properties}
    _create(hub.az, "mlother", "MachineLearningServices/workspaces", body)
    return hub.az.refused(other)


def _store(kind: str, **credentials: Any) -> dict[str, Any]:
    properties = {
        "datastoreType": "AzureBlob", "accountName": "azlearning", "containerName": "models",
        "endpoint": "core.windows.net", "protocol": "https",
        "credentials": {"credentialsType": kind, **credentials},
    }  # fmt: skip
    return {"properties": properties}


def test_datastores(hub: Hub) -> None:
    path = "/datastores/models"
    hub.rest("put", path, _store("None"), query=f"{VERSION}&skipValidation=true")
    assert hub.rest("get", path)["properties"]["credentials"] == {"credentialsType": "None"}
    assert {"models", "workspaceblobstore"} <= {one["name"] for one in hub.rest("get", "/datastores")["value"]}
    hub.rest("put", path, _store("AccountKey", secrets={"secretsType": "AccountKey", "key": "abcd"}))
    assert hub.rest("get", path)["properties"]["credentials"] == {"credentialsType": "AccountKey"}
    assert hub.rest("post", f"{path}/listSecrets") == {"secretsType": "AccountKey", "key": "abcd"}
    nothing = {"properties": {**_store("None")["properties"], "credentials": None}}
    assert "The credentials of datastore 'odd' are required." in hub.refused("put", "/datastores/odd", nothing)
    hub.rest("delete", path)
    assert hub.missing(path)


def test_a_registry_is_attached(hub: Hub) -> None:
    hub.az(f"acr create -g {GROUP} -n azlearningacr --sku Premium")
    registry = _id(hub, "ContainerRegistry/registries/azlearningacr")
    update = f"resource update --ids {hub.path} --set properties.containerRegistry="
    before = hub.stored()
    assert "azlearningno" in hub.az.refused(update + registry.replace("acr", "no"))
    assert hub.stored() == before
    hub.az(update + registry)
    assert hub.stored()["properties"]["containerRegistry"] == registry


def test_identities_join_and_one_stays(hub: Hub) -> None:
    """Used by a workspace, each is shown with its ids; system identity cannot be left behind."""
    ids = {name: hub.az(f"identity create -g {GROUP} -n {name}")["id"] for name in ("first", "second")}
    both = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {one: {} for one in ids.values()}}
    hub.rest("patch", "", {"identity": both})
    shown = hub.rest("get", "")["identity"]
    assert {one["clientId"] for one in shown["userAssignedIdentities"].values()} == {
        hub.az(f"identity show --ids {one}")["clientId"] for one in ids.values()
    }
    only = {"type": "UserAssigned", "userAssignedIdentities": {ids["first"]: {}}}
    assert "is not supported" in hub.refused("patch", "", {"identity": only})
