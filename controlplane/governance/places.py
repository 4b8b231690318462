"""The workspaces that a scope holds, as far as the store knows them."""

from __future__ import annotations

from controlplane.governance.scope import Scope, ScopeKind
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.known import Known, known
from controlplane.workspaces.repository import WorkspaceRepository


async def held(scope: Scope, workspaces: WorkspaceRepository, projects: ProjectRepository) -> tuple[Known, ...] | None:
    """In the order of their names, those that are being deleted too: they cost until they are gone. None where there is
    no such workspace, project or department. Raises ``Transient``."""
    if scope.kind is ScopeKind.WORKSPACE:
        stored = await workspaces.load(scope.name)
        return None if stored is None else (known(stored.record),)
    names = {scope.name}
    if scope.kind is ScopeKind.DEPARTMENT:
        names = {one.name for one in await projects.all() if one.registration.department == scope.name}
    elif await projects.load(scope.name) is None:
        return None
    if not names:
        return None
    found: list[Known] = []
    for project in sorted(names):
        for name in await workspaces.of_project(project):
            stored = await workspaces.load(name)
            if stored is not None and stored.record.project == project:
                found.append(known(stored.record))
    return tuple(found)
