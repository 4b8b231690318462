"""Alert rules in virtual time: what makes them fire, what resolves them, and how their payloads look."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.planes.activity_feed import ActivityFeed
from simulator.planes.alerts import Alerts
from simulator.planes.log_store import LogStore
from simulator.types.machinelearning import traffic
from tests.simulator import estate as lab_estate
from tests.simulator.effects_alerts import LOG, METRIC, endpoint
from tests.simulator.lab import Lab
from tests.simulator.refusals_alerts import (
    METRIC_CRITERION,
    log_body,
    metric_body,
)
from tests.support.alert_samples import Payload, keys, sample


class Watched:
    """An endpoint in virtual time, and what its rules had to say."""

    def __init__(self) -> None:
        self.lab = Lab()
        endpoint(self.lab)
        world: Any = self.lab.world
        world.logs = LogStore(self.lab.engine)
        world.activity = ActivityFeed(self.lab.engine, world.logs)
        self.alerts = Alerts(world)
        self.world = world

    def traffic(self, **state: Any) -> None:
        traffic.change(self.lab.engine, self.lab.resource(lab_estate.ENDPOINT), state)

    def minutes(self, count: int) -> list[Payload]:
        """Let time go by; what was told in it."""
        for _ in range(count):
            self.lab.advance(60)
            self.world.logs.look()
            self.alerts.work()
        told = [one.payload["data"] for one in self.alerts.notices]
        self.alerts.notices.clear()
        return told

    def put(self, path: str, body: Payload) -> None:
        self.lab.put(path, body)
        self.alerts.work()


def conditions(told: list[Payload]) -> list[str]:
    return [one["essentials"]["monitorCondition"] for one in told]


@pytest.fixture
def watched() -> Watched:
    return Watched()


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_a_stateful_rule_fires_once_and_is_resolved_after_three_checks(watched: Watched) -> None:
    watched.put(METRIC, metric_body())
    watched.traffic(requestsPerMinute=60, latencyMs=100)
    assert watched.minutes(10) == []
    watched.traffic(latencyMs=600)
    (fired,) = watched.minutes(10)
    assert fired["essentials"]["monitorCondition"] == "Fired"
    (part,) = fired["alertContext"]["condition"]["allOf"]
    assert (part["metricName"], part["threshold"], part["dimensions"]) == ("RequestLatency_P95", "500", [])
    assert part["metricValue"] > 500
    watched.traffic(latencyMs=100)
    told = watched.minutes(20)
    assert conditions(told) == ["Resolved"]
    assert told[0]["essentials"]["alertId"] == fired["essentials"]["alertId"]
    assert told[0]["essentials"]["resolvedDateTime"] > fired["essentials"]["firedDateTime"]


def test_what_fired_can_be_read_again_by_its_id_and_by_nobody_written(watched: Watched) -> None:
    watched.put(METRIC, metric_body())
    watched.traffic(requestsPerMinute=60, latencyMs=600)
    (fired,) = watched.minutes(10)
    path = fired["essentials"]["alertId"]
    shown = watched.lab.get(path)["properties"]["essentials"]
    told = fired["essentials"]
    assert (shown["monitorCondition"], shown["monitorService"], shown["alertState"]) == ("Fired", "Platform", "New")
    assert (shown["targetResource"], shown["startDateTime"]) == (told["alertTargetIDs"][0], told["firedDateTime"])
    watched.traffic(latencyMs=100)
    watched.minutes(20)
    resolved = watched.lab.get(path)["properties"]["essentials"]
    assert resolved["monitorCondition"] == "Resolved"
    assert resolved["monitorConditionResolvedDateTime"] > resolved["startDateTime"] == shown["startDateTime"]
    assert watched.lab.call("PUT", path, {"properties": {}}).status == 405
    watched.traffic(latencyMs=600)
    (again,) = watched.minutes(10)
    assert again["essentials"]["alertId"] != fired["essentials"]["alertId"]


def test_a_stateless_rule_fires_each_time_and_is_never_resolved(watched: Watched) -> None:
    watched.put(METRIC, metric_body(autoMitigate=False, evaluationFrequency="PT5M"))
    watched.traffic(requestsPerMinute=60, latencyMs=600)
    assert conditions(watched.minutes(16)) == ["Fired"] * 3
    watched.traffic(latencyMs=10)
    watched.minutes(10)
    assert watched.minutes(30) == []


def test_each_combination_of_dimensions_is_an_alert_of_its_own(watched: Watched) -> None:
    wanted = [
        {"name": "statusCodeClass", "operator": "Include", "values": ["5xx"]},
        {"name": "deployment", "operator": "Include", "values": ["*"]},
    ]
    criterion = {**METRIC_CRITERION, "metricName": "RequestsPerMinute", "threshold": 1, "dimensions": wanted}
    watched.put(METRIC, metric_body(lab_estate.ENDPOINT, criterion))
    watched.traffic(requestsPerMinute=100, errorShare=0.05)
    (blue,) = watched.minutes(6)  # green gets a tenth of the calls: half an error a minute
    named = {one["name"]: one["value"] for one in blue["alertContext"]["condition"]["allOf"][0]["dimensions"]}
    assert named == {"statusCodeClass": "5xx", "deployment": "blue"}
    watched.traffic(errorShare=0.5)
    (green,) = watched.minutes(6)
    named = {one["name"]: one["value"] for one in green["alertContext"]["condition"]["allOf"][0]["dimensions"]}
    assert named["deployment"] == "green"


def test_several_criteria_must_all_be_met(watched: Watched) -> None:
    busy = {**METRIC_CRITERION, "name": "busy", "metricName": "ConnectionsActive", "threshold": 5}
    watched.put(METRIC, metric_body(lab_estate.ENDPOINT, METRIC_CRITERION, busy))
    watched.traffic(requestsPerMinute=60, latencyMs=600, connections=1)
    assert watched.minutes(10) == []
    watched.traffic(connections=50)
    (fired,) = watched.minutes(10)
    parts = fired["alertContext"]["condition"]["allOf"]
    assert [one["metricName"] for one in parts] == ["RequestLatency_P95", "ConnectionsActive"]


def test_a_dynamic_threshold_is_learnt_from_what_was_usual(watched: Watched) -> None:
    criterion = {**METRIC_CRITERION, "criterionType": "DynamicThresholdCriterion", "alertSensitivity": "High"}
    criterion["failingPeriods"] = {"numberOfEvaluationPeriods": 3, "minFailingPeriodsToAlert": 2}
    del criterion["threshold"]
    watched.put(METRIC, metric_body(lab_estate.ENDPOINT, criterion, evaluationFrequency="PT5M"))
    watched.traffic(requestsPerMinute=60, latencyMs=100)
    assert watched.minutes(60) == []
    watched.traffic(latencyMs=300)
    (fired,) = watched.minutes(15)
    context = fired["alertContext"]
    assert context["conditionType"] == "DynamicThresholdCriteria"
    (part,) = context["condition"]["allOf"]
    assert (part["alertSensitivity"], part["failingPeriods"]["minFailingPeriodsToAlert"]) == ("High", 2)
    assert float(part["threshold"]) < part["metricValue"]


def test_no_calls_no_alert_and_a_disabled_rule_says_nothing(watched: Watched) -> None:
    watched.put(METRIC, metric_body(lab_estate.ENDPOINT, {**METRIC_CRITERION, "operator": "LessThan"}))
    assert watched.minutes(10) == []
    watched.traffic(requestsPerMinute=60, latencyMs=10)
    watched.put(METRIC, metric_body(lab_estate.ENDPOINT, METRIC_CRITERION, enabled=False))
    assert watched.minutes(10) == []


# -- logs and the activity log -----------------------------------------------------------------------------------------


def send_logs(watched: Watched) -> None:
    setting = f"{lab_estate.ENDPOINT}/providers/Microsoft.Insights/diagnosticSettings/logs"
    logs = [{"category": "AmlOnlineEndpointTrafficLog", "enabled": True}]
    watched.lab.engine.put(setting, {"properties": {"workspaceId": lab_estate.LOGS, "logs": logs}})
    watched.world.logs.look()


def test_a_log_rule_fires_by_what_its_query_finds(watched: Watched) -> None:
    send_logs(watched)
    dimensions = [{"name": "DeploymentName", "operator": "Include", "values": ["*"]}]
    watched.put(LOG, log_body(dimensions=dimensions))
    watched.traffic(requestsPerMinute=100, errorShare=0.0)
    assert watched.minutes(15) == []
    watched.traffic(errorShare=0.2)
    (fired,) = watched.minutes(15)
    assert fired["essentials"]["monitoringService"] == "Log Alerts V2"
    (part,) = fired["alertContext"]["condition"]["allOf"]
    assert part["dimensions"] == [{"name": "DeploymentName", "value": "blue"}]
    assert part["metricValue"] > 10
    assert fired["customProperties"] == {"team": "churn"}
    watched.traffic(errorShare=0.0)
    assert conditions(watched.minutes(40)) == ["Resolved"]


def test_a_log_rule_may_look_at_a_column(watched: Watched) -> None:
    send_logs(watched)
    query = "AmlOnlineEndpointTrafficLog | summarize p95=percentile(TotalDurationMs, 95) by EndpointName"
    watched.put(LOG, log_body(query=query, timeAggregation="Maximum", metricMeasureColumn="p95", threshold=500))
    watched.traffic(requestsPerMinute=600, latencyMs=400)
    (fired,) = watched.minutes(10)
    assert fired["alertContext"]["condition"]["allOf"][0]["metricValue"] == pytest.approx(720, abs=20)


# -- payloads ----------------------------------------------------------------------------------------------------------


def test_payloads_have_the_keys_of_azure_s_samples(watched: Watched) -> None:
    watched.put(
        METRIC, metric_body(lab_estate.ENDPOINT, {**METRIC_CRITERION, "threshold": 1}, customProperties={"a": "b"})
    )
    watched.traffic(requestsPerMinute=60)
    (fired,) = watched.minutes(5)
    rule_id = {".data.essentials.alertRuleId"}  # "may not appear in all alert payloads", says the page
    element = {f".data.alertContext.condition.allOf[].dimensions[].{one}" for one in ("name", "value")}
    assert keys({"schemaId": "", "data": fired}) == (keys(sample("metric-static.fired")) | rule_id) - element
    watched.traffic(requestsPerMinute=0)
    (resolved,) = watched.minutes(20)
    extra = keys({"schemaId": "", "data": resolved}) ^ (keys(sample("metric-static.resolved")) - element)
    assert extra == {f".data.alertContext.condition.{one}" for one in ("windowStartTime", "windowEndTime")} | {
        ".data.alertContext.condition.allOf[].webTestName"
    }
    watched.lab.delete(METRIC)
    send_logs(watched)
    watched.put(LOG, log_body(query="AmlOnlineEndpointTrafficLog", threshold=0))
    watched.traffic(requestsPerMinute=60)
    (log,) = watched.minutes(10)
    assert keys({"schemaId": "", "data": log}) - keys(sample("log-v2.fired")) == rule_id | {".data.customProperties"}
    assert keys(sample("log-v2.fired")) - keys({"schemaId": "", "data": log}) == element
