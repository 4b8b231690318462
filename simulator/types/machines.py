"""Microsoft.Compute/virtualMachines with their extensions and disks.

No recording: 201 / 200 with Azure-AsyncOperation and Location, 202 on DELETE, as the Azure CLI's recordings of `az vm`
show. What is simplified: one size table for all regions, images by publisher and offer, power states by the actions
`start`, `deallocate` and `powerOff`. Sources of the words: PropertyChangeNotAllowed in hashicorp/terraform#8796 and
RDS-Templates#223; PlatformImageNotFound, SkuNotAvailable and InvalidParameter from learn.microsoft.com, "Troubleshoot
deployment errors"; deleteOption from "Delete a VM
and attached resources".
"""

from __future__ import annotations

from typing import Any

from simulator.engine.declaration import (
    Action,
    Answer,
    ArmError,
    Body,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Poll,
    ReadOnly,
    Required,
    ResourceType,
    Style,
)
from simulator.planes import skus
from simulator.types._shared import dig, group_of, iso, items, network_reference, parent_id, same_id

VM = "Microsoft.Compute/virtualMachines"
EXTENSION = f"{VM}/extensions"
DISK = "Microsoft.Compute/disks"
INTERFACE = "Microsoft.Network/networkInterfaces"
#: Publisher and offer → prefix of the versions there are, of the marketplace's many.
IMAGES: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("canonical", "ubuntu-24_04-lts"): (("server", "server-gen1", "server-arm64", "minimal"), "24.04."),
    ("canonical", "0001-com-ubuntu-server-jammy"): (("22_04-lts", "22_04-lts-gen2"), "22.04."),
}
#: What a machine is born with, as the error names it → its path.
FIXED = {
    "imageReference": "storageProfile.imageReference",
    "osDisk.name": "storageProfile.osDisk.name",
    "osDisk.createOption": "storageProfile.osDisk.createOption",
    "osProfile.computerName": "osProfile.computerName",
    "osProfile.adminUsername": "osProfile.adminUsername",
    "linuxConfiguration.disablePasswordAuthentication": "osProfile.linuxConfiguration.disablePasswordAuthentication",
    "linuxConfiguration.ssh.publicKeys": "osProfile.linuxConfiguration.ssh.publicKeys",
}
_OPERATION = "/subscriptions/{s}/providers/Microsoft.Compute/locations/{l}/operations/{guid}"
_TIMED = {"startTime": "{start}", "name": "{guid}"}


def write(status: int, seconds: float, state: str) -> Lro:
    return Lro(
        Style.ASYNC_OPERATION,
        status,
        Body.RESOURCE,
        state=state,
        seconds=seconds,
        operation_url=_OPERATION,
        url_query="p={guid}",
        running=Poll(200, {**_TIMED, "status": "InProgress"}),
        done=Poll(200, {**_TIMED, "endTime": "{end}", "status": "Succeeded"}),
    )


def delete(seconds: float) -> Lro:
    return Lro(
        Style.BOTH,
        202,
        Body.EMPTY,
        state="Deleting",
        seconds=seconds,
        operation_url=_OPERATION,
        location_url=_OPERATION,
        location_query="monitor=true",
        running=Poll(200, {**_TIMED, "status": "InProgress"}),
        done=Poll(200, {**_TIMED, "endTime": "{end}", "status": "Succeeded"}),
    )


def _fixed(name: str) -> ArmError:
    return ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", target=name)


def _invalid(target: str, text: str) -> ArmError:
    return ArmError(400, "InvalidParameter", text, target=target)


# ------------------------------------------------------------------------------------------------------- machines


def what_stays(ctx: HookContext) -> None:
    if ctx.previous is None:
        return
    before, after = dict(ctx.previous.get("properties") or {}), ctx.resource.properties
    for name, path in FIXED.items():
        old, new = dig(before, path), dig(after, path)
        if name == "imageReference":
            old, new = _without_exact(old), _without_exact(new)
        if old != new and not same_text(old, new):
            raise _fixed(name)


