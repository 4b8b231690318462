"""The words of the desired-state model: resources, blueprints, what was observed, changes. Pure data.

A :class:`Blueprint` is what a spec means in Azure. The same blueprint is planned, created, validated and repaired.
Keys are logical and stable (``storage``, ``dns-zone/blob``, ``link/blob/hub``); golden lists and steps name them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from controlplane.json_types import JsonObject
from controlplane.workspaces.access.desired import DesiredAccess


@dataclass(frozen=True, slots=True)
class Ref:
    """An output of another resource of the blueprint, such as ``Ref("workspace", "identity.principalId")``.

    ``path`` is dotted, with ``[n]`` for list items; ``id`` is the ARM id. Shown in a plan as "known after create".
    """

    key: str
    path: str


#: Where a resource shows the principal of its own identity.
SYSTEM_PRINCIPAL = "identity.principalId"


@dataclass(frozen=True, slots=True)
class RoleAssignmentId:
    """The id of a role assignment, known once its principal is.

    The name is UUIDv5 of (scope, role, principal), so the same grant always gets the same id, and a changed
    principal gets another. Matching against Azure is by that triple, not by name: Azure refuses a second assignment
    of the same triple with ``RoleAssignmentExists``, whoever made the first.
    """

    scope: str
    role_definition: str
    """The role's GUID."""
    principal: Ref | str
    """Whose it is: a resource's identity, or somebody of Entra ID by object id."""

    def resolve(self, principal_id: str) -> str:
        """The ARM id for a known principal."""
        text = f"{self.scope}|{self.role_definition}|{principal_id}".lower()
        name = uuid.uuid5(uuid.NAMESPACE_URL, text)
        return f"{self.scope}/providers/Microsoft.Authorization/roleAssignments/{name}"


class Origin(StrEnum):
    """Who brings a resource into being."""

    DECLARED = "declared"
    """The control plane writes it."""
    AZURE = "azure"
    """Azure makes it by itself (AcrPull of a cluster, S2-75): awaited on creation, a finding when it is missing,
    written by us only in a repair."""
    GIVEN = "given"
    """Somebody else's, named by the spec: read and awaited, never written, owned or deleted."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A post-condition of a resource: the value at ``path`` of its observed body is one of ``one_of`` (case folded).

    ``path`` is dotted; ``[*]`` means every item, of which there must be at least one. Dependants wait for it.
    """

    path: str
    one_of: tuple[str, ...]
    reason: str
    """PascalCase condition reason while it does not hold, such as ``ConnectionNotApproved``."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One Azure resource as it is wanted."""

    key: str
    type: str
    """ARM type in Azure's casing."""
    id: str | RoleAssignmentId
    api_version: str
    body: JsonObject
    """What is declared, and nothing else: properties that are not here are left to Azure. May hold :class:`Ref`."""
    depends_on: tuple[str, ...] = ()
    """Keys, sorted; every ``Ref`` of body and id is among them."""
    ready: tuple[Expectation, ...] = ()
    origin: Origin = Origin.DECLARED
    requirements: tuple[str, ...] = ()
    """Requirement ids this resource answers to (``S1-38``)."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """What a spec declares against a control: exempt while somebody answers for it, failing otherwise."""

    control: str
    key: str
    """Logical key of the resource."""
    conflict: str
    """Number of the conflict that it decides (``X-01``)."""
    ends_on: date | None
    """Last day of the waiver; None when nobody waived it."""
    owner: str
    reason: str


@dataclass(frozen=True)
class Blueprint:
    """Every resource a spec means, in dependency order (dependencies first, then by key)."""

    workspace: str
    subscription_id: str
    location: str
    resources: tuple[Resource, ...]
    own_groups: tuple[str, ...]
    """Ids of the resource groups that belong to this workspace alone; writes stay inside them ∪ the registration."""
    watched: tuple[tuple[str, str], ...] = ()
    """ARM type and id of what is somebody else's, is read and judged with the workspace, and is never written: the
    gateways and circuits behind an existing hub, a registry that is brought along, storage accounts of datastores."""
    abroad: tuple[str, ...] = ()
    """Names under which it adds a peering to somebody else's network, or a link to somebody else's zone. Nothing else
    of theirs is ever written or deleted."""
    deviations: tuple[Deviation, ...] = ()
    """What is declared against a control of the posture."""
    access: DesiredAccess = field(default_factory=DesiredAccess)
    """Who shall have which role, what an administrator has to grant included."""

    @cached_property
    def by_key(self) -> Mapping[str, Resource]:
        """Resources by logical key."""
        return {resource.key: resource for resource in self.resources}


@dataclass(frozen=True, slots=True)
class Read:
    """One question to Azure that observing a blueprint takes. ``is_list`` follows nextLink and yields items."""

    path: str
    api_version: str
    is_list: bool
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A question Azure did not answer (forbidden, throttled, broken). Never the same as "nothing is there"."""

    code: str
    message: str
    retry_after: float = 0.0
    """Seconds until it may be asked again, where Azure said so because of too many requests."""


