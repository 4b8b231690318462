"""A workspace on which monitors run, a deployment that collects its data, and ticks of monitors; all of it for real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from controlplane.audit.model import Kind
from controlplane.azure.jobs import JobClient
from controlplane.azure.ml_writer import AzureMlWriter
from controlplane.clocks import SystemClock
from controlplane.http.examples import MONITOR
from controlplane.objects.repository import Objects
from controlplane.objects.tick import Machines, tick_object
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.monitors.frequency import FITS
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.monitors.telling import THROTTLING
from controlplane.retraining.parts import parts
from controlplane.retraining.signals.intake import IntakeDeps
from controlplane.settings import callbacks_of
from tests.support.blueprints import example
from tests.support.product import NAME, Product, running_product
from tests.support.waiting import PATIENCE_SECONDS

WATCH = "watch"
ML_VERSION = "2024-04-01"
ALERTS = "http://localhost:9/api/alerts"


@dataclass
class MonitorWorld:
    """``events_url`` is called by Event Grid."""

    product: Product
    events_url: str
    monitor: dict[str, Any] = field(default_factory=lambda: dict(MONITOR))

    def __post_init__(self) -> None:
        product = self.product
        settings = product.settings.model_copy(
            update={
                "events_url": SecretStr(self.events_url),
                "alerts_url": ALERTS,
                "alerts_app_uri": f"api://{product.settings.audience}",
                "alerts_app_object_id": "00000000-0000-0000-0000-0000000000ef",
            }
        )
        self.objects = Objects(product.store, Kind.RETRAINING)
        product.services = replace(product.services, settings=settings, objects=self.objects)
        self.jobs = JobClient(settings, settings.operator_client_id)
        clock, queue = SystemClock(), product.services.queue
        self.deps = RetrainingDeps(
            objects=self.objects,
            workspaces=product.services.repository,
            projects=product.services.projects,
            reader=product.deps.reader,
            writer=product.deps.writer,
            ml=AzureMlWriter(self.jobs),
            clock=clock,
            queue=queue,
            callbacks=callbacks_of(settings),
        )
        self.intake = IntakeDeps(self.objects, product.services.repository, queue, clock)
        self.machines = Machines(self.objects, parts(self.deps), queue, clock, clock, "test")

    @property
    def workspace(self) -> str:
        """ARM id of the Azure ML workspace."""
        return self.product.ids()["workspace"]

    @property
    def group(self) -> str:
        return self.product.ids()["resource-group"]

    def build(self) -> None:
        """The workspace, a model, an endpoint and a deployment that collects what goes in and out."""
        operation = self.product.finish(self.product.put(example("monitored-classical")))
        assert operation.status == "Succeeded", operation.error
        model = {"modelUri": "azureml://datastores/workspaceblobstore/paths/churn/"}
        self.owner_put(f"{self.workspace}/models/churn/versions/1", {"properties": model})
        here: dict[str, Any] = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
        endpoint = f"{self.workspace}/onlineEndpoints/churn"
        self.owner_put(endpoint, {**here, "properties": {"authMode": "AADToken"}})
        self.deploy()
        self.owner_put(endpoint, {**here, "properties": {"authMode": "AADToken", "traffic": {"blue": 100}}})

    def deploy(self, mode: str = "Enabled") -> None:
        """``blue``, with data collection on or off."""
        names = ("model_inputs", "model_outputs")
        asset = f"{self.workspace}/data/churn-blue-{{}}/versions/1"
        collections = {one: {"dataCollectionMode": mode, "dataId": asset.format(one)} for one in names}
        properties = {
            "endpointComputeType": "Managed",
            "instanceType": "Standard_DS3_v2",
            "model": f"{self.workspace}/models/churn/versions/1",
            "dataCollector": {"collections": collections},
        }
        body = {"location": "westeurope", "sku": {"name": "Default", "capacity": 1}, "properties": properties}
        self.owner_put(f"{self.workspace}/onlineEndpoints/churn/deployments/blue", body)

    def owner_put(self, path: str, body: dict[str, Any]) -> None:
        answer = self.product.owner.put(path, body, version=ML_VERSION)
        assert answer.status_code < 300, answer.text

    # -- monitors ------------------------------------------------------------------------------------------------------

    def put(self, name: str = WATCH, **changes: Any) -> Any:
        """The answer to the PUT of a monitor; the example's with changes."""
        return self.product.call("PUT", f"workspaces/{NAME}/monitors/{name}", {**self.monitor, **changes})

    def shown(self, name: str = WATCH) -> dict[str, Any]:
        answer = self.product.call("GET", f"workspaces/{NAME}/monitors/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def conditions(self, name: str = WATCH) -> dict[str, str]:
        """All but what calls and sweeps say, of which there are none here."""
        shown = self.shown(name)["conditions"]
        return {one["type"]: one["status"] for one in shown if one["type"] not in (FITS, THROTTLING)}

    def look(self, name: str = WATCH) -> None:
        """One tick now, whenever the next is due."""
        self.product.run(tick_object(Monitor.KIND, f"{NAME}.{name}", self.machines))

    def settle(self, name: str = WATCH) -> None:
        """Ticks until it stands, or is gone."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            self.look(name)
            stored = self.product.run(self.objects.get(Monitor, f"{NAME}.{name}"))
            if stored is None:
                return
            due = stored.value.due_at
            if due is not None and due > datetime.now(UTC) + timedelta(hours=1):
                return
            assert time.monotonic() < deadline, [one.model_dump() for one in stored.value.conditions]
            self.product.run(asyncio.sleep(0.02))

    def close(self) -> None:
        self.product.run(self.jobs.close())


@contextmanager
def monitor_world(folder: Path, events_url: str) -> Iterator[MonitorWorld]:
    """Built, without a monitor."""
    with running_product(folder, time_scale=2000) as product:
        world = MonitorWorld(product, events_url)
        try:
            world.build()
            yield world
        finally:
            world.close()
