"""Which families of machines a workspace's nodes hold, and from which its online endpoints serve."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from controlplane.arm import name_of
from controlplane.errors import Conflict, Rejected, Transient
from controlplane.governance.budgets.quotas import QUOTA_API, Place, Use, place_of, plain
from controlplane.json_types import JsonObject
from controlplane.ports.reader import ResourceReader
from controlplane.retraining.known import Known
from controlplane.workspaces import kinds as k

#: Of instances that hold no machine any more.
_LET_GO = frozenset({"stopped", "deallocated"})
#: Questions to Resource Manager that are under way together.
_AT_ONCE = 8


class _Unknown(Exception):
    """Why it is not known."""


class _Size(NamedTuple):
    family: str
    cores: int


class Machines:
    """Of one look: sizes are read once for each subscription and region, and only where something runs."""

    def __init__(self, reader: ResourceReader) -> None:
        self._reader = reader
        self._sizes: dict[Place, Mapping[str, _Size]] = {}

    async def use(self, space: Known, computes: Sequence[JsonObject] | None) -> Use | str:
        """As words: why nobody knows it, and nothing of the workspace's quotas is changed."""
        if computes is None:
            return "serverless jobs are not blocked yet: its computes could not be read."
        try:
            nodes = Counter[str]()
            for one in computes:
                nodes.update(_nodes(one))
            serving = await self._serving(space)
            sizes = await self._all_sizes(place_of(space)) if nodes or serving else {}
            held = Counter[str]()
            for size, count in nodes.items():
                found = _of(sizes, size)
                held[found.family] += count * found.cores
            return Use(held, frozenset(_of(sizes, one).family for one in serving))
        except _Unknown as error:
            return f"serverless jobs are not blocked yet: {error}"
        except (Rejected, Conflict, Transient) as error:
            return f"serverless jobs are not blocked yet: {error.code}: {error.message}"

    async def _serving(self, space: Known) -> set[str]:
        """Sizes of managed deployments, of some endpoints at once."""
        version, found = k.API_VERSIONS[k.COMPUTE], set[str]()
        endpoints = await self._reader.list(f"{space.workspace_id}/onlineEndpoints", version)
        for start in range(0, len(endpoints), _AT_ONCE):
            some = endpoints[start : start + _AT_ONCE]
            asked = (self._reader.list(f"{one['id']}/deployments", version) for one in some)
            for one in chain.from_iterable(await asyncio.gather(*asked)):
                properties = _object(one.get("properties"))
                if str(properties.get("endpointComputeType", "Managed")).lower() == "managed":
                    found.add(str(properties.get("instanceType")).lower())
        return found

    async def _all_sizes(self, place: Place) -> Mapping[str, _Size]:
        if place not in self._sizes:
            listed = await self._reader.list(f"{place.path}/vmSizes", QUOTA_API)
            self._sizes[place] = {
                str(one.get("name")).lower(): _Size(plain(str(one.get("family"))), int(one["vCPUs"]))
                for one in listed
                if isinstance(one.get("vCPUs"), int)
            }
        return self._sizes[place]


def _of(sizes: Mapping[str, _Size], size: str) -> _Size:
    found = sizes.get(size)
    if found is None:
        raise _Unknown(f"Azure does not say of which family size {size} is.")
    return found


def _nodes(compute: JsonObject) -> Mapping[str, int]:
    """Dedicated machines that a compute has, by size. A compute instance counts as a cluster of one node."""
    properties = _object(compute.get("properties"))
    inner = _object(properties.get("properties"))
    size = str(inner.get("vmSize")).lower()
    match str(properties.get("computeType")).lower():
        case "amlcompute" if str(inner.get("vmPriority")).lower() != "lowpriority":
            count = inner.get("currentNodeCount")
            if not isinstance(count, int) or isinstance(count, bool):
                raise _Unknown(f"Azure does not say how many nodes of {name_of(str(compute.get('id')))} run.")
            return {size: count} if count > 0 else {}
        case "computeinstance" if str(inner.get("state")).lower() not in _LET_GO:
            return {size: 1}
        case _:
            return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
