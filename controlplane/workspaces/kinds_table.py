"""The table of :mod:`controlplane.workspaces.kinds`: one entry per ARM type.

Sources: listings and defaults from recorded ARM traffic (Azure CLI's recordings) and, for absent properties, the ARM
reference of each type; replacing paths from the "cannot be changed" notes of the same pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds import Kind, Listing, Meaning, entry
from controlplane.workspaces.kinds_network import NETWORK_KINDS
from controlplane.workspaces.model import Resource
from controlplane.workspaces.resolve import at

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

_KINDS = (
    *NETWORK_KINDS,
    entry(k.RESOURCE_GROUP, Listing.SELF, holds_others=True),
    entry(
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
    entry(
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
    entry(
        k.REGISTRY,
        Listing.GROUP,
        defaults={
            "properties.adminUserEnabled": False,
            "properties.anonymousPullEnabled": False,
            "properties.publicNetworkAccess": "Enabled",
            "properties.networkRuleBypassOptions": "AzureServices",
        },
    ),
    entry(k.LOG_ANALYTICS, Listing.GROUP),
    entry(k.COMPONENT, Listing.GROUP),
    entry(
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
    entry(
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
    entry(k.IDENTITY, Listing.GROUP),
    entry(
        k.DATASTORE,
        Listing.PARENT,
        # Visible for "read, create" only in the SDK's models: where the data lies is not changed in place.
        replacing=frozenset(
            {"properties.datastoreType", "properties.accountName", "properties.containerName", "properties.filesystem"}
        ),
        defaults={"properties.serviceDataAccessAuthIdentity": "None"},
        taggable=False,
    ),
    entry(
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
    entry(k.MANAGED_NETWORK, Listing.PARENT, taggable=False, stays=True),
    entry(
        k.ROLE_ASSIGNMENT,
        Listing.GROUP_EXTENSION,
        matched=frozenset({"properties.roleDefinitionId", "properties.principalId"}),
        replacing=frozenset({"properties.principalType"}),
        taggable=False,
    ),
    entry(k.ELIGIBILITY, Listing.GROUP_EXTENSION, taggable=False),
    entry(k.ACTIVATION, Listing.GROUP_EXTENSION, taggable=False),
    entry(k.ROLE_DEFINITION, Listing.GROUP_EXTENSION, taggable=False),
    *(
        entry(kind, Listing.GROUP_EXTENSION, taggable=False)
        for kind in (k.POLICY_ASSIGNMENT, k.POLICY_DEFINITION, k.POLICY_SET)
    ),
    entry(
        k.DIAGNOSTIC,
        Listing.SCOPE,
        keyed={"properties.logs": "categoryGroup"},
        taggable=False,
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.type: kind for kind in _KINDS})

#: Of an instance nothing but tags and, by an action (``azure/instances.py``), the idle time changes in place: "Create
#: an Azure Machine Learning compute instance" (size, SSH), azurerm_machine_learning_compute_instance (ForceNew
#: throughout, identity included).
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
    },
)


def kind_of(resource: Resource) -> Kind:
    """What is known of a resource's type; a compute is a cluster or an instance, which change differently."""
    if resource.type == k.COMPUTE and at(resource.body, "properties.computeType") == "ComputeInstance":
        return _INSTANCE
    return KINDS[resource.type]
