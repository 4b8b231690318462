"""Who shall have which role, who has, and what differs, as the API tells it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from controlplane.arm import type_of
from controlplane.json_types import JsonObject
from controlplane.operations.model import Model
from controlplane.workspaces import kinds
from controlplane.workspaces.access.activity import ActivityView
from controlplane.workspaces.access.denials import NOTHING, Denying
from controlplane.workspaces.access.desired import Grant, Means
from controlplane.workspaces.access.effective import Estate, Held
from controlplane.workspaces.access.invariants import INVARIANTS, title
from controlplane.workspaces.access.matrix import NOT_CHECKED, roles_of, row_id
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.powers import Can, Plane
from controlplane.workspaces.resolve import at


class GrantState(StrEnum):
    """Of one cell of the matrix for one principal."""

    IN_PLACE = "inPlace"
    MISSING = "missing"
    """The operator writes it: the next operation, or ``:reconcile``."""
    AWAITING_APPROVAL = "awaitingApproval"
    """An administrator has to make it, and no Platform.Admin has approved it."""
    PENDING_MANUAL = "pendingManual"
    """Approved: ``request`` is what an administrator runs. It ends when Azure shows the grant."""
    UNKNOWN = "unknown"
    """The grants could not be read."""


class ManualRequest(Model):
    """Exactly what an administrator sends to Azure Resource Manager."""

    method: str
    path: str
    api_version: str
    body: dict[str, Any]
    command: str = Field(description="The same for the Azure CLI.")


class GrantView(Model):
    row: str = Field(description="The matrix's line, such as RB-D01.")
    resource: str = Field(description="The matrix's column.")
    role: str
    principal_id: str
    scope: str
    means: Means
    state: GrantState
    request: ManualRequest | None = None


class PrincipalView(Model):
    id: str
    display_name: str | None = Field(description="From Microsoft Graph; null where it is not asked or does not know.")


class PersonaView(Model):
    persona: Persona
    label: str
    is_person: bool
    project_specific: bool
    principals: tuple[PrincipalView, ...]
    grants: tuple[GrantView, ...]


class HeldView(Model):
    """A role that somebody has here, whoever gave it."""

    id: str
    principal_id: str
    principal_type: str
    display_name: str | None
    persona: Persona | None = Field(description="Null for strangers.")
    role: str
    scope: str
    inherited: bool = Field(description="Given above the workspace's resource group.")
    eligible: bool = Field(description="It may be taken for a while (PIM).")
    activated_until: datetime | None = Field(
        default=None, description="Taken by whoever is eligible (PIM), until then; null for what was granted."
    )
    row: str | None = Field(description="The line of the matrix behind it; null when there is none.")
    requirements: tuple[str, ...] = Field(
        default=(), description="What asks for it besides, such as S2-17; both empty: nothing does."
    )


class DriftView(Model):
    missing: tuple[GrantView, ...]
    extra: tuple[HeldView, ...] = Field(description="Held on what the workspace has, and behind it no cell.")
    direct_grants: tuple[HeldView, ...] = Field(description="To people and not to groups; inherited ones too.")
    orphaned: tuple[HeldView, ...] | None = Field(description="Of principals that are gone; null: not known.")


class InvariantView(Model):
    id: str
    says: str
    status: str = Field(description="Pass, Fail, Unknown, NotApplicable or NotChecked.")
    violations: tuple[str, ...]


class UncheckedView(Model):
    row: str
    resource: str
    roles: tuple[str, ...]
    reason: str


class AccessReport(Model):
    workspace: str
    half: str = Field(description="production (staging, test and prod) or preproduction: which half of the matrix.")
    evaluated_at: datetime
    unreadable: str | None = Field(description="Why the grants could not be read; null when they could.")
    personas: tuple[PersonaView, ...]
    drift: DriftView
    effective: tuple[HeldView, ...]
    invariants: tuple[InvariantView, ...]
    not_checked: tuple[UncheckedView, ...]
    activity: ActivityView | None = Field(default=None, description="What was done; null unless it was asked for.")


class ReaderView(Model):
    """One answer to "who can": the grant and where it lets its holder in."""

    grant: HeldView
    planes: tuple[Plane, ...] | None = Field(description="Null: what the role allows is not known here.")


class DeniedView(Model):
    """A grant that a deny assignment takes back, wholly or in part."""

    grant: HeldView
    planes: tuple[Plane, ...] = Field(description="Where its holder is denied what the role allows.")
    by: tuple[str, ...] = Field(description="Names of the deny assignments.")
    certain: bool = Field(
        description="False: a group is named or excluded, and whether the holder is in it is unknown."
    )


class Explanation(Model):
    workspace: str
    resource: str
    can: Can
    unreadable: str | None = Field(description="Why the grants, or what denies them, could not be read.")
    who: tuple[ReaderView, ...] = Field(
        description="Without those who are denied it, by a deny assignment, everywhere."
    )
    denied: tuple[DeniedView, ...] = Field(
        default=(), description="What deny assignments take, or may take, from whom."
    )


#: Of principals that were asked for by id: name where the directory knows one; absent where it does not.
Names = Mapping[str, str]
_NO_API = "Roles of Azure DevOps and Artifacts are no role assignments of Azure; their own API is not asked."


def request_of(grant: Grant, subscription: str) -> ManualRequest:
    """What an administrator runs to make a grant that the operator may not make."""
    definition = f"/subscriptions/{subscription}/providers/{kinds.ROLE_DEFINITION}/{grant.role.guid}"
    properties: dict[str, Any] = {"roleDefinitionId": definition, "principalId": grant.principal}
    kind = kinds.ROLE_ASSIGNMENT
    if grant.means is Means.ELIGIBLE:
        kind = kinds.ELIGIBILITY_REQUEST
        # Without a setting of their own roles refuse an eligibility without an end, and one beyond a year.
        expiration = {"type": "AfterDuration", "duration": "P365D"}
        properties |= {"requestType": "AdminAssign", "scheduleInfo": {"expiration": expiration}}
    else:
        properties["principalType"] = grant.principal_type
    path, version = f"{grant.scope}/providers/{kind}/{grant.name}", kinds.API_VERSIONS[kind]
    body = {"properties": properties}
    return ManualRequest(method="PUT", path=path, api_version=version, body=body, command=_command(path, version, body))


def _command(path: str, version: str, body: Mapping[str, Any]) -> str:
    text = str(body).replace("'", '"')
    return f"az rest --method put --url '{path}?api-version={version}' --body '{text}'"


def report(
    estate: Estate, workspace: str, names: Names | None, approved: frozenset[str], now: datetime
) -> AccessReport:
    """``names``: None where there is no directory to ask; ``approved``: names of grants a Platform.Admin approved."""
    views = _Views(estate, names, approved)
    return AccessReport(
        workspace=workspace,
        half="production" if estate.wanted.production else "preproduction",
        evaluated_at=now,
        unreadable=_why(estate),
        personas=tuple(views.persona(persona) for persona in Persona),
        drift=views.drift(),
        effective=tuple(views.held(held) for held in estate.held),
        invariants=tuple(views.invariants()),
        not_checked=tuple(_unchecked(estate)),
    )


def explain(
    estate: Estate, workspace: str, names: Names | None, resource: JsonObject, can: Can, denying: Denying = NOTHING
) -> Explanation:
    """Who can do that to a resource, given as Azure shows it, and by which grant."""
    arm_id, by_key = str(resource["id"]), at(resource, "properties.allowSharedKeyAccess") is not False
    views, kind = _Views(estate, names, frozenset()), type_of(arm_id)
    found, denied = [], []
    for held in estate.held:
        allowed = estate.planes(held, can, kind, by_key=by_key) if held.reaches(arm_id) else ()
        if allowed == ():
            continue
        taken = denying.taken(held.principal, allowed or tuple(Plane), can, arm_id)
        for certain in (True, False):
            lost, by = taken[certain]
            if by:
                view = views.held(held, arm_id)
                denied.append(DeniedView(grant=view, planes=lost, by=by, certain=certain))
        gone = taken[True][0]
        left = None if allowed is None else tuple(plane for plane in allowed if plane not in gone)
        if left or (left is None and set(gone) != set(Plane)):
            found.append(ReaderView(grant=views.held(held, arm_id), planes=left))
    why = _why(estate) or denying.unreadable
    return Explanation(
        workspace=workspace, resource=arm_id, can=can, unreadable=why, who=tuple(found), denied=tuple(denied)
    )


def _why(estate: Estate) -> str | None:
    why = estate.unreadable or estate.eligible_unreadable or estate.activated_unreadable
    return f"{why.code}: {why.message}" if why else None


def _unchecked(estate: Estate) -> Iterable[UncheckedView]:
    production = estate.wanted.production
    for persona in Persona:
        for column, codes in roles_of(persona, production=production).items():
            if column in NOT_CHECKED:
                row = row_id(persona, production=production)
                yield UncheckedView(row=row, resource=column.value, roles=codes, reason=_NO_API)


class _Views:
    """Estate → views, with names beside ids."""

    def __init__(self, estate: Estate, names: Names | None, approved: frozenset[str]) -> None:
        self._estate, self._names, self._approved = estate, names, approved
        self._missing = frozenset(grant.key for grant in estate.missing())

    def persona(self, persona: Persona) -> PersonaView:
        kind, wanted = KINDS[persona], self._estate.wanted
        ids = wanted.members.get(persona, ())
        if persona is Persona.ML_WORKSPACE:
            ids = tuple(sorted(self._estate.ours))
        return PersonaView(
            persona=persona,
            label=kind.label,
            is_person=kind.is_person,
            project_specific=kind.project_specific,
            principals=tuple(PrincipalView(id=one, display_name=self._name(one)) for one in ids),
            grants=tuple(self.grant(grant) for grant in wanted.grants if grant.persona is persona),
        )

    def grant(self, grant: Grant) -> GrantView:
        state = self._state(grant)
        manual = state is GrantState.PENDING_MANUAL
        return GrantView(
            row=grant.row,
            resource=grant.column.value,
            role=grant.role.name,
            principal_id=grant.principal,
            scope=grant.scope,
            means=grant.means,
            state=state,
            request=request_of(grant, self._estate.blueprint.subscription_id) if manual else None,
        )

    def _state(self, grant: Grant) -> GrantState:
        estate = self._estate
        unread = estate.eligible_unreadable if grant.means is Means.ELIGIBLE else estate.unreadable
        if unread is not None:
            return GrantState.UNKNOWN
        if grant.key not in self._missing:
            return GrantState.IN_PLACE
        if grant.means is Means.ASSIGNED:
            return GrantState.MISSING
        return GrantState.PENDING_MANUAL if grant.name in self._approved else GrantState.AWAITING_APPROVAL

    def held(self, held: Held, at_resource: str | None = None) -> HeldView:
        """``at_resource``: asked about one resource, where it lets its holder do something."""
        return HeldView(
            id=held.id,
            principal_id=held.principal,
            principal_type=held.principal_type,
            display_name=self._name(held.principal),
            persona=self._estate.persona(held),
            role=title(held),
            scope=held.scope or "/",
            inherited=held.inherited,
            eligible=held.eligible,
            activated_until=datetime.fromisoformat(held.until) if held.until else None,
            row=self._estate.row(held, at_resource),
            requirements=self._estate.needs(held),
        )

    def drift(self) -> DriftView:
        estate = self._estate
        gone = None if self._names is None else [held for held in estate.held if held.principal not in self._names]
        return DriftView(
            missing=() if estate.unreadable else tuple(self.grant(grant) for grant in estate.missing()),
            extra=tuple(self.held(held) for held in estate.extra()),
            direct_grants=tuple(self.held(held) for held in estate.held if held.is_person),
            orphaned=None if gone is None else tuple(self.held(held) for held in gone),
        )

    def invariants(self) -> Iterable[InvariantView]:
        estate = self._estate
        for invariant in INVARIANTS.values():
            status = "NotApplicable"
            said: tuple[str, ...] = ()
            if estate.wanted.members and invariant.holds_for(estate):
                found = tuple(invariant.judge(estate))
                said = tuple(violation.message for violation in found)
                status = "Unknown" if any(violation.unknown for violation in found) else "Pass"
                status = "Fail" if any(not violation.unknown for violation in found) else status
                status = "Unknown" if _why(estate) else status
            yield InvariantView(id=invariant.id, says=invariant.says, status=status, violations=said)
        for name in ("RB-I7", "RB-I8"):
            yield InvariantView(id=name, says=_NO_API, status="NotChecked", violations=())

    def _name(self, principal: str) -> str | None:
        return None if self._names is None else self._names.get(principal)
