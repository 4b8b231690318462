"""A workspace on the running simulator that has online endpoints, and credentials as Azure's clients take them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from tests.support.simulator import RunningSimulator
from tests.support.waiting import PATIENCE_SECONDS

LOCATION = "westeurope"
INSIGHTS = "Microsoft.Insights"
ML = "Microsoft.MachineLearningServices/workspaces"
VERSIONS = {
    "microsoft.storage": "2023-05-01",
    "microsoft.keyvault": "2023-07-01",
    "microsoft.operationalinsights": "2023-09-01",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.insights/diagnosticsettings": "2021-05-01-preview",
    "microsoft.insights/actiongroups": "2023-01-01",
    "microsoft.insights/metricalerts": "2018-03-01",
    "microsoft.insights/scheduledqueryrules": "2023-12-01",
    "microsoft.insights/activitylogalerts": "2020-10-01",
    "microsoft.eventgrid": "2025-02-15",
    "microsoft.machinelearningservices": "2024-10-01",
}


def version_of(path: str) -> str:
    tail = path.lower().rpartition("/providers/")[2] if "/providers/" in path.lower() else ""
    return next((version for prefix, version in VERSIONS.items() if tail.startswith(prefix)), "2021-04-01")


class Credential:
    """Tokens of a managed identity through the App Service endpoint, or of the Owner, for any audience."""

    def __init__(self, running: RunningSimulator, identity: str = "owner", audience: str | None = None) -> None:
        self._running, self._identity, self._audience = running, identity, audience

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        audience = self._audience or scopes[0].removesuffix("/.default")
        return AccessToken(token(self._running, self._identity, audience), 2**33)


def token(running: RunningSimulator, identity: str, audience: str) -> str:
    env = running.env
    with httpx.Client(base_url=running.url, verify=running.context(), timeout=PATIENCE_SECONDS) as http:
        if identity == "owner":
            form = {"grant_type": "client_credentials", "scope": f"{audience}/.default"}
            who = {"client_id": env["AZURE_CLIENT_ID"], "client_secret": env["AZURE_CLIENT_SECRET"]}
            answer = http.post(f"/{env['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form | who)
        else:
            query = {"resource": audience, "client_id": env[f"{identity.upper()}_CLIENT_ID"]}
            answer = http.get("/msi/token", params=query, headers={"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]})
    answer.raise_for_status()
    return str(answer.json()["access_token"])


class Monitored:
    """One resource group with a workspace; everything through ARM, as Owner."""

    def __init__(self, running: RunningSimulator) -> None:
        self.running = running
        bearer = {"authorization": f"Bearer {running.arm_token()}"}
        self.http = httpx.Client(
            base_url=running.url, verify=running.context(), headers=bearer, timeout=PATIENCE_SECONDS
        )
        self.place(f"{running.subscription}/resourceGroups/watched/providers/{ML}/watched")

    def place(self, workspace: str) -> None:
        """Where it is built: the workspace's ARM id, before :meth:`build`."""
        self.workspace, self.group = workspace, workspace.partition("/providers/")[0]
        self.logs = f"{self.group}/providers/Microsoft.OperationalInsights/workspaces/logs"

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(method, path, params={"api-version": version_of(path)}, json=body)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """PUT and wait until it is there."""
        answer = self.call("PUT", path, body)
        assert answer.status_code < 300, answer.text
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = self.call("GET", path)
            shown: dict[str, Any] = found.json()
            if found.status_code == 200 and shown.get("properties", {}).get("provisioningState", "Succeeded") in (
                "Succeeded",
                "AwaitingManualAction",
            ):
                return shown
            assert time.monotonic() < deadline, found.text
            time.sleep(0.01)

    def refused(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.call(method, path, body)
        assert answer.status_code >= 400, answer.text
        found: dict[str, Any] = answer.json()["error"]
        return found

    def build(self) -> None:
        here, quickly = {"location": LOCATION}, {"timeScale": 100_000}
        scale = self.running.settings()["timeScale"]
        self.running.settings(**quickly)
        self.put(self.group, here)
        p = f"{self.group}/providers"
        account, vault = f"{p}/Microsoft.Storage/storageAccounts/account1", f"{p}/Microsoft.KeyVault/vaults/vault-1"
        self.put(account, {**here, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}})
        tenant = self.running.env["AZURE_TENANT_ID"]
        rbac = {"tenantId": tenant, "sku": {"family": "A", "name": "standard"}, "enableRbacAuthorization": True}
        self.put(vault, {**here, "properties": rbac})
        self.put(self.logs, here)
        insights = f"{p}/Microsoft.Insights/components/insights"
        web = {"Application_Type": "web", "WorkspaceResourceId": self.logs}
        self.put(insights, {**here, "kind": "web", "properties": web})
        bundle = {"storageAccount": account, "keyVault": vault, "applicationInsights": insights}
        self.put(self.workspace, {**here, "identity": {"type": "SystemAssigned"}, "properties": bundle})
        model = {"modelUri": "azureml://datastores/workspaceblobstore/paths/churn/"}
        self.put(f"{self.workspace}/models/churn/versions/1", {"properties": model})
        self.endpoint("churn")
        self.running.settings(timeScale=scale)

    def endpoint(self, name: str, location: str = LOCATION) -> str:
        """An endpoint with two deployments, of which `blue` gets nine calls in ten."""
        arm_id = f"{self.workspace}/onlineEndpoints/{name}"
        here: dict[str, Any] = {"location": location, "identity": {"type": "SystemAssigned"}}
        self.put(arm_id, {**here, "properties": {"authMode": "AADToken"}})
        managed = {
            "endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2",
            "model": f"{self.workspace}/models/churn/versions/1",
        }  # fmt: skip
        for deployment in ("blue", "green"):
            body = {"location": location, "sku": {"name": "Default", "capacity": 2}, "properties": managed}
            self.put(f"{arm_id}/deployments/{deployment}", body)
        self.put(arm_id, {**here, "properties": {"authMode": "AADToken", "traffic": {"blue": 90, "green": 10}}})
        return arm_id

    def traffic(self, endpoint: str = "churn", **state: Any) -> None:
        self.running.inject(kind="traffic", endpoint=endpoint, **state)


@contextmanager
def monitored(running: RunningSimulator) -> Iterator[Monitored]:
    made = Monitored(running)
    try:
        made.build()
        yield made
    finally:
        made.http.close()
