"""Virtual networks and their subnets.

Recordings: network-vnet-create-subnet-update, network-private-endpoint-create, privatedns-vnet-link-create.
A network's `subnets` and `virtualNetworkPeerings` are its child resources, shown in its body.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Patch,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
    Variant,
)
from simulator.types._shared import (
    add_reference,
    dig,
    drop_reference,
    items,
    missing_reference,
    network_reference,
    parent_id,
    same_id,
    state_of,
)
from simulator.types.network import _lro, addresses, bastions, endpoint_policies, gateways

VNET = "Microsoft.Network/virtualNetworks"
SUBNET = f"{VNET}/subnets"
PEERING = f"{VNET}/virtualNetworkPeerings"

#: The subnet's references, and where the target lists its subnets.
SUBNET_REFERENCES = ("networkSecurityGroup", "natGateway", "routeTable")
#: Server-side lists of who uses a subnet.
USERS = ("ipConfigurations", "privateEndpoints", "serviceAssociationLinks", "applicationGatewayIPConfigurations")

SUBNET_DEFAULTS: JsonObject = {
    # privateEndpointNetworkPolicies is Disabled when not sent: recording network-vnet-create-subnet-update.
    "delegations": [],
    "privateEndpointNetworkPolicies": "Disabled",
    "privateLinkServiceNetworkPolicies": "Enabled",
}


# ---------------------------------------------------------------------------------------------- virtual networks


def _vnet_defaults(ctx: HookContext) -> JsonObject:
    properties: JsonObject = {"enableDdosProtection": False}
    if isinstance(dig(ctx.request, "properties.dhcpOptions"), dict):
        properties["dhcpOptions"] = {"dnsServers": []}
    return {"properties": properties}


def _vnet_defaults_2024(ctx: HookContext) -> JsonObject:
    """Newer versions show `privateEndpointVNetPolicies` too (azure-cli's own network recordings of 2024)."""
    found = _vnet_defaults(ctx)
    found["properties"]["privateEndpointVNetPolicies"] = "Disabled"
    return found


def _wanted_subnets(ctx: HookContext) -> dict[str, JsonObject] | None:
    """Subnets of a network's PUT by name; None when the body does not speak of them (they stay as they are)."""
    if dig(ctx.request, "properties.subnets") is None:
        return None
    return {
        str(subnet.get("name")): dict(subnet.get("properties") or {})
        for subnet in items(ctx.request, "properties.subnets")
    }


def _children(engine: EngineApi, vnet_id: str) -> dict[str, Resource]:
    return {subnet.name.lower(): subnet for subnet in engine.children(vnet_id, SUBNET)}


def validate_vnet(ctx: HookContext) -> None:
    """Addresses; subnets that the body leaves out must be free."""
    vnet = ctx.resource
    present = _children(ctx.engine, vnet.id)
    wanted = _wanted_subnets(ctx)
    subnets = {child.name: child.properties for child in present.values()} if wanted is None else wanted
    space = addresses.space_of(vnet.body, vnet.id)
    addresses.check_subnets(vnet.id, vnet.name, space, subnets)
    if wanted is not None:
        kept = {name.lower() for name in wanted}
        for child in present.values():
            if child.name.lower() not in kept:
                refuse_used_subnet(child)
        for name, properties in wanted.items():
            _check_references(ctx, f"{vnet.id}/subnets/{name}", properties)


def write_inline_subnets(ctx: HookContext) -> None:
    """A PUT without `subnets` keeps them; with a list, those left out are deleted and the others replaced.

    Source: MicrosoftDocs "virtualNetworks" template reference; Azure/azure-quickstart-templates#2786.
    """
    wanted = _wanted_subnets(ctx)
    ctx.resource.properties.pop("subnets", None)
    ctx.resource.properties.pop("virtualNetworkPeerings", None)
    if wanted is None:
        return
    present = _children(ctx.engine, ctx.resource.id)
    kept = {name.lower() for name in wanted}
    for name, child in present.items():
        if name not in kept:
            ctx.engine.delete(child.id)
    for name, properties in wanted.items():
        old = present.get(name.lower())
        body = {**SUBNET_DEFAULTS, **_writable(properties)}
        if old is not None:
            body.update({key: old.properties[key] for key in USERS if key in old.properties})
        subnet = ctx.engine.put(f"{ctx.resource.id}/subnets/{name}", {"properties": body}, state="Updating")
        _link_references(ctx.engine, subnet, old.properties if old else None)


def _writable(properties: JsonObject) -> JsonObject:
    return {key: value for key, value in properties.items() if key not in (*USERS, "provisioningState", "purpose")}


def settle_inline_subnets(ctx: HookContext) -> None:
    for child in ctx.engine.children(ctx.resource.id, SUBNET):
        if state_of(child) == "Updating" and child.operation is None:
            child.properties["provisioningState"] = "Succeeded"
            ctx.engine.save(child)


def show_children(ctx: HookContext) -> None:
    """A network shows its subnets and peerings with its own etag."""
    properties = dict(ctx.body.get("properties") or {})
    tail = properties.pop("enableDdosProtection", False)
    properties["subnets"] = [_shown(child, ctx.resource) for child in ctx.engine.children(ctx.resource.id, SUBNET)]
    properties["virtualNetworkPeerings"] = [
        _shown(child, ctx.resource) for child in ctx.engine.children(ctx.resource.id, PEERING)
    ]
    properties["enableDdosProtection"] = tail
    ctx.body["properties"] = properties


def _shown(child: Resource, parent: Resource) -> JsonObject:
    return {
        "name": child.name,
        "id": child.id,
        "etag": f'W/"{_bare(parent.etag)}"',
        "properties": dict(child.properties),
        "type": child.type,
    }


def _bare(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def refuse_used_network(ctx: HookContext) -> None:
    for child in ctx.engine.children(ctx.resource.id, SUBNET):
        refuse_used_subnet(child)


# ---------------------------------------------------------------------------------------------- subnets


def refuse_used_subnet(subnet: Resource) -> None:
    """Source of the words: Azure/bicep#13267, microsoft/nav-arm-templates#161."""
    for field in USERS:
        for user in items(subnet.body, f"properties.{field}"):
            if field == "privateEndpoints":
                continue  # their interfaces' ipConfigurations are listed, and named in the message
            raise ArmError(
                400,
                "InUseSubnetCannotBeDeleted",
                f"Subnet {subnet.name} is in use by {user.get('id')} and cannot be deleted. In order to delete the "
                "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
            )


def _check_references(ctx: HookContext, subnet_id: str, properties: JsonObject) -> None:
    del subnet_id
    for field in SUBNET_REFERENCES:
        reference = properties.get(field)
        if reference is None:
            continue
        target = dig(reference, "id")
        if not target:
            raise missing_reference(f"properties.{field}")
        network_reference(ctx, str(target))
    for place, policy in enumerate(endpoint_policies.policies_of(properties)):
        if not policy:
            raise missing_reference(f"properties.serviceEndpointPolicies[{place}]")
        network_reference(ctx, policy)


def validate_subnet(ctx: HookContext) -> None:
    """Addresses against the network and the other subnets; references exist; a prefix in use stays.

    Source of InUsePrefixCannotBeDeleted: answers of 2025 quoted in public notes on resizing subnets, e.g.
    "IpPrefix 172.17.0.0/24 on Subnet snet-japaneast-1 has active allocations and cannot be deleted."
    """
    subnet = ctx.resource
    vnet = ctx.engine.get(parent_id(subnet.id))
    if vnet is None:
        return
    subnets: dict[str, JsonObject] = {
        child.name: child.properties
        for child in _children(ctx.engine, vnet.id).values()
        if child.name.lower() != subnet.name.lower()
    }
    subnets[subnet.name] = subnet.properties
    addresses.check_subnets(vnet.id, vnet.name, addresses.space_of(vnet.body, vnet.id), subnets)
    _check_references(ctx, subnet.id, subnet.properties)
    if ctx.previous is not None:
        before = addresses.prefixes_of(dict(ctx.previous.get("properties") or {}))
        gone = [prefix for prefix in before if prefix not in addresses.prefixes_of(subnet.properties)]
        if gone and any(items(ctx.previous, f"properties.{field}") for field in USERS):
            raise ArmError(
                400,
                "InUsePrefixCannotBeDeleted",
                f"IpPrefix {gone[0]} on Subnet {subnet.name} has active allocations and cannot be deleted.",
            )


def link_subnet_references(ctx: HookContext) -> None:
    before = dict(ctx.previous.get("properties") or {}) if ctx.previous else None
    _link_references(ctx.engine, ctx.resource, before)


def unlink_subnet_references(ctx: HookContext) -> None:
    _release_references(ctx.engine, ctx.resource)


def _link_references(engine: EngineApi, subnet: Resource, before: JsonObject | None) -> None:
    for field in SUBNET_REFERENCES:
        old, new = dig(before or {}, f"{field}.id"), dig(subnet.properties, f"{field}.id")
        if old and not same_id(old, new):
            drop_reference(engine, old, "subnets", subnet.id)
        if new:
            add_reference(engine, new, "subnets", subnet.id)
    policies = endpoint_policies.policies_of(subnet.properties)
    for old in endpoint_policies.policies_of(before or {}):
        if not any(same_id(old, one) for one in policies):
            drop_reference(engine, old, "subnets", subnet.id)
    for new in policies:
        add_reference(engine, new, "subnets", subnet.id)


def _release_references(engine: EngineApi, subnet: Resource) -> None:
    for field in SUBNET_REFERENCES:
        drop_reference(engine, dig(subnet.properties, f"{field}.id"), "subnets", subnet.id)
    for policy in endpoint_policies.policies_of(subnet.properties):
        drop_reference(engine, policy, "subnets", subnet.id)


def refuse_used_subnet_deletion(ctx: HookContext) -> None:
    refuse_used_subnet(ctx.resource)


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=VNET,
        create=_lro.create(4),
        update=_lro.update(4),
        delete=_lro.delete(10),
        etag=_lro.ETAG,
        busy=_lro.BUSY,
        busy_scope="children",
        patch_style=Patch.TAGS,
        required=(
            Required(
                # Words from Azure/bicep#2576; the thread does not quote the code, InvalidRequestFormat is assumed.
                "properties.addressSpace.addressPrefixes",
                "InvalidRequestFormat",
                "AddressSpace of the virtual network {id} does not have any address prefixes in addressPrefixes "
                "array. AddressSpace and prefixes must be specified within properties object.",
            ),
        ),
        read_only=(ReadOnly("properties.resourceGuid"), ReadOnly("properties.virtualNetworkPeerings")),
        defaults=_vnet_defaults,
        variants=(Variant(r"2024-(0[7-9]|1\d)-.*|202[5-9]-.*", {"defaults": _vnet_defaults_2024}),),
        computed=_lro.resource_guid,
        not_returned=("properties.enableVmProtection",),
        hooks=(
            Hook(Phase.VALIDATE, "vnet-addresses", validate_vnet),
            Hook(Phase.ACCEPTED, "vnet-inline-subnets", write_inline_subnets),
            Hook(Phase.COMPLETED, "vnet-inline-subnets", settle_inline_subnets),
            Hook(Phase.READ, "vnet-shows-children", show_children),
            Hook(Phase.DELETING, "vnet-in-use", refuse_used_network),
        ),
    ),
    replace(
        _lro.nested(SUBNET, 4),
        keys=("name", "id", "etag", "properties", "type"),
        read_only=tuple(ReadOnly(f"properties.{field}") for field in (*USERS, "purpose")),
        keep_on_put=tuple(f"properties.{field}" for field in USERS),
        defaults={"properties": SUBNET_DEFAULTS},
        hooks=(
            Hook(Phase.VALIDATE, "subnet-rules", validate_subnet),
            bastions.SUBNET_HOOK,
            gateways.SUBNET_HOOK,
            endpoint_policies.SUBNET_HOOK,
            Hook(Phase.ACCEPTED, "subnet-back-references", link_subnet_references),
            Hook(Phase.DELETED, "subnet-back-references", unlink_subnet_references),
            Hook(Phase.DELETING, "subnet-in-use", refuse_used_subnet_deletion),
        ),
    ),
)
