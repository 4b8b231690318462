"""Registering projects: the flows behind ``/api/projects``. Authorised by the table, for every step of them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.audit.facts import evidence_of
from controlplane.errors import Conflict, ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.paging import Fields, Paging
from controlplane.operations.preconditions import Preconditions, on_fresh_state
from controlplane.ports.clock import Clock
from controlplane.projects.access import TABLE, Caller, Permission, Verdict, app_roles, judge
from controlplane.projects.model import ProjectRecord, Registration
from controlplane.projects.prefixes import CODE, overlaps, widens
from controlplane.projects.registration import check_project_name, is_project_name, parse_registration
from controlplane.projects.repository import ProjectRepository, StoredProject, Turn
from controlplane.workspaces.listing import SCAN, Listing, Slice, page_of, scan
from controlplane.workspaces.repository import WorkspaceRepository

#: How often one registration is decided anew because others were faster: they meet in one row, whatever their names.
_REGISTERING = 30


@dataclass(frozen=True, slots=True)
class ProjectDeps:
    projects: ProjectRepository
    workspaces: WorkspaceRepository
    clock: Clock


@dataclass(frozen=True, slots=True)
class PutProject:
    """``created`` tells 201 from 200."""

    record: ProjectRecord
    created: bool


def forbidden(permission: Permission) -> Rejected:
    """The 403 of a caller who is known but may not."""
    roles = " or ".join(sorted(TABLE[permission]))
    return Rejected("AuthorizationFailed", f"You have no role here that allows {permission.value}: it takes {roles}.")


def project_not_found(name: str, target: str | None = None) -> Rejected:
    """The 404 of a project that does not exist, or that the caller may not know of."""
    return Rejected("ProjectNotFound", f"There is no project {name!r}.", target=target)


FIELDS: Fields = {"name": None, "subscription": None, "region": None}


async def list_projects(
    deps: ProjectDeps, caller: Caller, paging: Paging
) -> tuple[tuple[ProjectRecord, ...], str | None]:
    """One page in name order, and the name after which the next begins."""
    if judge(caller, Permission.PROJECTS_LIST, None) is not Verdict.ALLOWED:
        raise forbidden(Permission.PROJECTS_LIST)
    records, more = await deps.projects.list(limit=scan(paging, frozenset(), SCAN), last=paging.after)
    items = tuple((record.name, record) for record in records)
    return page_of(Slice(items, records[-1].name if more else None), paging, _values)


def _values(record: ProjectRecord, field: str) -> frozenset[str]:
    match field:
        case "subscription":
            return frozenset(record.registration.subscriptions)
        case "region":
            return frozenset(record.registration.regions)
        case _:
            return frozenset({record.name})


async def readable_projects(
    projects: ProjectRepository, caller: Caller, permission: Permission, wanted: str | None
) -> tuple[str, ...] | None:
    """The projects whose objects the caller may list, in name order; None for all. ``wanted`` asks for one only."""
    if app_roles(caller) & TABLE[permission]:
        return None if wanted is None else (wanted,) if is_project_name(wanted) else ()
    registrations: tuple[ProjectRecord, ...]
    if wanted is not None:
        stored = await projects.load(wanted) if is_project_name(wanted) else None
        registrations = (stored.record,) if stored else ()
    else:
        registrations = await projects.all()
    return tuple(r.name for r in registrations if judge(caller, permission, r.registration) is Verdict.ALLOWED)


async def persona_projects(
    projects: ProjectRepository, caller: Caller, wanted: str | None, readable: tuple[str, ...]
) -> dict[str, Registration]:
    """Projects beside the readable ones whose workspaces may name a group of the caller as a persona, in name order:
    those that are registered with one of the caller's groups. Which workspaces do is for who reads them."""
    if not caller.groups:
        return {}
    records = await projects.all()
    mine = (r for r in records if caller.groups & {group.lower() for group in r.registration.entra_groups})
    return {r.name: r.registration for r in mine if r.name not in readable and wanted in (None, r.name)}


