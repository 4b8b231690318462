"""The rules of Azure Monitor that an endpoint's alerts mean. Pure.

Metrics and dimensions: "Supported metrics" of Microsoft.MachineLearningServices/workspaces/onlineEndpoints and
…/deployments. Criteria of a static metric alert are joined by "and", so that each metric has a rule of its own; a
dynamic threshold stands alone, in criteria of type Multiple ("Create a metric alert with dynamic thresholds").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    return (one.make(about) for one in RULES.values() if one.kind is alert.kind)


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


def _requests(about: _About) -> Rule:
    return _metric(about, "", about.endpoint, "RequestsPerMinute")


def _latency(about: _About) -> Rule:
    return _metric(about, "", about.endpoint, "RequestLatency_P95")


def _sudden(about: _About) -> Rule:
    return _metric(about, "", about.endpoint, "RequestsPerMinute", {"statusCodeClass": "5xx"})


def _used(about: _About, suffix: str, metric: str) -> Rule:
    spec = about.monitor.spec
    return _metric(about, suffix, about.site.deployment(spec.endpoint, spec.deployment), metric)


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule that a kind of alert means."""

    kind: AlertKind
    make: Callable[[_About], Rule]
    requirements: tuple[str, ...]


RULES: dict[str, AlertRule] = {
    "latency": AlertRule(AlertKind.LATENCY, _latency, ("S3-33",)),
    "requests": AlertRule(AlertKind.REQUESTS, _requests, ("S3-90",)),
    "cpu": AlertRule(AlertKind.UTILISATION, lambda a: _used(a, "_cpu", "CpuUtilizationPercentage"), ("S3-89",)),
    "memory": AlertRule(
        AlertKind.UTILISATION, lambda a: _used(a, "_memory", "CpuMemoryUtilizationPercentage"), ("S3-89",)
    ),
    "errors": AlertRule(AlertKind.ERRORS, lambda a: _log(a, "", _errors(a), "Errors"), ("S3-96", "S3-97")),
    "suddenErrors": AlertRule(AlertKind.SUDDEN_ERRORS, _sudden, ("S3-98",)),
    "delays": AlertRule(AlertKind.THROTTLING, lambda a: _log(a, "_delays", _delays(a), "DelayMs"), ("S3-92",)),
    "refusals": AlertRule(
        AlertKind.THROTTLING, lambda a: _log(a, "_refusals", _refusals(a), "Refused", threshold=0), ()
    ),
}
"""Name → rule. That Resource Manager throttles is no rule's to see: the poll does."""
