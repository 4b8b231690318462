"""What a role allows that the table of :mod:`~controlplane.workspaces.access.powers` does not know. Pure.

Source: "Understand Azure role definitions" (``Actions`` minus ``NotActions`` of each block; ``*`` stands for anything).
Where a pattern could mean more than one thing, more is taken to be allowed: nobody is told that a role is harmless
because of a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from controlplane.arm import fold, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.access.powers import KEYS, READ_BY_ACTION, Can, Plane, Power, RolePowers

#: Whoever may do all of it administers a vault's content as Key Vault Administrator does.
_VAULT = (
    "Microsoft.KeyVault/vaults/secrets/setSecret/action",
    "Microsoft.KeyVault/vaults/keys/create/action",
    "Microsoft.KeyVault/vaults/certificates/create/action",
)
_ASSIGNS = "Microsoft.Authorization/roleAssignments/write"
_LISTS_KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
_PULLS, _PUSHES = (
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/push/write",
)
#: Data actions that read, besides those that end so.
_READING = ("/read", "/getsecret/action", "/readmetadata/action", "/filter/action")


@dataclass(frozen=True, slots=True)
class Block:
    """One of the permissions of a role definition, or of a deny assignment; in lower case."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    data_actions: tuple[str, ...]
    not_data_actions: tuple[str, ...]

    def covers(self, action: str) -> bool:
        """An action of the management plane."""
        return _any(self.actions, action) and not _any(self.not_actions, action)

    def covers_data(self, action: str) -> bool:
        return _any(self.data_actions, action) and not _any(self.not_data_actions, action)


@dataclass(frozen=True, slots=True)
class Definition:
    powers: RolePowers
    administers_vaults: bool
    reads_only: bool


def blocks_of(properties: JsonObject) -> tuple[Block, ...]:
    """``permissions`` of a definition or of a deny assignment."""
    found = properties.get("permissions") or ()
    return tuple(
        Block(*(_folded(one, name) for name in ("actions", "notActions", "dataActions", "notDataActions")))
        for one in found
    )


def definitions(snapshot: Mapping[str, JsonObject]) -> Mapping[str, Definition]:
    """GUID → what it allows, of the definitions that were read."""
    of_roles = (body for arm_id, body in snapshot.items() if fold(type_of(arm_id)) == fold(kinds.ROLE_DEFINITION))
    return {str(body["id"]).rpartition("/")[2].lower(): definition(body.get("properties") or {}) for body in of_roles}


def definition(properties: JsonObject) -> Definition:
    """``properties``: of the role definition as Azure answers it."""
    blocks = blocks_of(properties)
    name = str(properties.get("roleName") or "a role without a name")
    powers = tuple(power for block in blocks for power in _powers(block))
    administers = all(any(block.covers_data(one) for block in blocks) for one in _VAULT)
    return Definition(RolePowers(name, powers), administers, all(power.can is Can.READ for power in powers))


def _powers(block: Block) -> Iterator[Power]:
    for pattern in block.actions:
        if not _any(block.not_actions, pattern):
            can = Can.READ if pattern.endswith("/read") else Can.WRITE
            yield from _with_content(Power(Plane.MANAGEMENT, can, _type(pattern)))
    for pattern in block.data_actions:
        if not _any(block.not_data_actions, pattern):
            yield Power(Plane.DATA, Can.READ if pattern.endswith(_READING) else Can.WRITE, _type(pattern))
    if block.covers(_ASSIGNS):
        yield Power(Plane.MANAGEMENT, Can.ADMINISTER)
    if block.covers(_LISTS_KEYS):
        yield KEYS
    for action, can in ((_PULLS, Can.READ), (_PUSHES, Can.WRITE)):
        if block.covers(action):
            yield Power(Plane.DATA, can, "microsoft.containerregistry/")


def _with_content(power: Power) -> Iterator[Power]:
    """Where content is read by actions and not by data actions, whoever may do the one may do the other."""
    yield power
    for on in READ_BY_ACTION:
        if on.startswith(power.on) or power.on.startswith(on):
            yield Power(Plane.DATA, power.can, on)


def _type(pattern: str) -> str:
    """Beginning of the types that a pattern may be about: namespace and first type, or what stands before a star."""
    head = pattern.partition("*")[0]
    parts = head.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else head


def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern) for pattern in patterns)


def _folded(block: JsonObject, name: str) -> tuple[str, ...]:
    # Square brackets mean nothing in an action, and something to the matcher.
    return tuple(str(one).lower().replace("[", "[[]") for one in block.get(name) or ())
