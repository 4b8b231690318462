"""What another principal can change of each declared property through ARM, as data: a valid other value for each."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.clouds import CLOUDS
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.model import Blueprint, Ref, Resource

Step = str | int
_THEIRS = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/theirs/providers"
_VAULT = f"{_THEIRS}/Microsoft.KeyVault/vaults/kv"
_SUBNET = f"{_THEIRS}/Microsoft.Network/virtualNetworks/vnet/subnets/snet"
_LOGS = f"{_THEIRS}/Microsoft.OperationalInsights/workspaces/theirs-logs"
_SOMEBODY = "00000000-0000-0000-0000-00000000beef"

#: (type, path) → the other value, or how it is made of the declared one. Without an entry: another value of its shape.
_VALUES: Mapping[tuple[str, str], Any] = {
    ("*", "location"): "northeurope",
    ("*", "identity.type"): "None",
    (k.NSG, "properties.securityRules[].properties.priority"): lambda found: found - 1 if found > 4000 else found + 1,
    (k.NSG, "properties.securityRules[].properties.direction"): {"Inbound": "Outbound", "Outbound": "Inbound"},
    (k.NSG, "properties.securityRules[].properties.access"): {"Allow": "Deny", "Deny": "Allow"},
    (k.NSG, "properties.securityRules[].properties.protocol"): {"Tcp": "Udp", "Udp": "Tcp", "*": "Tcp"},
    (k.NSG, "properties.securityRules[].properties.sourceAddressPrefix"): "10.9.0.0/16",
    (k.NSG, "properties.securityRules[].properties.destinationAddressPrefix"): "10.9.0.0/16",
    (k.NSG, "properties.securityRules[].properties.sourcePortRange"): "1024-65535",
    (k.NSG, "properties.securityRules[].properties.destinationPortRange"): "8443",
    (k.NSG, "properties.securityRules[].properties.destinationPortRanges"): ["8443", "445"],
    (k.PUBLIC_IP, "sku.name"): "Basic",
    (k.PUBLIC_IP, "properties.publicIPAllocationMethod"): "Dynamic",
    (k.PUBLIC_IP, "properties.publicIPAddressVersion"): "IPv6",
    (k.NAT_GATEWAY, "sku.name"): "StandardV2",
    (k.NAT_GATEWAY, "properties.publicIpAddresses"): [],
    (k.VNET, "properties.addressSpace.addressPrefixes"): lambda found: [*found, "10.99.0.0/16"],
    (k.VNET, "properties.dhcpOptions.dnsServers"): ["10.9.9.9"],
    (k.SUBNET, "properties.addressPrefix"): lambda found: re.sub(r"/\d+$", "/28", found),
    (k.SUBNET, "properties.delegations"): [
        {"name": "batch", "properties": {"serviceName": "Microsoft.ContainerInstance/containerGroups"}}
    ],
    (k.SUBNET, "properties.privateEndpointNetworkPolicies"): "Enabled",
    (k.SUBNET, "properties.natGateway.id"): None,
    (k.SUBNET, "properties.networkSecurityGroup.id"): None,
    (k.PRIVATE_ENDPOINT, "properties.manualPrivateLinkServiceConnections"): [
        {"name": "by-hand", "properties": {"privateLinkServiceId": _VAULT, "groupIds": ["vault"]}}
    ],
    (k.DNS_LINK, "properties.resolutionPolicy"): "NxDomainRedirect",
    (k.REGISTRY, "sku.name"): "Standard",
    (k.REGISTRY, "properties.publicNetworkAccess"): "Enabled",
    (k.REGISTRY, "properties.networkRuleBypassOptions"): "None",
    (k.STORAGE, "sku.name"): "Standard_GRS",
    (k.STORAGE, "kind"): "BlobStorage",
    (k.STORAGE, "properties.publicNetworkAccess"): "Enabled",
    (k.STORAGE, "properties.networkAcls.defaultAction"): "Allow",
    (k.STORAGE, "properties.networkAcls.bypass"): "None",
    (k.STORAGE, "properties.networkAcls.ipRules"): [{"value": "20.1.2.3", "action": "Allow"}],
    (k.STORAGE, "properties.networkAcls.virtualNetworkRules"): [{"id": _SUBNET, "action": "Allow"}],
    (k.VAULT, "properties.networkAcls.virtualNetworkRules"): [{"id": _SUBNET}],
    (k.VAULT, "properties.accessPolicies"): [
        {"tenantId": _SOMEBODY, "objectId": _SOMEBODY, "permissions": {"secrets": ["get"]}}
    ],
    (k.STORAGE, "properties.minimumTlsVersion"): "TLS1_0",
    (k.STORAGE, "properties.encryption.keySource"): "Microsoft.Keyvault",
    (k.VAULT, "properties.sku.family"): "B",
    (k.VAULT, "properties.sku.name"): "premium",
    (k.VAULT, "properties.softDeleteRetentionInDays"): 30,
    (k.VAULT, "properties.publicNetworkAccess"): "Enabled",
    (k.VAULT, "properties.networkAcls.defaultAction"): "Allow",
    (k.VAULT, "properties.networkAcls.bypass"): "None",
    (k.VAULT, "properties.networkAcls.ipRules"): [{"value": "20.1.2.3/32"}],
    (k.VAULT, "properties.tenantId"): _SOMEBODY,
    (k.LOG_ANALYTICS, "properties.sku.name"): "CapacityReservation",
    (k.LOG_ANALYTICS, "properties.retentionInDays"): 60,
    (k.COMPONENT, "properties.WorkspaceResourceId"): _LOGS,
    (k.DIAGNOSTIC, "properties.workspaceId"): _LOGS,
    (k.ML_WORKSPACE, "properties.storageAccount"): f"{_THEIRS}/Microsoft.Storage/storageAccounts/sttheirs",
    (k.ML_WORKSPACE, "properties.keyVault"): f"{_THEIRS}/Microsoft.KeyVault/vaults/kv-theirs",
    (k.ML_WORKSPACE, "properties.containerRegistry"): f"{_THEIRS}/Microsoft.ContainerRegistry/registries/crtheirs",
    (k.ML_WORKSPACE, "properties.applicationInsights"): f"{_THEIRS}/Microsoft.Insights/components/appi-theirs",
    (k.PEERING, "properties.remoteVirtualNetwork.id"): f"{_THEIRS}/Microsoft.Network/virtualNetworks/vnet",
    (k.PRIVATE_ENDPOINT, "properties.subnet.id"): lambda found: found.replace(
        "snet-private-endpoints", "snet-training"
    ),
    (k.ZONE_GROUP, "properties.privateDnsZoneConfigs[].properties.privateDnsZoneId"): lambda found: (
        f"{_THEIRS}/Microsoft.Network/privateDnsZones/{found.rpartition('/')[2]}"
    ),
    (k.COMPONENT, "kind"): "other",
    (k.COMPONENT, "properties.Application_Type"): "other",
    (k.ML_WORKSPACE, "kind"): "Hub",
    (k.ML_WORKSPACE, "sku.name"): "Standard",
    (k.ML_WORKSPACE, "sku.tier"): "Standard",
    (k.ML_WORKSPACE, "properties.publicNetworkAccess"): "Enabled",
    (k.ML_WORKSPACE, "properties.systemDatastoresAuthMode"): "AccessKey",
    (k.COMPUTE, "properties.computeType"): "ComputeInstance",
    (k.COMPUTE, "properties.properties.osType"): "Windows",
    (k.COMPUTE, "properties.properties.vmSize"): "Standard_DS11_v2",
    (k.COMPUTE, "properties.properties.vmPriority"): "LowPriority",
    (k.COMPUTE, "properties.properties.remoteLoginPortPublicAccess"): "Enabled",
    (k.ROLE_ASSIGNMENT, "properties.principalType"): "User",
}


#: What somebody else has beside the workspace, for properties that must name something: (id, body), in order.
THEIRS: tuple[tuple[str, dict[str, Any]], ...] = (
    (_THEIRS.removesuffix("/providers"), {"location": "westeurope"}),
    (_LOGS, {"location": "westeurope", "properties": {"sku": {"name": "PerGB2018"}}}),
    (
        f"{_THEIRS}/Microsoft.Network/virtualNetworks/vnet",
        {
            "location": "westeurope",
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.77.0.0/16"]},
                "subnets": [{"name": "snet", "properties": {"addressPrefix": "10.77.0.0/24"}}],
            },
        },
    ),
    (
        f"{_THEIRS}/Microsoft.Storage/storageAccounts/sttheirs",
        {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}},
    ),
    (
        f"{_THEIRS}/Microsoft.KeyVault/vaults/kv-theirs",
        {
            "location": "westeurope",
            "properties": {
                "tenantId": _SOMEBODY,
                "sku": {"family": "A", "name": "standard"},
                "enableRbacAuthorization": True,
                "accessPolicies": [],
            },
        },
    ),
    (
        f"{_THEIRS}/Microsoft.ContainerRegistry/registries/crtheirs",
        {"location": "westeurope", "sku": {"name": "Premium"}, "properties": {}},
    ),
    (
        f"{_THEIRS}/Microsoft.Insights/components/appi-theirs",
        {
            "location": "westeurope",
            "kind": "web",
            "properties": {"Application_Type": "web", "WorkspaceResourceId": _LOGS},
        },
    ),
    *(
        (f"{_THEIRS}/Microsoft.Network/privateDnsZones/{name}", {"location": "global"})
        for name in CLOUDS["AzureCloud"].zones.values()
    ),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One declared property. ``path`` has ``[]`` for any item of a list."""

    key: str
    type: str
    steps: tuple[Step, ...]
    path: str

    @property
    def name(self) -> str:
        return f"{self.key}:{'.'.join(map(str, self.steps))}"

    @property
    def part(self) -> str:
        """What of the resource it is in: each rule of a security group is a thing of its own, the rest is one."""
        in_rule = self.type == k.NSG and len(self.steps) > 2 and isinstance(self.steps[2], int)
        return f"{self.key}#{self.steps[2]}" if in_rule else self.key


