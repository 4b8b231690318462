"""Notices that nothing here brings about by itself: what `POST /simulator/alerts` sends, by kind.

Shapes: learn.microsoft.com, "Sample alert payloads" (2026-07); resource health and smart detection from its fields as
the page lists them. A wish's `payload` is merged over the sample.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine.core import Engine
from simulator.engine.hooks import JsonObject
from simulator.engine.values import clone, overlay
from simulator.planes.alert_payloads import VERSIONS, envelope, stamp
from simulator.types._shared import name_of, subscription_of


def payload(wish: JsonObject, engine: Engine) -> JsonObject:
    """Raises ValueError for a kind that is none, KeyError without a target."""
    kind = str(wish.get("kind"))
    if kind not in KINDS:
        raise ValueError(f"unknown alert {kind!r}: {', '.join(KINDS)}")
    made = KINDS[kind](str(wish["target"]), str(wish.get("rule") or f"test-{kind}"), engine)
    overlay(made, clone(wish.get("payload") or {}))
    return made


def _essentials(target: str, rule: str, engine: Engine, kind: str | None, service: str) -> JsonObject:
    number = engine.guid("sample-alert", rule, str(engine.count("sample-alerts")))
    return {
        "alertId": f"/subscriptions/{subscription_of(target)}/providers/Microsoft.AlertsManagement/alerts/{number}",
        "alertRule": rule, "severity": "Sev4", "signalType": kind, "monitorCondition": "Fired",
        "monitoringService": service, "alertTargetIDs": [target.lower()], "configurationItems": [name_of(target)],
        "originAlertId": number, "firedDateTime": stamp(engine.time()), "description": "Alert rule description",
        **VERSIONS,
    }  # fmt: skip


def _activity(target: str, rule: str, engine: Engine) -> JsonObject:
    now, action = stamp(engine.time()), "Microsoft.MachineLearningServices/workspaces/write"
    context = {
        "authorization": {"action": action, "scope": target}, "channels": "Operation", "claims": "{}",
        "caller": "user@contoso.com", "correlationId": engine.guid("sample", rule), "eventSource": "Administrative",
        "eventTimestamp": now, "eventDataId": engine.guid("sample-data", rule), "level": "Informational",
        "operationName": action, "operationId": engine.guid("sample-operation", rule),
        "properties": {"eventCategory": "Administrative", "entity": target, "message": action, "hierarchy": ""},
        "status": "Succeeded", "subStatus": "", "submissionTimestamp": now, "Activity Log Event Description": "",
    }  # fmt: skip
    return envelope(_essentials(target, rule, engine, "Activity Log", "Activity Log - Administrative"), context)


def _resource_health(target: str, rule: str, engine: Engine) -> JsonObject:
    now = stamp(engine.time())
    context = {
        "channels": "Admin, Operation", "correlationId": engine.guid("sample", rule), "eventSource": "ResourceHealth",
        "eventTimestamp": now, "eventDataId": engine.guid("sample-data", rule), "level": "Informational",
        "operationName": "Microsoft.Resourcehealth/healthevent/Activated/action",
        "operationId": engine.guid("sample-operation", rule),
        "properties": {
            "title": "Unavailable", "details": None, "currentHealthStatus": "Unavailable",
            "previousHealthStatus": "Available", "type": "Downtime", "cause": "PlatformInitiated",
        },
        "status": "Active", "submissionTimestamp": now, "Activity Log Event Description": None,
    }  # fmt: skip
    return envelope(_essentials(target, rule, engine, "Activity Log", "Resource Health"), context)


def _service_health(target: str, rule: str, engine: Engine) -> JsonObject:
    """`signalType` is written in one word, and there are no configurationItems: as the test notice has it."""
    now = stamp(engine.time())
    context = {
        "authorization": None, "channels": 1, "claims": None, "caller": None,
        "correlationId": engine.guid("sample", rule), "eventSource": 2, "eventTimestamp": now, "httpRequest": None,
        "eventDataId": engine.guid("sample-data", rule), "level": 3,
        "operationName": "Microsoft.ServiceHealth/incident/action",
        "operationId": engine.guid("sample-operation", rule),
        "properties": {
            "title": "Machine learning degraded", "service": "Machine Learning", "region": "West Europe",
            "communication": "<p>We are investigating.</p>", "incidentType": "Incident", "trackingId": "TEST-TTT",
            "impactStartTime": now, "stage": "Active", "isHIR": "false",
            "impactedServices": '[{"ImpactedRegions":[{"RegionName":"West Europe"}],"ServiceName":"Machine Learning"}]',
        },
        "status": "Active", "subStatus": None, "submissionTimestamp": now, "ResourceType": None,
    }  # fmt: skip
    found = _essentials(target, rule, engine, "ActivityLog", "ServiceHealth")
    del found["configurationItems"]
    return envelope({**found, "alertTargetIDs": [f"/subscriptions/{subscription_of(target)}"]}, context)


def _smart_detector(target: str, rule: str, engine: Engine) -> JsonObject:
    context = {
        "DetectionSummary": "An abnormal rise in failed request rate",
        "FormattedOccurrenceTime": stamp(engine.time()), "DetectedFailureRate": "50% (200/400 requests)",
        "NormalFailureRate": "0% (over the last 30 minutes)",
        "FailureRateChart": [[1_568_288_838_000, 0]], "FailedRequests": [], "AllRequests": [],
        "SmartDetectorId": "FailureAnomaliesDetector", "SmartDetectorName": "Failure Anomalies",
        "AnalysisTimestamp": stamp(engine.time()),
    }  # fmt: skip
    return envelope({**_essentials(target, rule, engine, "Log", "SmartDetector"), "severity": "Sev3"}, context)


def _budget(target: str, rule: str, engine: Engine) -> JsonObject:
    """The one in which most of the essentials are null."""
    subscription = f"/subscriptions/{subscription_of(target)}"
    data = {
        "Scope": f"{subscription}/", "ThresholdType": "Actual", "BudgetType": "Cost", "BudgetThreshold": "$50.00",
        "NotificationThresholdAmount": "$25.00", "BudgetName": rule,
        "BudgetId": f"{subscription}/providers/Microsoft.Consumption/budgets/{rule}", "BudgetStartDate": "2026-11-01",
        "BudgetCreator": "test@sample.test", "Unit": "USD", "SpentAmount": "$11,111.00",
    }  # fmt: skip
    nothing = ("alertRule", "severity", "signalType", "alertTargetIDs", "originAlertId")
    found = {**_essentials(target, rule, engine, None, "CostAlerts"), **dict.fromkeys(nothing)}
    found["alertId"] = f"{subscription}/providers/Microsoft.CostManagement/alerts/{rule}"
    text = f"Your spend for budget {rule} is now $11,111.00 exceeding your specified threshold $25.00."
    context = {"AlertCategory": "budgets", "AlertData": data}
    return envelope({**found, "configurationItems": ["budgets"], "description": text}, context)


def _budget_legacy(target: str, rule: str, engine: Engine) -> JsonObject:
    data = {
        "SubscriptionName": "Workloads", "SubscriptionId": subscription_of(target), "SpendingAmount": "100",
        "BudgetStartDate": "11/1/2026", "Budget": "50", "Unit": "USD", "BudgetCreator": "email@domain.com",
        "BudgetName": rule, "BudgetType": "Cost", "ResourceGroup": "", "NotificationThresholdAmount": "0.8",
    }  # fmt: skip
    return {"schemaId": "AIP Budget Notification", "data": data}


def _condition(kind: str, condition: JsonObject, engine: Engine) -> JsonObject:
    now = stamp(engine.time())
    span = {"windowStartTime": now, "windowEndTime": now}
    return {
        "properties": None,
        "conditionType": kind,
        "condition": {"windowSize": "PT5M", "allOf": [condition], **span},
    }


_LATENCY: JsonObject = {
    "metricName": "RequestLatency_P95",
    "metricNamespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
    "operator": "GreaterThan", "threshold": "500", "timeAggregation": "Average", "dimensions": [], "metricValue": 812.5,
}  # fmt: skip


def _metric(target: str, rule: str, engine: Engine) -> JsonObject:
    context = _condition("SingleResourceMultipleMetricCriteria", {**_LATENCY, "webTestName": None}, engine)
    return envelope(_essentials(target, rule, engine, "Metric", "Platform"), context)


def _metric_dynamic(target: str, rule: str, engine: Engine) -> JsonObject:
    periods = {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1}
    found = {"alertSensitivity": "High", "failingPeriods": periods, "ignoreDataBefore": None, **_LATENCY}
    context = _condition("DynamicThresholdCriteria", found, engine)
    return envelope(_essentials(target, rule, engine, "Metric", "Platform"), context)


def _log(target: str, rule: str, engine: Engine) -> JsonObject:
    found: JsonObject = {
        "searchQuery": "AmlOnlineEndpointTrafficLog | where toint(ResponseCode) >= 500", "metricMeasureColumn": None,
        "targetResourceTypes": "['Microsoft.OperationalInsights/workspaces']", "operator": "GreaterThan",
        "threshold": "10", "timeAggregation": "Count", "dimensions": [], "metricValue": 37.0,
        "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
    }  # fmt: skip
    return envelope(
        _essentials(target, rule, engine, "Log", "Log Alerts V2"), _condition("LogQueryCriteria", found, engine)
    )


KINDS: dict[str, Callable[[str, str, Engine], JsonObject]] = {
    "activity-log": _activity, "resource-health": _resource_health, "service-health": _service_health,
    "smart-detector": _smart_detector, "budget": _budget, "budget-legacy": _budget_legacy, "metric": _metric,
    "metric-dynamic": _metric_dynamic, "log": _log,
}  # fmt: skip
