"""Azure's built-in roles, those that this project meets, with their real GUIDs and actions.

Source: Azure built-in roles (Microsoft Learn, role-based-access-control/built-in-roles). `actions` and
`notActions` decide about ARM calls; `dataActions` about publishing to Event Grid topics, and are else only printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_AUTH = "Microsoft.Authorization"
_BLOB = "Microsoft.Storage/storageAccounts/blobServices"
_FILE = "Microsoft.Storage/storageAccounts/fileServices"
_ML = "Microsoft.MachineLearningServices"
_VAULT = "Microsoft.KeyVault"


@dataclass(frozen=True)
class Role:
    guid: str
    name: str
    description: str = ""
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Whether a control-plane action is among `actions` and not among `notActions`."""
        return _matches(self.actions, action) and not _matches(self.not_actions, action)

    def allows_data(self, action: str) -> bool:
        return _matches(self.data_actions, action) and not _matches(self.not_data_actions, action)


@lru_cache(maxsize=65536)
def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(_pattern(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    # As Managed Identity Operator shows: `identities/*/assign/action` also allows `identities/assign/action`.
    return re.compile(re.escape(pattern).replace(r"/\*/", "/(?:.*/)?").replace(r"\*", ".*"), re.IGNORECASE)


def _blob(*verbs: str) -> tuple[str, ...]:
    return tuple(f"{_BLOB}/containers/blobs/{verb}" for verb in verbs)


_VAULT_READS = (
    f"{_AUTH}/*/read", "Microsoft.Insights/alertRules/*", "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Support/*",
    f"{_VAULT}/checkNameAvailability/read", f"{_VAULT}/deletedVaults/read", f"{_VAULT}/locations/*/read",
    f"{_VAULT}/vaults/*/read", f"{_VAULT}/operations/read",
)  # fmt: skip
_COMMON = (
    f"{_AUTH}/*/read", "Microsoft.Insights/alertRules/*", "Microsoft.ResourceHealth/availabilityStatuses/read",
    "Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Support/*",
)  # fmt: skip

BUILT_IN: tuple[Role, ...] = (
    Role(
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner",
        "Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.", ("*",),
    ),
    Role(
        "b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor",
        "Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, manage "
        "assignments in Azure Blueprints, or share image galleries.",
        ("*",),
        (
            f"{_AUTH}/*/Delete", f"{_AUTH}/*/Write", f"{_AUTH}/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write", "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action", "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete", "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
            "Microsoft.Subscription/cancel/action", "Microsoft.Subscription/enable/action",
        ),
    ),
    Role(
        "acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader",
        "View all resources, but does not allow you to make any changes.", ("*/read",),
    ),
    Role(
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator",
        "Lets you manage user access to Azure resources.", ("*/read", f"{_AUTH}/*", "Microsoft.Support/*"),
    ),
    Role(
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator",
        "Manage access to Azure resources by assigning roles using Azure RBAC. This role does not allow you to manage "
        "access using other ways, such as Azure Policy.",
        (f"{_AUTH}/roleAssignments/write", f"{_AUTH}/roleAssignments/delete", "*/read", "Microsoft.Support/*"),
    ),
    Role(
        # azure-rbac-catalog.org and azadvertizer.net
        "ea01e6af-a1c1-4350-9563-ad00f8c72ec5", "Azure Machine Learning Workspace Connection Secrets Reader",
        "Can list workspace connection secrets",
        (
            "Microsoft.MachineLearningServices/workspaces/connections/listsecrets/action",
            "Microsoft.MachineLearningServices/workspaces/metadata/secrets/read",
        ),
    ),
    Role(
        "7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPull", "acr pull",
        ("Microsoft.ContainerRegistry/registries/pull/read",),
    ),
    Role(
        "8311e382-0749-4cb8-b61a-304f252e45ec", "AcrPush", "acr push",
        ("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"),
    ),
    Role(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor",
        "Allows for read, write and delete access to Azure Storage blob containers and data",
        (
            f"{_BLOB}/containers/delete", f"{_BLOB}/containers/read", f"{_BLOB}/containers/write",
            f"{_BLOB}/generateUserDelegationKey/action",
        ),
        (), _blob("delete", "read", "write", "move/action", "add/action"),
    ),
    Role(
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader",
        "Allows for read access to Azure Storage blob containers and data",
        (f"{_BLOB}/containers/read", f"{_BLOB}/generateUserDelegationKey/action"), (), _blob("read"),
    ),
    Role(
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "Storage Blob Data Owner",
        "Allows for full access to Azure Storage blob containers and data, including assigning POSIX access control.",
        (f"{_BLOB}/containers/*", f"{_BLOB}/generateUserDelegationKey/action"), (), _blob("*"),
    ),
    Role(
        "69566ab7-960f-475b-8e7c-b3118f30c6bd", "Storage File Data Privileged Contributor",
        "Customer has read, write, delete and modify NTFS permission access on Azure Storage file shares.", (), (),
        (
            f"{_FILE}/fileshares/files/read", f"{_FILE}/fileshares/files/write", f"{_FILE}/fileshares/files/delete",
            f"{_FILE}/fileshares/files/modifypermissions/action", f"{_FILE}/readFileBackupSemantics/action",
            f"{_FILE}/writeFileBackupSemantics/action",
        ),
    ),
    Role(
        "17d1049b-9a84-46fb-8f53-869881c3d3ab", "Storage Account Contributor",
        "Lets you manage storage accounts, including accessing storage account keys.",
        (*_COMMON, "Microsoft.Insights/diagnosticSettings/*", "Microsoft.Storage/storageAccounts/*",
         "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action"),
    ),
    Role(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator",
        "Perform all data plane operations on a key vault and all objects in it, including certificates, keys, and "
        "secrets.", _VAULT_READS, (), (f"{_VAULT}/vaults/*",),
    ),
    Role(
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer",
        "Perform any action on the secrets of a key vault, except manage permissions.", _VAULT_READS, (),
        (f"{_VAULT}/vaults/secrets/*",),
    ),
    Role(
        "4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User", "Read secret contents.", (), (),
        (f"{_VAULT}/vaults/secrets/getSecret/action", f"{_VAULT}/vaults/secrets/readMetadata/action"),
    ),
    Role(
        "21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader",
        "Read metadata of key vaults and its certificates, keys, and secrets.", _VAULT_READS, (),
        (f"{_VAULT}/vaults/*/read", f"{_VAULT}/vaults/secrets/readMetadata/action"),
    ),
    Role(
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603", "Key Vault Crypto Officer",
        "Perform any action on the keys of a key vault, except manage permissions.", _VAULT_READS, (),
        (f"{_VAULT}/vaults/keys/*", f"{_VAULT}/vaults/keyrotationpolicies/*"),
    ),
    Role(
        "e147488a-f6f5-4113-8e2d-b22465e65bf6", "Key Vault Crypto Service Encryption User",
        "Read metadata of keys and perform wrap/unwrap operations.",
        tuple(f"Microsoft.EventGrid/eventSubscriptions/{verb}" for verb in ("write", "read", "delete")), (),
        tuple(f"{_VAULT}/vaults/keys/{verb}" for verb in ("read", "wrap/action", "unwrap/action")),
    ),
    Role(
        "a4417e6f-fecd-4de8-b567-7b0420556985", "Key Vault Certificates Officer",
        "Perform any action on the certificates of a key vault, except manage permissions.", _VAULT_READS, (),
        (f"{_VAULT}/vaults/certificatecas/*", f"{_VAULT}/vaults/certificates/*"),
    ),
    Role(
        "f25e0fa2-a7c8-4377-a976-54943a77a395", "Key Vault Contributor",
        "Lets you manage key vaults, but not access to them.", (*_COMMON, f"{_VAULT}/*"),
        (f"{_VAULT}/locations/deletedVaults/purge/action", f"{_VAULT}/hsmPools/*", f"{_VAULT}/managedHsms/*"),
    ),
    Role(
        "f6c7c914-8db3-469d-8ca1-694a8f32e121", "AzureML Data Scientist",
        "Can perform all actions within an Azure Machine Learning workspace, except for creating or deleting compute "
        "resources and modifying the workspace itself.",
        (f"{_ML}/workspaces/*/read", f"{_ML}/workspaces/*/action", f"{_ML}/workspaces/*/delete",
         f"{_ML}/workspaces/*/write"),
        (
            f"{_ML}/workspaces/delete", f"{_ML}/workspaces/write", f"{_ML}/workspaces/computes/*/write",
            f"{_ML}/workspaces/computes/*/delete", f"{_ML}/workspaces/computes/listKeys/action",
            f"{_ML}/workspaces/listKeys/action", f"{_ML}/workspaces/hubs/write", f"{_ML}/workspaces/hubs/delete",
            f"{_ML}/workspaces/featurestores/write", f"{_ML}/workspaces/featurestores/delete",
        ),
    ),
    Role(
        "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815", "AzureML Compute Operator",
        "Can access and perform CRUD operations on Machine Learning Services managed compute resources.",
        (f"{_ML}/workspaces/computes/*", f"{_ML}/workspaces/notebooks/vm/*"),
    ),
    Role(
        "b556d68e-0be0-4f35-a333-ad7ee1ce17ea", "Azure AI Enterprise Network Connection Approver",
        "Can approve private endpoint connections to Azure AI common dependency resources",
        (
            "Microsoft.ContainerRegistry/registries/privateEndpointConnectionsApproval/action",
            "Microsoft.ContainerRegistry/registries/privateEndpointConnections/*",
            "Microsoft.ContainerRegistry/registries/read", f"{_VAULT}/vaults/privateEndpointConnectionsApproval/action",
            f"{_VAULT}/vaults/privateEndpointConnections/*",
            f"{_VAULT}/vaults/read", f"{_ML}/workspaces/privateEndpointConnectionsApproval/action",
            f"{_ML}/workspaces/privateEndpointConnections/*", f"{_ML}/workspaces/read",
            "Microsoft.Storage/storageAccounts/privateEndpointConnections/*", "Microsoft.Storage/storageAccounts/read",
            "Microsoft.Storage/storageAccounts/privateEndpointConnectionsApproval/action",
        ),
    ),
    Role(
        "9980e02c-c2be-4d73-94e8-173b1dc7cf3c", "Virtual Machine Contributor",
        "Lets you manage virtual machines, but not access to them, and not the virtual network or storage account "
        "they're connected to.",
        (
            *_COMMON, "Microsoft.Compute/availabilitySets/*", "Microsoft.Compute/locations/*",
            "Microsoft.Compute/virtualMachines/*", "Microsoft.Compute/virtualMachineScaleSets/*",
            "Microsoft.Compute/cloudServices/*", "Microsoft.Compute/disks/write", "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/delete", "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/networkSecurityGroups/join/action", "Microsoft.Network/networkSecurityGroups/read",
            "Microsoft.Network/publicIPAddresses/join/action", "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/virtualNetworks/read", "Microsoft.Network/virtualNetworks/subnets/join/action",
        ),
    ),
    Role(
        "4d97b98b-1d4f-4787-a291-c67834d212e7", "Network Contributor",
        "Lets you manage networks, but not access to them.",
        (*_COMMON, "Microsoft.Network/*"),
    ),
    Role(
        "b12aa53e-6015-4669-85d0-8515ebb3ae7f", "Private DNS Zone Contributor",
        "Lets you manage private DNS zone resources, but not the virtual networks they are linked to.",
        (*_COMMON, "Microsoft.Network/privateDnsZones/*", "Microsoft.Network/privateDnsOperationResults/*",
         "Microsoft.Network/privateDnsOperationStatuses/*", "Microsoft.Network/virtualNetworks/read",
         "Microsoft.Network/virtualNetworks/join/action"),
    ),
    Role(
        "92aaf0da-9dab-42b6-94a3-d43ce8d16293", "Log Analytics Contributor",
        "Can read all monitoring data and edit monitoring settings.",
        (
            "*/read", "Microsoft.ClassicCompute/virtualMachines/extensions/*",
            "Microsoft.Compute/virtualMachines/extensions/*",
            "Microsoft.Insights/alertRules/*", "Microsoft.Insights/diagnosticSettings/*",
            "Microsoft.OperationalInsights/*", "Microsoft.OperationsManagement/*", "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourcegroups/deployments/*",
            "Microsoft.Storage/storageAccounts/listKeys/action", "Microsoft.Support/*",
        ),
    ),
    Role(
        "73c42c96-874c-492b-b04d-ab87d138a893", "Log Analytics Reader",
        "Can view and search all monitoring data as well as view monitoring settings.",
        ("*/read", "Microsoft.OperationalInsights/workspaces/analytics/query/action",
         "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"),
        ("Microsoft.OperationalInsights/workspaces/sharedKeys/read",),
    ),
    Role(
        "43d0d8ad-25c7-4714-9337-8ba259a9fe05", "Monitoring Reader", "Can read all monitoring data.",
        ("*/read", "Microsoft.OperationalInsights/workspaces/search/action", "Microsoft.Support/*"),
    ),
    Role(
        "749f88d5-cbae-40b8-bcfc-e573ddc772fa", "Monitoring Contributor",
        "Can read all monitoring data and edit monitoring settings.",
        (
            "*/read", "Microsoft.AlertsManagement/alerts/*", "Microsoft.AlertsManagement/alertsSummary/*",
            "Microsoft.Insights/actiongroups/*", "Microsoft.Insights/activityLogAlerts/*",
            "Microsoft.Insights/AlertRules/*", "Microsoft.Insights/components/*",
            "Microsoft.Insights/diagnosticSettings/*", "Microsoft.Insights/eventtypes/*",
            "Microsoft.Insights/logDefinitions/*", "Microsoft.Insights/metricalerts/*",
            "Microsoft.Insights/MetricDefinitions/*", "Microsoft.Insights/Metrics/*",
            "Microsoft.Insights/Register/Action", "Microsoft.Insights/scheduledqueryrules/*",
            "Microsoft.Insights/webtests/*", "Microsoft.Insights/workbooks/*",
            "Microsoft.OperationalInsights/workspaces/write", "Microsoft.OperationalInsights/workspaces/search/action",
            "Microsoft.OperationalInsights/workspaces/sharedKeys/action", "Microsoft.Support/*",
        ),
    ),
    Role(
        "f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator", "Read and Assign User Assigned Identity",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
         "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action", *_COMMON),
    ),
    Role(
        "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59", "Managed Identity Contributor",
        "Create, Read, Update, and Delete User Assigned Identity",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
         "Microsoft.ManagedIdentity/userAssignedIdentities/*/write",
         "Microsoft.ManagedIdentity/userAssignedIdentities/*/delete", *_COMMON),
    ),
    Role(
        "d5a91429-5739-47e2-a06b-3470a27159e7", "EventGrid Data Sender", "Allows send access to event grid events.",
        (f"{_AUTH}/*/read", "Microsoft.EventGrid/topics/read", "Microsoft.EventGrid/domains/read",
         "Microsoft.EventGrid/partnerNamespaces/read", "Microsoft.Resources/subscriptions/resourceGroups/read",
         "Microsoft.EventGrid/namespaces/read"),
        data_actions=("Microsoft.EventGrid/events/send/action",),
    ),
)  # fmt: skip

BY_GUID = {role.guid: role for role in BUILT_IN}
OWNER, CONTRIBUTOR, READER = (BUILT_IN[index].guid for index in (0, 1, 2))
DATA_SCIENTIST = "f6c7c914-8db3-469d-8ca1-694a8f32e121"
RBAC_ADMINISTRATOR = "f58310d9-a9f6-439a-9e8d-f62e7b41a168"
