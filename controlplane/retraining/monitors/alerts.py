"""The rules of Azure Monitor that an endpoint's alerts mean. Pure.

Metrics and dimensions: "Supported metrics" of Microsoft.MachineLearningServices/workspaces/onlineEndpoints and
…/deployments. Criteria of a static metric alert are joined by "and", so that each metric has a rule of its own; a
dynamic threshold stands alone, in criteria of type Multiple ("Create a metric alert with dynamic thresholds").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.arm import name_of
from controlplane.json_types import JsonObject
from controlplane.retraining.monitors.model import AlertKind, EndpointAlert, Monitor
from controlplane.retraining.monitors.site import Site

METRIC_ALERT, LOG_ALERT = "Microsoft.Insights/metricAlerts", "Microsoft.Insights/scheduledQueryRules"
METRIC_API, LOG_API = "2018-03-01", "2023-12-01"
_CRITERIA = "Microsoft.Azure.Monitor.{}ResourceMultipleMetricCriteria"
#: What our intake reads of a rule: kinds of signals by its custom property.
_SAYS = {AlertKind.SUDDEN_ERRORS: AlertKind.ERRORS.value}
_NONE: JsonObject = {}


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert rule in Azure."""

    type: str
    name: str
    api_version: str
    body: JsonObject


@dataclass(frozen=True, slots=True)
class _About:
    monitor: Monitor
    alert: EndpointAlert
    site: Site
    group: str

    @property
    def endpoint(self) -> str:
        return self.site.endpoint(self.monitor.spec.endpoint)

    @property
    def said(self) -> JsonObject:
        """Custom properties: what it is about, and whose it is."""
        return {"cpKind": _SAYS.get(self.alert.kind, self.alert.kind.value), "cpMonitor": self.monitor.name}

    def name(self, suffix: str = "") -> str:
        return f"{self.monitor.name}_{self.alert.name}{suffix}"


def rules(monitor: Monitor, alert: EndpointAlert, site: Site, group: str) -> Iterator[Rule]:
    """One or several: utilisation is of processors and of memory, throttling of delays and of refusals."""
    about = _About(monitor, alert, site, group)
    match alert.kind:
        case AlertKind.LATENCY:
            yield _metric(about, "", about.endpoint, "RequestLatency_P95")
        case AlertKind.REQUESTS:
            yield _metric(about, "", about.endpoint, "RequestsPerMinute")
        case AlertKind.SUDDEN_ERRORS:
            yield _metric(about, "", about.endpoint, "RequestsPerMinute", {"statusCodeClass": "5xx"})
        case AlertKind.UTILISATION:
            deployment = site.deployment(monitor.spec.endpoint, monitor.spec.deployment)
            yield _metric(about, "_cpu", deployment, "CpuUtilizationPercentage")
            yield _metric(about, "_memory", deployment, "CpuMemoryUtilizationPercentage")
        case AlertKind.ERRORS:
            yield _log(about, "", _errors(about), "Errors")
        case AlertKind.THROTTLING:
            yield _log(about, "_delays", _delays(about), "DelayMs")
            yield _log(about, "_refusals", _refusals(about), "Refused", threshold=0)


def _metric(about: _About, suffix: str, scope: str, metric: str, only: JsonObject = _NONE) -> Rule:
    alert = about.alert
    criterion: dict[str, Any] = {
        "name": "criterion",
        "metricName": metric,
        "timeAggregation": "Average",
        "operator": "LessThan" if alert.below else "GreaterThan",
        "dimensions": [{"name": name, "operator": "Include", "values": [value]} for name, value in only.items()],
    }
    if alert.threshold is None:
        # The first window that is unusual is told: "A sudden rise in 500s needs immediate attention" (S3-98).
        periods = {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1}
        criterion |= {
            "criterionType": "DynamicThresholdCriterion", "alertSensitivity": "Medium", "failingPeriods": periods
        }  # fmt: skip
    else:
        criterion |= {"criterionType": "StaticThresholdCriterion", "threshold": alert.threshold}
    kind = _CRITERIA.format("Multiple" if alert.threshold is None else "Single")
    properties: JsonObject = {
        "description": f"{alert.kind.value} of endpoint {about.monitor.spec.endpoint}, by monitor {about.monitor.name}",
        "severity": alert.severity,
        "enabled": True,
        "scopes": [scope],
        "evaluationFrequency": "PT5M",
        "windowSize": _iso(alert.window),
        "criteria": {"odata.type": kind, "allOf": [criterion]},
        "autoMitigate": True,
        "actions": [{"actionGroupId": about.group, "webHookProperties": about.said}],
    }
    return Rule(METRIC_ALERT, about.name(suffix), METRIC_API, {"location": "global", "properties": properties})


def _log(about: _About, suffix: str, query: str, column: str, threshold: float | None = None) -> Rule:
    alert = about.alert
    criterion: dict[str, Any] = {
        "query": query,
        "timeAggregation": "Total",
        "metricMeasureColumn": column,
        "operator": "GreaterThan",
        "threshold": alert.threshold if threshold is None else threshold,
        "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
    }
    properties: JsonObject = {
        "description": f"{alert.kind.value} of endpoint {about.monitor.spec.endpoint}, by monitor {about.monitor.name}",
        "severity": alert.severity,
        "enabled": True,
        "scopes": [about.site.logs],
        "evaluationFrequency": "PT5M",
        "windowSize": _iso(alert.window),
        "criteria": {"allOf": [criterion]},
        "autoMitigate": True,
        "actions": {"actionGroups": [about.group], "customProperties": about.said},
    }
    body = {"location": about.site.location, "properties": properties}
    return Rule(LOG_ALERT, about.name(suffix), LOG_API, body)


def _calls(about: _About) -> str:
    workspace = name_of(about.site.workspace_id)
    return (
        "AmlOnlineEndpointTrafficLog\n"
        f'| where AzureMLWorkspaceName =~ "{workspace}" and EndpointName =~ "{about.monitor.spec.endpoint}"\n'
    )


def _errors(about: _About) -> str:
    """All 4xx and 5xx, of the endpoint and of the model in it, counted by code and reason (S3-96, S3-97)."""
    return (
        f"{_calls(about)}| where toint(ResponseCode) >= 400 or ModelStatusCode >= 400\n"
        "| summarize Errors = count() by ModelStatusCode, ModelStatusReason"
    )


def _delays(about: _About) -> str:
    """What the service holds back (S3-92)."""
    return f"{_calls(about)}| summarize DelayMs = sum(RequestThrottlingDelayMs + ResponseThrottlingDelayMs)"


def _refusals(about: _About) -> str:
    """What the service refuses for there being too much of it (S3-93)."""
    return f"{_calls(about)}| where toint(ResponseCode) == 429\n| summarize Refused = count()"


def _iso(window: timedelta) -> str:
    minutes = int(window.total_seconds() // 60)
    return "PT1H" if minutes == 60 else f"PT{minutes}M"
