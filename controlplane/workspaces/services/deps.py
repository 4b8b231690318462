"""What every flow needs, and the objects a caller may know of."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from controlplane.errors import Conflict, Fatal, Rejected, Transient
from controlplane.objects.repository import Objects
from controlplane.ports.activity import ActivityLog
from controlplane.ports.clock import Clock
from controlplane.ports.directory import Directory
from controlplane.ports.prices import RetailPrices
from controlplane.ports.reader import Catalog, ResourceReader
from controlplane.ports.store import Store, WorkQueue
from controlplane.projects.access import Caller, Permission, Verdict, judge
from controlplane.projects.model import Registration
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import forbidden
from controlplane.workspaces.blueprint import CompileContext, compile_blueprint
from controlplane.workspaces.effective import effective_spec
from controlplane.workspaces.lasting import Standing
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import StoredOperation, StoredWorkspace, WorkspaceRepository
from controlplane.workspaces.spec import WorkspaceSpec, check_name

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceDeps:
    """Readers only: whatever a request starts is written to Azure by ticks."""

    repository: WorkspaceRepository
    projects: ProjectRepository
    reader: ResourceReader
    catalog: Catalog
    queue: WorkQueue
    clock: Clock
    tenant_id: str
    cloud: str
    administrators: tuple[str, ...] = ()
    """Object ids of who administers the subscriptions."""
    directory: Directory | None = None
    """Where names of principals are asked for; None: nowhere."""
    activity: ActivityLog | None = None
    """Who wrote what; None: not read."""
    own_apps: frozenset[str] = frozenset()
    """Client ids of the control plane's identities."""
    durations: Store | None = None
    """Where measured step durations are kept; None plans with estimates."""
    prices: RetailPrices | None = None
    """Who is asked for prices; None: nobody, the price table has them."""
    governed: Objects | None = None
    """Where it says what a subscription is billed in; None: nobody knows."""
    standing: Callable[[str, int], Awaitable[Standing]] | None = None
    """What is stored of the expiry of a workspace, by its name and incarnation, beside its spec; None: nothing is."""


def workspace_not_found(name: str) -> Rejected:
    """The 404 of a workspace that does not exist, or that the caller may not know of."""
    return Rejected("WorkspaceNotFound", f"There is no workspace {name!r}.")


async def registration_of(deps: ServiceDeps, project: str) -> Registration | None:
    """None when the project is not registered."""
    stored = await deps.projects.load(project)
    return stored.record.registration if stored else None


async def find(deps: ServiceDeps, caller: Caller, permission: Permission, name: str) -> StoredWorkspace | None:
    """The workspace, or None when there is none that the caller may know of.

    Raises ``Rejected("AuthorizationFailed")`` when the caller knows it but may not do this.
    """
    # A name that no workspace can have is not looked up: the store might not even take it as a key.
    stored = None if check_name(name) else await deps.repository.load(name)
    if stored is None or judge(caller, permission, None) is Verdict.ALLOWED:
        return stored
    registration = await registration_of(deps, stored.record.project)
    match judge(caller, permission, registration, stored.record.spec.get("access")):
        case Verdict.ALLOWED:
            return stored
        case Verdict.FORBIDDEN:
            raise forbidden(permission)
        case Verdict.HIDDEN:
            return None


async def require(deps: ServiceDeps, caller: Caller, permission: Permission, name: str) -> StoredWorkspace:
    """As :func:`find`; raises ``Rejected("WorkspaceNotFound")`` for None."""
    stored = await find(deps, caller, permission, name)
    if stored is None:
        raise workspace_not_found(name)
    return stored


async def require_idle(deps: ServiceDeps, stored: StoredWorkspace) -> StoredOperation | None:
    """None, or the operation that is past its deadline and has to make room.

    Raises ``Conflict("AnotherOperationInProgress")`` with the running operation's id.
    """
    running = await running_operation(deps, stored)
    if running is None or deps.clock.now() > running.operation.deadline:
        return running
    raise Conflict(
        "AnotherOperationInProgress",
        f"Operation {running.operation.id} ({running.operation.kind}) is running on workspace {stored.record.name!r}; "
        f"wait for its end, or cancel it. Its deadline is {running.operation.deadline:%Y-%m-%dT%H:%M:%SZ}.",
        target=f"operations/{running.operation.id}",
    )


async def running_operation(deps: ServiceDeps, stored: StoredWorkspace) -> StoredOperation | None:
    """The one operation that has not ended, if any."""
    if stored.record.active_operation is None:
        return None
    found = await deps.repository.load_operation(stored.record.active_operation)
    return None if found is None or found.operation.status.is_terminal else found


def stored_spec(record: WorkspaceRecord) -> WorkspaceSpec:
    """The spec that was accepted, with its range where it says ``auto``, under the limits of a budget.

    Raises ``Fatal`` when this version no longer understands it.
    """
    try:
        return effective_spec(record)
    except Rejected as error:
        raise Fatal("InvalidRecord", f"The stored spec of workspace {record.name!r} is not understood.") from error


def blueprint_of(deps: ServiceDeps, record: WorkspaceRecord) -> Blueprint:
    """What a stored workspace means in Azure."""
    return compile_for(deps, record.name, stored_spec(record), record.incarnation, record.resource_group)


def compile_for(deps: ServiceDeps, name: str, spec: WorkspaceSpec, incarnation: int, resource_group: str) -> Blueprint:
    """What a spec means in Azure."""
    context = CompileContext(
        workspace=name,
        incarnation=incarnation,
        resource_group=resource_group,
        tenant_id=deps.tenant_id,
        cloud=deps.cloud,
        administrators=deps.administrators,
    )
    return compile_blueprint(spec, context)


async def hint(deps: ServiceDeps, name: str) -> None:
    """Asks for a tick soon. Losing it costs a minute at most: the due row, stored already, brings the tick."""
    try:
        await deps.queue.send(json.dumps({"kind": "workspace", "name": name}))
    except Transient as error:
        _log.warning("hint lost workspace=%s code=%s", name, error.code)
