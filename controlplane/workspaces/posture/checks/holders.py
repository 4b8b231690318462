"""Who holds roles in the workspace's groups, and what Entra calls them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controlplane.arm import name_of, parent_of, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Unreadable
from controlplane.workspaces.posture.scene import Scene
from controlplane.workspaces.resolve import at


def assignments(scene: Scene) -> Iterator[JsonObject]:
    """Every role assignment that was read: those of the groups, and those that hold there from above."""
    for arm_id, body in scene.observed.snapshot.items():
        if type_of(arm_id).lower() == kinds.ROLE_ASSIGNMENT.lower():
            yield body


def unread(scene: Scene) -> Unreadable | None:
    """Why they could not be read."""
    group = scene.blueprint.own_groups[0]
    return scene.unlisted(f"{group}/providers/{kinds.ROLE_ASSIGNMENT}")


def computes(scene: Scene) -> Iterator[JsonObject]:
    """Every compute that was read, whoever made it."""
    for arm_id, body in scene.observed.snapshot.items():
        if type_of(arm_id).lower() == kinds.COMPUTE.lower():
            yield body


def default_principal(body: JsonObject) -> str | None:
    """The object id of the identity that a compute acts with: its system identity, else the first user-assigned one
    (S2-32). None for a compute without any."""
    own = at(body, "identity.principalId")
    if own is not None:
        return str(own)
    given = at(body, "identity.userAssignedIdentities")
    first: Any = next(iter(given.values()), None) if isinstance(given, Mapping) else None
    found = first.get("principalId") if isinstance(first, Mapping) else None
    return None if found is None else str(found)


def entra_names(scene: Scene) -> Mapping[str, str]:
    """Object id, in lower case → what Entra calls a compute's system identity: ``/workspace/computes/compute``.

    Source: "Create an Azure Machine Learning compute instance", Assign managed identity (S2-53).
    """
    found = {}
    for body in computes(scene):
        principal, arm_id = at(body, "identity.principalId"), str(body["id"])
        if principal is not None:
            workspace = name_of(parent_of(arm_id) or "")
            found[str(principal).lower()] = f"/{workspace}/computes/{name_of(arm_id)}"
    return found
