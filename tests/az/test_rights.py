"""Who may do what, by ways that are no role on a group: a vault's policies, eligibility, management groups, approval of
private endpoints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from tests.az.client import Az
from tests.support.simulator import RunningSimulator

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
PLATFORM = "/providers/Microsoft.Management/managementGroups/contoso-platform"
AUTHORIZATION = "/providers/Microsoft.Authorization"


@pytest.fixture
def worker(az: Az, group: str) -> str:
    """The principal of a user-assigned identity."""
    return str(az(f"identity create -g {group} -n worker")["principalId"])


# ------------------------------------------------------------------------------------------------- vault policies


def _policies(azure: RunningSimulator, vault: str) -> dict[str, Any]:
    found = azure.state()[vault]["properties"]["accessPolicies"]
    return {one["objectId"]: one["permissions"] for one in found}


def test_a_vaults_policies(az: Az, azure: RunningSimulator, group: str, group_id: str, worker: str) -> None:
    name, vault = "kv-az-policies", f"{group_id}/providers/Microsoft.KeyVault/vaults/kv-az-policies"
    az(f"keyvault create -g {group} -n {name} --enable-rbac-authorization false --no-wait")
    az(f"keyvault wait -n {name} --created --interval 1")
    assert worker not in _policies(azure, vault)
    az(f"keyvault set-policy -n {name} --object-id {worker} --key-permissions get wrapKey unwrapKey")
    assert set(_policies(azure, vault)[worker]["keys"]) == {"get", "wrapKey", "unwrapKey"}
    az(f"keyvault set-policy -n {name} --object-id {worker} --secret-permissions get list")
    assert set(_policies(azure, vault)[worker]["keys"]) == {"get", "wrapKey", "unwrapKey"}
    assert set(_policies(azure, vault)[worker]["secrets"]) == {"get", "list"}
    az(f"keyvault delete-policy -n {name} --object-id {worker}")
    assert worker not in _policies(azure, vault)
    az(f"keyvault update -n {name} --enable-rbac-authorization true")
    said = az.refused(f"keyvault set-policy -n {name} --object-id {worker} --key-permissions get")
    assert "Cannot set policies to a vault with '--enable-rbac-authorization' specified" in said


# ------------------------------------------------------------------------------------------------- eligibility


def _rest(method: str, path: str, body: Any = None, version: str = "2020-10-01") -> str:
    """`az` has no command of its own for PIM: https://github.com/Azure/azure-cli/issues/24041"""
    sent = "" if body is None else f" --body {shlex.quote(json.dumps(body))}"
    separator = "&" if "?" in path else "?"
    return f"rest --method {method} --url '{path}{separator}api-version={version}'{sent}"


def _wish(azure: RunningSimulator, principal: str, kind: str = "AdminAssign", days: int = 180) -> dict[str, Any]:
    role = f"{azure.subscription}{AUTHORIZATION}/roleDefinitions/{READER}"
    schedule = {"expiration": {"type": "AfterDuration", "duration": f"P{days}D"}}
    return {
        "properties": {
            "principalId": principal, "roleDefinitionId": role, "requestType": kind, "scheduleInfo": schedule,
        }
    }  # fmt: skip


def test_eligibility(az: Az, azure: RunningSimulator, group_id: str, worker: str) -> None:
    def request(number: int) -> str:
        name = f"00000000-0000-0000-0000-{number:012d}"
        return f"{group_id}{AUTHORIZATION}/roleEligibilityScheduleRequests/{name}"

    def held(wanted: str = "atScope()") -> list[str]:
        path = f"{group_id}{AUTHORIZATION}/roleEligibilityScheduleInstances?$filter={wanted}"
        return [one["properties"]["principalId"] for one in az(_rest("get", path))["value"]]

    endless = az.refused(_rest("put", request(1), _wish(azure, worker, days=400)))
    assert "RoleAssignmentRequestPolicyValidationFailed" in endless
    assert "ExpirationRule" in endless
    assert held() == []
    made = az(_rest("put", request(1), _wish(azure, worker)))
    assert made["properties"]["status"] == "Provisioned"
    assert az(_rest("get", request(1)))["id"] == made["id"]
    assert held() == held(f"assignedTo('{worker}')") == [worker]
    assert held("asTarget()") == []
    again = az.refused(_rest("put", request(2), _wish(azure, worker)))
    assert "The Role assignment already exists." in again
    assert az(f"role assignment list --scope {group_id}") == []  # eligible, not assigned
    az(_rest("put", request(3), _wish(azure, worker, "AdminRemove")))
    assert held() == []
    assert "The Role assignment does not exist." in az.refused(
        _rest("put", request(4), _wish(azure, worker, "AdminRemove"))
    )


