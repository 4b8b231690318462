"""Private endpoints and their network interfaces. Recording: network-private-endpoint-create.

An endpoint gets an interface at once; when it is done, addresses and names; its target gets a connection, Approved at
once when the caller may approve. With a zone group attached, `customDnsConfigs` is empty (azurerm's documentation of
`custom_dns_configs`; exported templates agree): then the zone group's recordSets and the interface say the addresses.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.engine.declaration import (
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Resource,
    ResourceType,
)
from simulator.types._shared import (
    add_reference,
    dig,
    drop_reference,
    group_of,
    items,
)
from simulator.types.network import _lro, interfaces
from simulator.types.network.endpoint_rules import (
    AUTOMATIC,
    MANUAL,
    connection_of,
    give_way,
    note_contention,
    target_of,
    validate,
)
from simulator.types.private_link import Member, connection_id, linkable_of, put_connection

ENDPOINT = "Microsoft.Network/privateEndpoints"
INTERFACE = "Microsoft.Network/networkInterfaces"
ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups"


def status_of(endpoint: Resource) -> str:
    found = connection_of(endpoint.body)
    return str(dig(found[1], "properties.privateLinkServiceConnectionState.status", "")) if found else ""


def shape(ctx: HookContext) -> None:
    """What the 201 already shows: connection states, the interface, subnet by id alone."""
    properties = ctx.resource.properties
    properties["subnet"] = {"id": dig(properties, "subnet.id")}
    properties.setdefault("ipConfigurations", [])
    properties.setdefault("customNetworkInterfaceName", "")
    properties.setdefault("customDnsConfigs", [])
    for field in (AUTOMATIC, MANUAL):
        properties[field] = [_shaped(ctx, field, connection) for connection in properties.get(field) or []]
    if not properties.get("networkInterfaces"):
        properties["networkInterfaces"] = [{"id": _interface_id(ctx)}]


def _shaped(ctx: HookContext, field: str, connection: JsonObject) -> JsonObject:
    before = connection_of(ctx.previous or {})
    state = dig(before[1], "properties.privateLinkServiceConnectionState") if before else None
    if state is None and field == AUTOMATIC:
        state = {"status": "Approved", "description": "Auto Approved", "actionsRequired": "None"}
    elif state is None:
        message = str(dig(connection, "properties.requestMessage", "Awaiting Approval"))
        state = {"status": "Pending", "description": message, "actionsRequired": "None"}
    sent = connection.get("properties") or {}
    return {
        "name": connection.get("name"),
        "id": f"{ctx.resource.id}/{field}/{connection.get('name')}",
        "properties": {
            "provisioningState": "Succeeded",
            "privateLinkServiceId": sent.get("privateLinkServiceId"),
            "groupIds": list(sent.get("groupIds") or []),
            **({"requestMessage": sent["requestMessage"]} if sent.get("requestMessage") else {}),
            "privateLinkServiceConnectionState": dict(state),
        },
        "type": f"{ENDPOINT}/{field}",
    }


def _interface_id(ctx: HookContext) -> str:
    custom = ctx.resource.properties.get("customNetworkInterfaceName")
    name = custom or f"{ctx.resource.name}.nic.{ctx.engine.guid('nic', ctx.resource.key)}"
    return f"{group_of(ctx.resource.id)}/providers/{INTERFACE}/{name}"


def interface_id_of(endpoint: Resource) -> str:
    return str(dig(endpoint.properties, "networkInterfaces", [{}])[0].get("id", ""))


def make_interface(ctx: HookContext) -> None:
    """The interface takes a place in the subnet: from now on the subnet is in use."""
    endpoint = ctx.resource
    interface_id, subnet_id = interface_id_of(endpoint), str(dig(endpoint.body, "properties.subnet.id"))
    if ctx.engine.get(interface_id) is not None:
        return
    ctx.engine.put(
        interface_id,
        {
            "location": endpoint.location,
            "properties": {
                "resourceGuid": ctx.engine.guid("resourceGuid", interface_id.lower()),
                "ipConfigurations": [],
                "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
                "enableAcceleratedNetworking": False,
                "enableIPForwarding": False,
                "privateEndpoint": {"id": endpoint.id},
                "nicType": "Standard",
            },
        },
    )
    add_reference(ctx.engine, subnet_id, "privateEndpoints", endpoint.id)
    add_reference(ctx.engine, subnet_id, "ipConfigurations", f"{interface_id}/ipConfigurations/{_ip_name(ctx, '0')}")


def _ip_name(ctx: HookContext, member: str) -> str:
    return f"privateEndpointIpConfig.{ctx.engine.guid('ipConfig', ctx.resource.key, member)}"


def members_of(ctx: HookContext) -> list[tuple[str, Member]]:
    """(group, member) of the endpoint's connection at its target."""
    target = ctx.engine.get(target_of(ctx.resource.body))
    linkable = linkable_of(target.type) if target else None
    if target is None or linkable is None:
        return []
    groups = linkable.groups(target)
    connection = connection_of(ctx.resource.body)
    wanted = dig(connection[1], "properties.groupIds", []) if connection else []
    return [(group, member) for group in wanted for member in groups.get(group, ())]


