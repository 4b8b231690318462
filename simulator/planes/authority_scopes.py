"""Which scopes lie above which: management groups, subscriptions, groups, resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.engine.core import Engine

MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/"


def management_groups(engine: Engine, subscription: str) -> tuple[str, ...]:
    """Scopes, in lower case, of the management groups that a subscription lies in, the nearest first.

    `management_groups` of the world: group -> the one that it lies in, null for the tenant's root; `subscriptions` name
    theirs. Source: "Organize your resources with Azure management groups" (one tree, rights are inherited).
    """
    subscriptions = engine.store.kv["world"]["subscriptions"]
    name = next((one.get("management_group") for one in subscriptions if one["id"] == subscription), None)
    return _line(engine, name)


def _line(engine: Engine, name: str | None) -> tuple[str, ...]:
    """A management group and those that it lies in."""
    groups: dict[str, str | None] = engine.store.kv["world"].get("management_groups") or {}
    parents = {one.lower(): parent for one, parent in groups.items()}
    found = []
    while name is not None:
        found.append(f"{MANAGEMENT_GROUP}{name.lower()}")
        name = parents.get(name.lower())
    return tuple(found)


def above(engine: Engine, at: str, scope: str) -> bool:
    """Whether what is granted at one scope holds at another: it is the same, lies in it, or is a subscription or a
    management group of the management group. Both in lower case."""
    if not at or scope == at or scope.startswith(at + "/"):
        return True
    if not at.startswith(MANAGEMENT_GROUP):
        return False
    parts = scope.split("/")
    if len(parts) > 2 and parts[1] == "subscriptions":
        return at in management_groups(engine, parts[2])
    return scope.startswith(MANAGEMENT_GROUP) and at in _line(engine, parts[4])
