"""What a data-science team and Azure do around a model: an endpoint, a pipeline that can train it, a changed world."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tools.demo.owner import Owner

ML_VERSION = "2024-04-01"
MODEL, ENDPOINT, PIPELINE = "churn", "churn", "retrain-churn"
#: What the pipeline's last step writes: challenger and champion, on the same data.
OUTCOME: dict[str, Any] = {
    "metrics": {"accuracy": 0.91},
    "tags": {"cp.champion.accuracy": "0.84", "cp.metricData": "holdout:7", "cp.championData": "holdout:7"},
    "model": {"name": MODEL, "version": "2"},
    "seconds": 60,
}


def serve_a_model(owner: Owner, workspace: str) -> None:
    """A model, an endpoint, a deployment that collects what goes in and out, and a pipeline that trains it again."""
    put(
        owner,
        f"{workspace}/models/{MODEL}/versions/1",
        {"modelUri": "azureml://datastores/workspaceblobstore/paths/m/"},
    )
    endpoint = f"{workspace}/onlineEndpoints/{ENDPOINT}"
    here = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    put(owner, endpoint, {"authMode": "AADToken"}, **here)
    names = ("model_inputs", "model_outputs")
    asset = f"{workspace}/data/churn-blue-{{}}/versions/1"
    collections = {name: {"dataCollectionMode": "Enabled", "dataId": asset.format(name)} for name in names}
    deployment = {
        "endpointComputeType": "Managed",
        "instanceType": "Standard_DS3_v2",
        "model": f"{workspace}/models/{MODEL}/versions/1",
        "dataCollector": {"collections": collections},
    }
    sku = {"name": "Default", "capacity": 1}
    put(owner, f"{endpoint}/deployments/blue", deployment, location="westeurope", sku=sku)
    put(owner, endpoint, {"authMode": "AADToken", "traffic": {"blue": 100}}, **here)
    inputs = {"begin": {"type": "string"}, "end": {"type": "string"}, "reason": {"type": "string"}}
    step = {"step": {"type": "command", "componentId": f"{workspace}/components/train/versions/1"}}
    train = {
        "name": "train",
        "version": "1",
        "type": "command",
        "command": "python train.py",
        "environment": "azureml:e:1",
    }
    graph = {"name": PIPELINE, "version": "1", "type": "pipeline", "inputs": inputs, "jobs": step}
    put(owner, f"{workspace}/components/train/versions/1", {"componentSpec": train})
    tags = {"simulator.outcome": json.dumps(OUTCOME), "gitCommit": "4f1c2ab"}
    put(owner, f"{workspace}/components/{PIPELINE}/versions/1", {"componentSpec": graph, "tags": tags})
    put(
        owner,
        f"{workspace}/data/churn-training/versions/3",
        {"dataType": "mltable", "dataUri": "azureml://datastores/workspaceblobstore/paths/t/"},
    )


def put(owner: Owner, path: str, properties: dict[str, Any], **more: Any) -> None:
    """PUT, and wait until it is there."""
    owner.put(path, ML_VERSION, {**more, "properties": properties})
    wait_for(lambda: there_is(owner, path), f"{path} to be there")


def there_is(owner: Owner, path: str) -> bool:
    """Whether it stands, ready."""
    body = owner.get(path, ML_VERSION)
    state = (body or {}).get("properties", {}).get("provisioningState", "Succeeded")
    if state in ("Failed", "Canceled"):
        raise RuntimeError(f"{path} is {state}")
    return body is not None and state == "Succeeded"


def wait_for(look: Callable[[], Any], what: str, patience: float = 240.0) -> Any:
    """What ``look`` finds, once it finds something. Raises ``TimeoutError``."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.2)
    return found
