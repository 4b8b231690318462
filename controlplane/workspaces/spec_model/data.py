"""Where data, images and models lie."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import ArmId


class Storage(Model):
    shared_key_access: bool = Field(
        default=False, description="Let account keys open the storage account; off, only Entra identities do."
    )


class Registry(Model):
    """The workspace's own images, and those of others that its clusters pull."""

    admin_user: bool = Field(default=False, description="Enable the registry's admin account (X-01: leave it off).")
    existing: ArmId | None = Field(
        default=None,
        description="ARM id of a registry that is brought along, with its admin account off (S2-72). Set later, it is "
        "attached in place of the workspace's own, which is deleted then (S2-74). None: one is made first, and the "
        "workspace with it (S2-73).",
    )
    private_images: tuple[ArmId, ...] = Field(
        default=(),
        max_length=10,
        description="ARM ids of further registries with private base images, which clusters may pull as they are for "
        "training (S2-80). Building from them is refused: it takes the admin account (S2-83).",
    )


class Datastore(Model):
    """Data that lies in a storage account of somebody else's. Nothing is stored but where it is (S2-05, S2-40)."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{1,62}$",
        description="Name of the datastore in the workspace: small letters, digits and underscores.",
    )
    type: Literal["azureBlob", "azureDataLakeGen2", "azureDataLakeGen1", "azureFile"] = Field(
        default="azureBlob",
        description="Kind of storage. Identities open azureBlob and azureDataLakeGen2; the others are refused (S2-45).",
    )
    account: ArmId = Field(description="ARM id of the storage account; it must be of the workspace's tenant (S2-48).")
    container: str = Field(
        pattern=r"^[a-z0-9](-?[a-z0-9]){2,62}$", description="Blob container, or file system of a data lake."
    )
    access: Literal["read", "readWrite"] = Field(
        default="read", description="What the clusters' identities may do with it (S2-46): role on the account."
    )
    credentials: Literal["none", "accountKey", "sas", "servicePrincipal"] = Field(
        default="none",
        description="What the workspace keeps to open it. Only `none` is accepted: a spec holds no secrets, and "
        "whoever may read the workspace's vault could read them (S2-41).",
    )
    service_identity: Literal["none", "workspace"] = Field(
        default="none",
        description="Who reads for previews and profiles in the studio: the person who looks, or the workspace's "
        "identity (S2-68). A closed account takes `workspace` (S2-67, S2-69).",
    )
    compute_only: bool = Field(
        default=False,
        description="Private data: no person and no group may read it, only the clusters that run jobs (S2-50, S2-51). "
        "A role on it for anybody else is a finding.",
    )
    private_endpoint: bool = Field(
        default=True,
        description="Private endpoint to the account in the workspace's own network; without one, nodes reach it from "
        "the address of their way out (S2-65).",
    )
