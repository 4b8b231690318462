"""How a budget blocks: what stands is stored before it is changed, then it is changed, and changed back from there.

Each function does what is possible now and may be repeated at any time: what stands as it should is left alone.

- New computes: Azure Policy's own "Not allowed resource types" (6c112d4e-…), assigned to the resource group, with what
  is there already left out (``notScopes``): a cluster must still be scaled down.
- New jobs: a cluster keeps the nodes that run and gets no others, none at last; instances are stopped. Roles are not
  touched. Serverless compute and attached computes cannot be blocked from here, and that is said.
- Everything new that costs by the hour: the same policy for endpoints and deployments. What serves goes on serving.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from controlplane.arm import fold, group_id, name_of
from controlplane.errors import Conflict, Rejected
from controlplane.governance.budgets.model import Act, Step, StepState, Undo
from controlplane.governance.deps import GovernanceDeps
from controlplane.json_types import JsonObject
from controlplane.retraining.known import Known
from controlplane.workspaces import kinds as k
from controlplane.workspaces.effective import effective_spec

_log = logging.getLogger(__name__)
ASSIGNMENT = "Microsoft.Authorization/policyAssignments"
ASSIGNMENT_API = "2023-04-01"
#: "Azure Policy built-in definitions": General, Not allowed resource types, 2.0.0.
NOT_ALLOWED = "/providers/Microsoft.Authorization/policyDefinitions/6c112d4e-5bc7-47ae-a041-ea2d9dccd749"
_ML = "Microsoft.MachineLearningServices/workspaces"
_DENIED = {
    Act.BLOCK_COMPUTES: ("computes",),
    Act.FREEZE: ("onlineEndpoints", "batchEndpoints"),
}
_TYPES = {
    Act.BLOCK_COMPUTES: (f"{_ML}/computes",),
    Act.FREEZE: tuple(
        f"{_ML}/{one}{two}" for one in ("onlineEndpoints", "batchEndpoints") for two in ("", "/deployments")
    ),
}
_NAMES = {Act.BLOCK_COMPUTES: "cp-budget-computes", Act.FREEZE: "cp-budget-freeze"}
#: Of instances that stand still already.
_STILL = frozenset({"stopped", "stopping", "deallocated", "deallocating"})
_RUNS = frozenset({"running", "starting", "restarting", "jobrunning"})
_UNREACHED = (
    "Serverless compute is not blocked: Azure has no switch for it on a workspace.",
    "Attached computes (Kubernetes, virtual machines) are not ours to stop.",
)


async def undo_of(deps: GovernanceDeps, act: Act, found: Sequence[Known], others: Sequence[Step]) -> tuple[Undo, ...]:
    """What is to be changed, as it stands now; where another budget holds it already, as it stood before that one.
    Raises ``Transient``, ``Rejected``: nothing is blocked on what could not be read."""
    before = {fold(one.resource): one.before for step in others for one in step.undo}
    kept: list[Undo] = []
    for space in found:
        if space.record.deleting:
            continue
        if act is not Act.BLOCK_JOBS:
            kept.append(Undo(kind="policy", resource=_assignment(space, act)))
            continue
        for compute in await deps.reader.list(f"{space.workspace_id}/computes", k.API_VERSIONS[k.COMPUTE]):
            one = _undo(compute)
            if one is not None:
                kept.append(one.model_copy(update={"before": before.get(fold(one.resource), one.before)}))
    return tuple(kept)


def _undo(compute: JsonObject) -> Undo | None:
    properties = _object(compute.get("properties"))
    inner, arm_id = _object(properties.get("properties")), str(compute.get("id"))
    match str(properties.get("computeType")).lower():
        case "amlcompute":
            return Undo(kind="cluster", resource=arm_id, before=dict(_object(inner.get("scaleSettings"))))
        case "computeinstance":
            return Undo(
                kind="instance", resource=arm_id, before={"runs": str(inner.get("state")).lower() not in _STILL}
            )
        case _:
            return None


async def hold(deps: GovernanceDeps, step: Step, found: Sequence[Known]) -> Step:
    """Makes it so, and keeps it so: new things that came through are stopped too. Raises ``Transient``."""
    said: list[str] = list(_UNREACHED) if step.act is Act.BLOCK_JOBS else []
    done: list[Undo] = []
    for one in step.undo:
        space = next((each for each in found if _holds(each, one)), None)
        try:
            wrong = None if space is None else await _held(deps, step.act, one, space)
        except (Rejected, Conflict) as error:
            _log.warning("budget could not block id=%s code=%s", one.resource, error.code)
            wrong = f"{name_of(one.resource)}: {error.code}: {error.message}"
        if wrong is not None:
            said.append(wrong)
        done.append(one.model_copy(update={"done": wrong is None}))
    after: dict[str, Any] = {"undo": tuple(done), "said": tuple(said)}
    if all(one.done for one in done):
        after["state"] = StepState.TAKEN
    return step.model_copy(update=after)


async def _held(deps: GovernanceDeps, act: Act, one: Undo, space: Known) -> str | None:
    """None when it stands as it should; else what keeps it from that."""
    match one.kind:
        case "policy":
            if await deps.reader.get(one.resource, ASSIGNMENT_API) is None:
                await deps.writer.put(one.resource, ASSIGNMENT_API, await _denial(deps, act, space))
            return None
        case "cluster":
            return await _narrowed(deps, one, space)
        case _:
            return await _stopped(deps, one)


async def _denial(deps: GovernanceDeps, act: Act, space: Known) -> JsonObject:
    there = [
        str(one["id"])
        for kind in _DENIED[act]
        for one in await deps.reader.list(f"{space.workspace_id}/{kind}", k.API_VERSIONS[k.COMPUTE])
    ]
    return {
        "properties": {
            "displayName": "The budget is used up: nothing new that costs",
            "description": f"Set by the control plane for workspace {space.name}; goes when the budget allows it.",
            "policyDefinitionId": NOT_ALLOWED,
            "enforcementMode": "Default",
            "notScopes": there,
            "parameters": {
                "listOfResourceTypesNotAllowed": {"value": list(_TYPES[act])},
                "effect": {"value": "Deny"},
            },
            "metadata": {"createdBy": "cp-budget"},
        }
    }


async def _narrowed(deps: GovernanceDeps, one: Undo, space: Known) -> str | None:
    """A cluster keeps the nodes that run; fewer with each look, none at last."""
    body = await deps.reader.get(one.resource, k.API_VERSIONS[k.COMPUTE])
    if body is None:
        return None
    inner = _object(_object(body.get("properties")).get("properties"))
    settings = dict(_object(inner.get("scaleSettings")))
    running = _count(inner.get("currentNodeCount"))
    limit = min(running, _count(settings.get("maxNodeCount")))
    await _limit(deps, space.name, name_of(one.resource), limit)
    if _count(settings.get("maxNodeCount")) > limit or _count(settings.get("minNodeCount")) > 0:
        if _state(body) in ("creating", "updating", "deleting"):
            return f"{name_of(one.resource)}: Azure is at work on it."
        await _scale(deps, one.resource, {**settings, "maxNodeCount": limit, "minNodeCount": 0})
    return None if limit == 0 else f"{name_of(one.resource)}: {running} nodes run on until their jobs end."


async def _stopped(deps: GovernanceDeps, one: Undo) -> str | None:
    body = await deps.reader.get(one.resource, k.API_VERSIONS[k.COMPUTE])
    state = str(_object(_object((body or {}).get("properties")).get("properties")).get("state")).lower()
    if body is None or state in _STILL:
        return None
    if state != "running":
        return f"{name_of(one.resource)} is {state}: it is stopped when Azure lets it."
    await deps.writer.act(one.resource, "stop", k.API_VERSIONS[k.COMPUTE])
    return None


# -- back --------------------------------------------------------------------------------------------------------------


async def release(
    deps: GovernanceDeps, step: Step, found: Sequence[Known], others: Sequence[Step]
) -> tuple[Step, bool]:
    """Gives back what was taken, but for what another budget holds; whether all is back. Raises ``Transient``."""
    theirs = {
        fold(one.resource)
        for other in others
        if other.act is step.act and other.state in (StepState.TAKING, StepState.TAKEN)
        for one in other.undo
    }
    left: list[Undo] = []
    said: list[str] = []
    for one in step.undo:
        space = next((each for each in found if _holds(each, one)), None)
        if space is None or fold(one.resource) in theirs:
            continue
        try:
            await _given_back(deps, one, space)
        except (Rejected, Conflict) as error:
            _log.warning("budget could not release id=%s code=%s", one.resource, error.code)
            said.append(f"{name_of(one.resource)}: {error.code}: {error.message}")
            left.append(one)
    return step.model_copy(update={"undo": tuple(left), "said": tuple(said)}), not left


async def _given_back(deps: GovernanceDeps, one: Undo, space: Known) -> None:
    version = k.API_VERSIONS[k.COMPUTE]
    if one.kind == "policy":
        await deps.writer.delete(one.resource, ASSIGNMENT_API)
        return
    body = await deps.reader.get(one.resource, version)
    if body is None:
        await _limit(deps, space.name, name_of(one.resource), None)
        return
    if one.kind == "instance":
        state = str(_object(_object(body.get("properties")).get("properties")).get("state")).lower()
        if one.before.get("runs") is not True or state in _RUNS:
            return
        if state not in ("stopped", "deallocated"):
            raise Conflict("ComputeIsBusy", f"It is {state}; it is started when it stands still.")
        await deps.writer.act(one.resource, "start", version)
        return
    await _limit(deps, space.name, name_of(one.resource), None)
    settings = await _settings(deps, one, space)
    inner = _object(_object(body.get("properties")).get("properties"))
    if any(_object(inner.get("scaleSettings")).get(key) != value for key, value in settings.items()):
        await _scale(deps, one.resource, settings)


async def _settings(deps: GovernanceDeps, one: Undo, space: Known) -> JsonObject:
    """Of a cluster of the spec what the spec asks for today; of any other what it had."""
    stored = await deps.workspaces.load(space.name)
    if stored is not None:
        spec = effective_spec(stored.record)
        for cluster in spec.compute.clusters:
            if cluster.name.lower() == name_of(one.resource).lower():
                return {
                    **one.before,
                    "maxNodeCount": cluster.max_nodes,
                    "minNodeCount": cluster.min_nodes,
                    "nodeIdleTimeBeforeScaleDown": cluster.idle_before_scale_down,
                }
    return dict(one.before)


async def _scale(deps: GovernanceDeps, arm_id: str, settings: JsonObject) -> None:
    body: JsonObject = {"properties": {"properties": {"scaleSettings": settings}}}
    await deps.writer.patch(arm_id, k.API_VERSIONS[k.COMPUTE], body)


async def _limit(deps: GovernanceDeps, name: str, cluster: str, limit: int | None) -> None:
    """Before Azure: a repair between the two means what the budget means. Raises ``Conflict`` when the record changed
    just now; the next look does it."""
    stored = await deps.workspaces.load(name)
    if stored is None:
        return
    limits = {key: value for key, value in stored.record.node_limits.items() if key != cluster}
    if limit is not None:
        limits[cluster] = limit
    if limits != dict(stored.record.node_limits):
        await deps.workspaces.save_record(stored, stored.record.model_copy(update={"node_limits": limits}))


def _assignment(space: Known, act: Act) -> str:
    group = group_id(str(space.record.spec["subscriptionId"]), space.record.resource_group)
    return f"{group}/providers/{ASSIGNMENT}/{_NAMES[act]}"


def _holds(space: Known, one: Undo) -> bool:
    group = group_id(str(space.record.spec["subscriptionId"]), space.record.resource_group)
    return fold(one.resource).startswith(fold(group) + "/")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _state(body: JsonObject) -> str:
    return str(_object(body.get("properties")).get("provisioningState")).lower()
