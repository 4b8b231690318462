"""test_refusals.py's cases for Azure ML: workspaces, computes, jobs, assets, endpoints and their deployments."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.estate import (
    CLUSTER,
    LOCATION,
    WORKSPACE,
)
from tests.simulator.lab import provider
from tests.simulator.refusals import ELSEWHERE, IGNORED, Case, moved
from tests.simulator.refusals_services import connection

NIGHTLY = {"triggerType": "Cron", "expression": "0 3 * * *"}
RETRAIN = {"actionType": "CreateJob", "jobDefinition": {"jobType": "Command", "command": "python train.py"}}
LABELING = {
    "jobType": "Labeling",
    "labelingJobMediaProperties": {"mediaType": "Image", "annotationType": "BoundingBox"},
    "labelCategories": {"animal": {"displayName": "Animal", "classes": {"cat": {"displayName": "Cat"}}}},
    "dataConfiguration": {"dataId": "azureml://registries/azureml/data/images/versions/1"},
}
WORKSPACE_TYPE = "Microsoft.MachineLearningServices/workspaces"


def asset(kind: str) -> dict[str, Case]:
    nothing = "nothing is required: the API definition of 2023-04-01 marks no property"
    return {
        f"{WORKSPACE_TYPE}/{kind}": Case(
            f"{WORKSPACE}/{kind}/one",
            {"properties": {}},
            None,
            nothing,
            ("properties.latestVersion", "9"),
            IGNORED + "latestVersion is readOnly in the API definition",
        ),
        f"{WORKSPACE_TYPE}/{kind}/versions": Case(
            f"{WORKSPACE}/{kind}/one/versions/1",
            {"properties": {"description": "first"}},
            None,
            nothing,
            ("properties.provisioningState", "Failed"),
            IGNORED + "provisioningState is readOnly in the API definition",
        ),
    }


CASES: dict[str, Case] = {
    WORKSPACE_TYPE: Case(
        WORKSPACE,
        estate.WORKSPACE_BODY,
        "properties.keyVault",
        ("Invalid", "Missing dependent resources in workspace json"),
        ("properties.storageAccount", provider("Microsoft.Storage/storageAccounts", "account2")),
        ("BadRequest", "Storage Account update is not supported yet"),
    ),
    f"{WORKSPACE_TYPE}/privateEndpointConnections": connection(WORKSPACE, "ws1"),
    f"{WORKSPACE_TYPE}/computes": Case(
        CLUSTER,
        estate.cluster_body(),
        "properties.computeType",
        ("UserError", "The property 'computeType' of compute"),
        ("location", ELSEWHERE),
        moved("cpu"),
    ),
    f"{WORKSPACE_TYPE}/jobs": Case(
        estate.JOB,
        estate.JOB_BODY,
        "properties.jobType",
        ("UserError", "The property 'jobType' of job"),
        ("properties.command", "rm"),
        ("UserError", "A job with this name already exists."),
    ),
    f"{WORKSPACE_TYPE}/datastores": Case(
        f"{WORKSPACE}/datastores/mine",
        estate.DATASTORE_BODY,
        "properties.datastoreType",
        ("UserError", "The property 'datastoreType' of datastore"),
        ("properties.isDefault", True),
        IGNORED + "isDefault is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/onlineEndpoints": Case(
        estate.ENDPOINT,
        estate.ONLINE_BODY,
        "properties.authMode",
        ("UserError", "The property 'authMode' of endpoint"),
        ("properties.scoringUri", "https://mine"),
        IGNORED + "scoringUri is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/onlineEndpoints/deployments": Case(
        f"{estate.ENDPOINT}/deployments/blue",
        estate.DEPLOYMENT_BODY,
        "properties.endpointComputeType",
        ("UserError", "The property 'endpointComputeType' of deployment"),
        ("location", ELSEWHERE),
        moved("blue"),
    ),
    **asset("environments"),
    **asset("codes"),
    **asset("components"),
    **asset("data"),
    f"{WORKSPACE_TYPE}/models": Case(
        f"{WORKSPACE}/models/churn",
        {"properties": {}},
        None,
        "nothing is required: the API definition marks no property",
        ("properties.latestVersion", "9"),
        IGNORED + "latestVersion is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/models/versions": Case(
        f"{WORKSPACE}/models/churn/versions/1",
        {"properties": {"modelUri": "azureml://datastores/d/paths/m/"}},
        "properties.modelUri",
        ("UserError", "The property 'modelUri' of model"),
        ("properties.modelUri", "azureml://datastores/d/paths/other/"),
        ("UserError", "Asset paths cannot be updated."),
    ),
    f"{WORKSPACE_TYPE}/schedules": Case(
        f"{WORKSPACE}/schedules/retrain",
        {"properties": {"trigger": NIGHTLY, "action": RETRAIN}},
        "properties.trigger",
        ("UserError", "The property 'trigger' of schedule"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/batchEndpoints": Case(
        f"{WORKSPACE}/batchEndpoints/scoring",
        {"location": LOCATION, "properties": {"authMode": "AADToken"}},
        "properties.authMode",
        ("UserError", "The property 'authMode' of endpoint"),
        ("properties.scoringUri", "https://elsewhere"),
        IGNORED + "scoringUri is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/batchEndpoints/deployments": Case(
        f"{WORKSPACE}/batchEndpoints/scoring/deployments/first",
        {"location": LOCATION, "properties": {"model": "azureml://registries/azureml/models/m/versions/1"}},
        "properties.model",
        ("UserError", "The property 'model' of deployment"),
        ("properties.provisioningState", "Failed"),
        IGNORED + "provisioningState is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/serverlessEndpoints": Case(
        f"{WORKSPACE}/serverlessEndpoints/llama",
        {
            "location": LOCATION,
            "sku": {"name": "Consumption"},
            "properties": {
                "authMode": "Key",
                "modelSettings": {"modelId": "azureml://registries/azureml-meta/models/Llama"},
            },
        },
        "properties.authMode",
        ("UserError", "The property 'authMode' of endpoint"),
        ("properties.endpointState", "Unhealthy"),
        IGNORED + "endpointState is readOnly in the API definition",
    ),
    f"{WORKSPACE_TYPE}/labelingJobs": Case(
        f"{WORKSPACE}/labelingJobs/images",
        {"properties": LABELING},
        "properties.jobType",
        ("UserError", "The property 'jobType' of labeling job"),
        ("properties.labelingJobMediaProperties", {"mediaType": "Text", "annotationType": "Classification"}),
        ("UserError", "The media and the annotation type of labeling job 'images' cannot be changed."),
    ),
}
