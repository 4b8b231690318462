"""From an ARM type to what bills it. A type that is not here makes an estimate incomplete; it is never nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from controlplane.arm import fold
from controlplane.governance.pricing import meters_compute, meters_network, meters_services
from controlplane.governance.pricing.uses import Found, Free, Item, Rule, Scene, Unpriced
from controlplane.workspaces import kinds as k

FIREWALL = "Microsoft.Network/azureFirewalls"

_RULES: Mapping[str, Rule] = {
    k.PRIVATE_ENDPOINT: meters_network.private_endpoint,
    k.DNS_ZONE: meters_network.dns_zone,
    k.PEERING: meters_network.peering,
    k.PUBLIC_IP: meters_network.public_ip,
    k.NAT_GATEWAY: meters_network.nat_gateway,
    k.BASTION: meters_network.bastion,
    k.VPN_GATEWAY: meters_network.gateway,
    k.CONNECTION: meters_network.connection,
    k.CIRCUIT: meters_network.circuit,
    FIREWALL: meters_network.firewall,
    k.STORAGE: meters_services.storage,
    k.VAULT: meters_services.vault,
    k.REGISTRY: meters_services.registry,
    k.LOG_ANALYTICS: meters_services.log_analytics,
    k.COMPONENT: meters_services.component,
    k.ML_WORKSPACE: meters_services.ml_workspace,
    k.OUTBOUND_RULE: meters_services.outbound_rule,
    k.COMPUTE: meters_compute.compute,
    k.VM: meters_compute.machine,
    k.SCALE_SET: meters_compute.scale_set,
}
_FREE: Mapping[str, str] = {
    k.RESOURCE_GROUP: "A resource group is a name.",
    k.VNET: "Virtual networks are free; what crosses them is billed at peerings and gateways.",
    k.SUBNET: "Part of its virtual network, which is free.",
    k.NSG: "Network security groups are free.",
    k.ROUTE_TABLE: "Route tables are free.",
    k.SERVICE_ENDPOINT_POLICY: "Service endpoints and their policies are free.",
    k.LOCAL_GATEWAY: "It describes the other side; the gateway and the connection are billed.",
    k.INTERFACE: "Network interfaces are free.",
    k.VM_EXTENSION: "Part of its machine.",
    k.ZONE_GROUP: "Records of private endpoints are free; their zones are billed.",
    k.DNS_LINK: "No charge for a link is published; zones and queries are billed.",
    k.DIAGNOSTIC: "The setting is free; what it sends is billed as logs.",
    k.IDENTITY: "Managed identities are free.",
    k.DATASTORE: "A datastore is a name for somebody's storage.",
    k.MANAGED_NETWORK: "The managed network is free; its endpoints and its firewall stand with the workspace.",
    k.ROLE_ASSIGNMENT: "Role assignments are free.",
}

RULES: Mapping[str, Rule] = MappingProxyType({fold(kind): rule for kind, rule in _RULES.items()})
FREE: Mapping[str, Free] = MappingProxyType({fold(kind): Free(reason) for kind, reason in _FREE.items()})


def uses_of(item: Item, scene: Scene) -> Found:
    """What a resource uses."""
    kind = fold(item.type)
    if kind in FREE:
        return FREE[kind]
    if item.unread:
        return Unpriced(item.unread)
    rule = RULES.get(kind)
    if rule is None:
        return Unpriced(f"No meter is known of {item.type}.")
    try:
        return rule(item, scene)
    except (TypeError, ValueError, AttributeError):
        # A body that Azure answered may have anything in it; what cannot be read has no price.
        return Unpriced("Its body says something that no meter is known of.")
