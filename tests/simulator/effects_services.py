"""What the other providers' hooks cause, one function a hook: passes with the hook on, fails with it off."""

from __future__ import annotations

from simulator.types.machinelearning import workspace_effects as ml
from tests.simulator import estate
from tests.simulator.effects_network import Effect, blob_endpoint, effect
from tests.simulator.estate import (
    CLUSTER,
    INSIGHTS,
    JOB,
    LOCATION,
    LOGS,
    NSG,
    REGISTRY,
    STORAGE,
    TRAINING,
    VAULT,
    WORKSPACE,
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


# ---------------------------------------------------------------------------------------------- Azure ML


def a_workspace(lab: Lab) -> None:
    lab.group()
    estate.dependants(lab)
    lab.put(WORKSPACE, estate.WORKSPACE_BODY)


@effect("workspace-dependants")
def workspace_needs_what_it_names(lab: Lab) -> None:
    lab.group()
    estate.dependants(lab)
    lab.delete(REGISTRY)
    assert lab.refused("PUT", WORKSPACE, estate.WORKSPACE_BODY)["code"] == "BadRequest"


@effect("workspace-dependants-stay")
def storage_of_a_workspace_stays(lab: Lab) -> None:
    a_workspace(lab)
    other = provider("Microsoft.Storage/storageAccounts", "account2")
    lab.put(other, estate.STORAGE_BODY)
    body = {**estate.WORKSPACE_BODY, "properties": {**estate.WORKSPACE_BODY["properties"], "storageAccount": other}}
    response = lab.call("PUT", WORKSPACE, body)
    assert response.status == 202
    error = lab.outcome(response)
    assert error is not None
    assert error["message"] == "Storage Account update is not supported yet"
    assert lab.get(WORKSPACE)["properties"]["storageAccount"] == STORAGE


@effect("workspace-claims-storage")
def four_datastores_point_into_the_storage(lab: Lab) -> None:
    a_workspace(lab)
    stores = {one["name"]: one["properties"] for one in lab.get(f"{WORKSPACE}/datastores")["value"]}
    assert set(stores) == {
        "workspaceblobstore",
        "workspaceartifactstore",
        "workspacefilestore",
        "workspaceworkingdirectory",
    }
    assert {store["accountName"] for store in stores.values()} == {"account1"}
    assert {store["credentials"]["credentialsType"] for store in stores.values()} == {"None"}
    default = lab.get(f"{WORKSPACE}/datastores?isDefault=true")["value"]
    assert [one["name"] for one in default] == ["workspaceblobstore"]


def roles(lab: Lab, principal: str, scope: str) -> set[str]:
    listed = lab.engine.children(scope, "Microsoft.Authorization/roleAssignments")
    return {
        str(one.properties["roleDefinitionId"]).rpartition("/")[2]
        for one in listed
        if one.properties["principalId"] == principal
    }


@effect("workspace-identity-roles")
def azure_grants_the_workspace_its_roles(lab: Lab) -> None:
    a_workspace(lab)
    principal = lab.get(WORKSPACE)["identity"]["principalId"]
    found = {scope: roles(lab, principal, scope) for scope in (STORAGE, VAULT, REGISTRY, INSIGHTS, WORKSPACE)}
    assert found == {
        STORAGE: {ml.STORAGE_BLOB_DATA_CONTRIBUTOR},
        VAULT: {ml.KEY_VAULT_ADMINISTRATOR},
        REGISTRY: {ml.CONTRIBUTOR},
        INSIGHTS: {ml.CONTRIBUTOR},
        WORKSPACE: {ml.CONTRIBUTOR},
    }


@effect("workspace-soft-delete")
def deleted_workspace_keeps_its_name(lab: Lab) -> None:
    a_workspace(lab)
    lab.delete(WORKSPACE)
    error = lab.refused("PUT", WORKSPACE, estate.WORKSPACE_BODY)
    assert error["message"] == "Soft-deleted workspace exists. Please purge or recover it. https://aka.ms/wsoftdelete"


@effect("workspace-name-soft-deleted")
def purged_workspace_frees_its_name(lab: Lab) -> None:
    a_workspace(lab)
    lab.delete(f"{WORKSPACE}?forceToPurge=true")
    lab.put(WORKSPACE, estate.WORKSPACE_BODY)
    lab.delete(WORKSPACE)
    assert lab.refused("PUT", WORKSPACE, estate.WORKSPACE_BODY)["code"] == "BadRequest"


@effect("workspace-recovered")
def deleted_workspace_is_recovered(lab: Lab) -> None:
    a_workspace(lab)
    lab.delete(WORKSPACE)
    properties = {**estate.WORKSPACE_BODY["properties"], "allowRecoverSoftDeletedWorkspace": True}
    lab.put(WORKSPACE, {**estate.WORKSPACE_BODY, "properties": properties})
    lab.delete(f"{WORKSPACE}?forceToPurge=true")
    lab.put(WORKSPACE, estate.WORKSPACE_BODY)  # nothing is remembered any more


@effect("workspace-purged-when-due")
def deleted_workspace_ends_after_two_weeks(lab: Lab) -> None:
    a_workspace(lab)
    lab.delete(WORKSPACE)
    lab.advance(14 * 86400 + 1)
    lab.put(WORKSPACE, estate.WORKSPACE_BODY)


@effect("workspace-private-link-count")
def workspace_counts_its_links(lab: Lab) -> None:
    a_workspace(lab)
    assert lab.get(WORKSPACE)["properties"].get("privateLinkCount") == 0
    estate.network(lab)
    lab.put(endpoint_id("workspace"), estate.endpoint_body(WORKSPACE, "amlworkspace"))
    properties = lab.get(WORKSPACE)["properties"]
    assert (properties["privateLinkCount"], properties["notebookInfo"]["isPrivateLinkEnabled"]) == (1, True)


@effect("v1-legacy-mode")
def a_v1_workspace_takes_no_v2_calls(lab: Lab) -> None:
    lab.group()
    estate.dependants(lab)
    properties = {**estate.WORKSPACE_BODY["properties"], "v1LegacyMode": True}
    lab.put(WORKSPACE, {**estate.WORKSPACE_BODY, "properties": properties})
    version = f"{WORKSPACE}/environments/env/versions/3"
    body = {"properties": {"image": "mcr.microsoft.com/base:1"}}
    assert "v1 legacy mode" in lab.refused("PUT", version, body)["message"]
    lab.put(WORKSPACE, estate.WORKSPACE_BODY)
    lab.put(version, body)


@effect("asset-container")
def version_brings_its_container(lab: Lab) -> None:
    a_workspace(lab)
    lab.put(f"{WORKSPACE}/environments/env/versions/3", {"properties": {"image": "mcr.microsoft.com/base:1"}})
    assert lab.exists(f"{WORKSPACE}/environments/env")
    assert lab.get(f"{WORKSPACE}/environments/env")["properties"]["latestVersion"] == "3"


@effect("datastore-default")
def callers_do_not_choose_the_default_datastore(lab: Lab) -> None:
    a_workspace(lab)
    body = {"properties": {**estate.DATASTORE_BODY["properties"], "isDefault": True}}
    assert lab.put(f"{WORKSPACE}/datastores/mine", body)["properties"].get("isDefault") is False


@effect("datastore-rules")
def a_datastore_says_where_it_is_and_how_it_is_opened(lab: Lab) -> None:
    a_workspace(lab)
    store = f"{WORKSPACE}/datastores/mine"
    whole = estate.DATASTORE_BODY["properties"]
    key = {"credentialsType": "AccountKey"}
    for changes, words in (
        ({"datastoreType": "Tape"}, "'Tape' is not supported"),
        ({"containerName": None}, "'containerName' of datastore 'mine' is required"),
        ({"credentials": None}, "The credentials of datastore 'mine' are required"),
        ({"credentials": key}, "The secrets of datastore 'mine' are required for AccountKey"),
        ({"serviceDataAccessAuthIdentity": "Anybody"}, "'Anybody' is no identity"),
    ):
        assert words in lab.refused("PUT", store, {"properties": {**whole, **changes}})["message"]
    # A secret is kept, and told to nobody who reads the datastore.
    secret = {"credentials": {**key, "secrets": {"secretsType": "AccountKey", "key": "k"}}}
    shown = lab.put(store, {"properties": {**whole, **secret}})["properties"]["credentials"]
    assert shown == key


def with_endpoint(lab: Lab, *, nat: bool = True) -> None:
    """A workspace with its own endpoint, names and networks, no more: what a cluster needs."""
    lab.group()
    estate.network(lab, nat=nat)
    estate.zones(lab, WORKSPACE_ZONES)
    estate.dependants(lab)
    lab.put(WORKSPACE, estate.WORKSPACE_BODY)
    estate.endpoint(lab, "workspace")


@effect("compute-rules")
def cluster_needs_its_subnet(lab: Lab) -> None:
    with_endpoint(lab)
    gone = f"{TRAINING}-gone"
    error = lab.refused("PUT", CLUSTER, estate.cluster_body(subnet={"id": gone}))
    assert (error["code"], error["message"]) == ("UserError", f"The specified subnet {gone} could not be found.")


@effect("compute-needs-endpoint")
def cluster_without_addresses_needs_an_endpoint(lab: Lab) -> None:
    a_workspace(lab)
    estate.network(lab)
    error = lab.refused("PUT", CLUSTER, estate.cluster_body())
    assert error["message"] == "Provided EnableNodePublicIp 'False' requires workspace private endpoint."


@effect("compute-keeps-what-is-set-once")
def size_of_a_cluster_stays(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    body = lab.put(CLUSTER, estate.cluster_body(vmSize="STANDARD_D1_V2"))
    assert body["properties"]["properties"]["vmSize"] == "STANDARD_DS3_V2"


@effect("compute-pulls-from-registry")
def cluster_may_pull_images(lab: Lab) -> None:
    with_endpoint(lab)
    principal = lab.put(CLUSTER, estate.cluster_body())["identity"]["principalId"]
    assert roles(lab, principal, REGISTRY) == {ml.ACR_PULL}


def counts(lab: Lab) -> tuple[int, str]:
    state = lab.get(CLUSTER)["properties"]["properties"]
    return state["currentNodeCount"], state["allocationState"]


@effect("cluster-allocates-nodes")
def cluster_keeps_its_minimum(lab: Lab) -> None:
    with_endpoint(lab)
    settings = {"minNodeCount": 1, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT30S"}
    lab.put(CLUSTER, estate.cluster_body(scaleSettings=settings))
    assert counts(lab) == (0, "Resizing")
    lab.advance(600)
    assert counts(lab) == (1, "Steady")
    assert lab.refused("DELETE", TRAINING)["code"] == "InUseSubnetCannotBeDeleted"


@effect("cluster-scales-down")
def idle_nodes_leave(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(1200)
    assert lab.get(JOB)["properties"]["status"] == "Completed"
    assert counts(lab) == (0, "Steady")


@effect("nodes-need-endpoint-and-egress")
def no_egress_no_nodes(lab: Lab) -> None:
    with_endpoint(lab, nat=False)
    lab.put(CLUSTER, estate.cluster_body())
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    assert lab.get(JOB)["properties"]["status"] == "Queued"


@effect("nodes-resolve-workspace")
def no_name_no_nodes(lab: Lab) -> None:
    with_endpoint(lab)
    link = f"{estate.zone_id(API_ZONE)}/virtualNetworkLinks/vnet"
    lab.delete(link)
    lab.put(CLUSTER, estate.cluster_body())  # made without nodes, it is made all the same
    lab.put(JOB, estate.JOB_BODY)
    lab.advance(3600)
    name = f"{lab.get(WORKSPACE)['properties']['workspaceId']}.workspace.westeurope.api.azureml.ms does not resolve"
    job, state = lab.get(JOB)["properties"], lab.get(CLUSTER)["properties"]["properties"]
    assert (job["status"], state["currentNodeCount"]) == ("Queued", 0)
    assert name in state["errors"][0]["error"]["message"]
    # As soon as it resolves, it goes on.
    lab.put(link, estate.link_body(estate.VNET))
    lab.advance(600)
    assert lab.get(JOB)["properties"]["status"] == "Completed"


@effect("job-compute")
def job_needs_its_cluster(lab: Lab) -> None:
    a_workspace(lab)
    error = lab.refused("PUT", JOB, estate.JOB_BODY)
    assert (error["code"], error["message"]) == ("UserError", "Unknown compute target 'cpu'.")


@effect("job-runs")
def job_runs_and_can_be_cancelled(lab: Lab) -> None:
    with_endpoint(lab)
    lab.put(CLUSTER, estate.cluster_body())
    lab.put(JOB, estate.JOB_BODY)
    assert lab.get(JOB)["properties"].get("status") == "NotStarted"
    lab.advance(10)
    assert lab.get(JOB)["properties"]["status"] == "Queued"
    assert lab.call("POST", f"{JOB}/cancel").status == 200
    lab.advance(10)
    assert lab.get(JOB)["properties"]["status"] == "Canceled"


__all__ = ["Effect"]
