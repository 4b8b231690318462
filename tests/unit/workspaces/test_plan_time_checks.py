"""What only Azure can say of a spec, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.ports.reader import SubscriptionFacts
from controlplane.workspaces.plan_checks.hub import HubFacts, check_hub
from controlplane.workspaces.plan_checks.place import check
from tests.unit.workspaces.fake_azure import OWNER, spec

SIZES: dict[str, Any] = {
    "standard_ds3_v2": {"name": "Standard_DS3_v2", "restrictions": []},
    "standard_nc6s_v3": {
        "name": "Standard_NC6s_v3",
        "restrictions": [
            {"type": "Location", "values": ["westeurope"], "reasonCode": "NotAvailableForSubscription"},
        ],
    },
    "standard_d2": {
        "name": "Standard_D2",
        "restrictions": [{"type": "Zone", "restrictionInfo": {"locations": ["westeurope"], "zones": ["1"]}}],
    },
    "standard_d4": {
        "name": "Standard_D4",
        "restrictions": [{"type": "Location", "restrictionInfo": {"locations": ["northeurope"]}}],
    },
    "standard_d8": {"name": "Standard_D8", "capabilities": [{"name": "LowPriorityCapable", "value": "False"}]},
}
FACTS = SubscriptionFacts(True, frozenset({"westeurope", "northeurope"}), SIZES)


def sized(size: str, nodes: int = 4) -> dict[str, Any]:
    return {"compute": {"clusters": [{"name": "cpu", "size": size, "maxNodes": nodes}]}}


STORAGE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-data/providers/Microsoft.Storage"


def lakes(count: int, **more: Any) -> dict[str, Any]:
    """So many data lakes of others, each with two endpoints in the workspace's network unless it says otherwise."""
    return {
        "datastores": [
            {
                "name": f"lake{number}",
                "type": "azureDataLakeGen2",
                "account": f"{STORAGE}/storageAccounts/stlake{number}",
                "container": "data",
                **more,
            }
            for number in range(count)
        ]
    }


def found(changes: dict[str, Any], facts: SubscriptionFacts = FACTS, **taken: str) -> list[tuple[str, str | None]]:
    return [(detail.code, detail.target) for detail in check(spec(**changes), facts, taken)]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="plain"),
        pytest.param(sized("STANDARD_DS3_V2"), id="casing of a size"),
        pytest.param(sized("Standard_D2"), id="restricted in one zone only"),
        pytest.param(sized("Standard_D8"), id="no low priority nodes, none asked for"),
        pytest.param(sized("Standard_D4"), id="restricted in another region only"),
        pytest.param(sized("Standard_DS3_v2", 251), id="as many nodes as the training subnet has addresses"),
        pytest.param(lakes(9), id="endpoints of nine lakes beside the eight addresses that every workspace has"),
        pytest.param(lakes(50, privateEndpoint=False), id="lakes without endpoints"),
    ],
)
def test_what_azure_would_take(changes: dict[str, Any]) -> None:
    assert found(changes) == []


@pytest.mark.parametrize(
    ("changes", "facts", "code", "target"),
    [
        pytest.param(
            {}, SubscriptionFacts(False, frozenset(), {}), "SubscriptionNotVisible", "$.subscriptionId", id="invisible"
        ),
        pytest.param({"location": "marsnorth"}, FACTS, "LocationNotAvailable", "$.location", id="region"),
        pytest.param(
            sized("Standard_X9"), FACTS, "VmSizeNotAvailable", "$.compute.clusters[0].size", id="S1-28 unknown size"
        ),
        pytest.param(
            sized("Standard_NC6s_v3"), FACTS, "SkuRestricted", "$.compute.clusters[0].size", id="S1-28 restricted size"
        ),
        pytest.param(
            {"compute": {"clusters": [{"name": "c1", "size": "Standard_D8", "maxNodes": 1, "lowPriority": True}]}},
            FACTS,
            "LowPriorityNotAvailable",
            "$.compute.clusters[0].size",
            id="no low priority nodes of the size",
        ),
        pytest.param(
            {"compute": {"instances": [{"name": "box", "size": "Standard_X9", "assignedTo": OWNER}]}},
            FACTS,
            "VmSizeNotAvailable",
            "$.compute.instances[0].size",
            id="unknown size of an instance",
        ),
        pytest.param(
            sized("Standard_DS3_v2", 252), FACTS, "AddressSpaceTooSmall", "$.network.addressSpace", id="too many nodes"
        ),
        pytest.param(lakes(10), FACTS, "TooManyPrivateEndpoints", "$.datastores", id="too many endpoints"),
    ],
)
def test_what_azure_would_refuse(changes: dict[str, Any], facts: SubscriptionFacts, code: str, target: str) -> None:
    assert found(changes, facts) == [(code, target)]


def test_address_spaces_of_other_workspaces() -> None:
    assert found({}, FACTS, other="10.40.4.0/22") == []
    assert found({}, FACTS, other="10.40.2.0/24") == [("AddressSpaceOverlaps", "$.network.addressSpace")]


def test_whose_addresses_a_shared_hub_knows_is_not_told() -> None:
    """Networks that a hub is peered with may be other projects' workspaces."""
    hub = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-hub/providers/Microsoft.Network"
    peering = {
        "properties": {
            "remoteVirtualNetwork": {"id": f"{hub}/virtualNetworks/vnet-fraud-dev-ml"},
            "remoteAddressSpace": {"addressPrefixes": ["10.40.0.0/16"]},
        }
    }
    network = {
        "id": f"{hub}/virtualNetworks/vnet-hub",
        "properties": {"addressSpace": {"addressPrefixes": ["10.9.0.0/24"]}, "virtualNetworkPeerings": [peering]},
    }
    (detail,) = check_hub(spec(), HubFacts(network), "AzureCloud")
    assert detail.code == "AddressSpaceOverlaps"
    assert "fraud" not in detail.message
    assert "10.40.0.0/16" not in detail.message
