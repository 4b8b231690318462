"""What only Azure can say of an existing hub, at plan time: it is there, addresses do not overlap, zones fit. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.arm import fold, name_of
from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.workspaces.blueprint.clouds import CLOUDS
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.spec_model import WorkspaceSpec

#: Subnets of a hub that hold one thing only, which is no appliance; in lower case.
_OTHERS_SUBNETS = frozenset({"gatewaysubnet", "azurebastionsubnet", "routeserversubnet"})
#: The network's own address and three more are Azure's.
_FIRST_OWN = 4
_VNET, _SPACE = "$.network.hub.vnetId", "$.network.addressSpace"


@dataclass(frozen=True, slots=True)
class HubFacts:
    """The hub's network and the zones that a spec names, as Azure answers them; None where it answers 404."""

    network: JsonObject | None
    zones: Mapping[str, JsonObject | None] = field(default_factory=dict)
    """ARM id as the spec has it → body."""
    own_network: str | None = None
    """ARM id of the workspace's own network, whose peering does not count as somebody else's."""


def check_hub(spec: WorkspaceSpec, facts: HubFacts, cloud: str) -> tuple[ErrorDetail, ...]:
    """Codes: ``HubNotFound``, ``NextHopNotReachable``, ``NextHopNotUsable``, ``AddressSpaceOverlaps``,
    ``DnsZoneNotFound``, ``DnsZoneNotUsed``."""
    return (*_network(spec, facts), *_zones(spec, facts, cloud))


def _network(spec: WorkspaceSpec, facts: HubFacts) -> Iterator[ErrorDetail]:
    if facts.network is None:
        text = f"{spec.network.hub.vnet_id} does not exist, or the control plane may not see it."
        yield ErrorDetail("HubNotFound", text, _VNET)
        return
    yield from _next_hop(spec, facts.network)
    own = ipaddress.IPv4Network(spec.network.address_space)
    for owner, prefix in _taken(facts.network, facts.own_network):
        if own.overlaps(ipaddress.IPv4Network(prefix)):
            yield ErrorDetail("AddressSpaceOverlaps", f"{own} overlaps {owner}.", _SPACE)


def _next_hop(spec: WorkspaceSpec, network: JsonObject) -> Iterator[ErrorDetail]:
    """A hop is reached through the one peering with the hub: peering is not transitive.

    Source: https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview, "Next hop" of a virtual
    appliance; https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq, "VNet peering".
    """
    text = spec.network.egress.next_hop
    space = [ipaddress.IPv4Network(one) for one in _prefixes(network, "$.properties.addressSpace.addressPrefixes")]
    if text is not None and not any(ipaddress.IPv4Address(text) in one for one in space):
        message = (
            f"{text} is no address of the hub {name_of(str(network.get('id', 'network')))}, so no route leads there."
        )
        yield ErrorDetail("NextHopNotReachable", message, "$.network.egress.nextHop")
    elif text is not None and (why := _not_usable(ipaddress.IPv4Address(text), network)) is not None:
        yield ErrorDetail("NextHopNotUsable", f"{text} {why}", "$.network.egress.nextHop")


def _not_usable(hop: ipaddress.IPv4Address, network: JsonObject) -> str | None:
    """Why nothing that forwards traffic can have an address of the hub. Sources: "Virtual Network FAQ" ("Azure reserves
    the first four addresses and the last address, for a total of five IP addresses within each subnet") and what each
    of the named subnets is for."""
    subnets = value_at(network, "$.properties.subnets")
    for subnet in subnets if isinstance(subnets, list) else ():
        name = str(subnet.get("name") or "")
        for here in _ranges(subnet):
            if hop in here and name.lower() in _OTHERS_SUBNETS:
                return f"lies in {name}, in which no firewall stands."
            first = int(hop) - int(here.network_address) < _FIRST_OWN
            if hop in here and (first or hop == here.broadcast_address):
                return f"is one of the five addresses that Azure keeps for itself in subnet {name}."
    return None


def _ranges(subnet: JsonObject) -> Iterator[ipaddress.IPv4Network]:
    """A subnet says one prefix, or several."""
    one = value_at(subnet, "$.properties.addressPrefix")
    for prefix in (*_prefixes(subnet, "$.properties.addressPrefixes"), *((one,) if isinstance(one, str) else ())):
        if ":" not in prefix:
            yield ipaddress.IPv4Network(prefix)


def addresses_of(network: JsonObject) -> tuple[ipaddress.IPv4Network, ...]:
    """Every range that a hub knows: its own, and those of the networks it is peered with."""
    return tuple(ipaddress.IPv4Network(prefix) for _, prefix in _taken(network, None))


def _taken(network: JsonObject, own_network: str | None) -> Iterator[tuple[str, str]]:
    """Addresses that the hub knows, and whose they are: its own, and those of the networks it is peered with. Those
    may be other projects' workspaces, so a caller is told neither their names nor how far their ranges go."""
    for prefix in _prefixes(network, "$.properties.addressSpace.addressPrefixes"):
        yield f"{prefix} of the hub {name_of(str(network.get('id', 'network')))}", prefix
    peerings = value_at(network, "$.properties.virtualNetworkPeerings")
    for peering in peerings if isinstance(peerings, list) else ():
        remote = value_at(peering, "$.properties.remoteVirtualNetwork.id")
        if isinstance(remote, str) and own_network is not None and fold(remote) == fold(own_network):
            continue
        for prefix in _prefixes(peering, "$.properties.remoteAddressSpace.addressPrefixes"):
            yield "a network that the hub is peered with", prefix


def _prefixes(body: JsonObject, path: str) -> Iterator[str]:
    found = value_at(body, path)
    for prefix in found if found is not ABSENT and isinstance(found, list) else ():
        if ":" not in prefix:
            yield str(prefix)


def _zones(spec: WorkspaceSpec, facts: HubFacts, cloud: str) -> Iterator[ErrorDetail]:
    known = {name.lower() for name in CLOUDS[cloud].zones.values()}
    for index, zone in enumerate(spec.network.hub.dns_zones):
        path = f"$.network.hub.dnsZones[{index}]"
        if name_of(zone).lower() not in known:
            text = f"{name_of(zone)} is no zone that the workspace has names in; those are {', '.join(sorted(known))}."
            yield ErrorDetail("DnsZoneNotUsed", text, path)
        elif facts.zones.get(zone) is None:
            text = f"{zone} does not exist, or the control plane may not see it."
            yield ErrorDetail("DnsZoneNotFound", text, path)
