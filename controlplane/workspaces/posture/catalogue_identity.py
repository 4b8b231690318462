"""Controls on user-assigned identities, their roles, access policies and keys of the customer's own, as data.

Sources as in ``catalogue_network.py``; the roles are those of "Set up authentication between Azure Machine Learning and
other services", by target.
"""

from __future__ import annotations

from dataclasses import replace

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_ML, _DATA, _MODEL = Section.ML_PIPELINE, Section.TRAINING_DATA, Section.MODEL

_identity = Table(kinds.IDENTITY, _ML, Concern.IDENTITY)
_workspace = Table(kinds.ML_WORKSPACE, _ML, Concern.IDENTITY)
_key = Table(kinds.ML_WORKSPACE, _DATA, Concern.DECLARED)
_role = Table(kinds.ROLE_ASSIGNMENT, _ML, Concern.ACCESS)
_data_role = Table(kinds.ROLE_ASSIGNMENT, _DATA, Concern.ACCESS)
_model_role = Table(kinds.ROLE_ASSIGNMENT, _MODEL, Concern.ACCESS)

#: Identities that are made with the workspace, and those that somebody brings.
_UAI = "role/*identity/*"
_FIXED = "A workspace has its key from its creation or never; later it can be another one of the same vault."

ENTRIES: tuple[Control, ...] = (
    _identity.high("CP.IDENTITY.Present"),
    # Written whole: what a request leaves out, Azure deletes.
    _workspace.high("AML.WS.UserAssignedIdentity", "identity.userAssignedIdentities", "S2-27", "S2-28"),
    _workspace.high("AML.WS.UserAssignedIdentity", "properties.primaryUserAssignedIdentity"),
    replace(_key.medium("AML.WS.CmkStatus", "properties.encryption", "S2-24"), manual=_FIXED),
    _key.medium("AML.WS.CmkKeyUri", "properties.encryption.keyVaultProperties.keyIdentifier", "S2-24"),
    _key.medium("AML.WS.CmkIdentity", "properties.encryption.identity", "S2-24"),
    Table(kinds.STORAGE, _DATA, Concern.DECLARED).medium(
        "STO.Cmk", "properties.encryption.keyvaultproperties", "S2-24"
    ),
    Table(kinds.STORAGE, _DATA, Concern.DECLARED).medium("STO.Cmk", "properties.encryption.identity", "S2-24"),
    Table(kinds.VAULT, _DATA, Concern.ACCESS).high(
        "KV.AccessPolicyLeastPrivilege", "properties.accessPolicies", "S2-20"
    ),
    _role.medium("RBAC.WsMi.Workspace", "", "S2-17", key=f"{_UAI}/workspace/*"),
    _data_role.high("RBAC.WsMi.StorageContributor", "", "S2-18", key=f"{_UAI}/storage/contributor"),
    _data_role.high("RBAC.WsMi.StorageBlobData", "", "S2-18", key=f"{_UAI}/storage/storage-blob-data-contributor"),
    _data_role.medium("RBAC.WsMi.StorageFileData", key=f"{_UAI}/storage/storage-file-data-privileged-contributor"),
    _data_role.high("RBAC.WsMi.KeyVault", "", "S2-19", key=f"{_UAI}/vault/*"),
    _model_role.high("RBAC.WsMi.AcrContributor", "", "S2-21", key=f"{_UAI}/registry/*"),
    _role.low("RBAC.WsMi.AppInsights", "", "S2-22", key=f"{_UAI}/application-insights/*"),
    _data_role.medium("RBAC.WsMi.ReaderOnStoragePe", key=f"{_UAI}/private-endpoint*"),
)
