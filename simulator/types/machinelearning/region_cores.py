"""How many cores Azure ML lets a subscription use in a region, how many its clusters use, and sizes with their cores.

Sources: API definition 2023-04-01, Usages - List (`UsageListResult`) and VirtualMachineSizes - List; names, types and
the -1 of families that share the region's pool as published tools read them: `TotalClusters`, `TotalDedicatedCores`,
`TotalLowPriorityCores`, `{family}` with `Microsoft.MachineLearningServices/vmFamily/dedicatedCores/usages` and
`…/lowPriorityCores/usages`. Types of the totals are assumed. "Manage and request quotas": nodes that there are count,
and 200 clusters; 100 cores are a new subscription's.
"""

from __future__ import annotations

from simulator.engine.declaration import Answer, JsonObject, Resource, Route, RouteContext
from simulator.planes.skus import MISSING, REGIONS, SIZES
from simulator.types._shared import dig, subscription_of

PROVIDER = "Microsoft.MachineLearningServices"
COMPUTE = f"{PROVIDER}/workspaces/computes"
#: What a new subscription has; low priority nodes share the region's pool.
LIMITS = {"TotalClusters": 200, "TotalDedicatedCores": 100, "TotalLowPriorityCores": 100}
FAMILY = 100
_CORES = {size.lower(): cpus for size, _, cpus, *_ in SIZES}
_FAMILY = {size.lower(): family for size, family, *_ in SIZES}


def _used(compute: Resource) -> tuple[str, bool, int]:
    """Folded size, whether it is of low priority, and the cores of the nodes that it has."""
    state: JsonObject = dig(compute.body, "properties.properties", {})
    size = str(state.get("vmSize")).lower()
    low = str(state.get("vmPriority")).lower() == "lowpriority"
    return size, low, int(state.get("currentNodeCount", 0)) * _CORES.get(size, 0)


def _usage(region: str, scope: str, kind: str, name: str, numbers: tuple[int, int]) -> JsonObject:
    current, limit = numbers
    return {
        "id": f"{scope}/providers/{PROVIDER}/locations/{region}/usages/{name}", "type": f"{PROVIDER}/{kind}/usages",
        "unit": "Count", "currentValue": current, "limit": limit, "name": {"value": name, "localizedValue": name},
    }  # fmt: skip


def usages(ctx: RouteContext) -> list[JsonObject]:
    """What `Usages - List` says of the subscription itself; of its workspaces `quotas.py` does."""
    region, scope = ctx.params["l"].lower(), f"/subscriptions/{ctx.params['s']}"
    mine = [
        one for one in ctx.engine.all_of(COMPUTE)
        if subscription_of(one.id) == ctx.params["s"].lower() and one.location.replace(" ", "").lower() == region
        and one.properties.get("computeType") == "AmlCompute"
    ]  # fmt: skip
    used = [_used(one) for one in mine]
    totals = {
        "TotalClusters": ("totalClusters", len(mine)),
        "TotalDedicatedCores": ("dedicatedCores", sum(cores for _, low, cores in used if not low)),
        "TotalLowPriorityCores": ("lowPriorityCores", sum(cores for _, low, cores in used if low)),
    }
    value = [_usage(region, scope, kind, name, (now, LIMITS[name])) for name, (kind, now) in totals.items()]
    for family in sorted(set(_FAMILY.values())):
        for tier, wanted, limit in (("dedicatedCores", False, FAMILY), ("lowPriorityCores", True, -1)):
            now = sum(cores for size, low, cores in used if _FAMILY.get(size) == family and low is wanted)
            value.append(_usage(region, scope, f"vmFamily/{tier}", family, (now, limit)))
    return value


def _sizes(ctx: RouteContext) -> Answer:
    region = ctx.params["l"].lower()
    here = [one for one in SIZES if region in REGIONS and one[0] not in MISSING.get(region, set())]
    value = [
        {
            "name": name, "family": family, "vCPUs": cpus, "gpus": gpus, "osVhdSizeMB": 1047552,
            "maxResourceVolumeMB": int(memory * 2048), "memoryGB": memory, "lowPriorityCapable": True,
            "premiumIO": premium, "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
        }
        for name, family, cpus, memory, gpus, _, _, premium in here
    ]  # fmt: skip
    return Answer(200, {"value": value})


_PATH = f"/subscriptions/{{s}}/providers/{PROVIDER}/locations/{{l}}"
ROUTES = (Route("GET", f"{_PATH}/vmSizes", f"{PROVIDER}/locations/vmSizes/read", _sizes),)