def leaves(blueprint: Blueprint) -> Iterator[Leaf]:
    """Every declared leaf of every resource, but for what names a list's item or a role assignment."""
    for resource in blueprint.resources:
        for steps in _leaves(resource, resource.body, ()):
            yield Leaf(resource.key, resource.type, steps, _path(steps))


def changed(leaf: Leaf, body: Mapping[str, Any]) -> dict[str, Any]:
    """A request body with one leaf changed. Properties whose other value is None are taken away with their object."""
    sent: dict[str, Any] = copy.deepcopy(dict(body))
    holder: Any = sent
    for step in leaf.steps[:-1]:
        holder = holder[step]
    value = _other(leaf, holder[leaf.steps[-1]])
    if value is None:
        above: Any = sent
        for step in leaf.steps[:-2]:
            above = above[step]
        del above[leaf.steps[-2]]
    else:
        holder[leaf.steps[-1]] = value
    return sent


def _other(leaf: Leaf, found: Any) -> Any:
    for key in ((leaf.type, leaf.path), ("*", leaf.path)):
        if key in _VALUES:
            chosen = _VALUES[key]
            if isinstance(chosen, Callable):  # type: ignore[arg-type]
                return chosen(found)
            return chosen[found] if isinstance(chosen, Mapping) else copy.deepcopy(chosen)
    match found:
        case bool():
            return not found
        case int():
            return found + 1
        case str() if found.startswith("/subscriptions/"):
            return f"{found}-other"
        case str() if found.startswith("PT"):
            return "PT29M"
        case str():
            return f"{found}-other"
        case list():
            return [*found, "other"]
    raise TypeError(f"{leaf.name}: no other value for {found!r}")


def _path(steps: tuple[Step, ...]) -> str:
    return ".".join("[]" if isinstance(step, int) else step for step in steps).replace(".[]", "[]")


def _leaves(resource: Resource, found: Any, at: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    kind, path = KINDS[resource.type], _path(at)
    if path in kind.matched:
        return
    if isinstance(found, Mapping) and not isinstance(found, Ref):
        for name, item in found.items():
            yield from _leaves(resource, item, (*at, name))
    elif isinstance(found, list | tuple) and any(isinstance(item, Mapping) for item in found):
        naming = kind.keyed.get(path)
        if naming == "id":
            yield at
            return
        for place, item in enumerate(found):
            for name, inner in item.items():
                if name != naming:
                    yield from _leaves(resource, inner, (*at, place, name))
    else:
        yield at
