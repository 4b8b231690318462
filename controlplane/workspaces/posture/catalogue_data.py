"""Controls on datastores and on roles on data and images of others, as data. Sources as in ``catalogue_network.py``."""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_store = Table(kinds.DATASTORE, Section.TRAINING_DATA, Concern.ACCESS)
_store_shape = Table(kinds.DATASTORE, Section.TRAINING_DATA, Concern.DECLARED)
_endpoint = Table(kinds.PRIVATE_ENDPOINT, Section.TRAINING_DATA, Concern.NETWORK)
_role = Table(kinds.ROLE_ASSIGNMENT, Section.TRAINING_DATA, Concern.ACCESS)
_model_role = Table(kinds.ROLE_ASSIGNMENT, Section.MODEL, Concern.ACCESS)
_WS = "role/workspace-identity"

ENTRIES: tuple[Control, ...] = (
    _store_shape.high("CP.Present"),
    _store.high("CP.DATA.IdentityBased", "properties.credentials", "S2-40"),
    _store.medium("CP.DATA.ServiceIdentity", "properties.serviceDataAccessAuthIdentity", "S2-68"),
    _endpoint.high("CP.DATA.Reach", "", "S2-65", key="private-endpoint/data-*"),
    _role.high("RBAC.ComputeMi.DataRead", "", "S2-46", "S2-49", "S2-50", key="role/cluster/*/data-*"),
    _role.medium("RBAC.WsMi.DataRead", "", "S2-67", "S2-69", key=f"{_WS}/data-*"),
    _role.medium("RBAC.WsMi.ReaderOnDataPe", "", "S2-68", key=f"{_WS}/private-endpoint-data-*"),
    _model_role.high("RBAC.ComputeMi.ImagePull", "", "S2-80", key="role/cluster/*/images-*"),
)
