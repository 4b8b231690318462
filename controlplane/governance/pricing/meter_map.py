"""From an ARM type to what bills it. A type that is not here makes an estimate incomplete; it is never nothing."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.arm import fold
from controlplane.governance.pricing import meters_compute, meters_network, meters_services
from controlplane.governance.pricing.uses import Found, Free, Item, Rule, Scene, Unpriced
from controlplane.workspaces import kinds as k

FIREWALL = "Microsoft.Network/azureFirewalls"


@dataclass(frozen=True, slots=True)
class Billed:
    """How resources of a type are billed."""

    rule: Rule
    requirements: tuple[str, ...] = ()


def _free(reason: str, *requirements: str) -> Billed:
    found = Free(reason)

    def rule(item: Item, scene: Scene) -> Found:
        del item, scene
        return found

    return Billed(rule, requirements)


_METERS: dict[str, Billed] = {
    k.PRIVATE_ENDPOINT: Billed(meters_network.private_endpoint, ("S1-19",)),
    k.DNS_ZONE: Billed(meters_network.dns_zone, ("S1-20",)),
    k.PEERING: Billed(meters_network.peering, ("S1-21",)),
    k.PUBLIC_IP: Billed(meters_network.public_ip),
    k.NAT_GATEWAY: Billed(meters_network.nat_gateway),
    k.BASTION: Billed(meters_network.bastion, ("S1-24",)),
    k.VPN_GATEWAY: Billed(meters_network.gateway, ("S1-22", "S1-23")),
    k.CONNECTION: Billed(meters_network.connection),
    k.CIRCUIT: Billed(meters_network.circuit, ("S1-23",)),
    FIREWALL: Billed(meters_network.firewall),
    k.STORAGE: Billed(meters_services.storage),
    k.VAULT: Billed(meters_services.vault),
    k.REGISTRY: Billed(meters_services.registry),
    k.LOG_ANALYTICS: Billed(meters_services.log_analytics),
    k.COMPONENT: Billed(meters_services.component),
    k.ML_WORKSPACE: Billed(meters_services.ml_workspace, ("S5-25",)),
    k.OUTBOUND_RULE: Billed(meters_services.outbound_rule),
    k.COMPUTE: Billed(meters_compute.compute),
    k.VM: Billed(meters_compute.machine, ("S1-56",)),
    k.SCALE_SET: Billed(meters_compute.scale_set),
    k.RESOURCE_GROUP: _free("A resource group is a name."),
    k.VNET: _free("Virtual networks are free; what crosses them is billed at peerings and gateways.", "S1-18"),
    k.SUBNET: _free("Part of its virtual network, which is free."),
    k.NSG: _free("Network security groups are free."),
    k.ROUTE_TABLE: _free("Route tables are free."),
    k.SERVICE_ENDPOINT_POLICY: _free("Service endpoints and their policies are free."),
    k.LOCAL_GATEWAY: _free("It describes the other side; the gateway and the connection are billed."),
    k.INTERFACE: _free("Network interfaces are free."),
    k.VM_EXTENSION: _free("Part of its machine."),
    k.ZONE_GROUP: _free("Records of private endpoints are free; their zones are billed."),
    k.DNS_LINK: _free("No charge for a link is published; zones and queries are billed."),
    k.DIAGNOSTIC: _free("The setting is free; what it sends is billed as logs."),
    k.IDENTITY: _free("Managed identities are free."),
    k.DATASTORE: _free("A datastore is a name for somebody's storage."),
    k.MANAGED_NETWORK: _free("The network is free; its endpoints and its firewall stand with the workspace."),
    k.ROLE_ASSIGNMENT: _free("Role assignments are free."),
}

#: By folded type.
METERS: dict[str, Billed] = {fold(kind): billed for kind, billed in _METERS.items()}


def uses_of(item: Item, scene: Scene) -> Found:
    """What a resource uses."""
    billed = METERS.get(fold(item.type))
    if billed is None:
        return Unpriced(f"No meter is known of {item.type}.")
    try:
        found = billed.rule(item, scene)
    except (TypeError, ValueError, AttributeError):
        # A body that Azure answered may have anything in it; what cannot be read has no price.
        found = Unpriced("Its body says something that no meter is known of.")
    return found if isinstance(found, Free) or not item.unread else Unpriced(item.unread)
