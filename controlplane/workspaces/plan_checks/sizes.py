"""Whether the machines that a spec asks for are offered where it asks for them (S1-28). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.ports.reader import SubscriptionFacts
from controlplane.workspaces.spec_model import WorkspaceSpec


@dataclass(frozen=True, slots=True)
class Asked:
    """A size, and the field that asks for it."""

    target: str
    size: str
    location: str
    low_priority: bool = False


@dataclass(frozen=True, slots=True)
class SizeRule:
    """``judge`` is given the entry of ``Microsoft.Compute/skus``, None where the region has none."""

    requirements: tuple[str, ...]
    judge: Callable[[Asked, JsonObject | None], ErrorDetail | None]


def sizes(spec: WorkspaceSpec, facts: SubscriptionFacts) -> Iterator[ErrorDetail]:
    """Codes: ``VmSizeNotAvailable``, ``SkuRestricted``, ``LowPriorityNotAvailable``; one for each size at most."""
    for asked in _asked(spec):
        entry = facts.vm_sizes.get(asked.size.lower())
        found = (detail for rule in RULES.values() if (detail := rule.judge(asked, entry)) is not None)
        if (first := next(found, None)) is not None:
            yield first


def _asked(spec: WorkspaceSpec) -> Iterator[Asked]:
    for index, cluster in enumerate(spec.compute.clusters):
        yield Asked(f"$.compute.clusters[{index}].size", cluster.size, spec.location, cluster.low_priority)
    for index, instance in enumerate(spec.compute.instances):
        yield Asked(f"$.compute.instances[{index}].size", instance.size, spec.location)
    hub = spec.network.hub
    if hub.jump_host or hub.build_agents:
        yield Asked("$.network.hub.vmSize", hub.vm_size, spec.location)


def _exists(asked: Asked, entry: JsonObject | None) -> ErrorDetail | None:
    text = f"VM size '{asked.size}' does not exist in {asked.location}."
    return ErrorDetail("VmSizeNotAvailable", text, asked.target) if entry is None else None


def _is_offered(asked: Asked, entry: JsonObject | None) -> ErrorDetail | None:
    """A restriction that closes the whole region; zonal ones leave other zones."""
    for item in (entry or {}).get("restrictions") or ():
        if item.get("type") == "Location" and _mentions(item, asked.location):
            reason = item.get("reasonCode", "NotAvailableForSubscription")
            text = f"VM size '{asked.size}' is restricted in {asked.location} ({reason})."
            return ErrorDetail("SkuRestricted", text, asked.target)
    return None


def _mentions(restriction: Mapping[str, Any], location: str) -> bool:
    values = restriction.get("values") or (restriction.get("restrictionInfo") or {}).get("locations") or ()
    return not values or location.lower() in (str(value).lower() for value in values)


def _has_low_priority(asked: Asked, entry: JsonObject | None) -> ErrorDetail | None:
    """``LowPriorityCapable`` of the size; a size that says nothing of it is asked for all the same."""
    capabilities = {str(one.get("name")): str(one.get("value")) for one in (entry or {}).get("capabilities") or ()}
    if not asked.low_priority or capabilities.get("LowPriorityCapable", "True") == "True":
        return None
    text = f"VM size '{asked.size}' has no low priority nodes in {asked.location}."
    return ErrorDetail("LowPriorityNotAvailable", text, asked.target)


RULES: dict[str, SizeRule] = {
    "exists": SizeRule(("S1-28",), _exists),
    "offered": SizeRule(("S1-28",), _is_offered),
    "lowPriority": SizeRule((), _has_low_priority),
}
"""Rule name → rule; the first one that objects is heard."""
