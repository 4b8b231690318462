"""Virtual network peerings. Recording: network-vnet-peering-crud.

The first side is Initiated / RemoteNotInSync until its twin exists; then both are Connected / FullyInSync at once, in
the twin's own 201. When a side goes, the other is Disconnected. A side that uses the other's gateways names them.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Resource,
    ResourceType,
)
from simulator.types._shared import dig, missing_reference, network_reference, parent_id, same_id, state_of
from simulator.types.network import _lro, addresses, gateways
from simulator.types.network.virtual_networks import PEERING

INFO = "For more information please refer to https://aka.ms/VnetPeeringInfo"


def _remote(body: JsonObject) -> str | None:
    found = dig(body, "properties.remoteVirtualNetwork.id")
    return str(found) if found else None


def _twin(engine: EngineApi, peering: Resource) -> Resource | None:
    """The peering of the other network that points back at this one's."""
    remote, own = _remote(peering.body), parent_id(peering.id)
    if remote is None:
        return None
    return next((other for other in engine.children(remote, PEERING) if same_id(_remote(other.body), own)), None)


def _prefixes(engine: EngineApi, vnet_id: str | None) -> list[str]:
    vnet = engine.get(vnet_id) if vnet_id else None
    return list(dig(vnet.body, "properties.addressSpace.addressPrefixes", [])) if vnet else []


def _computed(ctx: HookContext) -> JsonObject:
    own, remote = parent_id(ctx.resource.id).lower(), (_remote(ctx.resource.body) or "").lower()
    return {"properties": {"resourceGuid": ctx.engine.guid("peering", *sorted((own, remote)))}}


def validate(ctx: HookContext) -> None:
    own, remote = parent_id(ctx.resource.id), _remote(ctx.resource.body)
    if remote is None:
        raise missing_reference("properties.remoteVirtualNetwork")
    network_reference(ctx, remote)
    before = _remote(ctx.previous) if ctx.previous else None
    if before and not same_id(before, remote):
        # Azure refuses; neither a recording nor a public quotation of the code was found, so the words are assumed.
        raise ArmError(
            400,
            "ChangingRemoteVirtualNetworkNotAllowed",
            f"Cannot change the remote virtual network of peering {ctx.resource.id} from {before} to {remote}.",
        )
    for other in ctx.engine.children(own, PEERING):
        if other.key != ctx.resource.key and same_id(_remote(other.body), remote):
            # Words: Go clients that match this code, e.g. "Peering already references remote virtual network".
            raise ArmError(
                400,
                "AnotherPeeringAlreadyReferencesRemoteVnet",
                f"Peering {other.id} already references remote virtual network {remote}. Cannot add another peering "
                "referencing the same remote virtual network.",
            )
    twin = _twin(ctx.engine, ctx.resource)
    if twin is not None and twin.properties.get("peeringState") == "Disconnected" and ctx.creating:
        # Source: hashicorp/terraform#18091.
        raise ArmError(
            400,
            "RemotePeeringIsDisconnected",
            f"Cannot create or update peering {ctx.resource.id} because remote peering {twin.id} referencing parent "
            f"virtual network {own} is in Disconnected state. Update or re-create the remote peering to get it back "
            "to Initiated state. Peering gets Disconnected when remote vnet or remote peering is deleted and "
            "re-created.",
        )


def needs_gateway(ctx: HookContext) -> None:
    """Sources: RemoteVnetHasNoGateways in hashicorp/terraform#30569; the other text in terraform#20298, which leaves
    out its code (assumed)."""
    if not ctx.resource.properties.get("useRemoteGateways"):
        return
    remote, twin = _remote(ctx.resource.body) or "", _twin(ctx.engine, ctx.resource)
    if not any(state_of(gateway) == "Succeeded" for gateway in gateways.gateways_of(ctx, remote)):
        raise ArmError(
            400,
            "RemoteVnetHasNoGateways",
            f"Peering {ctx.resource.id} cannot have UseRemoteGateway flag set to true because remote virtual network "
            f"{remote} referenced by the peering does not have any gateways.",
        )
    if twin is not None and not twin.properties.get("allowGatewayTransit"):
        raise ArmError(
            400,
            "RemotePeeringDoesNotAllowGatewayTransit",
            f"Peering {ctx.resource.id} cannot have UseRemoteGateways flag set to true, because corresponding remote "
            f"peering {twin.id} has AllowGatewayTransit flag set to false.",
        )


