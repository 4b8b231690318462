"""Controls on storage, vault, registry, monitoring, the ML workspace, computes and roles, as data.

Sources as in ``catalogue_network.py``.
"""

from __future__ import annotations

from dataclasses import replace

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_ML, _DATA, _MODEL = Section.ML_PIPELINE, Section.TRAINING_DATA, Section.MODEL

_any = Table("*", _ML, Concern.DECLARED)
_group = Table(kinds.RESOURCE_GROUP, _ML, Concern.DECLARED)
_storage = Table(kinds.STORAGE, _DATA, Concern.NETWORK)
_storage_access = Table(kinds.STORAGE, _DATA, Concern.ACCESS)
_storage_shape = Table(kinds.STORAGE, _DATA, Concern.DECLARED)
_vault = Table(kinds.VAULT, _DATA, Concern.NETWORK)
_vault_access = Table(kinds.VAULT, _DATA, Concern.ACCESS)
_vault_shape = Table(kinds.VAULT, _DATA, Concern.DECLARED)
_registry = Table(kinds.REGISTRY, _MODEL, Concern.NETWORK)
_registry_access = Table(kinds.REGISTRY, _MODEL, Concern.ACCESS)
_insights = Table(kinds.COMPONENT, _ML, Concern.MONITORING)
_logs = Table(kinds.LOG_ANALYTICS, _ML, Concern.MONITORING)
_diagnostic = Table(kinds.DIAGNOSTIC, _ML, Concern.MONITORING)
_data_diagnostic = Table(kinds.DIAGNOSTIC, _DATA, Concern.MONITORING)
_model_diagnostic = Table(kinds.DIAGNOSTIC, _MODEL, Concern.MONITORING)
_workspace = Table(kinds.ML_WORKSPACE, _ML, Concern.NETWORK)
_workspace_shape = Table(kinds.ML_WORKSPACE, _ML, Concern.DECLARED)
_compute = Table(kinds.COMPUTE, _ML, Concern.NETWORK)
_compute_shape = Table(kinds.COMPUTE, _ML, Concern.DECLARED)
_role = Table(kinds.ROLE_ASSIGNMENT, _ML, Concern.ACCESS)
_data_role = Table(kinds.ROLE_ASSIGNMENT, _DATA, Concern.ACCESS)
_model_role = Table(kinds.ROLE_ASSIGNMENT, _MODEL, Concern.ACCESS)

_GENERAL = (
    _any.high("CP.Present"),
    Table(kinds.STORAGE, _DATA, Concern.DECLARED).high("CP.Present"),
    Table(kinds.VAULT, _DATA, Concern.DECLARED).high("CP.Present"),
    Table(kinds.REGISTRY, _MODEL, Concern.DECLARED).high("CP.Present", "", "S1-65"),
    _any.low("GOV.Tags.Required", "tags"),
    _group.medium("GOV.Tags.Expiry", "tags.expiry"),
    _group.medium("GOV.Tags.Environment", "tags.environment", "S3-65"),
    _any.medium("GOV.AllowedLocations", "location"),
)

_STORAGE_ENTRIES = (
    _storage.high("STO.PublicNetworkAccess", "properties.publicNetworkAccess"),
    _storage.high("STO.NetworkDefaultDeny", "properties.networkAcls.defaultAction"),
    _storage.medium("STO.TrustedServicesBypass", "properties.networkAcls.bypass"),
    _storage.medium("STO.NoIpRules", "properties.networkAcls.ipRules", prod=True),
    _storage.high("STO.HttpsOnly", "properties.supportsHttpsTrafficOnly", "S1-07"),
    _storage.high("STO.MinTls", "properties.minimumTlsVersion", "S1-07"),
    _storage.high("STO.NoPublicBlob", "properties.allowBlobPublicAccess"),
    _storage_access.high("STO.SharedKeyDisabled", "properties.allowSharedKeyAccess", prod=True),
    _storage_access.low("STO.DefaultOAuth", "properties.defaultToOAuthAuthentication"),
    _storage.medium("STO.CrossTenantReplicationOff", "properties.allowCrossTenantReplication"),
    _storage.low("STO.CopyScope", "properties.allowedCopyScope", prod=True),
    _storage_shape.high("CP.STO.Encrypted", "properties.encryption", "S1-07"),
    _storage_shape.low("STO.Sku", "sku", prod=True),
    _storage_shape.low("STO.DefaultNotHns", "properties.isHnsEnabled"),
)

