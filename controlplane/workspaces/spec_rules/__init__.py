"""What a spec may be, beyond the shape of its fields: one module per part of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from controlplane.errors import ErrorDetail
from controlplane.workspaces.spec_model import WorkspaceSpec
from controlplane.workspaces.spec_rules.access import access
from controlplane.workspaces.spec_rules.catalog import catalog
from controlplane.workspaces.spec_rules.compute import compute
from controlplane.workspaces.spec_rules.data import data
from controlplane.workspaces.spec_rules.egress import egress
from controlplane.workspaces.spec_rules.hub import hub
from controlplane.workspaces.spec_rules.identity import identity
from controlplane.workspaces.spec_rules.lifetime import lifetime
from controlplane.workspaces.spec_rules.managed_network import managed_network
from controlplane.workspaces.spec_rules.network import network
from controlplane.workspaces.spec_rules.waivers import waivers
from controlplane.workspaces.spec_rules.ways_in import ways_in

_RULES: tuple[Callable[[WorkspaceSpec], Iterator[ErrorDetail]], ...] = (
    lifetime,
    network,
    managed_network,
    hub,
    ways_in,
    egress,
    identity,
    compute,
    catalog,
    access,
    waivers,
    data,
)


def meaning(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why a spec is refused that no single field's shape says, by JSON path."""
    for rules in _RULES:
        yield from rules(spec)
