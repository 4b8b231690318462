"""Network interfaces that callers make, for virtual machines. Those of private endpoints are Azure's own.

No recording: answers follow Microsoft.Network's; the shape is the one recorded of endpoints' interfaces
(network-private-endpoint-create). Sources of the words: NicInUse in terraform-provider-azurerm#8105 and
pulumi-azure#441; the rule on endpoints' interfaces: learn.microsoft.com, "Manage private endpoints".
"""

from __future__ import annotations

from simulator.engine.declaration import ArmError, HookContext, JsonObject
from simulator.types._shared import (
    add_reference,
    dig,
    drop_reference,
    items,
    missing_reference,
    network_reference,
    same_id,
)

INTERFACE = "Microsoft.Network/networkInterfaces"


def _owner(ctx: HookContext, configuration: JsonObject) -> str:
    return f"{ctx.resource.key}/{configuration.get('name')}"


def interface_rules(ctx: HookContext) -> None:
    """References exist; an endpoint's interface is nobody's to write."""
    _not_an_endpoints(ctx, ctx.previous or {}, "updated")
    for index, configuration in enumerate(items(ctx.resource.body, "properties.ipConfigurations")):
        subnet = dig(configuration, "properties.subnet.id")
        if not subnet:
            raise missing_reference(f"properties.ipConfigurations[{index}].properties.subnet")
        network_reference(ctx, str(subnet))
        for before in items(ctx.previous or {}, "properties.ipConfigurations"):
            old = str(dig(before, "properties.subnet.id")).rpartition("/subnets/")[0]
            if ctx.previous and old and not same_id(old, str(subnet).rpartition("/subnets/")[0]):
                raise ArmError(
                    400,
                    "NetworkInterfaceCannotMoveToDifferentVirtualNetwork",
                    f"Network interface {ctx.resource.id} cannot move to another virtual network.",
                )


def _not_an_endpoints(ctx: HookContext, body: JsonObject, verb: str) -> None:
    endpoint = dig(body, "properties.privateEndpoint.id")
    if endpoint:
        raise ArmError(
            400,
            "NetworkInterfaceIsAttachedToPrivateEndpoint",
            f"Network interface {ctx.resource.id} belongs to private endpoint {endpoint} and cannot be {verb}.",
        )


def take_addresses(ctx: HookContext) -> None:
    """An address of the subnet for each configuration, the same one for as long as it is there."""
    before = {one.get("name"): one for one in items(ctx.previous or {}, "properties.ipConfigurations")}
    shown = []
    for index, sent in enumerate(items(ctx.resource.body, "properties.ipConfigurations")):
        subnet = str(dig(sent, "properties.subnet.id"))
        asked = dict(sent.get("properties") or {})
        old = before.get(sent.get("name"))
        if old is not None and not same_id(dig(old, "properties.subnet.id"), subnet):
            _release(ctx, old)
        arm_id = f"{ctx.resource.id}/ipConfigurations/{sent.get('name')}"
        fixed = asked.get("privateIPAddress") if asked.get("privateIPAllocationMethod") == "Static" else None
        address = fixed or ctx.engine.allocate_ip(subnet, _owner(ctx, sent))
        shown.append(
            {
                "name": sent.get("name"),
                "id": arm_id,
                "type": f"{INTERFACE}/ipConfigurations",
                "properties": {
                    **asked,
                    "provisioningState": "Succeeded",
                    "privateIPAddress": address,
                    "privateIPAllocationMethod": asked.get("privateIPAllocationMethod", "Dynamic"),
                    "primary": bool(asked.get("primary", index == 0)),
                    "privateIPAddressVersion": "IPv4",
                },
            }
        )
        add_reference(ctx.engine, subnet, "ipConfigurations", arm_id)
    ctx.resource.properties["ipConfigurations"] = shown


def _release(ctx: HookContext, configuration: JsonObject) -> None:
    subnet = str(dig(configuration, "properties.subnet.id"))
    ctx.engine.release_ip(subnet, _owner(ctx, configuration))
    arm_id = f"{ctx.resource.id}/ipConfigurations/{configuration.get('name')}"
    drop_reference(ctx.engine, subnet, "ipConfigurations", arm_id)


def give_addresses_back(ctx: HookContext) -> None:
    if dig(ctx.resource.body, "properties.privateEndpoint.id"):
        return  # the endpoint gives its own back
    for configuration in items(ctx.resource.body, "properties.ipConfigurations"):
        _release(ctx, configuration)


def interface_in_use(ctx: HookContext) -> None:
    _not_an_endpoints(ctx, ctx.resource.body, "deleted")
    user = dig(ctx.resource.body, "properties.virtualMachine.id")
    if user:
        raise ArmError(
            400,
            "NicInUse",
            f"Network Interface {ctx.resource.id} is used by existing resource {user}. In order to delete the network "
            "interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
        )
