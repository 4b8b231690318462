"""How a pipeline ends, as a test or a demonstration wants it: what its last step writes, registers, or fails with.

Two ways to say it. The control endpoint `PUT /simulator/outcomes` takes rules; a component version may carry the same
object as JSON in its tag `simulator.outcome`. The first rule that fits wins, then the tag, then: it succeeds and writes
nothing. A run of a monitor fails when a rule with its name as `job` says so.

    {"component": "retrain", "workspace": "ws", "job": "rt-*", "times": 1,     which runs; all are optional
     "status": "Completed" | "Failed", "message": "why", "seconds": 30,
     "metrics": {"challenger.auc": 0.91},      written as the tags `cp.metric.challenger.auc`
     "tags": {"any": "thing"},
     "model": {"name": "churn", "version": "7", "tags": {}, "properties": {}}}    registered when it succeeds
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable
from typing import Any

from simulator.engine.declaration import JsonObject, Resource
from simulator.engine.hooks import EngineApi
from simulator.types._shared import dig, name_of, parent_id
from simulator.types.machinelearning.steps import component_names, component_of

KEY = "outcomes"
TAG = "simulator.outcome"
METRIC = "cp.metric."
FIELDS = {
    "component": str, "workspace": str, "job": str, "times": int, "status": str, "message": str,
    "seconds": (int, float), "metrics": dict, "tags": dict, "model": dict,
}  # fmt: skip
ENDINGS = ("Completed", "Failed")


def replace(engine: EngineApi, rules: Any) -> None:
    """Take these rules in place of those there are. Raises ValueError."""
    if not isinstance(rules, list):
        raise ValueError("outcomes are a list of objects")
    engine.store.set(KEY, [{**checked(rule), "used": 0} for rule in rules])


def listed(engine: EngineApi) -> list[JsonObject]:
    return list(engine.store.kv.get(KEY, ()))


def checked(rule: Any) -> JsonObject:
    """An outcome as it was sent. Raises ValueError for one that would not do."""
    if not isinstance(rule, dict):
        raise ValueError("an outcome is an object")
    for name, value in rule.items():
        if name not in FIELDS:
            raise ValueError(f"unknown field {name!r} of an outcome: {', '.join(FIELDS)}")
        kind: Any = FIELDS[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{name} of an outcome will not do: {value!r}")
    if rule.get("status", "Completed") not in ENDINGS:
        raise ValueError(f"an outcome's status is one of {', '.join(ENDINGS)}")
    if "model" in rule and not str(rule["model"].get("name") or ""):
        raise ValueError("an outcome's model has a name")
    return rule


def failure_of_monitor(engine: EngineApi, job: Resource) -> str | None:
    """Why a monitor's run fails, when a rule whose `job` fits says so."""
    rule = _chosen(engine, job, [], lambda one: bool(one.get("job")) and one.get("status") == "Failed")
    return str(rule.get("message") or "The monitor's run failed.") if rule is not None else None


def outcome_of(engine: EngineApi, job: Resource) -> JsonObject:
    """How this job ends; a rule with `times` is used up by it."""
    rule = _chosen(engine, job, component_names(engine, job), lambda _: True)
    return rule if rule is not None else _of_component(engine, job)


def _chosen(
    engine: EngineApi, job: Resource, names: list[str], wanted: Callable[[JsonObject], bool]
) -> JsonObject | None:
    rules = listed(engine)
    for number, rule in enumerate(rules):
        if wanted(rule) and _fits(rule, job, names):
            rules[number] = {**rule, "used": rule["used"] + 1}
            engine.store.set(KEY, rules)
            return rule
    return None


def _fits(rule: JsonObject, job: Resource, names: list[str]) -> bool:
    if "times" in rule and rule["used"] >= rule["times"]:
        return False
    workspace = name_of(parent_id(job.id))
    return (
        (not rule.get("component") or rule["component"] in names)
        and (not rule.get("workspace") or rule["workspace"].lower() == workspace.lower())
        and fnmatch.fnmatchcase(job.name, rule.get("job") or "*")
    )


def _of_component(engine: EngineApi, job: Resource) -> JsonObject:
    wanted = [job.properties.get("componentId")]
    wanted += [node.get("componentId") for node in (job.properties.get("jobs") or {}).values()]
    for one in filter(None, wanted):
        component = component_of(engine, parent_id(job.id), str(one))
        text = dig(component.body, "properties.tags", {}).get(TAG) if component is not None else None
        if text:
            try:
                return checked(json.loads(text))
            except ValueError as error:
                return {"status": "Failed", "message": f"{TAG} of {one}: {error}"}
    return {}