async def get_project(deps: ProjectDeps, caller: Caller, name: str) -> ProjectRecord:
    """Raises ``Rejected``: ``ProjectNotFound``, also for callers with no role in it; ``AuthorizationFailed``."""
    stored = await deps.projects.load(name) if is_project_name(name) else None
    match judge(caller, Permission.PROJECTS_GET, stored.record.registration if stored else None):
        case Verdict.ALLOWED if stored:
            return stored.record
        case Verdict.FORBIDDEN if stored:
            raise forbidden(Permission.PROJECTS_GET)
        case _:
            raise project_not_found(name)


async def put_project(
    deps: ProjectDeps, caller: Caller, name: str, data: JsonObject, preconditions: Preconditions
) -> PutProject:
    """Registers or replaces. Workspaces that exist stay as they are when the registration shrinks.

    Whoever is not a Platform.Admin is refused the same way whether or not the project exists. Raises
    ``Conflict("ResourceGroupPrefixOverlaps")`` for groups that could be another project's.
    """
    if judge(caller, Permission.PROJECTS_PUT, None) is not Verdict.ALLOWED:
        raise forbidden(Permission.PROJECTS_PUT)
    check_project_name(name)
    registration = parse_registration(data)

    async def attempt() -> PutProject:
        stored = await deps.projects.load(name)
        preconditions.check(stored.record.public_etag if stored else None)
        if stored and stored.record.registration == registration:
            return PutProject(stored.record, created=False)
        _check_end(registration, stored, deps.clock.now())
        turn = await _turn(deps, name, registration, stored)
        record = _record(deps, caller, name, registration, stored)
        saved = await deps.projects.save(record, stored, evidence_of(caller, preconditions), turn)
        return PutProject(saved.record, created=stored is None)

    return await on_fresh_state(attempt, _REGISTERING)


def _check_end(registration: Registration, stored: StoredProject | None, now: datetime) -> None:
    """A last day that is over is refused when it is asked for, not when it has come to pass."""
    day = registration.ends_on
    before = stored.record.registration.ends_on if stored else None
    if day is None or day == before or day >= now.astimezone(UTC).date():
        return
    text = f"{day} is over; choose today or later. People's roles end a fortnight after they are told, at the earliest."
    detail = ErrorDetail("EndInThePast", text, "$.endsOn")
    raise Rejected("InvalidRegistration", text, target=detail.target, details=(detail,))


async def _turn(deps: ProjectDeps, name: str, registration: Registration, stored: StoredProject | None) -> Turn | None:
    """The state in which nobody else could have the project's groups; None when it gets no others than it had."""
    if not widens(stored.record.registration if stored else None, registration):
        return None
    turn = await deps.projects.turn()
    details = overlaps(name, registration, await deps.projects.all())
    if details:
        message = "Another project could have the same resource groups; choose a prefix that begins otherwise."
        raise Conflict(CODE, message, target=details[0].target, details=details)
    return turn


async def delete_project(deps: ProjectDeps, caller: Caller, name: str, preconditions: Preconditions) -> None:
    """Ends a registration that no workspace uses; one that does not exist is gone already.

    Raises ``Conflict("ProjectNotEmpty")``.
    """
    if judge(caller, Permission.PROJECTS_DELETE, None) is not Verdict.ALLOWED:
        raise forbidden(Permission.PROJECTS_DELETE)

    async def attempt() -> None:
        stored = await deps.projects.load(name) if is_project_name(name) else None
        preconditions.check(stored.record.public_etag if stored else None)
        if stored is None:
            return
        if await Listing(deps.workspaces.store).has_workspaces(name):
            raise Conflict("ProjectNotEmpty", f"Project {name!r} still has workspaces; delete them first.")
        evidence = evidence_of(caller, preconditions)
        await deps.projects.delete(stored, caller.principal, deps.clock.now(), evidence)

    await on_fresh_state(attempt)


def _record(
    deps: ProjectDeps, caller: Caller, name: str, registration: Registration, stored: StoredProject | None
) -> ProjectRecord:
    now = deps.clock.now()
    if stored is None:
        return ProjectRecord(
            name=name,
            registration=registration,
            incarnation=secrets.token_hex(4),
            created_at=now,
            created_by=caller.principal,
            last_modified_at=now,
            last_modified_by=caller.principal,
        )
    return stored.record.model_copy(
        update={
            "registration": registration,
            "generation": stored.record.generation + 1,
            "last_modified_at": now,
            "last_modified_by": caller.principal,
        }
    )
