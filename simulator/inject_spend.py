"""Injections of money and idleness: spend that no meter explains, use of counted meters, a workspace that nobody uses,
metrics that have a hole."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.billing.prices import DAY, HOUR
from simulator.engine.core import AZURE
from simulator.engine.hooks import ArmError, HookContext, JsonObject, Resource
from simulator.types.machinelearning import instances, nodes, traffic
from simulator.types.machinelearning.jobs import JOB, TERMINAL
from simulator.types.machinelearning.telling import tell_change
from simulator.types.metric_query import GAPS

if TYPE_CHECKING:
    from simulator.engine.core import Engine

ML = "Microsoft.MachineLearningServices/workspaces"
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
KINDS = ("cost", "usage", "idle", "metrics-gap")


def perform(engine: Engine, wish: JsonObject) -> JsonObject:
    """Raises ArmError 404 or 409 where the thing is not clear, ValueError and KeyError for a wish that is none."""
    match wish["kind"]:
        case "cost":
            return _cost(engine, wish)
        case "usage":
            return _usage(engine, wish)
        case "idle":
            return _idle(engine, wish)
    return _gap(engine, wish)


def _found(engine: Engine, name: str, kind: str | None = None) -> Resource:
    """By id, or by name where only one thing is called so."""
    one = engine.get(name) if name.startswith("/") else None
    if one is not None:
        return one
    some = engine.all_of(kind) if kind else list(engine.store.resources.values())
    named = [other for other in some if other.name.lower() == name.lower()]
    if len(named) != 1:
        known = ", ".join(other.id for other in named) or "none"
        raise ArmError(404 if not named else 409, "NotClear", f"{name}: found {known}")
    return named[0]


def _span(engine: Engine, wish: JsonObject) -> tuple[float, float]:
    """The last so many days, or this moment; `agoDays` ends it earlier."""
    end = engine.time() - float(wish.get("agoDays") or 0) * DAY
    days = float(wish.get("days") or 0)
    if days < 0:
        raise ValueError("days must not be negative")
    return end - days * DAY, end


def _cost(engine: Engine, wish: JsonObject) -> JsonObject:
    """{"scope" (a resource, or a resource group), "amount", "days", "agoDays"}: so much more was spent there, evenly
    over the days. It is shown as late as all costs are; a compute's by the meter of its machine."""
    amount = float(wish["amount"])
    if not 0 < amount < 1e9:
        raise ValueError("amount must be more than 0")
    target = _found(engine, str(wish["scope"]))
    begin, end = _span(engine, wish)
    engine.ledger.charge(target, amount, begin, end)
    return {"status": 202, "id": target.id, "amount": amount}


def _usage(engine: Engine, wish: JsonObject) -> JsonObject:
    """{"resource", "meter", "quantity", "days", "agoDays"}: gigabytes, operations and whatever else does not follow
    from what exists, at the price list's price; whole counts, not its units (20000 operations, not 2)."""
    target = _found(engine, str(wish["resource"]))
    begin, end = _span(engine, wish)
    cost = engine.ledger.use(target, str(wish["meter"]), float(wish["quantity"]), begin, end)
    return {"status": 202, "id": target.id, "cost": cost}


# -- idleness ----------------------------------------------------------------------------------------------------------


def _idle(engine: Engine, wish: JsonObject) -> JsonObject:
    """{"workspace", "days", "except": [...]}: nobody uses it any more. Schedules are off, jobs canceled, clusters at
    zero nodes, instances stopped, endpoints without calls. With days: it has been so for that long, and everything that
    tells of a time tells of one that many days earlier. `except`: jobs, clusters, instances, endpoints, schedules."""
    workspace = _found(engine, str(wish["workspace"]), ML)
    kept, days = set(wish.get("except") or ()), float(wish.get("days") or 0)
    steps = {
        "schedules": _schedules_off, "jobs": _jobs_end, "clusters": _clusters_empty, "instances": _instances_stop,
        "endpoints": _endpoints_rest,
    }  # fmt: skip
    if unknown := kept - set(steps):
        raise ValueError(f"unknown exception: {', '.join(sorted(unknown))}")
    for name, step in steps.items():
        if name not in kept:
            step(engine, workspace)
    if days > 0:
        _earlier(engine, workspace, days * DAY)
    return {"status": 200, "id": workspace.id, "days": days}


