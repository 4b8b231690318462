"""What is known of each ARM type, as data: api-version, how it is listed, how its answers are to be read.

The blueprint takes type names and api-versions from here, observing takes the listings, comparing takes the rest.
Adding a type is adding an entry to :mod:`controlplane.workspaces.kinds_table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

RESOURCE_GROUP = "Microsoft.Resources/resourceGroups"
VNET = "Microsoft.Network/virtualNetworks"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
PEERING = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
NSG = "Microsoft.Network/networkSecurityGroups"
PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
NAT_GATEWAY = "Microsoft.Network/natGateways"
ROUTE_TABLE = "Microsoft.Network/routeTables"
SERVICE_ENDPOINT_POLICY = "Microsoft.Network/serviceEndpointPolicies"
BASTION = "Microsoft.Network/bastionHosts"
VPN_GATEWAY = "Microsoft.Network/virtualNetworkGateways"
LOCAL_GATEWAY = "Microsoft.Network/localNetworkGateways"
CONNECTION = "Microsoft.Network/connections"
CIRCUIT = "Microsoft.Network/expressRouteCircuits"
INTERFACE = "Microsoft.Network/networkInterfaces"
VM = "Microsoft.Compute/virtualMachines"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
VM_EXTENSION = "Microsoft.Compute/virtualMachines/extensions"
PRIVATE_ENDPOINT = "Microsoft.Network/privateEndpoints"
ZONE_GROUP = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
DNS_ZONE = "Microsoft.Network/privateDnsZones"
DNS_LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
A_RECORD = "Microsoft.Network/privateDnsZones/A"
STORAGE = "Microsoft.Storage/storageAccounts"
VAULT = "Microsoft.KeyVault/vaults"
REGISTRY = "Microsoft.ContainerRegistry/registries"
LOG_ANALYTICS = "Microsoft.OperationalInsights/workspaces"
COMPONENT = "Microsoft.Insights/components"
DIAGNOSTIC = "Microsoft.Insights/diagnosticSettings"
ML_WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
COMPUTE = "Microsoft.MachineLearningServices/workspaces/computes"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
DATASTORE = "Microsoft.MachineLearningServices/workspaces/datastores"
DATA_ASSET = "Microsoft.MachineLearningServices/workspaces/data"
MODEL = "Microsoft.MachineLearningServices/workspaces/models"
OUTBOUND_RULE = "Microsoft.MachineLearningServices/workspaces/outboundRules"
#: Azure shows it inside the workspace and builds it by an action; the adapters make a resource of that
#: (controlplane/azure/managed_networks.py).
MANAGED_NETWORK = "Microsoft.MachineLearningServices/workspaces/managedNetworks"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
ROLE_DEFINITION = "Microsoft.Authorization/roleDefinitions"
DENY_ASSIGNMENT = "Microsoft.Authorization/denyAssignments"
#: Who may take a role for a while (PIM). Read only: an administrator makes them, by requests.
ELIGIBILITY = "Microsoft.Authorization/roleEligibilityScheduleInstances"
ELIGIBILITY_REQUEST = "Microsoft.Authorization/roleEligibilityScheduleRequests"
#: Since when, until when and by which eligibility somebody has taken a role (PIM). Read only.
ACTIVATION = "Microsoft.Authorization/roleAssignmentScheduleInstances"
#: Azure Policy: what is assigned, and what it says. Read only.
POLICY_ASSIGNMENT = "Microsoft.Authorization/policyAssignments"
POLICY_DEFINITION = "Microsoft.Authorization/policyDefinitions"
POLICY_SET = "Microsoft.Authorization/policySetDefinitions"


class Listing(StrEnum):
    """How all resources of a type in a workspace's resource group are read in the fewest calls."""

    SELF = "self"
    """By a GET of its own: the resource group."""
    GROUP = "group"
    """One list at the resource group."""
    GROUP_EXTENSION = "groupExtension"
    """One list of an extension type at the group, which answers what lies below it too (role assignments)."""
    INLINE = "inline"
    """Inside its parent's body (subnets and peerings of a virtual network)."""
    PARENT = "parent"
    """One list per parent (links and records of a zone, zone groups of an endpoint, computes of a workspace)."""
    SCOPE = "scope"
    """One list per resource it extends (diagnostic settings)."""


