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
from azure.ai.ml.entities import Model
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
    for _ in range(600):
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


def by_dsl() -> Any:
    """A job whose graph is in its own body."""
    retrain = client.components.get("retrain", "1")

    @dsl.pipeline(default_compute="cpu")
    def wrapped(training_data):  # type: ignore[no-untyped-def]  # the SDK reads annotations and knows few
        retrain(training_data=training_data, drift_reason="r")

    job = wrapped(training_data=Input(type="uri_folder", path=DATA))
    job.name = "dsl-1"
    return ended(client.jobs.create_or_update(job).name).status


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


SECTIONS: dict[str, Callable[[], Any]] = {
    "components": components,
    "pipelines": pipelines,
    "dsl": by_dsl,
    "models": models,
}

if __name__ == "__main__":
    print(json.dumps({name: SECTIONS[name]() for name in sys.argv[1:] or SECTIONS}))
