"""A month of five models through a function host and the simulator: the world's part, Azure's and people's.

What the product thinks is not looked at here but by REST, and only as people do: to approve, and to see a model that is
trained again. Everything that is said of a model is said to the simulator, by the plan.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import yaml

from tests.support.blueprints import ROOT, example
from tests.support.host_person import HostPerson
from tests.support.month_plan import DAYS, IMAGES, TABULAR, Plan, fates
from tests.support.product import Owner
from tests.support.quiet_monitors import ML_VERSION
from tests.support.virtual_stack import VirtualStack, midnight_after

DAY = timedelta(days=1)
SIGNALS = ("data-drift", "prediction-drift")
_REFERENCE = {"window": "P1D", "offset": "P2D"}
_THRESHOLDS = {"data-drift": {"JensenShannonDistance": 0.1}, "prediction-drift": {"PopulationStabilityIndex": 0.2}}
_KINDS = {"data-drift": "dataDrift", "prediction-drift": "predictionDrift"}
_WON = {"metrics": {"accuracy": 0.91}, "tags": {"cp.champion.accuracy": "0.84"}, "seconds": 1200}
_ACTIVE = ("submitted", "running", "evaluating")


@dataclass
class Month:
    """``breaches`` are the windows that were made to breach, by model; ``fates`` what became of their events."""

    stack: VirtualStack
    plans: tuple[Plan, ...]
    seed: int
    began: datetime = field(init=False)
    breaches: dict[str, list[int]] = field(default_factory=dict)
    fates: dict[tuple[str, int], str] = field(default_factory=dict)
    trained: Counter[str] = field(default_factory=Counter)
    """Drifts that a run has ended."""
    _said: dict[str, str] = field(default_factory=dict)
    _experiments: dict[str, str] = field(default_factory=dict)
    """Model → what its events' subjects begin with."""

    def __post_init__(self) -> None:
        self.ada = HostPerson(self.stack.api_url, self.stack.azure)
        self.grace = HostPerson(self.stack.api_url, self.stack.azure, user="grace")
        self.breaches = {one.name: [] for one in self.plans}
        self._dealt = fates(self.seed)

    def close(self) -> None:
        self.ada.close()
        self.grace.close()

    # -- before ------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Two workspaces, five served models, their monitors and policies."""
        self.ada.put("projects/churn", yaml.safe_load((ROOT / "examples/projects/churn.yaml").read_text()))
        spaces = {TABULAR: ("classical", "10.40.16.0/22"), IMAGES: ("cv", "10.40.20.0/22")}
        started = {}
        for name, (workload, addresses) in spaces.items():
            spec = {**example("monitored-classical"), "workload": workload}
            spec["network"] = {**spec["network"], "addressSpace": addresses}
            started[name] = self.ada.put(f"workspaces/{name}", spec)["id"]
        self.stack.settle()
        for name, operation in started.items():
            while self.ada.get(f"operations/{operation}")["status"] not in ("Succeeded", "Failed"):
                self.stack.leap(30)
            assert self.ada.get(f"operations/{operation}")["status"] == "Succeeded", name
        self.stack.azure.settings(endpointCores=1000)
        self.stack.azure.control("PUT", "outcomes", json=[{"component": "retrain", **_WON}])
        with closing(Owner(self.stack.azure)) as owner:
            for name in spaces:
                for path, body in _pipeline(self._id(name)).items():
                    assert owner.put(path, body, version=ML_VERSION).status_code < 300, path
            for plan in self.plans:
                self._serve(owner, plan)
        # From here on a day of a schedule is a day of the clock.
        self.stack.azure.settings(timeScale=1)
        self._watch()
        self.began = midnight_after(self.stack.clock.now())

    def _id(self, workspace: str) -> str:
        return str(self.ada.get(f"workspaces/{workspace}")["status"]["outputs"]["workspaceId"])

    def _serve(self, owner: Owner, plan: Plan) -> None:
        for path, body in _served(self._id(plan.workspace), plan.name):
            assert owner.put(path, body, version=ML_VERSION).status_code < 300, path
        self.stack.azure.inject(
            kind="traffic",
            workspace=self._id(plan.workspace),
            endpoint=_endpoint(plan),
            requestsPerMinute=60,
            latencyMs=50,
        )

    def _watch(self) -> None:
        """Monitors, until all of them stand in Azure; then policies."""
        signals = [
            {"name": one, "kind": _KINDS[one], "thresholds": _THRESHOLDS[one], "reference": _REFERENCE}
            for one in SIGNALS
        ]
        for plan in self.plans:
            asked = {"model": plan.name, "endpoint": _endpoint(plan), "deployment": "blue", "signals": signals}
            self.ada.put(f"workspaces/{plan.workspace}/monitors/{plan.name}", asked)
        for _ in range(30):
            self.stack.leap(30)
            shown = [self.ada.get(f"workspaces/{one.workspace}/monitors/{one.name}") for one in self.plans]
            if all(one["generation"] == one["observedGeneration"] for one in shown):
                break
        told = [{each["type"]: each["status"] for each in one["conditions"]}["Monitored"] for one in shown]
        assert set(told) == {"True"}, shown
        for plan in self.plans:
            self.ada.put(f"workspaces/{plan.workspace}/retrainingPolicies/{plan.name}", plan.policy)

    # -- the month ---------------------------------------------------------------------------------------------------

    def pass_by(self) -> None:
        for day in range(DAYS):
            self._night(day)
            self._day(day)

    def at(self, day: int, **later: float) -> datetime:
        return self.began + day * DAY + timedelta(**later)

    def _night(self, day: int) -> None:
        """Monitors run at midnight; what they found is told, in whatever way; the poll comes after."""
        breached = [one for one in self.plans if day in one.noise or one.in_drift(day, self.trained[one.name])]
        for plan in self.plans:
            self._say(plan, "high" if plan in breached else "none")
            if plan in breached:
                self.breaches[plan.name].append(day)
        if breached:
            self.stack.azure.faults([self._fate(plan, day) for plan in breached if plan.name in self._experiments])
            self.stack.leap_to(self.at(day, minutes=30))
            self.stack.leap(90)  # what was held back for another one to overtake it
            self._learn_experiments()
            self.stack.azure.faults([])
        self.stack.leap_to(self.at(day, minutes=48))
        self.stack.sweep()

    def _say(self, plan: Plan, severity: str) -> None:
        if self._said.get(plan.name, "none") != severity:
            workspace = self._id(plan.workspace)
            self.stack.azure.inject(kind="drift", workspace=workspace, endpoint=_endpoint(plan), severity=severity)
            self._said[plan.name] = severity

    def _fate(self, plan: Plan, day: int) -> dict[str, Any]:
        chosen = self.fates[plan.name, day] = next(self._dealt)
        event = {"event": "delay", "delay": 1} if chosen == "once" else {"event": chosen}
        return {"path": self._experiments[plan.name], "eventType": "RunStatusChanged|RunCompleted", **event}

    def _learn_experiments(self) -> None:
        """What subjects of a monitor's runs begin with is known from its first breach."""
        for one in self.stack.azure.control("GET", "eventgrid")["deliveries"]:
            name = str(one["subscription"]).rpartition("/")[2].removeprefix("breach-")
            if name in self.breaches:
                self._experiments[name] = str(one["subject"]).partition("/runs/")[0]

    def _day(self, day: int) -> None:
        """Quiet hours end; runs go on, hour by hour; a person approves what has waited since yesterday."""
        waiting = self._runs("waitingApproval")
        if day and waiting and waiting[0]["transitions"][0]["at"] < self.at(day).isoformat():
            self.grace.post(f"retrainings/{waiting[0]['id']}:approve")
            self.stack.settle()
        held = self.ada.all("signals", filter="state eq 'held'")
        if held or any(self._runs(state) for state in _ACTIVE):
            self.stack.leap_to(self.at(day, hours=8, minutes=1))
        for _ in range(12):
            if not any(self._runs(state) for state in _ACTIVE):
                break
            self.stack.leap(hours=1)
        for plan in self.plans:
            won = self.runs(plan.name, "succeeded")
            self.trained[plan.name] = len(won)

    # -- what people see ---------------------------------------------------------------------------------------------

    def _runs(self, state: str) -> list[dict[str, Any]]:
        return [one["run"] for one in self.ada.all("retrainings", filter=f"state eq '{state}'")]

    def runs(self, model: str, *states: str) -> list[dict[str, Any]]:
        """Oldest first."""
        found = [one["run"] for one in self.ada.all("retrainings", filter=f"model eq '{model}'")]
        return [one for one in reversed(found) if not states or one["state"] in states]

    def of(self, model: str, what: str) -> list[dict[str, Any]]:
        """``signals``, ``decisions`` or ``tasks`` of a model, oldest first."""
        found = self.ada.all(what, filter=f"model eq '{model}'")[::-1]
        return [one.get("task", one) for one in found]


