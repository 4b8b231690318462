"""Model monitors: what is refused, what keeps a run from its data, and what a breach looks like."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from simulator.types.machinelearning import drift, outcomes
from tests.simulator import estate
from tests.simulator.effects_learning import LabAzure
from tests.simulator.lab import Body, Lab
from tests.simulator.learning import get, hourly, make, put, refused, told

TAG = "azureml_modelmonitor_threshold_breached"
COMPUTE = {
    "computeType": "ServerlessSpark",
    "instanceType": "standard_e4s_v3",
    "runtimeVersion": "3.4",
    "computeIdentity": {"computeIdentityType": "AmlToken"},
}
DATA = {"inputDataType": "Trailing", "uri": "azureml:in:1", "jobInputType": "uri_folder", "windowSize": "P1D"}
COLLECTED = {name: {"dataCollectionMode": "Enabled", "samplingRate": 1.0} for name in ("model_inputs", "model_outputs")}


def threshold(metric: str, value: float | None, kind: str = "Numerical") -> Body:
    return {"dataType": kind, "metric": metric, "threshold": {"value": value}}


def signal(kind: str = "DataDrift", **more: Any) -> Body:
    thresholds = [
        threshold("normalizedWassersteinDistance", 0.1),
        threshold("jensenShannonDistance", 0.1, "Categorical"),
    ]
    features = {"filterType": "FeatureSubset", "features": ["AGE", "EDUCATION", "INCOME"]}
    data = {"productionData": DATA, "referenceData": DATA, "features": features}
    return {"signalType": kind, "mode": "Enabled", "metricThresholds": thresholds, **data, **more}


def monitor(**changes: Any) -> Body:
    """A schedule's properties."""
    definition = {
        "computeConfiguration": COMPUTE,
        "monitoringTarget": {"taskType": "classification", "deploymentId": "azureml:churn:blue"},
        "signals": {"m1_drift": signal()},
        **changes,
    }
    return hourly(actionType="CreateMonitor", monitorDefinition=definition)