_VAULT_ENTRIES = (
    _vault.high("KV.PublicNetworkAccess", "properties.publicNetworkAccess"),
    _vault.high("KV.NetworkDefaultDeny", "properties.networkAcls.defaultAction"),
    _vault.medium("KV.TrustedServicesBypass", "properties.networkAcls.bypass"),
    _vault_shape.high("KV.SoftDelete", "properties.enableSoftDelete"),
    replace(
        _vault_shape.low("KV.SoftDeleteRetention", "properties.softDeleteRetentionInDays", prod=True),
        manual="The retention of a vault is fixed when it is created.",
    ),
    replace(
        _vault_shape.high("KV.PurgeProtection", "properties.enablePurgeProtection", prod=True),
        manual="Purge protection can never be switched off again: a person has to decide it.",
    ),
    _vault_access.medium("KV.Rbac", "properties.enableRbacAuthorization"),
    _vault_shape.low("KV.SkuPremium", "properties.sku", prod=True),
)

_REGISTRY_ENTRIES = (
    _registry.high("ACR.SkuPremium", "sku", "S1-66"),
    _registry.high("ACR.PublicNetworkAccess", "properties.publicNetworkAccess", "S1-67"),
    _registry_access.high("ACR.AdminUserDisabled", "properties.adminUserEnabled", "S1-68", "S2-03", "S2-71"),
    _registry.medium("ACR.NetworkDefaultDeny", "properties.networkRuleSet"),
    _registry.medium("ACR.TrustedServicesBypass", "properties.networkRuleBypassOptions"),
    _registry_access.high("ACR.AnonymousPullOff", "properties.anonymousPullEnabled"),
    _registry.medium("ACR.ExportPolicyOff", "properties.policies.exportPolicy", prod=True),
)

_MONITORING_ENTRIES = (
    _insights.medium("CP.Present"),
    _insights.medium("AI.WorkspaceBased", "properties.WorkspaceResourceId"),
    _logs.medium("CP.Present"),
    _logs.low("LA.Retention", "properties.retentionInDays"),
    _diagnostic.medium("CP.Diagnostics"),
    _diagnostic.medium("CP.Diagnostics", "properties"),
    _diagnostic.medium("DIAG.DestinationAlive", "properties.workspaceId"),
    _diagnostic.medium("AML.WS.DiagnosticSettings", key="diagnostic/workspace"),
    _data_diagnostic.medium("KV.Diagnostics", key="diagnostic/vault"),
    _model_diagnostic.low("ACR.Diagnostics", key="diagnostic/registry"),
    _data_diagnostic.medium("STO.DiagBlob", key="diagnostic/storage-blob", prod=True),
    _data_diagnostic.low("STO.DiagFileQueueTable", key="diagnostic/storage-file", prod=True),
)

_WORKSPACE_ENTRIES = (
    _workspace.high("AML.WS.PublicNetworkAccess", "properties.publicNetworkAccess", "S1-05", "S1-48"),
    _workspace.medium("AML.WS.V1LegacyMode", "properties.v1LegacyMode", "S1-47"),
    _workspace.high("AML.WS.ServerlessSubnet", "properties.serverlessComputeSettings"),
    Table(kinds.ML_WORKSPACE, _ML, Concern.IDENTITY).high("AML.WS.IdentityPresent", "identity"),
    Table(kinds.ML_WORKSPACE, _DATA, Concern.ACCESS).high(
        "AML.WS.SystemDatastoresAuthMode", "properties.systemDatastoresAuthMode", prod=True
    ),
    _workspace_shape.high("AML.WS.ImageBuildCompute", "properties.imageBuildCompute"),
    Table(kinds.ML_WORKSPACE, _MODEL, Concern.DECLARED).medium(
        "AML.WS.ContainerRegistrySet", "properties.containerRegistry", "S1-65", "S2-16"
    ),
    Table(kinds.ML_WORKSPACE, _DATA, Concern.DECLARED).high(
        "AML.WS.StorageAccountSet", "properties.storageAccount", "S2-16"
    ),
    Table(kinds.ML_WORKSPACE, _DATA, Concern.DECLARED).high("AML.WS.KeyVaultSet", "properties.keyVault", "S2-16"),
    Table(kinds.ML_WORKSPACE, _ML, Concern.MONITORING).medium(
        "AML.WS.AppInsightsSet", "properties.applicationInsights"
    ),
    _workspace_shape.medium("AML.WS.HbiFlag", "properties.hbiWorkspace", prod=True),
)

