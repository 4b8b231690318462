"""What trains, and where people work."""

from __future__ import annotations

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import Duration, Guid


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


class Instance(Model):
    """A personal machine."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$", description="Name of the instance.")
    size: str = Field(pattern=r"^[A-Za-z0-9_]{3,64}$", description="VM size.")
    assigned_to: Guid | None = Field(default=None, description="Object id of the person who uses it.")


class Compute(Model):
    clusters: tuple[Cluster, ...] = Field(default=(), max_length=100, description="Training clusters.")
    instances: tuple[Instance, ...] = Field(default=(), max_length=100, description="Personal compute instances.")
