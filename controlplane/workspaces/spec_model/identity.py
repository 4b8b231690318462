"""How the workspace authenticates, and what encrypts its data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import ArmId


class Identity(Model):
    """How the workspace authenticates to its dependants (S2-01)."""

    type: Literal["systemAssigned", "systemAndUserAssigned", "userAssigned"] = Field(
        default="systemAssigned", description="Kind of managed identity."
    )
    ids: tuple[ArmId, ...] = Field(default=(), description="ARM ids of user-assigned identities.")
    primary: ArmId | None = Field(default=None, description="The one of `ids` that the workspace uses by itself.")


class Encryption(Model):
    customer_managed_key: str | None = Field(
        default=None, description="Key Vault key id that encrypts the workspace's data; none: platform keys (S1-07)."
    )
