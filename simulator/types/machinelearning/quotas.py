"""Quotas of a workspace: how many cores of a family of machines its clusters and its jobs without a compute may have.

Sources: API definition 2024-04-01, Quotas and Usages, and its example (`POST …/locations/{l}/updateQuotas`: a status
for each wish); `GET …/quotas` as recorded in Azure PowerShell's tests on 2025-11-04 (for each family a row of the
subscription and one of each workspace, also where nobody set one; ids, types, names); learn.microsoft.com, "Manage and
increase quotas" (all workspaces have the whole of the subscription's by default; no negative value, none above it) and
"Model training on serverless compute" (the quota of a workspace holds for it). Assumed: `Failure` of a negative value
and of a workspace that is not there; that what a cluster keeps at least is its minimum of nodes; that a limit of the
subscription's is none of the workspace's own; that a job without a compute waits where there is none, and its sentence.
A cluster's minimum above the quota: code and words as quoted in ansible-collections/azure#2209. Quota of the
subscription is told (`region_cores.py`) and holds nobody.
"""

from __future__ import annotations

from simulator.engine.declaration import Answer, EngineApi, JsonObject, Resource, Route, RouteContext
from simulator.planes.skus import SIZES
from simulator.types._shared import dig, parent_id
from simulator.types.machinelearning import region_cores

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
QUOTA = f"{WORKSPACE}/dedicatedCores/quotas"
_OF_FAMILY = "Microsoft.MachineLearningServices/vmFamily/dedicatedCores/quotas"
HOOK, KEY = "workspace-quota-holds", "quotas"
#: Size → (family, cores).
_SIZES = {size.lower(): (family, cores) for size, family, cores, *_ in SIZES}
FAMILIES = sorted({family for family, _ in _SIZES.values()})


def _plain(name: str) -> str:
    """A family by its name, by that in an id, and by the one of the API's example: `standardDSv2Family`,
    `Standard_DSv2_Family_Cluster_Dedicated_vCPUs`."""
    return "".join(one for one in name.lower() if one.isalnum()).removesuffix("clusterdedicatedvcpus")


def _of_size(size: object) -> tuple[str, int] | None:
    return _SIZES.get(str(size).lower())


def _limits(engine: EngineApi, workspace_id: str) -> dict[str, int]:
    """By family; of one that is not in it the workspace has the whole of the subscription's."""
    workspace = engine.get(workspace_id)
    held: dict[str, int] = workspace.private.get(KEY, {}) if workspace is not None else {}
    return held


def exceeded(engine: EngineApi, workspace_id: str, size: object, nodes: int, but: str = "") -> str | None:
    """Why so many nodes of a size are too many beside those of the workspace's other clusters, if they are."""
    found = _of_size(size)
    if found is None or not engine.hook_on(HOOK):
        return None
    family, cores = found
    limit = _limits(engine, workspace_id).get(family)
    if limit is None:
        return None
    used = _used(engine, workspace_id, family, but)
    if used + nodes * cores <= limit:
        return None
    return (
        f"The workspace's quota of {_words(family)} does not allow {nodes} more nodes: the limit is {limit}, "
        f"{used} are used."
    )


def least_allowed(engine: EngineApi, workspace_id: str, size: object, nodes: int) -> str | None:
    """Why a cluster may not keep so many nodes at least, if it may not."""
    found = _of_size(size)
    limit = _limits(engine, workspace_id).get(found[0]) if found and engine.hook_on(HOOK) else None
    if found is None or limit is None or nodes * found[1] <= limit:
        return None
    return (
        f"The specified subscription has a {_words(found[0])} vCPU quota of {limit} and cannot accomodate for at least "
        f"{nodes} requested managed compute nodes which maps to {nodes * found[1]} vCPUs."
    )


def _used(engine: EngineApi, workspace_id: str, family: str, but: str = "") -> int:
    total = 0
    for compute in engine.children(workspace_id, f"{WORKSPACE}/computes"):
        state = dig(compute.body, "properties.properties", {})
        found = _of_size(state.get("vmSize"))
        if found is not None and found[0] == family and compute.key != but.lower():
            total += found[1] * int(state.get("currentNodeCount") or 0)
    return total


# -- the API -----------------------------------------------------------------------------------------------------------


def _update(context: RouteContext) -> Answer:
    """Each wish has an answer of its own; the call succeeds all the same."""
    given = context.request.get("value")
    wishes = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return Answer(200, {"value": [_one(context, wish) for wish in wishes], "nextLink": None})


