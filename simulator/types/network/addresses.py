"""Address rules of virtual networks, in Network's words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations

from simulator.engine.declaration import ArmError, JsonObject
from simulator.types._shared import dig

IpNetwork = IPv4Network | IPv6Network


def parse(prefix: str, owner_id: str) -> IpNetwork:
    """Source of the words: Azure/azure-service-operator#997."""
    try:
        network = ip_network(prefix, strict=False)
    except ValueError:
        network = None
    if network is None or "/" not in prefix:
        raise ArmError(
            400,
            "InvalidAddressPrefixFormat",
            f"Address prefix {prefix} of resource {owner_id} is not formatted correctly. It should follow CIDR "
            "notation, for example 10.0.0.0/24.",
        )
    if str(network) != prefix:
        # Source: hashicorp/terraform-provider-azurerm logs: "InvalidCIDRNotation".
        raise ArmError(
            400,
            "InvalidCIDRNotation",
            f"The address prefix {prefix} in resource {owner_id} has an invalid CIDR notation. For the given prefix "
            f"length, the address prefix should be {network}.",
        )
    return network


def prefixes_of(subnet_properties: Mapping[str, object]) -> list[str]:
    """`addressPrefix` or `addressPrefixes`, whichever was sent."""
    single, many = subnet_properties.get("addressPrefix"), subnet_properties.get("addressPrefixes")
    if single:
        return [str(single)]
    return [str(prefix) for prefix in many] if isinstance(many, list) else []


def space_of(vnet_body: JsonObject, vnet_id: str) -> list[IpNetwork]:
    return [parse(str(prefix), vnet_id) for prefix in dig(vnet_body, "properties.addressSpace.addressPrefixes", [])]


def overlapping(one: Iterable[IpNetwork], other: Iterable[IpNetwork]) -> list[IpNetwork]:
    others = list(other)
    return [a for a in one if any(type(a) is type(b) and a.overlaps(b) for b in others)]


def check_subnets(
    vnet_id: str, vnet_name: str, space: list[IpNetwork], subnets: Mapping[str, Mapping[str, object]]
) -> None:
    """Every subnet has a prefix, lies inside the network and overlaps no other.

    Sources: Azure/NoOpsAccelerator#106 (no prefix), MicrosoftDocs/azure-docs#123869 (outside, overlap).
    """
    parsed: dict[str, list[IpNetwork]] = {}
    for name, properties in subnets.items():
        subnet_id = f"{vnet_id}/subnets/{name}"
        prefixes = prefixes_of(properties)
        if not prefixes:
            raise ArmError(
                400,
                "AddressPrefixStringCannotBeNullOrEmpty",
                f"Address prefix string for resource {subnet_id} cannot be null or empty.",
            )
        parsed[name] = [parse(prefix, subnet_id) for prefix in prefixes]
        for network in parsed[name]:
            if not any(type(network) is type(outer) and network.subnet_of(outer) for outer in space):  # type: ignore[arg-type]
                raise ArmError(
                    400,
                    "NetcfgSubnetRangeOutsideVnet",
                    f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of "
                    f"virtual network '{vnet_name}'.",
                )
    for (_, first), (name, second) in combinations(parsed.items(), 2):
        if overlapping(second, first):
            raise ArmError(
                400,
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing subnet "
                f"in virtual network '{vnet_name}'.",
            )
