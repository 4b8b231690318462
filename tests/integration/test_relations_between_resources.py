"""What no single resource can answer: somebody else breaks a relation through ARM, one finding, one repair.

One workspace for the module; every case leaves it clean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from controlplane.arm import type_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds import API_VERSIONS
from controlplane.workspaces.posture.paths import ABSENT, value_at
from tests.support.blueprints import compiled
from tests.support.others_changes import THEIRS
from tests.support.product import Product, running_product
from tests.support.waiting import until

BLUEPRINT = compiled()
THEIR_GROUP = THEIRS[0][0]
THEIR_NETWORK = next(arm_id for arm_id, _ in THEIRS if type_of(arm_id) == k.VNET)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The example workspace, made once, and somebody else's network beside it."""
    with running_product(tmp_path_factory.mktemp("product")) as running:
        for arm_id, body in THEIRS:
            if arm_id in (THEIR_GROUP, THEIR_NETWORK):
                running.owner.put(arm_id, body).raise_for_status()
        operation = running.finish(running.put())
        assert operation.status == "Succeeded", operation.error
        yield running


def one(product: Product) -> dict[str, Any]:
    """The one failing finding; what it observed is what a GET says."""
    (finding,) = product.failing()
    body = product.owner.get(finding["resourceId"])
    seen = body["id"] if body and finding["path"] == "$" else value_at(body, finding["path"])
    assert finding["observed"] == (None if seen is ABSENT else seen)
    assert finding["observed"] != finding["wanted"]
    assert finding["readFrom"]
    return finding


def mended(product: Product) -> None:
    """A repair brings everything back."""
    operation = product.repair()
    assert operation.status == "Succeeded", operation.error
    assert product.failing() == []


# -- what somebody deletes ---------------------------------------------------------------------------------------------

#: Many at once, because each is a finding of its own and none explains another.
TOGETHER = {
    "links of every zone to both networks": k.DNS_LINK,
    "roles of every identity, Azure's own grant too": k.ROLE_ASSIGNMENT,
    "diagnostic settings": k.DIAGNOSTIC,
}


@pytest.mark.parametrize("what", TOGETHER)
def test_each_of_many_deleted_things_is_one_finding(product: Product, what: str) -> None:
    keys = {resource.key for resource in BLUEPRINT.resources if resource.type == TOGETHER[what]}
    ids = product.ids()
    for key in keys:
        product.owner.delete(ids[key]).raise_for_status()
    found = product.failing()
    assert sorted(finding["key"] for finding in found) == sorted(keys)
    assert {(finding["path"], finding["observed"]) for finding in found} == {("$", None)}
    mended(product)


#: Key → ARM's code, of what cannot be deleted while others need it.
REFUSED = {
    "vnet/ml": "InUseSubnetCannotBeDeleted",
    "subnet/private-endpoints": "InUseSubnetCannotBeDeleted",
    "nsg/private-endpoints": "InUseNetworkSecurityGroupCannotBeDeleted",
    "nsg/training": "InUseNetworkSecurityGroupCannotBeDeleted",
    "nsg/hub": "InUseNetworkSecurityGroupCannotBeDeleted",
    "public-ip/nat": "PublicIPAddressCannotBeDeleted",
    "nat-gateway": "InUseNatGatewayCannotBeDeleted",
    **{resource.key: "CannotDeleteResource" for resource in BLUEPRINT.resources if resource.type == k.DNS_ZONE},
}
#: What Azure keeps the name of: a person has to recover or purge it first. At the end of this file.
KEPT = ("resource-group", "vault", "workspace")
ALONE = [
    resource.key
    for resource in BLUEPRINT.resources
    if resource.type not in TOGETHER.values() and resource.key not in REFUSED and resource.key not in KEPT
]


@pytest.mark.parametrize("key", REFUSED)
def test_what_is_needed_cannot_be_deleted(product: Product, key: str) -> None:
    answer = product.owner.delete(product.ids()[key])
    said = answer.json()
    assert said.get("error", said)["code"] == REFUSED[key]


@pytest.mark.parametrize("key", ALONE)
def test_a_deleted_resource_is_one_finding_and_comes_back(product: Product, key: str) -> None:
    product.owner.delete(product.ids()[key]).raise_for_status()
    finding = one(product)
    assert (finding["key"], finding["path"], finding["repair"]["kind"]) == (key, "$", "update")
    mended(product)


@pytest.mark.parametrize(("gone", "twin"), [("ml-to-hub", "hub-to-ml"), ("hub-to-ml", "ml-to-hub")])
def test_the_other_side_of_a_peering_is_disconnected_and_shown_so(product: Product, gone: str, twin: str) -> None:
    """It does not come back by itself: Azure refuses a new twin of a Disconnected one, so both are made again."""
    ids = product.ids()
    product.owner.delete(ids[f"peering/{gone}"]).raise_for_status()
    (follows,) = one(product)["consequences"]
    state = (product.owner.get(ids[f"peering/{twin}"]) or {})["properties"]["peeringState"]
    assert (follows["key"], follows["observed"], state) == (f"peering/{twin}", "Disconnected", "Disconnected")
    mended(product)


