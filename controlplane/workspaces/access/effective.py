"""Who has which role here, whoever gave it: on what the workspace has, on its group, and inherited from above. Pure.

One list of role assignments at the resource group shows those of its resources, its own, and those of the subscription
and of every management group above, because they hold there too ("Role Assignments - List For Scope": a filter
``atScope()`` would leave out those below, nothing leaves out those above).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from controlplane.arm import fold, is_within, type_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.access.definitions import Definition, definitions
from controlplane.workspaces.access.desired import DesiredAccess, Grant, Means
from controlplane.workspaces.access.matrix import Column, roles_of, row_id
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.access.powers import POWERS, Can, Plane, planes, planes_of
from controlplane.workspaces.access.roles import ROLES
from controlplane.workspaces.model import Blueprint, Observed, Unreadable
from controlplane.workspaces.observe import taken_roles
from controlplane.workspaces.resolve import at

_PEOPLE, _APPLICATIONS = "user", "serviceprincipal"
#: 400 of every PIM call in a tenant without Entra ID P2 or Governance.
_NO_LICENCE = "AadPremiumLicenseRequired"

_COLUMNS = MappingProxyType({Column.STORAGE: "storage", Column.VAULT: "vault", Column.REGISTRY: "registry"})
_BY_AZURE = ("S2-09",)


@dataclass(frozen=True, slots=True)
class Held:
    """One role of one principal, as Azure shows it."""

    id: str
    principal: str
    principal_type: str
    """``User``, ``Group``, ``ServicePrincipal``; empty where Azure does not say."""
    role: str
    """The role definition's GUID."""
    scope: str
    eligible: bool
    """It may be taken for a while (PIM), and is not held."""
    inherited: bool
    """Given above the workspace's own groups."""
    created_by: str
    title: str = ""
    """What Azure calls the role, where its definition was read."""
    until: str = ""
    """When it ends by itself: somebody eligible has taken it for a while (PIM). Empty for what was granted."""
    by_eligibility: str = ""
    """Folded id of the eligibility that it was taken by."""

    @property
    def is_human(self) -> bool:
        """A person's, whoever gave it."""
        return self.principal_type.lower() == _PEOPLE

    @property
    def is_person(self) -> bool:
        """Granted to somebody directly, and not to a group; what somebody took for a while (PIM) was not granted."""
        return self.is_human and not self.is_activated

    @property
    def is_activated(self) -> bool:
        """Taken by somebody who is eligible, and ends by itself."""
        return bool(self.by_eligibility)

    @property
    def is_application(self) -> bool:
        """A service principal or a managed identity; False where Azure does not say."""
        return self.principal_type.lower() == _APPLICATIONS

    def reaches(self, arm_id: str) -> bool:
        """Whether it holds on a resource; what is above the subscription holds on all of it."""
        return is_within(arm_id, self.scope) or not self.scope.lower().startswith("/subscriptions/")

    def is_of(self, grant: Grant) -> bool:
        """Whether it is what the matrix wants, on the same scope and in the same way."""
        wanted = (fold(grant.scope), grant.role.guid, grant.principal.lower(), grant.means is Means.ELIGIBLE)
        return (fold(self.scope), self.role, self.principal, self.eligible) == wanted


