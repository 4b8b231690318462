"""What computes may be, beyond the shape of their fields. Pure.

Sources: "Create an Azure Machine Learning compute instance" (names, idle shutdown from 15 minutes to three days), "Set
up authentication between Azure Machine Learning and other services" (one system-assigned identity or several
user-assigned ones).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from controlplane.arm import fold, name_of, type_of
from controlplane.errors import ErrorDetail
from controlplane.workspaces.durations_iso import duration_seconds
from controlplane.workspaces.spec_model import Cluster, Instance, WorkspaceSpec, is_arm_id

_IDENTITY = "microsoft.managedidentity/userassignedidentities"
#: "Compute name must not end with '-' or contain '-' followed by numbers": MicrosoftLearning/mslearn-mlops#7.
_NUMBERS_BEHIND_HYPHEN = re.compile(r"-[0-9-]*$")
_QUARTER, _THREE_DAYS = 15 * 60, 72 * 3600


def compute(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Every reason why computes are refused, by JSON path."""
    yield from _names(spec)
    yield from _identities(spec)
    for index, cluster in enumerate(spec.compute.clusters):
        yield from _cluster(spec, cluster, f"$.compute.clusters[{index}]")
    for index, instance in enumerate(spec.compute.instances):
        yield from _instance(spec, instance, f"$.compute.instances[{index}]")


def _names(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Clusters and instances of a workspace are one collection."""
    named = [(f"$.compute.clusters[{i}].name", cluster.name) for i, cluster in enumerate(spec.compute.clusters)]
    named += [(f"$.compute.instances[{i}].name", instance.name) for i, instance in enumerate(spec.compute.instances)]
    seen: set[str] = set()
    for path, name in named:
        if name.lower() in seen:
            yield ErrorDetail("DuplicateName", f"Two computes are called '{name}'.", path)
        seen.add(name.lower())


def _cluster(spec: WorkspaceSpec, cluster: Cluster, path: str) -> Iterator[ErrorDetail]:
    if cluster.min_nodes > cluster.max_nodes:
        text = f"minNodes {cluster.min_nodes} is more than maxNodes {cluster.max_nodes}."
        yield ErrorDetail("InvalidValue", text, f"{path}.minNodes")
    if not 30 <= duration_seconds(cluster.idle_before_scale_down) <= 7200:
        text = f"idleBeforeScaleDown {cluster.idle_before_scale_down} is not between PT30S and PT2H."
        yield ErrorDetail("InvalidValue", text, f"{path}.idleBeforeScaleDown")
    yield from _identity(spec, cluster.identity.type, cluster.identity.ids, f"{path}.identity")


def _instance(spec: WorkspaceSpec, instance: Instance, path: str) -> Iterator[ErrorDetail]:
    if _NUMBERS_BEHIND_HYPHEN.search(instance.name):
        text = f"'{instance.name}' is no name of an instance: what follows the last hyphen needs a letter."
        yield ErrorDetail("InvalidName", text, f"{path}.name")
    if not _QUARTER <= duration_seconds(instance.idle_shutdown) <= _THREE_DAYS:
        text = f"idleShutdown {instance.idle_shutdown} is not between PT15M and PT72H."
        yield ErrorDetail("InvalidValue", text, f"{path}.idleShutdown")
    yield from _identity(spec, instance.identity.type, instance.identity.ids, f"{path}.identity")


def _identities(spec: WorkspaceSpec) -> Iterator[ErrorDetail]:
    """Findings and steps call an identity by its name, so no two of one name are brought."""
    known = {name_of(arm_id).lower(): fold(arm_id) for arm_id in spec.identity.ids}
    asked = [(f"$.compute.clusters[{i}]", one.identity.ids) for i, one in enumerate(spec.compute.clusters)]
    asked += [(f"$.compute.instances[{i}]", one.identity.ids) for i, one in enumerate(spec.compute.instances)]
    for path, ids in asked:
        for index, item in enumerate(ids):
            if is_arm_id(item) and known.setdefault(name_of(item).lower(), fold(item)) != fold(item):
                text = f"{path[2:]}.identity.ids[{index}] is the second identity called {name_of(item)}."
                yield ErrorDetail("InvalidValue", text, f"{path}.identity.ids[{index}]")


def _identity(spec: WorkspaceSpec, kind: str, ids: tuple[str, ...], path: str) -> Iterator[ErrorDetail]:
    if kind == "userAssigned" and not ids:
        yield ErrorDetail("MissingField", f"{path[2:]}.ids has to name at least one identity.", f"{path}.ids")
    if kind != "userAssigned" and ids:
        text = f"{path[2:]}.ids: a compute has a system identity or user-assigned ones, never both (S2-31)."
        yield ErrorDetail("InvalidValue", text, f"{path}.ids")
    for index, item in enumerate(ids):
        if not (type_of(item).lower() == _IDENTITY if is_arm_id(item) else item in spec.identity.create):
            text = f"{path[2:]}.ids: '{item}' is neither the id of a user-assigned identity nor one of identity.create."
            yield ErrorDetail("InvalidValue", text, f"{path}.ids[{index}]")
        elif fold(item) in map(fold, ids[:index]):
            yield ErrorDetail("DuplicateName", f"{item} is named twice.", f"{path}.ids[{index}]")
