"""What every flow about models needs, and the workspaces and objects that a caller may know of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from controlplane.errors import Rejected
from controlplane.objects.listing import newest
from controlplane.objects.repository import Listed, Objects, Stored, everything, of_project, of_workspace
from controlplane.operations.model import Model
from controlplane.operations.paging import Paging
from controlplane.ports.clock import Clock
from controlplane.ports.reader import ResourceReader
from controlplane.projects.access import Caller, Permission
from controlplane.projects.service import readable_projects
from controlplane.retraining.declared import Declared
from controlplane.retraining.known import Known, known
from controlplane.retraining.model import ModelState
from controlplane.workspaces.listing import SCAN_PROJECTS, Slice, page_of, scan
from controlplane.workspaces.services.deps import ServiceDeps, find, require

T = TypeVar("T", bound=Listed)
B = TypeVar("B", bound=Model)
#: What a workspace that took the name of an earlier one does not inherit.
W = TypeVar("W", bound=Declared | ModelState)


@dataclass(frozen=True, slots=True)
class Flows:
    """What a flow about objects of workspaces needs: readers and stores. What a request starts is done by ticks."""

    objects: Objects
    workspaces: ServiceDeps

    @property
    def clock(self) -> Clock:
        return self.workspaces.clock

    @property
    def reader(self) -> ResourceReader:
        return self.workspaces.reader


@dataclass(frozen=True, slots=True)
class ModelDeps(Flows):
    """``objects`` are those of models."""


@dataclass(frozen=True, slots=True)
class Put(Generic[B]):
    """What stands after a PUT; ``created`` tells 201 from 200."""

    body: B
    created: bool
    project: str


async def workspace(deps: Flows, caller: Caller, permission: Permission, name: str) -> Known:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``."""
    return known((await require(deps.workspaces, caller, permission, name)).record)


def current(found: Known, stored: Stored[W] | None) -> Stored[W] | None:
    """Of an earlier workspace of this name nothing is known; its row goes with the next tick."""
    return stored if stored is not None and stored.value.incarnation == found.record.incarnation else None


async def thing(
    deps: ModelDeps, caller: Caller, permission: Permission, asked: tuple[type[T], str], code: str
) -> Stored[T]:
    """An object by its id. Raises ``Rejected(code)``, also where the caller may not know of its workspace."""
    kind, thing_id = asked
    missing = Rejected(code, f"There is no {kind.KIND} {thing_id!r}.")
    # What no id can look like is not looked up: the store might not even take it as a key.
    if not thing_id.isascii() or len(thing_id) > 400 or set(thing_id) & set("/\\#?! ") or not thing_id.isprintable():
        raise missing
    stored = await deps.objects.get(kind, thing_id)
    if stored is None:
        raise missing
    found = await find(deps.workspaces, caller, permission, stored.value.workspace)
    if found is None or found.record.project != stored.value.project:
        raise missing
    return stored


async def listed(
    deps: ModelDeps,
    caller: Caller,
    asked: tuple[type[T], Permission],
    paging: Paging,
) -> tuple[tuple[T, ...], str | None]:
    """One page, newest first, of the workspaces that the caller may read: all, those of some projects, or the one that
    the filter names (which a persona of it may ask for, too). A workspace nobody knows of has an empty list."""
    kind, permission = asked
    name, project = paging.wanted("workspace"), paging.wanted("project")
    by_index: frozenset[str]
    indexes: tuple[str, ...]
    found = None
    if name is not None:
        found = await find(deps.workspaces, caller, permission, name)
        indexes = () if found is None else (of_workspace(kind, name),)
        by_index = frozenset({"workspace"})
    else:
        projects = await readable_projects(deps.workspaces.projects, caller, permission, project)
        indexes = (everything(kind),) if projects is None else tuple(of_project(kind, one) for one in projects)
        by_index = frozenset({"project"}) if projects is not None else frozenset()
    page = await newest(deps.objects, kind, indexes, paging.after, scan(paging, by_index, SCAN_PROJECTS))
    if found is not None:
        # Of an earlier workspace of this name, which was another project's, its own readers know.
        mine = tuple(item for item in page.items if item[1].project == found.record.project)
        page = Slice(mine, page.last)
    return page_of(page, paging, _values)


def _values(found: Listed, field: str) -> frozenset[str]:
    """What a filter is held against."""
    value = getattr(found, field)
    return frozenset() if value is None else frozenset({str(value)})