@dataclass(frozen=True, slots=True)
class Estate:
    """What is wanted beside what is held, with the look-ups that judging takes."""

    blueprint: Blueprint
    held: tuple[Held, ...]
    unreadable: Unreadable | None
    """Why the grants could not be read: then nothing is known of any of them."""
    eligible_unreadable: Unreadable | None
    activated_unreadable: Unreadable | None
    """Then nobody knows which of the grants to people were taken by PIM and end by themselves."""
    ours: frozenset[str]
    """Object ids of the identities of what the workspace has, in lower case."""
    declared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Folded ids of the assignments that the blueprint writes, the matrix's and such as a scale set's keeper's, with
    the requirements that ask for each."""
    own: frozenset[str] = frozenset()
    """Of ``ours``, what the workspace itself works as: the matrix's tenth row."""
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    """GUID → what it allows, of roles that the table does not know and whose definitions were read."""

    @property
    def wanted(self) -> DesiredAccess:
        return self.blueprint.access

    def planes(self, held: Held, can: Can, resource_type: str, *, by_key: bool = True) -> tuple[Plane, ...] | None:
        """Where somebody's role allows that; None when nobody here knows what it allows."""
        if held.role in POWERS or held.role not in self.definitions:
            return planes(held.role, can, resource_type, by_key=by_key)
        return planes_of(self.definitions[held.role].powers, can, resource_type, by_key=by_key)

    def place(self, target: str) -> str | None:
        """ARM id of what the workspace has under a logical key."""
        found = self.blueprint.by_key.get(target)
        return found.id if found is not None and isinstance(found.id, str) else None

    def persona_of(self, principal: str) -> Persona | None:
        """None for strangers."""
        if principal in self.ours:
            return Persona.ML_WORKSPACE
        members = self.wanted.members.items()
        return next((persona for persona, ids in members if principal in ids), None)

    def persona(self, held: Held) -> Persona | None:
        """Of whoever holds it; of what was taken by PIM, the persona whose eligibility it was taken by."""
        behind = self.eligibility(held)
        return self.persona_of(behind.principal if behind is not None else held.principal)

    def eligibility(self, held: Held) -> Held | None:
        """What an activated role was taken by; None for every other, and where Azure does not show it any more."""
        if not held.is_activated:
            return None
        return next((one for one in self.held if one.eligible and fold(one.id) == held.by_eligibility), None)

    def is_administrator(self, principal: str) -> bool:
        """One of those who administer the subscriptions, by the deployment's settings."""
        return principal in {known.lower() for known in self.wanted.administrators}

    def of(self, *personas: Persona) -> Iterator[Held]:
        """Everything that their principals hold or may take, inherited too."""
        return (held for held in self.held if self.persona(held) in personas)

    def granted(self, held: Held) -> Grant | None:
        """The cell of the matrix behind it, or behind the eligibility that it was taken by; None when there is none."""
        held = self.eligibility(held) or held
        return next((grant for grant in self.wanted.grants if held.is_of(grant)), None)

    def row(self, held: Held, at_resource: str | None = None) -> str | None:
        """The line of the matrix behind it, or behind what it lets its holder do to one resource. What the workspace's
        identity has is its tenth line where a cell says so, whoever made the assignment."""
        if (grant := self.granted(held)) is not None:
            return grant.row
        wanted, production = fold(at_resource or held.scope), self.wanted.production
        if held.principal not in self.own:
            return None
        for column, codes in roles_of(Persona.ML_WORKSPACE, production=production).items():
            here = fold(self.place(_COLUMNS.get(column, "")) or "") == wanted
            if here and any(ROLES[code].guid == held.role for code in codes):
                return row_id(Persona.ML_WORKSPACE, production=production)
        return None

    def needs(self, held: Held) -> tuple[str, ...]:
        """The requirements that ask for it. S2-09: of a system identity Azure makes Contributor of the group itself."""
        by_azure = held.principal in self.own and held.role == ROLES["C"].guid
        on_group = fold(held.scope) in {fold(group) for group in self.blueprint.own_groups}
        return self.declared.get(fold(held.id), _BY_AZURE if by_azure and on_group else ())

    def missing(self) -> tuple[Grant, ...]:
        """What the matrix wants and nobody sees in Azure."""
        return tuple(grant for grant in self.wanted.grants if not any(held.is_of(grant) for held in self.held))

    def extra(self) -> tuple[Held, ...]:
        """What somebody holds on what the workspace has, or on its group, that neither the matrix nor the spec nor an
        identity of its own is behind."""
        known = (
            held.principal in self.ours or fold(held.id) in self.declared or self.granted(held) is not None
            for held in self.held
        )
        return tuple(held for held, is_known in zip(self.held, known, strict=True) if not (held.inherited or is_known))


