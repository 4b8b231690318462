"""Batch endpoints' data plane (tokens, rights, public access, one job for a repeatable request); a week in a call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.monitored import Monitored, monitored, token
from tests.support.own_roles import role
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401
from tests.support.waiting import PATIENCE_SECONDS, until

ML = "https://ml.azure.com"
INPUTS = {"training_data": {"jobInputType": "UriFolder", "uri": "azureml://datastores/d/paths/x"}}


@pytest.fixture
def azure(simulator: RunningSimulator) -> Iterator[Monitored]:  # noqa: F811
    simulator.settings(timeScale=100_000)
    with monitored(simulator) as made:
        spec = {"type": "pipeline", "inputs": {"training_data": {"type": "uri_folder"}}}
        component = f"{made.workspace}/components/score/versions/1"
        made.put(component, {"properties": {"componentSpec": spec}})
        here: dict[str, Any] = {"location": "westeurope"}
        endpoint = f"{made.workspace}/batchEndpoints/scoring"
        made.put(endpoint, {**here, "properties": {"authMode": "AADToken"}})
        configuration = {"deploymentConfigurationType": "PipelineComponent", "componentId": {"assetId": component}}
        made.put(f"{endpoint}/deployments/first", {**here, "properties": {"deploymentConfiguration": configuration}})
        yield made


def invoke(azure: Monitored, audience: str = ML, identity: str = "owner", **headers: str) -> httpx.Response:
    endpoint = azure.call("GET", f"{azure.workspace}/batchEndpoints/scoring").json()
    bearer = {"authorization": f"Bearer {token(azure.running, identity, audience)}"}
    body = {"properties": {"inputData": INPUTS}}
    return azure.http.post(endpoint["properties"]["scoringUri"], json=body, headers={**bearer, **headers})


FIRST = {"azureml-model-deployment": "first"}


def test_an_invocation_is_a_pipeline_job(azure: Monitored) -> None:
    answer = invoke(azure, **FIRST)
    assert answer.status_code == 201, answer.text
    job = f"{azure.workspace}/jobs/{answer.json()['name']}"
    until(lambda: azure.call("GET", job).json()["properties"]["status"] == "Completed")
    shown = azure.call("GET", job).json()["properties"]
    assert (shown["jobType"], shown["experimentName"]) == ("Pipeline", "scoring")


def test_a_repeated_request_is_the_same_job(azure: Monitored) -> None:
    names = [invoke(azure, **FIRST, **{"repeatability-request-id": one}).json()["name"] for one in ("a", "a", "b")]
    assert names[0] == names[1] != names[2]


def test_a_token_of_arm_is_not_one_of_azure_ml(azure: Monitored) -> None:
    assert invoke(azure, audience=azure.running.url, **FIRST).status_code == 401


def test_who_may_not_write_jobs_is_refused(azure: Monitored) -> None:
    answer = invoke(azure, identity="observer", **FIRST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")


@pytest.mark.parametrize("lacks", ["datastores/listSecrets/action", "experiments/runs/submit/action"])
def test_who_lacks_one_of_an_invokers_rights_is_refused_with_its_name(azure: Monitored, lacks: str) -> None:
    """The operator with its roles invokes; with one action less it does not."""
    assert invoke(azure, identity="operator", **FIRST).status_code == 201
    found, scope, query = role("role-operator-batch"), azure.running.subscription, {"api-version": "2022-04-01"}
    definitions = f"{scope}/providers/Microsoft.Authorization/roleDefinitions"
    listed = azure.http.get(definitions, params=query).json()["value"]
    name = next(one["name"] for one in listed if one["properties"]["roleName"] == found["Name"])
    left = [one for one in found["Actions"] if not one.endswith(lacks)]
    body = {
        "roleName": found["Name"], "type": "CustomRole", "description": found["Description"],
        "assignableScopes": [scope], "permissions": [{"actions": left}],
    }  # fmt: skip
    azure.http.put(f"{definitions}/{name}", params=query, json={"properties": body}).raise_for_status()
    answer = invoke(azure, identity="operator", **FIRST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert lacks in answer.json()["error"]["message"]


def test_without_public_access_nobody_gets_in(azure: Monitored) -> None:
    answer = azure.call("PATCH", azure.workspace, {"properties": {"publicNetworkAccess": "Disabled"}})
    assert answer.status_code < 300, answer.text
    answer = invoke(azure, **FIRST)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Forbidden")


def test_without_a_deployment_there_is_nothing_to_run(azure: Monitored) -> None:
    answer = invoke(azure)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "UserError")


# -- Azure's time goes on ----------------------------------------------------------------------------------------------


def test_a_week_of_a_schedule_is_one_call(azure: Monitored) -> None:
    azure.running.settings(timeScale=1)
    component = f"{azure.workspace}/components/score/versions/1"
    definition = {"jobType": "Pipeline", "componentId": component, "inputs": INPUTS}
    # Half a day away: at the end the last of the runs has ended, and the next one has not begun.
    trigger = {"triggerType": "Cron", "expression": f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"}
    action = {"actionType": "CreateJob", "jobDefinition": definition}
    schedule = f"{azure.workspace}/schedules/nightly"
    assert azure.call("PUT", schedule, {"properties": {"trigger": trigger, "action": action}}).status_code == 201
    before = azure.running.control("GET", "clock")["now"]
    azure.running.control("PUT", "clock", json={"advanceSeconds": 7 * 86400, "azure": True})
    after = azure.running.control("GET", "clock")["now"]
    assert datetime.fromisoformat(after) - datetime.fromisoformat(before) >= timedelta(days=7)
    jobs = azure.call("GET", f"{azure.workspace}/jobs").json()["value"]
    runs = [one for one in jobs if one["name"].startswith("nightly-")]
    assert len(runs) == 7
    assert {one["properties"]["status"] for one in runs} == {"Completed"}
    # Each was made at its time, not all of them at the end.
    assert len({one["name"][:16] for one in runs}) == 7
    with pytest.raises(httpx.HTTPStatusError):
        azure.running.control("PUT", "clock", json={"advanceSeconds": -1, "azure": True})


# -- the command line --------------------------------------------------------------------------------------------------


def test_drift_is_injected_by_a_command(azure: Monitored) -> None:
    command = [sys.executable, "-m", "simulator", "inject", "drift", "--env-file", str(azure.running.env_file)]
    said = ["--workspace", "watched", "--endpoint", "churn", "--severity", "low", "--windows", "2", "--feature", "AGE"]
    done = subprocess.run([*command, *said], capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS)
    assert done.stdout.strip() == azure.workspace
    more = azure.running.inject(kind="drift", workspace="watched", model="churn", severity="high")["drift"]
    assert [(one["target"], one["severity"], one["windows"], one["features"]) for one in more] == [
        ({"endpoint": "churn"}, "low", 2, ["AGE"]),
        ({"model": "churn"}, "high", None, []),
    ]
    left = azure.running.inject(kind="drift", workspace="watched", endpoint="churn", severity="none")["drift"]
    assert [one["target"] for one in left] == [{"model": "churn"}]
    with pytest.raises(httpx.HTTPStatusError):
        azure.running.inject(kind="drift", workspace="nowhere", severity="low")
