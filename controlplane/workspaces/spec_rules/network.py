"""What a network may be, beyond the shape of its fields. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.addresses import AUTO, DOCKER_BRIDGE, LARGEST_PREFIX, PRIVATE, SMALLEST_PREFIX
from controlplane.workspaces.spec_model import WorkspaceSpec


def network(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the network is refused, by JSON path."""
    yield from _address_space(spec)


def _address_space(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    path, text = "$.network.addressSpace", spec.network.address_space
    if text == AUTO:
        return
    if spec.network.prefix_length is not None:
        yield ErrorDetail(
            "InvalidValue",
            f"network.prefixLength is the size of what `auto` takes; the range {text} has its own.",
            "$.network.prefixLength",
        )
    try:
        network = ipaddress.IPv4Network(text)
    except ValueError as error:
        yield ErrorDetail("InvalidValue", f"network.addressSpace: '{text}' is no IPv4 CIDR range: {error}.", path)
        return
    if "/" not in text:
        yield ErrorDetail(
            "InvalidValue", f"network.addressSpace: {text} has no size; write {text}/22 or the like.", path
        )
        return
    if not any(network.subnet_of(private) for private in PRIVATE):
        yield ErrorDetail("InvalidValue", f"network.addressSpace: {text} is not inside a private range.", path)
    if network.prefixlen < LARGEST_PREFIX:
        text = f"network.addressSpace: /{network.prefixlen} is more than one workspace may have, a /{LARGEST_PREFIX}."
        yield ErrorDetail("AddressSpaceTooLarge", text, path)
    if network.overlaps(DOCKER_BRIDGE):
        text = f"network.addressSpace: {network} overlaps 172.17.0.0/16, the Docker bridge of compute nodes."
        yield ErrorDetail("AddressSpaceOverlaps", text, path)
    if network.prefixlen > SMALLEST_PREFIX:
        text = f"network.addressSpace: /{network.prefixlen} is too small; two networks need a /{SMALLEST_PREFIX}."
        yield ErrorDetail("AddressSpaceTooSmall", text, path)
