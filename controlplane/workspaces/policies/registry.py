"""Whether a policy forbids the admin account that a spec gives its registry (S2-73). Pure."""

from __future__ import annotations

from controlplane.arm import name_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Blueprint, Resource
from controlplane.workspaces.policies.conditions import Wanted
from controlplane.workspaces.resolve import at

ADMIN = "properties.adminUserEnabled"


def own_registry(blueprint: Blueprint) -> Resource | None:
    """The registry that is made for the workspace; None where one is brought along."""
    return next((one for one in blueprint.resources if one.type == k.REGISTRY), None)


def asks_admin(blueprint: Blueprint) -> Resource | None:
    """The workspace's own registry where its admin account shall be on: only then policy has a say in it."""
    registry = own_registry(blueprint)
    return registry if registry is not None and at(registry.body, ADMIN) is True else None


def wanted(registry: Resource) -> Wanted:
    """As it would be sent."""
    return Wanted(registry.type, name_of(str(registry.id)), registry.body)
