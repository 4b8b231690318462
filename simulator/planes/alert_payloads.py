"""The common alert schema, as Azure Monitor sends it. Source: learn.microsoft.com, "Sample alert payloads" and "Common
alert schema" (2026-07): `threshold` is a text, `metricValue` a number, ids of targets are in lower case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.engine.hooks import JsonObject, Resource
from simulator.planes.alert_conditions import Measured
from simulator.types._shared import items, name_of, subscription_of
from simulator.types.alert_rules import DYNAMIC, LOG

SCHEMA = "azureMonitorCommonAlertSchema"
VERSIONS = {"essentialsVersion": "1.0", "alertContextVersion": "1.0"}


@dataclass(frozen=True)
class Alert:
    """One alert instance: when it fired, when it was resolved if it was (seconds since 1970)."""

    id: str
    origin: str
    fired: float
    resolved: float | None = None


def stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def envelope(essentials: JsonObject, context: JsonObject, custom: JsonObject | None = None) -> JsonObject:
    data: JsonObject = {"essentials": essentials, "alertContext": context}
    return {"schemaId": SCHEMA, "data": {**data, "customProperties": custom} if custom is not None else data}


def essentials(rule: Resource, alert: Alert, measured: Measured, kind: str, service: str) -> JsonObject:
    found: JsonObject = {
        "alertId": alert.id, "alertRule": rule.name, "alertRuleId": rule.id,
        "severity": f"Sev{rule.properties.get('severity', 3)}", "signalType": kind,
        "monitorCondition": "Fired" if alert.resolved is None else "Resolved", "monitoringService": service,
        "alertTargetIDs": [measured.target.lower()], "configurationItems": [name_of(measured.target)],
        "originAlertId": alert.origin, "firedDateTime": stamp(alert.fired),
    }  # fmt: skip
    if alert.resolved is not None:
        found["resolvedDateTime"] = stamp(alert.resolved)
    return {**found, "description": str(rule.properties.get("description") or ""), **VERSIONS}


def of_metric(rule: Resource, alert: Alert, measured: Measured, window: tuple[float, float]) -> JsonObject:
    dynamic = any(part["criterion"].get("criterionType") == DYNAMIC for part in measured.parts)
    kind = str(rule.properties["criteria"]["odata.type"])
    condition = {
        "windowSize": rule.properties["windowSize"], "allOf": [_metric_part(part) for part in measured.parts],
        "windowStartTime": stamp(window[0]), "windowEndTime": stamp(window[1]),
    }  # fmt: skip
    properties = _webhook_properties(rule)
    context = {
        "properties": properties,
        "conditionType": "DynamicThresholdCriteria" if dynamic else kind.removeprefix("Microsoft.Azure.Monitor."),
        "condition": condition,
    }
    custom = rule.properties.get("customProperties") or rule.properties.get("actionProperties") or properties
    return envelope(essentials(rule, alert, measured, "Metric", "Platform"), context, custom)


def _metric_part(part: JsonObject) -> JsonObject:
    criterion = part["criterion"]
    shown: JsonObject = {}
    if criterion.get("criterionType") == DYNAMIC:
        periods = criterion.get("failingPeriods") or {}
        whole = {name: int(periods.get(name, 1)) for name in ("numberOfEvaluationPeriods", "minFailingPeriodsToAlert")}
        shown = {"alertSensitivity": criterion["alertSensitivity"], "failingPeriods": whole, "ignoreDataBefore": None}
    shown |= {
        "metricName": criterion["metricName"], "metricNamespace": criterion.get("metricNamespace"),
        "operator": criterion["operator"], "threshold": f"{part['threshold']:g}",
        "timeAggregation": criterion["timeAggregation"], "dimensions": part["dimensions"],
        "metricValue": part["value"],
    }  # fmt: skip
    return shown if criterion.get("criterionType") == DYNAMIC else {**shown, "webTestName": None}


def _webhook_properties(rule: Resource) -> Any:
    merged: JsonObject = {}
    for action in items(rule.properties, "actions"):
        merged |= action.get("webHookProperties") or action.get("webhookProperties") or {}
    return merged or None


def of_log(rule: Resource, alert: Alert, measured: Measured, window: tuple[float, float]) -> JsonObject:
    (part,) = measured.parts
    criterion, custom = part["criterion"], (rule.properties.get("actions") or {}).get("customProperties")
    api = f"https://api.loganalytics.io/v1{measured.target}/query?timespan={stamp(window[0])}%2f{stamp(window[1])}"
    portal = f"https://portal.azure.com#blade/Microsoft_Azure_Monitoring_Logs/LogsBlade/scope/{measured.target}"
    periods = criterion.get("failingPeriods") or {}
    whole = {name: int(periods.get(name, 1)) for name in ("numberOfEvaluationPeriods", "minFailingPeriodsToAlert")}
    shown = {
        "searchQuery": criterion["query"], "metricMeasureColumn": criterion.get("metricMeasureColumn"),
        "targetResourceTypes": str(rule.properties.get("targetResourceTypes") or []),
        "operator": criterion["operator"], "threshold": f"{part['threshold']:g}",
        "timeAggregation": criterion["timeAggregation"], "dimensions": part["dimensions"],
        "metricValue": part["value"], "failingPeriods": whole, "linkToSearchResultsUI": portal,
        "linkToFilteredSearchResultsUI": portal, "linkToSearchResultsAPI": api, "linkToFilteredSearchResultsAPI": api,
    }  # fmt: skip
    condition = {
        "windowSize": rule.properties["windowSize"], "allOf": [shown],
        "windowStartTime": stamp(window[0]), "windowEndTime": stamp(window[1]),
    }  # fmt: skip
    context = {"properties": custom, "conditionType": "LogQueryCriteria", "condition": condition}
    return envelope(essentials(rule, alert, measured, "Log", "Log Alerts V2"), context, custom)


def of_rule(rule: Resource, alert: Alert, measured: Measured, window: tuple[float, float]) -> JsonObject:
    return (of_log if rule.type == LOG else of_metric)(rule, alert, measured, window)


def of_activity(rule: Resource, event: JsonObject, alert: Alert) -> JsonObject:
    """`alertId` is the rule's own id here, and there is no Resolved."""
    measured = Measured(str(event["resourceId"]), True, ())
    shown = essentials(rule, alert, measured, "Activity Log", f"Activity Log - {event['category']}")
    context = {
        "authorization": {"action": event["operationName"], "scope": event["resourceId"]}, "channels": "Operation",
        "claims": "{}", "caller": event["caller"], "correlationId": event["correlationId"],
        "eventSource": event["category"], "eventTimestamp": event["eventTimestamp"],
        "eventDataId": event["eventDataId"], "level": event["level"], "operationName": event["operationName"],
        "operationId": event["operationId"],
        "properties": {
            "eventCategory": event["category"], "entity": event["resourceId"], "message": event["operationName"],
            "hierarchy": subscription_of(str(event["resourceId"])),
        },
        "status": event["status"], "subStatus": event["subStatus"], "submissionTimestamp": event["eventTimestamp"],
        "Activity Log Event Description": "",
    }  # fmt: skip
    return envelope({**shown, "alertId": rule.id, "severity": "Sev4"}, context)
