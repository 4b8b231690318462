"""What Azure refuses: the words reach whoever typed the command, and nothing was written."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.az.client import Az
from tests.az.lives import ONE_SUBNET
from tests.az.lives_ways_in import GATEWAY_PLACE, ONE_CONNECTION, ONE_GATEWAY, ONE_LOCAL, ONE_SET
from tests.support.simulator import RunningSimulator

VNET = "network vnet create -g {g} -n v --address-prefixes 10.0.0.0/16 --subnet-name s --subnet-prefixes 10.0.0.0/24"


@dataclass(frozen=True)
class Refusal:
    command: str
    code: str
    words: str
    before: tuple[str, ...] = ()


REFUSALS: dict[str, Refusal] = {
    "no such resource": Refusal(
        "network vnet show -g {g} -n nope",
        "ResourceNotFound",
        "The Resource 'Microsoft.Network/virtualNetworks/nope' under resource group '{g}' was not found.",
    ),
    "no such group": Refusal("network vnet create -g nope -n v", "ResourceGroupNotFound", "'nope' could not be found"),
    "no such parent": Refusal(
        "network vnet subnet create -g {g} --vnet-name nope -n s --address-prefixes 10.0.0.0/24",
        "",
        "nope",
    ),
    "a bad name": Refusal("network vnet create -g {g} -n 'bad name!'", "InvalidResourceName", "bad name! is invalid"),
    "a bad account name": Refusal(
        "storage account create -g {g} -n Bad_Name --sku Standard_LRS",
        "AccountNameInvalid",
        "use numbers and lower-case letters only",
    ),
    "a missing dependency": Refusal(
        "network vnet subnet create -g {g} --vnet-name v -n t --address-prefixes 10.0.1.0/24 --nat-gateway nope",
        "InvalidResourceReference",
        "natGateways/nope referenced by resource",
        (VNET,),
    ),
    "a subnet that overlaps": Refusal(
        "network vnet subnet create -g {g} --vnet-name v -n t --address-prefixes 10.0.0.128/25",
        "NetcfgSubnetRangesOverlap",
        "its IP address range overlaps with that of an existing subnet in virtual network 'v'",
        (VNET,),
    ),
    "a subnet outside": Refusal(
        "network vnet subnet create -g {g} --vnet-name v -n t --address-prefixes 10.9.0.0/24",
        "NetcfgSubnetRangeOutsideVnet",
        "outside the IP address range of virtual network 'v'",
        (VNET,),
    ),
    "a peering that overlaps": Refusal(
        "network vnet peering create -g {g} --vnet-name v -n p --remote-vnet w",
        "VnetAddressSpacesOverlap",
        "overlaps",
        (VNET, "network vnet create -g {g} -n w --address-prefixes 10.0.0.0/24"),
    ),
    "a group in use": Refusal(
        "network nsg delete -g {g} -n n",
        "InUseNetworkSecurityGroupCannotBeDeleted",
        "in use by the following resources",
        ("network nsg create -g {g} -n n", f"{VNET} --nsg n"),
    ),
    "a gateway outside its subnet": Refusal(
        ONE_GATEWAY, "InvalidResourceReference", "virtualNetworks/v/subnets/GatewaySubnet", (VNET, GATEWAY_PLACE[2])
    ),
    "a gateway's size that is not sold": Refusal(
        ONE_GATEWAY.removesuffix("AZ"),
        "NonAzSkusNotAllowedForVPNGateway",
        "Only VpnGw1-5AZ SKUs can be created going forward.",
        GATEWAY_PLACE,
    ),
    "a security group on a gateway's subnet": Refusal(
        "network vnet subnet update -g {g} --vnet-name v -n GatewaySubnet --network-security-group n",
        "NetworkSecurityGroupCannotBeAttachedToGatewaySubnet",
        "the network security group n can not be associated to",
        (*GATEWAY_PLACE[:2], "network nsg create -g {g} -n n"),
    ),
    "an office that is connected": Refusal(
        "network local-gateway delete -g {g} -n office",
        "InUseLocalNetworkGatewayCannotBeDeleted",
        "connections/c",
        (*GATEWAY_PLACE, ONE_GATEWAY, ONE_LOCAL, ONE_CONNECTION),
    ),
    "a connection to nowhere": Refusal(
        ONE_CONNECTION, "InvalidResourceReference", "virtualNetworkGateways/gw referenced by resource", (ONE_LOCAL,)
    ),
    "a scale set's names": Refusal(
        "vmss update -g {g} -n set --set virtualMachineProfile.osProfile.computerNamePrefix=other",
        "PropertyChangeNotAllowed",
        "Changing property 'osProfile.computerNamePrefix' is not allowed.",
        (ONE_SUBNET, ONE_SET),
    ),
    "a subnet with a scale set": Refusal(
        "network vnet subnet delete -g {g} --vnet-name v -n s",
        "InUseSubnetCannotBeDeleted",
        "virtualMachineScaleSets/set/",
        (ONE_SUBNET, ONE_SET),
    ),
    "an unknown region": Refusal(
        "network vnet create -g {g} -n v -l atlantis", "LocationNotAvailableForResourceType", "atlantis"
    ),
    "an unknown version": Refusal(
        "rest --url {G}/providers/Microsoft.Network/virtualNetworks?api-version=latest",
        "InvalidApiVersionParameter",
        "The api-version 'latest' is invalid.",
    ),
    "no version": Refusal(
        "rest --url {G}/providers/Microsoft.Network/virtualNetworks", "MissingApiVersionParameter", "?api-version="
    ),
    "an unknown type": Refusal(
        "rest --url {G}/providers/Microsoft.Network/teapots?api-version=2024-05-01", "InvalidResourceType", "teapots"
    ),
    "an unregistered provider": Refusal(
        'rest --method put --body \'{{"location":"westeurope"}}\' '
        "--url {G}/providers/Microsoft.OpenEnergyPlatform/energyServices/e?api-version=2022-04-04-preview",
        "MissingSubscriptionRegistration",
        "Microsoft.OpenEnergyPlatform",
    ),
    "a locked group": Refusal(
        "group delete -n {g} -y",
        "ScopeLocked",
        "locked",
        ("lock create -g {g} -n keep --lock-type CanNotDelete",),
    ),
    "an unknown role": Refusal(
        "role assignment create --role 'No Such Role' --scope {G} "
        "--assignee-object-id 00000000-0000-0000-0000-00000000000f --assignee-principal-type ServicePrincipal",
        "",
        "Role 'No Such Role' doesn't exist.",
    ),
    "an unknown principal": Refusal(
        "role assignment create --role Reader --scope {G} --assignee-principal-type User "
        "--assignee-object-id 00000000-0000-0000-0000-00000000000f",
        "PrincipalNotFound",
        "Principal 0000000000000000000000000000000f does not exist in the directory",
    ),
}


@pytest.mark.parametrize("name", sorted(REFUSALS))
def test_a_refusal(az: Az, azure: RunningSimulator, group: str, group_id: str, name: str) -> None:
    case = REFUSALS[name]
    for command in case.before:
        az(command.format(g=group, G=group_id))
    before = azure.state()
    error = az.refused(case.command.format(g=group, G=group_id))
    assert case.code in error
    assert case.words.format(g=group) in error
    assert azure.state() == before


FORBIDDEN = {
    "a group": ("group create -n {g}", "Microsoft.Resources/subscriptions/resourcegroups/write"),
    "a network": ("network vnet create -g {g} -n v -l westeurope", "Microsoft.Network/virtualNetworks/write"),
    "deleting": ("group delete -n {g} -y", "Microsoft.Resources/subscriptions/resourcegroups/delete"),
    "reading keys": (
        "storage account keys list -g {g} -n forbiddenkeys",
        "Microsoft.Storage/storageAccounts/listKeys/action",
    ),
    "giving rights": (
        "role assignment create --role 8e3af657-a8ff-443c-a75c-2fe8c4bcb635 --scope {G} "
        "--assignee-principal-type ServicePrincipal --assignee-object-id 00000000-0000-0000-0000-00000000000f",
        "Microsoft.Authorization/roleAssignments/write",
    ),
}


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_what_the_observer_may_not(
    az: Az, observer: Az, azure: RunningSimulator, group: str, group_id: str, name: str
) -> None:
    command, action = FORBIDDEN[name]
    if name == "reading keys":
        az(f"storage account create -g {group} -n forbiddenkeys --sku Standard_LRS")
    before = azure.state()
    error = observer.refused(command.format(g=group, G=group_id))
    assert "(AuthorizationFailed)" in error
    assert action.lower() in error.lower()
    assert azure.env["OBSERVER_CLIENT_ID"] in error
    assert azure.state() == before
    assert observer(f"group show -n {group}")["id"] == group_id
