"""What the hooks of Azure ML's jobs, models, schedules, monitors and endpoints cause: the rules of `learning.py`."""

from __future__ import annotations

from typing import Any

from simulator.engine.core import Engine
from simulator.engine.messages import Response
from tests.simulator import estate
from tests.simulator.effects_network import Effect, effect
from tests.simulator.lab import Lab
from tests.simulator.learning import RULES, VERSION, Rule


class LabAzure:
    """A workspace with a cluster in a lab."""

    workspace = estate.WORKSPACE

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        lab.group()
        estate.dependants(lab)
        body = {**estate.WORKSPACE_BODY["properties"], "publicNetworkAccess": "Enabled", "imageBuildCompute": None}
        lab.put(self.workspace, {**estate.WORKSPACE_BODY, "properties": body})
        lab.put(estate.CLUSTER, public_cluster())
        lab.engine.outbox.events.clear()

    @property
    def engine(self) -> Engine:
        return self._lab.engine

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Response:
        full = path if path.startswith(("/subscriptions", "/inference")) else f"{self.workspace}{path}"
        return self._lab.call(method, full, body, headers=headers, api=VERSION)

    def advance(self, seconds: float) -> None:
        self._lab.advance(seconds)


def public_cluster() -> dict[str, Any]:
    size = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2}}
    return {"location": estate.LOCATION, "properties": {"computeType": "AmlCompute", "properties": size}}


def _with(rule: Rule) -> Effect:
    return lambda lab: rule(LabAzure(lab))


for name, rule in RULES.items():
    effect(name)(_with(rule))