def same_text(one: Any, other: Any) -> bool:
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()


def _without_exact(reference: Any) -> Any:
    if not isinstance(reference, dict):
        return reference
    return {name: str(value).lower() for name, value in reference.items() if name != "exactVersion"}


def size_exists(ctx: HookContext) -> None:
    check_size(str(dig(ctx.resource.properties, "hardwareProfile.vmSize", "")), ctx.resource.location)


def check_size(size: str, location: str) -> None:
    known = {str(one["name"]).lower() for one in skus.skus(location)}
    if size.lower() not in known:
        raise _invalid("vmSize", f"The value {size} provided for the VM size is not valid.")


def image_exists(ctx: HookContext) -> None:
    reference = dig(ctx.resource.properties, "storageProfile.imageReference")
    if isinstance(reference, dict) and ctx.creating:
        check_image(reference)


def check_image(reference: JsonObject) -> None:
    key = (str(reference.get("publisher")).lower(), str(reference.get("offer")).lower())
    offered, versions = IMAGES.get(key, ((), ""))
    version = str(reference.get("version"))
    if str(reference.get("sku")) not in offered or not (version == "latest" or version.startswith(versions)):
        urn = ":".join(str(reference.get(part)) for part in ("publisher", "offer", "sku", "version"))
        raise ArmError(
            404,
            "PlatformImageNotFound",
            f"The platform image '{urn}' is not available. Verify that all fields in the storage profile are correct.",
            target="imageReference",
        )


def sign_in_rules(ctx: HookContext) -> None:
    """A key or a password, and keys of the kinds that Azure takes."""
    check_sign_in(dig(ctx.resource.properties, "osProfile", {}))


def check_sign_in(profile: JsonObject) -> None:
    linux = dig(profile, "linuxConfiguration", {})
    keys = items(linux, "ssh.publicKeys")
    if linux.get("disablePasswordAuthentication") and not keys:
        raise _invalid(
            "linuxConfiguration.ssh.publicKeys",
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
        )
    for key in keys:
        if not str(key.get("keyData")).startswith(("ssh-rsa ", "ssh-ed25519 ")):
            raise _invalid(
                "linuxConfiguration.ssh.publicKeys.keyData",
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.",
            )


def interfaces_are_free(ctx: HookContext) -> None:
    wanted = items(ctx.resource.properties, "networkProfile.networkInterfaces")
    if not wanted:
        raise _invalid("networkProfile", "Required parameter 'networkProfile' is missing (null).")
    for reference in wanted:
        interface = network_reference(ctx, str(reference.get("id")))
        user = dig(interface.body, "properties.virtualMachine.id")
        if user and not same_id(user, ctx.resource.id):
            raise ArmError(
                400,
                "NicInUse",
                f"Network Interface {interface.id} is used by existing resource {user}. In order to delete the network "
                "interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
            )


def take_interfaces(ctx: HookContext) -> None:
    for reference in items(ctx.resource.properties, "networkProfile.networkInterfaces"):
        interface = ctx.engine.get(str(reference.get("id")))
        if interface is not None and not same_id(dig(interface.body, "properties.virtualMachine.id"), ctx.resource.id):
            interface.properties["virtualMachine"] = {"id": ctx.resource.id}
            ctx.engine.save(interface)


def _disk_id(ctx: HookContext) -> str:
    name = dig(ctx.resource.properties, "storageProfile.osDisk.name") or f"{ctx.resource.name}_OsDisk_1"
    return f"{group_of(ctx.resource.id)}/providers/{DISK}/{name}"


