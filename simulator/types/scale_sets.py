"""Microsoft.Compute/virtualMachineScaleSets, of the Uniform kind.

No recording: 201 / 200 with Azure-AsyncOperation, as machines answer. Sources of the rules: learn.microsoft.com,
"Modify a Virtual Machine Scale Set" (what stays), "Orchestration modes"; words: PropertyChangeNotAllowed as of
machines, the missing parameter as in Azure/azure-quickstart-templates#2148. What is simplified: its machines are a
number, and stand in the subnet's list of users as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Required,
    ResourceType,
)
from simulator.types._shared import add_reference, dig, drop_reference, items, network_reference
from simulator.types.machines import check_image, check_sign_in, check_size, delete, write

SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
_PROFILE = "properties.virtualMachineProfile"
_MISSING = "Required parameter '{leaf}' is missing (null)."
#: What a set is born with, as the error names it → its path.
FIXED = {
    "orchestrationMode": "properties.orchestrationMode",
    "platformFaultDomainCount": "properties.platformFaultDomainCount",
    "osProfile.adminUsername": f"{_PROFILE}.osProfile.adminUsername",
    "osProfile.computerNamePrefix": f"{_PROFILE}.osProfile.computerNamePrefix",
}


def _subnets(body: JsonObject) -> Iterator[str]:
    for interface in items(body, f"{_PROFILE}.networkProfile.networkInterfaceConfigurations"):
        for configuration in items(interface, "properties.ipConfigurations"):
            yield str(dig(configuration, "properties.subnet.id", ""))


def rules(ctx: HookContext) -> None:
    """Size, image and sign-in as of a machine; the subnet is there; what stays, stays."""
    body = ctx.resource.body
    check_size(str(dig(body, "sku.name", "")), ctx.resource.location)
    check_image(dig(body, f"{_PROFILE}.storageProfile.imageReference", {}))
    check_sign_in(dig(body, f"{_PROFILE}.osProfile", {}))
    for subnet in _subnets(body):
        network_reference(ctx, subnet)
    for name, path in FIXED.items() if ctx.previous is not None else ():
        old, new = dig(ctx.previous, path), dig(body, path)
        if old is not None and str(old).lower() != str(new).lower():
            raise ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", target=name)


def stand(ctx: HookContext) -> None:
    """Its machines have addresses in the subnet, which cannot go before the set does."""
    for subnet in set(_subnets(ctx.previous or {})) - set(_subnets(ctx.resource.body)):
        drop_reference(ctx.engine, subnet, "ipConfigurations", _place(ctx))
    for subnet in _subnets(ctx.resource.body):
        add_reference(ctx.engine, subnet, "ipConfigurations", _place(ctx))


def leave(ctx: HookContext) -> None:
    for subnet in _subnets(ctx.resource.body):
        drop_reference(ctx.engine, subnet, "ipConfigurations", _place(ctx))


def _place(ctx: HookContext) -> str:
    return f"{ctx.resource.id}/virtualMachines/0/networkInterfaces/internal/ipConfigurations/internal"


def _born(ctx: HookContext) -> JsonObject:
    return {"properties": {"uniqueId": ctx.engine.guid("uniqueId", ctx.resource.key)}}


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=SCALE_SET,
        create=write(201, 90, "Creating"),
        update=write(200, 30, "Updating"),
        delete=delete(60),
        identity=True,
        keys=("name", "id", "type", "location", "tags", "sku", "identity", "properties", "zones"),
        required=(
            Required("sku.name", "InvalidParameter", _MISSING),
            Required(_PROFILE, "InvalidParameter", _MISSING, create_only=True),
        ),
        read_only=(ReadOnly("properties.uniqueId"),),
        # What a PUT does not send stays: `az vmss scale` sends location and sku alone, `az vmss update` leaves out the
        # image "to avoid unnecessary permission check" (Azure/azure-cli, command_modules/vm/custom.py).
        put_keeps=True,
        defaults={"properties": {"orchestrationMode": "Uniform", "overprovision": True, "singlePlacementGroup": True}},
        computed=_born,
        hooks=(
            Hook(Phase.VALIDATE, "scale-set-rules", rules),
            Hook(Phase.ACCEPTED, "scale-set-takes-addresses", stand),
            Hook(Phase.DELETED, "scale-set-takes-addresses", leave),
        ),
    ),
)
