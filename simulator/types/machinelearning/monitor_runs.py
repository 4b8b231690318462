"""A monitor's run: a root run, and for each signal the run of the step that evaluates its thresholds.

A breach is a tag on the step's own run, and never a failure; the root run has one too when there are addresses to
notify: Azure/azureml-assets, model_monitor_evaluate_metrics_threshold. What a run needs: learn.microsoft.com, "Azure
Machine Learning model monitoring" (limitations; serverless Spark), "How to monitor model performance", constants.py
(`azureml.modelmonitor.error`). The steps before the evaluation are left out; the sentences of failures are assumed.
"""

from __future__ import annotations

from datetime import datetime

from simulator.engine.declaration import EngineApi, JsonObject, Resource
from simulator.types._shared import dig, name_of, parent_id
from simulator.types.machinelearning import drift, outcomes, pipelines
from simulator.types.machinelearning.managed_network import DISABLED, mode_of
from simulator.types.machinelearning.monitor_rules import deployment_of
from simulator.types.machinelearning.steps import Step

BREACHED = "azureml_modelmonitor_threshold_breached"
ROOT_BREACHED = "azureml.modelmonitor.threshold.breached."
ADDRESSES = "azureml.notification.email.address"
ERROR = "azureml.modelmonitor.error"
PREPARE_SECONDS, EVALUATE_SECONDS, FINALIZE_SECONDS = 60.0, 600.0, 5.0
COLLECTIONS = {"DataDrift": ("model_inputs",), "PredictionDrift": ("model_outputs",), "DataQuality": ("model_inputs",)}


def begin(engine: EngineApi, schedule: Resource, name: str, due: datetime) -> Resource:
    """The root run, NotStarted. It carries on with what the monitor's definition was when it began."""
    definition = dig(schedule.body, "properties.action.monitorDefinition", {})
    body: JsonObject = {
        "jobType": "Pipeline", "displayName": name, "experimentName": schedule.name, "status": "NotStarted",
        "properties": {"azureml.modelmonitor.schedule": schedule.name, "azureml.modelmonitor.time": due.isoformat()},
    }  # fmt: skip
    job = engine.put(f"{parent_id(schedule.id)}/jobs/{name}", {"properties": body})
    job.properties["status"] = "NotStarted"
    job.private.update(monitor=schedule.name, definition=definition)
    engine.save(job)
    engine.schedule(pipelines.PREPARE_SECONDS, "job-runs", job.id)
    return job


def move(engine: EngineApi, job: Resource) -> None:
    """One event of a root run's life."""
    match job.properties.get("status"):
        case "NotStarted":
            job.properties["status"] = "Preparing"
            engine.schedule(PREPARE_SECONDS, "job-runs", job.id)
        case "Preparing":
            job.properties["status"] = "Running"
            if why := obstacle(engine, job) or outcomes.failure_of_monitor(engine, job):
                pipelines.write_tags(job, {ERROR: why})
                pipelines.finish(engine, job, "Failed", why)
            else:
                _evaluate_signals(engine, job)
        case "Running" if not pipelines.running_children(engine, job):
            pipelines.finish(engine, job, "Completed", "")
        case "CancelRequested":
            pipelines.cancel_children(engine, job)


def _evaluate_signals(engine: EngineApi, job: Resource) -> None:
    workspace = engine.get(parent_id(job.id))
    definition = job.private["definition"]
    said = drift.of_run(engine, workspace, job.private["monitor"], targets(engine, job)) if workspace else None
    for name, signal in (definition.get("signals") or {}).items():
        step = Step(f"evaluate_{name}", "", None)
        child = pipelines.start_step(engine, job, step, last=False)
        found = drift.violations(signal, said)
        child.private.update(seconds=EVALUATE_SECONDS, signal=name, breach=drift.message(name, found) if found else "")
        engine.save(child)


def evaluated(engine: EngineApi, child: Resource) -> None:
    """The step has compared metrics with thresholds: what it found is on its run before it ends."""
    child.properties["status"] = "Finalizing"
    engine.schedule(FINALIZE_SECONDS, "job-runs", child.id)
    message = child.private["breach"]
    job = engine.get(f"{parent_id(child.id)}/jobs/{child.private['parent']}")
    if not message or job is None:
        return
    pipelines.write_tags(child, {BREACHED: message})
    setting = job.private["definition"].get("alertNotificationSetting") or {}
    setting = setting or job.private["definition"].get("alertNotificationSettings") or {}
    if addresses := dig(setting, "emailNotificationSetting.emails"):
        signal = child.private["signal"]
        pipelines.write_tags(job, {ADDRESSES: ",".join(addresses), f"{ROOT_BREACHED}{signal}": message})
        engine.save(job)