def refuse_overlap(ctx: HookContext) -> None:
    """Sources: VnetAddressSpacesOverlap as `az network vnet peering create` prints it;
    VnetAddressSpaceOverlapsWithAlreadyPeeredVnet in Azure/ResourceModules#731 and microsoft/AzureTRE#4641."""
    own, remote = parent_id(ctx.resource.id), _remote(ctx.resource.body)
    if remote is None:
        return
    mine = [addresses.parse(prefix, own) for prefix in _prefixes(ctx.engine, own)]
    theirs = [addresses.parse(prefix, remote) for prefix in _prefixes(ctx.engine, remote)]
    start = f"Cannot create or update peering {ctx.resource.id}. Virtual networks {own} and {remote} cannot be peered"
    if overlap := addresses.overlapping(mine, theirs):
        raise ArmError(
            400,
            "VnetAddressSpacesOverlap",
            f"{start} because their address spaces overlap. Overlapping address prefixes: {_text(overlap)}. {INFO}",
        )
    for other in ctx.engine.children(remote, PEERING):
        third = _remote(other.body)
        if third is None or same_id(third, own):
            continue
        others = [addresses.parse(prefix, third) for prefix in _prefixes(ctx.engine, third)]
        if overlap := addresses.overlapping(mine, others):
            raise ArmError(
                400,
                "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet",
                f"{start} because address space of the first virtual network overlaps with address space of virtual "
                f"network {third} already peered with the second virtual network. Overlapping address prefixes: "
                f"{_text(overlap)}. {INFO}",
            )


def _text(networks: list[addresses.IpNetwork]) -> str:
    return ", ".join(str(network) for network in networks)


def start(ctx: HookContext) -> None:
    """Initiated until the twin is there. Always runs; without `peering-connects-twins` it stays Initiated."""
    properties = ctx.resource.properties
    prefixes = _prefixes(ctx.engine, _remote(ctx.resource.body))
    properties["remoteAddressSpace"] = {"addressPrefixes": prefixes}
    properties["remoteVirtualNetworkAddressSpace"] = {"addressPrefixes": prefixes}
    properties.pop("remoteGateways", None)
    used = (
        list(gateways.gateways_of(ctx, _remote(ctx.resource.body) or "")) if properties.get("useRemoteGateways") else []
    )
    if used:
        properties["remoteGateways"] = [{"id": gateway.id} for gateway in used]
    if properties.get("peeringState") != "Connected":
        properties.update(peeringState="Initiated", peeringSyncLevel="RemoteNotInSync")


def connect(ctx: HookContext) -> None:
    twin = _twin(ctx.engine, ctx.resource)
    if twin is None or twin.properties.get("peeringState") == "Disconnected":
        return
    ctx.resource.properties.update(peeringState="Connected", peeringSyncLevel="FullyInSync")
    if twin.properties.get("peeringState") != "Connected":
        twin.properties.update(peeringState="Connected", peeringSyncLevel="FullyInSync")
        ctx.engine.save(twin)


def disconnect(ctx: HookContext) -> None:
    """Source: "Manage a virtual network peering" (learn.microsoft.com): when one side is deleted, the other side's
    peering status changes to Disconnected."""
    twin = _twin(ctx.engine, ctx.resource)
    if twin is not None:
        twin.properties.update(peeringState="Disconnected", peeringSyncLevel="RemoteNotInSync")
        ctx.engine.save(twin)


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.nested(PEERING, 5),
        keys=("name", "id", "etag", "properties", "type"),
        read_only=(
            # The recording sends peeringState back: read-only values are ignored, not refused.
            ReadOnly("properties.peeringState"),
            ReadOnly("properties.peeringSyncLevel"),
            ReadOnly("properties.resourceGuid"),
            ReadOnly("properties.remoteGateways"),
            ReadOnly("properties.remoteAddressSpace"),
            ReadOnly("properties.remoteVirtualNetworkAddressSpace"),
        ),
        keep_on_put=("properties.peeringState", "properties.peeringSyncLevel"),
        defaults={
            "properties": {
                # Defaults of the API: access is allowed unless it is refused.
                "allowVirtualNetworkAccess": True,
                "allowForwardedTraffic": False,
                "allowGatewayTransit": False,
                "useRemoteGateways": False,
                "doNotVerifyRemoteGateways": False,
                "peerCompleteVnets": True,
                "routeServiceVips": {},
            }
        },
        computed=_computed,
        hooks=(
            Hook(Phase.VALIDATE, "peering-references", validate),
            Hook(Phase.VALIDATE, "peering-refuses-overlap", refuse_overlap),
            Hook(Phase.VALIDATE, "peering-needs-gateway", needs_gateway),
            Hook(Phase.ACCEPTED, "peering-starts", start),
            Hook(Phase.ACCEPTED, "peering-connects-twins", connect),
            Hook(Phase.DELETED, "peering-disconnects-twin", disconnect),
        ),
    ),
)
