"""What of the requirements monitors are: by id and kind, each red without its rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.http.examples import MONITOR
from controlplane.ports.schedules import MonitorRequest, PipelineSchedule
from controlplane.retraining.monitors import frequency
from controlplane.retraining.monitors.alerts import LOG_ALERT, METRIC_ALERT
from controlplane.retraining.monitors.frequency import fit_of
from controlplane.retraining.monitors.model import MonitorSpec, reference_offset
from controlplane.retraining.monitors.preconditions import ASSETS_API, POSSIBLE, ground
from controlplane.retraining.monitors.rules import parse_monitor
from controlplane.retraining.monitors.schedule import request_of
from controlplane.retraining.monitors.wanted import wanted
from tests.support.clock import START
from tests.support.fake_azure import FakeAzure
from tests.support.watching import COLLECTED, SITE, criterion, monitor, rules


def signal(kind: str, metric: str, **changes: Any) -> MonitorRequest:
    asked = {"name": "one", "kind": kind, "thresholds": {metric: 0.3}, **changes}
    request = request_of(monitor(signals=[asked]), COLLECTED)
    assert isinstance(request, MonitorRequest)
    return request


def _everywhere() -> None:
    """Whatever the environment: nothing of it is asked when a monitor is made of a spec."""
    found = wanted(monitor(), SITE)
    assert {name for one in found if (name := one.arm_id.split("/providers/")[-1].split("/")[1]) == "metricAlerts"}


def _performance() -> None:
    truth = {"asset": {"data": "azureml:truth:1", "context": "ground_truth"}}
    (one,) = signal("modelPerformance", "Accuracy", reference=truth).signals
    assert (one.kind, one.production, one.reference) == (
        "ModelPerformance", {"model_outputs": "azureml:out:1"}, "azureml:truth:1"
    )  # fmt: skip


def _latency() -> None:
    (rule,) = rules("latency", threshold=500)
    assert (criterion(rule)["metricName"], criterion(rule)["threshold"]) == ("RequestLatency_P95", 500)
    assert rule.body["properties"]["scopes"] == [SITE.endpoint("churn")]


def _drift(kind: str, wire: str, source: str) -> Callable[[], None]:
    def check() -> None:
        (one,) = signal(kind, "PopulationStabilityIndex").signals
        assert (one.kind, dict(one.thresholds), list(one.production)) == (
            wire, {"PopulationStabilityIndex": 0.3}, [source]
        )  # fmt: skip
        assert one.reference_window is not None
        assert (one.window.size, one.window.offset, one.reference_window.offset) == ("P1D", "P0D", "P2D")

    return check


def _resources() -> None:
    found = {criterion(rule)["metricName"]: rule.body["properties"]["scopes"] for rule in rules("utilisation")}
    deployment = SITE.deployment("churn", "blue")
    assert found == {name: [deployment] for name in ("CpuUtilizationPercentage", "CpuMemoryUtilizationPercentage")}


def _requests() -> None:
    """By a number of the endpoint's size, or by what is usual."""
    (static,) = rules("requests", threshold=600)
    (learned,) = rules("requests", threshold=None)
    assert (criterion(static)["metricName"], criterion(static)["criterionType"]) == (
        "RequestsPerMinute", "StaticThresholdCriterion"
    )  # fmt: skip
    assert criterion(learned)["criterionType"] == "DynamicThresholdCriterion"


def _delays() -> None:
    (rule,) = [one for one in rules("throttling") if one.name.endswith("_delays")]
    assert "sum(RequestThrottlingDelayMs + ResponseThrottlingDelayMs)" in criterion(rule)["query"]
    assert criterion(rule)["threshold"] == 50


def _traffic_log() -> None:
    (setting,) = [one for one in wanted(monitor(), SITE) if one.arm_id.endswith("/cp-traffic")]
    assert setting.arm_id.startswith(SITE.endpoint("churn"))
    assert setting.body["properties"] == {
        "workspaceId": SITE.logs, "logs": [{"category": "AmlOnlineEndpointTrafficLog", "enabled": True}]
    }  # fmt: skip


