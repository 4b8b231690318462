"""How a budget blocks: what stands is stored before it is changed, then it is changed, and changed back from there.

Each function does what is possible now and may be repeated at any time: what stands as it should is left alone.

- New computes, endpoints and deployments: denied by policy (``denials``).
- New jobs: a cluster keeps the nodes that run and gets no others, none at last; instances are stopped; jobs without a
  compute find no quota (``quotas``). Roles are not touched.
- Frozen: the workspace's record says so, too, and nothing of ours scales it up.

Attached computes cannot be blocked from here, nor what no quota counts, and that is said.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import fold, name_of
from controlplane.errors import Conflict, ControlPlaneError, Rejected, Transient
from controlplane.governance.budgets import quotas
from controlplane.governance.budgets.denials import allowed, denials_of, denied
from controlplane.governance.budgets.machines import Machines
from controlplane.governance.budgets.model import Act, Step, StepState, Undo
from controlplane.governance.deps import GovernanceDeps
from controlplane.json_types import JsonObject
from controlplane.retraining.known import Known, known
from controlplane.workspaces import kinds as k
from controlplane.workspaces.effective import effective_spec

_log = logging.getLogger(__name__)
_VERSION = k.API_VERSIONS[k.COMPUTE]
#: Of instances that stand still already.
_STILL = frozenset({"stopped", "stopping", "deallocated", "deallocating"})
_RUNS = frozenset({"running", "starting", "restarting", "jobrunning"})
_UNREACHED = "Attached computes (Kubernetes, virtual machines) are not ours to stop."
_CALLED = "Serverless endpoints that are there go on answering, and cost by the token: they are not ours to stop."
_NOT_FOUND = 404
_MOST_SAID = 50


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be changed, as it stands now; and what could not be read: nothing is blocked on that."""

    undo: tuple[Undo, ...] = ()
    unread: tuple[str, ...] = ()
    computes: Mapping[str, tuple[JsonObject, ...]] = field(default_factory=dict)
    """By the workspace's name."""
    shares: quotas.Shares = field(default_factory=quotas.Shares)


async def sight_of(deps: GovernanceDeps, act: Act, found: Sequence[Known]) -> Sight:
    """Reads."""
    here = [space for space in found if not space.record.deleting]
    kept = [one for space in here for one in denials_of(space, act)]
    if act is Act.FREEZE:
        kept += [_undo("mark", space, space.workspace_id) for space in here]
    if act is not Act.BLOCK_JOBS:
        return Sight(tuple(kept))
    unread: list[str] = []
    computes: dict[str, tuple[JsonObject, ...]] = {}
    for space in here:
        try:
            computes[space.name] = await deps.reader.list(f"{space.workspace_id}/computes", _VERSION)
        except (Rejected, Conflict, Transient) as error:
            if not isinstance(error, Rejected) or error.status != _NOT_FOUND:  # else it is not made yet
                unread.append(f"{space.name}: it could not be read: {error.code}: {error.message}")
            continue
        kept += [one for one in (_of_compute(space, body) for body in computes[space.name]) if one is not None]
    shares = await quotas.shares_of(deps.reader, here)
    unread += [f"Quotas in {place.location} could not be read: {why}" for place, why in shares.away.items()]
    kept += [one for one in (quotas.noted(space, shares) for space in here) if one is not None]
    return Sight(tuple(kept), tuple(unread), computes, shares)


def _undo(kind: str, space: Known, resource: str, before: JsonObject | None = None) -> Undo:
    found = {"kind": kind, "workspace": space.name, "incarnation": space.record.incarnation, "resource": resource}
    return Undo.model_validate({**found, "before": dict(before or {})})


def _of_compute(space: Known, compute: JsonObject) -> Undo | None:
    properties = _object(compute.get("properties"))
    inner, arm_id = _object(properties.get("properties")), str(compute.get("id"))
    match str(properties.get("computeType")).lower():
        case "amlcompute":
            return _undo("cluster", space, arm_id, _object(inner.get("scaleSettings")))
        case "computeinstance":
            return _undo("instance", space, arm_id, {"runs": str(inner.get("state")).lower() not in _STILL})
        case _:
            return None


def merged(step: Step, seen: Iterable[Undo], others: Iterable[Step]) -> tuple[Undo, ...]:
    """With what is new. What this step or another budget has changed already is noted as it stood before that: read
    what others hold before Azure is read, and again after."""
    mine = {_key(one): one for one in step.undo}
    before: dict[tuple[str, int], list[Undo]] = {}
    for one in (one for other in others for one in other.undo):
        before.setdefault(_key(one), []).append(one)
    for one in seen:
        key = _key(one)
        if one.kind == quotas.KIND:
            mine[key] = quotas.combined(mine.get(key), one, before.get(key, ()))
        elif key not in mine:
            mine[key] = one.model_copy(update={"before": before[key][-1].before}) if key in before else one
    return tuple(mine.values())


def _key(one: Undo) -> tuple[str, int]:
    return fold(one.resource), one.incarnation


