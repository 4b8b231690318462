"""What the matrix means for one workspace: each role of each principal, and who brings it about. Pure data."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from controlplane.workspaces.access.matrix import Column
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.roles import Role


class Means(StrEnum):
    """How a grant comes about."""

    ASSIGNED = "assigned"
    """A role assignment that the operator writes."""
    MANUAL = "manual"
    """A role assignment that an administrator makes after approval: the operator may not (Owner)."""
    ELIGIBLE = "eligible"
    """An eligibility in Privileged Identity Management, which an administrator makes: no condition limits which roles
    a holder of that right could hand out (docs/adr/ADR-2026-11-owner-grants-by-hand.md)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one principal on one resource, as the matrix wants it."""

    row: str
    persona: Persona
    column: Column
    principal: str
    """Object id in Entra ID."""
    role: Role
    target: str
    """Logical key of what the role is on."""
    scope: str
    """ARM id of it."""
    means: Means

    @property
    def key(self) -> str:
        """Logical key: of the resource, where the operator makes it."""
        return f"role/{KINDS[self.persona].slug}/{self.principal}/{self.target}/{self.role.slug}"

    @property
    def principal_type(self) -> str:
        """What Azure has to find the principal to be (S3-63)."""
        return KINDS[self.persona].principal_type

    @property
    def name(self) -> str:
        """Name of the assignment, or of the request for an eligibility: the same for the same grant."""
        text = f"{self.scope}|{self.role.guid}|{self.principal}"
        prefix = "eligible|" if self.means is Means.ELIGIBLE else ""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{prefix}{text}".lower()))


def _nobody() -> Mapping[Persona, tuple[str, ...]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DesiredAccess:
    """``production``: which half of the matrix holds (S3-65)."""

    production: bool = False
    members: Mapping[Persona, tuple[str, ...]] = field(default_factory=_nobody)
    """Persona → object ids; personas without any are left out."""
    grants: tuple[Grant, ...] = ()
    administrators: tuple[str, ...] = ()
    """Object ids of those who administer the subscriptions, by the deployment's settings: what they inherit from
    above is known, and no finding of a workspace."""

    @property
    def by_hand(self) -> tuple[Grant, ...]:
        """What an administrator has to make."""
        return tuple(grant for grant in self.grants if grant.means is not Means.ASSIGNED)
