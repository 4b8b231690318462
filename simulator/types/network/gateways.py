"""Virtual network gateways, and what their subnet has to be.

No recording: answers follow Microsoft.Network's. Sources of the rules: learn.microsoft.com, "About VPN Gateway
configuration settings" (GatewaySubnet, one VPN gateway a network), "VPN Gateway FAQ", "Configure P2S VPN Gateway for
Microsoft Entra ID authentication" (OpenVPN). Sources of the words:
VmssVpnGatewayPublicIpsMustHaveZonesConfigured in Azure/ResourceModules#2609, NonAzSkusNotAllowedForVPNGateway as users
quote it since November 2025 (its text is assumed), NetworkSecurityGroupCannotBeAttachedToGatewaySubnet in
Azure-Terraform/terraform-azurerm-virtual-network#18. Of the other codes no public quotation was found: assumed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Patch,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
)
from simulator.types._shared import (
    add_reference,
    dig,
    drop_reference,
    items,
    missing_reference,
    name_of,
    network_reference,
    parent_id,
    same_id,
)
from simulator.types.network import _lro

GATEWAY = "Microsoft.Network/virtualNetworkGateways"
CONNECTION = "Microsoft.Network/connections"
SUBNET_NAME = "GatewaySubnet"
SMALLEST = 29
#: What a connection names at its ends.
ENDS = ("virtualNetworkGateway1", "virtualNetworkGateway2", "localNetworkGateway2", "peer")


# ------------------------------------------------------------------------------------------------------ the subnet


def subnet_fits(ctx: HookContext) -> None:
    """Of GatewaySubnet: it has no security group."""
    group = dig(ctx.resource.properties, "networkSecurityGroup.id")
    if ctx.resource.name.lower() == SUBNET_NAME.lower() and group:
        raise ArmError(
            400,
            "NetworkSecurityGroupCannotBeAttachedToGatewaySubnet",
            f"The operation failed because the network security group {name_of(str(group))} can not be associated to "
            "the GatewaySubnet. Please remove the network security group associated to the GatewaySubnet. No changes "
            "have occurred on the gateway at this time. See here for additional details: "
            "https://aka.ms/GatewaySubnet.",
        )


# ------------------------------------------------------------------------------------------------------ gateways


def _configurations(body: JsonObject) -> list[JsonObject]:
    return items(body, "properties.ipConfigurations")


def _sku(body: JsonObject) -> str:
    return str(dig(body, "properties.sku.name", ""))


def _is_vpn(body: JsonObject) -> bool:
    return str(dig(body, "properties.gatewayType", "")).lower() == "vpn"


def _subnet_of(body: JsonObject) -> str:
    found = _configurations(body)
    return str(dig(found[0], "properties.subnet.id", "")) if found else ""


def gateways_of(ctx: HookContext, vnet_id: str) -> Iterator[Resource]:
    """Those that stand in a network."""
    for gateway in ctx.engine.all_of(GATEWAY):
        if same_id(parent_id(_subnet_of(gateway.body)), vnet_id):
            yield gateway


def gateway_rules(ctx: HookContext) -> None:
    if not _configurations(ctx.resource.body):
        raise ArmError(400, "InvalidRequestFormat", "Cannot parse the request.")
    for place, configuration in enumerate(_configurations(ctx.resource.body)):
        subnet_id = str(dig(configuration, "properties.subnet.id", ""))
        if not subnet_id:
            raise missing_reference(f"properties.ipConfigurations[{place}].properties.subnet")
        if name_of(subnet_id).lower() != SUBNET_NAME.lower():
            raise ArmError(
                400,
                "VirtualNetworkGatewaySubnetNameInvalid",
                f"Subnet {subnet_id} of virtual network gateway {ctx.resource.id} has to be named {SUBNET_NAME}.",
            )
        subnet = network_reference(ctx, subnet_id)
        prefix = str(subnet.properties.get("addressPrefix") or (subnet.properties.get("addressPrefixes") or [""])[0])
        if ctx.creating and ipaddress.ip_network(prefix).prefixlen > SMALLEST:
            raise ArmError(400, "GatewaySubnetTooSmall", f"Subnet {subnet.id} with prefix {prefix} is too small.")
        _address(ctx, str(dig(configuration, "properties.publicIPAddress.id", "")))
    if ctx.previous is not None:
        _stays(ctx)
    sku_is_sold(ctx)
    clients_fit(ctx)
    no_second_one(ctx)


def _address(ctx: HookContext, address_id: str) -> None:
    address = network_reference(ctx, address_id)
    standard = dig(address.body, "sku.name") == "Standard"
    zonal = _sku(ctx.resource.body).lower().endswith("az")
    if _is_vpn(ctx.resource.body) and zonal and not address.body.get("zones"):
        raise ArmError(
            400,
            "VmssVpnGatewayPublicIpsMustHaveZonesConfigured",
            "Standard Public IPs associated with VPN Gateways with AZ VPN skus must have zones configured.",
        )
    user = dig(address.body, "properties.ipConfiguration.id") or dig(address.body, "properties.natGateway.id")
    if not standard or (user and not str(user).lower().startswith(ctx.resource.key)):
        raise ArmError(
            400,
            "PublicIPAddressInUse",
            f"Resource {ctx.resource.id} is referencing public IP address {address.id} that is already allocated to "
            f"resource {user}.",
        )


def _stays(ctx: HookContext) -> None:
    before, after = ctx.previous or {}, ctx.resource.body
    for field in ("gatewayType", "vpnType"):
        old, new = dig(before, f"properties.{field}"), dig(after, f"properties.{field}")
        if str(old).lower() != str(new).lower():
            raise ArmError(
                400,
                "PropertyChangeNotAllowed",
                f"Property {field} of virtual network gateway {ctx.resource.id} cannot be changed from {old} to {new}.",
            )
    if not same_id(_subnet_of(before), _subnet_of(after)):
        raise ArmError(400, "PropertyChangeNotAllowed", f"The subnet of gateway {ctx.resource.id} cannot be changed.")


def sku_is_sold(ctx: HookContext) -> None:
    """Since November 2025 only zone-redundant sizes, and Basic, can be created ("Gateway SKU consolidation")."""
    sku = _sku(ctx.resource.body).lower()
    if ctx.creating and _is_vpn(ctx.resource.body) and sku.startswith("vpngw") and not sku.endswith("az"):
        raise ArmError(
            400,
            "NonAzSkusNotAllowedForVPNGateway",
            "VpnGw1-5 non-AZ SKUs are no longer supported for VPN gateways. Only VpnGw1-5AZ SKUs can be created going "
            "forward.",
        )


def clients_fit(ctx: HookContext) -> None:
    """Entra ID signs in to OpenVPN only; the clients' range is not the network's."""
    asked = dig(ctx.resource.properties, "vpnClientConfiguration")
    if not isinstance(asked, dict):
        return
    kinds = [str(kind).lower() for kind in asked.get("vpnAuthenticationTypes") or []]
    protocols = [str(name).lower() for name in asked.get("vpnClientProtocols") or []]
    if "aad" in kinds and (protocols != ["openvpn"] or not all(asked.get(f"aad{x}") for x in _AAD)):
        raise ArmError(
            400,
            "VpnClientAadAuthenticationOnlySupportedWithOpenVpn",
            f"Gateway {ctx.resource.id}: AAD authentication needs the OpenVPN protocol and aadTenant, aadAudience and "
            "aadIssuer.",
        )
    network = ctx.engine.get(parent_id(_subnet_of(ctx.resource.body)))
    space = dig(network.body, "properties.addressSpace.addressPrefixes", []) if network is not None else []
    for prefix in dig(asked, "vpnClientAddressPool.addressPrefixes", []):
        if any(ipaddress.ip_network(prefix).overlaps(ipaddress.ip_network(one)) for one in space):
            raise ArmError(
                400,
                "VpnClientAddressPoolOverlapsWithVirtualNetwork",
                f"VPN client address pool {prefix} of gateway {ctx.resource.id} overlaps its virtual network.",
            )


_AAD = ("Tenant", "Audience", "Issuer")


def no_second_one(ctx: HookContext) -> None:
    """One VPN gateway a network; one of ExpressRoute beside it."""
    kind = str(dig(ctx.resource.properties, "gatewayType", "")).lower()
    network = parent_id(_subnet_of(ctx.resource.body))
    for other in gateways_of(ctx, network):
        if other.key != ctx.resource.key and str(other.properties.get("gatewayType")).lower() == kind:
            raise ArmError(
                400,
                "VirtualNetworkAlreadyHasAGatewayOfThisType",
                f"Virtual network {network} already has gateway {other.id} of type {kind}.",
            )


def settle(ctx: HookContext) -> None:
    """It stands in its subnet and has its address: neither can go before it does."""
    shown = []
    for configuration in _configurations(ctx.resource.body):
        arm_id = f"{ctx.resource.id}/ipConfigurations/{configuration.get('name')}"
        shown.append(
            {
                **configuration,
                "id": arm_id,
                "properties": {"provisioningState": "Succeeded", **dict(configuration.get("properties") or {})},
            }
        )
        add_reference(ctx.engine, str(dig(configuration, "properties.subnet.id")), "ipConfigurations", arm_id)
        address = ctx.engine.get(str(dig(configuration, "properties.publicIPAddress.id")))
        if address is not None and not same_id(dig(address.body, "properties.ipConfiguration.id"), arm_id):
            address.properties["ipConfiguration"] = {"id": arm_id}
            ctx.engine.save(address)
    ctx.resource.properties["ipConfigurations"] = shown


def leave(ctx: HookContext) -> None:
    for configuration in _configurations(ctx.resource.body):
        arm_id = f"{ctx.resource.id}/ipConfigurations/{configuration.get('name')}"
        drop_reference(ctx.engine, str(dig(configuration, "properties.subnet.id")), "ipConfigurations", arm_id)
        address = ctx.engine.get(str(dig(configuration, "properties.publicIPAddress.id")))
        if address is not None and address.properties.pop("ipConfiguration", None) is not None:
            ctx.engine.save(address)


def in_use(ctx: HookContext) -> None:
    """Of gateways of both kinds: what a connection ends at stays."""
    for connection in ctx.engine.all_of(CONNECTION):
        ends = (dig(connection.properties, f"{name}.id") for name in ENDS)
        if any(same_id(end, ctx.resource.id) for end in ends):
            kind = "VirtualNetworkGateway" if ctx.resource.type == GATEWAY else "LocalNetworkGateway"
            raise ArmError(
                400,
                f"InUse{kind}CannotBeDeleted",
                f"{kind} {ctx.resource.id} is in use by connection {connection.id} and cannot be deleted.",
            )


def used_by_peerings(ctx: HookContext) -> None:
    """Networks that come through it let go of it first ("Configure VPN gateway transit")."""
    network = parent_id(_subnet_of(ctx.resource.body))
    if len(list(gateways_of(ctx, network))) > 1:
        return
    for peering in ctx.engine.all_of("Microsoft.Network/virtualNetworks/virtualNetworkPeerings"):
        uses = peering.properties.get("useRemoteGateways")
        if uses and same_id(dig(peering.properties, "remoteVirtualNetwork.id"), network):
            raise ArmError(
                400,
                "VirtualNetworkGatewayIsUsedByPeering",
                f"Gateway {ctx.resource.id} is used as a remote gateway by peering {peering.id}.",
            )


#: For the type of the subnet: what a gateway wants of it.
SUBNET_HOOK = Hook(Phase.VALIDATE, "gateway-subnet-rules", subnet_fits)
BODY = ("name", "id", "etag", "type", "location", "tags", "properties")

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=GATEWAY,
        # "Creating a gateway can often take 45 minutes or more"; azurerm's users see twenty to thirty-five.
        create=_lro.create(1800),
        update=_lro.update(180),
        delete=_lro.delete(600),
        etag=_lro.ETAG,
        busy=_lro.BUSY,
        patch_style=Patch.TAGS,
        keys=BODY,
        required=(
            Required("properties.gatewayType", "InvalidRequestFormat", "Cannot parse the request."),
            Required("properties.sku", "InvalidRequestFormat", "Cannot parse the request."),
        ),
        read_only=(ReadOnly("properties.resourceGuid"),),
        defaults={
            "properties": {
                "enablePrivateIpAddress": False,
                "enableBgp": False,
                "activeActive": False,
                "vpnType": "RouteBased",
                "vpnGatewayGeneration": "Generation1",
                "allowRemoteVnetTraffic": False,
                "allowVirtualWanTraffic": False,
            }
        },
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "gateway-rules", gateway_rules),
            Hook(Phase.ACCEPTED, "gateway-takes-its-place", settle),
            Hook(Phase.DELETED, "gateway-takes-its-place", leave),
            Hook(Phase.DELETING, "gateway-in-use", in_use),
            Hook(Phase.DELETING, "gateway-used-by-peerings", used_by_peerings),
        ),
    ),
)
