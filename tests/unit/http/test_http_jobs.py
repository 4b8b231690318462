"""``POST /api/jobs:check``: read-only, for whoever may ask of the workspace."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.http.examples import JOB
from tests.support.api import Api, error


async def with_datastore(api: Api, credentials: str) -> None:
    """The workspace, and its datastore in Azure."""
    await api.register()
    await api.finish(await api.create())
    plan = (await api.call("POST", "workspaces/churn-dev:plan")).json()
    home = next(change["id"] for change in plan["changes"] if change["key"] == "workspace")
    api.reader.put(f"{home}/computes/cpu")
    api.reader.put(f"{home}/datastores/sales", properties={"credentials": {"credentialsType": credentials}})


@pytest.mark.parametrize(("credentials", "valid"), [("None", True), ("AccountKey", False)])
async def test_a_job_is_held_against_the_datastores_in_azure(api: Api, credentials: str, valid: bool) -> None:
    await with_datastore(api, credentials)
    found = (await api.call("POST", "jobs:check", JOB)).json()
    assert (found["valid"], found["job"]) == (valid, JOB["job"])
    assert [read["identity"] for read in found["reads"]] == ["userIdentity" if valid else "storedCredential"]


async def test_the_answer_has_the_job_as_it_should_be_sent(api: Api) -> None:
    await with_datastore(api, "None")
    job = {name: value for name, value in JOB["job"].items() if name != "identity"}
    found = (await api.call("POST", "jobs:check", {**JOB, "job": job, "dataAccess": "userIdentity"})).json()
    assert found["job"]["identity"] == {"type": "user_identity"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"job": {}}, 400, "InvalidRequestContent"),
        ({"workspace": "churn-dev", "job": [], "more": 1}, 400, "InvalidRequestContent"),
        ({"workspace": "nobody", "job": {}}, 404, "WorkspaceNotFound"),
    ],
    ids=["no workspace", "no job and more", "not there"],
)
async def test_what_cannot_be_checked(api: Api, body: Any, status: int, code: str) -> None:
    await api.register()
    answer = await api.call("POST", "jobs:check", body)
    assert (answer.status_code, error(answer)["code"]) == (status, code)


async def test_a_data_asset_is_looked_up_by_number_and_by_label(api: Api) -> None:
    await with_datastore(api, "None")
    plan = (await api.call("POST", "workspaces/churn-dev:plan")).json()
    home = next(change["id"] for change in plan["changes"] if change["key"] == "workspace")
    lies = f"azureml:/{home.replace('/providers/Microsoft.MachineLearningServices', '')}/datastores/sales/paths/orders/"
    api.reader.put(f"{home}/data/orders", properties={"latestVersion": "3"})
    api.reader.put(f"{home}/data/orders/versions/3", properties={"dataUri": lies})
    inputs = {
        "newest": {"type": "uri_folder", "path": "azureml:orders@latest"},
        "third": {"type": "uri_folder", "path": "azureml:orders:3"},
        "gone": {"type": "uri_folder", "path": "azureml:orders:4"},
        "never": {"type": "mlflow_model", "path": "azureml:orders@latest"},
        "other": {"type": "uri_folder", "path": "azureml:orders@best"},
    }
    found = (await api.call("POST", "jobs:check", {**JOB, "job": {**JOB["job"], "inputs": inputs}})).json()
    assert {read["target"]: (read["datastore"], read["identity"]) for read in found["reads"]} == {
        "$.inputs.newest": ("sales", "userIdentity"),
        "$.inputs.third": ("sales", "userIdentity"),
        "$.inputs.gone": (None, "unknown"),
        "$.inputs.never": (None, "unknown"),
        "$.inputs.other": (None, "unknown"),
    }
    assert {(one["target"], one["level"]) for one in found["findings"] if one["code"] == "DataAssetNotFound"} == {
        ("$.inputs.gone", "Error"),
        ("$.inputs.never", "Error"),
        ("$.inputs.other", "Unknown"),
    }
    assert not found["valid"]


async def test_more_data_assets_than_anybody_uses_are_not_looked_up(api: Api) -> None:
    await with_datastore(api, "None")
    inputs = {f"i{number}": {"path": f"azureml:orders:{number}"} for number in range(51)}
    answer = await api.call("POST", "jobs:check", {**JOB, "job": {"command": "x", "inputs": inputs}})
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidRequestContent")
