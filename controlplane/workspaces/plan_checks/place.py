"""What only Azure can say of a spec, at plan time: regions, sizes, visibility, room in the network. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from controlplane.errors import ErrorDetail
from controlplane.ports.reader import SubscriptionFacts
from controlplane.workspaces.addresses import RESERVED, beyond_the_hub, training_addresses
from controlplane.workspaces.blueprint.context import Ranges
from controlplane.workspaces.blueprint.private_endpoints import endpoint_addresses
from controlplane.workspaces.plan_checks.sizes import sizes
from controlplane.workspaces.spec_model import WorkspaceSpec

_NO_TAKEN: Mapping[str, str] = {}


def check(
    spec: WorkspaceSpec, facts: SubscriptionFacts, taken: Mapping[str, str] = _NO_TAKEN
) -> tuple[ErrorDetail, ...]:
    """Every reason why Azure would refuse the spec.

    ``taken``: name → address space of the other workspaces, "" → of other projects' together. Codes:
    ``SubscriptionNotVisible``, ``LocationNotAvailable``, ``VmSizeNotAvailable``, ``SkuRestricted``,
    ``LowPriorityNotAvailable``, ``AddressSpaceTooSmall``, ``TooManyPrivateEndpoints``, ``AddressSpaceOverlaps``.
    """
    return (*_place(spec, facts), *_room(spec), *_endpoints(spec), *_overlaps(spec, taken))


def _place(spec: WorkspaceSpec, facts: SubscriptionFacts) -> Iterator[ErrorDetail]:
    if not facts.visible:
        text = f"Subscription {spec.subscription_id} does not exist, or the control plane may not see it."
        yield ErrorDetail("SubscriptionNotVisible", text, "$.subscriptionId")
        return
    if spec.location.lower() not in facts.locations:
        text = f"'{spec.location}' is no region of subscription {spec.subscription_id}."
        yield ErrorDetail("LocationNotAvailable", text, "$.location")
        return
    yield from sizes(spec, facts)


def _endpoints(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Their subnet has one size, whatever the address space: only fewer endpoints help."""
    subnet, needed = ipaddress.IPv4Network(Ranges.of(spec.network).endpoints), endpoint_addresses(spec)
    free = subnet.num_addresses - RESERVED
    if needed > free:
        text = (
            f"Private endpoints take {needed} addresses, and their subnet {subnet} has {free}: datastores of fewer "
            "accounts, or privateEndpoint false for some, a data lake's two endpoints counted each."
        )
        yield ErrorDetail("TooManyPrivateEndpoints", text, "$.datastores")


def _room(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every subnet holds what is in it at its largest, and Azure's five addresses."""
    ranges, hub = Ranges.of(spec.network), spec.network.hub
    held = [("training", ranges.training, training_addresses(spec), "clusters and instances can grow to {} nodes")]
    if hub.kind == "create":
        machines = hub.build_agents + hub.jump_host + RESERVED
        held.append(("hub", ranges.hub_subnet, machines, "{} machines stand there"))
    for name, text, needed, what in held:
        subnet = ipaddress.IPv4Network(text)
        if needed > subnet.num_addresses:
            message = (
                f"{spec.network.address_space} leaves the {name} subnet {subnet} with "
                f"{subnet.num_addresses - RESERVED} addresses; {what.format(needed - RESERVED)}."
            )
            yield ErrorDetail("AddressSpaceTooSmall", message, "$.network.addressSpace")


def _overlaps(spec: WorkspaceSpec, taken: Mapping[str, str]) -> Iterator[ErrorDetail]:
    own = ipaddress.IPv4Network(spec.network.address_space)
    for network in (one for one in beyond_the_hub(spec) if one.overlaps(own)):
        # Of a range that was named the spec's own rules say it; this is the one that stands for ``auto``.
        text = f"{own}, which the workspace has, overlaps {network}, which its VPN gateway would lead to."
        yield ErrorDetail("AddressSpaceOverlaps", text, "$.network.addressSpace")
    for name in sorted(taken):
        if own.overlaps(ipaddress.IPv4Network(taken[name])):
            text = f"{own} overlaps {taken[name]}, which workspace '{name}' uses."
            if not name:
                text = f"{own} overlaps what a workspace of another project uses."
            yield ErrorDetail("AddressSpaceOverlaps", text, "$.network.addressSpace")
