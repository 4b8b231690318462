"""Whether the compute that a run would use has cores left (D24): the cluster's own idle nodes first, else the quota of
its subscription and region.

Sources: API definition of Microsoft.MachineLearningServices 2023-04-01 (Usages - List: `currentValue`, `limit`, `type`
and `name.value`; VirtualMachineSizes - List: `family`, `vCPUs`). As Azure answers, seen in public tools: totals are
`TotalDedicatedCores` and `TotalLowPriorityCores`; a family has one entry for each tier, told apart by its type
(`…/vmFamily/dedicatedCores/usages`); -1 is no limit of its own; before an offer is in force `currentValue` is null.
"Manage and request quotas": a cluster takes quota for the nodes that it has, and a job waits where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.arm import name_of, subscription_of
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.known import Known
from controlplane.retraining.pipelines import component_path, definition_of, latest_version
from controlplane.retraining.policy import Pipeline, PipelineKind
from controlplane.retraining.questions.case import Room
from controlplane.retraining.signals.eventgrid import is_name
from controlplane.retraining.signals.evidence import JOBS_API

LOCATIONS = "Microsoft.MachineLearningServices/locations"
QUOTA_API = "2023-04-01"
SERVERLESS = "serverless"
_COMPUTES = frozenset({"computeid", "compute", "default_compute", "defaultcompute", "defaultcomputeid"})
_TIERS = {
    "dedicated": ("TotalDedicatedCores", "dedicatedcores"),
    "lowpriority": ("TotalLowPriorityCores", "lowprioritycores"),
}


async def room_of(reader: ResourceReader, found: Known, pipeline: Pipeline) -> Room:
    """Of several computes the scarcest. Raises ``Transient``: what cannot be read now is asked again."""
    try:
        names = await _computes(reader, found.workspace_id, pipeline)
        rooms = [await _room(reader, found, name) for name in sorted(names)]
    except Rejected as error:
        return Room(doubt=f"it could not be read ({error.code}).")
    if not rooms:
        return Room(doubt="the pipeline does not say which compute it runs on.")
    if closed := next((one for one in rooms if one.closed is not None), None):
        return closed
    doubt = next((one for one in rooms if one.doubt is not None), None)
    known = [one for one in rooms if one.free is not None and one.needed is not None]
    least = min(known, key=lambda one: (one.free or 0) - (one.needed or 0), default=None)
    if least is not None and (doubt is None or (least.needed or 0) > (least.free or 0)):
        return least
    return doubt or Room(doubt="nothing of it is counted.")


async def _computes(reader: ResourceReader, workspace_id: str, pipeline: Pipeline) -> set[str]:
    """The policy's compute, which steps without one of their own get; else what the pipeline itself names."""
    if pipeline.compute is not None:
        return {pipeline.compute}
    body: JsonObject | None
    if pipeline.kind is PipelineKind.SCHEDULE:
        body = await definition_of(reader, workspace_id, pipeline.name)
    elif pipeline.kind is PipelineKind.BATCH_DEPLOYMENT:
        path = f"{workspace_id}/batchEndpoints/{pipeline.name}/deployments/{pipeline.deployment}"
        body = await reader.get(path, JOBS_API)
    else:
        version = pipeline.version or await latest_version(reader, workspace_id, pipeline.name)
        body = await reader.get(component_path(workspace_id, pipeline.name, version), JOBS_API)
    return set(_named(body))


