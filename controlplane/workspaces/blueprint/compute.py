"""Training clusters without public addresses (S1-26, S1-29…32, S1-71)."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, resource
from controlplane.workspaces.blueprint.network import subnet_id
from controlplane.workspaces.blueprint.workspace import workspace_id
from controlplane.workspaces.model import Resource
from controlplane.workspaces.spec_model import Cluster

#: X-17: a node without a public address reaches the workspace through its endpoint or not at all.
_AFTER = (
    "workspace",
    "subnet/training",
    "private-endpoint/workspace",
    "zone-group/workspace",
    "dns-link/api/ml",
    "dns-link/notebooks/ml",
)
_REQUIREMENTS = ("S1-02", "S1-26", "S1-29", "S1-30", "S1-31", "S1-32", "S1-71", "S2-04", "X-17")


def clusters(site: Site) -> Iterator[Resource]:
    parent, subnet = workspace_id(site), {"id": subnet_id(site, "training")}
    for cluster in site.spec.compute.clusters:
        yield resource(
            f"cluster/{cluster.name}",
            k.COMPUTE,
            f"{parent}/computes/{cluster.name}",
            _body(site, cluster, subnet),
            _AFTER,
            requirements=_REQUIREMENTS,
        )


def _body(site: Site, cluster: Cluster, subnet: dict[str, str]) -> dict[str, object]:
    return {
        "location": site.spec.location,
        "tags": site.tags,
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "computeType": "AmlCompute",
            "disableLocalAuth": True,
            "properties": {
                "osType": "Linux",
                "vmSize": cluster.size,
                "vmPriority": "Dedicated",
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
