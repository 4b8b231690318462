"""What does not fit a row: groups, vaults and their soft delete, keys, roles, and the types that the CLI has no command
for, through `az resource` and `az rest`."""

from __future__ import annotations

import json
import shlex

from tests.az.client import Az
from tests.support.simulator import RunningSimulator

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def body(value: object) -> str:
    return shlex.quote(json.dumps(value))


def under(azure: RunningSimulator, prefix: str) -> set[str]:
    return {key.lower() for key in azure.state(under=prefix)}


def test_a_group_and_what_is_in_it(az: Az, azure: RunningSimulator) -> None:
    path = f"{azure.subscription}/resourceGroups/az-life"
    made = az("group create -n az-life --tags team=risk")
    assert (made["id"], made["tags"]) == (path, {"team": "risk"})
    assert az("group exists -n az-life") is True
    assert [one["name"] for one in az("group list --tag team=risk")] == ["az-life"]
    assert az("group update -n az-life --set tags.team=fraud")["tags"] == {"team": "fraud"}
    az("network vnet create -g az-life -n v --address-prefixes 10.0.0.0/16 --subnet-name s")
    az("network nsg create -g az-life -n n")
    az("network vnet subnet update -g az-life --vnet-name v -n s --network-security-group n")
    assert {one["name"] for one in az("resource list -g az-life")} == {"v", "n"}
    az("group delete -n az-life -y")
    assert az("group exists -n az-life") is False
    assert under(azure, path) == set()


