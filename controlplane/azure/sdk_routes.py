"""Which resource types are written through an SDK, and by which of its operations. Pure data.

The decision is architecture.md's: networks and private DNS through ``azure-mgmt-network`` and
``azure-mgmt-privatedns``. A type that is not here is written through the ARM client, with the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controlplane.arm import PROVIDERS, resource_group_of, subscription_of, type_of

NETWORK = "azure.mgmt.network.aio"
PRIVATE_DNS = "azure.mgmt.privatedns.aio"

_NETWORK_TYPES = {
    "applicationsecuritygroups": "application_security_groups",
    "azurefirewalls": "azure_firewalls",
    "bastionhosts": "bastion_hosts",
    "connections": "virtual_network_gateway_connections",
    "firewallpolicies": "firewall_policies",
    "localnetworkgateways": "local_network_gateways",
    "natgateways": "nat_gateways",
    "networksecuritygroups": "network_security_groups",
    "networksecuritygroups/securityrules": "security_rules",
    "privateendpoints": "private_endpoints",
    "privateendpoints/privatednszonegroups": "private_dns_zone_groups",
    "publicipaddresses": "public_ip_addresses",
    "publicipprefixes": "public_ip_prefixes",
    "routetables": "route_tables",
    "routetables/routes": "routes",
    "serviceendpointpolicies": "service_endpoint_policies",
    "serviceendpointpolicies/serviceendpointpolicydefinitions": "service_endpoint_policy_definitions",
    "virtualnetworks": "virtual_networks",
    "virtualnetworks/subnets": "subnets",
    "virtualnetworks/virtualnetworkpeerings": "virtual_network_peerings",
    "virtualnetworkgateways": "virtual_network_gateways",
}
_PRIVATE_DNS_TYPES = {
    "privatednszones": "private_zones",
    "privatednszones/virtualnetworklinks": "virtual_network_links",
}
#: Package → type under Microsoft.Network, folded → attribute of its client.
TYPES: Mapping[str, Mapping[str, str]] = {NETWORK: _NETWORK_TYPES, PRIVATE_DNS: _PRIVATE_DNS_TYPES}

_NAMESPACE = "microsoft.network/"


@dataclass(frozen=True, slots=True)
class SdkCall:
    """How one resource is reached: ``getattr(client, operations).begin_…(group, *names, body)``."""

    package: str
    operations: str
    subscription: str
    group: str
    names: tuple[str, ...]


def route(arm_id: str) -> SdkCall | None:
    """The SDK call for a resource, or None when it is written through the ARM client."""
    kind = type_of(arm_id).lower()
    if not kind.startswith(_NAMESPACE):
        return None
    for package, types in TYPES.items():
        operations = types.get(kind.removeprefix(_NAMESPACE))
        subscription, group = subscription_of(arm_id), resource_group_of(arm_id)
        if operations and subscription and group:
            names = arm_id.rpartition(PROVIDERS)[2].strip("/").split("/")[2::2]
            return SdkCall(package, operations, subscription, group, tuple(names))
    return None