def estate(blueprint: Blueprint, observed: Observed) -> Estate:
    """From one observation."""
    own = blueprint.own_groups
    group = own[0]
    bodies, taken = observed.snapshot.items(), taken_roles(observed.snapshot)
    known = definitions(observed.snapshot)
    held = [found for arm_id, body in bodies if (found := _held(arm_id, body, own, taken)) is not None]
    held = [replace(one, title=known[one.role].powers.name) if one.role in known else one for one in held]
    held.sort(key=lambda one: (one.inherited, fold(one.scope), one.principal, one.role, one.eligible))
    return Estate(
        blueprint,
        tuple(held),
        observed.unreadable.get(fold(f"{group}/providers/{kinds.ROLE_ASSIGNMENT}")),
        _by_pim(observed, f"{group}/providers/{kinds.ELIGIBILITY}"),
        _by_pim(observed, f"{group}/providers/{kinds.ACTIVATION}"),
        own_identities(blueprint, observed),
        _declared(blueprint, observed),
        _works_as(observed),
        known,
    )


def _declared(blueprint: Blueprint, observed: Observed) -> Mapping[str, tuple[str, ...]]:
    roles = (item for item in blueprint.resources if item.type == kinds.ROLE_ASSIGNMENT)
    bodies = observed.bodies
    return {fold(str(bodies[item.key]["id"])): item.requirements for item in roles if item.key in bodies}


def _works_as(observed: Observed) -> frozenset[str]:
    """Object ids of the identities that the workspace itself has."""
    body = observed.bodies.get("workspace")
    carried = at(body, "identity.userAssignedIdentities")
    more = carried.values() if isinstance(carried, Mapping) else ()
    found = (at(body, "identity.principalId"), *(at(one, "principalId") for one in more))
    return frozenset(one.lower() for one in found if isinstance(one, str))


def _by_pim(observed: Observed, path: str) -> Unreadable | None:
    """A tenant without a licence for PIM has nobody who is eligible or has taken a role: that is known."""
    found = observed.unreadable.get(fold(path))
    return None if found is not None and found.code == _NO_LICENCE else found


def own_identities(blueprint: Blueprint, observed: Observed) -> frozenset[str]:
    """Object ids, in lower case, of the identities that the workspace's resources are or carry."""
    found: set[str] = set()
    for resource in blueprint.resources:
        body = observed.bodies.get(resource.key)
        if body is None:
            continue
        carried = at(body, "identity.userAssignedIdentities")
        more = carried.values() if isinstance(carried, Mapping) else ()
        values: list[Any] = [at(body, "identity.principalId"), *(at(one, "principalId") for one in more)]
        # A user-assigned identity says it of itself; nothing else has the property.
        values.append(at(body, "properties.principalId") if resource.type != kinds.ROLE_ASSIGNMENT else None)
        found |= {value.lower() for value in values if isinstance(value, str)}
    return frozenset(found)


def _held(arm_id: str, body: JsonObject, own: tuple[str, ...], taken: Mapping[str, JsonObject]) -> Held | None:
    kind = type_of(arm_id).lower()
    eligible = kind == kinds.ELIGIBILITY.lower()
    if not eligible and kind != kinds.ROLE_ASSIGNMENT.lower():
        return None
    properties = body.get("properties") or {}
    scope, activation = str(properties.get("scope") or ""), taken.get(fold(arm_id))
    linked = at(activation, "properties.linkedRoleEligibilityScheduleInstanceId") or "unknown"
    return Held(
        str(body["id"]),
        str(properties.get("principalId") or "").lower(),
        str(properties.get("principalType") or ""),
        str(properties.get("roleDefinitionId") or "").rpartition("/")[2].lower(),
        scope,
        eligible,
        not any(is_within(scope, group) for group in own),
        str(properties.get("createdBy") or "").lower(),
        until=str(at(activation, "properties.endDateTime") or ""),
        by_eligibility=fold(str(linked)) if activation is not None else "",
    )