async def hold(deps: GovernanceDeps, step: Step, found: Sequence[Known], sight: Sight) -> Step:
    """Makes it so, and keeps it so. Where Azure is away for a workspace, the others go on."""
    said: list[str] = list(sight.unread)
    if step.act is Act.BLOCK_JOBS:
        here = [space for space in found if not space.record.deleting]
        said += [_UNREACHED, *quotas.unblockable(here, sight.shares)]
    if step.act is Act.FREEZE:
        said.append(_CALLED)
    done: list[Undo] = []
    shares: list[tuple[Undo, Known]] = []
    away: set[str] = set()
    for one in step.undo:
        space = next((each for each in found if _lives_in(one, each) and not each.record.deleting), None)
        wrong = None
        if one.kind == quotas.KIND and space is not None:
            shares.append((one, space))
            continue
        if one.workspace in away:
            wrong = f"{name_of(one.resource)}: waits, because Azure is away."
        elif space is not None:
            wrong = await _tried(deps, step.act, one, space, away)
        if wrong is not None:
            said.append(wrong)
        done.append(one.model_copy(update={"done": wrong is None}))
    low = await _lowered(deps, shares, sight)
    said += [text for one in low for text in one.said]
    after: dict[str, Any] = {"undo": (*done, *(one.undo for one in low)), "said": _some(said)}
    if all(one.done for one in done) and not any(one.waits for one in low) and not sight.unread:
        after["state"] = StepState.TAKEN
    return step.model_copy(update=after)


async def _lowered(
    deps: GovernanceDeps, shares: Sequence[tuple[Undo, Known]], sight: Sight
) -> tuple[quotas.Lowered, ...]:
    """After the clusters: a quota does not go below what a cluster keeps at least."""
    machines, asked, idle = Machines(deps.reader), [], []
    for one, space in shares:
        place = quotas.place_of(space)
        if place in sight.shares.refused or place in sight.shares.away:
            # What is said of the place is said already; what is away is looked at again.
            idle.append(quotas.Lowered(one.model_copy(update={"done": False}), waits=place in sight.shares.away))
        else:
            asked.append((one, space, await machines.use(space, sight.computes.get(space.name))))
    return (*idle, *await quotas.lowered(deps, asked, sight.shares))


async def _tried(deps: GovernanceDeps, act: Act, one: Undo, space: Known, away: set[str]) -> str | None:
    try:
        return await _held(deps, act, one, space)
    except Transient as error:
        away.add(one.workspace)
        return _refused(one, error)
    except (Rejected, Conflict) as error:
        return _refused(one, error)


def _refused(one: Undo, error: ControlPlaneError) -> str:
    _log.warning("budget could not change id=%s code=%s", one.resource, error.code)
    return f"{name_of(one.resource)}: {error.code}: {error.message}"


async def _held(deps: GovernanceDeps, act: Act, one: Undo, space: Known) -> str | None:
    """None when it stands as it should; else what keeps it from that."""
    match one.kind:
        case "policy":
            await denied(deps, act, one, space)
        case "mark":
            await _mark(deps, space.name, frozen=True)
        case "cluster":
            return await _narrowed(deps, one, space)
        case _:
            return await _stopped(deps, one)
    return None


async def _narrowed(deps: GovernanceDeps, one: Undo, space: Known) -> str | None:
    """A cluster keeps the nodes that run; fewer with each look, none at last."""
    body = await deps.reader.get(one.resource, _VERSION)
    if body is None:
        return None
    inner = _object(_object(body.get("properties")).get("properties"))
    settings = dict(_object(inner.get("scaleSettings")))
    running, most = _count(inner.get("currentNodeCount")), _count(settings.get("maxNodeCount"))
    if running is None or most is None:
        return f"{name_of(one.resource)}: Azure does not say how many nodes run."
    limit = min(running, most)
    await _limit(deps, space.name, name_of(one.resource), limit)
    if most > limit or _count(settings.get("minNodeCount")) != 0:
        if _state(body) in ("creating", "updating", "deleting"):
            return f"{name_of(one.resource)}: Azure is at work on it."
        await _scale(deps, one.resource, {**settings, "maxNodeCount": limit, "minNodeCount": 0})
    return None if limit == 0 else f"{name_of(one.resource)}: {running} nodes run on until their jobs end."


async def _stopped(deps: GovernanceDeps, one: Undo) -> str | None:
    body = await deps.reader.get(one.resource, _VERSION)
    state = _running_state(body or {})
    if body is None or state in _STILL:
        return None
    if state != "running":
        return f"{name_of(one.resource)} is {state}: it is stopped when Azure lets it."
    await deps.writer.act(one.resource, "stop", _VERSION)
    return None


# -- back --------------------------------------------------------------------------------------------------------------


