"""What ways in may be, beyond the shape of their fields, and that there is one (S1-52, S5-09). Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from controlplane.arm import name_of, resource_group_of, subscription_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.addresses import asked_prefix
from controlplane.workspaces.spec_model import Hub, Site, Vpn, WorkspaceSpec

_HUB = "$.network.hub"
_GATEWAY = "microsoft.network/virtualnetworkgateways"
_CIRCUIT = "microsoft.network/expressroutecircuits"
#: The Bastion's /26 and the gateway's /27 lie in a quarter of the address space.
SMALLEST_PREFIX_WITH_BOTH = 23
#: "The smallest client address pool is a /29" (VPN Gateway FAQ), of which the gateway takes some for itself.
SMALLEST_POOL = 28
#: Docker's bridge on compute nodes, and what the gateways and Azure use themselves (VPN Gateway FAQ, Virtual Network
#: FAQ).
_TAKEN = tuple(map(ipaddress.IPv4Network, ("172.17.0.0/16", "169.254.0.0/16", "168.63.129.16/32", "224.0.0.0/4")))


def ways_in(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the ways in are refused, by JSON path."""
    asked = spec.network.hub
    yield from _existing(asked)
    if asked.vpn is not None:
        yield from _vpn(spec, asked.vpn)
    if spec.environment.is_prod_class and not has_way_in(asked):
        text = (
            "network.hub: public access is off and there is no way in: ask for a Bastion with a jump host, for a VPN "
            "gateway, or for an existing hub that has one. Only dev may be without (S1-17, S1-52, S5-09)."
        )
        yield ErrorDetail("NoWayIn", text, _HUB)


def has_way_in(asked: Hub) -> bool:
    """Whether people come in. What an existing hub has is looked up at plan time and in each validation."""
    return asked.kind == "existing" or asked.vpn is not None or (asked.bastion and asked.jump_host)


def _existing(asked: Hub) -> Iterator[ErrorDetail]:
    if asked.kind == "create":
        if asked.gateway_ids:
            yield _wrong("gatewayIds", "names gateways of an existing hub, and kind is `create`; ask for `vpn`")
        if asked.express_route is not None:
            yield _wrong("expressRoute", "belongs to an existing hub: circuits come from a provider, never from here")
        return
    if asked.vpn is not None:
        yield _wrong("vpn", "is made in a hub that is created; name the existing hub's gateways in gatewayIds")
    for index, gateway in enumerate(asked.gateway_ids):
        if not _is_id(gateway, _GATEWAY):
            yield _wrong(f"gatewayIds[{index}]", "is not the id of a virtual network gateway")
        elif gateway.lower() in (other.lower() for other in asked.gateway_ids[:index]):
            yield ErrorDetail("DuplicateName", f"{gateway} is named twice.", f"{_HUB}.gatewayIds[{index}]")
    route = asked.express_route
    if route is not None and not _is_id(route.circuit_id, _CIRCUIT):
        yield _wrong("expressRoute.circuitId", "is not the id of an ExpressRoute circuit")
    if route is not None and not asked.gateway_ids:
        text = "network.hub.gatewayIds has to name the gateway that the circuit ends at."
        yield ErrorDetail("MissingField", text, f"{_HUB}.gatewayIds")


def _is_id(arm_id: str, resource_type: str) -> bool:
    found = type_of(arm_id).lower() == resource_type
    return found and bool(subscription_of(arm_id)) and bool(resource_group_of(arm_id)) and bool(name_of(arm_id))


def _vpn(spec: WorkspaceSpec, asked: Vpn) -> Iterator[ErrorDetail]:
    if asked.point_to_site is None and not asked.site_to_site:
        text = "network.hub.vpn has to say who comes in: pointToSite, siteToSite, or both."
        yield ErrorDetail("MissingField", text, f"{_HUB}.vpn")
    if len(set(asked.zones)) != len(asked.zones):
        yield _wrong("vpn.zones", "names a zone twice")
    prefix = asked_prefix(spec.network)
    if spec.network.hub.bastion and prefix > SMALLEST_PREFIX_WITH_BOTH:
        text = (
            f"network.addressSpace: /{prefix} is too small; AzureBastionSubnet needs a /26 and GatewaySubnet a "
            f"/27 beside it, in a quarter of a /{SMALLEST_PREFIX_WITH_BOTH}."
        )
        yield ErrorDetail("AddressSpaceTooSmall", text, "$.network.addressSpace")
    yield from _ranges(spec, asked)
    yield from _devices(asked)


def _ranges(spec: WorkspaceSpec, asked: Vpn) -> Iterator[ErrorDetail]:
    """Each range stands by itself: a route that leads to two places leads nowhere."""
    known = [(network, "what Azure and Docker keep for themselves") for network in _TAKEN]
    if (own := _network(spec.network.address_space)) is not None:
        known.append((own, "network.addressSpace"))
    for path, text in _asked_ranges(asked):
        found = _network(text)
        if found is None:
            yield _wrong(path, f"is {text!r}, which is no IPv4 CIDR range")
            continue
        other = next((name for network, name in known if network.overlaps(found)), None)
        if other is not None:
            yield ErrorDetail("AddressSpaceOverlaps", f"network.hub.{path}: {text} overlaps {other}.", f"{_HUB}.{path}")
        known.append((found, f"network.hub.{path}"))
        if path.endswith("clientAddressPool") and found.prefixlen > SMALLEST_POOL:
            text = f"network.hub.{path}: /{found.prefixlen} is too small; clients need a /{SMALLEST_POOL}."
            yield ErrorDetail("AddressSpaceTooSmall", text, f"{_HUB}.{path}")


def _asked_ranges(asked: Vpn) -> Iterator[tuple[str, str]]:
    if asked.point_to_site is not None:
        yield "vpn.pointToSite.clientAddressPool", asked.point_to_site.client_address_pool
    for index, site in enumerate(asked.site_to_site):
        for number, text in enumerate(site.address_spaces):
            yield f"vpn.siteToSite[{index}].addressSpaces[{number}]", text


def _network(text: str) -> ipaddress.IPv4Network | None:
    """None for what is judged elsewhere, and for a range that is not known yet."""
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None


def _devices(asked: Vpn) -> Iterator[ErrorDetail]:
    for index, site in enumerate(asked.site_to_site):
        path = f"vpn.siteToSite[{index}]"
        if site.name in (other.name for other in asked.site_to_site[:index]):
            yield ErrorDetail("DuplicateName", f"Two sites are called '{site.name}'.", f"{_HUB}.{path}.name")
        yield from _device(site, path)


def _device(site: Site, path: str) -> Iterator[ErrorDetail]:
    if (site.gateway_address is None) == (site.gateway_fqdn is None):
        text = f"network.hub.{path} has to have either gatewayAddress or gatewayFqdn."
        yield ErrorDetail("MissingField", text, f"{_HUB}.{path}.gatewayAddress")
    if site.gateway_address is None:
        return
    try:
        address = ipaddress.IPv4Address(site.gateway_address)
    except ValueError:
        yield _wrong(f"{path}.gatewayAddress", f"is {site.gateway_address!r}, which is no IPv4 address")
        return
    if not address.is_global:
        yield _wrong(f"{path}.gatewayAddress", f"is {address}, which the internet does not reach")


def _wrong(field: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"network.hub.{field} {why}.", f"{_HUB}.{field}")
