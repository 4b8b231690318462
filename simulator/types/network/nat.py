"""Public IP addresses, NAT gateways, route tables.

Recordings: network-natgateway-create, network-route-table-create. The public IP follows them (no recording).
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    ResourceType,
)
from simulator.types._shared import dig, items, missing_reference, network_reference, same_id
from simulator.types.network import _lro, routes

PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
NAT_GATEWAY = "Microsoft.Network/natGateways"
ROUTE_TABLE = "Microsoft.Network/routeTables"


def zones_stay(ctx: HookContext) -> None:
    """Source of the words: learn.microsoft.com, "Cloud management gateway in error status" (public IP addresses)."""
    if ctx.previous is None:
        return
    before, after = _zones(ctx.previous), _zones(ctx.resource.body)
    if before != after:
        raise ArmError(
            409,
            "ResourceAvailabilityZonesCannotBeModified",
            f"Resource {ctx.resource.id} has an existing availability zone constraint {before} and the request has "
            f"availability zone constraint {after}, which do not match. Zones cannot be added/updated/removed once "
            "the resource is created. The resource cannot be updated from regional to zonal or vice-versa.",
        )


def _zones(body: JsonObject) -> str:
    return ", ".join(body.get("zones") or ()) or "NoZone"


# ---------------------------------------------------------------------------------------------- public IP addresses


def _sku(body: JsonObject) -> str:
    return str(dig(body, "sku.name", "Standard"))


def public_ip_rules(ctx: HookContext) -> None:
    """Sources: SkuCannotBeChangedOnUpdate in the Azure SDKs for Java and .NET; a Standard address must be static:
    learn.microsoft.com, "Public IP addresses" (code as azurerm's users quote it)."""
    if ctx.previous is not None and _sku(ctx.previous) != _sku(ctx.resource.body):
        raise ArmError(
            400,
            "SkuCannotBeChangedOnUpdate",
            f"SKU for resource {ctx.resource.id} cannot be changed from {_sku(ctx.previous)} to "
            f"{_sku(ctx.resource.body)} during update.",
        )
    allocation = str(ctx.resource.properties.get("publicIPAllocationMethod", "Static"))
    if _sku(ctx.resource.body) == "Standard" and allocation != "Static":
        raise ArmError(
            400,
            "StandardSkuPublicIpAddressesMustBeStatic",
            f"Standard sku public ip address {ctx.resource.id} must use static allocation method.",
        )


def public_ip_in_use(ctx: HookContext) -> None:
    """Source of the words: hashicorp/packer logs, "can not be deleted since it is still allocated to resource"."""
    user = dig(ctx.resource.body, "properties.natGateway.id") or dig(ctx.resource.body, "properties.ipConfiguration.id")
    if user:
        raise ArmError(
            400,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {ctx.resource.id} can not be deleted since it is still allocated to resource {user}. "
            "In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn "
            "how to do this, see aka.ms/deletepublicip.",
        )


def _public_ip_computed(ctx: HookContext) -> JsonObject:
    octets = [int(ctx.engine.digits("pip", ctx.resource.key, str(n), length=4), 16) % 250 + 2 for n in range(3)]
    body = _lro.resource_guid(ctx)
    # 203.0.113.0/24 and friends are for documentation (RFC 5737); 20.0.0.0/8 is what Azure hands out.
    body["properties"]["ipAddress"] = f"20.{octets[0]}.{octets[1]}.{octets[2]}"
    return body


# ---------------------------------------------------------------------------------------------- NAT gateways


def _addresses(body: JsonObject) -> list[str]:
    return [str(entry.get("id")) for entry in items(body, "properties.publicIpAddresses")]


def nat_rules(ctx: HookContext) -> None:
    for position, entry in enumerate(items(ctx.resource.body, "properties.publicIpAddresses")):
        if not entry.get("id"):
            raise missing_reference(f"properties.publicIpAddresses[{position}]")
        address = network_reference(ctx, str(entry["id"]))
        if _sku(address.body) == "Basic":
            raise ArmError(
                400,
                "NatGatewayReferencedBasicSkuPublicIp",
                f"Basic sku publicIp {address.id} cannot be referenced by NAT gateway {ctx.resource.id}.",
            )
        owner = dig(address.body, "properties.natGateway.id")
        if owner and not same_id(owner, ctx.resource.id):
            raise ArmError(
                400,
                "PublicIPAddressInUse",
                f"Resource {ctx.resource.id} is referencing public IP address {address.id} that is already allocated "
                f"to resource {owner}.",
            )


def nat_owns_addresses(ctx: HookContext) -> None:
    before, after = _addresses(ctx.previous or {}), _addresses(ctx.resource.body)
    for gone in (address for address in before if not any(same_id(address, kept) for kept in after)):
        _release(ctx, gone)
    for taken in after:
        address = ctx.engine.get(taken)
        if address is not None and not same_id(dig(address.body, "properties.natGateway.id"), ctx.resource.id):
            address.properties["natGateway"] = {"id": ctx.resource.id}
            ctx.engine.save(address)


def nat_frees_addresses(ctx: HookContext) -> None:
    for taken in _addresses(ctx.resource.body):
        _release(ctx, taken)


def _release(ctx: HookContext, address_id: str) -> None:
    address = ctx.engine.get(address_id)
    if address is not None and address.properties.pop("natGateway", None) is not None:
        ctx.engine.save(address)


def nat_in_use(ctx: HookContext) -> None:
    """Code: InUseNatGatewayCannotBeDeleted (quoted by several clients); words like those of subnets."""
    for subnet in items(ctx.resource.body, "properties.subnets"):
        raise ArmError(
            400,
            "InUseNatGatewayCannotBeDeleted",
            f"Nat gateway {ctx.resource.name} is in use by the following subnets: {subnet.get('id')} and cannot be "
            "deleted. In order to delete the nat gateway, dissociate it from all the subnets.",
        )


# ---------------------------------------------------------------------------------------------- route tables


def route_table_in_use(ctx: HookContext) -> None:
    for subnet in items(ctx.resource.body, "properties.subnets"):
        raise ArmError(
            400,
            "InUseRouteTableCannotBeDeleted",
            f"Route table {ctx.resource.name} is in use and cannot be deleted. It is used by subnet "
            f"{subnet.get('id')}.",
        )


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.tracked(PUBLIC_IP, 3),
        keys=("name", "id", "etag", "location", "tags", "zones", "properties", "type", "sku"),
        read_only=(
            ReadOnly("properties.resourceGuid"),
            ReadOnly("properties.ipAddress"),
            ReadOnly("properties.natGateway"),
            ReadOnly("properties.ipConfiguration"),
        ),
        keep_on_put=("properties.natGateway", "properties.ipConfiguration", "properties.ipAddress"),
        defaults={
            # Basic addresses ended in September 2025: an address without a sku is Standard and static.
            "sku": {"name": "Standard", "tier": "Regional"},
            "properties": {
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Static",
                "idleTimeoutInMinutes": 4,
                "ipTags": [],
                "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
            },
        },
        computed=_public_ip_computed,
        hooks=(
            Hook(Phase.VALIDATE, "zones-stay", zones_stay),
            Hook(Phase.VALIDATE, "public-ip-rules", public_ip_rules),
            Hook(Phase.DELETING, "public-ip-in-use", public_ip_in_use),
        ),
    ),
    replace(
        _lro.tracked(NAT_GATEWAY, 10),
        keys=("name", "id", "etag", "type", "location", "tags", "zones", "properties", "sku"),
        read_only=(ReadOnly("properties.resourceGuid"), ReadOnly("properties.subnets")),
        keep_on_put=("properties.subnets",),
        defaults={"sku": {"name": "Standard", "tier": "Regional"}, "properties": {"idleTimeoutInMinutes": 4}},
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "zones-stay", zones_stay),
            Hook(Phase.VALIDATE, "nat-references", nat_rules),
            Hook(Phase.ACCEPTED, "nat-owns-addresses", nat_owns_addresses),
            Hook(Phase.DELETED, "nat-owns-addresses", nat_frees_addresses),
            Hook(Phase.DELETING, "nat-in-use", nat_in_use),
        ),
    ),
    replace(
        _lro.tracked(ROUTE_TABLE, 4),
        read_only=(ReadOnly("properties.resourceGuid"), ReadOnly("properties.subnets")),
        keep_on_put=("properties.subnets",),
        defaults={"properties": {"disableBgpRoutePropagation": False}},
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "routes-rules", routes.validate_table),
            Hook(Phase.ACCEPTED, "route-table-inline-routes", routes.write_inline),
            Hook(Phase.COMPLETED, "route-table-inline-routes", routes.settle_inline),
            Hook(Phase.READ, "route-table-shows-routes", routes.show),
            Hook(Phase.DELETING, "route-table-in-use", route_table_in_use),
        ),
    ),
)