def make_disk(ctx: HookContext) -> None:
    """The disk of the operating system, and its id in the machine's body."""
    disk = dict(dig(ctx.resource.properties, "storageProfile.osDisk", {}))
    managed, arm_id = dict(disk.get("managedDisk") or {}), _disk_id(ctx)
    disk.update(name=arm_id.rpartition("/")[2], managedDisk={**managed, "id": arm_id})
    ctx.resource.properties["storageProfile"] = {**ctx.resource.properties["storageProfile"], "osDisk": disk}
    if ctx.engine.get(arm_id) is None:
        ctx.engine.put(
            arm_id,
            {
                "location": ctx.resource.location,
                "managedBy": ctx.resource.id,
                "sku": {"name": managed.get("storageAccountType", "Standard_LRS")},
                "properties": {
                    "osType": disk.get("osType", "Linux"),
                    "hyperVGeneration": "V2",
                    "creationData": {"createOption": "FromImage"},
                    "diskSizeGB": disk.get("diskSizeGB", 30),
                    "diskState": "Attached",
                },
            },
        )


def exact_version(ctx: HookContext) -> None:
    reference = dig(ctx.resource.properties, "storageProfile.imageReference")
    if isinstance(reference, dict) and "exactVersion" not in reference:
        version = reference.get("version")
        exact = "24.04.202609040" if version == "latest" else version
        profile = ctx.resource.properties["storageProfile"]
        ctx.resource.properties["storageProfile"] = {**profile, "imageReference": {**reference, "exactVersion": exact}}


def power_on(ctx: HookContext) -> None:
    """A new machine runs; `instanceView` says so."""
    ctx.resource.private.setdefault("power", "running")


