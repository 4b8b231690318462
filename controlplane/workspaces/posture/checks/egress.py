"""Egress: nodes without public addresses start only where a NAT gateway with a public IP leads out. Pure.

Source: "Secure an Azure Machine Learning training environment with virtual networks": no public IP needs a NAT gateway
or a route to a firewall; default outbound access does not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import name_of
from controlplane.workspaces import kinds
from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, reapply, unknown

_GATEWAY, _ADDRESSES, _ADDRESS = (
    "$.properties.natGateway.id",
    "$.properties.publicIpAddresses",
    "$.properties.ipAddress",
)


def egress(scene: Scene) -> Iterator[Outcome]:
    """One outcome per subnet whose declared way out is a NAT gateway."""
    for subnet in scene.of_type(kinds.SUBNET):
        gateway = value_at(subnet.body, _GATEWAY)
        if gateway is ABSENT:
            continue
        chain = (subnet.key, *_chain(scene, subnet))
        if why := scene.unreadable(*chain):
            yield unknown(subnet.key, scene.id_of(subnet), _GATEWAY, "a NAT gateway with a public IP", why)
        else:
            yield _judge(scene, subnet, chain)


def _chain(scene: Scene, subnet: Resource) -> Iterator[str]:
    """Keys of what the subnet's declared way out depends on."""
    resources = scene.blueprint.by_key
    for key in (k for k in subnet.depends_on if k in resources and resources[k].type == kinds.NAT_GATEWAY):
        yield key
        yield from (k for k in resources[key].depends_on if k in resources and resources[k].type == kinds.PUBLIC_IP)


def _judge(scene: Scene, subnet: Resource, chain: tuple[str, ...]) -> Outcome:
    causes = (
        *map(Cause, chain),
        Cause(subnet.key, "$.properties.natGateway"),
        *(Cause(key, _ADDRESSES) for key in chain[1:]),
    )
    name = name_of(str(subnet.id))

    def fail(key: str, path: str, wanted: str, message: str) -> Outcome:
        body = scene.body(key)
        observed = value_at(body, path) if body is not None else ABSENT
        resource_id = scene.id_of(scene.blueprint.by_key[key])
        shown = None if observed is ABSENT else observed
        status, repair = FindingStatus.FAIL, reapply(key)
        return Outcome(
            key, resource_id, status, path, wanted, shown, f"{message}: nothing in {name} can start.", causes, repair
        )

    gateway_id = value_at(scene.body(subnet.key) or {}, _GATEWAY)
    if not isinstance(gateway_id, str):
        return fail(subnet.key, _GATEWAY, "a NAT gateway", "The subnet has no NAT gateway")
    gateway_key, gateway = scene.key_of(gateway_id) or subnet.key, scene.by_id(gateway_id)
    if gateway is None:
        return fail(gateway_key, "$", "a NAT gateway", "The NAT gateway does not exist")
    addresses = value_at(gateway, _ADDRESSES)
    if addresses is ABSENT or not addresses:
        return fail(gateway_key, _ADDRESSES, "a public IP", "The NAT gateway has no public IP")
    for reference in addresses:
        address = scene.by_id(str(reference.get("id", "")))
        key = scene.key_of(str(reference.get("id", ""))) or gateway_key
        if address is None or value_at(address, _ADDRESS) in (ABSENT, None, ""):
            return fail(key, _ADDRESS, "an address", "The NAT gateway's public IP has no address")
    message = f"{name} leads out through {name_of(gateway_id)}."
    path = _GATEWAY
    return Outcome(subnet.key, scene.id_of(subnet), FindingStatus.PASS, path, gateway_id, gateway_id, message, causes)