Answer = tuple[JsonObject, ...] | Unreadable
"""Bodies found (none for 404), or why there is no answer."""


@dataclass(frozen=True)
class Observed:
    """What exists, as far as it could be read."""

    bodies: Mapping[str, JsonObject]
    """Key → body as Azure answered it, for each resource of the blueprint that exists."""
    unknown: Mapping[str, Unreadable] = field(default_factory=dict)
    """Key → why nothing can be said of it."""
    unmanaged: tuple[JsonObject, ...] = ()
    """Bodies found in our own groups that no key of the blueprint claims."""
    snapshot: Mapping[str, JsonObject] = field(default_factory=dict)
    """Folded ARM id → body of everything read, Azure-made children (A records, connections) included."""
    read_from: Mapping[str, str] = field(default_factory=dict)
    """Folded ARM id → the path that was read to see it; the evidence of a finding."""
    unreadable: Mapping[str, Unreadable] = field(default_factory=dict)
    """Folded path of a read that Azure did not answer → why."""


class Action(StrEnum):
    """What a plan would do to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NONE = "none"
    UNMANAGED = "unmanaged"
    UNKNOWN = "unknown"
    """It could not be read, so nothing is decided about it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One declared property whose observed value is another."""

    path: str
    """``$.properties.publicNetworkAccess``; items of named lists as ``[name]``."""
    wanted: Any
    observed: Any
    """The value as Azure answered it; None with ``observed_absent`` when the property is not there."""
    observed_absent: bool = False
    replaces: bool = False
    """Azure cannot change this property in place."""
    deletes: bool = False
    """Writing what is declared takes away what is there: an identity that a request leaves out (S2-28)."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be done to one resource, and why."""

    key: str
    type: str
    id: str | None
    """None while it depends on something that is known after create."""
    action: Action
    differences: tuple[Difference, ...] = ()
    depends_on: tuple[str, ...] = ()
    expected_seconds: float = 0.0
    reason: str = ""

    @property
    def takes_away(self) -> tuple[Difference, ...]:
        """What an update deletes by leaving it out."""
        return tuple(item for item in self.differences if item.deletes) if self.action is Action.UPDATE else ()


class WarningLevel(StrEnum):
    """How much a remark of a plan matters; none of them stops it."""

    INFO = "info"
    """Good to know."""
    WARNING = "warning"
    """Something is lost, weaker than it could be, or not known."""
    CRITICAL = "critical"
    """What the plan makes cannot be used as it stands."""


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """A remark of a plan that does not stop it."""

    code: str
    message: str
    target: str | None = None
    level: WarningLevel = WarningLevel.WARNING


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in dependency order. ``is_empty`` means a tick would write nothing."""

    changes: tuple[Change, ...]
    """Every resource, ``none`` included; deletions last, dependants first."""
    critical_path: tuple[str, ...] = ()
    expected_seconds: float = 0.0
    warnings: tuple[PlanWarning, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to write and nothing unreadable."""
        return all(change.action in (Action.NONE, Action.UNMANAGED) for change in self.changes)

    @property
    def destructive(self) -> tuple[Change, ...]:
        """Changes that need ``allowDestructive=true``."""
        return tuple(c for c in self.changes if c.action in (Action.REPLACE, Action.DELETE) or c.takes_away)
