"""Cases of alert rules, action groups and custom topics for test_refusals.py."""

from __future__ import annotations

from tests.simulator import estate
from tests.simulator.estate import LOCATION
from tests.simulator.lab import Body, provider
from tests.simulator.refusals import ELSEWHERE, IGNORED, LOCATION_REQUIRED, Case, moved

GROUP_OF_ACTIONS = provider("Microsoft.Insights/actionGroups", "on-call")
HOOK: Body = {"name": "control-plane", "serviceUri": "http://localhost:7071/api/alerts", "useCommonAlertSchema": True}
ACTIONS_BODY: Body = {
    "location": "Global",
    "properties": {"groupShortName": "oncall", "enabled": True, "webhookReceivers": [HOOK]},
}
ML = "Microsoft.MachineLearningServices/workspaces"
METRIC_CRITERION: Body = {
    "criterionType": "StaticThresholdCriterion",
    "name": "slow",
    "metricName": "RequestLatency_P95",
    "metricNamespace": f"{ML}/onlineEndpoints",
    "operator": "GreaterThan",
    "threshold": 500,
    "timeAggregation": "Average",
    "dimensions": [],
}


#: The name of a workbook is a UUID.
BOOK = "00000000-0000-0000-0000-0000000000b1"


def book_body(name: str = "Endpoints") -> Body:
    content = '{"version":"Notebook/1.0","items":[]}'
    properties = {"displayName": name, "category": "workbook", "serializedData": content}
    return {"location": LOCATION, "kind": "shared", "properties": properties}


def metric_body(scope: str = estate.ENDPOINT, *criteria: Body, **more: object) -> Body:
    given = list(criteria) or [METRIC_CRITERION]
    dynamic = any(one["criterionType"] == "DynamicThresholdCriterion" for one in given)
    word = "Multiple" if dynamic or more.get("targetResourceType") else "Single"
    return {
        "location": "global",
        "properties": {
            "severity": 2,
            "scopes": [scope],
            "evaluationFrequency": "PT1M",
            "windowSize": "PT5M",
            "criteria": {"odata.type": f"Microsoft.Azure.Monitor.{word}ResourceMultipleMetricCriteria", "allOf": given},
            "actions": [{"actionGroupId": GROUP_OF_ACTIONS}],
            "description": "it is slow",
            **more,
        },
    }


def log_body(scope: str = estate.LOGS, **criterion: object) -> Body:
    given = {
        "query": "AmlOnlineEndpointTrafficLog | where toint(ResponseCode) >= 500",
        "timeAggregation": "Count",
        "operator": "GreaterThan",
        "threshold": 10,
        "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
        **criterion,
    }
    return {
        "location": LOCATION,
        "properties": {
            "severity": 1,
            "scopes": [scope],
            "evaluationFrequency": "PT5M",
            "windowSize": "PT5M",
            "criteria": {"allOf": [given]},
            "actions": {"actionGroups": [GROUP_OF_ACTIONS], "customProperties": {"team": "churn"}},
            "targetResourceTypes": ["Microsoft.OperationalInsights/workspaces"],
        },
    }


def activity_body(scope: str, *conditions: Body) -> Body:
    given = list(conditions) or [{"field": "category", "equals": "Administrative"}]
    return {
        "location": "Global",
        "properties": {
            "scopes": [scope],
            "condition": {"allOf": given},
            "actions": {"actionGroups": [{"actionGroupId": GROUP_OF_ACTIONS}]},
        },
    }


CASES: dict[str, Case] = {
    "Microsoft.EventGrid/topics": Case(
        provider("Microsoft.EventGrid/topics", "notices"),
        {"location": LOCATION, "properties": {"inputSchema": "CloudEventSchemaV1_0"}},
        "location",
        LOCATION_REQUIRED,
        ("properties.inputSchema", "EventGridSchema"),
        ("InvalidRequest", "The input schema of a topic cannot be changed."),
    ),
    "microsoft.insights/actiongroups": Case(
        GROUP_OF_ACTIONS,
        ACTIONS_BODY,
        "properties.groupShortName",
        ("BadRequest", "The group short name of 'on-call2' is required."),
        ("name", "another"),
        IGNORED + "an action group has no other read-only value than its id, name and type",
    ),
    "Microsoft.Insights/metricAlerts": Case(
        provider("Microsoft.Insights/metricAlerts", "slow"),
        metric_body(),
        "properties.criteria",
        ("BadRequest", "The criteria of alert rule"),
        ("name", "another"),
        IGNORED + "a rule has no other read-only value than its id, name and type",
    ),
    "Microsoft.Insights/scheduledQueryRules": Case(
        provider("Microsoft.Insights/scheduledQueryRules", "failing"),
        log_body(),
        "properties.criteria",
        ("BadRequest", "The criteria of alert rule"),
        ("location", ELSEWHERE),
        moved("failing"),
    ),
    "Microsoft.Insights/activityLogAlerts": Case(
        provider("Microsoft.Insights/activityLogAlerts", "changed"),
        activity_body("/subscriptions/00000000-0000-0000-0000-000000000000"),
        "properties.condition",
        ("BadRequest", "The condition of alert rule"),
        ("name", "another"),
        IGNORED + "a rule has no other read-only value than its id, name and type",
    ),
    "Microsoft.Insights/workbooks": Case(
        provider("Microsoft.Insights/workbooks", f"{BOOK[:-1]}0"),
        book_body(),
        "properties.serializedData",
        ("BadRequest", "The property 'serializedData' of workbook"),
        ("properties.revision", "another"),
        IGNORED + "revision is readOnly in the API definition",
        new=provider("Microsoft.Insights/workbooks", BOOK),
    ),
}