NEW_IMAGES = "azureml://datastores/images/paths/new/"
#: Performance on new images, computed by the workspace's own pipeline.
IMAGES: dict[str, Any] = {
    "computedBy": "pipeline",
    "pipeline": {"component": "score-images", "version": "1", "compute": "gpu"},
    "newData": {"data": NEW_IMAGES},
    "signals": [
        {
            "name": "accuracy", "kind": "modelPerformance", "thresholds": {"Accuracy": 0.9},
            "reference": {"asset": {"data": "azureml:labels:4", "context": "ground_truth"}},
        }
    ],
}  # fmt: skip


def _new_images() -> None:
    """Each day, on those of the window, against what people labelled."""
    request = request_of(monitor(**IMAGES), {})
    assert isinstance(request, PipelineSchedule)
    assert (request.frequency, request.interval, request.job.compute) == ("day", 1, "gpu")
    order = json.loads(request.job.inputs["monitor"])
    assert (order["newData"], order["window"]) == (NEW_IMAGES, "P1D")
    (one,) = order["signals"].values()
    assert (one["kind"], one["reference"]["asset"]["data"]) == ("modelPerformance", "azureml:labels:4")


def _workbook() -> None:
    """Errors by code and reason, traffic logs, and metrics of the endpoints of this workspace and of no other."""
    (book,) = [one for one in wanted(monitor(), SITE) if "/workbooks/" in one.arm_id]
    text = book.body["properties"]["serializedData"]
    tiles = {one["name"]: one["content"] for one in json.loads(text)["items"]}
    assert "by EndpointName, DeploymentName, ResponseCode" in tiles["errors by reason"]["query"]
    queries = [one["query"] for one in tiles.values() if str(one.get("query", "")).startswith("AmlOnlineEndpoint")]
    assert len(queries) == 4
    assert all("AzureMLWorkspaceName =~ 'mlw'" in query for query in queries)
    charts = [tiles[name]["metrics"][0]["metric"].rpartition("--")[2] for name in ("latency", "requests")]
    assert charts == ["RequestLatency", "RequestsPerMinute"]
    assert tiles["errors by reason"]["crossComponentResources"] == [SITE.logs]
    assert "<<" not in text


def _errors() -> None:
    (rule,) = rules("errors")
    assert "summarize Errors = count() by ModelStatusCode, ModelStatusReason" in criterion(rule)["query"]
    assert rule.type == LOG_ALERT


CREATED: dict[str, Callable[[], None]] = {
    "S3-31": _everywhere,
    "S3-32": _performance,
    "S3-33": _latency,
    "S3-85": _drift("dataDrift", "DataDrift", "model_inputs"),
    "S3-86": _drift("predictionDrift", "PredictionDrift", "model_outputs"),
    "S3-89": _resources,
    "S3-90": _requests,
    "S3-92": _delays,
    "S3-95": _traffic_log,
    "S3-96": _errors,
    "S3-42": _new_images,
    "S3-121": _workbook,
}


@pytest.mark.parametrize("requirement", CREATED)
def test_create(requirement: str) -> None:
    CREATED[requirement]()


async def test_validate_s3_87() -> None:
    """Both collections are on, or the one that is off is named."""
    azure = FakeAzure()
    path = SITE.deployment("churn", "blue")
    on, off = {"dataCollectionMode": "Enabled"}, {"dataCollectionMode": "Disabled"}
    azure.plant(path, properties={"dataCollector": {"collections": {"model_inputs": on, "model_outputs": off}}})
    azure.plant(SITE.workspace_id, properties={})
    found = await ground(azure, SITE, monitor().spec)
    assert [one.detail.code for one in found.unmet if one.kind == "DataCollected"] == ["DataCollectionOff"]
    assert dict(found.collected) == {"model_inputs": "azureml:churn-blue-model_inputs:1"}
    assert await azure.get(path, ASSETS_API) is not None


