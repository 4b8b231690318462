"""What a spec in a request asks for: checked against the token, the registration, what is stored, and Azure's facts.

The order is the contract: nothing is read from Azure before the spec is valid and every id lies in the registration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from controlplane.audit.facts import Evidence, evidence_of
from controlplane.errors import Conflict, ErrorDetail, Fatal, Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.model import Operation
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.store import Write
from controlplane.projects.access import Caller, Permission, Role, Verdict, app_roles, judge
from controlplane.projects.model import Registration
from controlplane.projects.registration import is_project_name
from controlplane.projects.scope import out_of_scope
from controlplane.projects.service import forbidden, project_not_found
from controlplane.workspaces.addresses import placed
from controlplane.workspaces.conflicts import refusals
from controlplane.workspaces.effective import limited
from controlplane.workspaces.lasting import Change, Standing, check_change
from controlplane.workspaces.model import Blueprint, PlanWarning
from controlplane.workspaces.plan_checks.outbound import check_targets, unread_targets
from controlplane.workspaces.plan_checks.place import check
from controlplane.workspaces.repository import StoredWorkspace
from controlplane.workspaces.services.data import data_details
from controlplane.workspaces.services.deps import ServiceDeps, compile_for, find
from controlplane.workspaces.services.hub import hub_details
from controlplane.workspaces.services.identity import identity_details
from controlplane.workspaces.services.outbound import outbound_targets
from controlplane.workspaces.services.policy import policy_details
from controlplane.workspaces.spec import WorkspaceSpec, check_name, parse_spec
from controlplane.workspaces.spec_model import Environment
from controlplane.workspaces.transitions import check_transition
from controlplane.workspaces.waiving import not_allowed

#: Fields that Azure cannot change in place and whose change no plan can express.
IMMUTABLE = ("subscriptionId", "location")
#: Findings of the plan-time checks that are about what exists, not about the spec: 409 when there are no others.
CONFLICTS = frozenset({"AddressSpaceOverlaps", "SkuRestricted"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """``operation`` is None when there was nothing to do; ``created`` tells 201 from 202."""

    stored: StoredWorkspace
    operation: Operation | None
    created: bool = False


def _nothing(outcome: Outcome) -> tuple[Write, ...]:
    del outcome
    return ()


@dataclass(frozen=True, slots=True)
class Request:
    """One PUT, PATCH or plan, as it came in."""

    caller: Caller
    permission: Permission
    name: str
    preconditions: Preconditions = field(default_factory=Preconditions)
    allow_destructive: bool = False
    remember: Callable[[Outcome], tuple[Write, ...]] = _nothing
    """What is stored in the commit that accepts the request, beside its effect: the answer to a repetition of it."""

    @property
    def evidence(self) -> Evidence:
        """What the audit is told of the request beside its content."""
        return evidence_of(self.caller, self.preconditions)


@dataclass(frozen=True, slots=True)
class Asked:
    """A spec that may be asked for, and what it would apply to."""

    name: str
    spec: WorkspaceSpec
    body: Mapping[str, Any]
    """The spec as it is stored: camelCase, defaults filled in."""
    registration: Registration
    stored: StoredWorkspace | None
    incarnation: int
    resource_group: str

    @property
    def changes_spec(self) -> bool:
        """False when the same spec was accepted before."""
        return self.stored is None or dict(self.stored.record.spec) != dict(self.body)

    def at(self, address_space: str) -> Asked:
        """With the range that stands for ``auto``; ``body`` stays as it was asked."""
        return replace(self, spec=placed(self.spec, address_space))

    def blueprint(self, deps: ServiceDeps) -> Blueprint:
        """What it means in Azure; the spec must name its range (``at``)."""
        spec = self.spec if self.stored is None else limited(self.spec, self.stored.record.node_limits)
        return compile_for(deps, self.name, spec, self.incarnation, self.resource_group)


async def understand(deps: ServiceDeps, request: Request, data: JsonObject) -> Asked:
    """Everything that can be said without asking Azure.

    Raises ``Rejected``: ``AuthorizationFailed``, ``InvalidResourceName``, ``InvalidSpec``, ``ProjectNotFound``,
    ``PropertyChangeNotAllowed``, ``ScopeNotAllowedForProject``, ``EnvironmentNotAllowed``, ``WaiverNotAllowed``,
    ``OwnersChangeNotAllowed``, ``ExtensionNotAllowed``;
    ``Conflict``: ``WorkspaceNameUnavailable``,
    ``ConditionNotMet``, ``TransitionNotAllowed``, ``WorkspaceDeleting``.
    """
    known = await find(deps, request.caller, request.permission, request.name)
    _check_name(request.name)
    spec = parse_spec(data)
    registration = await _registration(deps, request, spec.project, known)
    stored = known or await deps.repository.load(request.name)
    if stored is not None and stored.record.project != spec.project:
        raise Conflict(
            "WorkspaceNameUnavailable",
            f"The name {request.name!r} is held by another project. A workspace's project never changes.",
            target="$.project",
        )
    request.preconditions.check(stored.record.public_etag if stored else None)
    before = stored_as_asked(stored) if stored is not None else None
    if stored is not None and before is not None:
        _check_unchanged(spec, stored)
        _check_transition(before, spec)
    _check_expiry(spec, stored, registration, deps.clock.now())
    _check_conflicts(spec, deps.clock.now())
    _check_environment(request.caller, before, spec)
    _check_waivers(request.caller, before, spec)
    if stored is not None:
        await _check_lasting(deps, request.caller, stored, Change(request.name, stored.record.spec, spec, registration))
    _check_scope(request.name, spec, registration)
    if stored is not None:
        incarnation, group = stored.record.incarnation, stored.record.resource_group
    else:
        incarnation = await deps.repository.next_incarnation(request.name)
        group = f"{registration.resource_group_prefix}{request.name}"
    body = spec.model_dump(mode="json", by_alias=True)
    return Asked(request.name, spec, body, registration, stored, incarnation, group)


async def check_facts(deps: ServiceDeps, asked: Asked, taken: Mapping[str, str]) -> tuple[PlanWarning, ...]:
    """Why Azure would refuse the spec: regions, sizes, visibility, addresses that are taken. Answers what nobody could
    tell and does not stop a plan.

    Raises ``Rejected`` (400) or ``Conflict`` (409), with every reason.
    """
    targets = await outbound_targets(deps, asked.spec)
    facts = await deps.catalog.facts(asked.spec.subscription_id, asked.spec.location)
    blueprint = asked.blueprint(deps)
    details = (
        *check(asked.spec, facts, taken),
        *await hub_details(deps, asked.spec, blueprint),
        *await data_details(deps, asked.spec),
        *await identity_details(deps, asked.spec),
        *await policy_details(deps, blueprint),
        *check_targets(asked.spec, targets),
    )
    if not details:
        return unread_targets(asked.spec, targets)
    codes = {detail.code for detail in details}
    code = codes.pop() if len(codes) == 1 else "InvalidSpec"
    message = details[0].message if len(details) == 1 else "Azure cannot provide what the spec asks for."
    if all(detail.code in CONFLICTS for detail in details):
        raise Conflict(code, message, target=details[0].target, details=details)
    raise Rejected(code, message, target=details[0].target, details=details)


def _check_name(name: str) -> None:
    details = check_name(name)
    if details:
        raise Rejected("InvalidResourceName", details[0].message, target="name", details=details)


async def _registration(
    deps: ServiceDeps, request: Request, project: str, known: StoredWorkspace | None
) -> Registration:
    stored = await deps.projects.load(project) if is_project_name(project) else None
    if stored is None:
        raise project_not_found(project, "$.project")
    # Whoever the workspace's own spec lets change it may change it in its project, and in no other.
    access = known.record.spec.get("access") if known is not None and known.record.project == project else None
    match judge(request.caller, request.permission, stored.record.registration, access):
        case Verdict.ALLOWED:
            return stored.record.registration
        case Verdict.FORBIDDEN:
            raise forbidden(request.permission)
        case Verdict.HIDDEN:
            raise project_not_found(project, "$.project")


def _check_unchanged(spec: WorkspaceSpec, stored: StoredWorkspace) -> None:
    asked = spec.model_dump(mode="json", by_alias=True)
    details = tuple(
        ErrorDetail(
            "PropertyChangeNotAllowed",
            f"{field} is {stored.record.spec[field]!r} and cannot change; make a new workspace instead.",
            f"$.{field}",
        )
        for field in IMMUTABLE
        if str(asked[field]).lower() != str(stored.record.spec[field]).lower()
    )
    if details:
        raise immutable(details)


def stored_as_asked(stored: StoredWorkspace) -> WorkspaceSpec:
    """The stored spec as it was accepted then, whatever today's rules would say of it. Raises ``Fatal``."""
    try:
        return WorkspaceSpec.model_validate(stored.record.spec)
    except ValidationError as error:
        raise Fatal("InvalidRecord", f"The stored spec of {stored.record.name!r} is not understood.") from error


