"""Quotas of a workspace: how many cores of a family of machines its clusters and its jobs without a compute may have.

Sources: API definition 2024-10-01, Quotas and Usages, and its example (`POST …/locations/{l}/updateQuotas`, ids and
statuses); learn.microsoft.com, "Manage and increase quotas" (workspace-level quota is set by family; serverless compute
takes from the same one; not below what a cluster keeps at least). -1 takes a quota away, which is assumed, as is the
sentence of a cluster that gets no more nodes. Quota of the subscription is told (`region_cores.py`) and holds nobody.
"""

from __future__ import annotations

from simulator.engine.declaration import Answer, EngineApi, JsonObject, Resource, Route, RouteContext
from simulator.planes.skus import SIZES
from simulator.types._shared import dig, parent_id
from simulator.types.machinelearning import region_cores

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
QUOTA = f"{WORKSPACE}/quotas"
HOOK, KEY, NO_LIMIT = "workspace-quota-holds", "mlquota:", -1
#: Size → (family as quotas name it, cores).
_SIZES = {
    size.lower(): (
        f"Standard_{family.removeprefix('Standard').removeprefix('standard').removesuffix('Family').strip()}",
        cores,
    )
    for size, family, cores, *_ in SIZES
}
FAMILIES = sorted({f"{family}_Family_Cluster_Dedicated_vCPUs" for family, _ in _SIZES.values()})


def _of_size(size: object) -> tuple[str, int] | None:
    found = _SIZES.get(str(size).lower())
    return (f"{found[0]}_Family_Cluster_Dedicated_vCPUs", found[1]) if found else None


def _limits(engine: EngineApi, workspace_id: str) -> dict[str, int]:
    held: dict[str, int] = engine.store.kv.get(f"{KEY}{workspace_id.lower()}") or {}
    return held


def exceeded(engine: EngineApi, workspace_id: str, size: object, nodes: int, but: str = "") -> str | None:
    """Why so many nodes of a size are too many beside those of the workspace's other clusters, if they are."""
    found = _of_size(size)
    if found is None or not engine.hook_on(HOOK):
        return None
    family, cores = found
    limit = _limits(engine, workspace_id).get(family.lower())
    if limit is None:
        return None
    used = _used(engine, workspace_id, family, but)
    if used + nodes * cores <= limit:
        return None
    return (
        f"The workspace's quota of {family.replace('_', ' ')} does not allow {nodes} more nodes: the limit is {limit}, "
        f"{used} are used."
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
    answer = {"id": identifier, "type": QUOTA, "limit": limit, "unit": wish.get("unit") or "Count"}
    return {**answer, "status": _settled(context, workspace, identifier.rpartition("/")[2], limit)}


def _settled(context: RouteContext, workspace: Resource | None, name: str, limit: object) -> str:
    engine = context.engine
    if workspace is None or workspace.type != WORKSPACE or not isinstance(limit, int) or limit < NO_LIMIT:
        return "Failure"
    if workspace.location.lower() != context.params["l"].lower():
        return "OperationNotEnabledForRegion"
    family = next((one for one in FAMILIES if one.lower() == name.lower()), None)
    if family is None:
        return "InvalidVMFamilyName"
    if limit != NO_LIMIT and limit < _kept(engine, workspace, family):
        return "InvalidQuotaBelowClusterMinimum"
    held = {one: most for one, most in _limits(engine, workspace.id).items() if one != family.lower()}
    if limit != NO_LIMIT:
        held[family.lower()] = limit
    engine.store.set(f"{KEY}{workspace.key}", held)
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
    """Quotas that were set; a family without one has none."""
    return Answer(200, {"value": [row for workspace in _here(context) for row in _rows(context, workspace)]})


def _usages(context: RouteContext) -> Answer:
    found = []
    for workspace in _here(context):
        for family in FAMILIES:
            used = _used(context.engine, workspace.id, family)
            if used or family.lower() in _limits(context.engine, workspace.id):
                limit = _limits(context.engine, workspace.id).get(family.lower(), NO_LIMIT)
                shown = {"currentValue": used, "limit": limit, "unit": "Count", "name": _name(family)}
                about = {"id": f"{workspace.id}/usages/{family}", "type": f"{WORKSPACE}/usages"}
                found.append({**about, "amlWorkspaceLocation": workspace.location, **shown})
    return Answer(200, {"value": [*region_cores.usages(context), *found]})


def _here(context: RouteContext) -> list[Resource]:
    some = context.engine.all_of(WORKSPACE, f"/subscriptions/{context.params['s']}")
    return [one for one in some if one.location.lower() == context.params["l"].lower()]


def _rows(context: RouteContext, workspace: Resource) -> list[JsonObject]:
    held = _limits(context.engine, workspace.id)
    return [
        {
            "id": f"{workspace.id}/quotas/{family}", "amlWorkspaceLocation": workspace.location, "type": QUOTA,
            "limit": held[family.lower()], "unit": "Count", "name": _name(family),
        }
        for family in FAMILIES
        if family.lower() in held
    ]  # fmt: skip


def _name(family: str) -> JsonObject:
    return {"value": family, "localizedValue": family.replace("_", " ")}


_LOCATIONS = "Microsoft.MachineLearningServices/locations"
_PATH = f"/subscriptions/{{s}}/providers/{_LOCATIONS}/{{l}}"
ROUTES: tuple[Route, ...] = (
    Route("POST", f"{_PATH}/updateQuotas", f"{_LOCATIONS}/updateQuotas/action", _update),
    Route("GET", f"{_PATH}/quotas", f"{_LOCATIONS}/quotas/read", _list),
    Route("GET", f"{_PATH}/usages", f"{_LOCATIONS}/usages/read", _usages),
)
