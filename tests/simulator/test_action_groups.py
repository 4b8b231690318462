"""Action groups call webhooks on loopback: what rules tell, what is sent by hand, repetitions, and what goes astray."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from simulator.planes.alert_samples import KINDS
from tests.simulator.refusals_alerts import ACTIONS_BODY, HOOK, activity_body, metric_body
from tests.support.alert_samples import Payload, keys, sample
from tests.support.monitored import Monitored, monitored, token
from tests.support.receiver import Receiver, receiver
from tests.support.simulator import ROOT, RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import until


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


def deliveries(estate: Monitored) -> list[Payload]:
    found: list[Payload] = estate.running.control("GET", "alerts")["deliveries"]
    return found


def at_least(estate: Monitored, count: int) -> None:
    until(lambda: len(deliveries(estate)) >= count, says=lambda: deliveries(estate))


def results(estate: Monitored, *wanted: str) -> list[Payload]:
    """Deliveries, when these results have come."""
    listed: list[Payload] = []

    def look() -> bool:
        listed[:] = deliveries(estate)
        return [one["result"] for one in listed] == list(wanted)

    until(look, says=lambda: listed)
    return listed


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
    found = until(lambda: logs_query(estate, body)["tables"][0]["rows"], every=0.05)
    assert found == [["admin.by.hand@contoso.com"]]


def logs_query(estate: Monitored, body: Payload) -> Payload:
    bearer = {"authorization": f"Bearer {token(estate.running, 'owner', 'https://api.loganalytics.io')}"}
    found: Payload = estate.http.post(f"/v1{estate.logs}/query", json=body, headers=bearer).json()
    return found


def test_a_secure_webhook_gets_azure_monitor_s_token(estate: Monitored, hook: Receiver) -> None:
    audience = f"api://{estate.running.env['API_CLIENT_ID']}"
    secure = {"useAadAuth": True, "objectId": "o", "identifierUri": audience, "tenantId": "t"}
    action_group(estate, hook.url, **secure)
    fire(estate)
    hook.wait(1)
    bearer = hook.deliveries[0]["headers"]["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(bearer, options={"verify_signature": False})
    assert (claims["aud"], claims["azp"]) == (
        estate.running.env["API_CLIENT_ID"], "461e8683-5575-4561-ac7f-899cc907d62a",
    )  # fmt: skip
    assert (claims["roles"], claims["tid"]) == (["ActionGroupsSecureWebhook"], estate.running.env["AZURE_TENANT_ID"])


def test_a_notice_is_repeated_and_then_the_endpoint_is_left_alone(estate: Monitored) -> None:
    with receiver(statuses=deque([503, 408, 429, 504, 503, 503])) as hook:
        action_group(estate, hook.url)
        estate.running.settings(timeScale=1)  # from here on time goes on by leaps
        fire(estate)
        for tries in range(1, 6):
            at_least(estate, tries)  # five seconds of a repetition may pass by themselves
            leap(estate, 75)
        results(estate, *["Retried"] * 5, "GivenUp")
        fire(estate)
        results(estate, *["Retried"] * 5, "GivenUp", "Silenced")
        assert len(hook.deliveries) == 6
        leap(estate, 900)
        fire(estate)
        hook.wait(7)


def leap(estate: Monitored, seconds: float) -> None:
    estate.running.control("PUT", "clock", json={"advanceSeconds": seconds, "azure": True})


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
    estate.running.settings(timeScale=0.1)  # for ten minutes a notice is held back, to be overtaken
    estate.running.faults(
        [
            {"event": "lose", "path": "^budget/"},
            {"event": "double", "path": "^log/", "eventType": "Log Alerts"},
            {"event": "reorder", "path": "^metric/"},
            {"event": "delay", "delay": 3600, "path": "^activity-log/"},
        ]
    )
    for kind in ("activity-log", "budget", "log", "metric", "smart-detector"):
        fire(estate, kind)
    hook.wait(4)
    leap(estate, 3600)
    services = [one["data"]["essentials"]["monitoringService"] for one in hook.wait(5)]
    assert sorted(services) == [
        "Activity Log - Administrative", "Log Alerts V2", "Log Alerts V2", "Platform", "SmartDetector",
    ]  # fmt: skip
    assert services[-1] == "Activity Log - Administrative"
    assert services.index("SmartDetector") < services.index("Platform")
    assert [one["rule"] for one in deliveries(estate) if one["result"] == "Lost"] == ["budget"]


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


def test_what_happens_is_injected_at_the_command_line(estate: Monitored, hook: Receiver) -> None:
    """`inject traffic`, `latency`, `errors` and `alert`, as people type them."""
    action_group(estate, hook.url)
    target = f"{estate.workspace}/onlineEndpoints/churn"
    said = [
        inject(estate, "traffic", "--endpoint", "churn", "--workspace", "watched", "--set", "requestsPerMinute=120"),
        inject(estate, "latency", "--endpoint", target, "--ms", "900"),
        inject(estate, "errors", "--endpoint", "churn", "--share", "0.3"),
    ]
    assert said[-1] == {"requestsPerMinute": 120, "latencyMs": 900.0, "errorShare": 0.3}
    inject(estate, "alert", "--kind", "resource-health", "--action-group", "on-call", "--target", target)
    assert hook.wait(1)[0]["data"]["essentials"]["alertTargetIDs"] == [target.lower()]


def inject(estate: Monitored, *arguments: str) -> Payload:
    command = [sys.executable, "-m", "simulator", "inject", *arguments, "--env-file", str(estate.running.env_file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: Payload = json.loads(done.stdout)
    return found


def test_a_budget_that_is_used_up_calls_the_webhook(estate: Monitored, hook: Receiver) -> None:
    """After a leap of a day and more, in which the costs are shown and the budget is evaluated."""
    group, now = action_group(estate, hook.url), datetime.now(UTC)
    tier = {"enabled": True, "operator": "GreaterThanOrEqualTo", "threshold": 80, "contactGroups": [group]}
    # A year from this month on: the month may turn within the leap.
    body = {
        "category": "Cost", "amount": 500, "timeGrain": "Annually", "notifications": {"eighty": tier},
        "timePeriod": {"startDate": f"{now:%Y-%m}-01T00:00:00Z"},
    }  # fmt: skip
    budget = f"{estate.group}/providers/Microsoft.Consumption/budgets/churn"
    estate.put(budget, {"properties": body})
    estate.running.inject(kind="cost", scope=estate.group, amount=1000)
    estate.running.control("PUT", "clock", json={"azure": True, "advanceSeconds": 30 * 3600})
    told = hook.wait(1)[0]
    assert keys(told) == keys(sample("budget-actual.common"))
    data = told["data"]["alertContext"]["AlertData"]
    assert (data["BudgetId"], data["NotificationThresholdAmount"]) == (budget, "$400.00")