def take_addresses(ctx: HookContext) -> None:
    """Addresses come from the subnet, one a member; a full subnet fails the operation."""
    endpoint, interface = ctx.resource, ctx.engine.get(interface_id_of(ctx.resource))
    if interface is None or interface.properties.get("ipConfigurations"):
        return
    subnet_id = str(dig(endpoint.body, "properties.subnet.id"))
    fixed = {
        str(dig(entry, "properties.memberName")): str(dig(entry, "properties.privateIPAddress"))
        for entry in items(endpoint.body, "properties.ipConfigurations")
    }
    configurations = []
    for index, (group, member) in enumerate(members_of(ctx)):
        address = fixed.get(member.name) or ctx.engine.allocate_ip(subnet_id, f"{endpoint.key}/{member.name}")
        name = _ip_name(ctx, str(index))
        configurations.append(
            {
                "name": name,
                "id": f"{interface.id}/ipConfigurations/{name}",
                "type": f"{INTERFACE}/ipConfigurations",
                "properties": {
                    "provisioningState": "Succeeded",
                    "privateIPAddress": address,
                    "privateIPAllocationMethod": "Static" if member.name in fixed else "Dynamic",
                    "subnet": {"id": subnet_id},
                    "primary": index == 0,
                    "privateIPAddressVersion": "IPv4",
                    "privateLinkConnectionProperties": {
                        "groupId": group,
                        "requiredMemberName": member.name,
                        "fqdns": list(member.fqdns),
                    },
                },
            }
        )
    interface.properties["ipConfigurations"] = configurations
    ctx.engine.save(interface)


def connect_target(ctx: HookContext) -> None:
    """The target gets a connection: Approved when it was automatic, Pending when it was asked for."""
    found, target = connection_of(ctx.resource.body), ctx.engine.get(target_of(ctx.resource.body))
    if found is None or target is None:
        return
    state = found[1]["properties"]["privateLinkServiceConnectionState"]
    if state.get("description") == "Auto Approved":
        state["description"] = "Auto-Approved"  # recorded: with a space at first, with a hyphen when done
    if ctx.engine.get(connection_id(ctx.engine, target, ctx.resource.id)) is None:
        put_connection(ctx.engine, target, ctx.resource, state)


def name_addresses(ctx: HookContext) -> None:
    """Names and addresses, as soon as the connection is Approved."""
    names = dns_configs(ctx, ctx.resource) if status_of(ctx.resource) == "Approved" else []
    ctx.resource.properties["customDnsConfigs"] = names


def dns_configs(ctx: HookContext, endpoint: Resource) -> list[JsonObject]:
    interface = ctx.engine.get(interface_id_of(endpoint))
    if interface is None:
        return []
    return [
        {"fqdn": fqdn, "ipAddresses": [dig(entry, "properties.privateIPAddress")]}
        for entry in items(interface.body, "properties.ipConfigurations")
        for fqdn in dig(entry, "properties.privateLinkConnectionProperties.fqdns", [])
    ]