def _schedules_off(engine: Engine, workspace: Resource) -> None:
    for schedule in engine.children(workspace.id, f"{ML}/schedules"):
        schedule.properties["isEnabled"] = False
        engine.save(schedule)


def _jobs_end(engine: Engine, workspace: Resource) -> None:
    """At once, steps included: what they had of a cluster goes with its nodes."""
    for job in engine.children(workspace.id, JOB):
        if job.properties.get("status") not in TERMINAL:
            job.properties["status"] = "Canceled"
            tell_change(engine, job)
            engine.save(job)


def _clusters_empty(engine: Engine, workspace: Resource) -> None:
    for compute in _computes(engine, workspace):
        state = nodes.inner(compute)
        if instances.is_instance(compute) or not int(state.get("currentNodeCount") or 0):
            continue
        state.setdefault("scaleSettings", {})["minNodeCount"] = 0
        nodes.leave_subnet(HookContext(engine, compute, {}, compute.body, AZURE, "", "EVENT"))
        state.update(
            currentNodeCount=0, targetNodeCount=0, nodeStateCounts=nodes.node_counts(), allocationState="Steady"
        )
        nodes.sample(engine, compute)
        engine.save(compute)


def _instances_stop(engine: Engine, workspace: Resource) -> None:
    for compute in _computes(engine, workspace):
        if instances.is_instance(compute) and nodes.inner(compute).get("state") == "Running":
            nodes.inner(compute)["state"] = "Stopped"
            engine.save(compute)


def _endpoints_rest(engine: Engine, workspace: Resource) -> None:
    for endpoint in engine.children(workspace.id, f"{ML}/onlineEndpoints"):
        traffic.change(engine, endpoint, {"requestsPerMinute": 0})


def _computes(engine: Engine, workspace: Resource) -> list[Resource]:
    return engine.children(workspace.id, f"{ML}/computes")


def _earlier(engine: Engine, workspace: Resource, seconds: float) -> None:
    """Times of what tells of use: of the workspace, its computes, jobs, endpoints, and of the samples of metrics."""
    prefix = workspace.key + "/"
    for one in [workspace, *(found for key, found in engine.store.resources.items() if key.startswith(prefix))]:
        one.body = _shifted(one.body, seconds)
        for name in (nodes.HISTORY, traffic.HISTORY):
            if name in one.private:
                one.private[name] = [[row[0] - seconds, *row[1:]] for row in one.private[name]]
        moments: dict[str, float] = one.private.get("moments") or {}
        if moments:
            one.private["moments"] = {status: when - seconds for status, when in moments.items()}
        engine.save(one)


def _shifted(value: Any, seconds: float) -> Any:
    if isinstance(value, dict):
        return {name: _shifted(one, seconds) for name, one in value.items()}
    if isinstance(value, list):
        return [_shifted(one, seconds) for one in value]
    if isinstance(value, str) and _STAMP.fullmatch(value):
        found = datetime.fromisoformat(value[:19]).replace(tzinfo=UTC) - timedelta(seconds=seconds)
        return found.strftime("%Y-%m-%dT%H:%M:%S") + value[19:]
    return value


def _gap(engine: Engine, wish: JsonObject) -> JsonObject:
    """{"resource", "hours", "agoHours"}: its metrics have no samples of those hours, as when they were not taken."""
    target = _found(engine, str(wish["resource"]))
    end = engine.time() - float(wish.get("agoHours") or 0) * HOUR
    target.private.setdefault(GAPS, []).append([end - float(wish["hours"]) * HOUR, end])
    engine.save(target)
    return {"status": 200, "id": target.id}
