"""What trains, and where people work."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import Duration, Guid, without_slash

IdentityRef = Annotated[str, Field(max_length=500), AfterValidator(without_slash)]


def is_arm_id(identity: str) -> bool:
    """Whether an identity is named by its ARM id; else it is one of those that are made with the workspace."""
    return identity.startswith("/")


class ClusterIdentity(Model):
    """Whom a cluster's nodes are to others: one system identity or user-assigned ones, never both (S2-31)."""

    type: Literal["systemAssigned", "userAssigned"] = Field(
        default="systemAssigned", description="Kind of managed identity; it can be changed later (S2-36)."
    )
    ids: tuple[IdentityRef, ...] = Field(
        default=(),
        max_length=20,
        description="User-assigned identities: ARM ids, or names out of identity.create. The first is the default one, "
        "which mounts storage and pulls images (S2-32).",
    )


class InstanceIdentity(Model):
    """Whom an instance is to others."""

    type: Literal["none", "systemAssigned", "userAssigned"] = Field(
        default="none",
        description="Kind of managed identity; none: whoever works on the instance works with an identity of their "
        "own. It is fixed at creation, and one that stops the instance when it is idle is Contributor on the "
        "workspace (S2-52).",
    )
    ids: tuple[IdentityRef, ...] = Field(
        default=(),
        max_length=20,
        description="User-assigned identities: ARM ids, or names out of identity.create; the first is the default one.",
    )


class Cluster(Model):
    """A cluster of nodes that starts and stops by itself (S1-26, S1-29…32)."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,14}[A-Za-z0-9]$",
        description="2 to 16 letters, digits and hyphens, beginning with a letter.",
    )
    size: str = Field(pattern=r"^[A-Za-z0-9_]{3,64}$", description="VM size, such as Standard_DS3_v2.")
    min_nodes: int = Field(default=0, ge=0, le=1000, description="Nodes that are always there; 0 costs nothing idle.")
    max_nodes: int = Field(ge=1, le=1000, description="Upper bound of nodes.")
    idle_before_scale_down: Duration = Field(
        default="PT2M", description="Idle time before nodes are given back; PT30S to PT2H (S1-31)."
    )
    public_ip: bool = Field(default=False, description="Give nodes public addresses (S1-71: prefer not).")
    low_priority: bool = Field(
        default=False,
        description="Nodes at a fraction of the price, which Azure may take back at any moment (S1-27). Fixed at "
        "creation.",
    )
    identity: ClusterIdentity = Field(default=ClusterIdentity(), description="Identity of the cluster's nodes.")


class Instance(Model):
    """A machine of one person, without public address and without SSH."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$",
        description="3 to 24 letters, digits and hyphens, beginning with a letter; unique in the whole Azure region. "
        "What follows the last hyphen holds a letter.",
    )
    size: str = Field(pattern=r"^[A-Za-z0-9_]{3,64}$", description="VM size.")
    assigned_to: Guid = Field(description="Object id of the person who works on it; nobody else may open it.")
    idle_shutdown: Duration = Field(default="PT1H", description="Idle time after which it stops; PT15M to PT72H.")
    identity: InstanceIdentity = Field(default=InstanceIdentity(), description="Identity of the instance.")


class Compute(Model):
    clusters: tuple[Cluster, ...] = Field(default=(), max_length=100, description="Training clusters.")
    instances: tuple[Instance, ...] = Field(default=(), max_length=100, description="Personal compute instances.")
