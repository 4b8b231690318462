"""How people come in through a hub: that there is a way, and that the gateways and circuits behind it work. Pure.

Of an existing hub, its own network says what stands in it: who has addresses in GatewaySubnet and AzureBastionSubnet.
"""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import fold, is_within, name_of, parent_of
from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import ABSENT, value_at
from controlplane.workspaces.posture.scene import Outcome, Scene, manual, unknown

_SUBNETS = "$.properties.subnets"
_STATE = "$.properties.provisioningState"
_PLACE = "$.properties.ipConfigurations[*].properties.subnet.id"
#: What a circuit has to say: Azure let it be, and the provider has made it ("ExpressRoute circuit workflows").
CIRCUIT = (
    ("$.properties.circuitProvisioningState", "Enabled"),
    ("$.properties.serviceProviderProvisioningState", "Provisioned"),
)
_THEIRS = "It is somebody else's: whoever runs the hub mends it."


def ways_of(network: JsonObject) -> tuple[str, ...]:
    """Subnets of a hub through which people come: those of gateways and Bastions that something stands in."""
    found = value_at(network, _SUBNETS)
    subnets = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return tuple(
        str(subnet.get("name"))
        for subnet in subnets
        if str(subnet.get("name")).lower() in ("gatewaysubnet", "azurebastionsubnet")
        and isinstance(used := value_at(subnet, "$.properties.ipConfigurations"), list)
        and used
    )


def way_in(scene: Scene) -> Iterator[Outcome]:
    """S1-52, S5-09: with public access off there is a Bastion or a gateway."""
    hub = _hub(scene)
    if hub is None or any(is_within(hub, group) for group in scene.blueprint.own_groups):
        yield from _own(scene)
        return
    wanted = "a gateway or a Bastion"
    if why := scene.unlisted(hub):
        yield unknown(None, hub, _SUBNETS, wanted, why)
        return
    network = scene.by_id(hub)
    ways = ways_of(network) if network is not None else ()
    status = FindingStatus.PASS if ways else FindingStatus.FAIL
    message = f"Hub {name_of(hub)} is reached through {', '.join(ways) or 'nothing: no gateway and no Bastion'}."
    yield Outcome("peering/hub-to-ml", hub, status, _SUBNETS, wanted, list(ways), message, (), manual(_THEIRS), hub)


def _hub(scene: Scene) -> str | None:
    """The id of the hub's network, from our half of the peering in it."""
    peering = scene.blueprint.by_key.get("peering/hub-to-ml")
    return parent_of(str(peering.id)) if peering is not None else None


def _own(scene: Scene) -> Iterator[Outcome]:
    """Asked for or not; whether it is there is judged for each part by itself."""
    keys = scene.blueprint.by_key
    if "gateway/vpn" in keys or {"bastion", "vm/jump-host"} <= keys.keys() or "vnet/hub" not in keys:
        return
    resource_id = scene.id_of(keys["vnet/hub"])
    message = "Nobody can reach this workspace: its hub has neither a Bastion with a jump host nor a gateway."
    repair = manual("Ask for a way in: network.hub.")
    wanted = "a gateway, or a Bastion with a jump host"
    yield Outcome("vnet/hub", resource_id, FindingStatus.FAIL, _SUBNETS, wanted, [], message, (), repair)


def gateways(scene: Scene) -> Iterator[Outcome]:
    """The gateways and the circuit that the spec names are there, work, and stand in the hub."""
    for resource_type, arm_id in scene.blueprint.watched:
        if resource_type not in (kinds.VPN_GATEWAY, kinds.CIRCUIT):
            continue
        wanted = CIRCUIT if resource_type == kinds.CIRCUIT else ((_STATE, "Succeeded"), (_PLACE, "GatewaySubnet"))
        if why := scene.unlisted(arm_id):
            yield unknown(None, arm_id, wanted[0][0], wanted[0][1], why)
            continue
        yield _judged(scene, arm_id, wanted)


def _judged(scene: Scene, arm_id: str, wanted: tuple[tuple[str, str], ...]) -> Outcome:
    """One outcome: the first thing that is not so, or that all is."""
    body = scene.by_id(arm_id)
    repair = manual(_THEIRS)
    if body is None:
        message = f"{name_of(arm_id)}, through which people come, is not there."
        return Outcome(None, arm_id, FindingStatus.FAIL, "$", "present", None, message, (), repair, arm_id)
    for path, value in wanted:
        observed = value_at(body, path)
        if not _is(scene, path, observed, value):
            seen = None if observed is ABSENT else observed
            message = f"{name_of(arm_id)}: {path[2:]} is {seen}, and people come through it."
            return Outcome(None, arm_id, FindingStatus.FAIL, path, value, seen, message, (), repair, arm_id)
    message = f"{name_of(arm_id)} is there and works."
    path, value = wanted[0]
    return Outcome(None, arm_id, FindingStatus.PASS, path, value, value, message, read_from=arm_id)


def _is(scene: Scene, path: str, observed: object, value: str) -> bool:
    if not isinstance(observed, str):
        return False
    if path == _PLACE:
        return fold(parent_of(observed) or "") == fold(_hub(scene) or "")
    return observed.casefold() == value.casefold()
