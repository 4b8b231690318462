"""Nothing in a request reaches outside its project's registration."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.projects.model import Registration
from controlplane.projects.scope import out_of_scope
from controlplane.workspaces.spec import WorkspaceSpec

OURS = "00000000-0000-0000-0000-000000000001"
GROUP = "00000000-0000-0000-0000-0000000000a1"
HUB = f"/subscriptions/{OURS}/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/hub"
IDENTITY = f"/subscriptions/{OURS}/resourceGroups/id/providers/Microsoft.ManagedIdentity/userAssignedIdentities/u"
ZONES = f"/subscriptions/{OURS}/resourceGroups/dns"
KEY = "https://keys.vault.azure.net/keys/ml"
BY_ARM = f"/subscriptions/{OURS}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/any"

REGISTRATION = Registration(
    subscriptions=(OURS,),
    regions=("westeurope", "North Europe"),
    resource_group_prefix="rg-churn-",
    address_pools=("10.40.0.0/16", "192.168.0.0/20"),
    hubs=(HUB,),
    dns_zones=(ZONES,),
    keys=(KEY, f"{BY_ARM}/keys/k"),
    identities=(IDENTITY,),
    entra_groups=(GROUP,),
)


def with_ids(field: str, *ids: str) -> dict[str, Any]:
    """Computes with one that has these identities."""
    more = {"maxNodes": 1} if field == "clusters" else {"assignedTo": GROUP}
    return {field: [{"name": "c1x", "size": "Standard_D2", "identity": {"type": "userAssigned", "ids": ids}, **more}]}


def spec(**changes: Any) -> WorkspaceSpec:
    """Built past ``parse_spec``: what is not available yet is held to the registration all the same."""
    asked: dict[str, Any] = {
        "project": "churn",
        "environment": "dev",
        "subscriptionId": OURS,
        "location": "westeurope",
        "owners": [GROUP],
        "network": {"addressSpace": "10.40.4.0/22"},
    }
    return WorkspaceSpec.model_validate(asked | changes)


def targets(asked: WorkspaceSpec, name: str = "churn-dev") -> list[str | None]:
    details = out_of_scope(name, asked, REGISTRATION)
    assert {detail.code for detail in details} <= {"ScopeNotAllowedForProject"}
    return [detail.target for detail in details]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"location": "northeurope"},
        {"network": {"addressSpace": "192.168.0.0/24"}},
        {"network": {"addressSpace": "10.40.0.0/22", "hub": {"vnetId": HUB.replace("/resourceG", "/RESOURCEG")}}},
        {"network": {"addressSpace": "10.40.0.0/22", "hub": {"dnsZones": [f"{ZONES}/providers/x/y/z"]}}},
        {"identity": {"type": "userAssigned", "ids": [IDENTITY], "primary": IDENTITY}},
        {"encryption": {"customerManagedKey": f"{KEY}/1234"}},
        {"identity": {"type": "userAssigned", "ids": [IDENTITY], "create": ["own"], "primary": "own"}},
        {"encryption": {"identity": IDENTITY}},
        {"encryption": {"customerManagedKey": "https://any.vault.azure.net/keys/k", "keyVaultId": BY_ARM}},
        {"access": {"dataScientists": [GROUP]}},
        {"compute": {"clusters": [{"name": "c1", "size": "Standard_D2", "maxNodes": 50}]}},
        {"compute": with_ids("clusters", IDENTITY)},
        {"compute": with_ids("instances", "made"), "identity": {"create": ["made"]}},
    ],
)  # fmt: skip
def test_inside(changes: dict[str, Any]) -> None:
    assert targets(spec(**changes)) == []


STRANGER = "/subscriptions/00000000-0000-0000-0000-000000000009/resourceGroups/x/providers/a/b/c"


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"subscriptionId": "00000000-0000-0000-0000-000000000009"}, "$.subscriptionId"),
        ({"location": "eastus"}, "$.location"),
        ({"network": {"addressSpace": "10.41.0.0/22"}}, "$.network.addressSpace"),
        ({"network": {"addressSpace": "10.0.0.0/8"}}, "$.network.addressSpace"),
        ({"network": {"addressSpace": "10.40.0.0/22", "hub": {"vnetId": STRANGER}}}, "$.network.hub.vnetId"),
        ({"network": {"addressSpace": "10.40.0.0/22", "hub": {"vnetId": f"{HUB}2"}}}, "$.network.hub.vnetId"),
        (
            {"network": {"addressSpace": "10.40.0.0/22", "hub": {"vnetId": f"{HUB}/../another"}}},
            "$.network.hub.vnetId",
        ),
        ({"identity": {"primary": f"{IDENTITY}/%2E%2e/another"}}, "$.identity.primary"),
        ({"encryption": {"customerManagedKey": f"{KEY}/./../other"}}, "$.encryption.customerManagedKey"),
        (
            {"network": {"addressSpace": "10.40.0.0/22", "hub": {"dnsZones": [ZONES, STRANGER]}}},
            "$.network.hub.dnsZones[1]",
        ),
        ({"identity": {"ids": [STRANGER]}}, "$.identity.ids[0]"),
        ({"identity": {"create": ["own"], "primary": "other"}}, "$.identity.primary"),
        ({"encryption": {"identity": STRANGER}}, "$.encryption.identity"),
        ({"encryption": {"keyVaultId": f"{BY_ARM}/../other"}}, "$.encryption.keyVaultId"),
        ({"encryption": {"customerManagedKey": KEY, "keyVaultId": STRANGER}}, "$.encryption.keyVaultId"),
        ({"identity": {"primary": STRANGER}}, "$.identity.primary"),
        (
            {"encryption": {"customerManagedKey": "https://other.vault.azure.net/keys/ml"}},
            "$.encryption.customerManagedKey",
        ),
        ({"access": {"projectLeads": ["00000000-0000-0000-0000-0000000000ff"]}}, "$.access.projectLeads[0]"),
        ({"access": {"platformSupport": ["00000000-0000-0000-0000-0000000000ff"]}}, "$.access.platformSupport[0]"),
        ({"compute": {"clusters": [{"name": "c1", "size": "Standard_D2", "maxNodes": 51}]}}, "$.compute.clusters"),
        ({"compute": with_ids("clusters", IDENTITY, STRANGER)}, "$.compute.clusters[0].identity.ids[1]"),
        ({"compute": with_ids("instances", f"{IDENTITY}/../v")}, "$.compute.instances[0].identity.ids[0]"),
    ],
)
def test_outside_is_named_by_its_path(changes: dict[str, Any], target: str) -> None:
    assert targets(spec(**changes)) == [target]


def test_an_instance_is_a_node() -> None:
    """Fifty nodes may be there: with an instance beside them it is one too many."""
    clusters = [{"name": "c1", "size": "Standard_D2", "maxNodes": 50}]
    instance = {"name": "ada-box-a1", "size": "Standard_D2", "assignedTo": "00000000-0000-0000-0000-0000000000a1"}
    assert targets(spec(compute={"clusters": clusters})) == []
    assert targets(spec(compute={"clusters": clusters, "instances": [instance]})) == ["$.compute.instances"]


def test_everything_outside_is_listed() -> None:
    asked = spec(location="eastus", network={"addressSpace": "10.99.0.0/22"})
    assert targets(asked) == ["$.location", "$.network.addressSpace"]


def test_a_resource_group_that_azure_would_refuse() -> None:
    assert targets(spec(), name="n" * 82) == ["$.name"]


def test_no_pool_means_no_address_space() -> None:
    bare = REGISTRATION.model_copy(update={"address_pools": ()})
    assert [detail.target for detail in out_of_scope("churn-dev", spec(), bare)] == ["$.network.addressSpace"]
