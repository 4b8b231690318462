"""The plan: changes in dependency order, how long they take, and what a person should know before. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter

from controlplane.workspaces import kinds as k
from controlplane.workspaces.diff import diff
from controlplane.workspaces.durations import expected_seconds
from controlplane.workspaces.model import Action, Blueprint, Change, Observed, Plan, PlanWarning
from controlplane.workspaces.records import Owned


def make_plan(
    blueprint: Blueprint,
    observed: Observed,
    inventory: Mapping[str, Owned],
    durations: Mapping[str, float] | None = None,
) -> Plan:
    """What a tick would do. ``durations``: measured seconds by type or ``type:action``, before the estimates.

    The critical path is the chain of changes that takes longest when everything independent moves together; deletions
    come after everything else.
    """
    changes = tuple(
        replace(change, expected_seconds=expected_seconds(change.type, change.action, durations))
        for change in diff(blueprint, observed, inventory)
    )
    path, seconds = critical_path(changes)
    return Plan(changes, path, seconds, tuple(_about(changes)))


def critical_path(changes: Sequence[Change]) -> tuple[tuple[str, ...], float]:
    """Keys of the longest chain of work, first to last, and its seconds."""
    by_key = {change.key: change for change in changes if change.action is not Action.UNMANAGED}
    graph = {key: [on for on in change.depends_on if on in by_key] for key, change in by_key.items()}
    done: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for key in TopologicalSorter(graph).static_order():
        slowest = max(graph[key], key=lambda on: (done[on], on), default=None)
        before[key] = slowest
        done[key] = by_key[key].expected_seconds + (done[slowest] if slowest is not None else 0.0)
    last = max(done, key=lambda key: (done[key], key), default=None)
    if last is None or done[last] == 0.0:
        return (), 0.0
    path, seconds, current = [], done[last], last
    step: str | None = current
    while step is not None:
        if by_key[step].expected_seconds > 0:
            path.append(step)
        step = before[step]
    return tuple(reversed(path)), seconds


def _about(changes: Sequence[Change]) -> Iterator[PlanWarning]:
    for change in changes:
        match change.action:
            case Action.REPLACE:
                text = f"{change.key} has to be deleted and made again. {change.reason}".strip()
                yield PlanWarning("Replacement", text, change.key)
            case Action.DELETE:
                yield PlanWarning("Deletion", f"{change.key} will be deleted.", change.key)
            case Action.UPDATE if change.takes_away:
                for item in change.takes_away:
                    yield PlanWarning("Deletion", f"{change.key}: {item.path} will be deleted.", change.key)
            case Action.UNKNOWN:
                text = f"{change.key} could not be read, so nothing is decided about it. {change.reason}"
                yield PlanWarning("NotReadable", text, change.key)
            # Azure grants its own services roles in every group; who has access is judged elsewhere.
            case Action.UNMANAGED if change.type != k.ROLE_ASSIGNMENT:
                text = f"{change.id} lies in the workspace's resource group and nobody declared it."
                yield PlanWarning("UnmanagedResource", text, change.id)
