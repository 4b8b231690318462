"""Reading what plan-time checks want to know of an existing hub and of the ways in through it."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network

from controlplane.errors import ErrorDetail, Rejected
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.plan_checks.hub import HubFacts, addresses_of, check_hub
from controlplane.workspaces.plan_checks.ways_in import WayFacts, check_ways_in
from controlplane.workspaces.services.deps import ServiceDeps
from controlplane.workspaces.spec import WorkspaceSpec


async def hub_details(deps: ServiceDeps, spec: WorkspaceSpec, blueprint: Blueprint) -> tuple[ErrorDetail, ...]:
    """Why the existing hub of a spec cannot be joined; nothing for a hub that is created. Raises ``Transient``."""
    hub = spec.network.hub
    if hub.kind != "existing" or hub.vnet_id is None:
        return ()
    asked = [(hub.vnet_id, k.VNET), *((zone, k.DNS_ZONE) for zone in hub.dns_zones)]
    asked += [(arm_id, kind) for kind, arm_id in blueprint.watched if kind in (k.VPN_GATEWAY, k.CIRCUIT)]
    answers = await asyncio.gather(*(_get(deps, arm_id, resource_type) for arm_id, resource_type in asked))
    found = {arm_id: answer for (arm_id, _), answer in zip(asked, answers, strict=True)}
    own, network = blueprint.by_key["vnet/ml"].id, found[hub.vnet_id]
    facts = HubFacts(network, {zone: found[zone] for zone in hub.dns_zones}, own if isinstance(own, str) else None)
    route = hub.express_route
    circuit = found[route.circuit_id] if route is not None else None
    ways = WayFacts(network, {gateway: found[gateway] for gateway in hub.gateway_ids}, circuit)
    return (*check_hub(spec, facts, deps.cloud), *check_ways_in(spec, ways))


async def hub_ranges(deps: ServiceDeps, spec: WorkspaceSpec) -> tuple[IPv4Network, ...]:
    """What an existing hub and the networks it is peered with use in Azure now; nothing for a hub that is created or
    not there. Raises ``Transient``."""
    hub = spec.network.hub
    if hub.kind != "existing" or hub.vnet_id is None:
        return ()
    network = await _get(deps, hub.vnet_id, k.VNET)
    return () if network is None else addresses_of(network)


async def _get(deps: ServiceDeps, arm_id: str, resource_type: str) -> JsonObject | None:
    """None for what is not there, and for what may not be seen: a caller is told the same of both."""
    try:
        return await deps.reader.get(arm_id, k.API_VERSIONS[resource_type])
    except Rejected:
        return None