def _named(value: Any) -> Iterator[str]:
    """Computes that a definition names, wherever in it."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key.lower() in _COMPUTES and isinstance(one, str) and one:
                yield name_of(one).removeprefix("azureml:")
            else:
                yield from _named(one)


async def _room(reader: ResourceReader, found: Known, name: str) -> Room:
    subscription, region = subscription_of(found.workspace_id) or "", str(found.record.spec.get("location", ""))
    if name == SERVERLESS:
        # Azure ML chooses a size of a family that there is quota for: one core is the least of them.
        usages = await _list(reader, subscription, region, "usages")
        return _of_quota(usages, 1, "dedicated", _Family(None, found.workspace_id))
    if not is_name(name):
        # An expression, or what leads elsewhere: whoever registers a component writes what he likes there.
        return Room(doubt=f"{name[:100]!r} names no compute.")
    body = await reader.get(f"{found.workspace_id}/computes/{name}", JOBS_API)
    if body is None:
        return Room(doubt=f"the workspace has no compute {name}.")
    outer = _object(body.get("properties"))
    cluster = _object(outer.get("properties"))
    if outer.get("computeType") != "AmlCompute":
        return Room(doubt=f"compute {name} is no cluster, and takes no quota by the job.")
    idle = _count(_object(cluster.get("nodeStateCounts")).get("idleNodeCount")) or 0
    most = _count(_object(cluster.get("scaleSettings")).get("maxNodeCount"))
    if most == 0:
        return Room(closed=f"cluster {name} may have no node (maxNodeCount 0), as where a budget blocks jobs.")
    if idle > 0 or (most is not None and (_count(cluster.get("currentNodeCount")) or 0) >= most):
        return Room(free=0, needed=0)  # A node waits for the job, or the job for a node: neither asks for quota.
    region = str(body.get("location") or region).replace(" ", "").lower()
    size = str(cluster.get("vmSize") or "").lower()
    sizes = await _list(reader, subscription, region, "vmSizes")
    known = next((one for one in sizes if str(one.get("name")).lower() == size), None)
    cores = _count(known.get("vCPUs")) if known is not None else None
    if known is None or cores is None:
        return Room(doubt=f"Azure does not say how many cores {size or name} has.")
    usages = await _list(reader, subscription, region, "usages")
    tier = str(cluster.get("vmPriority") or "Dedicated").lower()
    return _of_quota(usages, cores, tier, _Family(str(known.get("family")), found.workspace_id))


async def _list(reader: ResourceReader, subscription: str, region: str, what: str) -> Sequence[JsonObject]:
    return await reader.list(f"/subscriptions/{subscription}/providers/{LOCATIONS}/{region}/{what}", QUOTA_API)


@dataclass(frozen=True, slots=True)
class _Family:
    """``name`` None: whichever Azure ML chooses."""

    name: str | None
    workspace_id: str


def _of_quota(usages: Sequence[JsonObject], needed: int, tier: str, about: _Family) -> Room:
    """The smallest of what the region, the family and the workspace's share of the family have left, where they have
    limits of their own; without a family the most that one of them has left. Pure."""
    total_name, mark = _TIERS.get(tier, _TIERS["dedicated"])
    total = next((one for one in usages if _name(one) == total_name.lower()), None)
    try:
        left = [_left((total,))]
        if about.name is not None:
            left.append(_left(_entries(usages, mark, about.name, about.workspace_id)))
    except _Uncounted:
        return Room(needed=needed, doubt=f"Azure does not count {about.name or total_name} here.")
    if about.name is None:
        left.append(_best(usages, mark, about.workspace_id))
    known = [one for one in left if one is not None]
    return Room(free=min(known), needed=needed) if known else Room(needed=needed, doubt="no limit of it is told.")


class _Uncounted(Exception):
    """Azure says no number."""


def _left(entries: Sequence[JsonObject | None]) -> int | None:
    """None: none of them is a limit. Raises :class:`_Uncounted`."""
    left: list[int] = []
    for one in entries:
        limit, used = (_count(one.get("limit")), _count(one.get("currentValue"))) if one else (None, None)
        if limit == -1:
            continue
        if limit is None or used is None:
            raise _Uncounted
        left.append(max(limit - used, 0))
    return min(left, default=None)


def _entries(usages: Sequence[JsonObject], mark: str, family: str, workspace_id: str) -> list[JsonObject | None]:
    of_family = (one for one in usages if _name(one) == family.lower() and _is_whole(one, mark))
    found = [next(of_family, None)]
    # A share of the workspace is of dedicated cores, and only there where somebody set one.
    dedicated = mark == _TIERS["dedicated"][1]
    return [*found, *(one for one in usages if dedicated and _is_share(one, family, workspace_id))]


def _best(usages: Sequence[JsonObject], mark: str, workspace_id: str) -> int | None:
    """The most that a family has left; None where one of them has no limit, or is not counted."""
    totals = {total.lower() for total, _ in _TIERS.values()}
    families = sorted({_name(one) for one in usages if _is_whole(one, mark)} - totals)
    try:
        left = [_left(_entries(usages, mark, one, workspace_id)) for one in families]
    except _Uncounted:
        return None
    known = [one for one in left if one is not None]
    return max(known) if known and len(known) == len(left) else None


def _is_whole(usage: JsonObject, mark: str) -> bool:
    """The subscription's, and of that tier."""
    return mark in _type(usage) and "/workspaces/" not in f"{_type(usage)}{usage.get('id')}".lower()


def _type(usage: Mapping[str, Any]) -> str:
    return str(usage.get("type")).lower()


def _is_share(usage: JsonObject, family: str, workspace_id: str) -> bool:
    """`Standard_DSv2_Family_Cluster_Dedicated_vCPUs` of a workspace is family `standardDSv2Family`."""
    mine = str(usage.get("id")).lower().startswith(f"{workspace_id.lower()}/")
    return mine and _plain(_name(usage)).removesuffix("clusterdedicatedvcpus") == _plain(family)


def _plain(text: str) -> str:
    return "".join(one for one in text.lower() if one.isalnum())


def _name(usage: Mapping[str, Any]) -> str:
    return str(_object(usage.get("name")).get("value")).lower()


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}
