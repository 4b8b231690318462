"""What a network may be, beyond the shape of its fields. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import NetworkMode, WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, unavailable

AUTO = "auto"
#: The Docker bridge of every compute node; AML refuses networks that use it ("How to secure a workspace with VNets").
_DOCKER_BRIDGE = ipaddress.IPv4Network("172.17.0.0/16")
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
#: Half for each network, of which the ML one holds a /27 of endpoints and a training subnet of at least that size.
SMALLEST_PREFIX = 25
_UNBUILT: tuple[Unbuilt, ...] = (
    ("$.network.mode", lambda s: s.network.mode is not NetworkMode.PRIVATE_VNET, "privateVnet"),
    ("$.network.addressSpace", lambda s: s.network.address_space == AUTO, "a CIDR range"),
)


def network(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the network is refused, by JSON path."""
    yield from unavailable(spec, _UNBUILT)
    yield from _address_space(spec)


def _address_space(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    path, text = "$.network.addressSpace", spec.network.address_space
    if text == AUTO:
        return
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        yield ErrorDetail("InvalidValue", f"network.addressSpace: '{text}' is no IPv4 CIDR range: {error}.", path)
        return
    if not any(network.subnet_of(private) for private in _PRIVATE):
        yield ErrorDetail("InvalidValue", f"network.addressSpace: {text} is not inside a private range.", path)
    if network.overlaps(_DOCKER_BRIDGE):
        text = f"network.addressSpace: {text} overlaps 172.17.0.0/16, the Docker bridge of compute nodes."
        yield ErrorDetail("AddressSpaceOverlaps", text, path)
    if network.prefixlen > SMALLEST_PREFIX:
        text = f"network.addressSpace: /{network.prefixlen} is too small; two networks need a /{SMALLEST_PREFIX}."
        yield ErrorDetail("AddressSpaceTooSmall", text, path)
