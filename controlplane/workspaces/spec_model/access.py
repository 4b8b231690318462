"""Who may use the workspace."""

from __future__ import annotations

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import Guid


class Access(Model):
    """Personas → Entra groups."""

    data_scientists: tuple[Guid, ...] = Field(default=(), description="Groups of data scientists.")
    project_leads: tuple[Guid, ...] = Field(default=(), description="Groups of project leads.")
    platform_support: tuple[Guid, ...] = Field(default=(), description="Groups of platform support.")