def _check_transition(before: WorkspaceSpec, spec: WorkspaceSpec) -> None:
    details = check_transition(before, spec)
    if details:
        message = details[0].message if len(details) == 1 else "A workspace cannot be changed into what is asked."
        raise Conflict("TransitionNotAllowed", message, target=details[0].target, details=details)


def _check_expiry(
    spec: WorkspaceSpec, stored: StoredWorkspace | None, registration: Registration, now: datetime
) -> None:
    """A day that is over, or beyond the project's last one, is refused when it is asked for, not when it has come to
    pass."""
    day = spec.expiry.expires_on if spec.expiry else None
    before = ((stored.record.spec.get("expiry") or {}) if stored else {}).get("expiresOn")
    if day is None or str(before) == day.isoformat():
        return
    end = registration.ends_on
    if day < now.astimezone(UTC).date():
        code, message = "ExpiryInThePast", f"{day} is over; choose today or later, or leave expiresOn out."
    elif end is not None and day > end:
        code, message = "AfterTheProject", f"The project ends on {end}; a workspace does not outlive it (S3-108)."
    else:
        return
    detail = ErrorDetail(code, message, "$.expiry.expiresOn")
    raise Rejected("InvalidSpec", message, target=detail.target, details=(detail,))


async def _check_lasting(deps: ServiceDeps, caller: Caller, stored: StoredWorkspace, change: Change) -> None:
    """What is stored beside the spec is read only where the change may be about it."""
    standing = Standing()
    if change.of_life and deps.standing is not None:
        standing = await deps.standing(change.name, stored.record.incarnation)
    check_change(caller, change, standing)


