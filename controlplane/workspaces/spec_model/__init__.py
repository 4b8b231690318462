"""What a person asks for: the shape of a workspace spec. Every field says what it does; unknown fields are refused.

Fields that are documented and not built yet are here too, so that they are refused by name
(:mod:`controlplane.workspaces.spec`), never silently ignored.
"""

from __future__ import annotations

from controlplane.workspaces.spec_model.access import Access
from controlplane.workspaces.spec_model.catalog import Catalog
from controlplane.workspaces.spec_model.compute import (
    Cluster,
    ClusterIdentity,
    Compute,
    Instance,
    InstanceIdentity,
    is_arm_id,
)
from controlplane.workspaces.spec_model.data import Datastore, Registry, Storage
from controlplane.workspaces.spec_model.identity import Encryption, Identity, Vault
from controlplane.workspaces.spec_model.lifetime import Budget, Expiry, Forecast, Money
from controlplane.workspaces.spec_model.managed_network import ManagedNetwork, OutboundRule
from controlplane.workspaces.spec_model.network import Agents, Egress, Hub, Network, NetworkMode
from controlplane.workspaces.spec_model.types import ArmId, Days, Duration, Guid
from controlplane.workspaces.spec_model.waivers import Waiver
from controlplane.workspaces.spec_model.ways_in import ExpressRoute, PointToSite, Site, Vpn
from controlplane.workspaces.spec_model.workspace import Environment, Workload, WorkspaceSpec

__all__ = [
    "Access",
    "Agents",
    "ArmId",
    "Budget",
    "Catalog",
    "Cluster",
    "ClusterIdentity",
    "Compute",
    "Datastore",
    "Days",
    "Duration",
    "Egress",
    "Encryption",
    "Environment",
    "Expiry",
    "ExpressRoute",
    "Forecast",
    "Guid",
    "Hub",
    "Identity",
    "Instance",
    "InstanceIdentity",
    "ManagedNetwork",
    "Money",
    "Network",
    "NetworkMode",
    "OutboundRule",
    "PointToSite",
    "Registry",
    "Site",
    "Storage",
    "Vault",
    "Vpn",
    "Waiver",
    "Workload",
    "WorkspaceSpec",
    "is_arm_id",
]
