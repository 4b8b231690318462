"""What stands on what, for whoever takes it away: as it was made, and as the spec means it now. Pure.

The two may contradict each other: a spec that asks for a gateway turns the order of the two peerings round, and one
that takes a cluster's public addresses away turns that of the cluster and the workspace's endpoint. What was made
stands as it was made, so that order is kept; the new one counts where it does not lead in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.records import Owned


def needs_of(blueprint: Blueprint, inventory: Mapping[str, Owned]) -> dict[str, frozenset[str]]:
    """Key → keys that it needs, without circles; of everything that the blueprint or the inventory knows."""
    made = {key: owned.depends_on for key, owned in inventory.items()}
    graph = {resource.key: {*resource.depends_on} for resource in blueprint.resources}
    for key, needed in made.items():
        graph.setdefault(key, set()).update(needed)
    while (circle := _circle(graph)) is not None:
        # Of what was made under several specs one order may contradict another: then none of it is known to hold.
        links = tuple(zip(circle[1:], circle, strict=False))
        key, need = next((link for link in links if link[1] not in made.get(link[0], ())), links[0])
        graph[key].discard(need)
    return {key: frozenset(needed) for key, needed in graph.items()}


def _circle(graph: Mapping[str, Iterable[str]]) -> tuple[str, ...] | None:
    """Keys each of which is needed by the next, the first one again at the end; None where there is none."""
    sorter: TopologicalSorter[str] = TopologicalSorter({key: sorted(graph[key]) for key in sorted(graph)})
    try:
        sorter.prepare()
    except CycleError as error:
        return tuple(error.args[1])
    return None
