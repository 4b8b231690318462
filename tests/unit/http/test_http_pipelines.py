"""A policy over REST: its pipeline is looked for with what the API may read, and what nobody can read is refused."""

from __future__ import annotations

from typing import Any

from controlplane.errors import Rejected, Transient
from controlplane.http.examples import POLICY
from controlplane.retraining.known import known
from tests.support.api import Api, error

PATH = "workspaces/churn-dev/retrainingPolicies/churn"


def asked(**pipeline: Any) -> dict[str, Any]:
    return {**POLICY, "pipeline": {**POLICY["pipeline"], **pipeline}}


async def ready(api: Api) -> str:
    """A workspace; the id of Azure's."""
    await api.register()
    await api.create()
    stored = await api.services.repository.load("churn-dev")
    assert stored is not None
    return known(stored.record).workspace_id


async def test_a_pipeline_that_is_not_there_is_refused_with_its_place(api: Api) -> None:
    await ready(api)
    answer = await api.call("PUT", PATH, asked(version="4"))
    assert answer.status_code == 400
    found = error(answer)
    assert (found["code"], found["target"]) == ("InvalidPolicy", "$.pipeline.name")
    assert [one["code"] for one in found["details"]] == ["PipelineNotFound"]
    assert (await api.call("GET", PATH)).status_code == 404


async def test_a_pipeline_that_cannot_be_read_is_refused_and_not_taken_on_trust(api: Api) -> None:
    workspace = await ready(api)
    path = f"{workspace}/components/retrain-churn/versions/3".lower()
    api.reader.refusing[path] = Rejected("AuthorizationFailed", "no right", status=403)
    answer = await api.call("PUT", PATH, asked())
    assert (answer.status_code, error(answer)["details"][0]["code"]) == (400, "PipelineUnreadable")
    api.reader.refusing[path] = Transient("ServerTimeout", "busy", retry_after=1.0)
    assert (await api.call("PUT", PATH, asked())).status_code == 503


async def test_a_policy_that_keeps_its_pipeline_is_changed_while_azure_is_away(api: Api) -> None:
    workspace = await ready(api)
    assert (await api.call("PUT", PATH, POLICY)).status_code == 201
    away = Transient("ServerTimeout", "busy", retry_after=1.0)
    api.reader.refusing[f"{workspace}/components/retrain-churn/versions/3".lower()] = away
    assert (await api.call("PUT", PATH, {**POLICY, "cooldown": "P9D"})).status_code == 200
    assert (await api.call("PUT", PATH, {**POLICY, "mode": "disabled"})).status_code == 200


async def test_a_budget_whose_runs_nobody_can_price_is_refused_with_its_place(api: Api) -> None:
    await api.register()
    await api.create(compute={"clusters": [{"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 4}]})
    guard = {"monthlyLimit": 100, "nodes": 2, "expected": "PT3H"}
    taken = await api.call("PUT", PATH, {**asked(), "budget": guard})
    assert (taken.status_code, taken.json()["policy"]["budget"]["jobEstimate"]) == (201, None)
    refused = await api.call("PUT", PATH, {**asked(compute="other"), "budget": guard})
    assert (refused.status_code, error(refused)["target"]) == (400, "$.budget.jobEstimate")
    assert [one["code"] for one in error(refused)["details"]] == ["EstimateUnknown"]
    said = {"monthlyLimit": 100, "jobEstimate": 12.5, "currency": "EUR"}
    assert (await api.call("PUT", PATH, {**asked(), "budget": said})).status_code == 200
