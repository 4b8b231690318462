"""A workspace with pipelines, policies by REST, and ticks of signals and runs: all of it against the simulator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from controlplane.audit.model import Kind
from controlplane.azure.jobs import JobClient
from controlplane.azure.ml_writer import AzureMlWriter
from controlplane.clocks import SystemClock
from controlplane.objects.repository import Objects
from controlplane.objects.tick import Machines, tick_object
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.parts import parts
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal
from tests.support.product import NAME, Product, running_product
from tests.support.waiting import PATIENCE_SECONDS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ML_VERSION = "2024-04-01"
#: What is polled each minute is polled each so many seconds here.
_LOOK_SECONDS = 0.05


@dataclass
class RunWorld:
    """One product with its objects."""

    product: Product

    def __post_init__(self) -> None:
        product, clock = self.product, SystemClock()
        self.objects = Objects(product.store, Kind.RETRAINING)
        product.services = replace(product.services, objects=self.objects)
        self.jobs = JobClient(product.settings, product.settings.operator_client_id)
        deps = RetrainingDeps(
            objects=self.objects,
            workspaces=product.services.repository,
            projects=product.services.projects,
            reader=product.deps.reader,
            writer=product.deps.writer,
            ml=AzureMlWriter(self.jobs),
            clock=clock,
            queue=product.services.queue,
        )
        self.machines = Machines(self.objects, parts(deps), product.services.queue, clock, clock, "test")

    @property
    def workspace(self) -> str:
        """ARM id of the Azure ML workspace."""
        return self.product.ids()["workspace"]

    def build(self) -> None:
        """The workspace, a step and a pipeline of it, a schedule, a batch endpoint with a deployment."""
        operation = self.product.finish(self.product.put())
        assert operation.status == "Succeeded", operation.error
        inputs = {"reason": {"type": "string", "optional": "True"}}
        for name, kind in (("train", "command"), ("retrain", "pipeline")):
            graph = {"step": {"type": "command", "componentId": f"{self.workspace}/components/train/versions/1"}}
            spec = {"name": name, "version": "1", "type": kind, "inputs": inputs}
            spec |= {"jobs": graph} if kind == "pipeline" else {"command": "echo", "environment": "azureml:env:1"}
            properties = {"componentSpec": spec, "tags": {"git.commit": COMMIT}}
            self.owner_put(f"components/{name}/versions/1", {"properties": properties})
        component = f"{self.workspace}/components/retrain/versions/1"
        reason = {"reason": {"jobInputType": "literal", "value": "nightly"}}
        job = {"jobType": "Pipeline", "componentId": component, "inputs": reason}
        trigger = {"triggerType": "Recurrence", "frequency": "Month", "interval": 12}
        action = {"actionType": "CreateJob", "jobDefinition": job}
        self.owner_put("schedules/nightly", {"properties": {"trigger": trigger, "action": action, "isEnabled": False}})
        here: dict[str, Any] = {"location": "westeurope"}
        self.owner_put("batchEndpoints/training", {**here, "properties": {"authMode": "AADToken"}})
        deployment = {"deploymentConfigurationType": "PipelineComponent", "componentId": {"assetId": component}}
        blue = {**here, "properties": {"deploymentConfiguration": deployment}}
        self.owner_put("batchEndpoints/training/deployments/blue", blue)

    def owner_put(self, path: str, body: dict[str, Any]) -> None:
        answer = self.product.owner.put(f"{self.workspace}/{path}", body, version=ML_VERSION)
        assert answer.status_code < 300, answer.text

    @contextmanager
    def open_to_all(self) -> Iterator[None]:
        """Somebody lets the workspace be reached from everywhere for a while."""
        body = self.product.owner.get(self.workspace)
        assert body is not None
        for access in ("Enabled", "Disabled"):
            changed = {**body, "properties": {**body["properties"], "publicNetworkAccess": access}}
            answer = self.product.owner.put(self.workspace, changed)
            assert answer.status_code < 300, answer.text
            if access == "Enabled":
                yield

    # -- the API -----------------------------------------------------------------------------------------------------

    def policy(self, model: str, pipeline: dict[str, Any]) -> httpx.Response:
        asked = {"pipeline": pipeline, "approval": {"required": False}}
        return self.product.call("PUT", f"workspaces/{NAME}/retrainingPolicies/{model}", asked)

    def wish(self, model: str) -> str:
        """A person's wish, decided; the name of its run."""
        asked = {"workspace": NAME, "model": model, "reason": "It is time."}
        answer = self.product.call("POST", "retrainings", asked)
        assert answer.status_code == 202, answer.text
        signal = answer.json()["signal"]
        self.tick(Signal.KIND, signal)
        shown = self.product.call("GET", f"signals/{signal}").json()
        assert shown["decision"]["outcome"] == "submit", shown
        found: str = shown["decision"]["runId"]
        return found

    def shown(self, run_id: str) -> dict[str, Any]:
        answer = self.product.call("GET", f"retrainings/{run_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["run"]
        return found

    def until(self, run_id: str, state: str) -> dict[str, Any]:
        return self._until(run_id, lambda run: run["state"] == state)

    def until_ended(self, run_id: str) -> dict[str, Any]:
        return self._until(run_id, lambda run: run["dueAt"] is None)

    def _until(self, run_id: str, there: Any) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not there(run := self.shown(run_id)):
            assert time.monotonic() < deadline, run
            self.tick(Run.KIND, run_id)
            self.product.run(asyncio.sleep(_LOOK_SECONDS))
        return run

    def tick(self, kind: str, thing_id: str) -> None:
        self.product.run(tick_object(kind, thing_id, self.machines))

    def job(self, name: str) -> dict[str, Any]:
        """As Azure shows it."""
        found = self.product.owner.get(f"{self.workspace}/jobs/{name}", version=ML_VERSION)
        assert found is not None
        return found

    def close(self) -> None:
        self.product.run(self.jobs.close())


@contextmanager
def run_world(folder: Path) -> Iterator[RunWorld]:
    """Built, without a policy."""
    with running_product(folder, time_scale=2000) as product:
        world = RunWorld(product)
        try:
            world.build()
            yield world
        finally:
            world.close()