async def test_validate_d36() -> None:
    """Monitors of Azure ML's own need the internet, Spark, an identity of the user's, and datastores opened by it."""
    azure = FakeAzure()
    azure.plant(SITE.deployment("churn", "blue"), properties={})

    async def found(identity: dict[str, Any], **properties: Any) -> list[str]:
        azure.plant(SITE.workspace_id, identity=identity, properties=properties)
        return [one.detail.code for one in (await ground(azure, SITE, monitor().spec)).unmet if one.kind == POSSIBLE]

    open_ = {"isolationMode": "AllowInternetOutbound", "status": {"sparkReady": True}}
    closed = {**open_, "isolationMode": "AllowOnlyApprovedOutbound"}
    theirs: dict[str, Any] = {"userAssignedIdentities": {"x": {}}}
    assert await found(theirs, managedNetwork=open_, systemDatastoresAuthMode="identity") == []
    assert await found(theirs, managedNetwork=closed, systemDatastoresAuthMode="identity") == [
        "MonitorsNeedInternetOutbound"
    ]
    assert await found({}, managedNetwork=open_, systemDatastoresAuthMode="accessKey") == [
        "UserAssignedIdentityMissing",
        "DatastoresNeedIdentity",
    ]


async def test_new_images_are_not_collected_by_a_deployment_and_lie_in_a_datastore_that_is_there() -> None:
    azure, spec = FakeAzure(), monitor(**IMAGES).spec
    azure.plant(SITE.deployment("churn", "blue"), properties={})
    found = [one.detail.target for one in (await ground(azure, SITE, spec)).unmet if one.kind == "DataCollected"]
    assert found == ["$.newData.data"]
    azure.plant(f"{SITE.workspace_id}/datastores/images", properties={})
    assert [one for one in (await ground(azure, SITE, spec)).unmet if one.kind == "DataCollected"] == []


def test_azure_ml_itself_reads_collected_data_only() -> None:
    with pytest.raises(Rejected) as refused:
        parse_monitor("watch", {**MONITOR, "newData": {"data": NEW_IMAGES}})
    assert [(one.code, one.target) for one in refused.value.details] == [("PipelineMismatch", "$.newData")]
    assert parse_monitor("watch", {**MONITOR, **IMAGES}).new_data is not None


def test_validate_s3_94() -> None:
    with pytest.raises(Rejected) as refused:
        parse_monitor("watch", {**MONITOR, "alerts": [{"name": "one", "kind": "throttling"}]})
    assert [one.code for one in refused.value.details] == ["ThresholdMissing"]


def refusals(*signals: dict[str, Any], **changes: Any) -> list[str]:
    with pytest.raises(Rejected) as refused:
        parse_monitor("watch", {**MONITOR, "signals": list(signals), **changes})
    return [one.code for one in refused.value.details]


@pytest.mark.parametrize("requirement", ["D12"])
def test_advise(requirement: str) -> None:
    """Daily if a day has enough rows, else weekly or monthly; from the deployment on."""
    assert requirement in frequency.RULES["growth"].requirements
    daily, weekly = (monitor(period=period, signals=MONITOR["signals"][:1]).spec for period in ("P1D", "P7D"))
    said = {
        (spec.period.days, rows): fit_of(spec, rows, START)
        for spec in (daily, weekly)
        for rows in (None, 20, 200, 1000, 9000)
    }
    assert {key: fit.reason for key, fit in said.items()} == {
        (1, None): "RowsUnknown", (1, 20): "TooFewRows", (1, 200): "TooFewRows", (1, 1000): "AsOften",
        (1, 9000): "AsOften", (7, None): "RowsUnknown", (7, 20): "TooFewRows", (7, 200): "TooFewRows",
        (7, 1000): "AsOften", (7, 9000): "MoreOftenPossible",
    }  # fmt: skip
    assert "windows of P7D" in said[1, 200].text and "even a month" in said[1, 20].text
    late = monitor(beginsAt="2027-06-01T00:00:00Z").spec
    assert (fit_of(late, 9000, START).reason, fit_of(late, 9000, START).status.value) == ("StartsLate", "False")


