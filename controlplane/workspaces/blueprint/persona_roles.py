"""Personas' roles on what the workspace has: the matrix, made role assignments of groups and service principals.

S3-50 to S3-61, S3-63, S3-64, S3-66, RB-P01 to RB-D12. Owner and platform support's roles are wanted too, and are not
resources: an administrator makes them (``DesiredAccess.by_hand``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from controlplane.workspaces import kinds as k
from controlplane.workspaces.access.desired import DesiredAccess, Grant, Means
from controlplane.workspaces.access.matrix import NOT_CHECKED, Column, cells
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.roles import ROLES, Role
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.model import Resource, RoleAssignmentId
from controlplane.workspaces.spec_model.access import members

#: Its own reading and tuning of everything that is monitored.
_GROUP = "resource-group"
_TARGETS: Mapping[Column, str] = MappingProxyType(
    {
        Column.WORKSPACE: "workspace",
        Column.VAULT: "vault",
        Column.REGISTRY: "registry",
        Column.STORAGE: "storage",
        Column.LOGS: "log-analytics",
    }
)


def desired_access(site: Site, places: Mapping[str, str]) -> DesiredAccess:
    """What the matrix wants here. ``places``: key → ARM id of everything that the workspace has."""
    production = site.spec.environment.is_prod_class
    found = {persona: members(site.spec.access, persona) for persona in Persona}
    named = MappingProxyType({persona: ids for persona, ids in found.items() if ids})
    grants = tuple(_grants(named, places, production=production))
    return DesiredAccess(production, named, grants, site.context.administrators)


def _grants(
    named: Mapping[Persona, tuple[str, ...]], places: Mapping[str, str], *, production: bool
) -> Iterator[Grant]:
    for cell in cells(production=production):
        if cell.column in NOT_CHECKED or cell.persona not in named:
            continue
        for role in (ROLES[code] for code in cell.codes):
            target, means = _target(cell.column, role), _means(cell.persona, role)
            if target not in places:
                continue  # A registry that was brought along serves others, too: who may use it is its owner's to say.
            for principal in named[cell.persona]:
                yield Grant(cell.row, cell.persona, cell.column, principal, role, target, places[target], means)


def _target(column: Column, role: Role) -> str:
    """RB-I9: Azure Monitor is no resource. Reading and tuning it is a role on the resource group; Owner is not, because
    it would be Owner of storage and registry by inheritance: it is on Application Insights alone. The Log Analytics
    workspace has its own column, and there are no alert rules yet."""
    if column is not Column.MONITOR:
        return _TARGETS[column]
    return _GROUP if role.code in ("MR", "MC") else "application-insights"


def _means(persona: Persona, role: Role) -> Means:
    if persona is Persona.PLATFORM_SUPPORT:
        return Means.ELIGIBLE  # S3-67
    return Means.MANUAL if role.by_administrator else Means.ASSIGNED


def persona_roles(site: Site, access: DesiredAccess) -> Iterator[Resource]:
    """What of it the operator writes."""
    for grant in access.grants:
        if grant.means is Means.ASSIGNED:
            yield _assignment(site, grant)


def _assignment(site: Site, grant: Grant) -> Resource:
    definition = f"/subscriptions/{site.spec.subscription_id}/providers/{k.ROLE_DEFINITION}/{grant.role.guid}"
    body = {
        "properties": {
            "roleDefinitionId": definition,
            "principalId": grant.principal,
            "principalType": grant.principal_type,
        }
    }
    needs = ["S1-02", KINDS[grant.persona].requirement, "S3-66", "S3-70", grant.row]
    if grant.principal_type == "Group":
        needs += ["S3-63", "S3-64"]
    return resource(
        grant.key,
        k.ROLE_ASSIGNMENT,
        RoleAssignmentId(grant.scope, grant.role.guid, grant.principal),
        body,
        (grant.target,),
        requirements=tuple(sorted(needs)),
    )