def renew_names(ctx: HookContext) -> None:
    """After the target's owner approved or rejected: names, and the records of the zone groups."""
    if ctx.resource.operation is None:
        name_addresses(ctx)
    for group in ctx.engine.children(ctx.resource.id, ZONE_GROUP):
        ctx.engine.schedule(0, "zone-group-records", group.id)


def show_endpoint(ctx: HookContext) -> None:
    properties = dict(ctx.body.get("properties") or {})
    etag = ctx.body.get("etag", "")
    for field in (AUTOMATIC, MANUAL):
        properties[field] = [{**connection, "etag": etag} for connection in properties.get(field) or []]
    groups = ctx.engine.children(ctx.resource.id, ZONE_GROUP)
    if any(group.operation is None for group in groups):
        properties["customDnsConfigs"] = []
    ctx.body["properties"] = properties


def leave(ctx: HookContext) -> None:
    """The interface, the addresses, the place in the subnet and the target's connection go with the endpoint."""
    endpoint = ctx.resource
    interface_id, subnet_id = interface_id_of(endpoint), str(dig(endpoint.body, "properties.subnet.id"))
    for _, member in members_of(ctx):
        ctx.engine.release_ip(subnet_id, f"{endpoint.key}/{member.name}")
    drop_reference(ctx.engine, subnet_id, "privateEndpoints", endpoint.id)
    drop_reference(ctx.engine, subnet_id, "ipConfigurations", f"{interface_id}/ipConfigurations/{_ip_name(ctx, '0')}")
    ctx.engine.delete(interface_id)
    target = ctx.engine.get(target_of(endpoint.body))
    if target is not None:
        ctx.engine.delete(connection_id(ctx.engine, target, endpoint.id))


TYPES: tuple[ResourceType, ...] = (
    replace(
        _lro.tracked(ENDPOINT, 60),
        update=_lro.update(10),
        delete=_lro.delete(20),
        keys=("name", "id", "etag", "type", "location", "tags", "properties"),
        read_only=(
            ReadOnly("properties.resourceGuid"),
            ReadOnly("properties.networkInterfaces"),
            ReadOnly("properties.customDnsConfigs"),
        ),
        keep_on_put=("properties.networkInterfaces", "properties.customDnsConfigs"),
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "private-endpoint-references", validate),
            Hook(Phase.ACCEPTED, "private-endpoint-shape", shape),
            Hook(Phase.ACCEPTED, "private-endpoint-interface", make_interface),
            Hook(Phase.ACCEPTED, "private-endpoints-one-at-a-time", note_contention),
            Hook(Phase.COMPLETED, "private-endpoints-one-at-a-time", give_way),
            Hook(Phase.COMPLETED, "private-endpoint-addresses", take_addresses),
            Hook(Phase.COMPLETED, "private-endpoint-connects-target", connect_target),
            Hook(Phase.COMPLETED, "private-endpoint-names", name_addresses),
            Hook(Phase.EVENT, "private-endpoint-names", renew_names),
            Hook(Phase.READ, "private-endpoint-shown", show_endpoint),
            Hook(Phase.DELETED, "private-endpoint-leaves", leave),
        ),
    ),
    replace(
        _lro.tracked(INTERFACE, 4),
        # Callers make those of their machines; those of endpoints are Azure's, and read only.
        keys=("name", "id", "etag", "type", "location", "tags", "properties", "kind"),
        read_only=(
            ReadOnly("properties.resourceGuid"),
            ReadOnly("properties.virtualMachine"),
            ReadOnly("properties.privateEndpoint"),
        ),
        keep_on_put=("properties.virtualMachine",),
        defaults={
            "kind": "Regular",
            "properties": {"enableAcceleratedNetworking": False, "enableIPForwarding": False},
        },
        computed=_lro.resource_guid,
        hooks=(
            Hook(Phase.VALIDATE, "interface-rules", interfaces.interface_rules),
            Hook(Phase.ACCEPTED, "interface-addresses", interfaces.take_addresses),
            Hook(Phase.DELETED, "interface-addresses", interfaces.give_addresses_back),
            Hook(Phase.DELETING, "interface-in-use", interfaces.interface_in_use),
        ),
    ),
)