# ------------------------------------------------------------------------------------------------- management groups


@pytest.fixture
def platform_owner(az: Az, azure: RunningSimulator) -> Iterator[None]:
    """The CLI's principal is Owner of the management group: a Global Administrator elevates access and grants it."""
    me = az(f"ad sp show --id {azure.env['AZURE_CLIENT_ID']}")["id"]
    path = f"{PLATFORM}{AUTHORIZATION}/roleAssignments/00000000-0000-0000-0000-00000000a11c"
    role = f"{AUTHORIZATION}/roleDefinitions/{OWNER}"
    grant = {"properties": {"roleDefinitionId": role, "principalId": me, "principalType": "ServicePrincipal"}}
    elevated = {"method": "POST", "path": f"{AUTHORIZATION}/elevateAccess", "apiVersion": "2016-07-01"}
    azure.inject(kind="arm", **elevated)
    azure.inject(kind="arm", method="PUT", path=path, apiVersion="2022-04-01", body=grant)
    yield
    az(f"role assignment delete --ids {path}")


def test_an_owner_of_subscriptions_does_not_see_what_is_above(az: Az) -> None:
    assert az("account management-group list --no-register") == []
    shown = az.refused("account management-group show -n contoso-platform --no-register")
    assert f"'Microsoft.Management/managementGroups/read' over scope '{PLATFORM}'" in shown
    listed = az.refused(f"role assignment list --scope {PLATFORM}")
    assert f"'Microsoft.Authorization/roleAssignments/read' over scope '{PLATFORM}{AUTHORIZATION}'" in listed
    elevate = az.refused(_rest("post", f"{AUTHORIZATION}/elevateAccess", version="2016-07-01"))
    assert "'Microsoft.Authorization/elevateAccess/action'" in elevate


def test_a_role_that_is_inherited(
    az: Az, azure: RunningSimulator, group_id: str, worker: str, platform_owner: None
) -> None:
    assert [one["name"] for one in az("account management-group list --no-register")] == ["contoso-platform"]
    group = az("account management-group show -n contoso-platform --no-register")
    assert group["details"]["parent"]["name"] == azure.env["AZURE_TENANT_ID"]

    kind = "--assignee-principal-type ServicePrincipal"
    made = az(f"role assignment create --role Reader --scope {PLATFORM} --assignee-object-id {worker} {kind}")
    assert azure.state()[made["id"]]["properties"]["scope"] == PLATFORM
    query = f"role assignment list --scope {group_id} --assignee-object-id {worker}"
    assert az(query) == []
    (inherited,) = az(f"{query} --include-inherited")
    assert (inherited["roleDefinitionName"], inherited["scope"]) == ("Reader", PLATFORM)
    az(f"role assignment delete --role Reader --scope {PLATFORM} --assignee-object-id {worker}")
    assert az(f"{query} --include-inherited") == []
    assert made["id"] not in azure.state()


# ------------------------------------------------------------------------------------------------- private endpoints


def test_an_endpoint_waits_for_approval(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    account = f"{group_id}/providers/Microsoft.Storage/storageAccounts/azapproval"
    az(f"storage account create -g {group} -n azapproval --sku Standard_LRS")
    az(f"network vnet create -g {group} -n v --address-prefixes 10.0.0.0/16 --subnet-name s")
    create = (
        f"network private-endpoint create -g {group} -n e --vnet-name v --subnet s --connection-name c "
        f"--private-connection-resource-id {account} --manual-request true --request-message please"
    )
    assert "Invalid groupId" in az.refused(f"{create} --group-id teapot")
    az(f"{create} --group-id blob")
    assert _state(az, group) == ("Pending", "please")
    (asked,) = az(f"network private-endpoint-connection list --id {account}")
    command = f"storage account private-endpoint-connection {{}} --id {asked['id']}"
    az(command.format("approve") + " --description fine")
    assert _state(az, group) == ("Approved", "fine")
    stored = azure.state()[asked["id"]]["properties"]["privateLinkServiceConnectionState"]
    assert stored["status"] == "Approved"
    az(command.format("reject") + " --description no")
    assert _state(az, group) == ("Rejected", "no")
    az(command.format("delete") + " -y")
    assert _state(az, group)[0] == "Disconnected"
    assert asked["id"] not in azure.state()


def _state(az: Az, group: str) -> tuple[str, str]:
    (connection,) = az(f"network private-endpoint show -g {group} -n e")["manualPrivateLinkServiceConnections"]
    found = connection["privateLinkServiceConnectionState"]
    return found["status"], found["description"]
