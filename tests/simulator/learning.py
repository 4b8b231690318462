"""What Azure ML's jobs, models, schedules, monitors and endpoints do by themselves, one function a hook of the
simulator: for its own tests (`effects_learning.py`) and for a person beside the product (`tests/hooks/training.py`)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, Protocol

from simulator.types.machinelearning.secret_stores import SECRETS_READER

Body = dict[str, Any]
VERSION = "2024-01-01-preview"


class Azure(Protocol):
    """A workspace and its cluster `cpu`, and somebody who may do everything there."""

    workspace: str

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The answer (`status`, `body`) of one call; `path` is an id, or what comes after the workspace's."""
        ...

    def advance(self, seconds: float) -> None: ...

    @property
    def engine(self) -> Any: ...


Rule = Callable[[Azure], None]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    def add(run: Rule) -> Rule:
        assert name not in RULES, name
        RULES[name] = run
        return run

    return add


def token(audience: str = "https://ml.azure.com") -> dict[str, str]:
    """What azure-ai-ml sends beside the bearer token."""
    claims = base64.urlsafe_b64encode(json.dumps({"aud": audience}).encode()).decode().rstrip("=")
    return {"x-azureml-token": f"e30.{claims}.x"}


def put(azure: Azure, path: str, headers: dict[str, str] | None = None, **properties: Any) -> Body:
    """PUT and wait; what a GET shows."""
    answer = azure.call("PUT", path, {"properties": properties}, headers or token())
    assert answer.status < 300, answer.body
    azure.advance(10 if "/schedules/" in path else 1)
    return get(azure, path)


def get(azure: Azure, path: str) -> Body:
    answer = azure.call("GET", path)
    assert answer.status == 200, answer.body
    found: Body = answer.body
    return found


def refused(azure: Azure, path: str, headers: dict[str, str] | None = None, **properties: Any) -> str:
    """The message with which a PUT is refused."""
    answer = azure.call("PUT", path, {"properties": properties}, token() if headers is None else headers)
    assert answer.status >= 400, f"{path} was accepted"
    return str(answer.body["error"]["message"])


def told(azure: Azure, kind: str) -> list[Body]:
    """The data of the events of a kind, oldest first."""
    events = azure.engine.outbox.events
    return [one.data for one in events if one.type == f"Microsoft.MachineLearningServices.{kind}"]


def component(azure: Azure, name: str = "retrain", **more: Any) -> str:
    """A registered pipeline component of one step; its id."""
    inner = f"{azure.workspace}/components/train/versions/1"
    put(azure, "/components/train/versions/1", componentSpec={"type": "command", "inputs": {}})
    inputs = {"training_data": {"type": "uri_folder"}, "reason": {"type": "string", "optional": True}}
    graph = {"train": {"type": "command", "componentId": inner}}
    spec = {"type": "pipeline", "inputs": inputs, "jobs": graph}
    put(azure, f"/components/{name}/versions/1", componentSpec=spec, **more)
    return f"{azure.workspace}/components/{name}/versions/1"


def pipeline(component_id: str, **more: Any) -> Body:
    data = {"training_data": {"jobInputType": "uri_folder", "uri": "azureml://datastores/d/paths/x"}}
    settings = {"default_compute": "serverless"}
    return {"jobType": "Pipeline", "componentId": component_id, "inputs": data, "settings": settings, **more}


# -- models ------------------------------------------------------------------------------------------------------------


@rule("model-registered")
def a_model_that_is_registered_is_told_of(azure: Azure) -> None:
    put(azure, "/models/churn/versions/7", modelUri="azureml://a", tags={"k": "v"}, properties={"p": "1"})
    put(azure, "/models/churn/versions/7", modelUri="azureml://a", tags={"k": "w"})
    data = {"ModelName": "churn", "ModelVersion": 7, "ModelTags": {"k": "v"}, "ModelProperties": {"p": "1"}}
    assert told(azure, "ModelRegistered") == [data]
    assert get(azure, "/models/churn")["properties"]["nextVersion"] == "8"


@rule("model-version-stays")
def a_version_keeps_what_it_is_made_of(azure: Azure) -> None:
    put(azure, "/models/churn/versions/1", modelUri="azureml://a")
    assert refused(azure, "/models/churn/versions/1", modelUri="azureml://b") == "Asset paths cannot be updated."


# -- pipelines ---------------------------------------------------------------------------------------------------------


