"""What comes from outside: models of the catalog, packages of public repositories."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from controlplane.operations.model import Model

#: Keys of the table in ``controlplane/workspaces/egress/hosts.py``.
Collection = Literal["curatedByAzureAI", "meta", "huggingFace"]
PackageList = Literal["python", "conda", "mcr", "pytorch", "tensorflow", "vscode", "rstudio"]


class Catalog(Model):
    """Each entry becomes the outbound rules it needs, where the network has any (``GET /api/catalog/collections``)."""

    collections: tuple[Collection, ...] = Field(
        default=(),
        max_length=20,
        description="Model catalog collections the workspace may deploy from; needs a managed network.",
    )
    packages: tuple[PackageList, ...] = Field(
        default=(),
        max_length=20,
        description="Public repositories that computes may install from; needs a managed network.",
    )