def test_a_vault_is_deleted_recovered_and_purged(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    """`--no-wait` and `wait`: without them the CLI asks every 30 s whether the vault is ready."""
    name, path = "kv-az-life-1", f"{group_id}/providers/Microsoft.KeyVault/vaults/kv-az-life-1"
    az(f"keyvault create -g {group} -n {name} --retention-days 7 --no-wait")
    az(f"keyvault wait -n {name} --created --interval 1")
    shown = az(f"keyvault show -n {name}")["properties"]
    assert (shown["vaultUri"], shown["enableSoftDelete"]) == (f"https://{name}.vault.azure.net/", True)
    assert [one["id"] for one in az(f"keyvault list -g {group}")] == [path]
    updated = az(f"keyvault update -n {name} --public-network-access Disabled")
    assert updated["properties"]["publicNetworkAccess"] == "Disabled"
    assert azure.state()[path]["properties"]["publicNetworkAccess"] == "Disabled"
    az(f"keyvault network-rule add -n {name} --ip-address 203.0.113.0/24")
    assert az(f"keyvault network-rule list -n {name}")["ipRules"] == [{"value": "203.0.113.0/24"}]

    az(f"keyvault delete -n {name}")
    assert path not in azure.state()
    assert name in {one["name"] for one in az("keyvault list-deleted")}
    assert az(f"keyvault show-deleted -n {name}")["properties"]["vaultId"] == path
    assert _free(az, azure, name) is False
    az(f"keyvault recover -n {name} --no-wait")
    az(f"keyvault wait -n {name} --created --interval 1")
    assert azure.state()[path]["properties"]["publicNetworkAccess"] == "Disabled"

    az(f"keyvault delete -n {name}")
    az(f"keyvault purge -n {name}")
    assert name not in {one["name"] for one in az("keyvault list-deleted --resource-type vault")}
    assert _free(az, azure, name) is True


def _free(az: Az, azure: RunningSimulator, name: str) -> bool:
    """`az keyvault check-name` asks about managed HSMs only."""
    url = f"{azure.subscription}/providers/Microsoft.KeyVault/checkNameAvailability?api-version=2023-07-01"
    asked = body({"name": name, "type": "Microsoft.KeyVault/vaults"})
    return bool(az(f"rest --method post --url {url} --body {asked}")["nameAvailable"])


def test_names_are_asked_for_and_keys_read(az: Az, azure: RunningSimulator, group: str) -> None:
    assert az("storage account check-name -n azkeysaccount")["nameAvailable"] is True
    az(f"storage account create -g {group} -n azkeysaccount --sku Standard_LRS")
    taken = az("storage account check-name -n azkeysaccount")
    assert (taken["nameAvailable"], taken["reason"]) == (False, "AlreadyExists")
    assert az("storage account check-name -n No")["reason"] == "AccountNameInvalid"
    keys = az(f"storage account keys list -g {group} -n azkeysaccount")
    assert [one["keyName"] for one in keys] == ["key1", "key2"]
    text = az(f"storage account show-connection-string -g {group} -n azkeysaccount")["connectionString"]
    assert f"AccountKey={keys[0]['value']}" in text

    az(f"acr create -g {group} -n azkeysregistry --sku Basic --admin-enabled true")
    assert az("acr check-name -n azkeysregistry")["nameAvailable"] is False
    assert az(f"acr credential show -g {group} -n azkeysregistry")["username"] == "azkeysregistry"
    assert {one["name"] for one in az(f"acr show-usage -g {group} -n azkeysregistry")["value"]} == {"Size", "Webhooks"}
    az(f"monitor log-analytics workspace create -g {group} -n logs")
    assert az(f"monitor log-analytics workspace get-shared-keys -g {group} -n logs")["primarySharedKey"]


def test_a_role_is_given_and_taken(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    principal = az(f"identity create -g {group} -n worker")["principalId"]
    kind = "--assignee-principal-type ServicePrincipal"
    made = az(f"role assignment create --role Reader --scope {group_id} --assignee-object-id {principal} {kind}")
    assert made["roleDefinitionId"].endswith(READER)
    stored = azure.state()[made["id"]]["properties"]
    assert (stored["principalId"], stored["scope"]) == (principal, group_id)
    (listed,) = az(f"role assignment list --scope {group_id}")
    assert (listed["roleDefinitionName"], listed["principalId"]) == ("Reader", principal)
    # The name of an application is its client id, as the CLI prints it; Graph knows it.
    assert listed["principalName"] == az(f"identity show -g {group} -n worker")["clientId"]
    inherited = az(f"role assignment list --scope {group_id} --include-inherited")
    assert {"Owner", "Reader"} <= {one["roleDefinitionName"] for one in inherited}
    az(f"role assignment delete --assignee {principal} --role Reader --scope {group_id}")
    assert made["id"] not in azure.state()
    assert az(f"role assignment list --scope {group_id}") == []


def test_a_role_of_ones_own(az: Az, azure: RunningSimulator) -> None:
    wanted = {
        "Name": "Az lives", "Description": "first", "Actions": ["Microsoft.Network/*/read"],
        "AssignableScopes": [azure.subscription],
    }  # fmt: skip
    made = az(f"role definition create --role-definition {body(wanted)}")
    assert azure.state()[made["id"]]["properties"]["description"] == "first"
    az(f"role definition update --role-definition {body({**wanted, 'Description': 'second'})}")
    (shown,) = az("role definition list --name 'Az lives'")
    assert shown["description"] == "second"
    az("role definition delete --name 'Az lives'")
    assert az("role definition list --name 'Az lives'") == []
    assert made["id"] not in azure.state()


def test_providers_are_registered(az: Az) -> None:
    namespace = "Microsoft.MachineLearningServices"
    assert az(f"provider show -n {namespace}")["registrationState"] == "Registered"
    az(f"provider unregister -n {namespace}")
    assert az(f"provider show -n {namespace}")["registrationState"] == "NotRegistered"
    az(f"provider register -n {namespace}")
    assert namespace in {one["namespace"] for one in az("provider list") if one["registrationState"] == "Registered"}


def _dependants(az: Az, group: str, group_id: str, name: str) -> dict[str, str]:
    """A storage account, a vault and a component, by three ways of the CLI."""
    az(f"storage account create -g {group} -n {name} --sku Standard_LRS")
    az(f"keyvault create -g {group} -n kv-{name} --no-wait")
    az(f"keyvault wait -n kv-{name} --created --interval 1")
    az(f"monitor log-analytics workspace create -g {group} -n logs")
    logs = f"{group_id}/providers/Microsoft.OperationalInsights/workspaces/logs"
    component = {
        "location": "westeurope", "kind": "web",
        "properties": {"Application_Type": "web", "WorkspaceResourceId": logs},
    }  # fmt: skip
    kind = "--resource-type Microsoft.Insights/components"
    az(f"resource create -g {group} -n insights {kind} --is-full-object -p {body(component)}")
    return {
        "storageAccount": f"{group_id}/providers/Microsoft.Storage/storageAccounts/{name}",
        "keyVault": f"{group_id}/providers/Microsoft.KeyVault/vaults/kv-{name}",
        "applicationInsights": f"{group_id}/providers/Microsoft.Insights/components/insights",
    }


def test_a_workspace_through_az_resource(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    path = f"{group_id}/providers/Microsoft.MachineLearningServices/workspaces/mlw"
    kind = "--resource-type Microsoft.MachineLearningServices/workspaces"
    workspace = {
        "location": "westeurope", "identity": {"type": "SystemAssigned"},
        "properties": _dependants(az, group, group_id, "azmlone"),
    }  # fmt: skip
    az(f"resource create -g {group} -n mlw {kind} --is-full-object -p {body(workspace)}")
    shown = az(f"resource show -g {group} -n mlw {kind}")
    assert shown["properties"]["provisioningState"] == "Succeeded"
    assert shown["identity"]["principalId"]
    az(f"resource update -g {group} -n mlw {kind} --set tags.owner=ada properties.friendlyName=Risk")
    stored = azure.state()[path]
    assert (stored["tags"], stored["properties"]["friendlyName"]) == ({"owner": "ada"}, "Risk")
    (listed,) = az(f"resource list -g {group} {kind}")
    assert (listed["id"], listed["tags"]) == (path, {"owner": "ada"})
    assert az(f"rest --method post --url {path}/listKeys?api-version=2024-10-01")["userStorageKey"]

    cluster = {
        "location": "westeurope",
        "properties": {
            "computeType": "AmlCompute",
            "properties": {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"minNodeCount": 1, "maxNodeCount": 2}},
        },
    }
    where = "--namespace Microsoft.MachineLearningServices --parent workspaces/mlw --resource-type computes"
    az(f"resource create -g {group} -n cpu {where} --is-full-object -p {body(cluster)}")
    version = "api-version=2024-10-01"
    assert [one["name"] for one in az(f"rest --url {path}/computes?{version}")["value"]] == ["cpu"]
    nodes = az(f"resource show -g {group} -n cpu {where}")["properties"]["properties"]
    assert nodes["scaleSettings"]["minNodeCount"] == 1

    az(f"rest --method delete --url '{path}/computes/cpu?{version}&underlyingResourceAction=Delete'")
    az(f"resource wait --ids {path}/computes/cpu --deleted --interval 1")
    az(f"resource delete -g {group} -n mlw {kind}")
    assert path not in azure.state()
    assert az.missing(f"resource show -g {group} -n mlw {kind}")


def test_node_metrics_of_a_workspace(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    """No nodes, no samples; the definitions are there all the same."""
    path = f"{group_id}/providers/Microsoft.MachineLearningServices/workspaces/mlquiet"
    properties = _dependants(az, group, group_id, "azmltwo")
    workspace = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": properties}
    kind = "--resource-type Microsoft.MachineLearningServices/workspaces"
    az(f"resource create -g {group} -n mlquiet {kind} --is-full-object -p {body(workspace)}")
    names = {one["name"]["value"] for one in az(f"monitor metrics list-definitions --resource {path}")}
    assert {"Active Nodes", "Idle Nodes", "Total Nodes"} <= names
    asked = az(f"monitor metrics list --resource {path} --metric 'Active Nodes' --interval PT1M")
    assert asked["value"][0]["timeseries"] == []
    assert "Valid metrics:" in az.refused(f"monitor metrics list --resource {path} --metric Teapots")
    categories = az(f"monitor diagnostic-settings categories list --resource {path}")["value"]
    assert "AmlRunStatusChangedEvent" in {one["name"] for one in categories}