class Meaning(StrEnum):
    """How two values at a path are compared where plain equality would be wrong."""

    LOCATION = "location"
    """``West Europe`` is ``westeurope``."""
    COMMA_SET = "commaSet"
    """``Logging, AzureServices`` is a set of words."""
    DURATION = "duration"
    """``PT120S`` is ``PT2M``."""
    EXACT = "exact"
    """Case matters: values of tags."""
    IDENTITIES = "identities"
    """A map by ARM ids, in whatever case, of which nothing but the ids is ours; an id too many is a difference."""
    ORDERED_IDENTITIES = "orderedIdentities"
    """As those, and the first one is special."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Kind:
    """One ARM type. Paths are dotted, without ``$``; ``[]`` stands for every item of a list."""

    type: str
    api_version: str
    listing: Listing
    inline: str | None = None
    """Where the parent's body holds these, for ``Listing.INLINE``."""
    replacing: frozenset[str] = frozenset()
    """Declared properties that Azure does not change in place."""
    defaults: Mapping[str, Any] = field(default_factory=_nothing)
    """What an absent property means."""
    keyed: Mapping[str, str] = field(default_factory=_nothing)
    """List → property that names its items; its other lists are sets of plain values."""
    meanings: Mapping[str, Meaning] = field(default_factory=_nothing)
    id_maps: frozenset[str] = frozenset()
    """Objects whose names are ARM ids and that are declared whole: a name that is left out is deleted by a write."""
    in_place: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=_nothing)
    """Property → the only changes (from, to; in lower case, without blanks) that Azure makes of it in place."""
    additions: Mapping[str, tuple[str, str]] = field(default_factory=_nothing)
    """Keyed list → (key, path) of the output by which an item is named that Azure itself adds: no difference, and kept
    by a write."""
    matched: frozenset[str] = frozenset()
    """Properties by which the resource was found, and which therefore cannot differ."""
    kept: frozenset[str] = frozenset()
    """What somebody else changes by right once it is there: never compared, and written back as it is."""
    merges: bool = False
    """A PUT replaces the object and siblings' fields with it: it is written as GET plus our fields."""
    taggable: bool = True
    stays: bool = False
    """Nothing takes it away again but the deletion of its parent."""
    holds_others: bool = False
    """Deleting it deletes what anybody put in it: that is never a way of changing it."""

    def changes_in_place(self, path: str, before: object, after: object) -> bool | None:
        """Whether Azure makes this change without another resource; None where the path alone says it."""
        allowed = self.in_place.get(path)
        if allowed is None:
            return None
        was, becomes = (str(value or "").replace(" ", "").lower() for value in (before, after))
        return was == becomes or (was, becomes) in allowed


def api_version(resource_type: str) -> str:
    """The pinned version of a type. Raises ``KeyError`` for a type this product does not speak."""
    return API_VERSIONS[resource_type]


#: Pinned to the versions of the published SDK models that every body is held against: azure-mgmt-network 33.1.0,
#: azure-mgmt-privatedns 2.0.0, azure-mgmt-storage 25.3.0, azure-mgmt-keyvault 14.1.0, azure-mgmt-containerregistry
#: 15.0.0, azure-mgmt-loganalytics 14.0.0, azure-mgmt-applicationinsights 4.1.0, azure-mgmt-authorization 4.0.0,
#: azure-mgmt-compute 39.0.0, azure-mgmt-msi 7.1.0, azure-ai-ml 1.35.2; resource groups and diagnostic settings as the
#: Azure CLI recorded.
_NETWORK, _DNS, _ML, _MACHINES = "2026-03-01", "2024-06-01", "2025-12-01", "2026-04-01"
API_VERSIONS: Mapping[str, str] = MappingProxyType(
    {
        RESOURCE_GROUP: "2021-04-01",
        **dict.fromkeys((VNET, SUBNET, PEERING, NSG, PUBLIC_IP, NAT_GATEWAY, PRIVATE_ENDPOINT, ZONE_GROUP), _NETWORK),
        **dict.fromkeys((BASTION, INTERFACE, VPN_GATEWAY, LOCAL_GATEWAY, CONNECTION, CIRCUIT), _NETWORK),
        **dict.fromkeys((ROUTE_TABLE, SERVICE_ENDPOINT_POLICY), _NETWORK),
        **dict.fromkeys((VM, VM_EXTENSION, SCALE_SET), _MACHINES),
        **dict.fromkeys((DNS_ZONE, DNS_LINK, A_RECORD), _DNS),
        STORAGE: "2026-09-01",
        VAULT: "2026-05-15",
        REGISTRY: "2025-11-01",
        LOG_ANALYTICS: "2025-07-01",
        COMPONENT: "2020-02-02",
        DIAGNOSTIC: "2021-05-01-preview",
        IDENTITY: "2024-11-30",
        **dict.fromkeys((ML_WORKSPACE, COMPUTE, DATASTORE, OUTBOUND_RULE, MANAGED_NETWORK, DATA_ASSET, MODEL), _ML),
        **dict.fromkeys((ROLE_ASSIGNMENT, ROLE_DEFINITION, DENY_ASSIGNMENT), "2022-04-01"),
        **dict.fromkeys((ELIGIBILITY, ELIGIBILITY_REQUEST, ACTIVATION), "2020-10-01"),
        **dict.fromkeys((POLICY_ASSIGNMENT, POLICY_DEFINITION, POLICY_SET), "2023-04-01"),
    }
)


def entry(resource_type: str, listing: Listing, **more: object) -> Kind:
    """An entry of the table, with its pinned api-version."""
    return Kind(resource_type, API_VERSIONS[resource_type], listing, **more)  # type: ignore[arg-type]
