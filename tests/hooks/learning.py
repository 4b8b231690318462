"""Azure ML: the workspace, what it needs, its clusters."""

from __future__ import annotations

from controlplane.workspaces.model import RoleAssignmentId
from tests.hooks.scenarios import noticed, sent, spec, succeeded, theirs, tries
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct


@noticed("workspace-dependants")
def a_workspace_cannot_name_a_registry_that_is_not_there(product: QuietProduct) -> None:
    tries(product, "workspace", containerRegistry=f"{product.ids()['registry']}gone")
    assert product.failing() == set()


@noticed("workspace-dependants-stay")
def a_workspace_keeps_its_storage(product: QuietProduct) -> None:
    other = theirs(
        product, "Microsoft.Storage/storageAccounts", "sttheirs", {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    )
    tries(product, "workspace", storageAccount=other)
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert (finding.path, finding.observed) == ("$.properties.provisioningState", "Failed")


def missing(product: QuietProduct) -> set[str]:
    """What is not there at all."""
    findings = product.validate().report.findings
    return {f.key for f in findings if f.status == "Fail" and f.path == "$" and f.observed is None}


@noticed("compute-rules")
def a_cluster_cannot_be_in_a_subnet_that_is_not_there(product: QuietProduct) -> None:
    arm_id, body = sent(product, "cluster/cpu")
    inner = {**body["properties"]["properties"], "subnet": {"id": f"{product.ids()['subnet/training']}-gone"}}
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, {**body, "properties": {"computeType": "AmlCompute", "properties": inner}})
    assert missing(product) == {"cluster/cpu"}


@noticed("compute-needs-endpoint")
def a_cluster_without_addresses_needs_the_workspace_s_endpoint(product: QuietProduct) -> None:
    arm_id, body = sent(product, "cluster/cpu")
    product.owner("DELETE", product.ids()["private-endpoint/workspace"])
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, body)
    assert missing(product) == {"private-endpoint/workspace", "cluster/cpu"}


@noticed("compute-keeps-what-is-set-once")
def a_cluster_keeps_its_size(product: QuietProduct) -> None:
    arm_id, body = sent(product, "cluster/cpu")
    properties = {name: body["properties"][name] for name in ("computeType", "properties", "disableLocalAuth")}
    properties["properties"] = {**properties["properties"], "vmSize": "STANDARD_DS11_V2"}
    product.owner("PUT", arm_id, {**body, "properties": properties})
    assert product.failing() == set()


@noticed("cluster-allocates-nodes", world="empty")
def nodes_hold_their_subnet(product: QuietProduct) -> None:
    asked = example()
    asked["compute"]["clusters"][0]["minNodes"] = 1
    succeeded(product.create(asked))
    product.advance(900)
    product.owner("DELETE", product.ids()["subnet/training"])
    assert product.failing() == set()


@noticed("workspace-identity-roles", world="empty")
def what_azure_granted_is_taken_as_it_is(product: QuietProduct) -> None:
    succeeded(product.create())
    key = "role/workspace-identity/registry/contributor"
    granted = product.ids()[key]
    workspace = product.body(product.ids()["workspace"]) or {}
    declared = product.blueprint().by_key[key].id
    assert isinstance(declared, RoleAssignmentId)
    assert granted != declared.resolve(workspace["identity"]["principalId"])


def put_again(product: QuietProduct, days: int) -> str | None:
    """Somebody deletes the ML workspace; a changed spec some time later. The code with which the update ends."""
    product.owner("DELETE", product.ids()["workspace"])
    product.advance(60 + days * 86400)
    operation = product.finish(product.put(spec(expiry={"expiresOn": "2027-07-30"})))
    return operation.error.code if operation.error else None


@noticed("workspace-soft-delete", "workspace-name-soft-deleted")
def a_deleted_workspace_keeps_its_name(product: QuietProduct) -> None:
    assert put_again(product, days=0) == "BadRequest"


@noticed("workspace-purged-when-due")
def a_workspace_that_is_gone_for_good_frees_its_name(product: QuietProduct) -> None:
    # Its old endpoint leads to the one that is gone, and is told so.
    assert put_again(product, days=15) == "ConnectionNotApproved"


def kept_credentials(product: QuietProduct) -> set[str]:
    """Datastores that keep a credential, as the posture finds them."""
    findings = product.validate().report.findings
    return {str(f.resource_id).rpartition("/")[2] for f in findings if (f.control, f.status) == (KEPT, "Fail")}


KEPT = "CP.DATA.Credentials"


@noticed("datastore-rules")
def a_datastore_keeps_no_credential_that_nobody_gave(product: QuietProduct) -> None:
    store = f"{product.ids()['workspace']}/datastores/theirs"
    body = {"datastoreType": "AzureBlob", "accountName": "sttheirs", "containerName": "data"}
    product.owner("PUT", store, {"properties": {**body, "credentials": {"credentialsType": "AccountKey"}}})
    assert kept_credentials(product) == set()
