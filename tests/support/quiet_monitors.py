"""Monitors of a product in virtual time: their service, their ticks, and schedules written without the SDK."""

from __future__ import annotations

from typing import Any

from controlplane.audit.model import Kind
from controlplane.http.examples import MONITOR
from controlplane.objects.repository import Objects
from controlplane.objects.tick import Machines, tick_object
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.ml import PipelineJob
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule, SignalRequest
from controlplane.retraining.deps import RetrainingDeps
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.parts import parts
from controlplane.retraining.services import monitors
from controlplane.retraining.services.deps import ModelDeps
from tests.support.blueprints import example
from tests.support.quiet_product import ADMIN, QuietAzure, QuietProduct
from tests.support.virtual_time import VirtualClock

WATCHED = "watched"
ML_VERSION = "2024-04-01"
CALLBACKS = Callbacks(
    tenant_id="00000000-0000-0000-0000-0000000000aa",
    events_url="https://localhost:1/hook",
    alerts_url="https://localhost:1/api/alerts",
    alerts_app="api://control-plane",
    alerts_app_object="00000000-0000-0000-0000-0000000000ef",
)
#: A customer's component in place of Azure ML's own.
BY_PIPELINE: dict[str, Any] = {
    **MONITOR,
    "computedBy": "pipeline",
    "pipeline": {"component": "drift", "version": "1", "compute": "cpu"},
    "alerts": [],
}


class QuietMl:
    """``ports.ml.MlWriter`` as the operator, with the bodies that the SDK would send."""

    def __init__(self, azure: QuietAzure) -> None:
        self._azure = azure

    async def submit(self, workspace_id: str, job: PipelineJob) -> None:
        raise NotImplementedError

    async def cancel(self, workspace_id: str, name: str) -> None:
        raise NotImplementedError

    async def put_schedule(self, workspace_id: str, request: MonitorRequest | PipelineSchedule) -> None:
        monitor = isinstance(request, MonitorRequest)
        action = _monitor(workspace_id, request) if monitor else _job(workspace_id, request)  # type: ignore[arg-type]
        trigger = {"triggerType": "Recurrence", "frequency": request.frequency, "interval": request.interval}
        said = {"isEnabled": True, "tags": dict(request.tags), "trigger": trigger, "action": action}
        url = f"{workspace_id}/schedules/{request.name}?api-version={ML_VERSION}"
        self._azure.call("operator", "PUT", url, {"properties": said})


def _monitor(workspace_id: str, asked: MonitorRequest) -> dict[str, Any]:
    target = f"{workspace_id}/onlineEndpoints/{asked.endpoint}/deployments/{asked.deployment}"
    definition = {
        "computeConfiguration": {
            "computeType": "ServerlessSpark",
            "instanceType": asked.instance_type,
            "runtimeVersion": asked.runtime_version,
        },
        "monitoringTarget": {"taskType": asked.task, "deploymentId": target},
        "signals": {one.name: _signal(one) for one in asked.signals},
        "alertNotificationSettings": {"emailNotificationSetting": {"emails": list(asked.emails)}},
    }
    return {"actionType": "CreateMonitor", "monitorDefinition": definition}


def _signal(one: SignalRequest) -> dict[str, Any]:
    own = one.reference_window
    thresholds = [{"metric": name, "threshold": {"value": value}} for name, value in one.thresholds.items()]
    return {
        "signalType": one.kind,
        "mode": "Enabled",
        "metricThresholds": thresholds,
        "productionData": {"uri": next(iter(one.production.values())), "windowSize": one.window.size},
        "referenceData": {"uri": one.reference, "windowOffset": own.offset if own else None},
    }


def _job(workspace_id: str, asked: PipelineSchedule) -> dict[str, Any]:
    _, name, version = asked.job.component.split(":")
    inputs = {key: {"jobInputType": "literal", "value": value} for key, value in asked.job.inputs.items()}
    job = {
        "jobType": "Pipeline",
        "componentId": f"{workspace_id}/components/{name}/versions/{version}",
        "inputs": inputs,
        "settings": {"default_compute": asked.job.compute},
    }
    return {"actionType": "CreateJob", "jobDefinition": job}


