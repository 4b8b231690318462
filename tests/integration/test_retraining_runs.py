"""Runs against the simulator, with azure-ai-ml itself, as the operator: asked for by REST, sent, followed, compared.

The operator's and the observer's rights are those of ``infra/``; each that is there for runs has to be needed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.own_roles import INVOKING, PIPELINES, RUNS, role
from tests.support.product import NAME
from tests.support.run_world import COMMIT, RunWorld, run_world

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")]
BATCH = {"kind": "batchDeployment", "name": "training", "deployment": "blue"}
SCHEDULE = {"kind": "schedule", "name": "nightly", "experiment": "again"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunWorld]:
    with run_world(tmp_path_factory.mktemp("runs")) as made:
        yield made


def outcome(world: RunWorld, **rule: Any) -> None:
    world.product.simulator.control("PUT", "outcomes", json=[{"component": "retrain", "seconds": 1, **rule}])


def retrained(world: RunWorld, model: str, pipeline: dict[str, Any]) -> dict[str, Any]:
    """Asked for by a person, to its end."""
    answer = world.policy(model, {**pipeline, "fromSignal": {"reason": "reason"}})
    assert answer.status_code in (200, 201), answer.text
    return world.until_ended(world.wish(model))


def test_a_challenger_wins_with_its_lineage_and_its_model(world: RunWorld) -> None:
    written = {"cp.champion.accuracy": "0.8", "cp.dataVersion": "orders:7"}
    outcome(world, metrics={"accuracy": 0.9}, tags=written, model={"name": "churn"})
    run = retrained(world, "churn", {"name": "retrain", "compute": "serverless"})
    assert (run["state"], run["comparison"]["verdict"]) == ("succeeded", "won")
    assert [step["state"] for step in run["transitions"]] == ["submitted", "running", "evaluating", "succeeded"]
    lineage = run["lineage"]
    assert (lineage["gitCommit"], lineage["component"], lineage["dataVersion"]) == (
        COMMIT, "azureml:retrain:1", "orders:7",
    )  # fmt: skip
    assert run["registeredModel"].startswith("churn:")
    assert run["studioUrl"].startswith("https://ml.azure.com/runs/rt-")
    job = world.job(run["id"])
    assert job["properties"]["tags"]["cp.decisionId"] == run["decisionId"]
    assert job["properties"]["inputs"]["reason"]["value"] == "It is time."


def test_a_challenger_that_is_worse_is_rejected(world: RunWorld) -> None:
    outcome(world, metrics={"accuracy": 0.7}, tags={"cp.champion.accuracy": "0.8"})
    run = retrained(world, "worse", {"name": "retrain", "version": "1", "compute": "serverless"})
    assert (run["state"], run["comparison"] and run["comparison"]["verdict"]) == ("rejected", "lost"), run


def test_a_schedule_s_job_is_run_as_ours_and_the_schedule_is_not_triggered(world: RunWorld) -> None:
    outcome(world, metrics={"accuracy": 0.9}, tags={"cp.champion.accuracy": "0.8"})
    run = retrained(world, "scheduled", SCHEDULE)
    assert (run["state"], run["lineage"]["component"]) == ("succeeded", "schedules/nightly")
    assert world.job(run["id"])["properties"]["experimentName"] == "again"
    assert [one for one in world.product.simulator.calls() if one["path"].lower().endswith("/trigger")] == []


def test_a_batch_endpoint_that_is_closed_says_so(world: RunWorld) -> None:
    """The workspace has no public access: its endpoints' own host answers nobody from here."""
    outcome(world, metrics={"accuracy": 0.9}, tags={"cp.champion.accuracy": "0.8"})
    run = retrained(world, "closed", BATCH)
    assert run["state"] == "failed"
    assert "Public network access of the workspace is disabled." in run["error"]["message"]


def test_a_batch_deployment_runs_where_its_host_is_reached(world: RunWorld) -> None:
    outcome(world, metrics={"accuracy": 0.9}, tags={"cp.champion.accuracy": "0.8"})
    with world.open_to_all():
        run = retrained(world, "batched", BATCH)
    assert run["state"] == "succeeded", run
    assert world.job(run["id"])["properties"]["tags"]["cp.decisionId"] == run["decisionId"]


def test_a_run_is_cancelled_in_azure_first(world: RunWorld) -> None:
    outcome(world, seconds=100_000_000)
    assert (
        world.policy(
            "long", {"name": "retrain", "compute": "serverless", "fromSignal": {"reason": "reason"}}
        ).status_code
        == 201
    )
    run_id = world.wish("long")
    world.until(run_id, "running")
    answer = world.product.call("POST", f"retrainings/{run_id}:cancel")
    assert answer.status_code == 200, answer.text
    run = world.until_ended(run_id)
    assert (run["state"], world.job(run_id)["properties"]["status"]) == ("canceled", "Canceled")


def test_a_decision_asks_for_the_quota_of_its_cluster(world: RunWorld) -> None:
    inner = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2}}
    body = {"location": "westeurope", "properties": {"computeType": "AmlCompute", "properties": inner}}
    world.owner_put("computes/own", body)
    said = {}
    for model, compute in (("sized", "own"), ("chosen", "serverless")):
        assert world.policy(model, {"name": "retrain", "compute": compute}).status_code == 201
        run_id = world.wish(model)
        found = world.product.call("GET", f"retrainings/{run_id}").json()["run"]["signalId"]
        checks = world.product.call("GET", f"signals/{found}").json()["decision"]["checks"]
        (said[model],) = [(one["verdict"], one["sentence"]) for one in checks if one["name"] == "capacity"]
        assert world.product.call("POST", f"retrainings/{run_id}:cancel").status_code == 200
    assert said == {
        "sized": ("holds", "The run needs 4 cores; 100 of the quota are free."),
        "chosen": ("holds", "The run needs 1 cores; 100 of the quota are free."),
    }


@pytest.mark.parametrize(
    ("pipeline", "code"),
    [
        ({"name": "gone"}, "PipelineNotFound"),
        ({"name": "retrain"}, "ComputeMissing"),
        ({"name": "retrain", "version": "9"}, "PipelineNotFound"),
        ({"name": "train", "version": "1"}, "NotAPipeline"),
        ({"name": "retrain", "compute": "serverless", "inputs": {"other": "x"}}, "InputUnknown"),
        ({"name": "retrain", "compute": "gpu"}, "ComputeNotFound"),
        ({**BATCH, "deployment": "green"}, "PipelineNotFound"),
        ({"kind": "schedule", "name": "gone"}, "PipelineNotFound"),
    ],
)
def test_a_policy_whose_pipeline_could_not_run_is_refused(world: RunWorld, pipeline: Any, code: str) -> None:
    answer = world.policy("refused", pipeline)
    assert answer.status_code == 400
    assert code in [one["code"] for one in answer.json()["error"]["details"]]
    assert world.product.call("GET", f"workspaces/{NAME}/retrainingPolicies/refused").status_code == 404


def test_what_runs_need_is_what_the_roles_hold(world: RunWorld) -> None:
    """Last in this module: by now all of it has been done."""
    asked = world.product.simulator.control("GET", "rights")
    assert set(role("role-operator")["Actions"]) >= RUNS
    assert set(role("role-observer")["Actions"]) >= PIPELINES
    assert set(asked["operator"]["used"]) >= RUNS | INVOKING
    assert asked["operator"]["refused"] == []
    assert set(asked["observer"]["used"]) >= PIPELINES
    assert asked["observer"]["refused"] == []
