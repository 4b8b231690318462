"""Who may use the workspace."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.access.personas import Persona
from controlplane.workspaces.spec_model.types import Guid

#: A persona is one group, seldom a few: each is up to nine role assignments, and a subscription has 4,000.
Principals = Annotated[tuple[Guid, ...], Field(max_length=10)]


class Access(Model):
    """The twelve personas → object ids in Entra ID: groups for people, service principals for processes. What each may
    do follows from the RBAC matrix and the environment."""

    data_scientists: Principals = Field(default=(), description="Groups of data scientists and ML engineers.")
    data_analysts: Principals = Field(default=(), description="Groups of data analysts.")
    model_testers: Principals = Field(default=(), description="Groups of model testers.")
    business_stakeholders: Principals = Field(default=(), description="Groups of business stakeholders.")
    project_leads: Principals = Field(
        default=(), description="Groups of project leads; they also change the workspace in this API."
    )
    product_owners: Principals = Field(default=(), description="Groups of project and product owners.")
    platform_support: Principals = Field(
        default=(), description="Groups of platform technical support: eligible in PIM, never permanent."
    )
    model_end_users: Principals = Field(
        default=(),
        description="Groups of who uses the model: no role in Azure anywhere, and that is checked.",
    )
    cicd_processes: Principals = Field(default=(), description="Service principals of CI/CD pipelines.")
    ml_workspace: Principals = Field(
        default=(), description="Always empty: this persona is the workspace's own managed identities."
    )
    monitoring_processes: Principals = Field(default=(), description="Service principals that watch and alert.")
    data_governance: Principals = Field(default=(), description="Service principals that scan data stores.")


#: Persona → field of the model.
_FIELDS = {Persona(str(field.alias)): name for name, field in Access.model_fields.items()}


def members(access: Access, persona: Persona) -> tuple[str, ...]:
    """Object ids of a persona."""
    found: tuple[str, ...] = getattr(access, _FIELDS[persona])
    return found
