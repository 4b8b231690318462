"""Deny assignments: what takes from principals what roles give them. Pure.

Source: "Understand Azure deny assignments" (made by Azure and by deployment stacks; ``Everyone`` is the principal
00000000-0000-0000-0000-000000000000 of type SystemDefined; ``excludePrincipals``; ``doNotApplyToChildScopes``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controlplane.arm import fold, is_within, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces.access.definitions import Block, blocks_of
from controlplane.workspaces.access.powers import Can, Plane

EVERYONE = "00000000-0000-0000-0000-000000000000"
_GRANTS = "Microsoft.Authorization/roleAssignments/write"
#: Type → what its content is read and written by, and whether those are data actions.
_CONTENT: Mapping[str, tuple[str, str, bool]] = {
    "microsoft.storage/storageaccounts": (
        "blobServices/containers/blobs/read", "blobServices/containers/blobs/write", True,
    ),
    "microsoft.keyvault/vaults": ("secrets/getSecret/action", "secrets/setSecret/action", True),
    "microsoft.containerregistry/registries": ("pull/read", "push/write", False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Denial:
    """One deny assignment."""

    name: str
    scope: str
    here_only: bool
    principals: frozenset[str]
    excluded: frozenset[str]
    groups: bool
    """Whether groups are among those it names, denied or excluded: who is in them is not known."""
    blocks: tuple[Block, ...]

    def reaches(self, arm_id: str) -> bool:
        if self.here_only:
            return fold(arm_id) == fold(self.scope)
        return is_within(arm_id, self.scope) or not self.scope.lower().startswith("/subscriptions/")

    def hits(self, principal: str) -> bool | None:
        """None: it depends on who is in a group."""
        if principal in self.excluded:
            return False
        if principal in self.principals:
            return True
        if EVERYONE in self.principals:
            return None if self.groups else True
        return None if self.groups else False

    def takes(self, plane: Plane, can: Can, resource_type: str) -> bool:
        """Whether it denies that on a resource of a type."""
        action, data = _action(plane, can, resource_type)
        return any(block.covers_data(action) if data else block.covers(action) for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Denying:
    """What was read of deny assignments where a workspace stands. ``unreadable``: why nothing was."""

    denials: tuple[Denial, ...] = ()
    unreadable: str | None = None

    def taken(
        self, principal: str, planes: tuple[Plane, ...], can: Can, arm_id: str
    ) -> Mapping[bool, tuple[tuple[Plane, ...], tuple[str, ...]]]:
        """Whether it is certain → which of the planes somebody is denied, and by what."""
        found: dict[bool, tuple[tuple[Plane, ...], tuple[str, ...]]] = {True: ((), ()), False: ((), ())}
        for denial in self.denials:
            hits = denial.hits(principal) if denial.reaches(arm_id) else False
            lost = tuple(one for one in planes if denial.takes(one, can, type_of(arm_id)))
            if hits is False or not lost:
                continue
            before, names = found[hits is True]
            found[hits is True] = ((*before, *(one for one in lost if one not in before)), (*names, denial.name))
        return found


NOTHING = Denying()


def denials(bodies: tuple[JsonObject, ...]) -> tuple[Denial, ...]:
    """Of the list as Azure answers it."""
    return tuple(_denial(body.get("properties") or {}) for body in bodies)


def _denial(properties: JsonObject) -> Denial:
    named, excluded = properties.get("principals") or (), properties.get("excludePrincipals") or ()
    return Denial(
        str(properties.get("denyAssignmentName") or "without a name"),
        str(properties.get("scope") or "/"),
        properties.get("doNotApplyToChildScopes") is True,
        frozenset(_ids(named)),
        frozenset(_ids(excluded)),
        any(str(one.get("type")).lower() == "group" for one in (*named, *excluded)),
        blocks_of(properties),
    )


def _ids(principals: tuple[JsonObject, ...] | list[JsonObject]) -> Iterator[str]:
    yield from (str(one.get("id") or "").lower() for one in principals)


def _action(plane: Plane, can: Can, resource_type: str) -> tuple[str, bool]:
    if can is Can.ADMINISTER:
        return _GRANTS, False
    writes = can is Can.WRITE
    content = _CONTENT.get(resource_type.lower())
    if plane is Plane.DATA and content is not None:
        return f"{resource_type}/{content[1 if writes else 0]}", content[2]
    return f"{resource_type}/{'write' if writes else 'read'}", False