class Watched(LabAzure):
    """A workspace in which monitors run: a managed network with Spark, and a deployment that collects its data."""

    def __init__(self, mode: str = "AllowInternetOutbound", *, spark: bool = True, **properties: Any) -> None:
        lab = Lab()
        lab.group()
        estate.dependants(lab)
        lab.put(estate.STORAGE, {**estate.STORAGE_BODY, "properties": {"allowSharedKeyAccess": True}})
        asked = {**estate.WORKSPACE_BODY["properties"], "systemDatastoresAuthMode": "accesskey", **properties}
        asked |= {"publicNetworkAccess": "Enabled", "imageBuildCompute": None}
        network = {"managedNetwork": {"isolationMode": mode}} if mode else {}
        lab.put(self.workspace, {**estate.WORKSPACE_BODY, "properties": {**asked, **network}})
        self._lab = lab
        if mode:
            answer = self.call("POST", "/provisionManagedNetwork", {"includeSpark": spark})
            assert answer.status == 202, answer.body
            self.advance(7200)
        put(self, "/models/churn/versions/1", modelUri="azureml://m")
        make(self, "/onlineEndpoints/churn", authMode="AADToken")
        self.deploy(COLLECTED)
        self.engine.outbox.events.clear()

    def deploy(self, collections: Body) -> None:
        path = "/onlineEndpoints/churn/deployments/blue"
        model = f"{self.workspace}/models/churn/versions/1"
        managed = {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", "model": model}
        make(self, path, **managed, dataCollector={"collections": collections, "rollingRate": "Hour"})

    def inject(self, **wish: Any) -> None:
        workspace = self.engine.get(self.workspace)
        assert workspace is not None
        drift.inject(self.engine, workspace, wish)

    def run(self, hours: int = 1) -> Body:
        """The root run of the last of so many hours."""
        before = len(get(self, "/jobs?scheduleId=m1")["value"])
        self.advance(hours * 3600)
        found: list[Body] = get(self, "/jobs?scheduleId=m1")["value"]
        assert len(found) == before + hours
        self.advance(1500)
        return get(self, f"/jobs/{found[0]['name']}")

    def steps(self, root: str) -> list[Body]:
        steps = {one["runId"]: None for one in told(self, "RunStatusChanged") if one["runType"] == "azureml.StepRun"}
        found = [get(self, f"/jobs/{one}") for one in steps]
        return [one for one in found if one["properties"]["properties"]["azureml.rootpipelinerunid"] == root]


def parsed(message: str) -> list[Body]:
    """As the facts have it: a Python list of JSON texts after two lines."""
    return [json.loads(one) for one in ast.literal_eval(message.split("\n")[2])]


def test_without_drift_a_run_finds_nothing() -> None:
    azure = Watched()
    put(azure, "/schedules/m1", **monitor())
    root = azure.run()
    assert root["properties"]["status"] == "Completed"
    (step,) = azure.steps(root["name"])
    assert (step["properties"]["status"], step["properties"]["tags"]) == ("Completed", {})


def test_a_breach_is_a_tag_of_the_step_that_evaluates() -> None:
    azure = Watched()
    put(azure, "/schedules/m1", **monitor())
    azure.inject(endpoint="churn", severity="medium")
    root = azure.run()
    (step,) = azure.steps(root["name"])
    message = step["properties"]["tags"][TAG]
    head = "The signal 'm1_drift' has failed due to one or more features violating metric thresholds.\n"
    head += "The feature names and their corresponding computed metric values violating the threshold are \n['{"
    assert message.startswith(head)
    assert message.endswith("}']\n")
    assert parsed(message)[0] == {
        "metric_value": 0.2, "metric_name": "NormalizedWassersteinDistance", "threshold_value": 0.1, "group": "AGE",
    }  # fmt: skip
    assert {one["metric_name"] for one in parsed(message)} == {"NormalizedWassersteinDistance", "JensenShannonDistance"}
    assert step["properties"]["status"] == root["properties"]["status"] == "Completed"
    assert root["properties"]["tags"] == {}
    events = [one for one in told(azure, "RunStatusChanged") if one["runId"] == step["name"]]
    assert [one["runStatus"] for one in events] == ["preparing", "running", "finalizing", "completed"]
    assert [TAG in one["runTags"] for one in events] == [False, False, True, True]
    assert events[0]["experimentName"] == "m1"


def test_drift_lasts_as_many_windows_as_were_said() -> None:
    azure = Watched()
    put(azure, "/schedules/m1", **monitor())
    azure.inject(model="churn", severity="high", windows=2)
    azure.run(4)
    breaches = {one["runId"] for one in told(azure, "RunStatusChanged") if TAG in one["runTags"]}
    assert len(breaches) == 2


@pytest.mark.parametrize("target", [{"endpoint": "other"}, {"model": "other"}])
def test_drift_of_another_target_is_not_seen(target: dict[str, str]) -> None:
    azure = Watched()
    put(azure, "/schedules/m1", **monitor())
    azure.inject(**target, severity="high")
    azure.run()
    assert not [one for one in told(azure, "RunStatusChanged") if TAG in one["runTags"]]


def test_who_is_to_be_notified_finds_it_on_the_root_run() -> None:
    azure = Watched()
    setting = {"alertNotificationType": "Email", "emailNotificationSetting": {"emails": ["a@b.example"]}}
    put(azure, "/schedules/m1", **monitor(alertNotificationSetting=setting))
    azure.inject(severity="low", features=["AGE"])
    root = azure.run()
    tags = root["properties"]["tags"]
    assert tags["azureml.notification.email.address"] == "a@b.example"
    assert parsed(tags["azureml.modelmonitor.threshold.breached.m1_drift"])[0]["group"] == "AGE"


def test_signals_are_steps_of_their_own_and_a_disabled_one_finds_nothing() -> None:
    azure = Watched()
    signals = {"a": signal(), "b": signal("PredictionDrift", mode="Disabled")}
    put(azure, "/schedules/m1", **monitor(signals=signals))
    azure.inject(severity="high")
    steps = azure.steps(azure.run()["name"])
    assert sorted((one["properties"]["displayName"], TAG in one["properties"]["tags"]) for one in steps) == [
        ("evaluate_a", True),
        ("evaluate_b", False),
    ]


def test_a_better_accuracy_is_what_the_component_flags() -> None:
    """Its list of metrics of which more is better leaves accuracy out: whoever listens has to judge anew."""
    performance = signal("ModelPerformance", metricThresholds=[threshold("accuracy", 0.8)])
    assert [one.value for one in drift.violations(performance, None)] == [0.89]
    said = {"severity": "medium", "features": []}
    assert drift.violations(performance, said) == []


def test_a_test_statistic_is_worse_when_it_is_smaller() -> None:
    statistic = signal(metricThresholds=[threshold("TwoSampleKolmogorovSmirnovTest", 0.05)])
    assert drift.violations(statistic, None) == []
    (first, *_) = drift.violations(statistic, {"severity": "medium", "features": []})
    assert first.value == 0.025


# -- what keeps a run from its data ------------------------------------------------------------------------------------


def error_of(azure: Watched) -> str:
    put(azure, "/schedules/m1", **monitor())
    azure.inject(severity="high")
    found = azure.run()["properties"]
    assert found["status"] == "Failed"
    assert not [one for one in told(azure, "RunStatusChanged") if TAG in one["runTags"]]
    return str(found["tags"]["azureml.modelmonitor.error"])


def test_without_data_collection_a_run_fails() -> None:
    azure = Watched()
    azure.deploy({"model_outputs": COLLECTED["model_outputs"]})
    assert "Data collection of 'model_inputs' is not enabled" in error_of(azure)


def test_a_network_of_approved_rules_has_no_monitors() -> None:
    assert "AllowOnlyApprovedOutbound" in error_of(Watched("AllowOnlyApprovedOutbound"))


def test_without_spark_a_run_fails() -> None:
    assert "includeSpark" in error_of(Watched(spark=False))


def test_datastores_without_credentials_need_an_identity() -> None:
    assert "user-assigned identity" in error_of(Watched(systemDatastoresAuthMode="identity"))


def test_an_outage_is_an_outcome() -> None:
    azure = Watched()
    put(azure, "/schedules/m1", **monitor())
    rule = {"job": "m1-*", "status": "Failed", "message": "no capacity", "times": 1}
    outcomes.replace(azure.engine, [{"status": "Failed"}, rule])
    assert azure.run()["properties"]["statusMessage"] == "no capacity"
    assert azure.run()["properties"]["status"] == "Completed"


def test_spark_is_not_in_the_customer_s_network() -> None:
    azure = Watched("")
    body = {**estate.STORAGE_BODY, "properties": {**estate.STORAGE_BODY["properties"], "allowSharedKeyAccess": True}}
    azure.call("PUT", estate.STORAGE, body)
    assert "cannot reach the storage account" in error_of(azure)


# -- what is refused when it is set ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"computeConfiguration": None}, "is required"),
        ({"computeConfiguration": {**COMPUTE, "instanceType": "Standard_DS3_v2"}}, "The instance type"),
        ({"computeConfiguration": {**COMPUTE, "runtimeVersion": "2.4"}}, "runtime version must be one of"),
        ({"signals": {}}, "at least one signal"),
        ({"signals": {"s": signal("Weather")}}, "The type 'Weather' of signal 's'"),
        ({"signals": {"s": signal(metricThresholds=[threshold("accuracy", 0.1)])}}, "The metric 'accuracy'"),
        ({"signals": {"s": signal(metricThresholds=[threshold("jensenShannonDistance", 1.5)])}}, "is out of range"),
        ({"signals": {"s": signal(metricThresholds=[threshold("jensenShannonDistance", -1)])}}, "is out of range"),
        ({"signals": {"s": signal(referenceData=None)}}, "needs production data and reference data"),
        ({"monitoringTarget": {"deploymentId": "azureml:churn:gone"}}, "does not exist"),
        ({"monitoringTarget": {"modelId": "azureml:gone:1"}}, "does not exist"),
    ],
)
def test_a_monitor_that_cannot_run_is_refused(changes: Body, message: str) -> None:
    azure = Watched("")
    assert message in refused(azure, "/schedules/m1", **monitor(**changes))


@pytest.mark.parametrize("wish", [{"severity": "huge"}, {"windows": 0}, {"windows": True}])
def test_a_drift_that_cannot_be_is_refused(wish: Body) -> None:
    azure = Watched("")
    with pytest.raises(ValueError):
        azure.inject(**wish)