@rule("pipeline-needs-token")
def a_pipeline_is_submitted_with_a_token_of_azure_ml(azure: Azure) -> None:
    body = pipeline(component(azure))
    assert "x-azureml-token is missing" in refused(azure, "/jobs/rt-1", headers={}, **body)
    arm = token("https://management.azure.com")
    assert "https://management.azure.com" in refused(azure, "/jobs/rt-1", headers=arm, **body)
    assert put(azure, "/jobs/rt-1", **body)["properties"]["status"] == "NotStarted"


@rule("steps-are-not-in-arm")
def steps_can_be_hidden(azure: Azure) -> None:
    azure.engine.store.set("hidden_steps", True)
    put(azure, "/jobs/rt-1", **pipeline(component(azure)))
    azure.advance(600)
    step = next(one["runId"] for one in told(azure, "RunCompleted") if one["runType"] == "azureml.StepRun")
    assert get(azure, f"/jobs/{step}")["properties"] is None


# -- schedules and monitors --------------------------------------------------------------------------------------------


def hourly(**action: Any) -> Body:
    """A schedule's properties: at every full hour."""
    return {"trigger": {"triggerType": "Cron", "expression": "0 * * * *", "timeZone": "UTC"}, "action": action}


def retraining(component_id: str) -> Body:
    return {"actionType": "CreateJob", "jobDefinition": pipeline(component_id)}


@rule("schedule-rules")
def a_schedule_starts_something_that_is_there(azure: Azure) -> None:
    wrong = hourly(**retraining(f"{component(azure)}2"))
    assert "does not exist" in refused(azure, "/schedules/retrain", **wrong)


@rule("schedule-runs")
def a_schedule_starts_its_job(azure: Azure) -> None:
    put(azure, "/schedules/retrain", **hourly(**retraining(component(azure))))
    azure.advance(2 * 3600)
    runs = [one["name"] for one in get(azure, "/jobs?scheduled=true")["value"]]
    assert len(runs) == 2
    assert all(name.startswith("retrain-20") and name.endswith("0000Z") for name in runs)


# -- endpoints ---------------------------------------------------------------------------------------------------------


def make(azure: Azure, path: str, location: str = "westeurope", **properties: Any) -> Body:
    """PUT something that has a location and takes a while."""
    answer = azure.call("PUT", path, {"location": location, "properties": properties})
    assert answer.status < 300, answer.body
    azure.advance(3600)
    found = get(azure, path)
    assert found["properties"].get("provisioningState", "Succeeded") == "Succeeded", found
    return found


def not_made(azure: Azure, path: str, **properties: Any) -> str:
    answer = azure.call("PUT", path, {"location": "westeurope", "properties": properties})
    assert answer.status >= 400, f"{path} was accepted"
    return str(answer.body["error"]["message"])


def batch_endpoint(azure: Azure, deployment: Body | None = None) -> None:
    """`scoring`, with the deployment `first` as its default one."""
    make(azure, "/batchEndpoints/scoring", authMode="AADToken")
    configuration = {
        "deploymentConfigurationType": "PipelineComponent",
        "componentId": {"assetId": component(azure)},
        "settings": {"default_compute": "cpu"},
    }
    made = deployment or {"deploymentConfiguration": configuration}
    make(azure, "/batchEndpoints/scoring/deployments/first", **made)
    make(azure, "/batchEndpoints/scoring", authMode="AADToken", defaults={"deploymentName": "first"})


@rule("batch-endpoint-rules")
def a_batch_endpoint_takes_tokens_only(azure: Azure) -> None:
    assert "is not supported by batch endpoints" in not_made(azure, "/batchEndpoints/scoring", authMode="Key")


@rule("batch-deployment-rules")
def a_batch_deployment_has_something_to_run(azure: Azure) -> None:
    make(azure, "/batchEndpoints/scoring", authMode="AADToken")
    assert "'model'" in not_made(azure, "/batchEndpoints/scoring/deployments/first", description="nothing")


@rule("batch-default-goes")
def a_deployment_that_goes_is_no_default(azure: Azure) -> None:
    batch_endpoint(azure)
    azure.call("DELETE", "/batchEndpoints/scoring/deployments/first")
    azure.advance(600)
    assert get(azure, "/batchEndpoints/scoring")["properties"]["defaults"] == {"deploymentName": None}


MANAGED = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2"}


