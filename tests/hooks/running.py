"""What a person relies on who looks at machines, Azure ML and events beside the product."""

from __future__ import annotations

from typing import Any

from tests.hooks.hubs import machine
from tests.hooks.people import LOCATION, Az, Body, beside
from tests.hooks.scenarios import noticed, sent, spec, succeeded
from tests.support.quiet_product import QuietProduct

# -- machines ----------------------------------------------------------------------------------------------------------


def made_again(product: QuietProduct) -> Body:
    """The jump host, deleted and made once more by hand: ``az vm show``."""
    arm_id, body = machine(product)
    product.owner("DELETE", arm_id)
    return Az(product).create(arm_id, body)


@noticed("vm-exact-version", world="hub")
def a_machine_says_which_image_it_got(product: QuietProduct) -> None:
    reference = made_again(product)["properties"]["storageProfile"]["imageReference"]
    assert reference["exactVersion"] == reference["version"]


@noticed("vm-makes-disk", world="hub")
def a_machine_has_a_disk_that_says_whose_it_is(product: QuietProduct) -> None:
    shown = made_again(product)
    disk = shown["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"]
    assert Az(product).show(disk)["managedBy"] == shown["id"]


@noticed("vm-runs", world="hub")
def a_new_machine_runs(product: QuietProduct) -> None:
    arm_id = made_again(product)["id"]
    statuses = Az(product).show(f"{arm_id}/instanceView")["statuses"]
    assert "PowerState/running" in {status["code"] for status in statuses}


@noticed("disk-in-use", world="hub")
def a_machine_keeps_its_disk(product: QuietProduct) -> None:
    body = product.body(product.ids()["vm/jump-host"]) or {}
    disk = body["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"]
    assert Az(product).refused("DELETE", disk) == "OperationNotAllowed"


# -- Azure ML ----------------------------------------------------------------------------------------------------------


@noticed("asset-container")
def an_environment_is_listed_by_its_name(product: QuietProduct) -> None:
    """``az ml environment create``, then ``az ml environment list``."""
    az, workspace = Az(product), product.ids()["workspace"]
    az.create(f"{workspace}/environments/people/versions/3", {"properties": {"image": "mcr.microsoft.com/base:1"}})
    found = {one["name"]: one["properties"]["latestVersion"] for one in az.list(f"{workspace}/environments")}
    assert found == {"people": "3"}


@noticed("v1-legacy-mode", world="empty")
def a_v1_workspace_takes_no_v2_calls(product: QuietProduct) -> None:
    """``az ml environment create`` against a workspace whose spec says ``legacyV1Mode``."""
    succeeded(product.create(spec(legacyV1Mode=True)))
    version = f"{product.ids()['workspace']}/environments/people/versions/3"
    body = {"properties": {"image": "mcr.microsoft.com/base:1"}}
    assert Az(product).refused("PUT", version, body) == "BadRequest"


@noticed("datastore-default")
def only_azure_says_which_datastore_is_the_default_one(product: QuietProduct) -> None:
    az, workspace = Az(product), product.ids()["workspace"]
    properties = {
        "datastoreType": "AzureBlob",
        "accountName": product.ids()["storage"].rpartition("/")[2],
        "containerName": "people",
        "credentials": {"credentialsType": "None"},
        "isDefault": True,
    }
    az.create(f"{workspace}/datastores/people", {"properties": properties})
    defaults = [one["name"] for one in az.list(f"{workspace}/datastores?isDefault=true")]
    assert defaults == ["workspaceblobstore"]


@noticed("workspace-claims-storage", world="empty")
def a_new_workspace_has_its_four_datastores(product: QuietProduct) -> None:
    succeeded(product.create())
    found = {one["name"] for one in Az(product).list(f"{product.ids()['workspace']}/datastores")}
    assert found == {
        "workspaceartifactstore",
        "workspaceblobstore",
        "workspacefilestore",
        "workspaceworkingdirectory",
    }


@noticed("workspace-private-link-count")
def a_workspace_counts_its_endpoints(product: QuietProduct) -> None:
    properties = Az(product).show(product.ids()["workspace"])["properties"]
    assert (properties["privateLinkCount"], properties["notebookInfo"]["isPrivateLinkEnabled"]) == (1, True)


@noticed("workspace-recovered")
def a_workspace_that_came_back_frees_its_name_when_it_is_purged(product: QuietProduct) -> None:
    """Somebody deletes the ML workspace and asks it back, then deletes it for good: the product makes it anew."""
    arm_id, body = sent(product, "workspace", allowRecoverSoftDeletedWorkspace=True)
    product.owner("DELETE", arm_id)
    body["properties"] = {name: body["properties"][name] for name in RECOVERED}
    body["identity"] = {"type": "SystemAssigned"}
    Az(product).create(arm_id, body)
    product.azure.call("owner", "DELETE", f"{arm_id}?api-version=2024-10-01&forceToPurge=true")
    product.settle()
    # Its old endpoint leads to the one that is gone. A name that is kept would end it with BadRequest before.
    operation = product.finish(product.put(spec(expiry={"expiresOn": "2027-07-30"})))
    assert operation.error is not None
    assert operation.error.code == "ConnectionNotApproved"


RECOVERED = (
    "allowRecoverSoftDeletedWorkspace",
    "applicationInsights",
    "containerRegistry",
    "keyVault",
    "publicNetworkAccess",
    "storageAccount",
)

# -- events ------------------------------------------------------------------------------------------------------------


def hears(product: QuietProduct) -> str:
    """The id of a webhook that somebody wants told of the workspace's events."""
    return f"{product.ids()['workspace']}/providers/Microsoft.EventGrid/eventSubscriptions/people"


def webhook(url: str = "http://localhost:7071/hook?code=secret") -> dict[str, Any]:
    return {"properties": {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url}}}}


@noticed("event-subscription-handshake")
def a_webhook_that_says_nothing_is_told_nothing(product: QuietProduct) -> None:
    az, arm_id = Az(product), hears(product)
    product.owner("PUT", arm_id, webhook(), version="2025-02-15")  # nobody listens on that port
    az.wait()
    assert not az.is_there(arm_id)


@noticed("event-subscription-url-hidden")
def a_webhook_s_secret_is_not_shown(product: QuietProduct) -> None:
    az, arm_id, engine = Az(product), hears(product), product.azure.engine
    product.azure.call("owner", "PUT", f"{arm_id}?api-version=2025-02-15", webhook())
    found = engine.get(arm_id)
    assert found is not None
    found.private["validated"] = True  # what the webhook's answer to the handshake sets
    az.wait()
    assert az.show(arm_id)["properties"]["destination"]["properties"]["endpointUrl"] is None
    assert az.post(f"{arm_id}/getFullUrl") == {"endpointUrl": "http://localhost:7071/hook?code=secret"}


@noticed("event-subscription-rules")
def events_go_to_a_url(product: QuietProduct) -> None:
    assert Az(product).refused("PUT", hears(product), webhook("not a url")) == "InvalidRequest"


@noticed("system-topic-source")
def a_topic_is_about_something(product: QuietProduct) -> None:
    az = Az(product)
    az.group()
    properties = {
        "source": f"{product.ids()['workspace']}-gone",
        "topicType": "Microsoft.MachineLearningServices.Workspaces",
    }
    topic = beside("Microsoft.EventGrid/systemTopics", "people")
    assert az.refused("PUT", topic, {"location": LOCATION, "properties": properties}) == "InvalidRequest"
