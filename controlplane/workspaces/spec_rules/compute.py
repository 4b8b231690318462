"""What computes may be, beyond the shape of their fields. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.durations_iso import duration_seconds
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import Unbuilt, not_available, unavailable

_UNBUILT: tuple[Unbuilt, ...] = (("$.compute.instances", lambda s: bool(s.compute.instances), "[]"),)


def compute(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why computes are refused, by JSON path."""
    yield from unavailable(spec, _UNBUILT)
    for index, cluster in enumerate(spec.compute.clusters):
        # Nodes with public addresses need other rules and another order (X-17, S1-71).
        if cluster.public_ip:
            yield not_available(f"$.compute.clusters[{index}].publicIp", "false")
    yield from _clusters(spec)


def _clusters(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    seen: set[str] = set()
    for index, cluster in enumerate(spec.compute.clusters):
        path = f"$.compute.clusters[{index}]"
        if cluster.name.lower() in seen:
            yield ErrorDetail("DuplicateName", f"Two clusters are called '{cluster.name}'.", f"{path}.name")
        seen.add(cluster.name.lower())
        if cluster.min_nodes > cluster.max_nodes:
            text = f"minNodes {cluster.min_nodes} is more than maxNodes {cluster.max_nodes}."
            yield ErrorDetail("InvalidValue", text, f"{path}.minNodes")
        if not 30 <= duration_seconds(cluster.idle_before_scale_down) <= 7200:
            text = f"idleBeforeScaleDown {cluster.idle_before_scale_down} is not between PT30S and PT2H."
            yield ErrorDetail("InvalidValue", text, f"{path}.idleBeforeScaleDown")