def targets(engine: EngineApi, job: Resource) -> set[tuple[str, str]]:
    """What a monitor watches, as `inject drift` names it."""
    definition = job.private["definition"]
    found = set()
    deployment = _deployment(engine, job)
    if deployment is not None:
        found |= {
            ("endpoint", name_of(parent_id(deployment.id))),
            *_models(str(deployment.properties.get("model") or "")),
        }
    found |= _models(str(dig(definition, "monitoringTarget.modelId") or ""))
    return found


def _models(model: str) -> set[tuple[str, str]]:
    """A model's name, from its id or `azureml:name:version`."""
    parts = model.split("/")
    name = parts[-3] if len(parts) > 3 and parts[-2] == "versions" else model.removeprefix("azureml:").partition(":")[0]
    return {("model", name)} if name else set()


def _deployment(engine: EngineApi, job: Resource) -> Resource | None:
    wanted = str(dig(job.private["definition"], "monitoringTarget.deploymentId") or "")
    return deployment_of(engine, parent_id(job.id), wanted) if wanted else None


def obstacle(engine: EngineApi, job: Resource) -> str | None:
    """Why a monitor cannot run in this workspace; None when it can."""
    workspace = engine.get(parent_id(job.id))
    if workspace is None:
        return "The workspace does not exist."
    return _network(engine, workspace) or _datastores(engine, workspace, job) or _collection(engine, job)


def _network(engine: EngineApi, workspace: Resource) -> str | None:
    mode = mode_of(workspace.body)
    if mode == "AllowOnlyApprovedOutbound":
        return "Model monitoring does not support the isolation mode AllowOnlyApprovedOutbound of the managed network."
    if mode != DISABLED:
        if not dig(workspace.body, "properties.managedNetwork.status.sparkReady"):
            return "Serverless Spark is not provisioned in the managed network: provision it with includeSpark."
        return None
    storage = _storage(engine, workspace)
    if storage is not None and storage.properties.get("publicNetworkAccess") == "Disabled":
        return (
            "Serverless Spark cannot reach the storage account: public access is off and there is no managed network."
        )
    return None


def _datastores(engine: EngineApi, workspace: Resource, job: Resource) -> str | None:
    """Credentials by default; without them a user-assigned identity and `systemDatastoresAuthMode: identity`."""
    storage = _storage(engine, workspace)
    by_identity = str(workspace.properties.get("systemDatastoresAuthMode") or "").lower() == "identity"
    if not by_identity:
        if storage is not None and storage.properties.get("allowSharedKeyAccess") is False:
            return "The datastores use account keys, and the storage account does not allow them."
        return None
    identity = dig(job.private["definition"], "computeConfiguration.computeIdentity.computeIdentityType")
    users = dig(workspace.body, "identity.userAssignedIdentities", {})
    if not users and identity != "ManagedIdentity":
        return "Datastores without credentials need a user-assigned identity for monitoring."
    return None


def _storage(engine: EngineApi, workspace: Resource) -> Resource | None:
    return engine.get(str(workspace.properties.get("storageAccount") or ""))


def _collection(engine: EngineApi, job: Resource) -> str | None:
    """The collections that the signals read from are switched on, where a deployment is watched."""
    definition = job.private["definition"]
    if not dig(definition, "monitoringTarget.deploymentId"):
        return None
    deployment = _deployment(engine, job)
    if deployment is None:
        return "The deployment of the monitoring target does not exist."
    collections = dig(deployment.body, "properties.dataCollector.collections", {})
    for name, signal in (definition.get("signals") or {}).items():
        for wanted in COLLECTIONS.get(str(signal.get("signalType")), ("model_inputs", "model_outputs")):
            if str(dig(collections, f"{wanted}.dataCollectionMode", "")).lower() != "enabled":
                return f"Data collection of '{wanted}' is not enabled for the deployment: signal '{name}' has no data."
    return None
