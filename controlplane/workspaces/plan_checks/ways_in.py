"""What only Azure can say of the ways in through an existing hub, at plan time: they are there and they work. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.arm import fold, name_of, parent_of
from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.workspaces.posture.checks.ways_in import CIRCUIT, ways_of
from controlplane.workspaces.posture.paths import value_at
from controlplane.workspaces.spec_model import WorkspaceSpec

_HUB = "$.network.hub"


@dataclass(frozen=True, slots=True)
class WayFacts:
    """The hub's network, gateways and circuit, as Azure answers them; None where it answers 404."""

    network: JsonObject | None
    gateways: Mapping[str, JsonObject | None] = field(default_factory=dict)
    """ARM id as the spec has it → body."""
    circuit: JsonObject | None = None


def check_ways_in(spec: WorkspaceSpec, facts: WayFacts) -> tuple[ErrorDetail, ...]:
    """Codes: ``NoWayIn``, ``GatewayNotFound``, ``GatewayNotReady``, ``GatewayNotInHub``, ``CircuitNotFound``,
    ``CircuitNotProvisioned``, ``GatewayNotExpressRoute``. Nothing for a hub that is not there: that is said already."""
    if facts.network is None:
        return ()
    return (*_any(spec, facts.network), *_gateways(spec, facts), *_circuit(spec, facts))


def _any(spec: WorkspaceSpec, network: JsonObject) -> Iterator[ErrorDetail]:
    """S1-52, S5-09; light in dev (S1-17)."""
    if spec.environment.is_prod_class and not ways_of(network):
        text = (
            f"Public access is off, and hub {name_of(str(spec.network.hub.vnet_id))} has neither a gateway nor a "
            "Bastion: nobody could reach the workspace."
        )
        yield ErrorDetail("NoWayIn", text, f"{_HUB}.vnetId")


def _gateways(spec: WorkspaceSpec, facts: WayFacts) -> Iterator[ErrorDetail]:
    for index, arm_id in enumerate(spec.network.hub.gateway_ids):
        path, body = f"{_HUB}.gatewayIds[{index}]", facts.gateways.get(arm_id)
        if body is None:
            text = f"{arm_id} does not exist, or the control plane may not see it."
            yield ErrorDetail("GatewayNotFound", text, path)
            continue
        subnet = value_at(body, "$.properties.ipConfigurations[*].properties.subnet.id")
        if not isinstance(subnet, str) or fold(_network_of(subnet)) != fold(str(spec.network.hub.vnet_id)):
            text = f"{name_of(arm_id)} does not stand in {name_of(str(spec.network.hub.vnet_id))}."
            yield ErrorDetail("GatewayNotInHub", text, path)
        state = value_at(body, "$.properties.provisioningState")
        if state != "Succeeded":
            text = f"{name_of(arm_id)} is {state}; the network can use it when it is Succeeded."
            yield ErrorDetail("GatewayNotReady", text, path)


def _network_of(subnet_id: str) -> str:
    return parent_of(subnet_id) or ""


def _circuit(spec: WorkspaceSpec, facts: WayFacts) -> Iterator[ErrorDetail]:
    route = spec.network.hub.express_route
    if route is None:
        return
    path = f"{_HUB}.expressRoute.circuitId"
    kinds = [value_at(body, "$.properties.gatewayType") for body in facts.gateways.values() if body is not None]
    if kinds and "expressroute" not in (str(kind).lower() for kind in kinds):
        text = "None of the gateways of gatewayIds is an ExpressRoute gateway."
        yield ErrorDetail("GatewayNotExpressRoute", text, f"{_HUB}.gatewayIds")
    if facts.circuit is None:
        text = f"{route.circuit_id} does not exist, or the control plane may not see it."
        yield ErrorDetail("CircuitNotFound", text, path)
        return
    for where, wanted in CIRCUIT:
        found = value_at(facts.circuit, where)
        if str(found).lower() != wanted.lower():
            text = (
                f"{name_of(route.circuit_id)}: {where[2:]} is {found}; only a circuit that is {wanted} carries people."
            )
            yield ErrorDetail("CircuitNotProvisioned", text, path)
