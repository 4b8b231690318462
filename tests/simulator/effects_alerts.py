"""What the hooks of alert rules, action groups and custom topics cause, one function a hook."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_network import Effect, effect
from tests.simulator.lab import Body, Lab, provider
from tests.simulator.refusals_alerts import (
    ACTIONS_BODY,
    BOOK,
    GROUP_OF_ACTIONS,
    HOOK,
    METRIC_CRITERION,
    activity_body,
    book_body,
    log_body,
    metric_body,
)

METRIC, LOG, ACTIVITY = (
    provider(f"Microsoft.Insights/{one}", "rule")
    for one in ("metricAlerts", "scheduledQueryRules", "activityLogAlerts")
)


def endpoint(lab: Lab) -> None:
    """One whose workspace does not matter."""
    lab.group()
    lab.put(estate.LOGS, estate.LOGS_BODY)
    shared = {**estate.ONLINE_BODY["properties"], "traffic": {"blue": 90, "green": 10}}
    lab.engine.put(estate.ENDPOINT, {**estate.ONLINE_BODY, "properties": shared})


def changed(body: Body, **properties: Any) -> Body:
    return {**body, "properties": {**body["properties"], **properties}}


@effect("action-group-rules")
def webhooks_are_complete(lab: Lab) -> None:
    lab.group()
    for wrong in (
        {**HOOK, "useCommonAlertSchema": False},
        {**HOOK, "serviceUri": "somewhere"},
        {**HOOK, "useAadAuth": True, "objectId": "o", "tenantId": "t"},
    ):
        body = changed(ACTIONS_BODY, webhookReceivers=[wrong])
        assert lab.refused("PUT", GROUP_OF_ACTIONS, body)["code"] == "BadRequest"
    assert lab.refused("PUT", GROUP_OF_ACTIONS, changed(ACTIONS_BODY, groupShortName="rather too long"))
    twice = changed(ACTIONS_BODY, webhookReceivers=[HOOK, HOOK])
    assert "must be unique" in lab.refused("PUT", GROUP_OF_ACTIONS, twice)["message"]


@effect("workbook-rules")
def workbooks_have_a_uuid_and_a_name_of_their_own(lab: Lab) -> None:
    """And their content is shown to who asks for it."""
    lab.group()
    kind = provider("Microsoft.Insights/workbooks", "")
    assert lab.refused("PUT", f"{kind}mine", book_body())["message"] == "Invalid Workbook resource name: 'mine'"
    lab.put(f"{kind}{BOOK}", book_body())
    other = f"{BOOK[:-1]}2"
    assert lab.refused("PUT", f"{kind}{other}", book_body("ENDPOINTS"))["code"] == "Conflict"
    lab.put(f"{kind}{other}", book_body("Others"))
    assert "serializedData" not in lab.call("GET", f"{kind}{BOOK}").body["properties"]
    asked = f"{kind.rstrip('/')}?category=workbook&canFetchContent=true"
    shown = lab.call("GET", asked).body["value"]
    assert {one["properties"]["serializedData"] for one in shown} == {book_body()["properties"]["serializedData"]}
    assert lab.call("GET", kind.rstrip("/")).status == 400


@effect("metric-alert-rules")
def metric_rules_say_what_they_watch(lab: Lab) -> None:
    endpoint(lab)
    crit = METRIC_CRITERION
    dynamic = {**crit, "criterionType": "DynamicThresholdCriterion", "alertSensitivity": "High"}
    for wrong in (
        metric_body(severity=5),
        metric_body(evaluationFrequency="PT2M"),
        metric_body(evaluationFrequency="PT15M"),  # longer than the window
        metric_body(scopes=[]),
        metric_body(estate.ENDPOINT, {**crit, "metricName": "Latency"}),
        metric_body(estate.ENDPOINT, {**crit, "operator": "Above"}),
        metric_body(estate.ENDPOINT, {**crit, "threshold": None}),
        metric_body(estate.ENDPOINT, {**crit, "dimensions": [{"name": "x", "operator": "Include", "values": ["*"]}]}),
        metric_body(estate.ENDPOINT, crit, crit),
        metric_body(estate.ENDPOINT, {**dynamic, "alertSensitivity": "Very"}),
        metric_body(estate.ENDPOINT, {**dynamic, "failingPeriods": {"minFailingPeriodsToAlert": 3}}),
        metric_body(estate.ENDPOINT, dynamic, {**crit, "name": "other"}),
    ):
        assert lab.refused("PUT", METRIC, wrong)["code"] == "BadRequest"
    assert lab.refused("PUT", METRIC, metric_body(f"{estate.ENDPOINT}2"))["code"] == "ResourceNotFound"


@effect("log-alert-rules")
def log_rules_have_a_query_that_can_be_read(lab: Lab) -> None:
    endpoint(lab)
    for wrong in (
        log_body(query="AmlOnlineEndpointTrafficLog | where"),
        log_body(query=" "),
        log_body(timeAggregation="Average"),  # of which column?
        log_body(operator="Above"),
        log_body(failingPeriods={"numberOfEvaluationPeriods": 2, "minFailingPeriodsToAlert": 3}),
        changed(log_body(), windowSize="PT1M"),
        changed(log_body(), muteActionsDuration="PT1H"),
    ):
        assert lab.refused("PUT", LOG, wrong)["code"] == "BadRequest"


@effect("activity-alert-rules")
def activity_rules_have_a_category(lab: Lab) -> None:
    lab.group()
    wrong = activity_body(estate.LOGS.partition("/providers/")[0], {"field": "status", "equals": "Failed"})
    assert "category" in lab.refused("PUT", ACTIVITY, wrong)["message"]


@effect("custom-topic-rules")
def a_topic_keeps_its_schema_and_its_name(lab: Lab) -> None:
    lab.group()
    path = provider("Microsoft.EventGrid/topics", "notices")
    wrong = {"location": estate.LOCATION, "properties": {"inputSchema": "CustomEventSchema"}}
    assert lab.refused("PUT", path, wrong)["code"] == "InvalidRequest"
    lab.put(path, {"location": estate.LOCATION, "properties": {}})
    elsewhere = provider("Microsoft.EventGrid/topics", "notices", group=lab.group("other"))
    assert lab.refused("PUT", elsewhere, {"location": estate.LOCATION, "properties": {}})["code"] == "Conflict"


TABLE: tuple[Effect, ...] = (webhooks_are_complete, metric_rules_say_what_they_watch)
