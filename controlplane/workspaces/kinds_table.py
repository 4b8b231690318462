"""The table of :mod:`controlplane.workspaces.kinds`: one entry per ARM type.

Sources: listings and defaults from recorded ARM traffic (Azure CLI's recordings) and, for absent properties, the ARM
reference of each type; replacing paths from the "cannot be changed" notes of the same pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds import Kind, Listing, Meaning
from controlplane.workspaces.model import Resource
from controlplane.workspaces.resolve import at


def _kind(resource_type: str, listing: Listing, **more: object) -> Kind:
    return Kind(resource_type, k.API_VERSIONS[resource_type], listing, **more)  # type: ignore[arg-type]


#: An account without network rules lets everybody in; absent switches are the old, open behaviour.
#: Source: Microsoft.Storage storageAccounts reference; absent allowSharedKeyAccess is "equivalent to true".
_STORAGE_DEFAULTS = {
    "properties.allowSharedKeyAccess": True,
    "properties.publicNetworkAccess": "Enabled",
    "properties.allowCrossTenantReplication": True,
    "properties.allowBlobPublicAccess": True,
    "properties.defaultToOAuthAuthentication": False,
    "properties.minimumTlsVersion": "TLS1_0",
    "properties.networkAcls.defaultAction": "Allow",
    "properties.networkAcls.bypass": "AzureServices",
}
#: Vaults do not return network rules that are the default ones (seen in the recordings).
_VAULT_DEFAULTS = {
    "properties.networkAcls.defaultAction": "Allow",
    "properties.networkAcls.bypass": "AzureServices",
    "properties.publicNetworkAccess": "Enabled",
    "properties.enablePurgeProtection": False,
    "properties.enableSoftDelete": True,
    "properties.enableRbacAuthorization": False,
    "properties.softDeleteRetentionInDays": 90,
}

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

#: "Once a workspace is created with SAI identity type, it can be updated to SAI+UAI, but not back from SAI+UAI to SAI"
#: ("Set up authentication between Azure Machine Learning and other services"). What has no identity may get one.
_IDENTITY_CHANGES = frozenset(
    {
        ("systemassigned", "systemassigned,userassigned"),
        *((nothing, kind) for nothing in ("", "none") for kind in ("systemassigned", "systemassigned,userassigned")),
        *((nothing, "userassigned") for nothing in ("", "none")),
    }
)

_APPROVED = "allowonlyapprovedoutbound"
#: "Workspace managed virtual network isolation": enabled is never disabled, approved-only never internet again.
_ISOLATION_CHANGES = frozenset(
    {
        *((nothing, mode) for nothing in ("", "disabled") for mode in ("allowinternetoutbound", _APPROVED)),
        ("allowinternetoutbound", _APPROVED),
    }
)

_INTERFACES = "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations"
_KINDS = (
    _kind(k.RESOURCE_GROUP, Listing.SELF, holds_others=True),
    _kind(
        k.VNET,
        Listing.GROUP,
        replacing=frozenset({"properties.addressSpace.addressPrefixes"}),
    ),
    _kind(
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
    _kind(
        k.PEERING,
        Listing.INLINE,
        inline="properties.virtualNetworkPeerings",
        replacing=frozenset({"properties.remoteVirtualNetwork.id"}),
        taggable=False,
    ),
    _kind(k.NSG, Listing.GROUP, keyed={"properties.securityRules": "name"}),
    _kind(
        k.PUBLIC_IP,
        Listing.GROUP,
        replacing=frozenset(
            {"sku.name", "zones", "properties.publicIPAllocationMethod", "properties.publicIPAddressVersion"}
        ),
    ),
    _kind(
        k.NAT_GATEWAY,
        Listing.GROUP,
        replacing=frozenset({"sku.name"}),
        keyed={"properties.publicIpAddresses": "id"},
    ),
    _kind(
        k.ROUTE_TABLE,
        Listing.GROUP,
        defaults={"properties.disableBgpRoutePropagation": False},
        keyed={"properties.routes": "name"},
    ),
    _kind(k.SERVICE_ENDPOINT_POLICY, Listing.GROUP, keyed={"properties.serviceEndpointPolicyDefinitions": "name"}),
    _kind(
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
    _kind(
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
    _kind(k.LOCAL_GATEWAY, Listing.GROUP),
    _kind(
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
    _kind(k.CIRCUIT, Listing.GROUP),
    _kind(
        k.INTERFACE,
        Listing.GROUP,
        replacing=frozenset({"properties.ipConfigurations[].properties.subnet.id"}),
        defaults={"properties.enableIPForwarding": False},
        keyed={"properties.ipConfigurations": "name"},
    ),
    _kind(
        k.VM,
        Listing.GROUP,
        # Everything of the profiles but size, tags and identity: PropertyChangeNotAllowed.
        replacing=frozenset(
            {
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
    _kind(
        k.SCALE_SET,
        Listing.GROUP,
        # What a set is born with ("Modify a Virtual Machine Scale Set", properties with restrictions).
        replacing=frozenset(
            {
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
    _kind(
        k.VM_EXTENSION,
        Listing.PARENT,
        replacing=frozenset({"properties.publisher", "properties.type"}),
        meanings={"properties.settings.script": Meaning.EXACT},
    ),
    _kind(k.DNS_ZONE, Listing.GROUP),
    _kind(
        k.DNS_LINK,
        Listing.PARENT,
        replacing=frozenset({"properties.virtualNetwork.id"}),
        defaults={"properties.resolutionPolicy": "Default"},
    ),
    _kind(k.A_RECORD, Listing.PARENT, taggable=False),
    _kind(
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
    _kind(k.ZONE_GROUP, Listing.PARENT, keyed={"properties.privateDnsZoneConfigs": "name"}, taggable=False),
    _kind(
        k.STORAGE,
        Listing.GROUP,
        replacing=frozenset({"kind"}),
        defaults=_STORAGE_DEFAULTS,
        keyed={"properties.networkAcls.ipRules": "value", "properties.networkAcls.virtualNetworkRules": "id"},
        meanings={
            "properties.networkAcls.bypass": Meaning.COMMA_SET,
            "identity.type": Meaning.COMMA_SET,
            "identity.userAssignedIdentities": Meaning.IDENTITIES,
        },
    ),
    _kind(
        k.VAULT,
        Listing.GROUP,
        # "Once set, it cannot be changed": Key Vault soft-delete overview.
        replacing=frozenset({"properties.softDeleteRetentionInDays", "properties.tenantId"}),
        defaults=_VAULT_DEFAULTS,
        # A vault with access policies gets one for the system identity of the workspace that is made with it.
        additions={"properties.accessPolicies": ("workspace", "identity.principalId")},
        keyed={
            "properties.accessPolicies": "objectId",
            "properties.networkAcls.ipRules": "value",
            "properties.networkAcls.virtualNetworkRules": "id",
        },
    ),
    _kind(
        k.REGISTRY,
        Listing.GROUP,
        defaults={
            "properties.adminUserEnabled": False,
            "properties.anonymousPullEnabled": False,
            "properties.publicNetworkAccess": "Enabled",
            "properties.networkRuleBypassOptions": "AzureServices",
        },
    ),
    _kind(k.LOG_ANALYTICS, Listing.GROUP),
    _kind(k.COMPONENT, Listing.GROUP),
    _kind(
        k.ML_WORKSPACE,
        Listing.GROUP,
        # How-to "Manage workspaces": the associated storage account and key vault cannot be changed.
        # "Customer-managed keys": the key can only be updated to another one in the original vault.
        replacing=frozenset(
            {
                "properties.storageAccount",
                "properties.keyVault",
                "properties.encryption.status",
                "properties.encryption.keyVaultProperties.keyVaultArmId",
            }
        ),
        id_maps=frozenset({"identity.userAssignedIdentities"}),
        in_place={"identity.type": _IDENTITY_CHANGES, "properties.managedNetwork.isolationMode": _ISOLATION_CHANGES},
        meanings={"identity.type": Meaning.COMMA_SET},
        defaults={
            "kind": "Default",
            "properties.publicNetworkAccess": "Enabled",
            "properties.v1LegacyMode": False,
            "properties.managedNetwork.isolationMode": "Disabled",
            "properties.managedNetwork.firewallSku": "Standard",
            "properties.systemDatastoresAuthMode": "AccessKey",
        },
    ),
    _kind(
        k.COMPUTE,
        Listing.PARENT,
        # Only scale settings and identity of a cluster can be updated; the rest means a new cluster.
        replacing=frozenset(
            {
                "properties.computeType",
                "properties.disableLocalAuth",
                "properties.properties.vmSize",
                "properties.properties.vmPriority",
                "properties.properties.osType",
                "properties.properties.subnet",
                "properties.properties.subnet.id",
                "properties.properties.enableNodePublicIp",
                "properties.properties.remoteLoginPortPublicAccess",
            }
        ),
        defaults={
            "properties.disableLocalAuth": False,
            "properties.properties.enableNodePublicIp": True,
            "properties.properties.subnet": None,
            "properties.properties.vmPriority": "Dedicated",
            "properties.properties.osType": "Linux",
            "properties.properties.scaleSettings.minNodeCount": 0,
        },
        meanings={
            "properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown": Meaning.DURATION,
            "properties.properties.idleTimeBeforeShutdown": Meaning.DURATION,
            "identity.type": Meaning.COMMA_SET,
            # "The default managed identity is the system-assigned managed identity or the first user-assigned managed
            # identity": "Set up authentication between Azure Machine Learning and other services" (S2-32).
            "identity.userAssignedIdentities": Meaning.ORDERED_IDENTITIES,
        },
    ),
    _kind(k.IDENTITY, Listing.GROUP),
    _kind(
        k.DATASTORE,
        Listing.PARENT,
        # Visible for "read, create" only in the SDK's models: where the data lies is not changed in place.
        replacing=frozenset(
            {"properties.datastoreType", "properties.accountName", "properties.containerName", "properties.filesystem"}
        ),
        defaults={"properties.serviceDataAccessAuthIdentity": "None"},
        taggable=False,
    ),
    _kind(
        k.OUTBOUND_RULE,
        Listing.PARENT,
        # azurerm makes a new rule of each of these.
        replacing=frozenset(
            {
                "properties.type",
                "properties.destination.serviceResourceId",
                "properties.destination.subresourceTarget",
            }
        ),
        defaults={
            "properties.category": "UserDefined",
            "properties.destination.action": "Allow",
            "properties.destination.sparkEnabled": False,
        },
        meanings={"properties.destination.portRanges": Meaning.COMMA_SET},
        taggable=False,
    ),
    _kind(k.MANAGED_NETWORK, Listing.PARENT, taggable=False, stays=True),
    _kind(
        k.ROLE_ASSIGNMENT,
        Listing.GROUP_EXTENSION,
        matched=frozenset({"properties.roleDefinitionId", "properties.principalId"}),
        replacing=frozenset({"properties.principalType"}),
        taggable=False,
    ),
    _kind(k.ELIGIBILITY, Listing.GROUP_EXTENSION, taggable=False),
    _kind(
        k.DIAGNOSTIC,
        Listing.SCOPE,
        keyed={"properties.logs": "categoryGroup"},
        taggable=False,
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.type: kind for kind in _KINDS})

#: Of an instance nothing but tags changes in place: "Create an Azure Machine Learning compute instance" (size, SSH, the
#: idle time of a template), azurerm_machine_learning_compute_instance (ForceNew throughout, identity included).
_INSTANCE = replace(
    KINDS[k.COMPUTE],
    replacing=KINDS[k.COMPUTE].replacing
    | {
        "identity.type",
        "identity.userAssignedIdentities",
        "properties.properties.sshSettings.sshPublicAccess",
        "properties.properties.applicationSharingPolicy",
        "properties.properties.computeInstanceAuthorizationType",
        "properties.properties.personalComputeInstanceSettings.assignedUser.objectId",
        "properties.properties.personalComputeInstanceSettings.assignedUser.tenantId",
        "properties.properties.idleTimeBeforeShutdown",
    },
)


def kind_of(resource: Resource) -> Kind:
    """What is known of a resource's type; a compute is a cluster or an instance, which change differently."""
    if resource.type == k.COMPUTE and at(resource.body, "properties.computeType") == "ComputeInstance":
        return _INSTANCE
    return KINDS[resource.type]
