"""The spec as a whole."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.access import Access
from controlplane.workspaces.spec_model.catalog import Catalog
from controlplane.workspaces.spec_model.compute import Compute
from controlplane.workspaces.spec_model.data import Datastore, Registry, Storage
from controlplane.workspaces.spec_model.identity import Encryption, Identity, Vault
from controlplane.workspaces.spec_model.lifetime import Budget, Expiry
from controlplane.workspaces.spec_model.network import Network
from controlplane.workspaces.spec_model.types import Guid
from controlplane.workspaces.spec_model.waivers import Waiver


class Environment(StrEnum):
    """Everything but ``dev`` is prod-class (S1-17)."""

    DEV = "dev"
    STAGING = "staging"
    TEST = "test"
    PROD = "prod"

    @property
    def is_prod_class(self) -> bool:
        return self is not Environment.DEV


class Workload(StrEnum):
    CLASSICAL = "classical"
    CV = "cv"
    NLP = "nlp"


class WorkspaceSpec(Model):
    """What a person asks for. Defaults are the safe ones."""

    project: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$", description="Registered project; charged and tagged to it."
    )
    environment: Environment = Field(description="All but dev get prod-class rules.")
    workload: Workload = Field(default=Workload.CLASSICAL, description="What is trained here; a tag.")
    management: Literal["manage", "observe", "detach"] = Field(
        default="manage", description="What the control plane may do to the workspace."
    )
    subscription_id: Guid = Field(description="Subscription that holds everything.")
    location: str = Field(pattern=r"^[a-z][a-z0-9]{2,38}$", description="Azure region name, such as westeurope.")
    owners: tuple[Guid, ...] = Field(
        min_length=1, max_length=6, description="Object ids of the people who answer for it; a tag."
    )
    network: Network = Field(description="Networks of the workspace.")
    identity: Identity = Field(default=Identity(), description="Identity of the workspace.")
    storage: Storage = Field(default=Storage(), description="The workspace's storage account.")
    vault: Vault = Field(default=Vault(), description="The workspace's key vault.")
    registry: Registry = Field(default=Registry(), description="The workspace's container registry.")
    datastores: tuple[Datastore, ...] = Field(
        default=(), max_length=50, description="Data in storage accounts of others, opened by identity."
    )
    encryption: Encryption = Field(default=Encryption(), description="Encryption of the workspace's data.")
    compute: Compute = Field(default=Compute(), description="What trains.")
    catalog: Catalog = Field(default=Catalog(), description="The model catalog.")
    access: Access = Field(default=Access(), description="Who may use the workspace.")
    budget: Budget | None = Field(default=None, description="Money the workspace may cost.")
    expiry: Expiry | None = Field(default=None, description="When the workspace ends.")
    legacy_v1_mode: bool = Field(
        default=False, description="Switch the v2 API of the workspace off (S1-47). Only for users of the v1 API."
    )
    waivers: tuple[Waiver, ...] = Field(
        default=(), max_length=18, description="Conflicts between requirements that are decided the other way."
    )
