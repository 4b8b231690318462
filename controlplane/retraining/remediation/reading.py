"""What a signal's target is made of, read through ARM; and the write that scales it.

Shapes: API definition 2024-04-01: OnlineDeployment (`sku.capacity`, `scaleSettings.scaleType`; PATCH takes `sku`),
OnlineEndpoint (`traffic`), AmlCompute (`scaleSettings.maxNodeCount`; PATCH is ClusterUpdateParameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm import fold, is_within, name_of, type_of
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.projects.model import Limits
from controlplane.retraining.known import WORKSPACE_TYPE, Known
from controlplane.retraining.remediation.choose import Target
from controlplane.retraining.tasks import TaskKind
from controlplane.workspaces.records import WorkspaceRecord

API = "2024-04-01"
ENDPOINT = f"{WORKSPACE_TYPE}/onlineEndpoints".lower()
DEPLOYMENT = f"{ENDPOINT}/deployments"
COMPUTE = f"{WORKSPACE_TYPE}/computes".lower()


async def target_of(
    reader: ResourceReader, found: Known, arm_id: str | None, limits: Limits | None
) -> tuple[Target | None, str]:
    """What can be scaled, or None and why. Raises ``Transient``, ``Rejected``."""
    if arm_id is None or not is_within(arm_id, found.workspace_id):
        return None, "It names nothing inside the workspace that could be scaled."
    kind = type_of(arm_id).lower()
    if kind == ENDPOINT:
        return await _busiest(reader, found, arm_id, limits)
    if kind == DEPLOYMENT:
        body = await reader.get(arm_id, API)
        if body is None:
            return None, "It does not exist any more."
        return await _deployment(reader, found, (body, arm_id), limits), ""
    if kind == COMPUTE:
        return await _cluster(reader, found, arm_id, limits)
    return None, f"A {kind.rpartition('/')[2]} has nothing that could be scaled."


def held_by_budget(record: WorkspaceRecord, arm_id: str) -> str | None:
    """Why a budget keeps it from growing; None: it does not."""
    if type_of(arm_id).lower() == COMPUTE:
        limit = record.node_limits.get(name_of(arm_id).lower())
        return None if limit is None else f"A budget holds it at {limit} nodes: it grows when the budget lets go."
    return "A budget has frozen the workspace: nothing is made larger until it lets go." if record.frozen else None


async def count_of(reader: ResourceReader, arm_id: str) -> tuple[int | None, str | None]:
    """Instances or maximum of nodes now, and the state. None: it is not there."""
    body = await reader.get(arm_id, API)
    if body is None:
        return None, None
    if type_of(arm_id).lower() == COMPUTE:
        return _count(_inner(body).get("scaleSettings"), "maxNodeCount"), _state(body)
    return _count(body.get("sku"), "capacity"), _state(body)


def change(arm_id: str, count: int, body: JsonObject | None) -> JsonObject:
    """What is sent. A cluster's scale settings are replaced as a whole, so ``body`` says what else they hold."""
    if type_of(arm_id).lower() != COMPUTE:
        return {"sku": {**_object((body or {}).get("sku")), "capacity": count}}
    settings = {**_object(_inner(body or {}).get("scaleSettings")), "maxNodeCount": count}
    return {"properties": {"properties": {"scaleSettings": settings}}}


async def _busiest(
    reader: ResourceReader, found: Known, endpoint_id: str, limits: Limits | None
) -> tuple[Target | None, str]:
    """The deployment that gets most of the endpoint's traffic."""
    endpoint = await reader.get(endpoint_id, API)
    traffic = _object(_object((endpoint or {}).get("properties")).get("traffic"))
    shares = {str(name): share for name, share in traffic.items() if isinstance(share, int) and share > 0}
    if not shares:
        return None, "None of its deployments gets traffic."
    name = max(sorted(shares), key=lambda one: shares[one])
    arm_id = f"{endpoint_id}/deployments/{name}"
    body = await reader.get(arm_id, API)
    if body is None:
        return None, "Its deployment does not exist any more."
    return await _deployment(reader, found, (body, arm_id), limits), ""


async def _deployment(
    reader: ResourceReader, found: Known, about: tuple[JsonObject, str], limits: Limits | None
) -> Target | None:
    body, arm_id = about
    count = _count(body.get("sku"), "capacity")
    scaling = _object(_object(body.get("properties")).get("scaleSettings")).get("scaleType")
    if count is None:
        return None
    return Target(
        arm_id=arm_id,
        kind=TaskKind.SCALE_ENDPOINT,
        count=count,
        state=_state(body),
        autoscaled=scaling not in (None, "Default"),
        ceiling=await _instances_left(reader, found, arm_id, limits),
        ceiling_is="the project's",
        held=held_by_budget(found.record, arm_id),
    )


async def _instances_left(reader: ResourceReader, found: Known, arm_id: str, limits: Limits | None) -> int:
    """Instances that the registration leaves to this deployment: all of a workspace count together. What a lead allows
    is bounded by what a Platform.Admin has given the project."""
    if limits is None:
        return 0
    used = 0
    for endpoint in await reader.list(f"{found.workspace_id}/onlineEndpoints", API):
        for one in await reader.list(f"{found.workspace_id}/onlineEndpoints/{endpoint.get('name')}/deployments", API):
            if fold(str(one.get("id"))) != fold(arm_id):
                count = _count(one.get("sku"), "capacity")
                used += count if count is not None else 1
    return max(0, limits.max_instances - used)


async def _cluster(
    reader: ResourceReader, found: Known, arm_id: str, limits: Limits | None
) -> tuple[Target | None, str]:
    body = await reader.get(arm_id, API)
    if body is None:
        return None, "It does not exist any more."
    count = _count(_inner(body).get("scaleSettings"), "maxNodeCount")
    if count is None or _object(body.get("properties")).get("computeType") != "AmlCompute":
        return None, "It is no cluster."
    declared = declared_nodes(found.record.spec, name_of(arm_id))
    if declared is not None:
        ceiling, whose = declared, "its spec's"
    else:
        ceiling, whose = await _room(reader, found, arm_id, limits), "the project's"
    held = held_by_budget(found.record, arm_id)
    return Target(arm_id, TaskKind.SCALE_CLUSTER, count, _state(body), False, ceiling, whose, held), ""


def declared_nodes(spec: Mapping[str, Any], name: str) -> int | None:
    """What the workspace's spec says of a cluster: more than that would be drift, and taken back by a repair."""
    clusters = _object(spec.get("compute")).get("clusters")
    for one in clusters if isinstance(clusters, list | tuple) else ():
        if isinstance(one, Mapping) and str(one.get("name")).lower() == name.lower():
            return _count(one, "maxNodes")
    return None


async def _room(reader: ResourceReader, found: Known, arm_id: str, limits: Limits | None) -> int:
    """Nodes that the registration leaves to this cluster: all of a workspace count together."""
    if limits is None:
        return 0
    used = 0
    for one in await reader.list(f"{found.workspace_id}/computes", API):
        if fold(str(one.get("id"))) == fold(arm_id):
            continue
        nodes = _count(_inner(one).get("scaleSettings"), "maxNodeCount")
        used += nodes if nodes is not None else 1
    return max(0, limits.max_nodes - used)


def _inner(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(_object(body.get("properties")).get("properties"))


def _state(body: Mapping[str, Any]) -> str | None:
    state = _object(body.get("properties")).get("provisioningState")
    return state if isinstance(state, str) else None


def _count(value: Any, name: str) -> int | None:
    found = _object(value).get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
