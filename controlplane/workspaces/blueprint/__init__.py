"""From what a person asks for to the Azure resources it means. Pure, deterministic, linear in its resources.

One module per neighbourhood; each yields resources with the keys they depend on. Where order matters in Azure it is a
dependency here, never a wait somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import (
    agent_roles,
    compute_roles,
    default_roles,
    identity_roles,
    workspace_roles,
)
from controlplane.workspaces.blueprint.compute import clusters
from controlplane.workspaces.blueprint.context import CompileContext, Site, resource, survey
from controlplane.workspaces.blueprint.data import data_roles, data_watched, datastores
from controlplane.workspaces.blueprint.dependants import component, log_analytics, registry, storage, vault
from controlplane.workspaces.blueprint.diagnostics import diagnostics
from controlplane.workspaces.blueprint.dns import dns
from controlplane.workspaces.blueprint.gateways import gateways, watched
from controlplane.workspaces.blueprint.hub import agent_keys, hub
from controlplane.workspaces.blueprint.identities import identities, key_vault
from controlplane.workspaces.blueprint.instances import instances
from controlplane.workspaces.blueprint.managed_network import managed_network
from controlplane.workspaces.blueprint.network import network, peerings
from controlplane.workspaces.blueprint.persona_roles import desired_access, persona_roles
from controlplane.workspaces.blueprint.private_endpoints import data_endpoints, endpoint_id, private_endpoints
from controlplane.workspaces.blueprint.scale_set import AGENTS, scale_set
from controlplane.workspaces.blueprint.workspace import workspace
from controlplane.workspaces.conflicts import deviations
from controlplane.workspaces.model import Blueprint, Resource
from controlplane.workspaces.spec_model import WorkspaceSpec

__all__ = ["CompileContext", "compile_blueprint"]


def compile_blueprint(spec: WorkspaceSpec, context: CompileContext) -> Blueprint:
    """The resources of a spec in dependency order (dependencies first, then by key).

    ``spec`` is one that :func:`parse_spec` let through. Raises ``KeyError`` for an unknown cloud.
    """
    site = survey(spec, context)
    resources = list(_resources(site))
    access = desired_access(site, {item.key: str(item.id) for item in resources})
    resources += persona_roles(site, access)
    return Blueprint(
        workspace=context.workspace,
        subscription_id=spec.subscription_id,
        location=spec.location,
        resources=_in_order(resources),
        own_groups=(site.group,),
        watched=(*watched(site), *data_watched(spec), *key_vault(site)),
        abroad=(site.names.abroad("peer"), site.names.abroad("link")),
        deviations=deviations(spec),
        access=access,
    )


def _resources(site: Site) -> Iterator[Resource]:
    body = {"location": site.spec.location, "tags": site.tags}
    yield resource("resource-group", k.RESOURCE_GROUP, site.group, body, ())
    yield from network(site)
    yield from gateways(site)
    yield from peerings(site)
    yield from hub(site)
    yield from scale_set(site)
    yield from dns(site)
    yield from identities(site)
    bundle = [storage(site), vault(site), log_analytics(site), component(site)]
    if site.makes_registry:
        bundle.append(registry(site))
    yield from bundle
    ids = {item.key: str(item.id) for item in bundle}
    logs = ids.pop("log-analytics")
    if site.spec.registry.existing is not None:
        ids["registry"] = site.spec.registry.existing
    before = tuple(identity_roles(site, ids, later=False))
    yield from before
    home = workspace(site, ids, tuple(role.key for role in before))
    yield home
    scopes = {
        **ids,
        "log-analytics": logs,
        "workspace": str(home.id),
        "private-endpoint/blob": endpoint_id(site, "blob"),
        "private-endpoint/file": endpoint_id(site, "file"),
    }
    yield from private_endpoints(site, scopes)
    towards_data = list(data_endpoints(site))
    yield from towards_data
    yield from datastores(site)
    yield from workspace_roles(site, scopes)
    yield from identity_roles(site, scopes, later=True)
    yield from managed_network(site, ids)
    yield from default_roles(site, scopes)
    yield from clusters(site)
    yield from instances(site)
    yield from compute_roles(site, scopes)
    yield from data_roles(site, {item.key: str(item.id) for item in towards_data})
    yield from agent_roles(site, (AGENTS,) if site.has_scale_set else agent_keys(site), scopes)
    yield from diagnostics(site, scopes)


def _in_order(resources: list[Resource]) -> tuple[Resource, ...]:
    """However they were yielded. Raises ``CycleError`` where dependencies lead back to where they began."""
    needs = {item.key: item.depends_on for item in resources}
    depth: dict[str, int] = {}
    for key in TopologicalSorter(needs).static_order():
        depth[key] = max((depth[on] for on in needs[key]), default=-1) + 1
    return tuple(sorted(resources, key=lambda item: (depth[item.key], item.key)))