def test_windows_that_share_their_data_are_told() -> None:
    body = {**MONITOR, "period": "P1D", "window": "P7D"}
    shared = fit_of(MonitorSpec.model_validate(body), 9000, START)
    assert (shared.reason, shared.status.value) == ("WindowsShareData", "False")


def test_validate_d14() -> None:
    """Training data for inputs and their quality, validation data for outputs; or production's own past."""
    psi, held_back = {"PopulationStabilityIndex": 0.2}, {"data": "azureml:b:1", "context": "validation"}
    wrong = (
        {"name": "one", "kind": "dataDrift", "thresholds": psi, "reference": {"asset": held_back}},
        {"name": "two", "kind": "dataQuality", "thresholds": {"NullValueRate": 0}, "reference": {"asset": held_back}},
        {"name": "six", "kind": "predictionDrift", "thresholds": psi, "reference": {"asset": {"data": "azureml:t:1"}}},
    )
    assert refusals(*wrong) == ["WrongBaseline"] * 3
    right = [
        {**one, "reference": {"asset": {"data": "azureml:t:1", "context": context}}}
        for one, context in zip(wrong, ("training", "training", "validation"), strict=True)
    ]
    for signals in (right, [{**one, "reference": {}} for one in wrong]):
        assert len(parse_monitor("watch", {**MONITOR, "signals": signals}).signals) == 3


def test_validate_d15() -> None:
    """The reference ends before the window begins; twice the window where nothing is said."""
    drift = {"name": "one", "kind": "dataDrift", "thresholds": {"PopulationStabilityIndex": 0.2}}
    assert refusals({**drift, "reference": {"offset": "P7D"}}, window="P7D", offset="P1D") == ["WindowsOverlap"]
    asked = {**MONITOR, "signals": [{**drift, "reference": {"offset": "P8D"}}], "window": "P7D", "offset": "P1D"}
    spec = parse_monitor("watch", asked)
    assert reference_offset(spec, spec.signals[0]).days == 8
    spec = parse_monitor("watch", {**asked, "signals": [drift]})
    assert reference_offset(spec, spec.signals[0]).days == 15


def test_validate_d17() -> None:
    """Performance is measured against the truth."""
    asked = {"name": "one", "kind": "modelPerformance", "thresholds": {"Accuracy": 0.8}}
    training = {"asset": {"data": "azureml:t:1"}}
    assert refusals({**asked, "reference": training}) == ["GroundTruthMissing"]
    truth = {"asset": {"data": "azureml:t:1", "context": "ground_truth"}}
    assert parse_monitor("watch", {**MONITOR, "signals": [{**asked, "reference": truth}]}).signals


def test_validate_s3_97() -> None:
    """All 4xx and 5xx, the endpoint's and the model's."""
    (rule,) = rules("errors")
    assert "where toint(ResponseCode) >= 400 or ModelStatusCode >= 400" in criterion(rule)["query"]


def test_react_s3_98() -> None:
    """A rise of 500s against what is usual, told by the first window."""
    (rule,) = rules("suddenErrors")
    said = criterion(rule)
    assert (rule.type, said["criterionType"], said["operator"]) == (
        METRIC_ALERT, "DynamicThresholdCriterion", "GreaterThan"
    )  # fmt: skip
    assert said["dimensions"] == [{"name": "statusCodeClass", "operator": "Include", "values": ["5xx"]}]
    assert said["failingPeriods"]["minFailingPeriodsToAlert"] == 1
    assert rule.body["properties"]["criteria"]["odata.type"].endswith("MultipleResourceMultipleMetricCriteria")
