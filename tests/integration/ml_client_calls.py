"""What `test_ml_client.py` has azure-ai-ml's own client do, in a process of its own: the SDK reads its cloud from the
environment when it is imported. Prints one JSON object: section -> what the client saw."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from azure.ai.ml import Input, MLClient, dsl, load_component
from azure.ai.ml.entities import (
    AlertNotification,
    BatchEndpoint,
    CategoricalDriftMetrics,
    CronTrigger,
    DataCollector,
    DataDriftMetricThreshold,
    DataDriftSignal,
    DeploymentCollection,
    JobSchedule,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    MonitorDefinition,
    MonitoringTarget,
    MonitorSchedule,
    NumericalDriftMetrics,
    PipelineComponentBatchDeployment,
    ProductionData,
    RecurrencePattern,
    RecurrenceTrigger,
    ReferenceData,
    ServerlessSparkCompute,
)
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential

env = os.environ
credential = ClientSecretCredential(
    env["AZURE_TENANT_ID"],
    env["AZURE_CLIENT_ID"],
    env["AZURE_CLIENT_SECRET"],
    authority=env["AZURE_AUTHORITY_HOST"],
    disable_instance_discovery=True,
)
client = MLClient(credential, env["AZURE_SUBSCRIPTION_ID"], "ml", "ws1")
ENDED = ("Completed", "Failed", "Canceled")
DATA = "azureml://datastores/workspaceblobstore/paths/x"


def ended(name: str) -> Any:
    for _ in range(5000):
        job = client.jobs.get(name)
        if job.status in ENDED:
            return job
        time.sleep(0.02)
    raise AssertionError(f"{name} is {job.status}")


def refused(act: Callable[[], Any]) -> list[Any]:
    try:
        act()
    except HttpResponseError as error:
        return [error.status_code, error.error.code if error.error else None, error.message]
    return []


def pipeline(name: str, component: str = "retrain", **inputs: Any) -> Any:
    registered = client.components.get(component, "1")
    given = {"training_data": Input(type="uri_folder", path=DATA), "drift_reason": "r", **inputs}
    node = registered(**{key: value for key, value in given.items() if value is not None})
    node.settings.default_compute = "cpu"
    job = node._to_job() if hasattr(node, "_to_job") else node
    job.name, job.experiment_name, job.tags = name, "retrain", {"cp.decisionId": "d1"}
    return job


def components() -> Any:
    """A step, a pipeline of it, and a pipeline of that one."""
    folder = env["COMPONENTS"]
    made = [
        client.components.create_or_update(load_component(f"{folder}/{name}.yaml"))
        for name in ("train", "retrain", "nested")
    ]
    listed = sorted(one.name for one in client.components.list())
    return {"made": [[one.name, one.version, one.type] for one in made], "listed": listed}


def pipelines() -> Any:
    said: dict[str, Any] = {}
    submitted = client.jobs.create_or_update(pipeline("rt-1"))
    said["first"] = submitted.status
    said["again"] = client.jobs.create_or_update(pipeline("rt-1")).name
    said["other body"] = refused(lambda: client.jobs.create_or_update(pipeline("rt-1", drift_reason="another")))
    done = ended("rt-1")
    said["done"], said["tags"] = done.status, done.tags
    said["failed"] = [ended(client.jobs.create_or_update(pipeline("rt-2")).name).status]
    nested = client.jobs.create_or_update(pipeline("rt-3", "nested"))
    said["nested"] = ended(nested.name).status
    said["no input"] = refused(
        lambda: client.jobs.create_or_update(pipeline("rt-5", training_data=None), skip_validation=True)
    )
    long = client.jobs.create_or_update(pipeline("long-1"))
    client.jobs.begin_cancel(long.name).result()
    said["canceled"] = ended(long.name).status
    said["listed"] = [[one.name, one.type, one.status] for one in client.jobs.list()]
    return said


def graph(name: str) -> Any:
    """A job whose graph is in its own body."""
    retrain = client.components.get("retrain", "1")

    @dsl.pipeline(default_compute="cpu")
    def wrapped(training_data):  # type: ignore[no-untyped-def]  # the SDK reads annotations and knows few
        retrain(training_data=training_data, drift_reason="r")

    job = wrapped(training_data=Input(type="uri_folder", path=DATA))
    job.name = name
    return job


def by_dsl() -> Any:
    return ended(client.jobs.create_or_update(graph("dsl-1")).name).status


def models() -> Any:
    said: dict[str, Any] = {}
    model = Model(name="churn", path="azureml://datastores/workspaceblobstore/paths/m/", tags={"a": "1"})
    said["made"] = [client.models.create_or_update(model).version for _ in range(1)]
    second = Model(name="churn", path="azureml://datastores/workspaceblobstore/paths/m2/", tags={"a": "2"})
    said["second"] = client.models.create_or_update(second).version
    moved = Model(name="churn", version="1", path="azureml://datastores/workspaceblobstore/paths/other/")
    said["moved"] = refused(lambda: client.models.create_or_update(moved))
    said["read"] = client.models.get("churn", "2").tags
    said["latest"] = client.models.get("churn", label="latest").version
    said["versions"] = [one.version for one in client.models.list("churn")]
    client.models.archive("churn", "1")
    said["left"] = [one.version for one in client.models.list("churn")]
    said["names"] = sorted(one.name for one in client.models.list())
    return said


def online() -> Any:
    """An endpoint with a deployment that collects its data, traffic to it, and more instances."""
    said: dict[str, Any] = {}
    client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="churn", auth_mode="aad_token")).result()

    def blue(instances: int) -> ManagedOnlineDeployment:
        # A new one each time: the SDK cannot send one that it has read with its collections (1.35.2).
        collections = {name: DeploymentCollection(enabled="true") for name in ("model_inputs", "model_outputs")}
        return ManagedOnlineDeployment(
            name="blue", endpoint_name="churn", model=client.models.get("churn", "2"), instance_count=instances,
            instance_type="Standard_DS3_v2", data_collector=DataCollector(collections=collections),
        )  # fmt: skip

    made = client.online_deployments.begin_create_or_update(blue(1)).result()
    said["collects"] = {name: one.enabled for name, one in made.data_collector.collections.items()}
    endpoint = client.online_endpoints.get("churn")
    endpoint.traffic = {"blue": 100}
    said["traffic"] = client.online_endpoints.begin_create_or_update(endpoint).result().traffic
    endpoint.traffic = {"blue": 50}
    said["wrong traffic"] = refused(lambda: client.online_endpoints.begin_create_or_update(endpoint).result())
    said["instances"] = client.online_deployments.begin_create_or_update(blue(3)).result().instance_count
    said["quota"] = refused(lambda: client.online_deployments.begin_create_or_update(blue(99)).result())
    said["listed"] = [one.name for one in client.online_endpoints.list()]
    said["deployments"] = [one.name for one in client.online_deployments.list("churn")]
    said["keys"] = refused(lambda: client.online_endpoints.get("gone"))[0]
    return said


def batch() -> Any:
    """A pipeline component behind an endpoint."""
    said: dict[str, Any] = {}
    client.batch_endpoints.begin_create_or_update(BatchEndpoint(name="scoring")).result()
    component = client.components.get("retrain", "1")
    first = PipelineComponentBatchDeployment(
        name="first", endpoint_name="scoring", component=component, settings={"default_compute": "cpu"}
    )
    client.batch_deployments.begin_create_or_update(first).result()
    endpoint = client.batch_endpoints.get("scoring")
    endpoint.defaults = {"deployment_name": "first"}
    client.batch_endpoints.begin_create_or_update(endpoint).result()
    inputs = {"training_data": Input(type="uri_folder", path=DATA), "drift_reason": Input(type="string", default="r")}
    job = client.batch_endpoints.invoke(endpoint_name="scoring", inputs=inputs)
    said["invoked"] = ended(job.name).status
    said["deployments"] = [one.name for one in client.batch_deployments.list("scoring")]
    said["listed"] = [one.name for one in client.batch_endpoints.list()]
    return said


def schedules() -> Any:
    said: dict[str, Any] = {}
    trigger = RecurrenceTrigger(frequency="day", interval=1, schedule=RecurrencePattern(hours=3, minutes=15))
    # Of a graph, because the SDK cannot send a schedule of a registered component that it has read (1.35.2).
    schedule = JobSchedule(name="nightly", trigger=trigger, create_job=graph("scheduled"))
    made = client.schedules.begin_create_or_update(schedule).result()
    said["made"] = [made.name, made.is_enabled, made.provisioning_state]
    run = client.schedules.trigger("nightly")
    said["triggered"] = [run.schedule_action_type, ended(run.job_name).status]
    said["disabled"] = client.schedules.begin_disable("nightly").result().is_enabled
    said["refused"] = refused(lambda: client.schedules.trigger("nightly"))[:2]
    said["listed"] = [one.name for one in client.schedules.list()]
    said["all"] = [one.name for one in client.schedules.list(list_view_type="All")]
    said["enabled"] = client.schedules.begin_enable("nightly").result().is_enabled
    client.schedules.begin_disable("nightly").result()
    client.schedules.begin_delete("nightly").result()
    said["gone"] = [one.name for one in client.schedules.list(list_view_type="All")]
    return said


def monitors() -> Any:
    """A monitor of the deployment, run once by hand."""
    said: dict[str, Any] = {}
    thresholds = DataDriftMetricThreshold(
        numerical=NumericalDriftMetrics(normalized_wasserstein_distance=0.1),
        categorical=CategoricalDriftMetrics(jensen_shannon_distance=0.1),
    )
    drift = DataDriftSignal(
        reference_data=ReferenceData(input_data=Input(type="mltable", path=DATA), data_context="training"),
        production_data=ProductionData(input_data=Input(type="uri_folder", path=DATA), data_context="model_inputs"),
        features=["AGE", "INCOME"], metric_thresholds=thresholds, alert_enabled=True,
    )  # fmt: skip

    def monitor(instance: str = "standard_e4s_v3") -> MonitorSchedule:
        return MonitorSchedule(
            name="churn-monitor",
            trigger=CronTrigger(expression="15 3 * * *"),
            create_monitor=MonitorDefinition(
                compute=ServerlessSparkCompute(instance_type=instance, runtime_version="3.4"),
                monitoring_target=MonitoringTarget(
                    ml_task="classification", endpoint_deployment_id="azureml:churn:blue"
                ),
                monitoring_signals={"churn-monitor_drift": drift},
                alert_notification=AlertNotification(emails=["team@contoso.example"]),
            ),
        )

    made = client.schedules.begin_create_or_update(monitor()).result()
    said["made"] = [made.name, list(made.create_monitor.monitoring_signals)]
    said["refused"] = refused(lambda: client.schedules.begin_create_or_update(monitor("standard_d2")).result())[:2]
    run = client.schedules.trigger("churn-monitor")
    done = ended(run.job_name)
    said["run"] = [run.schedule_action_type, done.status, sorted(done.tags), done.tags]
    client.schedules.begin_disable("churn-monitor").result()
    said["target"] = client.schedules.get("churn-monitor").create_monitor.monitoring_target.endpoint_deployment_id
    return said


SECTIONS: dict[str, Callable[[], Any]] = {
    "components": components,
    "pipelines": pipelines,
    "dsl": by_dsl,
    "models": models,
    "online": online,
    "batch": batch,
    "schedules": schedules,
    "monitors": monitors,
}

if __name__ == "__main__":
    seen = {name: SECTIONS[name]() for name in sys.argv[1:] or SECTIONS}
    print()  # the SDK prints dots while it polls
    print(json.dumps(seen))
