"""Where data, images and models lie."""

from __future__ import annotations

from pydantic import Field

from controlplane.operations.model import Model


class Storage(Model):
    shared_key_access: bool = Field(
        default=False, description="Let account keys open the storage account; off, only Entra identities do."
    )


class Registry(Model):
    admin_user: bool = Field(default=False, description="Enable the registry's admin account (X-01: leave it off).")