class QuietMonitors:
    """Of one product; ``build`` makes the workspace and what its monitors watch."""

    def __init__(self, product: QuietProduct) -> None:
        self.product, clock = product, VirtualClock()
        self.objects = Objects(product.store, Kind.RETRAINING)
        self.deps = RetrainingDeps(
            objects=self.objects,
            workspaces=product.repository,
            projects=product.services.projects,
            reader=product.deps.reader,
            writer=product.deps.writer,
            ml=QuietMl(product.azure),
            clock=clock,
            queue=product.services.queue,
            callbacks=CALLBACKS,
        )
        self.machines = Machines(self.objects, parts(self.deps), product.services.queue, clock, clock, "test")

    @property
    def workspace(self) -> str:
        return self.product.ids(WATCHED)["workspace"]

    def build(self) -> None:
        """A deployment that collects its data, and a component that could compute drift."""
        for path, body in watched_resources(self.workspace).items():
            assert self.product.owner("PUT", f"{self.workspace}/{path}", body, ML_VERSION) < 300, path

    def put(self, name: str, asked: dict[str, Any] | None = None) -> None:
        services = ModelDeps(self.objects, self.product.services)
        body = asked or MONITOR
        work = monitors.put_monitor(services, ADMIN, (WATCHED, name), body, Preconditions(), CALLBACKS)
        self.product.run(work)

    def _consent(self) -> None:
        """Every webhook answers its handshake."""
        engine = self.product.azure.engine
        while engine.outbox.handshakes:
            asked = engine.get(engine.outbox.handshakes.popleft())
            if asked is not None:
                asked.private["validated"] = True
                engine.save(asked)

    def delete(self, name: str) -> None:
        services = ModelDeps(self.objects, self.product.services)
        self.product.run(monitors.delete_monitor(services, ADMIN, (WATCHED, name), Preconditions()))

    def settle(self, name: str) -> Monitor | None:
        """Ticks until it stands (it, then) or is gone (None)."""
        for _ in range(200):
            self.product.run(tick_object(Monitor.KIND, f"{WATCHED}.{name}", self.machines))
            self.product.grant()
            stored = self.product.run(self.objects.get(Monitor, f"{WATCHED}.{name}"))
            if stored is None or stored.value.observed_generation == stored.value.generation:
                return stored.value if stored else None
            self._consent()
            self.product.advance(30.0)
        raise AssertionError([one.message for one in stored.value.conditions])


def watched() -> dict[str, Any]:
    """The spec of a workspace with monitors."""
    return example("monitored-classical")


def watched_resources(workspace: str) -> dict[str, dict[str, Any]]:
    here: dict[str, Any] = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    collections = {
        one: {"dataCollectionMode": "Enabled", "dataId": f"{workspace}/data/churn-blue-{one}/versions/1"}
        for one in ("model_inputs", "model_outputs")
    }
    deployment = {
        "endpointComputeType": "Managed",
        "instanceType": "Standard_DS3_v2",
        "model": f"{workspace}/models/churn/versions/1",
        "dataCollector": {"collections": collections},
    }
    inputs = {"monitor": {"type": "string"}}
    step = {"name": "step", "version": "1", "type": "command", "command": "echo", "environment": "azureml:e:1"}
    drift = {"name": "drift", "version": "1", "type": "pipeline", "inputs": inputs}
    drift["jobs"] = {"step": {"type": "command", "componentId": f"{workspace}/components/step/versions/1"}}
    model = {"modelUri": "azureml://datastores/workspaceblobstore/paths/churn/"}
    return {
        "models/churn/versions/1": {"properties": model},
        "onlineEndpoints/churn": {**here, "properties": {"authMode": "AADToken"}},
        "onlineEndpoints/churn/deployments/blue": {
            "location": "westeurope", "sku": {"name": "Default", "capacity": 1}, "properties": deployment,
        },
        "components/step/versions/1": {"properties": {"componentSpec": step}},
        "components/drift/versions/1": {"properties": {"componentSpec": drift}},
    }  # fmt: skip
