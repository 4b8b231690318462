"""The flows behind ``/api/audit``: authorised by the table, for every entry of them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace

from controlplane.audit import proof, reading
from controlplane.audit.model import AuditEntry, Kind, entry_prefix
from controlplane.audit.proof import Proof
from controlplane.audit.reading import Filter
from controlplane.errors import Rejected
from controlplane.governance.scope import is_scope
from controlplane.operations.paging import Operator
from controlplane.ports.anchor import Anchor
from controlplane.ports.store import Store
from controlplane.projects.access import Caller, Permission, Verdict, app_roles, judge
from controlplane.projects.registration import is_project_name
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import forbidden, readable_projects
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.spec import check_name

#: A workspace, and a model of it as Azure ML names models; without one, what is about the workspace itself.
_OF_MODEL = re.compile(r"[a-z0-9-]{1,64}(\.[A-Za-z0-9][A-Za-z0-9._-]{0,254})?")
#: Verifications that a process is at work on; each reads every line of the anchor, and entries without an end.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class AuditDeps:
    """``anchor`` is None where no checkpoints are kept."""

    store: Store
    projects: ProjectRepository
    anchor: Anchor | None = None
    verifying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    """So that whoever asks again and again keeps himself waiting, and not the store busy."""


@dataclass(frozen=True, slots=True)
class Entries:
    """One page; ``continuation`` is where the next begins, opaque."""

    entries: tuple[AuditEntry, ...]
    continuation: str | None


def object_not_found(name: str) -> Rejected:
    """The 404 of an object without a chain, or whose chain the caller may not know of."""
    return Rejected("AuditObjectNotFound", f"Nothing is told of {name!r}.", target="object")


def parse_object(text: str) -> tuple[Kind, str] | None:
    """``workspaces/{name}``, ``projects/{name}``, ``retraining/{workspace}.{model}`` or ``governance/{scope}.{name}``;
    None for what no object is called."""
    kind, _, name = text.partition("/")
    match kind:
        case Kind.WORKSPACES if not check_name(name):
            return Kind.WORKSPACES, name
        case Kind.PROJECTS if is_project_name(name):
            return Kind.PROJECTS, name
        case Kind.RETRAINING if _OF_MODEL.fullmatch(name) and not check_name(name.partition(".")[0]):
            return Kind.RETRAINING, name
        case Kind.GOVERNANCE if is_scope(name):
            return Kind.GOVERNANCE, name
        case _:
            return None


async def list_entries(
    deps: AuditDeps, caller: Caller, wanted: Filter, limit: int, continuation: str | None
) -> Entries:
    """Entries of the projects that the caller may read, newest first. Those of registrations themselves are for whoever
    may read registrations; those of a workspace and its models also for its personas, who have to name it.
    """
    readable = await readable_projects(deps.projects, caller, Permission.AUDIT_LIST, None)
    registrations = judge(caller, Permission.PROJECTS_GET, None) is Verdict.ALLOWED
    chosen = next((t for t in wanted.terms if t.field == "object" and t.operator is Operator.EQ), None)
    if chosen is not None:
        parsed = parse_object(chosen.value)
        if parsed is None:
            return Entries((), None)
        rest = tuple(term for term in wanted.terms if term is not chosen)
        wanted = replace(wanted, kind=parsed[0], name=parsed[1], terms=rest)
        if readable is not None and (own := await _by_persona(deps, caller, *parsed)) is not None:
            readable = (*readable, own)
    if readable == ():
        return Entries((), None)  # Nothing is looked through, so that not even the fleet's size shows.

    async def visible(kind: Kind, project: str) -> bool:
        return (registrations or kind is not Kind.PROJECTS) and (readable is None or project in readable)

    found = await reading.read(deps.store, wanted, visible, limit, continuation)
    return Entries(tuple(AuditEntry.model_validate(value) for value in found.entries), found.continuation)


async def verify_all(deps: AuditDeps, caller: Caller) -> Proof:
    """Every chain; it takes a role of the token itself, because all projects are in it."""
    if judge(caller, Permission.AUDIT_VERIFY, None) is not Verdict.ALLOWED:
        text = "Without `object` every chain is verified, which takes a role of the token itself, not of a group."
        raise Rejected("AuthorizationFailed", text)
    async with deps.verifying:
        return await proof.prove_all(deps.store, deps.anchor)


async def verify_object(deps: AuditDeps, caller: Caller, thing: str) -> Proof:
    """One chain. Raises ``Rejected``: ``AuditObjectNotFound``, ``AuthorizationFailed``."""
    parsed = parse_object(thing)
    if parsed is None:
        names = "workspaces/{name}, projects/{name}, retraining/{workspace}.{model} or governance/{scope}.{name}"
        text = f"No object is called {thing!r}; it is {names}."
        raise Rejected("AuditObjectNotFound", text, target="object")
    kind, name = parsed
    everywhere = app_roles(caller)
    if not everywhere:
        page = await deps.store.query(kind, prefix=entry_prefix(name), limit=1)
        projects = {str(entity.value.get("project")) for entity in page.entities}
        own = await _by_persona(deps, caller, kind, name)
        if not [p for p in projects if p == own or await _may_read(deps, caller, kind, p, Permission.AUDIT_LIST)]:
            raise object_not_found(thing)
    elif judge(caller, Permission.AUDIT_VERIFY, None) is not Verdict.ALLOWED:
        raise forbidden(Permission.AUDIT_VERIFY)
    async with deps.verifying:
        found = await proof.prove_object(deps.store, deps.anchor, kind, name)
    if found.checked_entries == 0 and found.first_bad is None:
        raise object_not_found(thing)
    return found


async def _by_persona(deps: AuditDeps, caller: Caller, kind: Kind, name: str) -> str | None:
    """The project of a workspace whose audit the caller may read as one of the personas that it names. What is told of
    an earlier workspace of this name was perhaps another project's."""
    if kind is Kind.PROJECTS or not caller.groups:
        return None
    scope, _, own = name.partition(".")
    if kind is Kind.GOVERNANCE and scope != "workspace":
        return None
    stored = await WorkspaceRepository(deps.store).load(own if kind is Kind.GOVERNANCE else scope)
    if stored is None:
        return None
    project = await deps.projects.load(stored.record.project)
    registration = project.record.registration if project else None
    verdict = judge(caller, Permission.AUDIT_LIST, registration, stored.record.spec.get("access"))
    return stored.record.project if verdict is Verdict.ALLOWED else None


async def _may_read(deps: AuditDeps, caller: Caller, kind: Kind, project: str, permission: Permission) -> bool:
    if kind is Kind.PROJECTS and judge(caller, Permission.PROJECTS_GET, None) is not Verdict.ALLOWED:
        return False
    stored = await deps.projects.load(project) if is_project_name(project) else None
    registration = stored.record.registration if stored else None
    return judge(caller, permission, registration) is Verdict.ALLOWED
