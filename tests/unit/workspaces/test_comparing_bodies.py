"""What counts as a difference: against recorded answers of Azure, and rule by rule."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.arm import type_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.compare import differences
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Difference, Observed, Ref

NOTHING = Observed({})
#: Recorded requests send these, and Azure keeps them to itself; the blueprint does not declare them.
NEVER_ANSWERED = {k.VNET: {"enableVmProtection", "subnets"}, k.PRIVATE_ENDPOINT: {"subnet"}}


def recorded() -> Iterator[Any]:
    """(type, body sent, body answered by the GET that follows, or by the PUT itself) of every PUT of a known type."""
    for path in sorted(Path("tests/data/arm").glob("*.json")):
        traffic = json.loads(path.read_text())
        for number, item in enumerate(traffic):
            sent = item["request"]["body"]
            arm_id = item["request"]["path"].partition("?")[0]
            if item["request"]["method"] != "PUT" or not sent or item["response"]["status"] >= 400:
                continue
            kind = KINDS.get(type_of(arm_id))
            answer = answered(traffic[number:], arm_id)
            if kind is not None and answer:
                yield pytest.param(kind.type, sent, answer, id=f"{path.stem}:{number}")


def answered(traffic: list[dict[str, Any]], arm_id: str) -> dict[str, Any] | None:
    found = traffic[0]["response"]["body"]
    for item in traffic[1:]:
        method, path = item["request"]["method"], item["request"]["path"].partition("?")[0]
        if method in ("PUT", "PATCH") and path == arm_id:
            break
        body = item["response"]["body"]
        if method == "GET" and isinstance(body, dict) and str(body.get("id", "")).lower() == arm_id.lower():
            found = body
    return found if isinstance(found, dict) and "id" in found else None


@pytest.mark.parametrize(("resource_type", "sent", "answer"), list(recorded()))
def test_what_azure_made_of_a_body_is_no_difference(resource_type: str, sent: Any, answer: Any) -> None:
    declared = {name: value for name, value in sent.items() if name not in ("id", "name", "etag")}
    hidden: set[str] = NEVER_ANSWERED.get(resource_type, set())
    if "properties" in declared:
        declared["properties"] = {n: v for n, v in declared["properties"].items() if n not in hidden}
    assert differences(declared, answer, KINDS[resource_type], NOTHING) == ()


def test_recordings_of_most_types_are_compared() -> None:
    types = {case.values[0] for case in recorded()}
    assert {
        k.RESOURCE_GROUP, k.VNET, k.SUBNET, k.PEERING, k.NSG, k.NAT_GATEWAY, k.PRIVATE_ENDPOINT, k.DNS_ZONE,
        k.DNS_LINK, k.STORAGE, k.VAULT, k.REGISTRY, k.LOG_ANALYTICS, k.DIAGNOSTIC, k.ROLE_ASSIGNMENT,
    } <= types  # fmt: skip


RULE = {"name": "A", "properties": {"access": "Allow", "priority": 100}}
ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"

SAME = [
    pytest.param(k.STORAGE, {"kind": "StorageV2"}, {"kind": "storagev2"}, id="casing of a value"),
    pytest.param(
        k.PEERING,
        {"properties": {"remoteVirtualNetwork": {"id": ID}}},
        {"properties": {"remoteVirtualNetwork": {"id": ID.lower() + "/"}}},
        id="casing of an id",
    ),
    pytest.param(k.VNET, {"location": "westeurope"}, {"location": "West Europe"}, id="display name of a region"),
    pytest.param(
        k.VNET, {"tags": {"a": "x"}}, {"tags": {"b": "y", "A": "x"}}, id="other people's tags, casing of names"
    ),
    pytest.param(
        k.STORAGE,
        {"properties": {"networkAcls": {"bypass": "AzureServices, Logging"}}},
        {"properties": {"networkAcls": {"bypass": "Logging,AzureServices"}}},
        id="comma string",
    ),
    pytest.param(
        k.COMPUTE,
        {"properties": {"properties": {"scaleSettings": {"nodeIdleTimeBeforeScaleDown": "PT120S"}}}},
        {"properties": {"properties": {"scaleSettings": {"nodeIdleTimeBeforeScaleDown": "PT2M"}}}},
        id="two spellings of a duration",
    ),
    pytest.param(
        k.NSG,
        {"properties": {"securityRules": [RULE, RULE | {"name": "B"}]}},
        {"properties": {"securityRules": [RULE | {"name": "B", "etag": "1"}, RULE]}},
        id="order of named items, what Azure adds to them",
    ),
    pytest.param(
        k.VNET,
        {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/24", "10.0.1.0/24"]}}},
        {"properties": {"addressSpace": {"addressPrefixes": ["10.0.1.0/24", "10.0.0.0/24"]}}},
        id="order of plain values",
    ),
    pytest.param(
        k.VNET, {"properties": {"dhcpOptions": {"dnsServers": []}}}, {"properties": {}}, id="empty list and nothing"
    ),
    pytest.param(k.STORAGE, {"properties": {"allowSharedKeyAccess": True}}, {"properties": {}}, id="absent means true"),
    pytest.param(
        k.VAULT,
        {"properties": {"networkAcls": {"bypass": "AzureServices", "defaultAction": "Allow"}}},
        {"properties": {}},
        id="network rules that are the default are not answered",
    ),
    pytest.param(k.DNS_LINK, {"properties": {"resolutionPolicy": "Default"}}, {"properties": {}}, id="absent policy"),
    pytest.param(
        k.ROLE_ASSIGNMENT,
        {"properties": {"roleDefinitionId": "/subscriptions/s/providers/x/1"}},
        {"properties": {"roleDefinitionId": "/providers/x/1"}},
        id="by which it was found",
    ),
]


@pytest.mark.parametrize(("resource_type", "wanted", "found"), SAME)
def test_not_a_difference(resource_type: str, wanted: Any, found: Any) -> None:
    assert differences(wanted, found, KINDS[resource_type], NOTHING) == ()


OTHER = [
    pytest.param(
        k.STORAGE,
        {"properties": {"networkAcls": {"defaultAction": "Deny"}}},
        {"properties": {"networkAcls": {"defaultAction": "Allow"}}},
        Difference("$.properties.networkAcls.defaultAction", "Deny", "Allow"),
        id="value",
    ),
    pytest.param(
        k.STORAGE,
        {"properties": {"allowSharedKeyAccess": False}},
        {"properties": {}},
        Difference("$.properties.allowSharedKeyAccess", False, None, observed_absent=True),
        id="absent allowSharedKeyAccess means true",
    ),
    pytest.param(
        k.STORAGE,
        {"properties": {"publicNetworkAccess": "Disabled"}},
        {"properties": {"publicNetworkAccess": None}},
        Difference("$.properties.publicNetworkAccess", "Disabled", None),
        id="null publicNetworkAccess means enabled",
    ),
    pytest.param(
        k.VAULT,
        {"properties": {"networkAcls": {"defaultAction": "Deny"}}},
        {"properties": {}},
        Difference("$.properties.networkAcls.defaultAction", "Deny", None, observed_absent=True),
        id="absent network rules let everybody in",
    ),
    pytest.param(
        k.NSG,
        {"properties": {"securityRules": [RULE]}},
        {"properties": {"securityRules": [{"name": "A", "properties": {"access": "Deny", "priority": 100}}]}},
        Difference("$.properties.securityRules[A].properties.access", "Allow", "Deny"),
        id="inside a named item",
    ),
    pytest.param(
        k.NSG,
        {"properties": {"securityRules": []}},
        {"properties": {"securityRules": [RULE]}},
        Difference("$.properties.securityRules[A]", None, RULE),
        id="an item too much",
    ),
    pytest.param(
        k.NSG,
        {"properties": {"securityRules": [RULE]}},
        {"properties": {"securityRules": []}},
        Difference("$.properties.securityRules[A]", RULE, None, observed_absent=True),
        id="an item too few",
    ),
    pytest.param(
        k.NAT_GATEWAY,
        {"properties": {"publicIpAddresses": [{"id": "/a"}]}},
        {"properties": {"publicIpAddresses": [{"id": "/A"}, {"id": "/b"}]}},
        Difference("$.properties.publicIpAddresses[1]", None, {"id": "/b"}),
        id="an item too much, shown by its place",
    ),
    pytest.param(
        k.STORAGE,
        {"properties": {"networkAcls": {"ipRules": []}}},
        {"properties": {"networkAcls": {"ipRules": [{"value": "8.8.8.8"}]}}},
        Difference("$.properties.networkAcls.ipRules[0]", None, {"value": "8.8.8.8"}),
        id="an address let in",
    ),
    pytest.param(
        k.DIAGNOSTIC,
        {"properties": {"logs": [{"categoryGroup": "allLogs", "enabled": True}]}},
        {"properties": {"logs": [{"categoryGroup": "allLogs", "enabled": False}]}},
        Difference("$.properties.logs[0].enabled", True, False),
        id="a log switched off",
    ),
    pytest.param(
        k.VNET,
        {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/24"]}}},
        {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/24", "10.1.0.0/24"]}}},
        Difference("$.properties.addressSpace.addressPrefixes", ["10.0.0.0/24"], ["10.0.0.0/24", "10.1.0.0/24"]),
        id="a range too much can go in place",
    ),
    pytest.param(
        k.VNET,
        {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/24"]}}},
        {"properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/24"]}}},
        Difference("$.properties.addressSpace.addressPrefixes", ["10.0.0.0/24"], ["10.1.0.0/24"], replaces=True),
        id="another range means another network",
    ),
    pytest.param(
        k.VAULT,
        {"location": "westeurope"},
        {"location": "northeurope"},
        Difference("$.location", "westeurope", "northeurope", replaces=True),
        id="another region",
    ),
    pytest.param(
        k.RESOURCE_GROUP,
        {"location": "westeurope"},
        {"location": "northeurope"},
        Difference("$.location", "westeurope", "northeurope", replaces=False),
        id="a group in another region is never deleted for it",
    ),
    pytest.param(
        k.COMPUTE,
        {"properties": {"properties": {"vmSize": "Standard_DS3_v2"}}},
        {"properties": {"properties": {"vmSize": "STANDARD_DS4_V2"}}},
        Difference("$.properties.properties.vmSize", "Standard_DS3_v2", "STANDARD_DS4_V2", replaces=True),
        id="another size means another cluster",
    ),
    pytest.param(
        k.PRIVATE_ENDPOINT,
        {"properties": {"privateLinkServiceConnections": [{"name": "c", "properties": {"groupIds": ["blob"]}}]}},
        {"properties": {"privateLinkServiceConnections": [{"name": "c", "properties": {"groupIds": ["file"]}}]}},
        Difference(
            "$.properties.privateLinkServiceConnections[c].properties.groupIds", ["blob"], ["file"], replaces=True
        ),
        id="another sub-resource means another endpoint",
    ),
    pytest.param(
        k.VNET,
        {"tags": {"owner": "ada"}},
        {"tags": {"owner": "Ada"}},
        Difference("$.tags.owner", "ada", "Ada"),
        id="tag",
    ),
    pytest.param(
        k.VNET,
        {"tags": {"owner": "ada"}},
        {"tags": None},
        Difference("$.tags.owner", "ada", None, observed_absent=True),
        id="no tags",
    ),
    pytest.param(
        k.STORAGE,
        {"properties": {"allowBlobPublicAccess": False}},
        {"properties": {"allowBlobPublicAccess": "False"}},
        Difference("$.properties.allowBlobPublicAccess", False, "False"),
        id="another type",
    ),
    pytest.param(
        k.STORAGE,
        {"properties": {"networkAcls": {"bypass": "AzureServices"}}},
        {"properties": {"networkAcls": {"bypass": "AzureServices, Logging"}}},
        Difference("$.properties.networkAcls.bypass", "AzureServices", "AzureServices, Logging"),
        id="a word too much",
    ),
]


@pytest.mark.parametrize(("resource_type", "wanted", "found", "difference"), OTHER)
def test_a_difference(resource_type: str, wanted: Any, found: Any, difference: Difference) -> None:
    assert differences(wanted, found, KINDS[resource_type], NOTHING) == (difference,)


def test_a_reference_is_compared_by_what_it_stands_for() -> None:
    wanted = {"properties": {"key": Ref("workspace", "identity.principalId")}}
    observed = Observed({"workspace": {"identity": {"principalId": "p1"}}})
    kind = KINDS[k.DIAGNOSTIC]
    assert differences(wanted, {"properties": {"key": "P1"}}, kind, observed) == ()
    (found,) = differences(wanted, {"properties": {"key": "p2"}}, kind, observed)
    assert (found.wanted, found.observed) == ("p1", "p2")
    assert differences(wanted, {"properties": {"key": "p2"}}, kind, NOTHING) == ()


def test_several_differences_keep_the_bodys_order() -> None:
    wanted = {"location": "a", "tags": {"t": "1"}, "kind": "x", "properties": {"accessTier": "Hot"}}
    found = differences(wanted, {"location": "b", "kind": "y", "properties": {}}, KINDS[k.STORAGE], NOTHING)
    assert [item.path for item in found] == ["$.location", "$.tags.t", "$.kind", "$.properties.accessTier"]


ONE, TWO = (f"/subscriptions/s/resourceGroups/ids/providers/Microsoft.ManagedIdentity/u/{name}" for name in "ab")


@pytest.mark.parametrize(
    ("have", "found"),
    [
        pytest.param([ONE, TWO], None, id="the same"),
        pytest.param([ONE.upper(), TWO], None, id="in another case"),
        pytest.param([TWO, ONE], [TWO, ONE], id="another first one"),
        pytest.param([ONE], [ONE], id="one is missing"),
        pytest.param([ONE, TWO, f"{ONE}c"], [ONE, TWO, f"{ONE}c"], id="one too many"),
    ],
)
def test_identities_of_a_compute_are_compared_by_id_and_order(have: list[str], found: list[str] | None) -> None:
    """S2-32: the first one is the default."""
    wanted = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {ONE: {}, TWO: {}}}}
    for filled in ({}, {"principalId": "p"}):
        body = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {one: dict(filled) for one in have}}}
        paths = {d.path: d.observed for d in differences(wanted, body, KINDS[k.COMPUTE], NOTHING)}
        assert paths == ({} if found is None else {"$.identity.userAssignedIdentities": found})


def test_kinds_of_identity_are_a_set_of_words() -> None:
    wanted = {"identity": {"type": "SystemAssigned"}}
    for given, paths in (("systemAssigned", []), ("SystemAssigned, UserAssigned", ["$.identity.type"])):
        found = differences(wanted, {"identity": {"type": given}}, KINDS[k.COMPUTE], NOTHING)
        assert [difference.path for difference in found] == paths
