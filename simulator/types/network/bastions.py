"""Azure Bastion hosts and what their subnet has to be.

No recording: answers follow Microsoft.Network's. Sources of the rules: learn.microsoft.com, "Azure Bastion
configuration settings" (name, /26, Standard static address), "NSG access and Azure Bastion", "Azure Bastion FAQ" (no
route table); of the words: terraform-provider-azurerm#15365 (name), azure-quickstart-templates#8655 and
azure-docs#80806 (security group, which is judged when it meets the subnet, by explicit rules only).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Patch,
    Phase,
    ReadOnly,
    Required,
    ResourceType,
)
from simulator.types._shared import (
    add_reference,
    dig,
    drop_reference,
    items,
    name_of,
    network_reference,
    parent_id,
    same_id,
)
from simulator.types.network import _lro

BASTION = "Microsoft.Network/bastionHosts"
SUBNET = "Microsoft.Network/virtualNetworks/subnets"
_RULE = "Microsoft.Network/networkSecurityGroups/securityRules"
SUBNET_NAME = "AzureBastionSubnet"
SMALLEST = 26
#: Direction, port, and the sources (inbound) or destinations (outbound) of which one must be allowed by a rule.
_NEEDED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Inbound", "443", ("Internet", "*")),
    ("Inbound", "443", ("GatewayManager", "*")),
    ("Inbound", "443", ("AzureLoadBalancer", "*")),
    ("Inbound", "8080", ("VirtualNetwork", "*")),
    ("Inbound", "5701", ("VirtualNetwork", "*")),
    ("Outbound", "22", ("VirtualNetwork", "*")),
    ("Outbound", "3389", ("VirtualNetwork", "*")),
    ("Outbound", "443", ("AzureCloud", "Internet", "*")),
    ("Outbound", "8080", ("VirtualNetwork", "*")),
    ("Outbound", "5701", ("VirtualNetwork", "*")),
    ("Outbound", "80", ("Internet", "*")),
)
_FEATURES = ("enableTunneling", "enableFileCopy", "enableIpConnect", "enableShareableLink", "enableKerberos")


def lacks(rules: Iterable[JsonObject]) -> bool:
    """Whether a security group is without one of the rules that AzureBastionSubnet needs."""
    allowed = [dict(rule.get("properties") or {}) for rule in rules]
    allowed = [rule for rule in allowed if str(rule.get("access")).lower() == "allow"]
    return not all(any(_allows(rule, *needed) for rule in allowed) for needed in _NEEDED)


def _allows(rule: JsonObject, direction: str, port: str, ends: tuple[str, ...]) -> bool:
    side = "source" if direction == "Inbound" else "destination"
    found = [rule.get(f"{side}AddressPrefix"), *(rule.get(f"{side}AddressPrefixes") or [])]
    ports = [rule.get("destinationPortRange"), *(rule.get("destinationPortRanges") or [])]
    return (
        str(rule.get("direction")).lower() == direction.lower()
        and any(str(one).lower() in (end.lower() for end in ends) for one in found if one)
        and any(covers(str(one), int(port)) for one in ports if one)
    )


def covers(span: str, port: int) -> bool:
    """Whether a port range of a rule holds a port."""
    low, _, high = span.partition("-")
    return span == "*" or (low.isdigit() and int(low) <= port <= int(high or low))


def _not_compliant(group: str) -> ArmError:
    return ArmError(
        400,
        "NetworkSecurityGroupNotCompliantForAzureBastionSubnet",
        f"Network security group {group} does not have necessary rules for Azure Bastion Subnet {SUBNET_NAME}.",
    )


def subnet_fits(ctx: HookContext) -> None:
    """Of the subnet: its security group has the rules, and there is no route table."""
    if ctx.resource.name.lower() != SUBNET_NAME.lower():
        return
    group = ctx.engine.get(str(dig(ctx.resource.properties, "networkSecurityGroup.id", "")))
    if group is not None and lacks(rule.body for rule in ctx.engine.children(group.id, _RULE)):
        raise _not_compliant(group.name)
    if dig(ctx.resource.properties, "routeTable.id"):
        raise ArmError(
            400,
            "RouteTableCannotBeAttachedForAzureBastionSubnet",
            f"Route table cannot be attached to subnet {SUBNET_NAME}.",
        )


def group_fits(ctx: HookContext) -> None:
    """Of a security group that is on the subnet: the rules stay."""
    for reference in items(ctx.previous or {}, "properties.subnets"):
        subnet = ctx.engine.get(str(reference.get("id")))
        if subnet is None or subnet.name.lower() != SUBNET_NAME.lower():
            continue
        rules = dig(ctx.request, "properties.securityRules")
        if isinstance(rules, list) and lacks(rules):
            raise _not_compliant(ctx.resource.name)


def _configuration(body: JsonObject) -> JsonObject:
    found = items(body, "properties.ipConfigurations")
    return found[0] if found else {}


def bastion_rules(ctx: HookContext) -> None:
    configuration = _configuration(ctx.resource.body)
    if ctx.previous is not None:
        _stays(ctx, configuration)
    subnet_id = str(dig(configuration, "properties.subnet.id", ""))
    if name_of(subnet_id).lower() != SUBNET_NAME.lower():
        raise ArmError(
            400,
            "SubnetNameMustBeAzureBastionSubnet",
            f"Subnet name {subnet_id} is invalid for Azure Bastion. Azure Bastion can only be created in subnet with "
            f"name '{SUBNET_NAME}'.",
        )
    subnet = network_reference(ctx, subnet_id)
    prefix = str(subnet.properties.get("addressPrefix") or (subnet.properties.get("addressPrefixes") or [""])[0])
    if ctx.creating and ipaddress.ip_network(prefix).prefixlen > SMALLEST:
        raise ArmError(
            400,
            "SubnetPrefixLengthNotSupportedForAzureBastion",
            f"Subnet {subnet.id} with prefix {prefix} is too small for Azure Bastion: /{SMALLEST} or larger is needed.",
        )
    _address(ctx, str(dig(configuration, "properties.publicIPAddress.id", "")))
    basic = str(dig(ctx.resource.body, "sku.name", "Standard")).lower() in ("basic", "developer")
    for feature in _FEATURES:
        if basic and ctx.resource.properties.get(feature):
            raise ArmError(
                400,
                "FeatureNotSupportedForBastionSku",
                f"Property {feature} of Azure Bastion {ctx.resource.id} needs the Standard SKU.",
            )


def _address(ctx: HookContext, address_id: str) -> None:
    address = network_reference(ctx, address_id)
    allocation = address.properties.get("publicIPAllocationMethod")
    if dig(address.body, "sku.name") != "Standard" or allocation != "Static":
        raise ArmError(
            400,
            "BastionHostPublicIpStandardSkuMustBeUsed",
            f"Azure Bastion {ctx.resource.id} needs a static public IP address of the Standard SKU: {address.id}.",
        )
    user = dig(address.body, "properties.ipConfiguration.id") or dig(address.body, "properties.natGateway.id")
    if user and not str(user).lower().startswith(ctx.resource.key):
        raise ArmError(
            400,
            "PublicIPAddressInUse",
            f"Resource {ctx.resource.id} is referencing public IP address {address.id} that is already allocated to "
            f"resource {user}.",
        )


def _stays(ctx: HookContext, configuration: JsonObject) -> None:
    before = _configuration(ctx.previous or {})
    for field in ("subnet", "publicIPAddress"):
        old, new = dig(before, f"properties.{field}.id"), dig(configuration, f"properties.{field}.id")
        if old and not same_id(old, new):
            raise ArmError(
                400,
                "PropertyChangeNotAllowed",
                f"The {field} of Azure Bastion {ctx.resource.id} cannot be changed.",
            )


def settle(ctx: HookContext) -> None:
    """It stands in its subnet and has its address: neither can go before it does."""
    configuration = _configuration(ctx.resource.body)
    arm_id = f"{ctx.resource.id}/bastionHostIpConfigurations/{configuration.get('name')}"
    ctx.resource.properties["ipConfigurations"] = [
        {
            **configuration,
            "id": arm_id,
            "type": f"{BASTION}/bastionHostIpConfigurations",
            "properties": {"provisioningState": "Succeeded", **dict(configuration.get("properties") or {})},
        }
    ]
    add_reference(ctx.engine, str(dig(configuration, "properties.subnet.id")), "ipConfigurations", arm_id)
    address = ctx.engine.get(str(dig(configuration, "properties.publicIPAddress.id")))
    if address is not None and not same_id(dig(address.body, "properties.ipConfiguration.id"), arm_id):
        address.properties["ipConfiguration"] = {"id": arm_id}
        ctx.engine.save(address)


def leave(ctx: HookContext) -> None:
    configuration = _configuration(ctx.resource.body)
    arm_id = f"{ctx.resource.id}/bastionHostIpConfigurations/{configuration.get('name')}"
    drop_reference(ctx.engine, str(dig(configuration, "properties.subnet.id")), "ipConfigurations", arm_id)
    address = ctx.engine.get(str(dig(configuration, "properties.publicIPAddress.id")))
    if address is not None and address.properties.pop("ipConfiguration", None) is not None:
        ctx.engine.save(address)


def _computed(ctx: HookContext) -> JsonObject:
    name = f"bst-{ctx.engine.guid('bastion', ctx.resource.key)}.bastion.azure.com"
    return {"properties": {"dnsName": name}}


def no_second_one(ctx: HookContext) -> None:
    """One Bastion a network."""
    subnet = str(dig(_configuration(ctx.resource.body), "properties.subnet.id", ""))
    for other in ctx.engine.all_of(BASTION):
        theirs = str(dig(_configuration(other.body), "properties.subnet.id", ""))
        if other.key != ctx.resource.key and same_id(parent_id(theirs), parent_id(subnet)):
            raise ArmError(
                400,
                "VirtualNetworkAlreadyHasABastionHost",
                f"Virtual network {parent_id(subnet)} already has Azure Bastion {other.id}.",
            )


#: For the types of the subnet and the security group: what a Bastion wants of them.
SUBNET_HOOK = Hook(Phase.VALIDATE, "bastion-subnet-rules", subnet_fits)
GROUP_HOOK = Hook(Phase.VALIDATE, "bastion-security-group", group_fits)

TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=BASTION,
        # "about 10 minutes" in Microsoft's quickstart; azurerm's users see five to seven.
        create=_lro.create(360),
        update=_lro.update(60),
        delete=_lro.delete(300),
        etag=_lro.ETAG,
        busy=_lro.BUSY,
        patch_style=Patch.TAGS,
        keys=("name", "id", "etag", "type", "location", "tags", "zones", "properties", "sku"),
        required=(Required("properties.ipConfigurations", "InvalidRequestFormat", "Cannot parse the request."),),
        read_only=(ReadOnly("properties.dnsName"),),
        defaults={
            "sku": {"name": "Standard"},
            "properties": {"scaleUnits": 2, "disableCopyPaste": False, **dict.fromkeys(_FEATURES, False)},
        },
        computed=_computed,
        hooks=(
            Hook(Phase.VALIDATE, "bastion-rules", bastion_rules),
            Hook(Phase.VALIDATE, "bastion-one-a-network", no_second_one),
            Hook(Phase.ACCEPTED, "bastion-takes-its-place", settle),
            Hook(Phase.DELETED, "bastion-takes-its-place", leave),
        ),
    ),
)
