"""What the way out of a network may be, beyond the shape of its fields. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.addresses import PRIVATE
from controlplane.workspaces.spec_model import WorkspaceSpec

_EGRESS = "$.network.egress"


def egress(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why the way out is refused, by JSON path."""
    asked = spec.network.egress
    if asked.kind == "natGateway":
        if asked.next_hop is not None:
            yield _wrong("nextHop", "is a firewall's address, and kind is `natGateway`")
        return
    if spec.network.hub.kind == "create":
        yield _wrong("kind", "`firewall` needs an existing hub, which has the firewall; none is made in a created one")
    if asked.next_hop is None:
        text = "network.egress.nextHop has to name the firewall's private address."
        yield ErrorDetail("MissingField", text, f"{_EGRESS}.nextHop")
    else:
        yield from _address(spec, asked.next_hop)


def _address(spec: WorkspaceSpec, text: str) -> Iterator[ErrorDetail]:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError as error:
        yield _wrong("nextHop", f"is no IPv4 address: {error}")
        return
    if not any(address in network for network in PRIVATE):
        yield _wrong("nextHop", f"is {text}, which is not a private address")
    try:
        own = ipaddress.IPv4Network(spec.network.address_space)
    except ValueError:
        return  # ``auto``, or judged with the address space.
    if address in own:
        yield _wrong("nextHop", f"is {text}, inside the workspace's own {own}; the firewall stands in the hub")


def _wrong(field: str, why: str) -> ErrorDetail:
    return ErrorDetail("InvalidValue", f"network.egress.{field} {why}.", f"{_EGRESS}.{field}")
