"""What comes from outside: models of the catalog."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model


class Catalog(Model):
    collections: tuple[Literal["curatedByAzureAI", "meta", "huggingFace"], ...] = Field(
        default=(), description="Model catalog collections the workspace may deploy from."
    )
