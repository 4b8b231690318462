"""One change by another principal is exactly one failing finding, whose observed value is what a GET says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Unreadable
from controlplane.workspaces.posture import Finding, FindingStatus, RepairKind, Report
from controlplane.workspaces.posture.paths import ABSENT, value_at
from tests.support.azure_answers import Estate, create
from tests.support.blueprints import CONTEXT, compiled
from tests.support.looks import look
from tests.support.mutations import Mutation, connection_state, deletions, foreign_connection, properties

BLUEPRINT = compiled()
CREATED = create(BLUEPRINT)
GROUP = CREATED.id_of("resource-group")


def one(estate: Estate) -> Finding:
    """The one failing finding; nothing is unknown."""
    report = look(estate)
    assert not report.unknown, report.unknown
    (finding,) = report.failing
    return finding


def assert_says_what_a_get_says(estate: Estate, finding: Finding) -> None:
    body = estate.get(str(finding.resource_id))
    if finding.path == "$" and body is None:
        assert finding.observed is None
        return
    found = value_at(body, finding.path)
    assert finding.observed == (None if found is ABSENT else found)
    assert finding.observed != finding.wanted


def test_the_estate_as_created_is_clean() -> None:
    report = look(CREATED)
    assert report.is_clean
    assert report.repair_keys() == ((), ())
    assert {f.status for f in report.findings} <= {FindingStatus.PASS, FindingStatus.NOT_APPLICABLE}


@pytest.mark.parametrize("mutation", tuple(properties(BLUEPRINT)), ids=lambda mutation: mutation.name)
def test_a_declared_property(mutation: Mutation) -> None:
    estate = CREATED.copy()
    mutation.act(estate)
    finding = one(estate)
    assert finding.key == mutation.key
    assert finding.read_from is not None
    assert_says_what_a_get_says(estate, finding)


@pytest.mark.parametrize("mutation", tuple(deletions(BLUEPRINT)), ids=lambda mutation: mutation.name)
def test_a_deleted_resource(mutation: Mutation) -> None:
    estate = CREATED.copy()
    mutation.act(estate)
    finding = one(estate)
    assert (finding.key, finding.path, finding.observed) == (mutation.key, "$", None)


def set_at(key: str, path: str, value: Any) -> Callable[[Estate], None]:
    def act(estate: Estate) -> None:
        *steps, last = path.split(".")
        holder: Any = estate.body(key)
        for step in steps:
            holder = holder[step]
        holder[last] = value

    return act


def add(arm_id: str, body: dict[str, Any]) -> Callable[[Estate], None]:
    """Somebody makes something in the workspace's group."""

    def act(estate: Estate) -> None:
        estate.bodies[fold(arm_id)] = {"id": arm_id, "name": arm_id.rpartition("/")[2], **body}

    return act


def in_group(resource_type: str, name: str) -> str:
    return f"{GROUP}/providers/{resource_type}/{name}"


def zone(key: str) -> str:
    return CREATED.id_of(f"dns-zone/{key}")


def record(key: str) -> str:
    """The id of the first A record of a zone."""
    return next(str(b["id"]) for b in CREATED.bodies.values() if fold(b["id"]).startswith(fold(zone(key)) + "/a/"))


def append_rule(estate: Estate) -> None:
    rule = {
        "name": "ssh",
        "properties": {
            "direction": "Inbound",
            "access": "Allow",
            "priority": 100,
            "protocol": "Tcp",
            "sourceAddressPrefix": "Internet",
            "destinationPortRange": "22",
        },
    }
    estate.body("nsg/training")["properties"]["securityRules"].append(rule)


def stale_zone_group(estate: Estate) -> None:
    """The endpoint was given other addresses than its zone group knows."""
    for config in estate.body("private-endpoint/blob")["properties"]["customDnsConfigs"]:
        config["ipAddresses"] = ["10.40.0.30"]


def only_the_target_rejects(estate: Estate) -> None:
    connections = estate.body("vault")["properties"]["privateEndpointConnections"]
    connections[0]["properties"]["privateLinkServiceConnectionState"]["status"] = "Rejected"


def extra(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "x", "properties": properties}


