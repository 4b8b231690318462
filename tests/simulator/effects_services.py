"""What the other providers' hooks cause, one function a hook: passes with the hook on, fails with it off."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.effects_network import blob_endpoint, effect
from tests.simulator.estate import (
    INSIGHTS,
    LOCATION,
    LOGS,
    NSG,
    REGISTRY,
    STORAGE,
    VAULT,
    endpoint_id,
)
from tests.simulator.lab import Body, Lab, provider

OTHER_GROUP = "rg2"
API_ZONE = "privatelink.api.azureml.ms"
WORKSPACE_ZONES = (API_ZONE, "privatelink.notebooks.azure.net")


def elsewhere(lab: Lab, kind: str, name: str) -> str:
    lab.group()
    return provider(kind, name, group=lab.group(OTHER_GROUP))


@effect("storage-name-and-immutables")
def account_names_are_global(lab: Lab) -> None:
    taken = elsewhere(lab, "Microsoft.Storage/storageAccounts", "account1")
    lab.put(STORAGE, estate.STORAGE_BODY)
    error = lab.refused("PUT", taken, estate.STORAGE_BODY)
    assert (error["code"], error["message"]) == (
        "StorageAccountAlreadyTaken",
        "The storage account named account1 is already taken.",
    )


@effect("storage-services")
def account_has_its_services(lab: Lab) -> None:
    lab.group()
    lab.put(STORAGE, estate.STORAGE_BODY)
    assert lab.exists(f"{STORAGE}/blobServices/default")
    assert lab.exists(f"{STORAGE}/fileServices/default")


@effect("target-shows-connections")
def targets_list_connections(lab: Lab) -> None:
    blob_endpoint(lab)
    assert len(lab.get(STORAGE)["properties"].get("privateEndpointConnections", [])) == 1


def connection(lab: Lab) -> str:
    return str(lab.get(f"{STORAGE}/privateEndpointConnections")["value"][0]["id"])


def decision(status: str) -> Body:
    return {"properties": {"privateLinkServiceConnectionState": {"status": status, "description": "by hand"}}}


@effect("connection-tells-endpoint")
def endpoint_learns_of_approval_and_rejection(lab: Lab) -> None:
    blob_endpoint(lab, manual=True)
    before = lab.get(endpoint_id("blob"))["properties"]
    assert before["customDnsConfigs"] == []
    approval = decision("Approved")
    approval["properties"]["privateEndpoint"] = {}  # as clients send it, in whose models its id is read-only
    lab.put(connection(lab), approval)
    lab.advance(1)
    after = lab.get(endpoint_id("blob"))["properties"]
    state = after["manualPrivateLinkServiceConnections"][0]["properties"]["privateLinkServiceConnectionState"]
    assert (state["status"], len(after["customDnsConfigs"])) == ("Approved", 1)
    lab.delete(connection(lab))
    after = lab.get(endpoint_id("blob"))["properties"]
    state = after["manualPrivateLinkServiceConnections"][0]["properties"]["privateLinkServiceConnectionState"]
    assert state["status"] == "Disconnected"


@effect("connection-needs-endpoint")
def connections_are_made_by_endpoints(lab: Lab) -> None:
    lab.group()
    lab.put(STORAGE, estate.STORAGE_BODY)
    path = f"{STORAGE}/privateEndpointConnections/mine"
    assert lab.refused("PUT", path, decision("Approved"))["code"] == "PrivateEndpointConnectionNotFound"


# ---------------------------------------------------------------------------------------------- vaults


def a_vault(lab: Lab, **more: object) -> Body:
    return {**estate.VAULT_BODY, "properties": {**estate.VAULT_BODY["properties"], **more}}


@effect("vault-rules")
def vault_needs_policies_or_rbac(lab: Lab) -> None:
    lab.group()
    error = lab.refused("PUT", VAULT, a_vault(lab, enableRbacAuthorization=False))
    assert error["message"] == "The parameter accessPolicies is not specified."


@effect("vault-name-global")
def vault_names_are_global(lab: Lab) -> None:
    taken = elsewhere(lab, "Microsoft.KeyVault/vaults", "vault-1")
    estate.vault(lab)
    assert lab.refused("PUT", taken, estate.VAULT_BODY)["code"] == "VaultAlreadyExists"


@effect("vault-soft-delete")
def deleted_vault_can_be_seen(lab: Lab) -> None:
    lab.group()
    estate.vault(lab)
    lab.delete(VAULT)
    deleted = lab.get(f"{VAULT[:51]}/providers/Microsoft.KeyVault/deletedVaults")["value"]
    assert [stone["properties"]["vaultId"] for stone in deleted] == [VAULT]


@effect("vault-name-soft-deleted")
def deleted_vault_keeps_its_name_until_purged(lab: Lab) -> None:
    lab.group()
    estate.vault(lab)
    lab.delete(VAULT)
    assert lab.refused("PUT", VAULT, estate.VAULT_BODY)["code"] == "ConflictError"
    stone = lab.get(f"{VAULT[:51]}/providers/Microsoft.KeyVault/deletedVaults")["value"][0]["id"]
    assert lab.outcome(lab.call("POST", f"{stone}/purge")) is None
    estate.vault(lab)


@effect("vault-recovered")
def deleted_vault_is_recovered(lab: Lab) -> None:
    lab.group()
    estate.vault(lab)
    lab.delete(VAULT)
    lab.put(VAULT, a_vault(lab, createMode="recover"))
    assert lab.get(f"{VAULT[:51]}/providers/Microsoft.KeyVault/deletedVaults")["value"] == []
    assert "createMode" not in lab.get(VAULT)["properties"]


@effect("vault-purged-when-due")
def deleted_vault_ends_after_its_retention(lab: Lab) -> None:
    lab.group()
    lab.put(VAULT, a_vault(lab, softDeleteRetentionInDays=7))
    lab.advance(60)
    lab.delete(VAULT)
    lab.advance(7 * 86400 + 1)
    assert lab.get(f"{VAULT[:51]}/providers/Microsoft.KeyVault/deletedVaults")["value"] == []


@effect("vault-uri")
def vault_uri_ends_with_a_slash_when_done(lab: Lab) -> None:
    lab.group()
    estate.vault(lab)
    assert lab.get(VAULT)["properties"]["vaultUri"] == "https://vault-1.vault.azure.net/"


@effect("vault-hides-default-acls")
def default_network_rules_are_not_returned(lab: Lab) -> None:
    lab.group()
    rules = {"bypass": "AzureServices", "defaultAction": "Allow"}
    lab.put(VAULT, a_vault(lab, networkAcls=rules))
    lab.advance(60)
    assert "networkAcls" not in lab.get(VAULT)["properties"]


# ---------------------------------------------------------------------------------------------- registries, monitoring


@effect("registry-name-global")
def registry_names_are_global(lab: Lab) -> None:
    taken = elsewhere(lab, "Microsoft.ContainerRegistry/registries", "registry1")
    lab.put(REGISTRY, estate.REGISTRY_BODY)
    assert lab.refused("PUT", taken, estate.REGISTRY_BODY)["code"] == "AlreadyInUse"


@effect("registry-premium-features")
def closing_the_registry_needs_premium(lab: Lab) -> None:
    lab.group()
    body = {**estate.REGISTRY_BODY, "sku": {"name": "Basic"}}
    error = lab.refused("PUT", REGISTRY, body)
    assert error["message"] == (
        "Disabling public network access is not supported for the SKU Basic. For more information, please visit "
        "https://aka.ms/acr/private-link."
    )


@effect("registry-data-hosts")
def data_endpoint_has_its_host(lab: Lab) -> None:
    lab.group()
    lab.put(REGISTRY, {**estate.REGISTRY_BODY, "properties": {"dataEndpointEnabled": True}})
    assert lab.get(REGISTRY)["properties"]["dataEndpointHostNames"] == ["registry1.westeurope.data.azurecr.io"]


@effect("log-analytics-sku-case")
def old_version_prints_skus_in_lower_case(lab: Lab) -> None:
    lab.group()
    body = lab.put(LOGS, estate.LOGS_BODY, api="2021-06-01")
    assert body["properties"]["sku"]["name"] == "pergb2018"


@effect("component-needs-workspace")
def component_needs_a_workspace(lab: Lab) -> None:
    lab.group()
    assert lab.refused("PUT", INSIGHTS, estate.INSIGHTS_BODY)["code"] == "ResourceNotFound"


@effect("component-brings-smart-detection")
def component_does_not_stay_alone(lab: Lab) -> None:
    group = lab.group()
    estate.settle(lab, LOGS, estate.LOGS_BODY)
    lab.put(INSIGHTS, estate.INSIGHTS_BODY)

    def beside() -> list[tuple[str, str]]:
        listed = lab.get(f"{group}/resources")["value"]
        return [(one["type"], one["name"]) for one in listed if one["id"] not in (LOGS, INSIGHTS)]

    assert beside() == []
    lab.advance(600)
    both = {
        ("microsoft.alertsmanagement/smartDetectorAlertRules", "Failure Anomalies - insights"),
        ("microsoft.insights/actiongroups", "Application Insights Smart Detection"),
    }
    assert set(beside()) == both
    lab.delete(INSIGHTS)
    assert set(beside()) == both
    lab.delete(group)
    assert lab.engine.children(group) == []


@effect("diagnostic-setting-rules")
def unknown_categories_are_refused(lab: Lab) -> None:
    lab.group()
    lab.put(NSG, {"location": LOCATION, "properties": {}})
    estate.settle(lab, LOGS, estate.LOGS_BODY)
    path = f"{NSG}/providers/Microsoft.Insights/diagnosticSettings/one"

    def body(category: str) -> Body:
        return {"properties": {"workspaceId": LOGS, "logs": [{"category": category, "enabled": True}]}}

    error = lab.refused("PUT", path, body("AuditEvent"))
    assert (error["code"], error["message"]) == ("BadRequest", "Category 'AuditEvent' is not supported.")
    lab.put(path, body("NetworkSecurityGroupEvent"))
    second = f"{path}2"
    assert lab.refused("PUT", second, body("NetworkSecurityGroupEvent"))["code"] == "Conflict"


@effect("diagnostic-setting-entries")
def entries_are_complete(lab: Lab) -> None:
    lab.group()
    lab.put(NSG, {"location": LOCATION, "properties": {}})
    estate.settle(lab, LOGS, estate.LOGS_BODY)
    path = f"{NSG}/providers/Microsoft.Insights/diagnosticSettings/one"
    logs = [{"categoryGroup": "allLogs", "enabled": True}]
    entry = lab.put(path, {"properties": {"workspaceId": LOGS, "logs": logs}})["properties"]["logs"][0]
    assert entry == {
        "category": None,
        "categoryGroup": "allLogs",
        "enabled": True,
        "retentionPolicy": {"enabled": False, "days": 0},
    }


@effect("identity-has-principal")
def identity_comes_with_a_principal(lab: Lab) -> None:
    lab.group()
    path = provider("Microsoft.ManagedIdentity/userAssignedIdentities", "someone")
    properties = lab.put(path, {"location": LOCATION})["properties"]
    assert {"tenantId", "principalId", "clientId"} <= set(properties)
