"""How the workspace authenticates, and what encrypts its data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import ArmId

IdentityName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=24)]


class Identity(Model):
    """How the workspace authenticates to its dependants (S2-01, S2-02)."""

    type: Literal["systemAssigned", "systemAndUserAssigned", "userAssigned"] = Field(
        default="systemAssigned",
        description="Kind of managed identity. systemAssigned may become systemAndUserAssigned, and nothing else.",
    )
    ids: tuple[ArmId, ...] = Field(
        default=(), max_length=20, description="ARM ids of user-assigned identities that exist already."
    )
    create: tuple[IdentityName, ...] = Field(
        default=(), max_length=20, description="Names of user-assigned identities that are made with the workspace."
    )
    primary: str | None = Field(
        default=None,
        max_length=500,
        description="The one of `ids` (its ARM id) or `create` (its name) that the workspace uses by itself.",
    )


class Encryption(Model):
    """Keys of your own for the workspace's metadata and its storage account (S1-07, S2-24)."""

    customer_managed_key: str | None = Field(
        default=None,
        max_length=500,
        description="Identifier of the Key Vault key, https://{vault}/keys/{name}[/{version}]; none: platform keys.",
    )
    key_vault_id: ArmId | None = Field(
        default=None, description="ARM id of the key's vault; it keeps deleted keys and lets nobody purge them."
    )
    identity: ArmId | None = Field(
        default=None,
        description="User-assigned identity that may use the key: get, wrap and unwrap. It may be the primary one.",
    )


class Vault(Model):
    """The workspace's own key vault."""

    permission_model: Literal["rbac", "accessPolicies"] = Field(
        default="rbac", description="What decides who reads secrets: roles, or the vault's access policies."
    )