@rule("online-endpoint-rules")
def traffic_adds_up(azure: Azure) -> None:
    make(azure, "/onlineEndpoints/churn-live", authMode="Key")
    make(azure, "/onlineEndpoints/churn-live/deployments/blue", **MANAGED)
    said = not_made(azure, "/onlineEndpoints/churn-live", authMode="Key", traffic={"blue": 90})
    assert said == "The traffic of endpoint 'churn-live' adds up to 90, not to 0 or 100."


@rule("online-deployment-rules")
def instances_are_limited_by_quota(azure: Azure) -> None:
    make(azure, "/onlineEndpoints/churn-live", authMode="Key")
    make(azure, "/onlineEndpoints/churn-live/deployments/blue", **MANAGED)
    answer = azure.call("PATCH", "/onlineEndpoints/churn-live/deployments/blue", {"sku": {"capacity": 40}})
    assert answer.status == 400
    assert answer.body["error"]["code"] == "OutOfQuota"
    answer = azure.call("PATCH", "/onlineEndpoints/churn-live/deployments/blue", {"sku": {"capacity": 3}})
    assert answer.status < 300
    azure.advance(3600)
    assert get(azure, "/onlineEndpoints/churn-live/deployments/blue")["sku"]["capacity"] == 3


@rule("served-deployments-stay")
def a_deployment_with_traffic_stays(azure: Azure) -> None:
    make(azure, "/onlineEndpoints/churn-live", authMode="Key")
    make(azure, "/onlineEndpoints/churn-live/deployments/blue", **MANAGED)
    make(azure, "/onlineEndpoints/churn-live", authMode="Key", traffic={"blue": 100})
    answer = azure.call("DELETE", "/onlineEndpoints/churn-live/deployments/blue")
    azure.advance(600)
    assert get(azure, "/onlineEndpoints/churn-live/deployments/blue")["name"] == "blue"
    assert answer.status == 400


@rule("endpoint-reads-connections")
def an_endpoint_gets_what_its_maker_has(azure: Azure) -> None:
    bag = {"enforce_access_to_default_secret_stores": "enabled"}
    body = {"location": "westeurope", "properties": {"authMode": "Key", "properties": bag}}
    theirs = {"type": "UserAssigned", "userAssignedIdentities": {f"{azure.workspace}/x": {}}}
    answer = azure.call("PUT", "/onlineEndpoints/theirs", {**body, "identity": theirs})
    assert answer.status == 400
    answer = azure.call("PUT", "/onlineEndpoints/own", {**body, "identity": {"type": "SystemAssigned"}})
    assert answer.status == 201, answer.body
    azure.advance(600)
    principal = get(azure, "/onlineEndpoints/own")["identity"]["principalId"]
    grants = "/providers/Microsoft.Authorization/roleAssignments"
    listed = azure.call("GET", f"{azure.workspace}{grants}?api-version=2022-04-01").body["value"]
    held = [one for one in listed if one["properties"]["principalId"] == principal]
    assert [one["properties"]["roleDefinitionId"].rpartition("/")[2] for one in held] == [SECRETS_READER]


# -- labelling ---------------------------------------------------------------------------------------------------------


def labelling(azure: Azure, **changes: Any) -> Body:
    put(azure, "/data/images/versions/1", dataUri="azureml://datastores/d/paths/images/", dataType="uri_folder")
    return {
        "jobType": "Labeling",
        "labelingJobMediaProperties": {"mediaType": "Image", "annotationType": "Classification"},
        "labelCategories": {"part": {"displayName": "Part", "classes": {"ok": {}, "broken": {}}}},
        "dataConfiguration": {"dataId": f"{azure.workspace}/data/images/versions/1"},
        **changes,
    }


@rule("labeling-job-rules")
def annotations_fit_their_medium(azure: Azure) -> None:
    body = labelling(azure)
    wrong = {"mediaType": "Text", "annotationType": "BoundingBox"}
    assert "of Text is not one of" in refused(
        azure, "/labelingJobs/l1", **{**body, "labelingJobMediaProperties": wrong}
    )
    put(azure, "/labelingJobs/l1", **body)
    azure.advance(60)
    assert get(azure, "/labelingJobs/l1")["properties"]["provisioningState"] == "Succeeded"
    azure.call("POST", "/labelingJobs/l1/pause")
    assert get(azure, "/labelingJobs/l1")["properties"]["status"] == "Paused"