_SCALE = "properties.properties.scaleSettings"
_COMPUTE_ENTRIES = (
    Table(kinds.COMPUTE, _ML, Concern.ACCESS).high("AML.COMPUTE.LocalAuthDisabled", "properties.disableLocalAuth"),
    _compute.high("AML.COMPUTE.InVirtualNetwork", "properties.properties.subnet", "S1-26"),
    _compute.high("AML.CLUSTER.NoPublicIp", "properties.properties.enableNodePublicIp", "S1-71"),
    _compute.high("AML.CLUSTER.RemoteLoginDisabled", "properties.properties.remoteLoginPortPublicAccess", "S1-29"),
    _compute.low("AML.CLUSTER.IsolatedNetwork", "properties.properties.isolatedNetwork", prod=True),
    _compute_shape.low("AML.CLUSTER.MinNodesZero", f"{_SCALE}.minNodeCount", "S1-30", "S2-37"),
    _compute_shape.medium("AML.CLUSTER.MaxNodesBounded", f"{_SCALE}.maxNodeCount", "S2-37"),
    _compute_shape.low("AML.CLUSTER.IdleScaleDown", f"{_SCALE}.nodeIdleTimeBeforeScaleDown", "S1-31", "S2-37"),
    _compute_shape.low("AML.CLUSTER.VmPriority", "properties.properties.vmPriority", prod=True),
    _compute_shape.low("AML.CLUSTER.VmSizeAllowlist", "properties.properties.vmSize", "S2-37"),
    Table(kinds.COMPUTE, _ML, Concern.IDENTITY).high("AML.CLUSTER.ManagedIdentity", "identity", "S1-32", "S2-31"),
    _compute_shape.medium("AML.CLUSTER.RegionMatch", "location"),
)

_WS = "role/workspace-identity"
_ROLE_ENTRIES = (
    _role.high("CP.RoleAssigned"),
    _model_role.high("RBAC.WsMi.AcrContributor", "", "S1-02", "S1-69", "S2-70", key=f"{_WS}/registry/*"),
    _data_role.high("RBAC.WsMi.StorageBlobData", "", "S1-02", key=f"{_WS}/storage/storage-blob-data-contributor"),
    _data_role.medium(
        "RBAC.WsMi.StorageFileData", "", "S1-02", key=f"{_WS}/storage/storage-file-data-privileged-contributor"
    ),
    _data_role.high("RBAC.WsMi.StorageContributor", key=f"{_WS}/storage/contributor"),
    _data_role.high("RBAC.WsMi.KeyVault", "", "S1-02", key=f"{_WS}/vault/*"),
    _role.low("RBAC.WsMi.AppInsights", key=f"{_WS}/application-insights/*"),
    _role.medium("RBAC.WsMi.Workspace", key=f"{_WS}/workspace/*"),
    _data_role.medium("RBAC.WsMi.ReaderOnStoragePe", "", "S1-02", key=f"{_WS}/private-endpoint*"),
    _model_role.high(
        "RBAC.ComputeMi.AcrPull",
        "",
        *("S1-02", "S2-04", "S2-70", "S2-75", "S2-76"),
        key="role/cluster/*/registry/acr-pull",
    ),
    _data_role.high("RBAC.ComputeMi.StorageRead", "", "S1-02", "S2-04", key="role/cluster/*/storage/*"),
)

ENTRIES: tuple[Control, ...] = (
    *_GENERAL,
    *_STORAGE_ENTRIES,
    *_VAULT_ENTRIES,
    *_REGISTRY_ENTRIES,
    *_MONITORING_ENTRIES,
    *_WORKSPACE_ENTRIES,
    *_COMPUTE_ENTRIES,
    *_ROLE_ENTRIES,
)
