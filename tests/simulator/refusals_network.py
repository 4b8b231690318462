"""test_refusals.py's cases for networks, their zones and addresses, and machines."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.estate import (
    ENDPOINTS,
    HUB,
    LOCATION,
    NAT,
    NSG,
    STORAGE,
    VNET,
    endpoint_id,
    zone_id,
)
from tests.simulator.lab import Body, provider
from tests.simulator.refusals import ELSEWHERE, IGNORED, LOCATION_REQUIRED, Case, moved

PEERING = f"{VNET}/virtualNetworkPeerings/to-hub"
ROUTES = provider("Microsoft.Network/routeTables", "routes")
POLICY = provider("Microsoft.Network/serviceEndpointPolicies", "policy")
INTERFACE, MACHINE = (
    provider("Microsoft.Network/networkInterfaces", "nic"),
    provider("Microsoft.Compute/virtualMachines", "machine"),
)
BASTION_SUBNET = f"{estate.VNET}/subnets/AzureBastionSubnet"
BASTION_ADDRESS = provider("Microsoft.Network/publicIPAddresses", "bastion")
_IN_TRAINING: Body = {"subnet": {"id": estate.TRAINING}}
_BASTION: Body = {
    "name": "c",
    "properties": {"subnet": {"id": BASTION_SUBNET}, "publicIPAddress": {"id": BASTION_ADDRESS}},
}


def machine_body(interface: str) -> Body:
    image = {"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2"}
    key = {"path": "/home/azureuser/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA x"}
    properties = {
        "hardwareProfile": {"vmSize": "Standard_D2s_v3"},
        "storageProfile": {
            "imageReference": {**image, "version": "latest"},
            "osDisk": {"name": "machine-os", "createOption": "FromImage"},
        },
        "osProfile": {
            "computerName": "machine", "adminUsername": "azureuser",
            "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}},
        },
        "networkProfile": {"networkInterfaces": [{"id": interface}]},
    }  # fmt: skip
    return {"location": LOCATION, "properties": properties}


ZONE = zone_id("privatelink.azurecr.io")
ZONAL = provider("Microsoft.Network/publicIPAddresses", "zonal")


def record(kind: str, name: str, properties: Body) -> Case:
    return Case(
        f"{ZONE}/{kind}/{name}",
        {"properties": {"ttl": 300, **properties}},
        "properties.ttl",
        ("BadRequest", "The field 'ttl' of record set"),
        ("properties.fqdn", "other."),
        IGNORED + "a record set's serialNumber that was sent came back unchanged (azure-cli recording of SOA records)",
    )


CASES: dict[str, Case] = {
    "Microsoft.Network/virtualNetworks": Case(
        VNET,
        estate.vnet_body("10.0.0.0/16"),
        "properties.addressSpace",
        ("InvalidRequestFormat", "AddressSpace and prefixes must be specified within properties object."),
        ("location", ELSEWHERE),
        moved("vnet"),
    ),
    "Microsoft.Network/virtualNetworks/subnets": Case(
        ENDPOINTS,
        estate.subnet_body("10.0.1.0/27", networkSecurityGroup={"id": NSG}),
        "properties.addressPrefix",
        ("AddressPrefixStringCannotBeNullOrEmpty", "cannot be null or empty."),
        ("properties.addressPrefix", "10.0.1.0/28"),
        (
            "InUsePrefixCannotBeDeleted",
            "IpPrefix 10.0.1.0/27 on Subnet endpoints has active allocations and cannot be deleted.",
        ),
    ),
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings": Case(
        PEERING,
        {"properties": {"remoteVirtualNetwork": {"id": HUB}}},
        "properties.remoteVirtualNetwork",
        ("InvalidRequestFormat", "Cannot parse the request."),
        ("properties.remoteVirtualNetwork", {"id": VNET}),
        ("ChangingRemoteVirtualNetworkNotAllowed", "Cannot change the remote virtual network of peering"),
    ),
    "Microsoft.Network/networkSecurityGroups": Case(
        NSG,
        {"location": LOCATION, "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("nsg"),
    ),
    "Microsoft.Network/networkSecurityGroups/securityRules": Case(
        f"{NSG}/securityRules/aml",
        {"properties": estate.rule("aml", 100)["properties"]},
        "properties.sourceAddressPrefix",
        (
            "SecurityRuleParameterRequired",
            "must specify SourceAddressPrefixes, SourceAddressPrefix, or SourceApplicationSecurityGroups.",
        ),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Network/publicIPAddresses": Case(
        ZONAL,
        {"location": LOCATION, "sku": {"name": "Standard"}, "zones": ["1"], "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("zones", ["2"]),
        (
            "ResourceAvailabilityZonesCannotBeModified",
            "has an existing availability zone constraint 1 and the request has availability zone constraint 2, which "
            "do not match.",
        ),
    ),
    "Microsoft.Network/natGateways": Case(
        NAT,
        {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {"idleTimeoutInMinutes": 4}},
        "location",
        LOCATION_REQUIRED,
        ("zones", ["1"]),
        (
            "ResourceAvailabilityZonesCannotBeModified",
            "Zones cannot be added/updated/removed once the resource is created.",
        ),
    ),
    "Microsoft.Network/routeTables": Case(
        ROUTES,
        {"location": LOCATION, "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("routes"),
    ),
    "Microsoft.Network/routeTables/routes": Case(
        f"{ROUTES}/routes/out",
        {"properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "Internet"}},
        "properties.nextHopType",
        ("InvalidRequestFormat", "Value provided for nextHopType is invalid"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Network/serviceEndpointPolicies": Case(
        POLICY,
        {"location": LOCATION, "properties": {}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("policy"),
    ),
    "Microsoft.Network/serviceEndpointPolicies/serviceEndpointPolicyDefinitions": Case(
        f"{POLICY}/serviceEndpointPolicyDefinitions/storage",
        {"properties": {"service": "Microsoft.Storage", "serviceResources": [STORAGE]}},
        "properties.serviceResources",
        ("ServiceEndpointPolicyDefinitionHasInvalidServiceResources", "has invalid service resources for service"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Network/networkInterfaces": Case(
        INTERFACE,
        {"location": LOCATION, "properties": {"ipConfigurations": [{"name": "c", "properties": _IN_TRAINING}]}},
        "location",
        LOCATION_REQUIRED,
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Compute/virtualMachines": Case(
        MACHINE,
        machine_body(INTERFACE),
        "properties.storageProfile",
        ("InvalidParameter", "Required parameter 'storageProfile' is missing (null)."),
        ("properties.storageProfile.osDisk.name", "other"),
        ("PropertyChangeNotAllowed", "Changing property 'osDisk.name' is not allowed."),
    ),
    "Microsoft.Compute/virtualMachines/extensions": Case(
        f"{MACHINE}/extensions/script",
        {"location": LOCATION, "properties": {"publisher": "P", "type": "CustomScript", "typeHandlerVersion": "2.1"}},
        "properties.publisher",
        ("InvalidParameter", "Required parameter 'publisher' is missing (null)."),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState sent back is accepted in every recording that does so",
    ),
    "Microsoft.Compute/disks": Case(
        provider("Microsoft.Compute/disks", "disk"),
        {"location": LOCATION, "sku": {"name": "Premium_LRS"}, "properties": {"diskSizeGB": 32}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("disk"),
    ),
    "Microsoft.Network/bastionHosts": Case(
        provider("Microsoft.Network/bastionHosts", "bastion"),
        {"location": LOCATION, "sku": {"name": "Standard"}, "properties": {"ipConfigurations": [_BASTION]}},
        "location",
        LOCATION_REQUIRED,
        ("location", ELSEWHERE),
        moved("bastion"),
    ),
    "Microsoft.Network/privateEndpoints": Case(
        endpoint_id("blob"),
        estate.endpoint_body(STORAGE, "blob"),
        "properties.subnet",
        ("InvalidRequestFormat", "Cannot parse the request."),
        ("properties.subnet", {"id": estate.TRAINING}),
        ("CannotChangeSubnetOnExistingPrivateEndpoint", "Cannot change the subnet in which the network interface for"),
    ),
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": Case(
        f"{endpoint_id('blob')}/privateDnsZoneGroups/default",
        estate.zone_group_body("privatelink.blob.core.windows.net"),
        "properties.privateDnsZoneConfigs",
        ("InvalidRequestFormat", "must have at least one private DNS zone configuration."),
        ("properties.provisioningState", "Failed"),
        IGNORED + "recordSets and provisioningState are readOnly in the API definition",
    ),
    "Microsoft.Network/privateDnsZones": Case(
        ZONE,
        {"location": "global"},
        "location",
        LOCATION_REQUIRED,
        ("location", LOCATION),
        (
            "LocationNotAvailableForResourceType",
            "The provided location 'westeurope' is not available for resource type "
            "'Microsoft.Network/privateDnsZones'. List of available regions for the resource type is 'global'.",
        ),
    ),
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": Case(
        f"{ZONE}/virtualNetworkLinks/vnet",
        estate.link_body(VNET),
        "location",
        LOCATION_REQUIRED,
        ("properties.virtualNetwork", {"id": HUB}),
        ("BadRequest", "cannot be changed."),
    ),
    "Microsoft.Network/privateDnsZones/A": record("A", "a", {"aRecords": [{"ipv4Address": "10.0.0.9"}]}),
    "Microsoft.Network/privateDnsZones/AAAA": record("AAAA", "a", {"aaaaRecords": [{"ipv6Address": "fd00::1"}]}),
    "Microsoft.Network/privateDnsZones/CNAME": record("CNAME", "c", {"cnameRecord": {"cname": "a.example"}}),
    "Microsoft.Network/privateDnsZones/MX": record("MX", "m", {"mxRecords": [{"preference": 1, "exchange": "a."}]}),
    "Microsoft.Network/privateDnsZones/PTR": record("PTR", "p", {"ptrRecords": [{"ptrdname": "a."}]}),
    "Microsoft.Network/privateDnsZones/SRV": record("SRV", "s", {"srvRecords": []}),
    "Microsoft.Network/privateDnsZones/TXT": record("TXT", "t", {"txtRecords": [{"value": ["x"]}]}),
    "Microsoft.Network/privateDnsZones/SOA": Case(
        f"{ZONE}/SOA/@",
        {"properties": {"soaRecord": {"email": "hostmaster.example.com"}}},
        None,
        "a zone's SOA record exists from the first and keeps what a PUT leaves out",
        ("properties.soaRecord.serialNumber", 5),
        IGNORED + "serialNumber 5 was sent and 1 came back (azure-cli recording)",
    ),
}
