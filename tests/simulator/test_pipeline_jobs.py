"""Pipeline jobs: their statuses, steps, events, log rows, and how a test says what they end with."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.types.machinelearning import outcomes
from tests.simulator import estate
from tests.simulator.effects_learning import LabAzure
from tests.simulator.lab import Lab
from tests.simulator.learning import component, get, pipeline, put, refused, told


@pytest.fixture
def azure() -> LabAzure:
    return LabAzure(Lab())


def statuses(azure: LabAzure, run: str) -> list[str]:
    return [one["runStatus"] for one in told(azure, "RunStatusChanged") if one["runId"] == run]


def test_a_pipeline_and_its_step_tell_of_every_status(azure: LabAzure) -> None:
    put(azure, "/jobs/rt-1", **pipeline(component(azure), tags={"cp.decisionId": "d"}))
    azure.advance(600)
    assert get(azure, "/jobs/rt-1")["properties"]["status"] == "Completed"
    assert statuses(azure, "rt-1") == ["preparing", "running", "completed"]
    (step,) = {one["runId"] for one in told(azure, "RunStatusChanged") if one["runType"] == "azureml.StepRun"}
    assert statuses(azure, step) == ["preparing", "running", "completed"]
    assert [one["runId"] for one in told(azure, "RunCompleted")] == [step, "rt-1"]
    rows = [(row.values["RunId"], row.values["ParentRunId"], row.values["Status"]) for row in azure.engine.outbox.rows]
    assert {row.table for row in azure.engine.outbox.rows} == {"AmlRunStatusChangedEvent"}
    assert (step, "rt-1", "Completed") in rows
    assert ("rt-1", "", "Completed") in rows


def test_steps_of_a_cluster_wait_for_its_nodes(azure: LabAzure) -> None:
    put(azure, "/jobs/rt-1", **pipeline(component(azure), settings={"default_compute": estate.CLUSTER}))
    azure.advance(60)
    assert get(azure, "/jobs/rt-1")["properties"]["status"] == "Running"
    assert get(azure, "/computes/cpu")["properties"]["properties"]["allocationState"] == "Resizing"
    azure.advance(600)
    assert get(azure, "/jobs/rt-1")["properties"]["status"] == "Completed"


def test_nested_pipelines_are_opened(azure: LabAzure) -> None:
    inner = component(azure)
    graph = {"one": {"type": "pipeline", "componentId": inner}, "two": {"type": "pipeline", "componentId": inner}}
    put(azure, "/components/outer/versions/1", componentSpec={"type": "pipeline", "jobs": graph})
    put(azure, "/jobs/rt-1", jobType="Pipeline", componentId=f"{azure.workspace}/components/outer/versions/1")
    azure.advance(600)
    assert len(told(azure, "RunCompleted")) == 3


def test_what_the_last_step_writes_is_there_when_it_is_told(azure: LabAzure) -> None:
    model = {"name": "churn", "tags": {"git": "abc"}}
    rule = {"component": "retrain", "metrics": {"challenger.auc": 0.9}, "tags": {"note": 1}, "model": model, "times": 1}
    outcomes.replace(azure.engine, [rule])
    body = pipeline(component(azure), tags={"mine": "1"})
    put(azure, "/jobs/rt-1", **body)
    azure.advance(600)
    wanted = {"mine": "1", "cp.metric.challenger.auc": "0.9", "note": "1"}
    assert get(azure, "/jobs/rt-1")["properties"]["tags"] == wanted
    assert told(azure, "RunCompleted")[-1]["runTags"] == wanted
    (registered,) = told(azure, "ModelRegistered")
    assert (registered["ModelName"], registered["ModelVersion"]) == ("churn", 1)
    version = get(azure, "/models/churn/versions/1")["properties"]
    assert (version["jobName"], version["tags"]) == ("rt-1", {"git": "abc"})
    put(azure, "/jobs/rt-1", **body)  # the same once more: neither another run nor the end of what it wrote
    assert get(azure, "/jobs/rt-1")["properties"]["tags"] == wanted
    put(azure, "/jobs/rt-2", **body)
    azure.advance(600)
    assert get(azure, "/jobs/rt-2")["properties"]["tags"] == {"mine": "1"}


def test_a_component_may_say_how_its_runs_end(azure: LabAzure) -> None:
    tags = {"simulator.outcome": '{"status": "Failed", "message": "no rows"}'}
    put(azure, "/jobs/rt-1", **pipeline(component(azure, tags=tags)))
    azure.advance(600)
    found = get(azure, "/jobs/rt-1")["properties"]
    assert (found["status"], found["statusMessage"]) == ("Failed", "no rows")
    assert statuses(azure, "rt-1")[-1] == "failed"
    assert told(azure, "RunCompleted") == []


def test_a_canceled_pipeline_ends_with_its_step(azure: LabAzure) -> None:
    put(azure, "/jobs/rt-1", **pipeline(component(azure), settings={"default_compute": estate.CLUSTER}))
    azure.advance(30)
    assert azure.call("POST", "/jobs/rt-1/cancel").status == 200
    azure.advance(60)
    assert get(azure, "/jobs/rt-1")["properties"]["status"] == "Canceled"
    assert {one["runStatus"] for one in told(azure, "RunStatusChanged")} & {"canceled", "completed"} == {"canceled"}


def test_a_name_is_one_run(azure: LabAzure) -> None:
    body = pipeline(component(azure))
    put(azure, "/jobs/rt-1", **body)
    other = {**body, "inputs": {**body["inputs"], "reason": {"jobInputType": "literal", "value": "r"}}}
    assert refused(azure, "/jobs/rt-1", **other).startswith("A job with this name already exists.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"componentId": "azureml:gone:1"}, "Component 'azureml:gone:1' does not exist."),
        ({"componentId": None}, "has no step"),
        ({"settings": {"default_compute": "gone"}}, "Unknown compute target 'gone'."),
        ({"inputs": {}}, "Required input 'training_data' of component 'retrain' is not provided."),
        ({"inputs": {"training_data": {}, "x": {}}}, "Component 'retrain' has no input 'x'."),
    ],
)
def test_a_pipeline_that_cannot_run_is_refused(azure: LabAzure, changes: dict[str, Any], message: str) -> None:
    assert message in refused(azure, "/jobs/rt-1", **{**pipeline(component(azure)), **changes})


def test_jobs_are_listed_by_kind_tag_and_archive(azure: LabAzure) -> None:
    body = pipeline(component(azure))
    put(azure, "/jobs/rt-1", **body, tags={"a": "1"})
    put(azure, "/jobs/rt-2", **body, tags={"b": "1"})
    put(azure, "/jobs/cmd", jobType="Command", command="true")
    put(azure, "/jobs/rt-2", **body, isArchived=True)
    azure.advance(600)

    def listed(query: str) -> list[str]:
        return [one["name"] for one in get(azure, f"/jobs?{query}")["value"]]

    assert listed("") == ["cmd", "rt-1"]
    assert listed("listViewType=All&jobType=Pipeline") == ["rt-2", "rt-1"]
    assert listed("listViewType=ArchivedOnly") == ["rt-2"]
    assert listed("tag=a") == ["rt-1"]


@pytest.mark.parametrize(
    "rule",
    [
        {"nonsense": 1},
        {"status": "Running"},
        {"metrics": "x"},
        {"model": {"version": "1"}},
        {"times": True},
        "x",
    ],
)
def test_an_outcome_that_will_not_do_is_refused(azure: LabAzure, rule: Any) -> None:
    with pytest.raises(ValueError):
        outcomes.replace(azure.engine, [rule])


def test_models_are_listed_by_tag_version_and_archive(azure: LabAzure) -> None:
    for number in ("1", "2", "3"):
        put(azure, f"/models/churn/versions/{number}", modelUri=f"azureml://{number}", tags={"n": number})
    put(azure, "/models/churn/versions/2", isArchived=True, modelUri="azureml://2")

    def listed(query: str) -> list[str]:
        return [one["name"] for one in get(azure, f"/models/churn/versions?{query}")["value"]]

    assert listed("$orderBy=createdtime desc") == ["3", "1"]
    assert listed("listViewType=ArchivedOnly") == ["2"]
    assert listed("tags=n=3") == ["3"]
    assert listed("tags=n&version=1") == ["1"]
    assert [one["name"] for one in get(azure, "/models")["value"]] == ["churn"]
