"""What computes may be, beyond the shape of their fields. Pure.

Sources: "Create an Azure Machine Learning compute instance" (names, idle shutdown from 15 minutes to three days), "Set
up authentication between Azure Machine Learning and other services" (one system-assigned identity or several
user-assigned ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from controlplane.arm import fold, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.durations_iso import duration_seconds
from controlplane.workspaces.spec_model import Cluster, Instance, WorkspaceSpec
from controlplane.workspaces.spec_rules.unbuilt import not_available

_IDENTITY = "microsoft.managedidentity/userassignedidentities"
#: "Compute name must not end with '-' or contain '-' followed by numbers": MicrosoftLearning/mslearn-mlops#7.
_NUMBERS_BEHIND_HYPHEN = re.compile(r"-[0-9-]*$")
_QUARTER, _THREE_DAYS = 15 * 60, 72 * 3600


def compute(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why computes are refused, by JSON path."""
    yield from _unbuilt(spec)
    yield from _names(spec)
    for index, cluster in enumerate(spec.compute.clusters):
        yield from _cluster(cluster, f"$.compute.clusters[{index}]")
    for index, instance in enumerate(spec.compute.instances):
        yield from _instance(instance, f"$.compute.instances[{index}]")


def _unbuilt(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    for index, cluster in enumerate(spec.compute.clusters):
        if _is_given(cluster):
            yield not_available(f"$.compute.clusters[{index}].identity", "systemAssigned")
    for index, instance in enumerate(spec.compute.instances):
        if _is_given(instance):
            yield not_available(f"$.compute.instances[{index}].identity", "systemAssigned")


def _is_given(one: Cluster | Instance) -> bool:
    return one.identity.type == "userAssigned" or bool(one.identity.ids)


def _names(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Clusters and instances of a workspace are one collection."""
    named = [(f"$.compute.clusters[{i}].name", cluster.name) for i, cluster in enumerate(spec.compute.clusters)]
    named += [(f"$.compute.instances[{i}].name", instance.name) for i, instance in enumerate(spec.compute.instances)]
    seen: set[str] = set()
    for path, name in named:
        if name.lower() in seen:
            yield ErrorDetail("DuplicateName", f"Two computes are called '{name}'.", path)
        seen.add(name.lower())


def _cluster(cluster: Cluster, path: str) -> Iterator[ErrorDetail]:
    if cluster.min_nodes > cluster.max_nodes:
        text = f"minNodes {cluster.min_nodes} is more than maxNodes {cluster.max_nodes}."
        yield ErrorDetail("InvalidValue", text, f"{path}.minNodes")
    if not 30 <= duration_seconds(cluster.idle_before_scale_down) <= 7200:
        text = f"idleBeforeScaleDown {cluster.idle_before_scale_down} is not between PT30S and PT2H."
        yield ErrorDetail("InvalidValue", text, f"{path}.idleBeforeScaleDown")
    yield from _identity(cluster.identity.type, cluster.identity.ids, f"{path}.identity")


def _instance(instance: Instance, path: str) -> Iterator[ErrorDetail]:
    if _NUMBERS_BEHIND_HYPHEN.search(instance.name):
        text = f"'{instance.name}' is no name of an instance: what follows the last hyphen needs a letter."
        yield ErrorDetail("InvalidName", text, f"{path}.name")
    if not _QUARTER <= duration_seconds(instance.idle_shutdown) <= _THREE_DAYS:
        text = f"idleShutdown {instance.idle_shutdown} is not between PT15M and PT72H."
        yield ErrorDetail("InvalidValue", text, f"{path}.idleShutdown")
    yield from _identity(instance.identity.type, instance.identity.ids, f"{path}.identity")


def _identity(kind: str, ids: tuple[str, ...], path: str) -> Iterator[ErrorDetail]:
    if kind == "userAssigned" or ids:
        return  # Refused as a whole until it is built.
    if kind == "userAssigned" and not ids:
        yield ErrorDetail("MissingField", f"{path[2:]}.ids has to name at least one identity.", f"{path}.ids")
    if kind != "userAssigned" and ids:
        text = f"{path[2:]}.ids: a compute has a system identity or user-assigned ones, never both (S2-31)."
        yield ErrorDetail("InvalidValue", text, f"{path}.ids")
    for index, item in enumerate(ids):
        if type_of(item).lower() != _IDENTITY:
            text = f"{path[2:]}.ids: '{item}' is not the id of a user-assigned identity."
            yield ErrorDetail("InvalidValue", text, f"{path}.ids[{index}]")
        elif fold(item) in map(fold, ids[:index]):
            yield ErrorDetail("DuplicateName", f"{item} is named twice.", f"{path}.ids[{index}]")
