"""What the hooks of Bastions, interfaces and virtual machines cause: passes with the hook on, fails with it off."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_network import effect
from tests.simulator.estate import ADDRESS, HUB, LOCATION, NSG
from tests.simulator.lab import Body, Lab, provider

BASTION = provider("Microsoft.Network/bastionHosts", "bastion")
SUBNET = f"{HUB}/subnets/AzureBastionSubnet"
MACHINES = f"{HUB}/subnets/machines"
INTERFACE = provider("Microsoft.Network/networkInterfaces", "nic")
VM = provider("Microsoft.Compute/virtualMachines", "vm")
DISK = provider("Microsoft.Compute/disks", "disk")
LOGIN = f"{VM}/extensions/login"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"
#: Name → direction, source, destination, ports: the table of learn.microsoft.com, "NSG access and Azure Bastion".
RULES = {
    "https": ("Inbound", "Internet", "*", "443"),
    "manager": ("Inbound", "GatewayManager", "*", "443"),
    "balancer": ("Inbound", "AzureLoadBalancer", "*", "443"),
    "inside": ("Inbound", "VirtualNetwork", "VirtualNetwork", "5701-8080"),
    "machines": ("Outbound", "*", "VirtualNetwork", "22-3389"),
    "cloud": ("Outbound", "*", "AzureCloud", "443"),
    "data": ("Outbound", "VirtualNetwork", "VirtualNetwork", "5701-8080"),
    "session": ("Outbound", "*", "Internet", "80"),
}


def group_body(*without: str) -> Body:
    rules = [
        {
            "name": name,
            "properties": {
                "protocol": "*",
                "access": "Allow",
                "direction": direction,
                "priority": 100 + place,
                "sourceAddressPrefix": source,
                "sourcePortRange": "*",
                "destinationAddressPrefix": to,
                "destinationPortRange": ports,
            },
        }
        for place, (name, (direction, source, to, ports)) in enumerate(RULES.items())
        if name not in without
    ]
    return {"location": LOCATION, "properties": {"securityRules": rules}}


def hub(lab: Lab, prefix: str = "10.9.0.0/26") -> None:
    """A network with the Bastion's subnet, its rules and an address."""
    lab.group()
    lab.put(HUB, estate.vnet_body("10.9.0.0/16"))
    lab.put(NSG, group_body())
    lab.put(ADDRESS, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})
    lab.put(SUBNET, estate.subnet_body(prefix, networkSecurityGroup={"id": NSG}))


def bastion_body(subnet: str = SUBNET, sku: str = "Standard", **more: Any) -> Body:
    configuration = {"subnet": {"id": subnet}, "publicIPAddress": {"id": ADDRESS}}
    return {
        "location": LOCATION,
        "sku": {"name": sku},
        "properties": {"ipConfigurations": [{"name": "ip", "properties": configuration}], **more},
    }


@effect("bastion-rules")
def bastions_are_particular(lab: Lab) -> None:
    hub(lab, "10.9.0.0/27")
    lab.put(MACHINES, estate.subnet_body("10.9.1.0/26"))

    def code(body: Body) -> str:
        return str(lab.refused("PUT", BASTION, body)["code"])

    assert code(bastion_body(MACHINES)) == "SubnetNameMustBeAzureBastionSubnet"
    assert code(bastion_body()) == "SubnetPrefixLengthNotSupportedForAzureBastion"
    lab.put(SUBNET, estate.subnet_body("10.9.0.0/26", networkSecurityGroup={"id": NSG}))
    assert code(bastion_body(sku="Basic", enableTunneling=True)) == "FeatureNotSupportedForBastionSku"
    assert lab.put(BASTION, bastion_body())["properties"]["dnsName"].endswith(".bastion.azure.com")


