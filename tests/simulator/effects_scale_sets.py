"""What the hooks of scale sets cause: passes with the hook on, fails with it off."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_machines import KEY, MACHINES
from tests.simulator.effects_network import effect
from tests.simulator.estate import HUB, LOCATION
from tests.simulator.lab import Body, Lab, provider

SCALE_SET = provider("Microsoft.Compute/virtualMachineScaleSets", "agents")


def body(subnet: str = MACHINES, size: str = "Standard_D2s_v3", version: str = "24.04.202609040", **more: Any) -> Body:
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": version}
    keys = [{"path": "/home/ada/.ssh/authorized_keys", "keyData": KEY}]
    linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": keys}}
    configuration = {"name": "ip", "properties": {"subnet": {"id": subnet}}}
    interface = {"name": "nic", "properties": {"primary": True, "ipConfigurations": [configuration]}}
    profile = {
        "storageProfile": {"imageReference": image, "osDisk": {"createOption": "FromImage"}},
        "osProfile": {"computerNamePrefix": "a", "adminUsername": "ada", "linuxConfiguration": linux},
        "networkProfile": {"networkInterfaceConfigurations": [interface]},
    }
    properties = {"orchestrationMode": "Uniform", "platformFaultDomainCount": 1, "virtualMachineProfile": profile}
    return {
        "location": LOCATION,
        "sku": {"name": size, "capacity": 2},
        "identity": {"type": "SystemAssigned"},
        "properties": {**properties, **more},
    }


def network(lab: Lab) -> None:
    lab.group()
    lab.put(HUB, estate.vnet_body("10.9.0.0/16"))
    lab.put(MACHINES, estate.subnet_body("10.9.1.0/26"))


@effect("scale-set-rules")
def a_set_is_like_its_machines(lab: Lab) -> None:
    network(lab)

    def code(sent: Body) -> str:
        return str(lab.refused("PUT", SCALE_SET, sent)["code"])

    assert code(body(size="Standard_Z9")) == "InvalidParameter"
    assert code(body(version="23.04.1")) == "PlatformImageNotFound"
    assert code(body(f"{HUB}/subnets/no")) == "InvalidResourceReference"
    made = lab.put(SCALE_SET, body())
    assert made["identity"]["principalId"]
    assert code(body(orchestrationMode="Flexible")) == "PropertyChangeNotAllowed"
    assert lab.put(SCALE_SET, body(upgradePolicy={"mode": "Manual"}))["sku"]["capacity"] == 2
    # As `az vmss scale` sends it.
    scaled = lab.put(SCALE_SET, {"location": LOCATION, "sku": {"name": "Standard_D2s_v3", "capacity": 5}})
    assert (scaled["sku"]["capacity"], scaled["properties"]) == (5, lab.get(SCALE_SET)["properties"])
    assert scaled["properties"]["upgradePolicy"] == {"mode": "Manual"}


@effect("scale-set-takes-addresses")
def its_subnet_stays(lab: Lab) -> None:
    network(lab)
    lab.put(SCALE_SET, body())
    assert lab.refused("DELETE", MACHINES)["code"] == "InUseSubnetCannotBeDeleted"
    lab.delete(SCALE_SET)
    lab.delete(MACHINES)