def _view(ctx: HookContext) -> JsonObject:
    power = str(ctx.resource.private.get("power", ""))
    statuses = [{"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}]
    if power:
        statuses.append({"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"})
    return {"computerName": dig(ctx.resource.properties, "osProfile.computerName"), "statuses": statuses}


def leave(ctx: HookContext) -> None:
    """What a deleted machine lets go of: interfaces and its disk, which go too only where `deleteOption` says so."""
    for reference in items(ctx.resource.properties, "networkProfile.networkInterfaces"):
        interface = ctx.engine.get(str(reference.get("id")))
        if interface is None:
            continue
        interface.properties.pop("virtualMachine", None)
        ctx.engine.save(interface)
        if dig(reference, "properties.deleteOption") == "Delete":
            ctx.engine.delete(interface.id)
    disk = ctx.engine.get(_disk_id(ctx))
    if disk is not None:
        if dig(ctx.resource.properties, "storageProfile.osDisk.deleteOption") == "Delete":
            ctx.engine.delete(disk.id)
        else:
            disk.body.pop("managedBy", None)
            disk.properties["diskState"] = "Unattached"
            ctx.engine.save(disk)


def _power(state: str) -> Action:
    name = {"running": "start", "deallocated": "deallocate", "stopped": "powerOff"}[state]

    def run(ctx: HookContext) -> Answer:
        ctx.resource.private["power"] = state
        ctx.engine.save(ctx.resource)
        return Answer(200, None)

    return Action(name, run)


def _instance_view(ctx: HookContext) -> Answer:
    return Answer(200, _view(ctx))


# ------------------------------------------------------------------------------------------------------- extensions


def machine_is_ready(ctx: HookContext) -> None:
    """Source: OperationNotAllowed in terraform-provider-azurerm#1765 (machines that do not run)."""
    machine = ctx.engine.get(parent_id(ctx.resource.id))
    if machine is not None and machine.private.get("power") not in (None, "running"):
        raise ArmError(
            409,
            "OperationNotAllowed",
            "Cannot modify extensions in the VM when the VM is not running.",
        )


def one_of_a_type(ctx: HookContext) -> None:
    """Source of the words: Azure/azure-powershell#5303, "Multiple VMExtensions per handler not supported"."""
    mine = (str(ctx.resource.properties.get("publisher")).lower(), str(ctx.resource.properties.get("type")).lower())
    for other in ctx.engine.children(parent_id(ctx.resource.id), EXTENSION):
        theirs = (str(other.properties.get("publisher")).lower(), str(other.properties.get("type")).lower())
        if other.key != ctx.resource.key and mine == theirs:
            handler = f"{other.properties.get('publisher')}.{other.properties.get('type')}"
            raise ArmError(
                400,
                "BadRequest",
                "Multiple VMExtensions per handler not supported for OS type 'Linux'. VMExtension "
                f"'{ctx.resource.name}' with handler '{handler}' already added or specified in input.",
            )


# ------------------------------------------------------------------------------------------------------- disks


def disk_in_use(ctx: HookContext) -> None:
    """Source of the words: Azure/azure-cli#9264."""
    owner = ctx.resource.body.get("managedBy")
    if owner:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk {ctx.resource.name} is attached to VM {owner}.",
        )


def _born(ctx: HookContext) -> JsonObject:
    return {"properties": {"vmId": ctx.engine.guid("vmId", ctx.resource.key), "timeCreated": iso(ctx.engine.now())}}


def _disk_born(ctx: HookContext) -> JsonObject:
    unique = ctx.engine.guid("disk", ctx.resource.key)
    return {"properties": {"uniqueId": unique, "timeCreated": iso(ctx.engine.now())}}


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=VM,
        create=write(201, 60, "Creating"),
        update=write(200, 20, "Updating"),
        delete=delete(45),
        identity=True,
        keys=("name", "id", "type", "location", "tags", "identity", "properties", "zones"),
        required=(
            Required("properties.storageProfile", "InvalidParameter", "Required parameter '{leaf}' is missing (null)."),
        ),
        # `az vm update` sends the machine back without its image, and changes what it was told to.
        keep_on_put=("properties.storageProfile.imageReference",),
        read_only=(ReadOnly("properties.vmId"), ReadOnly("properties.timeCreated")),
        computed=_born,
        actions=(
            _power("running"),
            _power("deallocated"),
            _power("stopped"),
            Action("instanceView", _instance_view, method="GET", permission=f"{VM}/instanceView/read"),
        ),
        hooks=(
            Hook(Phase.VALIDATE, "vm-what-stays", what_stays),
            Hook(Phase.VALIDATE, "vm-size-exists", size_exists),
            Hook(Phase.VALIDATE, "vm-image-exists", image_exists),
            Hook(Phase.VALIDATE, "vm-sign-in", sign_in_rules),
            Hook(Phase.VALIDATE, "vm-interfaces-are-free", interfaces_are_free),
            Hook(Phase.ACCEPTED, "vm-takes-interfaces", take_interfaces),
            Hook(Phase.ACCEPTED, "vm-makes-disk", make_disk),
            Hook(Phase.ACCEPTED, "vm-exact-version", exact_version),
            Hook(Phase.COMPLETED, "vm-runs", power_on),
            Hook(Phase.DELETED, "vm-lets-go", leave),
        ),
    ),
    ResourceType(
        name=EXTENSION,
        create=write(201, 60, "Creating"),
        update=write(200, 40, "Updating"),
        delete=delete(30),
        busy_scope="parent",
        keys=("name", "id", "type", "location", "tags", "properties"),
        required=(
            Required("properties.publisher", "InvalidParameter", "Required parameter '{leaf}' is missing (null)."),
            Required("properties.type", "InvalidParameter", "Required parameter '{leaf}' is missing (null)."),
        ),
        write_only=("properties.protectedSettings",),
        hooks=(
            Hook(Phase.VALIDATE, "extension-needs-running-machine", machine_is_ready),
            Hook(Phase.VALIDATE, "extension-one-a-handler", one_of_a_type),
        ),
    ),
    ResourceType(
        name=DISK,
        create=write(202, 5, "Updating"),
        update=write(202, 5, "Updating"),
        delete=delete(5),
        keys=("name", "id", "type", "location", "tags", "managedBy", "sku", "zones", "properties"),
        read_only=(ReadOnly("properties.uniqueId"), ReadOnly("properties.timeCreated")),
        computed=_disk_born,
        hooks=(Hook(Phase.DELETING, "disk-in-use", disk_in_use),),
    ),
)
