"""What roles let their holders do, by the kind of resource: what "who can read this" is answered from. Pure data.

Source: "Azure built-in roles" (actions and data actions), in three steps of each plane: read, write, administer. A role
that is not here is custom or rare: what it allows is unknown, and is never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from controlplane.workspaces.access.roles import ROLES


class Can(StrEnum):
    """What somebody asks about; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMINISTER = "administer"
    """Giving access to others."""


class Plane(StrEnum):
    MANAGEMENT = "management"
    """The resource as Azure Resource Manager shows it: settings, no content."""
    DATA = "data"
    """What is in it: blobs, secrets, images."""


_ORDER = tuple(Can)


@dataclass(frozen=True, slots=True)
class Power:
    """``on``: beginning of the ARM type, in lower case; empty for everything."""

    plane: Plane
    can: Can
    on: str = ""
    by_key: bool = False
    """Through the account's keys: not where they are switched off."""

    def allows(self, can: Can, resource_type: str) -> bool:
        """Whether it is enough to do that to a resource of a type."""
        return _ORDER.index(self.can) >= _ORDER.index(can) and resource_type.lower().startswith(self.on)


@dataclass(frozen=True, slots=True)
class RolePowers:
    name: str
    powers: tuple[Power, ...]


def _management(can: Can, on: str = "") -> Power:
    return Power(Plane.MANAGEMENT, can, on)


def _data(can: Can, on: str) -> Power:
    return Power(Plane.DATA, can, on)


_STORAGE, _VAULT, _REGISTRY = "microsoft.storage/", "microsoft.keyvault/", "microsoft.containerregistry/"
_ML, _LOGS, _INSIGHTS = "microsoft.machinelearningservices/", "microsoft.operationalinsights/", "microsoft.insights/"
_READ, _WRITE, _ALL = Can.READ, Can.WRITE, Can.ADMINISTER
#: Whoever may read an account's keys has its data: Contributor and Log Analytics Contributor have listKeys.
KEYS = Power(Plane.DATA, _WRITE, _STORAGE, by_key=True)

#: What ``*/read`` lets its holder read beside settings, where that is an action and no data action: images ("Azure
#: Container Registry roles and permissions": Reader pulls), assets with datastores' credentials ("Manage access to
#: Azure Machine Learning workspaces": Reader), logs ("Manage access to Log Analytics workspaces": query/*/read).
_READ_ALL = (_management(_READ), *(_data(_READ, on) for on in (_REGISTRY, _ML, _LOGS, _INSIGHTS)))
READ_BY_ACTION = (_ML, _LOGS, _INSIGHTS)
"""Types whose content is reached by actions on them, registries apart, which have actions of their own for it."""
_WRITE_ALL = (KEYS, _data(_WRITE, _REGISTRY), _data(_WRITE, _ML), _data(_READ, _LOGS), _data(_READ, _INSIGHTS))

_MATRIX: Mapping[str, tuple[Power, ...]] = {
    "R": _READ_ALL,
    "C": (_management(_WRITE), *_WRITE_ALL),
    "O": (_management(_ALL), *_WRITE_ALL),
    "ADS": (_management(_READ, _ML), _data(_WRITE, _ML)),
    "AcrPush": (_data(_WRITE, _REGISTRY),),
    "LAR": _READ_ALL,
    "LAC": (*_READ_ALL, _management(_WRITE, _LOGS), KEYS),
    "MR": _READ_ALL,
    "MC": (*_READ_ALL, _management(_WRITE, _INSIGHTS)),
    "KVA": (_management(_READ, _VAULT), _data(_WRITE, _VAULT)),
    "KVR": (_management(_READ, _VAULT),),
}
_OTHERS: Mapping[str, tuple[str, tuple[Power, ...]]] = {
    # Whoever may give access may give it to himself: that includes writing.
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": ("User Access Administrator", (_management(_ALL),)),
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": ("Role Based Access Control Administrator", (_management(_ALL),)),
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": ("AcrPull", (_data(_READ, _REGISTRY),)),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": ("Storage Blob Data Contributor", (_data(_WRITE, _STORAGE),)),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": ("Storage Blob Data Reader", (_data(_READ, _STORAGE),)),
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("Storage Blob Data Owner", (_data(_WRITE, _STORAGE),)),
    "69566ab7-960f-475b-8e7c-b3118f30c6bd": ("Storage File Data Privileged Contributor", (_data(_WRITE, _STORAGE),)),
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": (
        "Storage Account Contributor", (_management(_WRITE, _STORAGE), KEYS),
    ),
    "4633458b-17de-408a-b874-0445c86b69e6": ("Key Vault Secrets User", (_data(_READ, _VAULT),)),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": (
        "Key Vault Secrets Officer", (_management(_READ, _VAULT), _data(_WRITE, _VAULT)),
    ),
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603": (
        "Key Vault Crypto Officer", (_management(_READ, _VAULT), _data(_WRITE, _VAULT)),
    ),
    "f25e0fa2-a7c8-4377-a976-54943a77a395": ("Key Vault Contributor", (_management(_WRITE, _VAULT),)),
    "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815": ("AzureML Compute Operator", (_data(_WRITE, _ML),)),
    "4d97b98b-1d4f-4787-a291-c67834d212e7": ("Network Contributor", (_management(_WRITE, "microsoft.network/"),)),
    "b12aa53e-6015-4669-85d0-8515ebb3ae7f": (
        "Private DNS Zone Contributor", (_management(_WRITE, "microsoft.network/privatednszones"),),
    ),
}  # fmt: skip

POWERS: Mapping[str, RolePowers] = MappingProxyType(
    {ROLES[code].guid: RolePowers(ROLES[code].name, powers) for code, powers in _MATRIX.items()}
    | {guid: RolePowers(name, powers) for guid, (name, powers) in _OTHERS.items()}
)
"""Role's GUID → its name and what it allows."""


def planes(guid: str, can: Can, resource_type: str, *, by_key: bool = True) -> tuple[Plane, ...] | None:
    """Where a role allows that on a resource of a type; None when what the role allows is unknown. ``by_key``: whether
    the resource lets in who has its keys."""
    known = POWERS.get(guid)
    return None if known is None else planes_of(known, can, resource_type, by_key=by_key)


def planes_of(known: RolePowers, can: Can, resource_type: str, *, by_key: bool = True) -> tuple[Plane, ...]:
    """The same of what a role is known to allow."""
    open_to = [power for power in known.powers if by_key or not power.by_key]
    allowed = {power.plane for power in open_to if power.allows(can, resource_type)}
    return tuple(plane for plane in Plane if plane in allowed)