# -- what somebody changes between resources ---------------------------------------------------------------------------

Act = Callable[[Product], None]


@dataclass(frozen=True)
class Relation:
    """``undo``: what takes the change back where a repair must not."""

    act: Act
    control: str
    key: str | None
    repair: str
    undo: Act | None = None


def delete_zone(zone: str) -> Act:
    """Its links first, because Azure wants that, then the zone."""

    def act(product: Product) -> None:
        ids = product.ids()
        for key in (f"dns-link/{zone}/ml", f"dns-link/{zone}/hub", f"dns-zone/{zone}"):
            product.owner.delete(ids[key]).raise_for_status()

    return act


def record_of(product: Product, zone: str) -> str:
    """The id of the first A record in a zone."""
    zone_id = product.ids()[f"dns-zone/{zone}"]
    listed = product.owner.call("GET", f"{zone_id}/A", version=API_VERSIONS[k.A_RECORD]).json()["value"]
    return str(listed[0]["id"])


def say(*addresses: str) -> dict[str, Any]:
    return {"properties": {"ttl": 10, "aRecords": [{"ipv4Address": address} for address in addresses]}}


def redirect(zone: str) -> Act:
    return lambda product: settled(product.owner.put(record_of(product, zone), say("10.9.9.9")))


def lose_record(zone: str) -> Act:
    return lambda product: settled(product.owner.delete(record_of(product, zone)))


def settled(answer: Any) -> None:
    answer.raise_for_status()


def connections(product: Product, target: str) -> list[dict[str, Any]]:
    body = product.owner.get(product.ids()[target]) or {}
    return list(body["properties"]["privateEndpointConnections"])


def reject(target: str) -> Act:
    """The owner of a target rejects its first connection."""

    def act(product: Product) -> None:
        connection = connections(product, target)[0]["id"]
        state = {"status": "Rejected", "description": "no longer wanted"}
        body = {"properties": {"privateLinkServiceConnectionState": state}}
        settled(product.owner.put(connection, body, version=API_VERSIONS[type_of(product.ids()[target])]))

    return act


def remove_connection(target: str) -> Act:
    def act(product: Product) -> None:
        connection = connections(product, target)[0]["id"]
        settled(product.owner.delete(connection, version=API_VERSIONS[type_of(product.ids()[target])]))

    return act


def their_endpoint(product: Product) -> str:
    return f"{THEIR_GROUP}/providers/{k.PRIVATE_ENDPOINT}/theirs"


def connect_theirs(product: Product) -> None:
    target = {"privateLinkServiceId": product.ids()["storage"], "groupIds": ["blob"]}
    properties = {
        "subnet": {"id": f"{THEIR_NETWORK}/subnets/snet"},
        "privateLinkServiceConnections": [{"name": "theirs", "properties": target}],
    }
    settled(product.owner.put(their_endpoint(product), {"location": "westeurope", "properties": properties}))


def without(path: str, key: str) -> Act:
    """A PUT of what is there, without one property."""

    def act(product: Product) -> None:
        arm_id = product.ids()[key]
        found = product.owner.get(arm_id) or {}
        properties = {name: value for name, value in found["properties"].items() if name in _SUBNET and name != path}
        settled(product.owner.put(arm_id, {"properties": properties}))

    return act


_SUBNET = ("addressPrefix", "networkSecurityGroup", "natGateway", "defaultOutboundAccess")


def in_our_group(resource_type: str, name: str, body: dict[str, Any]) -> tuple[Act, Act]:
    """Somebody makes a thing in the workspace's group, and takes it away again."""

    def arm_id(product: Product) -> str:
        return f"{product.ids()['resource-group']}/providers/{resource_type}/{name}"

    return (
        lambda product: settled(product.owner.put(arm_id(product), {"location": "westeurope", **body})),
        lambda product: settled(product.owner.delete(arm_id(product))),
    )


ADDRESS = in_our_group(
    k.PUBLIC_IP, "pip-theirs", {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
)
ACCOUNT = in_our_group(k.STORAGE, "sttheirs9", {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}})


def their_record(product: Product) -> str:
    return f"{product.ids()['dns-zone/file']}/A/evil"


