"""Batch endpoints and their deployments, and the jobs that an invocation starts (planes/inference.py takes it in).

Shapes and what is required: API definition of 2024-01-01-preview and what azure-ai-ml 1.35.2 sends. In Azure an
endpoint has a host of its own, `https://{name}.{region}.inference.ml.azure.com/jobs`; here that is a path of this
process. Names are unique in a region. Refusals' sentences are assumed, the code is the provider's.
"""

from __future__ import annotations

import re

from simulator.engine.declaration import (
    ArmError,
    EngineApi,
    Hook,
    HookContext,
    JsonObject,
    Phase,
    ReadOnly,
    Required,
    Resource,
    ResourceType,
)
from simulator.types._shared import dig, name_of, parent_id
from simulator.types.machinelearning import _lro
from simulator.types.machinelearning.endpoint_rules import NAME
from simulator.types.machinelearning.legacy import LEGACY
from simulator.types.machinelearning.steps import component_of, compute_id
from simulator.types.machinelearning.workspaces import WORKSPACE

ENDPOINT = f"{WORKSPACE}/batchEndpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"


def _bad(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def _computed(ctx: HookContext) -> JsonObject:
    base = f"{ctx.engine.base}/inference/{ctx.resource.location}/{ctx.resource.name}"
    return {"properties": {"scoringUri": f"{base}/jobs", "swaggerUri": None}}


def endpoint_rules(ctx: HookContext) -> None:
    """A name once in a region; tokens of Entra only; a default deployment that is there."""
    endpoint = ctx.resource
    mode = str(endpoint.properties.get("authMode") or "").lower()
    if mode != "aadtoken":
        raise _bad(
            f"The auth mode '{endpoint.properties.get('authMode')}' is not supported by batch endpoints: AADToken."
        )
    others = [one for one in ctx.engine.all_of(ENDPOINT) if one.key != endpoint.key]
    if (endpoint.name.lower(), endpoint.location) in {(one.name.lower(), one.location) for one in others}:
        raise _bad(f"An endpoint with the name '{endpoint.name}' exists already in {endpoint.location}.")
    wanted = dig(endpoint.body, "properties.defaults.deploymentName")
    if wanted and ctx.engine.get(f"{endpoint.id}/deployments/{wanted}") is None:
        raise _bad(f"The default deployment '{wanted}' of endpoint '{endpoint.name}' does not exist.")


def deployment_rules(ctx: HookContext) -> None:
    """A model on a cluster, or a pipeline component."""
    deployment, properties = ctx.resource, ctx.resource.properties
    workspace_id = parent_id(parent_id(deployment.id))
    kind = dig(properties, "deploymentConfiguration.deploymentConfigurationType")
    if kind == "PipelineComponent":
        component_of(
            ctx.engine, workspace_id, str(dig(properties, "deploymentConfiguration.componentId.assetId") or "")
        )
        default = dig(properties, "deploymentConfiguration.settings.default_compute")
        compute_id(ctx.engine, workspace_id, default)
    elif not properties.get("model"):
        raise _bad(f"The property 'model' of deployment '{deployment.name}' is required.")
    else:
        compute_id(ctx.engine, workspace_id, str(properties.get("compute") or "") or None)


def endpoint_of(engine: EngineApi, workspace_id: str, action: JsonObject) -> Resource:
    """Of a schedule's InvokeBatchEndpoint: `endpointInvocationDefinition` has an endpoint's id or name as `endpointId`
    (assumed: the API definition calls it an object). Raises UserError."""
    wanted = str(dig(action, "endpointInvocationDefinition.endpointId") or "")
    found = (
        engine.get(wanted if wanted.startswith("/") else f"{workspace_id}/batchEndpoints/{wanted}") if wanted else None
    )
    if found is None:
        raise _bad(f"The batch endpoint '{wanted}' does not exist.")
    return found


def start(engine: EngineApi, endpoint: Resource, action: JsonObject, name: str) -> Resource:
    """The invocation that a schedule makes."""
    definition = action.get("endpointInvocationDefinition") or {}
    return invoke(engine, endpoint, {**definition, "name": name}, str(definition.get("deploymentName") or ""))


def invoke(engine: EngineApi, endpoint: Resource, asked: JsonObject, deployment_name: str) -> Resource:
    """The job that an invocation starts. Raises UserError for a deployment that is not there or a name that is."""
    wanted = deployment_name or str(dig(endpoint.body, "properties.defaults.deploymentName") or "")
    deployment = engine.get(f"{endpoint.id}/deployments/{wanted}") if wanted else None
    if deployment is None:
        raise _bad(f"Endpoint '{endpoint.name}' has no deployment '{wanted or 'default'}'.")
    count = int(endpoint.private.get("invoked", 0)) + 1
    endpoint.private["invoked"] = count
    engine.save(endpoint)
    workspace_id = parent_id(endpoint.id)
    name = str(asked.get("name") or f"batchjob-{engine.guid('batch', endpoint.key, str(count))}")
    if engine.get(f"{workspace_id}/jobs/{name}") is not None:
        raise _bad(f"A job with this name already exists: '{name}'.")
    given = asked.get("inputData") or asked.get("InputData") or {}
    experiment = str(asked.get("experimentName") or endpoint.name)
    body: JsonObject = {
        "displayName": name, "experimentName": experiment, "inputs": _inputs(given),
        "properties": {"azureml.batchendpointid": endpoint.name, "azureml.deploymentname": deployment.name},
    }  # fmt: skip
    job = engine.put(f"{workspace_id}/jobs/{name}", {"properties": {**body, **_work(deployment)}}, as_request=True)
    job.private["batch"] = endpoint.key
    engine.save(job)
    return job


def _inputs(given: JsonObject) -> JsonObject:
    """The data plane says `UriFolder` where ARM says `uri_folder`."""
    return {name: {**one, "jobInputType": _snake(str(one.get("jobInputType") or ""))} for name, one in given.items()}


def _snake(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower()


def _work(deployment: Resource) -> JsonObject:
    configuration = deployment.properties.get("deploymentConfiguration") or {}
    if configuration.get("deploymentConfigurationType") == "PipelineComponent":
        settings = configuration.get("settings") or {}
        component = dig(configuration, "componentId.assetId")
        return {"jobType": "Pipeline", "componentId": component, "settings": settings}
    return {"jobType": "Command", "command": "score", "computeId": deployment.properties.get("compute")}


def shown(job: Resource) -> JsonObject:
    """The answer to an invocation, as azure-ai-ml reads it."""
    return {
        "id": job.id, "name": job.name, "type": "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs",
        "properties": {"name": job.name, "status": job.properties.get("status"), **_tags(job)},
    }  # fmt: skip


def _tags(job: Resource) -> JsonObject:
    return {"tags": job.properties.get("tags") or {}, "interactionEndpoints": job.properties.get("services") or {}}


def drop_default(ctx: HookContext) -> None:
    """A deployment that goes is nobody's default any more."""
    endpoint = ctx.engine.get(parent_id(ctx.resource.id))
    if endpoint is not None and dig(endpoint.body, "properties.defaults.deploymentName") == name_of(ctx.resource.id):
        endpoint.properties["defaults"] = {"deploymentName": None}
        ctx.engine.save(endpoint)


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ENDPOINT,
        create=_lro.mfe("be", 201, "Creating", 30),
        update=_lro.mfe("be", 200, "Updating", 10),
        delete=_lro.mfe("be", 202, "Deleting", 30),
        identity=True,
        keys=("id", "name", "type", "location", "tags", "identity", "kind", "properties"),
        name_rule=NAME,
        required=(
            Required("properties.authMode", "UserError", "The property 'authMode' of endpoint '{name}' is required."),
        ),
        read_only=(ReadOnly("properties.scoringUri"), ReadOnly("properties.swaggerUri")),
        defaults={"properties": {"defaults": {"deploymentName": None}, "properties": {}, "description": None}},
        computed=_computed,
        hooks=(LEGACY, Hook(Phase.VALIDATE, "batch-endpoint-rules", endpoint_rules)),
    ),
    ResourceType(
        name=DEPLOYMENT,
        create=_lro.mfe("be", 201, "Creating", 60),
        update=_lro.mfe("be", 200, "Updating", 20),
        delete=_lro.mfe("be", 202, "Deleting", 20),
        keys=("id", "name", "type", "location", "tags", "sku", "properties"),
        name_rule=NAME,
        defaults={"properties": {"description": None, "properties": {}}},
        hooks=(
            LEGACY,
            Hook(Phase.VALIDATE, "batch-deployment-rules", deployment_rules),
            Hook(Phase.DELETED, "batch-default-goes", drop_default),
        ),
    ),
)
