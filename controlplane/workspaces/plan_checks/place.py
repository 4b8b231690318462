"""What only Azure can say of a spec, at plan time: regions, sizes, visibility, room in the network. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.ports.reader import SubscriptionFacts
from controlplane.workspaces.addresses import RESERVED, training_addresses
from controlplane.workspaces.blueprint.context import Ranges
from controlplane.workspaces.spec_model import WorkspaceSpec

_NO_TAKEN: Mapping[str, str] = {}


def check(
    spec: WorkspaceSpec, facts: SubscriptionFacts, taken: Mapping[str, str] = _NO_TAKEN
) -> tuple[ErrorDetail, ...]:
    """Every reason why Azure would refuse the spec.

    ``taken``: name → address space of the other workspaces. Codes: ``SubscriptionNotVisible``,
    ``LocationNotAvailable``, ``VmSizeNotAvailable``, ``SkuRestricted``, ``AddressSpaceTooSmall``,
    ``AddressSpaceOverlaps``.
    """
    return (*_place(spec, facts), *_room(spec), *_overlaps(spec, taken))


def _place(spec: WorkspaceSpec, facts: SubscriptionFacts) -> Iterator[ErrorDetail]:
    if not facts.visible:
        text = f"Subscription {spec.subscription_id} does not exist, or the control plane may not see it."
        yield ErrorDetail("SubscriptionNotVisible", text, "$.subscriptionId")
        return
    if spec.location.lower() not in facts.locations:
        text = f"'{spec.location}' is no region of subscription {spec.subscription_id}."
        yield ErrorDetail("LocationNotAvailable", text, "$.location")
        return
    sizes = [(f"$.compute.clusters[{index}].size", c.size) for index, c in enumerate(spec.compute.clusters)]
    if spec.network.hub.jump_host or spec.network.hub.build_agents:
        sizes.append(("$.network.hub.vmSize", spec.network.hub.vm_size))
    for target, size in sizes:
        entry = facts.vm_sizes.get(size.lower())
        if entry is None:
            text = f"VM size '{size}' does not exist in {spec.location}."
            yield ErrorDetail("VmSizeNotAvailable", text, target)
        elif reason := _restriction(entry, spec.location):
            text = f"VM size '{size}' is restricted in {spec.location} ({reason})."
            yield ErrorDetail("SkuRestricted", text, target)


def _restriction(entry: JsonObject, location: str) -> str | None:
    """Reason code of a restriction that closes the whole region; zonal ones leave other zones."""
    for item in entry.get("restrictions") or ():
        if item.get("type") == "Location" and _mentions(item, location):
            return str(item.get("reasonCode", "NotAvailableForSubscription"))
    return None


def _mentions(restriction: Mapping[str, Any], location: str) -> bool:
    values = restriction.get("values") or (restriction.get("restrictionInfo") or {}).get("locations") or ()
    return not values or location.lower() in (str(value).lower() for value in values)


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
    for name in sorted(taken):
        if own.overlaps(ipaddress.IPv4Network(taken[name])):
            text = f"{own} overlaps {taken[name]}, which workspace '{name}' uses."
            yield ErrorDetail("AddressSpaceOverlaps", text, "$.network.addressSpace")
