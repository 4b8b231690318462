"""ARM resource ids as text: taking them apart, building them, comparing them. Pure.

ARM compares ids without regard to case and answers them in whatever case the provider chose, so two ids are
compared through :func:`fold`.
Source: Azure Resource Manager, "Resource ids" (``/subscriptions/{s}/resourceGroups/{g}/providers/{ns}/{type}/{name}``).
"""

from __future__ import annotations

from collections.abc import Iterator

PROVIDERS = "/providers/"


def fold(arm_id: str) -> str:
    """The form under which ids are compared: lower case, no trailing slash."""
    return arm_id.rstrip("/").lower()


def segments(arm_id: str) -> dict[str, str]:
    """``{"subscriptions": …, "resourcegroups": …}`` of what stands before ``/providers/``; keys in lower case."""
    parts = [part for part in arm_id.split("/") if part]
    found: dict[str, str] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=False):
        if name.lower() == "providers":
            break
        found[name.lower()] = value
    return found


def subscription_of(arm_id: str) -> str | None:
    """The subscription's GUID, or None for tenant-level ids."""
    return segments(arm_id).get("subscriptions")


def resource_group_of(arm_id: str) -> str | None:
    """The resource group's name, or None for ids above a group."""
    return segments(arm_id).get("resourcegroups")


def type_of(arm_id: str) -> str:
    """``Microsoft.Network/virtualNetworks/subnets`` for a subnet's id; the last provider wins (extension resources)."""
    head, found, tail = arm_id.rpartition(PROVIDERS)
    if not found:
        if resource_group_of(arm_id):
            return "Microsoft.Resources/resourceGroups"
        return "Microsoft.Resources/subscriptions"
    del head
    parts = tail.strip("/").split("/")
    return "/".join([parts[0], *parts[1::2]])


def name_of(arm_id: str) -> str:
    """The last segment."""
    return arm_id.rstrip("/").rpartition("/")[2]


def parent_of(arm_id: str) -> str | None:
    """The id of the resource this is a child of, the scope of an extension resource, else the resource group."""
    head, found, tail = arm_id.rpartition(PROVIDERS)
    if not found:
        return None
    parts = tail.strip("/").split("/")
    if len(parts) > 3:
        return f"{head}{PROVIDERS}{'/'.join(parts[:-2])}"
    return head or None


def ancestors(arm_id: str) -> Iterator[str]:
    """Every scope above an id, nearest first: parents, group, subscription."""
    current = parent_of(arm_id)
    while current:
        yield current
        above = parent_of(current)
        if above is None:
            group = resource_group_of(current)
            subscription = subscription_of(current)
            above = f"/subscriptions/{subscription}" if group and subscription else None
        current = above


def subscription_id(subscription: str) -> str:
    """``/subscriptions/{guid}``."""
    return f"/subscriptions/{subscription}"


def group_id(subscription: str, group: str) -> str:
    """``/subscriptions/{guid}/resourceGroups/{name}``."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def resource_id(scope: str, resource_type: str, *names: str) -> str:
    """``resource_id(group, "Microsoft.Network/virtualNetworks/subnets", "vnet", "snet")``.

    Raises ``ValueError`` when the number of names does not fit the type.
    """
    namespace, *types = resource_type.split("/")
    if len(types) != len(names):
        raise ValueError(f"{resource_type} takes {len(types)} names, not {len(names)}")
    pairs = "/".join(f"{kind}/{name}" for kind, name in zip(types, names, strict=True))
    return f"{scope}{PROVIDERS}{namespace}/{pairs}"


def is_within(arm_id: str, scope: str) -> bool:
    """Whether ``arm_id`` is ``scope`` or lies below it."""
    inner, outer = fold(arm_id), fold(scope)
    return inner == outer or inner.startswith(outer + "/")