RELATIONS: dict[str, Relation] = {
    "zone set": Relation(delete_zone("blob"), "DNS.ZoneSetComplete", "dns-zone/blob", "update"),
    "zone set of the workspace": Relation(delete_zone("api"), "DNS.ZoneSetComplete", "dns-zone/api", "update"),
    "record edited": Relation(redirect("vault"), "DNS.ARecordsMatch", "zone-group/vault", "reapply"),
    "record deleted": Relation(lose_record("notebooks"), "DNS.ARecordsMatch", "zone-group/workspace", "reapply"),
    "record of a stranger": Relation(
        lambda product: settled(product.owner.put(their_record(product), say("10.9.9.9"))),
        "DNS.ARecordsMatch", "dns-zone/file", "manual",
        lambda product: settled(product.owner.delete(their_record(product))),
    ),
    "connection rejected by the storage": Relation(
        reject("storage"), "NET.PE.StateApproved", "private-endpoint/blob", "recreate"
    ),
    "connection rejected by the registry": Relation(
        reject("registry"), "NET.PE.StateApproved", "private-endpoint/registry", "recreate"
    ),
    "connection rejected by the vault": Relation(
        reject("vault"), "NET.PE.StateApproved", "private-endpoint/vault", "recreate"
    ),
    "connection rejected by the workspace": Relation(
        reject("workspace"), "NET.PE.StateApproved", "private-endpoint/workspace", "recreate"
    ),
    "connection removed": Relation(
        remove_connection("vault"), "NET.PE.StateApproved", "private-endpoint/vault", "recreate"
    ),
    "foreign endpoint": Relation(
        connect_theirs, "NET.PE.NoForeign", "storage", "manual",
        lambda product: settled(product.owner.delete(their_endpoint(product))),
    ),
    "no way out": Relation(
        without("natGateway", "subnet/training"), "NET.SUBNET.EgressPath", "subnet/training", "update"
    ),
    "a public address": Relation(ADDRESS[0], "NET.PIP.None", None, "manual", ADDRESS[1]),
    "an open storage account": Relation(ACCOUNT[0], "CP.NothingPublic", None, "manual", ACCOUNT[1]),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATIONS)
def test_a_broken_relation_is_one_finding(product: Product, name: str) -> None:
    case = RELATIONS[name]
    case.act(product)
    finding = one(product)
    assert (finding["control"], finding["key"], finding["repair"]["kind"]) == (case.control, case.key, case.repair)
    if case.undo is None:
        mended(product)
        return
    assert finding["repair"]["reason"]
    assert product.repair().status == "Succeeded"
    assert [left["id"] for left in product.failing()] == [finding["id"]]
    case.undo(product)
    assert product.failing() == []


# -- what a relation is for --------------------------------------------------------------------------------------------


def test_without_nat_the_same_job_stays_queued(product: Product) -> None:
    """With it the cluster goes from 0 nodes to 1 and back to 0."""
    ids = product.ids()
    cluster, job = ids["cluster/cpu"], f"{ids['workspace']}/jobs/training-1"
    version = API_VERSIONS[k.COMPUTE]
    without("natGateway", "subnet/training")(product)
    properties = {
        "jobType": "Command",
        "command": "python train.py",
        "computeId": cluster,
        "environmentId": "azureml://registries/azureml/environments/sklearn-1.5/versions/1",
    }
    settled(product.owner.call("PUT", job, {"properties": properties}, version=version))

    why = until(lambda: nodes(product, cluster)["errors"])
    assert why[0]["error"]["code"] == "ResizeError"
    assert status(product, job) == "Queued"
    assert (most_nodes(product), nodes(product, cluster)["currentNodeCount"]) == (0, 0)

    mended(product)
    until(lambda: status(product, job) == "Completed" and nodes(product, cluster)["currentNodeCount"] == 0)
    assert most_nodes(product) == 1


def nodes(product: Product, cluster: str) -> dict[str, Any]:
    found: dict[str, Any] = (product.owner.get(cluster) or {})["properties"]["properties"]
    return found


def status(product: Product, job: str) -> str:
    body = product.owner.get(job, version=API_VERSIONS[k.COMPUTE]) or {}
    return str(body["properties"]["status"])


def most_nodes(product: Product) -> int:
    """At once, in the last hour, as Azure Monitor remembers: a node may come and go between two looks."""
    path = f"{product.ids()['workspace']}/providers/Microsoft.Insights/metrics"
    query = {"metricnames": "Total Nodes", "aggregation": "Maximum"}
    answer = product.owner.call("GET", path, version="2018-01-01", query=query).raise_for_status().json()
    points = [point for series in answer["value"][0]["timeseries"] for point in series["data"]]
    return int(max((point.get("maximum", 0) for point in points), default=0))


# -- what a repair cannot bring back -----------------------------------------------------------------------------------


def test_a_deleted_vault_is_asked_back(product: Product) -> None:
    product.owner.delete(product.ids()["vault"]).raise_for_status()
    finding = one(product)
    assert (finding["key"], finding["path"], finding["repair"]["kind"]) == ("vault", "$", "update")
    mended(product)


def test_a_deleted_workspace_is_left_to_a_person(product: Product) -> None:
    """Last, because the workspace is made again after it."""
    product.owner.delete(product.ids()["workspace"]).raise_for_status()
    finding = one(product)
    assert (finding["key"], finding["path"], finding["repair"]["kind"]) == ("workspace", "$", "manual")
    assert "recover" in finding["repair"]["reason"]
    assert product.repair().status == "Succeeded"
    assert {f["key"] for f in product.failing()} == {"workspace"}

    assert product.finish(product.call("DELETE", "workspaces/churn-dev")).status == "Succeeded"
    assert product.finish(product.put()).status == "Succeeded"
    assert product.failing() == []
