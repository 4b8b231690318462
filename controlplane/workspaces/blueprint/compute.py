"""Training clusters without public addresses (S1-26, S1-29…32, S1-71), and the identities of computes (S2-31…36)."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.json_types import JsonObject
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import needed_by
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.identities import chosen
from controlplane.workspaces.blueprint.managed_network import MANAGED_NETWORK
from controlplane.workspaces.blueprint.network import subnet_id
from controlplane.workspaces.blueprint.workspace import workspace_id
from controlplane.workspaces.model import Resource
from controlplane.workspaces.spec_model import Cluster, ClusterIdentity, InstanceIdentity

#: X-17: a node without a public address reaches the workspace through its endpoint or not at all.
_AFTER = (
    "workspace",
    "subnet/training",
    "private-endpoint/workspace",
    "zone-group/workspace",
    "dns-link/api/ml",
    "dns-link/notebooks/ml",
)
#: S1-45: the workspace's endpoint comes after nodes that have public addresses; they need nothing of it.
_AFTER_PUBLIC = ("workspace", "subnet/training")
#: In a network that Azure keeps nodes have its endpoints, which come with it; there is no subnet to be in. "No Public
#: IP" is an option there ("Workspace managed virtual network isolation", supported scenarios; "Use managed compute in a
#: managed virtual network": "the steps below focus on configuring the compute resources to not use a public IP").
_AFTER_MANAGED = ("workspace", "private-endpoint/workspace", MANAGED_NETWORK)
_REQUIREMENTS = (
    "S1-02",
    "S1-26",
    "S1-29",
    "S1-30",
    "S1-31",
    "S1-32",
    "S2-04",
    "S2-31",
    "S2-32",
    "S2-36",
    "S2-37",
    "X-17",
)


def after(site: Site) -> tuple[str, ...]:
    """Keys of what a compute waits for."""
    return _AFTER_MANAGED if site.is_managed else _AFTER


def subnet_of(site: Site) -> dict[str, str] | None:
    """Where computes stand; null, not absent, in a network that Azure keeps: the two exclude each other (X-13)."""
    return None if site.is_managed else {"id": subnet_id(site, "training")}


def clusters(site: Site) -> Iterator[Resource]:
    parent, subnet = workspace_id(site), subnet_of(site)
    for cluster in site.spec.compute.clusters:
        first = cluster.public_ip and not site.is_managed
        order = ("S1-45",) if first else () if cluster.public_ip else ("S1-71",)
        yield resource(
            f"cluster/{cluster.name}",
            k.COMPUTE,
            f"{parent}/computes/{cluster.name}",
            _body(site, cluster, subnet),
            (
                *(_AFTER_PUBLIC if first else after(site)),
                *needed_by(site, cluster.identity, idles=False),
            ),
            requirements=(*_REQUIREMENTS, *order),
        )


def _body(site: Site, cluster: Cluster, subnet: dict[str, str] | None) -> dict[str, object]:
    return {
        "location": site.spec.location,
        "tags": site.tags,
        "identity": identity_of(site, cluster.identity),
        "properties": {
            "computeType": "AmlCompute",
            "disableLocalAuth": True,
            "properties": {
                "osType": "Linux",
                "vmSize": cluster.size,
                "vmPriority": "LowPriority" if cluster.low_priority else "Dedicated",
                "scaleSettings": {
                    "minNodeCount": cluster.min_nodes,
                    "maxNodeCount": cluster.max_nodes,
                    "nodeIdleTimeBeforeScaleDown": cluster.idle_before_scale_down,
                },
                "subnet": subnet,
                "enableNodePublicIp": cluster.public_ip,
                "remoteLoginPortPublicAccess": "Disabled",
            },
        },
    }


def identity_of(site: Site, asked: ClusterIdentity | InstanceIdentity) -> JsonObject:
    """The ``identity`` of a compute that has one. The first of several is the default (S2-32), so their order stays."""
    if asked.type == "userAssigned":
        given: dict[str, JsonObject] = {arm_id: {} for arm_id in chosen(site, asked.ids).values()}
        return {"type": "UserAssigned", "userAssignedIdentities": given}
    return {"type": "SystemAssigned"}
