"""What a stored workspace means now: its spec in its range, under the limits that a budget has put on it; without its
computes while it is archived, and without its personas' roles once its project has ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.workspaces.addresses import placed
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from controlplane.workspaces.spec_model import Access, Compute


def effective_spec(record: WorkspaceRecord) -> WorkspaceSpec:
    """Raises ``Rejected`` when the stored spec is not understood any more."""
    spec = placed(parse_spec(record.spec), record.address_space)
    if record.access_ended:
        spec = spec.model_copy(update={"access": Access()})
    return spec.model_copy(update={"compute": Compute()}) if record.archived else limited(spec, record.node_limits)


def limited(spec: WorkspaceSpec, limits: Mapping[str, int]) -> WorkspaceSpec:
    """Clusters with no more nodes than their limit; those without one as they are."""
    if not limits:
        return spec
    clusters = tuple(
        one.model_copy(
            update={
                "max_nodes": min(one.max_nodes, limits[one.name.lower()]),
                "min_nodes": min(one.min_nodes, limits[one.name.lower()]),
            }
        )
        if one.name.lower() in limits
        else one
        for one in spec.compute.clusters
    )
    return spec.model_copy(update={"compute": spec.compute.model_copy(update={"clusters": clusters})})