def _check_conflicts(spec: WorkspaceSpec, now: datetime) -> None:
    """Waivers are judged by the day in UTC. A stored spec whose waiver has lapsed is not accepted once more."""
    details = refusals(spec, now.astimezone(UTC).date())
    if details:
        message = details[0].message if len(details) == 1 else "The spec asks for what requirements exclude."
        raise Rejected("InvalidSpec", message, target=details[0].target, details=details)


def _check_environment(caller: Caller, before: WorkspaceSpec | None, spec: WorkspaceSpec) -> None:
    """What guards production (a second person for waivers and for training models) is not laid down by a lead who calls
    the workspace something else for a while."""
    leaves = before is not None and before.environment is Environment.PROD and spec.environment is not Environment.PROD
    if leaves and Role.ADMIN not in app_roles(caller):
        message = "A Platform.Admin takes a workspace out of environment prod: send the same request as one."
        detail = ErrorDetail("EnvironmentNotAllowed", message, "$.environment")
        raise Rejected(detail.code, message, target=detail.target, details=(detail,))


def _check_waivers(caller: Caller, before: WorkspaceSpec | None, spec: WorkspaceSpec) -> None:
    """What was accepted before passes from whoever may change the workspace."""
    details = () if Role.ADMIN in app_roles(caller) else not_allowed(before, spec)
    if details:
        raise Rejected("WaiverNotAllowed", details[0].message, target=details[0].target, details=details)


def immutable(details: tuple[ErrorDetail, ...]) -> Rejected:
    """The refusal of a change to fields that are fixed at creation."""
    return Rejected(
        "PropertyChangeNotAllowed",
        "These fields are fixed when a workspace is created.",
        target=details[0].target,
        details=details,
    )


def _check_scope(name: str, spec: WorkspaceSpec, registration: Registration) -> None:
    details = out_of_scope(name, spec, registration)
    if details:
        raise Rejected(
            "ScopeNotAllowedForProject",
            f"The spec names things that project {spec.project!r} is not registered for.",
            target=details[0].target,
            details=details,
        )
