"""Alert rules that fire and are resolved, action groups that call webhooks, and notices that go astray."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from simulator.planes.activity_feed import ActivityFeed
from simulator.planes.alert_samples import KINDS
from simulator.planes.alerts import Alerts
from simulator.planes.log_store import LogStore
from simulator.types.machinelearning import traffic
from tests.simulator import estate as lab_estate
from tests.simulator.effects_alerts import LOG, METRIC, endpoint
from tests.simulator.lab import GROUP, Lab
from tests.simulator.refusals_alerts import (
    ACTIONS_BODY,
    GROUP_OF_ACTIONS,
    HOOK,
    METRIC_CRITERION,
    activity_body,
    log_body,
    metric_body,
)
from tests.support.monitored import Monitored, monitored
from tests.support.receiver import PATIENCE_SECONDS, Receiver, receiver
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
Payload = dict[str, Any]


def sample(name: str) -> Payload:
    found: Payload = json.loads((SAMPLES / f"alert-{name}.json").read_text(encoding="utf-8"))
    return found


def keys(value: Any, path: str = "") -> set[str]:
    """Every key at every depth; what customers name themselves is left out."""
    if isinstance(value, list):
        return set().union(*(keys(one, f"{path}[]") for one in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    own = path.endswith((".customProperties", ".properties")) and "eventCategory" not in value
    return (
        set().union(*({f"{path}.{key}"} | keys(one, f"{path}.{key}") for key, one in value.items()))
        if not own
        else set()
    )


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


# -- action groups: the wire -------------------------------------------------------------------------------------------


@pytest.fixture
def estate(simulator: RunningSimulator) -> Iterator[Monitored]:  # noqa: F811
    with monitored(simulator) as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def action_group(estate: Monitored, url: str, **more: Any) -> str:
    arm_id = f"{estate.group}/providers/Microsoft.Insights/actionGroups/on-call"
    webhook = {**HOOK, "serviceUri": url, **more}
    estate.put(arm_id, {**ACTIONS_BODY, "properties": {**ACTIONS_BODY["properties"], "webhookReceivers": [webhook]}})
    return arm_id


def fire(estate: Monitored, kind: str = "metric", **more: Any) -> Payload:
    target = f"{estate.workspace}/onlineEndpoints/churn"
    wish = {"kind": kind, "actionGroup": "on-call", "target": target, **more}
    found: Payload = estate.running.control("POST", "alerts", json=wish)["payload"]
    return found


def results(estate: Monitored, *wanted: str) -> list[Payload]:
    """Deliveries, when these results have come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        listed: list[Payload] = estate.running.control("GET", "alerts")["deliveries"]
        if [one["result"] for one in listed] == list(wanted):
            return listed
        assert time.monotonic() < deadline, listed
        time.sleep(0.02)


def test_a_rule_calls_the_webhook_when_it_fires_and_when_it_is_resolved(estate: Monitored, hook: Receiver) -> None:
    estate.running.settings(timeScale=1000)
    group = action_group(estate, hook.url)
    endpoint_id = f"{estate.workspace}/onlineEndpoints/churn"
    body = metric_body(endpoint_id, actions=[{"actionGroupId": group, "webHookProperties": {"team": "churn"}}])
    estate.put(f"{estate.group}/providers/Microsoft.Insights/metricAlerts/slow", body)
    estate.running.inject(kind="latency", endpoint="churn", latencyMs=900)
    fired = hook.wait(1)[0]
    essentials = fired["data"]["essentials"]
    assert (fired["schemaId"], essentials["alertRule"]) == ("azureMonitorCommonAlertSchema", "slow")
    assert essentials["alertTargetIDs"] == [endpoint_id.lower()]
    assert (essentials["severity"], fired["data"]["customProperties"]) == ("Sev2", {"team": "churn"})
    estate.running.inject(kind="latency", endpoint="churn", latencyMs=20)
    resolved = hook.wait(2)[1]["data"]["essentials"]
    assert (resolved["monitorCondition"], resolved["alertId"]) == ("Resolved", essentials["alertId"])


def test_what_somebody_changes_is_told_by_an_activity_alert(estate: Monitored, hook: Receiver) -> None:
    group = action_group(estate, hook.url)
    wanted = [
        {"field": "category", "equals": "Administrative"},
        {"field": "operationName", "equals": "Microsoft.Storage/storageAccounts/write"},
        {"anyOf": [{"field": "status", "equals": "Succeeded"}, {"field": "status", "equals": "Failed"}]},
    ]
    body = activity_body(estate.running.subscription, *wanted)
    body["properties"]["actions"] = {"actionGroups": [{"actionGroupId": group}]}
    rule = f"{estate.group}/providers/Microsoft.Insights/activityLogAlerts/changed"
    estate.put(rule, body)
    estate.running.inject(kind="public-access", account="account1")
    (told,) = hook.wait(1)
    assert keys(told) == (keys(sample("activitylog-administrative.fired")) | {".data.essentials.alertRuleId"})
    assert told["data"]["essentials"]["alertId"] == rule
    assert told["data"]["alertContext"]["caller"] == "admin.by.hand@contoso.com"
    assert told["data"]["alertContext"]["status"] == "Succeeded"


