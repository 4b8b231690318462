"""Batch endpoints' own data plane: `POST /inference/{region}/{endpoint}/jobs`.

Sources: azure-ai-ml 1.35.2 (body, headers, audience of Azure ML); learn.microsoft.com, "Authorization on batch
endpoints" (the right to write jobs of batch endpoints) and "Network isolation in batch endpoints" (they are reached as
their workspace is). Words of refusals are assumed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from simulator.engine import words
from simulator.engine.hooks import ArmError, Resource
from simulator.engine.messages import Request, Response, error_response
from simulator.types._shared import parent_id
from simulator.types.machinelearning import batch

if TYPE_CHECKING:
    from simulator.planes.world import World

#: Any of the clouds' audiences of Azure ML; azure-ai-ml derives its own from the portal's host.
AUDIENCES = ("https://ml.azure.com", "https://ml.azure.test", "https://ml.azure.us", "https://ml.azure.cn")
WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
PATH = re.compile(r"/inference/(?P<region>[^/]+)/(?P<endpoint>[^/]+)/jobs", re.IGNORECASE)
#: "Configure RBAC for batch endpoints invoke": what the invoker holds on the workspace besides the right to write jobs.
INVOKER = [
    "batchEndpoints/deployments/read",
    "batchEndpoints/read",
    "computes/listKeys/action",
    "computes/read",
    "data/versions/write",
    "datasets/registered/read",
    "datasets/registered/write",
    "datasets/unregistered/read",
    "datasets/unregistered/write",
    "datastores/listSecrets/action",
    "datastores/read",
    "datastores/write",
    "endpoints/pipelines/read",
    "endpoints/pipelines/write",
    "environments/build/action",
    "environments/read",
    "environments/readSecrets/action",
    "environments/write",
    "experiments/read",
    "experiments/runs/read",
    "experiments/runs/submit/action",
    "experiments/runs/write",
    "listStorageAccountKeys/action",
    "metadata/artifacts/read",
    "metadata/artifacts/write",
    "metadata/secrets/read",
    "metadata/snapshots/read",
    "metrics/resource/write",
    "models/read",
    "modules/read",
    "read",
]
WRITE = "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs/write"


def handle(world: World, request: Request) -> Response | None:
    """None for what is no call of this plane."""
    match = PATH.fullmatch(request.path)
    if match is None or request.method != "POST":
        return None
    try:
        request.caller = world.tokens.caller(request.headers.get("authorization", ""), AUDIENCES)
        return _invoke(world, request, _endpoint(world, match["region"].lower(), match["endpoint"].lower()))
    except ArmError as error:
        return error_response(error)


def _endpoint(world: World, region: str, name: str) -> Resource:
    for found in world.engine.all_of(batch.ENDPOINT):
        if found.name.lower() == name and found.location == region:
            return found
    raise ArmError(404, "NotFound", f"There is no endpoint '{name}' in {region}.")


def _invoke(world: World, request: Request, endpoint: Resource) -> Response:
    engine, caller = world.engine, request.caller
    workspace = engine.get(parent_id(endpoint.id))
    if workspace is None or workspace.properties.get("publicNetworkAccess") == "Disabled":
        raise ArmError(403, "Forbidden", "Public network access of the workspace is disabled.")
    if not engine.may(caller, WRITE, endpoint.id):
        raise words.authorization_failed(caller.name, caller.object_id, WRITE, endpoint.id)
    for action in (f"{WORKSPACE}/{one}" for one in INVOKER):
        if not engine.may(caller, action, workspace.id):
            raise words.authorization_failed(caller.name, caller.object_id, action, workspace.id)
    sent = request.json().get("properties") or {}
    repeat = request.headers.get("repeatability-request-id", "")
    known = endpoint.private.get("repeats", {}).get(repeat)
    job = engine.get(known) if known else None
    if job is None:
        job = batch.invoke(engine, endpoint, sent, request.headers.get("azureml-model-deployment", ""))
        endpoint.private["repeats"] = {**endpoint.private.get("repeats", {}), **({repeat: job.id} if repeat else {})}
        engine.save(endpoint)
    return Response(201, batch.shown(job))