def _endpoint(plan: Plan) -> str:
    return f"serve-{plan.name}"


def _pipeline(workspace: str) -> dict[str, Any]:
    inputs = {name: {"type": "string", "optional": "True"} for name in ("begin", "end", "reason")}
    step = {"name": "train", "version": "1", "type": "command", "command": "echo", "environment": "azureml:e:1"}
    graph = {"name": "retrain", "version": "1", "type": "pipeline", "inputs": inputs}
    graph["jobs"] = {"train": {"type": "command", "componentId": f"{workspace}/components/train/versions/1"}}
    return {
        f"{workspace}/components/train/versions/1": {"properties": {"componentSpec": step}},
        f"{workspace}/components/retrain/versions/1": {"properties": {"componentSpec": graph}},
    }


def _served(workspace: str, model: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    """In the order of writing: traffic goes to a deployment that is there."""
    here: dict[str, Any] = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    endpoint, version = f"{workspace}/onlineEndpoints/serve-{model}", f"{workspace}/models/{model}/versions/1"
    collections = {
        one: {"dataCollectionMode": "Enabled", "dataId": f"{workspace}/data/{model}-{one}/versions/1"}
        for one in ("model_inputs", "model_outputs")
    }
    deployment = {
        "endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", "model": version,
        "dataCollector": {"collections": collections},
    }  # fmt: skip
    sku = {"name": "Default", "capacity": 1}
    return (
        (version, {"properties": {"modelUri": f"azureml://datastores/workspaceblobstore/paths/{model}/"}}),
        (endpoint, {**here, "properties": {"authMode": "AADToken"}}),
        (f"{endpoint}/deployments/blue", {"location": "westeurope", "sku": sku, "properties": deployment}),
        (endpoint, {**here, "properties": {"authMode": "AADToken", "traffic": {"blue": 100}}}),
    )