@effect("bastion-subnet-rules")
def its_subnet_needs_its_rules(lab: Lab) -> None:
    hub(lab)
    for name in RULES:
        other = provider("Microsoft.Network/networkSecurityGroups", f"without-{name}")
        lab.put(other, group_body(name))
        error = lab.refused("PUT", SUBNET, estate.subnet_body("10.9.0.0/26", networkSecurityGroup={"id": other}))
        assert error["code"] == "NetworkSecurityGroupNotCompliantForAzureBastionSubnet", name


@effect("bastion-security-group")
def its_rules_stay(lab: Lab) -> None:
    hub(lab)
    assert lab.refused("PUT", NSG, group_body("https"))["code"].startswith("NetworkSecurityGroupNotCompliant")


@effect("bastion-one-a-network")
def one_bastion_a_network(lab: Lab) -> None:
    hub(lab)
    lab.put(BASTION, bastion_body())
    body = bastion_body()
    second = provider("Microsoft.Network/publicIPAddresses", "second")
    lab.put(second, {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {}})
    body["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"]["id"] = second
    assert lab.refused("PUT", f"{BASTION}2", body)["code"] == "VirtualNetworkAlreadyHasABastionHost"


@effect("bastion-takes-its-place")
def what_a_bastion_uses_stays(lab: Lab) -> None:
    hub(lab)
    lab.put(BASTION, bastion_body())
    assert lab.refused("DELETE", SUBNET)["code"] == "InUseSubnetCannotBeDeleted"
    assert lab.refused("DELETE", ADDRESS)["code"] == "PublicIPAddressCannotBeDeleted"
    lab.delete(BASTION)
    lab.delete(SUBNET)
    lab.delete(ADDRESS)


def interface_body(subnet: str = MACHINES) -> Body:
    configuration = {"name": "ip", "properties": {"subnet": {"id": subnet}}}
    return {"location": LOCATION, "properties": {"ipConfigurations": [configuration]}}


def interface(lab: Lab) -> None:
    lab.group()
    lab.put(HUB, estate.vnet_body("10.9.0.0/16"))
    lab.put(MACHINES, estate.subnet_body("10.9.1.0/26"))
    lab.put(INTERFACE, interface_body())


@effect("interface-rules")
def an_interface_needs_its_subnet(lab: Lab) -> None:
    interface(lab)
    assert (
        lab.refused("PUT", f"{INTERFACE}2", interface_body(f"{HUB}/subnets/no"))["code"] == "InvalidResourceReference"
    )


@effect("interface-addresses")
def an_interface_takes_an_address(lab: Lab) -> None:
    interface(lab)
    (configuration,) = lab.get(INTERFACE)["properties"]["ipConfigurations"]
    assert configuration["properties"]["privateIPAddress"].startswith("10.9.1.")
    assert lab.refused("DELETE", MACHINES)["code"] == "InUseSubnetCannotBeDeleted"
    lab.delete(INTERFACE)
    lab.delete(MACHINES)


def vm_body(**more: Any) -> Body:
    """A machine whose disk goes with it; ``more``: profiles by name."""
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "24.04.202609040"}
    keys = [{"path": "/home/ada/.ssh/authorized_keys", "keyData": KEY}]
    linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": keys}}
    disk = {"name": "disk", "createOption": "FromImage", "deleteOption": "Delete", "osType": "Linux"}
    properties: Body = {
        "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
        "storageProfile": {"imageReference": image, "osDisk": disk},
        "osProfile": {"computerName": "vm", "adminUsername": "ada", "linuxConfiguration": linux},
        "networkProfile": {"networkInterfaces": [{"id": INTERFACE}]},
    }
    return {"location": LOCATION, "identity": {"type": "SystemAssigned"}, "properties": {**properties, **more}}


def machine(lab: Lab) -> Body:
    interface(lab)
    return lab.put(VM, vm_body())


@effect("interface-in-use")
def an_interface_in_use_stays(lab: Lab) -> None:
    machine(lab)
    error = lab.refused("DELETE", INTERFACE)
    assert (error["code"], VM in error["message"]) == ("NicInUse", True)


