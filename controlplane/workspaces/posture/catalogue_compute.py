"""Controls on compute instances and on the identities of computes, as data.

Sources as in ``catalogue_network.py``: AML.CI.* after Azure Policy 679ddf89-ab8f-48a5-9029-e76054077449 (idle shutdown)
and 7804b5c7-01dc-4723-969b-ae300cc07ff1, PSRule Azure.ML.ComputeIdleShutdown and Azure.ML.ComputeVnet, and "Create an
Azure Machine Learning compute instance".
"""

from __future__ import annotations

from dataclasses import replace

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_ML = Section.ML_PIPELINE
_ONE = "instance/*"
_network = Table(kinds.COMPUTE, _ML, Concern.NETWORK)
_shape = Table(kinds.COMPUTE, _ML, Concern.DECLARED)
_access = Table(kinds.COMPUTE, _ML, Concern.ACCESS)
_identity = Table(kinds.COMPUTE, _ML, Concern.IDENTITY)
_role = Table(kinds.ROLE_ASSIGNMENT, _ML, Concern.ACCESS)
_data_role = Table(kinds.ROLE_ASSIGNMENT, Section.TRAINING_DATA, Concern.ACCESS)
_model_role = Table(kinds.ROLE_ASSIGNMENT, Section.MODEL, Concern.ACCESS)

_INNER = "properties.properties"

ENTRIES: tuple[Control, ...] = (
    _shape.medium("AML.CI.IdleShutdown", f"{_INNER}.idleTimeBeforeShutdown", key=_ONE),
    _access.high("AML.CI.SshDisabled", f"{_INNER}.sshSettings", key=_ONE),
    _network.high("AML.CI.NoPublicIp", f"{_INNER}.enableNodePublicIp", key=_ONE),
    _access.medium("AML.CI.ApplicationSharing", f"{_INNER}.applicationSharingPolicy", key=_ONE),
    _access.medium("AML.CI.PersonalAuthorization", f"{_INNER}.computeInstanceAuthorizationType", key=_ONE),
    _access.medium("AML.CI.PersonalAuthorization", f"{_INNER}.personalComputeInstanceSettings", key=_ONE),
    _shape.low("AML.CI.VmSize", f"{_INNER}.vmSize", key=_ONE),
    _identity.high("AML.CI.ManagedIdentity", "identity", key=_ONE),
    # The first user-assigned identity is the one that mounts, pulls and reads.
    _identity.high("AML.CLUSTER.DefaultIdentity", "identity.userAssignedIdentities", "S2-32", key="cluster/*"),
    _role.low("AML.CI.IdleShutdownIdentity", "", "S2-52", key="role/instance/*/workspace/contributor"),
    # The same right of a user-assigned identity; where the workspace works with that identity too, it is its own.
    replace(_role.low("AML.CI.IdleShutdownIdentity", key="role/*identity/*/workspace/contributor"), of="S2-52"),
    _model_role.high("RBAC.ComputeMi.AcrPull", key="role/instance/*/registry/acr-pull"),
    _model_role.high("RBAC.ComputeMi.AcrPull", key="role/*identity/*/registry/acr-pull"),
    _model_role.high("RBAC.ComputeMi.ImagePull", key="role/*identity/*/images-*"),
    _data_role.high("RBAC.ComputeMi.DataRead", key="role/*identity/*/data-*"),
    _data_role.high("RBAC.ComputeMi.StorageRead", key="role/instance/*/storage/*"),
)