#: Name → act, control, key, repair.
Relation = tuple[Callable[[Estate], None], str, str | None, RepairKind]
RELATIONS: dict[str, Relation] = {
    "link not completed": (
        set_at("dns-link/blob/hub", "properties.virtualNetworkLinkState", "Failed"),
        "DNS.LinkState", "dns-link/blob/hub", RepairKind.REAPPLY,
    ),
    "record changed": (
        lambda e: e.bodies[fold(record("vault"))]["properties"].update(aRecords=[{"ipv4Address": "10.9.9.9"}]),
        "DNS.ARecordsMatch", "zone-group/vault", RepairKind.REAPPLY,
    ),
    "record with two addresses": (
        lambda e: e.bodies[fold(record("blob"))]["properties"]["aRecords"].append({"ipv4Address": "10.9.9.9"}),
        "DNS.ARecordsMatch", "zone-group/blob", RepairKind.REAPPLY,
    ),
    "record deleted": (
        lambda e: e.delete(record("notebooks")), "DNS.ARecordsMatch", "zone-group/workspace", RepairKind.REAPPLY,
    ),
    "record of a stranger": (
        add(f"{zone('file')}/A/evil", extra({"aRecords": [{"ipv4Address": "10.9.9.9"}]})),
        "DNS.ARecordsMatch", "dns-zone/file", RepairKind.MANUAL,
    ),
    "addresses of the zone group are stale": (
        stale_zone_group, "DNS.ARecordsMatch", "zone-group/blob", RepairKind.REAPPLY,
    ),
    "connection pending": (
        connection_state("private-endpoint/blob", "Pending"),
        "NET.PE.StateApproved", "private-endpoint/blob", RepairKind.RECREATE,
    ),
    "connection rejected": (
        connection_state("private-endpoint/registry", "Rejected"),
        "NET.PE.StateApproved", "private-endpoint/registry", RepairKind.RECREATE,
    ),
    "connection removed": (
        connection_state("private-endpoint/workspace", "Disconnected"),
        "NET.PE.StateApproved", "private-endpoint/workspace", RepairKind.RECREATE,
    ),
    "connection rejected at the target only": (
        only_the_target_rejects, "NET.PE.StateApproved", "private-endpoint/vault", RepairKind.RECREATE,
    ),
    "connection unknown to the target": (
        lambda e: e.body("vault")["properties"].update(privateEndpointConnections=[]),
        "NET.PE.StateApproved", "private-endpoint/vault", RepairKind.RECREATE,
    ),
    "somebody else's connection": (
        foreign_connection("storage"), "NET.PE.NoForeign", "storage", RepairKind.MANUAL,
    ),
    "peering disconnected": (
        set_at("peering/ml-to-hub", "properties.peeringState", "Disconnected"),
        "NET.PEER.StateRemote", "peering/ml-to-hub", RepairKind.RECREATE,
    ),
    "peering out of sync": (
        set_at("peering/hub-to-ml", "properties.peeringSyncLevel", "RemoteNotInSync"),
        "NET.PEER.Sync", "peering/hub-to-ml", RepairKind.RECREATE,
    ),
    "public IP without address": (
        set_at("public-ip/nat", "properties.ipAddress", None),
        "NET.SUBNET.EgressPath", "public-ip/nat", RepairKind.REAPPLY,
    ),
    "public storage account of a stranger": (
        add(in_group(kinds.STORAGE, "theirs"), extra({"publicNetworkAccess": "Enabled"})),
        "CP.NothingPublic", None, RepairKind.MANUAL,
    ),
    "storage account of a stranger that does not say": (
        add(in_group(kinds.STORAGE, "theirs"), extra({})), "CP.NothingPublic", None, RepairKind.MANUAL,
    ),
    "vault of a stranger that lets everybody in": (
        add(in_group(kinds.VAULT, "theirs"), extra({"networkAcls": {"defaultAction": "Allow"}})),
        "CP.NothingPublic", None, RepairKind.MANUAL,
    ),
    "public IP of a stranger": (
        add(in_group(kinds.PUBLIC_IP, "theirs"), extra({"ipAddress": "20.0.0.9"})),
        "NET.PIP.None", None, RepairKind.MANUAL,
    ),
    "cluster of a stranger with public nodes": (
        add(f"{CREATED.id_of('workspace')}/computes/theirs", extra({"properties": {"enableNodePublicIp": True}})),
        "NET.PIP.None", None, RepairKind.MANUAL,
    ),
    "rule that lets the internet in": (append_rule, "CP.NSG.Rules", "nsg/training", RepairKind.UPDATE),
    "SFTP": (set_at("storage", "properties.isSftpEnabled", True), "STO.SftpOff", "storage", RepairKind.MANUAL),
    "NFS": (set_at("storage", "properties.isNfsV3Enabled", True), "STO.NfsV3Off", "storage", RepairKind.MANUAL),
    "the workspace's old public switch": (
        set_at("workspace", "properties.allowPublicAccessWhenBehindVnet", True),
        "AML.WS.AllowPublicAccessWhenBehindVnet", "workspace", RepairKind.MANUAL,
    ),
    "endpoint failed": (
        set_at("private-endpoint/file", "properties.provisioningState", "Failed"),
        "NET.PE.ProvisioningState", "private-endpoint/file", RepairKind.REAPPLY,
    ),
    "workspace failed": (
        set_at("workspace", "properties.provisioningState", "Failed"),
        "AML.WS.ProvisioningState", "workspace", RepairKind.REAPPLY,
    ),
    "network failed": (
        set_at("vnet/hub", "properties.provisioningState", "Canceled"),
        "CP.Provisioned", "vnet/hub", RepairKind.REAPPLY,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATIONS)
def test_a_relation(name: str) -> None:
    act, control, key, repair = RELATIONS[name]
    estate = CREATED.copy()
    act(estate)
    finding = one(estate)
    assert (finding.control, finding.key, finding.repair.kind) == (control, key, repair)
    assert finding.read_from
    assert_says_what_a_get_says(estate, finding)


@pytest.mark.parametrize("name", [name for name, case in RELATIONS.items() if case[1] != "CP.NSG.Rules"])
def test_two_changes_are_two_findings(name: str) -> None:
    """A changed tag on the same resource explains nothing."""
    act, control, key, _ = RELATIONS[name]
    estate = CREATED.copy()
    act(estate)
    tagged = key if key and "tags" in BLUEPRINT.by_key[key].body else "storage"
    estate.body(tagged)["tags"]["project"] = "other"
    assert sorted(f.control for f in look(estate).failing) == sorted((control, "GOV.Tags.Required"))


#: What is deleted → controls that must be shown as consequences of it.
FOLLOWS: dict[str, set[str]] = {
    "dns-link/blob/ml": {"DNS.LinkState"},
    "dns-zone/blob": {"DNS.LinkSpoke", "DNS.LinkHub", "DNS.ARecordsMatch", "DNS.LinkState", "DNS.ZoneSetComplete"},
    "private-endpoint/blob": {"NET.PE.ZoneGroupPresent", "NET.PE.StateApproved", "RBAC.WsMi.ReaderOnStoragePe"},
    "zone-group/vault": {"DNS.ARecordsMatch"},
    "peering/hub-to-ml": {"NET.PEER.StateRemote"},
    "nat-gateway": {"NET.SUBNET.EgressPath"},
    "public-ip/nat": {"NET.SUBNET.EgressPath"},
    "storage": {"NET.PE.StateApproved", "RBAC.WsMi.StorageBlobData"},
    "cluster/cpu": {"RBAC.ComputeMi.AcrPull", "RBAC.ComputeMi.StorageRead"},
    "workspace": {"NET.PE.StateApproved", "RBAC.WsMi.AcrContributor", "RBAC.ComputeMi.AcrPull"},
}


@pytest.mark.parametrize("key", FOLLOWS)
def test_what_follows_is_shown_under_its_cause(key: str) -> None:
    estate = CREATED.copy()
    estate.delete(estate.body(key)["id"])
    assert {c.control for c in one(estate).consequences} >= FOLLOWS[key]


def test_a_lost_identity_is_one_finding() -> None:
    """Its roles are named after a principal that is no longer known."""
    estate = CREATED.copy()
    estate.body("workspace")["identity"] = {"type": "None"}
    finding = one(estate)
    assert (finding.control, finding.path) == ("AML.WS.IdentityPresent", "$.identity.type")
    assert "RBAC.WsMi.StorageBlobData" in {c.control for c in finding.consequences}


UNREADABLE = Unreadable("AuthorizationFailed", "no")

#: Folded end of the read that is refused → a control that then must be Unknown.
REFUSED: dict[str, tuple[str, str]] = {
    "the storage accounts": (f"{GROUP}/providers/{kinds.STORAGE}", "NET.PE.NoForeign"),
    "the records of a zone": (f"{zone('blob')}/A", "DNS.ARecordsMatch"),
    "the links of a zone": (f"{zone('blob')}/virtualNetworkLinks", "DNS.LinkState"),
    "the endpoints": (f"{GROUP}/providers/{kinds.PRIVATE_ENDPOINT}", "NET.PE.StateApproved"),
    "the networks": (f"{GROUP}/providers/{kinds.VNET}", "NET.PEER.StateRemote"),
    "the NAT gateways": (f"{GROUP}/providers/{kinds.NAT_GATEWAY}", "NET.SUBNET.EgressPath"),
    "the role assignments": (f"{GROUP}/providers/{kinds.ROLE_ASSIGNMENT}", "RBAC.WsMi.AcrContributor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_unreadable_is_unknown_and_never_pass(name: str) -> None:
    path, control = REFUSED[name]
    estate = CREATED.copy()
    estate.refused[fold(path)] = UNREADABLE
    report = look(estate)
    assert not report.failing
    assert not report.is_clean
    assert control in {f.control for f in report.unknown}
    unread = estate.observed().unknown
    assert not [f for f in report.findings if f.status is FindingStatus.PASS and f.key in unread]


def test_nothing_is_said_of_an_unreadable_group() -> None:
    estate = CREATED.copy()
    for read in estate.answers():
        estate.refused[fold(read.path)] = UNREADABLE
    report = look(estate)
    assert {f.key for f in report.unknown} >= set(BLUEPRINT.by_key)
    assert not [f for f in report.findings if f.status is FindingStatus.PASS]
    assert not report.failing


def test_a_workspace_that_was_never_made_lacks_its_group() -> None:
    finding = one(Estate(BLUEPRINT))
    assert finding.key == "resource-group"
    assert {c.key for c in finding.consequences} >= set(BLUEPRINT.by_key) - {"resource-group"}


def test_ids_are_stable_and_unique() -> None:
    first, second = look(CREATED), look(CREATED.copy())
    assert [f.id for f in first.findings] == [f.id for f in second.findings]
    assert len({f.id for f in first.findings}) == len(first.findings)


def test_passes_are_counted_by_control() -> None:
    report: Report = look(CREATED)
    assert report.counts["DNS.LinkSpoke"]["Pass"] >= 6
    assert report.counts["NET.PE.StateApproved"] == {"Pass": 5}
    assert CONTEXT.workspace == report.workspace
