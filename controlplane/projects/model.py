"""A registration: what a project may use in Azure and who belongs to it. Made by a Platform.Admin. Pure data."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import Field

from controlplane.operations.model import Model


class Members(Model):
    """Entra group object ids per role; ``Platform.Admin`` is an app role only and has no list here."""

    contributors: tuple[str, ...] = Field(default=(), description="Groups with role Workspace.Contributor.")
    readers: tuple[str, ...] = Field(default=(), description="Groups with role Workspace.Reader.")
    approvers: tuple[str, ...] = Field(default=(), description="Groups with role Approver.")


class Limits(Model):
    """Upper bounds of one workspace of the project."""

    max_workspaces: int = Field(default=20, ge=0, description="Workspaces the project may have.")
    max_nodes: int = Field(default=50, ge=0, description="Nodes of a workspace: maxNodes of clusters, and instances.")
    max_instances: int = Field(
        default=20,
        ge=0,
        description="Instances of a workspace's online deployments together, up to which a remediation may scale one.",
    )


class Registration(Model):
    """Every ARM id, subscription, region, group and key in a request must lie inside this."""

    subscriptions: tuple[str, ...] = Field(min_length=1, description="Subscription ids.")
    regions: tuple[str, ...] = Field(min_length=1, description="Azure region names, such as westeurope.")
    resource_group_prefix: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,38}$",
        description="Resource groups of the project are this prefix followed by the workspace's name.",
    )
    address_pools: tuple[str, ...] = Field(default=(), description="IPv4 CIDR ranges workspaces may take.")
    hubs: tuple[str, ...] = Field(default=(), description="ARM ids of existing hub networks.")
    dns_zones: tuple[str, ...] = Field(default=(), description="ARM ids of existing private DNS zones.")
    gateways: tuple[str, ...] = Field(default=(), description="ARM ids of existing gateways of those hubs.")
    agent_principals: tuple[str, ...] = Field(
        default=(), description="Object ids of identities of Azure Pipelines' service connections."
    )
    circuits: tuple[str, ...] = Field(default=(), description="ARM ids of existing ExpressRoute circuits.")
    keys: tuple[str, ...] = Field(default=(), description="Key Vault key ids for customer-managed keys.")
    registries: tuple[str, ...] = Field(default=(), description="ARM ids of container registries.")
    storage_accounts: tuple[str, ...] = Field(
        default=(), description="ARM ids of storage accounts whose data workspaces may use."
    )
    identities: tuple[str, ...] = Field(default=(), description="ARM ids of user-assigned identities.")
    outbound_targets: tuple[str, ...] = Field(
        default=(),
        description="ARM ids of resources, or of what holds them, that managed networks may have private endpoints to.",
    )
    entra_groups: tuple[str, ...] = Field(default=(), description="Groups that may be granted roles.")
    service_principals: tuple[str, ...] = Field(
        default=(), description="Object ids of pipelines and other processes that may be granted roles."
    )
    ends_on: date | None = Field(
        default=None, description="Last day of the project, in UTC: no workspace of it is needed longer (S3-108)."
    )
    department: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$",
        description="Whose purse it is; the projects of a department may share a budget.",
    )
    limits: Limits = Limits()
    members: Members = Members()


class ProjectRecord(Model):
    """A registration with its audit fields."""

    name: str
    registration: Registration
    generation: int = 1
    incarnation: str = ""
    """Random, so that an ETag of a registration that was deleted never fits another one of its name."""
    created_at: datetime
    created_by: str
    last_modified_at: datetime
    last_modified_by: str

    @property
    def public_etag(self) -> str:
        return f'"{self.incarnation}.{self.generation}"'


def dump(record: ProjectRecord) -> dict[str, Any]:
    """camelCase JSON for the store."""
    return record.model_dump(mode="json", by_alias=True)