async def release(deps: GovernanceDeps, step: Step, others: Sequence[Step]) -> tuple[Step, bool]:
    """Gives back what was taken, but for what another budget holds; whether all is back. What a workspace that is gone
    had, went with it; what was assigned to its group may have stayed."""
    held: dict[tuple[str, int], list[Undo]] = {}
    for one in (
        one
        for other in others
        if other.act is step.act and other.state in (StepState.TAKING, StepState.TAKEN)
        for one in other.undo
    ):
        held.setdefault(_key(one), []).append(one)
    # Quotas first: with one of 0 no cluster keeps a node and no instance starts.
    left, told = await _raised(deps, [one for one in step.undo if one.kind == quotas.KIND], held)
    said = list(told)
    away: set[str] = set()
    for one in step.undo:
        if _key(one) in held or one.kind == quotas.KIND:
            continue
        if one.workspace in away:
            left.append(one)
            continue
        try:
            stored = await deps.workspaces.load(one.workspace)
            if stored is not None and stored.record.incarnation == one.incarnation:
                await _given_back(deps, one, known(stored.record))
            elif one.kind == "policy":
                # Its group stays where others have something in it; who is made again there is noted again.
                await allowed(deps, one)
        except (Rejected, Conflict, Transient) as error:
            away |= {one.workspace} if isinstance(error, Transient) else set()
            said.append(_refused(one, error))
            left.append(one)
    return step.model_copy(update={"undo": tuple(left), "said": _some(said)}), not left


async def _raised(
    deps: GovernanceDeps, found: Sequence[Undo], held: Mapping[tuple[str, int], Sequence[Undo]]
) -> tuple[list[Undo], tuple[str, ...]]:
    back: list[tuple[Undo, Known]] = []
    for one in found:
        ours = quotas.but(one, held.get(_key(one), ()))
        stored = await deps.workspaces.load(one.workspace)
        if ours is not None and stored is not None and stored.record.incarnation == one.incarnation:
            back.append((ours, known(stored.record)))
    left, said = await quotas.raised(deps, back)
    return list(left), said


def _some(said: Sequence[str]) -> tuple[str, ...]:
    """What people read, and a row holds."""
    more = len(said) - _MOST_SAID
    return (*said[:_MOST_SAID], f"And {more} more.") if more > 0 else tuple(said)


async def _given_back(deps: GovernanceDeps, one: Undo, space: Known) -> None:
    match one.kind:
        case "policy":
            await allowed(deps, one)
        case "mark":
            await _mark(deps, space.name, frozen=False)
        case "cluster":
            await _widened(deps, one, space)
        case _:
            await _started(deps, one)


async def _widened(deps: GovernanceDeps, one: Undo, space: Known) -> None:
    body = await deps.reader.get(one.resource, _VERSION)
    await _limit(deps, space.name, name_of(one.resource), None)
    if body is None:
        return
    settings = await _settings(deps, one, space)
    inner = _object(_object(body.get("properties")).get("properties"))
    if any(_object(inner.get("scaleSettings")).get(key) != value for key, value in settings.items()):
        await _scale(deps, one.resource, settings)


async def _started(deps: GovernanceDeps, one: Undo) -> None:
    body = await deps.reader.get(one.resource, _VERSION)
    state = _running_state(body or {})
    if body is None or one.before.get("runs") is not True or state in _RUNS:
        return
    if state not in ("stopped", "deallocated"):
        raise Conflict("ComputeIsBusy", f"It is {state}; it is started when it stands still.")
    await deps.writer.act(one.resource, "start", _VERSION)


async def _settings(deps: GovernanceDeps, one: Undo, space: Known) -> JsonObject:
    """Of a cluster of the spec what the spec asks for today; of any other what it had."""
    stored = await deps.workspaces.load(space.name)
    if stored is not None:
        for cluster in effective_spec(stored.record).compute.clusters:
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
    await deps.writer.patch(arm_id, _VERSION, body)


async def _limit(deps: GovernanceDeps, name: str, cluster: str, limit: int | None) -> None:
    """Before Azure: a repair between the two means what the budget means. Raises ``Conflict`` when the record changed
    just now; the next look does it."""
    stored = await deps.workspaces.load(name)
    if stored is None:
        return
    limits = {key: value for key, value in stored.record.node_limits.items() if key.lower() != cluster.lower()}
    if limit is not None:
        limits[cluster.lower()] = limit
    if limits != dict(stored.record.node_limits):
        await deps.workspaces.save_record(stored, stored.record.model_copy(update={"node_limits": limits}))


async def _mark(deps: GovernanceDeps, name: str, *, frozen: bool) -> None:
    """Raises ``Conflict`` when the record changed just now."""
    stored = await deps.workspaces.load(name)
    if stored is not None and stored.record.frozen is not frozen:
        await deps.workspaces.save_record(stored, stored.record.model_copy(update={"frozen": frozen}))


def _lives_in(one: Undo, space: Known) -> bool:
    return (one.workspace, one.incarnation) == (space.name, space.record.incarnation)


def _running_state(body: JsonObject) -> str:
    return str(_object(_object(body.get("properties")).get("properties")).get("state")).lower()


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _state(body: JsonObject) -> str:
    return str(_object(body.get("properties")).get("provisioningState")).lower()
