"""The entries of Microsoft.Network and Microsoft.Compute of the table of :mod:`controlplane.workspaces.kinds_table`."""

from __future__ import annotations

from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds import Kind, Listing, Meaning, entry

#: What an absent switch of a Bastion means (ARM reference of bastionHosts).
_BASTION_DEFAULTS = {
    "sku.name": "Standard",
    "properties.disableCopyPaste": False,
    "properties.enableFileCopy": False,
    "properties.enableIpConnect": False,
    "properties.enableShareableLink": False,
    "properties.enableTunneling": False,
    "properties.scaleUnits": 2,
}
_INTERFACES = "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations"

NETWORK_KINDS: tuple[Kind, ...] = (
    entry(
        k.VNET,
        Listing.GROUP,
        replacing=frozenset({"properties.addressSpace.addressPrefixes"}),
    ),
    entry(
        k.SUBNET,
        Listing.INLINE,
        inline="properties.subnets",
        # A prefix in use cannot be changed (InUsePrefixCannotBeDeleted), and ours are always in use.
        replacing=frozenset({"properties.addressPrefix"}),
        defaults={"properties.defaultOutboundAccess": True, "properties.privateEndpointNetworkPolicies": "Disabled"},
        keyed={
            "properties.delegations": "name",
            "properties.serviceEndpoints": "service",
            "properties.serviceEndpointPolicies": "id",
        },
        merges=True,
        taggable=False,
    ),
    entry(
        k.PEERING,
        Listing.INLINE,
        inline="properties.virtualNetworkPeerings",
        replacing=frozenset({"properties.remoteVirtualNetwork.id"}),
        taggable=False,
    ),
    entry(k.NSG, Listing.GROUP, keyed={"properties.securityRules": "name"}),
    entry(
        k.PUBLIC_IP,
        Listing.GROUP,
        replacing=frozenset(
            {"sku.name", "zones", "properties.publicIPAllocationMethod", "properties.publicIPAddressVersion"}
        ),
    ),
    entry(
        k.NAT_GATEWAY,
        Listing.GROUP,
        replacing=frozenset({"sku.name"}),
        keyed={"properties.publicIpAddresses": "id"},
    ),
    entry(
        k.ROUTE_TABLE,
        Listing.GROUP,
        defaults={"properties.disableBgpRoutePropagation": False},
        keyed={"properties.routes": "name"},
    ),
    entry(k.SERVICE_ENDPOINT_POLICY, Listing.GROUP, keyed={"properties.serviceEndpointPolicyDefinitions": "name"}),
    entry(
        k.BASTION,
        Listing.GROUP,
        # The subnet and the address of a Bastion stay ("Azure Bastion FAQ"); a Standard host is never made Basic again.
        replacing=frozenset(
            {
                "sku.name",
                "properties.ipConfigurations[].properties.subnet.id",
                "properties.ipConfigurations[].properties.publicIPAddress.id",
            }
        ),
        defaults=_BASTION_DEFAULTS,
        keyed={"properties.ipConfigurations": "name"},
    ),
    entry(
        k.VPN_GATEWAY,
        Listing.GROUP,
        # Its kind, its subnet and its address stay ("VPN Gateway FAQ"); sizes with zones change among themselves.
        replacing=frozenset(
            {
                "properties.gatewayType",
                "properties.vpnType",
                "properties.ipConfigurations[].properties.subnet.id",
                "properties.ipConfigurations[].properties.publicIPAddress.id",
            }
        ),
        defaults={"properties.enableBgp": False, "properties.activeActive": False},
        keyed={"properties.ipConfigurations": "name"},
    ),
    entry(k.LOCAL_GATEWAY, Listing.GROUP),
    entry(
        k.CONNECTION,
        Listing.GROUP,
        replacing=frozenset(
            {
                "properties.connectionType",
                "properties.virtualNetworkGateway1.id",
                "properties.localNetworkGateway2.id",
                "properties.connectionProtocol",
            }
        ),
        defaults={"properties.enableBgp": False, "properties.connectionProtocol": "IKEv2"},
    ),
    entry(k.CIRCUIT, Listing.GROUP),
    entry(
        k.INTERFACE,
        Listing.GROUP,
        replacing=frozenset({"properties.ipConfigurations[].properties.subnet.id"}),
        defaults={"properties.enableIPForwarding": False},
        keyed={"properties.ipConfigurations": "name"},
    ),
    entry(
        k.VM,
        Listing.GROUP,
        # Everything of the profiles but size, tags and identity: PropertyChangeNotAllowed. An interface is not taken
        # from a machine (NicInUse): where it is made anew, the machine is.
        replacing=frozenset(
            {
                "properties.networkProfile.networkInterfaces[].id",
                "properties.storageProfile.imageReference.publisher",
                "properties.storageProfile.imageReference.offer",
                "properties.storageProfile.imageReference.sku",
                "properties.storageProfile.imageReference.version",
                "properties.storageProfile.osDisk.name",
                "properties.storageProfile.osDisk.osType",
                "properties.storageProfile.osDisk.createOption",
                "properties.osProfile.computerName",
                "properties.osProfile.adminUsername",
                "properties.osProfile.linuxConfiguration.disablePasswordAuthentication",
                "properties.osProfile.linuxConfiguration.ssh.publicKeys[].keyData",
                "properties.securityProfile.securityType",
                "properties.networkProfile.networkInterfaces",
            }
        ),
        keyed={
            "properties.networkProfile.networkInterfaces": "id",
            "properties.osProfile.linuxConfiguration.ssh.publicKeys": "path",
        },
        meanings={
            "properties.osProfile.linuxConfiguration.ssh.publicKeys[].keyData": Meaning.EXACT,
            "identity.type": Meaning.COMMA_SET,
            "identity.userAssignedIdentities": Meaning.IDENTITIES,
        },
    ),
    entry(
        k.SCALE_SET,
        Listing.GROUP,
        # What a set is born with ("Modify a Virtual Machine Scale Set", properties with restrictions). Its machines
        # stand in the subnet (InUseSubnetCannotBeDeleted): where that is made anew, the set is.
        replacing=frozenset(
            {
                f"{_INTERFACES}[].properties.ipConfigurations[].properties.subnet.id",
                "properties.orchestrationMode",
                "properties.platformFaultDomainCount",
                "properties.virtualMachineProfile.osProfile.computerNamePrefix",
                "properties.virtualMachineProfile.osProfile.adminUsername",
                "properties.virtualMachineProfile.securityProfile.securityType",
            }
        ),
        defaults={
            "properties.orchestrationMode": "Uniform",
            "properties.overprovision": True,
            f"{_INTERFACES}[].properties.ipConfigurations[].properties.publicIPAddressConfiguration": None,
        },
        keyed={
            f"{_INTERFACES}": "name",
            f"{_INTERFACES}[].properties.ipConfigurations": "name",
            "properties.virtualMachineProfile.osProfile.linuxConfiguration.ssh.publicKeys": "path",
        },
        meanings={
            "properties.virtualMachineProfile.osProfile.linuxConfiguration.ssh.publicKeys[].keyData": Meaning.EXACT,
        },
        # Azure Pipelines counts the machines of its pool, and installs its agent as an extension of the set.
        kept=frozenset({"sku.capacity", "properties.virtualMachineProfile.extensionProfile"}),
    ),
    entry(
        k.VM_EXTENSION,
        Listing.PARENT,
        replacing=frozenset({"properties.publisher", "properties.type"}),
        meanings={"properties.settings.script": Meaning.EXACT},
    ),
    entry(k.DNS_ZONE, Listing.GROUP),
    entry(
        k.DNS_LINK,
        Listing.PARENT,
        replacing=frozenset({"properties.virtualNetwork.id"}),
        defaults={"properties.resolutionPolicy": "Default"},
    ),
    entry(k.A_RECORD, Listing.PARENT, taggable=False),
    entry(
        k.PRIVATE_ENDPOINT,
        Listing.GROUP,
        replacing=frozenset(
            {
                "properties.subnet.id",
                "properties.privateLinkServiceConnections[].properties.privateLinkServiceId",
                "properties.privateLinkServiceConnections[].properties.groupIds",
            }
        ),
        keyed={
            "properties.privateLinkServiceConnections": "name",
            "properties.manualPrivateLinkServiceConnections": "name",
        },
    ),
    entry(k.ZONE_GROUP, Listing.PARENT, keyed={"properties.privateDnsZoneConfigs": "name"}, taggable=False),
)
