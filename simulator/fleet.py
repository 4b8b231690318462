"""A whole estate at once: what takes minutes through ARM, for benchmarks of sweeps (`POST /simulator/fleet`).

    {"workspaces": [{"id": "/subscriptions/S/resourceGroups/G/providers/.../workspaces/W", "location": "westeurope",
                     "tags": {}, "ageDays": 60, "clusters": [{"name": "cpu", "vmSize": "Standard_DS3_v2", "nodes": 0,
                     "maxNodeCount": 4, "days": 0}], "instances": [{"name": "ada", "state": "Stopped"}],
                     "endpoints": [{"name": "churn", "requestsPerMinute": 0}]}]}

Nothing is validated and no hook of a type runs: they stand there as if they had been made `ageDays` ago (their costs
begin now, those of `inject cost --days` before). A cluster has held its nodes for `days`. Subscriptions that do not
exist are opened, with the rights that the seeded principals have on the others.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from simulator.billing.prices import DAY
from simulator.engine.hooks import JsonObject, Resource
from simulator.types._shared import group_of, iso, subscription_of
from simulator.types.machinelearning import nodes, traffic

if TYPE_CHECKING:
    from simulator.planes.world import World

SIZE = "Standard_DS3_v2"


def grow(world: World, wish: JsonObject) -> JsonObject:
    """How much there is then. Raises KeyError, TypeError for a wish that is none."""
    spaces: list[JsonObject] = list(wish["workspaces"])
    world.open_subscriptions(dict.fromkeys(subscription_of(str(one["id"])).lower() for one in spaces))
    for space in spaces:
        _stand(world, space)
    return {"workspaces": len(spaces), "resources": len(world.store.resources)}


def _stand(world: World, space: JsonObject) -> None:
    engine, arm_id = world.engine, str(space["id"])
    location, tags = str(space.get("location") or "westeurope"), dict(space.get("tags") or {})
    age = float(space.get("ageDays") or 0)
    made = iso(engine.now() - timedelta(days=age))
    about = {"createdBy": "fleet", "createdByType": "User", "createdAt": made, "lastModifiedAt": made}
    if engine.get(group_of(arm_id)) is None:
        engine.put(group_of(arm_id), {"location": location, "tags": tags})
    workspace = engine.put(
        arm_id, {"location": location, "tags": tags, "properties": dict(space.get("properties") or {})}
    )
    workspace.body["systemData"] = dict(about)
    for one in space.get("clusters") or ():
        _cluster(world, workspace, one)
    for one in space.get("instances") or ():
        inner = {"vmSize": one.get("vmSize") or SIZE, "state": one.get("state") or "Stopped"}
        _compute(world, workspace, str(one["name"]), "ComputeInstance", inner)
    for one in space.get("endpoints") or ():
        endpoint = engine.put(
            f"{arm_id}/onlineEndpoints/{one['name']}", {"location": location, "properties": {"authMode": "AADToken"}}
        )
        endpoint.body["systemData"] = dict(about)
        traffic.change(engine, endpoint, {"requestsPerMinute": float(one.get("requestsPerMinute") or 0)})


def _compute(world: World, workspace: Resource, name: str, kind: str, inner: dict[str, Any]) -> Resource:
    body = {"location": workspace.location, "properties": {"computeType": kind, "properties": inner}}
    return world.engine.put(f"{workspace.id}/computes/{name}", body)


def _cluster(world: World, workspace: Resource, one: JsonObject) -> None:
    count = int(one.get("nodes") or 0)
    scale = {"minNodeCount": int(one.get("minNodeCount") or 0), "maxNodeCount": int(one.get("maxNodeCount") or 4)}
    state = {
        "vmSize": one.get("vmSize") or SIZE, "vmPriority": "Dedicated", "scaleSettings": scale,
        "currentNodeCount": count, "targetNodeCount": count, "allocationState": "Steady",
        "nodeStateCounts": nodes.node_counts(running=count), "enableNodePublicIp": True,
    }  # fmt: skip
    cluster = _compute(world, workspace, str(one["name"]), "AmlCompute", state)
    nodes.inner(cluster).update(state)
    if count:
        since = world.engine.time() - float(one.get("days") or 0) * DAY
        cluster.private[nodes.HISTORY] = [[since, count, count, 0, 0]]
    world.engine.save(cluster)
