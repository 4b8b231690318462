"""What the hooks of Azure ML workspaces, their assets and datastores cause, as in ``effects_services``."""

from __future__ import annotations

from simulator.types.machinelearning import workspace_effects as ml
from tests.simulator import estate
from tests.simulator.effects_network import EFFECTS, effect
from tests.simulator.estate import (
    INSIGHTS,
    REGISTRY,
    STORAGE,
    VAULT,
    WORKSPACE,
    endpoint_id,
)
from tests.simulator.lab import Lab, provider

OTHER_GROUP = "rg2"
API_ZONE = "privatelink.api.azureml.ms"
WORKSPACE_ZONES = (API_ZONE, "privatelink.notebooks.azure.net")


TABLE = EFFECTS


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
