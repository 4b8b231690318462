"""Which workspaces there are: those the caller may read, in pages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from controlplane.operations.paging import Fields, Operator, Paging
from controlplane.projects.access import Caller, Permission, persona_roles
from controlplane.projects.model import Registration
from controlplane.projects.service import persona_projects, readable_projects
from controlplane.workspaces.listing import SCAN, SCAN_PROJECTS, Listing, Slice, page_of, scan
from controlplane.workspaces.repository import STATES, StoredWorkspace
from controlplane.workspaces.services.deps import ServiceDeps

FIELDS: Fields = {
    "project": None,
    "environment": frozenset({"dev", "staging", "test", "prod"}),
    "state": frozenset(STATES),
    "condition": re.compile(r"[A-Za-z]+:(True|False|Unknown)"),
}


async def list_workspaces(
    deps: ServiceDeps, caller: Caller, paging: Paging
) -> tuple[tuple[StoredWorkspace, ...], str | None]:
    """In name order, and the name after which the next page begins.

    Whoever sees a part of the fleet is never told a place outside it: his pages come from the index of his projects.
    """
    listing = Listing(deps.repository.store)
    projects = await readable_projects(deps.projects, caller, Permission.WORKSPACES_LIST, paging.wanted("project"))
    if projects is None:
        found = await listing.workspaces(paging.after, scan(paging, frozenset(), SCAN))
    else:
        others = await persona_projects(deps.projects, caller, paging.wanted("project"), projects)
        if others:
            everything = await listing.workspaces_of((*projects, *others), paging.after, SCAN_PROJECTS)
            return page_of(_seen(everything, caller, others), paging, values)
        by_index = frozenset({"project"}) if not _excludes(paging) else frozenset[str]()
        found = await listing.workspaces_of(projects, paging.after, scan(paging, by_index, SCAN_PROJECTS))
    return page_of(found, paging, values)


def _seen(found: Slice[StoredWorkspace], caller: Caller, others: Mapping[str, Registration]) -> Slice[StoredWorkspace]:
    """Those of the readable projects, and of the ``others`` those that name a group of the caller as a persona."""
    items = (
        (name, stored)
        for name, stored in found.items
        if stored.record.project not in others
        or persona_roles(caller, others[stored.record.project], stored.record.spec.get("access"))
    )
    return Slice(tuple(items), found.last)


def _excludes(paging: Paging) -> bool:
    return any(term.field == "project" and term.operator is Operator.NE for term in paging.terms)


def values(stored: StoredWorkspace, field: str) -> frozenset[str]:
    """What a workspace has of a field of the filter."""
    match field:
        case "project":
            return frozenset({stored.record.project})
        case "environment":
            return frozenset({str(stored.record.spec["environment"])})
        case "state":
            return frozenset({stored.state})
        case _:
            return frozenset(f"{condition.type}:{condition.status}" for condition in stored.status.conditions)