def _one(context: RouteContext, wish: JsonObject) -> JsonObject:
    identifier, limit = str(wish.get("id")), wish.get("limit")
    workspace = context.engine.get(parent_id(identifier)) if "/quotas/" in identifier else None
    answer = {"id": identifier, "type": wish.get("type") or QUOTA, "limit": limit, "unit": wish.get("unit") or "Count"}
    return {**answer, "status": _settled(context, workspace, identifier.rpartition("/")[2], limit)}


def _settled(context: RouteContext, workspace: Resource | None, name: str, limit: object) -> str:
    engine = context.engine
    if workspace is None or workspace.type != WORKSPACE or not isinstance(limit, int) or limit < 0:
        return "Failure"
    if workspace.location.lower() != context.params["l"].lower():
        return "OperationNotEnabledForRegion"
    family = next((one for one in FAMILIES if _plain(one) == _plain(name)), None)
    if family is None:
        return "InvalidVMFamilyName"
    if limit > region_cores.FAMILY:
        return "InvalidQuotaExceedsSubscriptionLimit"
    if limit < _kept(engine, workspace, family):
        return "InvalidQuotaBelowClusterMinimum"
    held = {one: most for one, most in _limits(engine, workspace.id).items() if one != family}
    workspace.private[KEY] = held if limit == region_cores.FAMILY else {**held, family: limit}
    return "Success"


def _kept(engine: EngineApi, workspace: Resource, family: str) -> int:
    """Cores that clusters keep at least."""
    total = 0
    for compute in engine.children(workspace.id, f"{WORKSPACE}/computes"):
        state = dig(compute.body, "properties.properties", {})
        found = _of_size(state.get("vmSize"))
        if found is not None and found[0] == family:
            total += found[1] * int(dig(state, "scaleSettings.minNodeCount", 0))
    return total


def _list(context: RouteContext) -> Answer:
    """For each family the subscription's, then that of each workspace of the region."""
    here, scope = _here(context), f"/subscriptions/{context.params['s']}"
    value = []
    for family in FAMILIES:
        value.append(_row(scope, _OF_FAMILY, family, (region_cores.FAMILY, None)))
        for one in here:
            limit = _limits(context.engine, one.id).get(family, region_cores.FAMILY)
            value.append(_row(one.id, QUOTA, family, (limit, one.location)))
    return Answer(200, {"value": value})


def _row(owner: str, kind: str, family: str, limit: tuple[int, str | None]) -> JsonObject:
    return {
        "id": f"{owner}/quotas/{family.replace(' ', '_')}", "type": kind, "unit": "Count", "limit": limit[0],
        "name": _name(family), "location": limit[1],
    }  # fmt: skip


def _usages(context: RouteContext) -> Answer:
    found = []
    for workspace in _here(context):
        for family in FAMILIES:
            used, held = _used(context.engine, workspace.id, family), _limits(context.engine, workspace.id)
            if used or family in held:
                limit = held.get(family, region_cores.FAMILY)
                shown = {"currentValue": used, "limit": limit, "unit": "Count", "name": _name(family)}
                name = family.replace(" ", "_")
                about = {"id": f"{workspace.id}/usages/{name}", "type": f"{WORKSPACE}/dedicatedCores/usages"}
                found.append({**about, "amlWorkspaceLocation": workspace.location, **shown})
    return Answer(200, {"value": [*region_cores.usages(context), *found]})


def _here(context: RouteContext) -> list[Resource]:
    some = context.engine.all_of(WORKSPACE, f"/subscriptions/{context.params['s']}")
    return [one for one in some if one.location.lower() == context.params["l"].lower()]


def _words(family: str) -> str:
    """`standardDSv2Family` → `Standard DSv2 Family`."""
    inner = family.removeprefix("standard").removeprefix("Standard").removesuffix("Family").strip()
    return f"Standard {inner} Family"


def _name(family: str) -> JsonObject:
    return {"value": family, "localizedValue": f"{_words(family)} Cluster Dedicated vCPUs"}


_LOCATIONS = "Microsoft.MachineLearningServices/locations"
_PATH = f"/subscriptions/{{s}}/providers/{_LOCATIONS}/{{l}}"
ROUTES: tuple[Route, ...] = (
    Route("POST", f"{_PATH}/updateQuotas", f"{_LOCATIONS}/updateQuotas/action", _update),
    Route("GET", f"{_PATH}/quotas", f"{_LOCATIONS}/quotas/read", _list),
    Route("GET", f"{_PATH}/usages", f"{_LOCATIONS}/usages/read", _usages),
)