@effect("vm-interfaces-are-free")
def two_machines_share_no_interface(lab: Lab) -> None:
    machine(lab)
    assert lab.refused("PUT", f"{VM}2", vm_body())["code"] == "NicInUse"


@effect("vm-takes-interfaces")
def an_interface_says_whose_it_is(lab: Lab) -> None:
    machine(lab)
    assert lab.get(INTERFACE)["properties"]["virtualMachine"] == {"id": VM}


@effect("vm-what-stays")
def a_machine_keeps_its_image(lab: Lab) -> None:
    body = machine(lab)
    sent = vm_body(storageProfile={**body["properties"]["storageProfile"]})
    sent["properties"]["storageProfile"]["imageReference"] = {
        **sent["properties"]["storageProfile"]["imageReference"],
        "sku": "minimal",
    }
    error = lab.refused("PUT", VM, sent)
    assert error["code"] == "PropertyChangeNotAllowed"
    assert error["message"] == "Changing property 'imageReference' is not allowed."


@effect("vm-size-exists")
def a_size_is_known(lab: Lab) -> None:
    interface(lab)
    assert lab.refused("PUT", VM, vm_body(hardwareProfile={"vmSize": "Standard_Z9"}))["code"] == "InvalidParameter"


@effect("vm-image-exists")
def an_image_is_known(lab: Lab) -> None:
    interface(lab)
    sent = vm_body()
    sent["properties"]["storageProfile"]["imageReference"]["version"] = "23.04.1"
    assert lab.refused("PUT", VM, sent)["code"] == "PlatformImageNotFound"


@effect("vm-sign-in")
def somebody_can_sign_in(lab: Lab) -> None:
    interface(lab)
    sent = vm_body()
    sent["properties"]["osProfile"]["linuxConfiguration"]["ssh"] = {"publicKeys": []}
    assert lab.refused("PUT", VM, sent)["code"] == "InvalidParameter"


@effect("vm-makes-disk")
def a_machine_has_a_disk(lab: Lab) -> None:
    body = machine(lab)
    assert body["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"] == DISK
    assert lab.get(DISK)["managedBy"] == VM


@effect("vm-exact-version")
def the_image_is_exact(lab: Lab) -> None:
    reference = machine(lab)["properties"]["storageProfile"]["imageReference"]
    assert reference["exactVersion"] == "24.04.202609040"


@effect("vm-runs")
def a_new_machine_runs(lab: Lab) -> None:
    machine(lab)
    codes = [status["code"] for status in lab.get(f"{VM}/instanceView")["statuses"]]
    assert codes == ["ProvisioningState/succeeded", "PowerState/running"]


@effect("vm-lets-go")
def what_goes_with_a_machine(lab: Lab) -> None:
    machine(lab)
    lab.delete(VM)
    assert not lab.exists(DISK)
    assert lab.exists(INTERFACE)
    lab.delete(INTERFACE)


@effect("disk-in-use")
def an_attached_disk_stays(lab: Lab) -> None:
    machine(lab)
    assert lab.refused("DELETE", DISK)["code"] == "OperationNotAllowed"


def extension_body() -> Body:
    kind = {"publisher": "Microsoft.Azure.ActiveDirectory", "type": "AADSSHLoginForLinux", "typeHandlerVersion": "1.0"}
    return {"location": LOCATION, "properties": kind}


@effect("extension-needs-running-machine")
def a_stopped_machine_takes_no_extension(lab: Lab) -> None:
    machine(lab)
    assert lab.call("POST", f"{VM}/deallocate").status == 200
    assert lab.refused("PUT", LOGIN, extension_body())["code"] == "OperationNotAllowed"
    lab.call("POST", f"{VM}/start")
    lab.put(LOGIN, extension_body())


@effect("extension-one-a-handler")
def one_extension_a_handler(lab: Lab) -> None:
    machine(lab)
    lab.put(LOGIN, extension_body())
    assert lab.refused("PUT", f"{LOGIN}2", extension_body())["code"] == "BadRequest"