def test_changes_are_rows_of_azure_activity(estate: Monitored) -> None:
    estate.running.settings(timeScale=3000)
    logs = [{"category": "Administrative", "enabled": True}]
    path = f"{estate.running.subscription}/providers/Microsoft.Insights/diagnosticSettings/activity"
    estate.put(path, {"properties": {"workspaceId": estate.logs, "logs": logs}})
    estate.running.inject(kind="public-access", account="account1")
    written = "OperationNameValue == 'MICROSOFT.STORAGE/STORAGEACCOUNTS/WRITE' and ActivityStatusValue == 'Succeeded'"
    body = {"query": f"AzureActivity | where {written} | project Caller"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = logs_query(estate, body)
        if answer["tables"][0]["rows"]:
            break
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    assert answer["tables"][0]["rows"] == [["admin.by.hand@contoso.com"]]


def logs_query(estate: Monitored, body: Payload) -> Payload:
    from tests.support.monitored import token

    bearer = {"authorization": f"Bearer {token(estate.running, 'owner', 'https://api.loganalytics.io')}"}
    found: Payload = estate.http.post(f"/v1{estate.logs}/query", json=body, headers=bearer).json()
    return found


def test_a_secure_webhook_gets_azure_monitor_s_token(estate: Monitored, hook: Receiver) -> None:
    audience = f"api://{estate.running.env['API_CLIENT_ID']}"
    secure = {"useAadAuth": True, "objectId": "o", "identifierUri": audience, "tenantId": "t"}
    action_group(estate, hook.url, **secure)
    fire(estate)
    hook.wait(1)
    token = hook.deliveries[0]["headers"]["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["azp"]) == (
        estate.running.env["API_CLIENT_ID"], "461e8683-5575-4561-ac7f-899cc907d62a",
    )  # fmt: skip
    assert (claims["roles"], claims["tid"]) == (["ActionGroupsSecureWebhook"], estate.running.env["AZURE_TENANT_ID"])


def test_a_notice_is_repeated_and_then_the_endpoint_is_left_alone(estate: Monitored) -> None:
    estate.running.settings(timeScale=1000)  # 75 s of repetitions in 75 ms, 15 min of silence in 0.9 s
    with receiver(statuses=deque([503, 408, 429, 504, 503, 503])) as hook:
        action_group(estate, hook.url)
        fire(estate)
        results(estate, *["Retried"] * 5, "GivenUp")
        fire(estate)
        results(estate, *["Retried"] * 5, "GivenUp", "Silenced")
        assert len(hook.deliveries) == 6
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(hook.deliveries) == 6:
            assert time.monotonic() < deadline
            fire(estate)
            time.sleep(0.1)


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502])
def test_other_answers_are_final(estate: Monitored, status: int) -> None:
    with receiver(statuses=deque([status])) as hook:
        action_group(estate, hook.url)
        fire(estate)
        (found,) = results(estate, "Dropped")
        assert (found["status"], len(hook.deliveries)) == (status, 1)


@pytest.mark.parametrize("url", ["http://10.1.2.3/hook", "https://example.com/hook", "http://127.0.0.1:9/hook"])
def test_what_cannot_be_reached_is_given_up(estate: Monitored, url: str) -> None:
    estate.running.settings(timeScale=10_000)
    action_group(estate, url)
    fire(estate)
    assert {one["status"] for one in results(estate, *["Retried"] * 5, "GivenUp")} == {None}


def test_notices_are_lost_doubled_reordered_and_late(estate: Monitored, hook: Receiver) -> None:
    action_group(estate, hook.url)
    estate.running.faults(
        [
            {"event": "lose", "path": "^budget/"},
            {"event": "double", "path": "^log/", "eventType": "Log Alerts"},
            {"event": "reorder", "path": "^metric/"},
            {"event": "delay", "delay": 0.5, "path": "^activity-log/"},
        ]
    )
    for kind in ("activity-log", "budget", "log", "metric", "smart-detector"):
        fire(estate, kind)
    services = [one["data"]["essentials"]["monitoringService"] for one in hook.wait(5)]
    assert sorted(services) == [
        "Activity Log - Administrative", "Log Alerts V2", "Log Alerts V2", "Platform", "SmartDetector",
    ]  # fmt: skip
    assert services[-1] == "Activity Log - Administrative"
    assert services.index("SmartDetector") < services.index("Platform")
    assert [
        one["rule"] for one in estate.running.control("GET", "alerts")["deliveries"] if one["result"] == "Lost"
    ] == ["budget"]


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_can_be_sent(estate: Monitored, hook: Receiver, kind: str) -> None:
    action_group(estate, hook.url)
    fire(estate, kind, payload={"data": {"extra": 1}})
    (came,) = hook.wait(1)
    assert came["data"]["extra"] == 1
    legacy = kind == "budget-legacy"
    assert came["schemaId"] == ("AIP Budget Notification" if legacy else "azureMonitorCommonAlertSchema")
    if kind == "budget":
        shape = sample("budget-actual.common")
        del came["data"]["extra"]
        assert keys(came) == keys(shape)
        assert came["data"]["essentials"]["alertRule"] is None


def test_a_disabled_group_is_not_told(estate: Monitored, hook: Receiver) -> None:
    group = action_group(estate, hook.url)
    answer = estate.call("PATCH", group, {"properties": {"enabled": False}})
    assert answer.status_code == 200, answer.text
    fire(estate)
    assert results(estate) == []
    assert GROUP_OF_ACTIONS.startswith(GROUP)
