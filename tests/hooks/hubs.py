"""Bastions, interfaces and virtual machines of a hub."""

from __future__ import annotations

from typing import Any

from controlplane.json_types import JsonObject
from tests.hooks.scenarios import failed, hub_spec, noticed, sent, succeeded, tries
from tests.integration.test_hubs import HUB, existing_hub, registered
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct


def untouched(product: QuietProduct, key: str) -> None:
    """Somebody else's DELETE of what is in use is refused, so there is nothing to find."""
    product.owner("DELETE", product.ids()[key])
    assert product.failing() == set()


def findings(product: QuietProduct) -> list[tuple[str, str, Any]]:
    return [(f.key, f.path, f.observed) for f in product.validate().report.findings if f.status == "Fail"]


@noticed("bastion-takes-its-place", "interface-addresses", "vm-takes-interfaces", world="empty")
def what_a_hub_uses_cannot_be_taken_away(product: QuietProduct) -> None:
    succeeded(product.create(hub_spec()))
    for key in ("subnet/bastion", "public-ip/bastion", "subnet/hub", "nic/jump-host"):
        untouched(product, key)


@noticed("bastion-rules", world="hub")
def a_bastion_cannot_be_in_another_subnet(product: QuietProduct) -> None:
    arm_id, body = sent(product, "bastion")
    configuration = body["properties"]["ipConfigurations"][0]
    configuration["properties"]["subnet"] = {"id": product.ids()["subnet/hub"]}
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, body)
    assert ("bastion", "$", None) in findings(product)


@noticed("bastion-subnet-rules", world="hub")
def the_bastion_s_subnet_cannot_get_other_rules(product: QuietProduct) -> None:
    tries(product, "subnet/bastion", networkSecurityGroup={"id": product.ids()["nsg/hub"]})
    assert product.failing() == set()


@noticed("bastion-security-group", world="hub")
def the_bastion_s_rules_cannot_be_taken_away(product: QuietProduct) -> None:
    tries(product, "nsg/bastion", securityRules=[])
    assert product.failing() == set()


@noticed("bastion-one-a-network", world="hub")
def another_bastion_keeps_ours_out(product: QuietProduct) -> None:
    arm_id, body = sent(product, "bastion")
    product.owner("DELETE", arm_id)
    product.owner("PUT", f"{arm_id}-theirs", body)
    failed(product.repair(), "VirtualNetworkAlreadyHasABastionHost")


@noticed("interface-in-use", world="hub")
def a_machine_keeps_its_interface(product: QuietProduct) -> None:
    untouched(product, "nic/jump-host")


@noticed("interface-rules", world="hub")
def an_interface_cannot_be_in_a_subnet_that_is_not_there(product: QuietProduct) -> None:
    arm_id, body = sent(product, "nic/jump-host")
    configuration: JsonObject = {
        "name": "theirs",
        "properties": {"subnet": {"id": f"{product.ids()['subnet/hub']}-gone"}},
    }
    product.owner("PUT", arm_id, {**body, "properties": {"ipConfigurations": [configuration]}})
    assert product.failing() == set()


def machine(product: QuietProduct, key: str = "vm/jump-host") -> tuple[str, dict[str, Any]]:
    arm_id, body = sent(product, key)
    kept = ("hardwareProfile", "storageProfile", "osProfile", "networkProfile", "securityProfile", "diagnosticsProfile")
    body["properties"] = {name: body["properties"][name] for name in kept}
    body["properties"]["storageProfile"]["imageReference"].pop("exactVersion", None)
    body["properties"]["storageProfile"]["osDisk"]["managedDisk"].pop("id")
    body["identity"] = {"type": "SystemAssigned"}
    return arm_id, body


@noticed("vm-what-stays", world="hub")
def a_machine_keeps_its_image(product: QuietProduct) -> None:
    arm_id, body = machine(product)
    body["properties"]["storageProfile"]["imageReference"]["sku"] = "minimal"
    product.owner("PUT", arm_id, body)
    assert product.failing() == set()


def renewed(product: QuietProduct, change: Any) -> None:
    """Somebody else deletes the jump host and makes it again, differently: Azure refuses that, so it is missing."""
    arm_id, body = machine(product)
    change(body["properties"])
    product.owner("DELETE", arm_id)
    product.owner("PUT", arm_id, body)
    assert ("vm/jump-host", "$", None) in findings(product)


@noticed("vm-size-exists", world="hub")
def a_machine_of_no_known_size_is_not_made(product: QuietProduct) -> None:
    renewed(product, lambda properties: properties["hardwareProfile"].update(vmSize="Standard_Z9"))


@noticed("vm-image-exists", world="hub")
def a_machine_of_no_known_image_is_not_made(product: QuietProduct) -> None:
    renewed(product, lambda properties: properties["storageProfile"]["imageReference"].update(version="23.04.1"))


@noticed("vm-sign-in", world="hub")
def a_machine_that_nobody_can_enter_is_not_made(product: QuietProduct) -> None:
    renewed(product, lambda properties: properties["osProfile"]["linuxConfiguration"].update(ssh={"publicKeys": []}))


@noticed("vm-interfaces-are-free", world="hub")
def a_machine_cannot_take_anothers_interface(product: QuietProduct) -> None:
    other = product.ids()["nic/agent-1"]
    renewed(product, lambda properties: properties["networkProfile"].update(networkInterfaces=[{"id": other}]))


@noticed("vm-lets-go", world="hub")
def a_machine_lets_its_interface_and_disk_go(product: QuietProduct) -> None:
    succeeded(product.delete())


@noticed("extension-needs-running-machine", world="hub")
def an_extension_waits_for_a_machine_that_runs(product: QuietProduct) -> None:
    arm_id = product.ids()["vm/jump-host"]
    product.owner("DELETE", product.ids()["vm-extension/jump-host/entra-login"])
    product.azure.call("owner", "POST", f"{arm_id}/deallocate?api-version=2024-07-01")
    product.settle()
    operation = product.repair()
    assert (operation.status, operation.error and operation.error.code) == ("Failed", "OperationNotAllowed")


@noticed("extension-one-a-handler", world="hub")
def anothers_extension_keeps_ours_out(product: QuietProduct) -> None:
    arm_id, body = sent(product, "vm-extension/jump-host/entra-login")
    product.owner("DELETE", arm_id)
    product.owner("PUT", f"{arm_id}-theirs", body)
    failed(product.repair(), "BadRequest")


@noticed("peering-refuses-overlap", world="empty")
def a_hub_that_grew_into_our_range_is_not_joined_again(product: QuietProduct) -> None:
    registered(product)
    existing_hub(product)
    succeeded(product.create(example("hub-existing")))
    ids = product.ids()
    for key in ("peering/hub-to-ml", "peering/ml-to-hub"):
        product.owner("DELETE", ids[key])
    body = product.body(HUB) or {}
    prefixes = [*body["properties"]["addressSpace"]["addressPrefixes"], "10.40.12.0/24"]
    sent_body = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": prefixes}}}
    assert product.owner("PUT", HUB, sent_body) < 300
    failed(product.repair(), "VnetAddressSpacesOverlap")
