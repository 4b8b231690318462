"""Microsoft.Insights: metricAlerts, scheduledQueryRules (v2), activityLogAlerts. How they fire: planes/alerts.py.

Shapes: API definitions of 2018-03-01, 2023-12-01 and 2020-10-01; frequencies and windows: learn.microsoft.com, "Azure
Monitor alert rules" and the definitions' own docstrings. Codes are the provider's, words assumed.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.engine.declaration import (
    ArmError,
    Hook,
    HookContext,
    JsonObject,
    Lro,
    Phase,
    Required,
    ResourceType,
    Style,
)
from simulator.types._shared import dig, items, type_of
from simulator.types.machinelearning.nodes import duration
from simulator.types.metric_table import metrics_of

METRIC, LOG, ACTIVITY = (
    f"Microsoft.Insights/{one}" for one in ("metricAlerts", "scheduledQueryRules", "activityLogAlerts")
)
SINGLE, MULTIPLE = (f"Microsoft.Azure.Monitor.{one}ResourceMultipleMetricCriteria" for one in ("Single", "Multiple"))
STATIC, DYNAMIC = "StaticThresholdCriterion", "DynamicThresholdCriterion"
METRIC_FREQUENCIES = ("PT1M", "PT5M", "PT15M", "PT30M", "PT1H")
METRIC_WINDOWS = (*METRIC_FREQUENCIES, "PT6H", "PT12H", "P1D")
LOG_FREQUENCIES = (
    "PT1M",
    "PT5M",
    "PT10M",
    "PT15M",
    "PT30M",
    "PT45M",
    "PT1H",
    "PT2H",
    "PT3H",
    "PT4H",
    "PT5H",
    "PT6H",
    "P1D",
)
LOG_WINDOWS = (*LOG_FREQUENCIES, "P2D")
AGGREGATIONS = ("Average", "Count", "Minimum", "Maximum", "Total")
METRIC_OPERATORS = ("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
LOG_OPERATORS = ("Equal", "Equals", *METRIC_OPERATORS[1:])
DYNAMIC_OPERATORS = ("GreaterThan", "LessThan", "GreaterOrLessThan")
SENSITIVITIES = ("Low", "Medium", "High")


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def one_of(what: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise _bad(f"The value '{value}' of {what} is not valid. Valid values are: {', '.join(known)}.")


def _times(properties: JsonObject, frequencies: tuple[str, ...], windows: tuple[str, ...]) -> None:
    one_of("evaluationFrequency", properties.get("evaluationFrequency"), frequencies)
    one_of("windowSize", properties.get("windowSize"), windows)
    if duration(str(properties["windowSize"])) < duration(str(properties["evaluationFrequency"])):
        raise _bad("The window size cannot be smaller than the evaluation frequency.")


def _severity(properties: JsonObject) -> None:
    severity = properties.get("severity")
    if isinstance(severity, bool) or not isinstance(severity, int) or not 0 <= severity <= 4:
        raise _bad(f"The severity '{severity}' is not valid. It must be between 0 and 4.")


def _scopes(ctx: HookContext) -> list[str]:
    scopes = [str(one) for one in ctx.resource.properties.get("scopes") or ()]
    if not scopes:
        raise _bad("The alert rule must have at least one scope.")
    for scope in scopes:
        if "/providers/" in scope and ctx.engine.get(scope) is None:
            raise ArmError(404, "ResourceNotFound", f"The resource '{scope}' of the alert rule's scopes was not found.")
    return scopes


# -- metrics -----------------------------------------------------------------------------------------------------------


def target_type(properties: JsonObject) -> str:
    """What the rule watches, folded: its scopes' type, or the one it names for groups and subscriptions."""
    kinds = [type_of(str(one)) for one in properties.get("scopes") or ()]
    return kinds[0] if kinds and kinds[0] else str(properties.get("targetResourceType") or "").lower()


def check_metric(ctx: HookContext) -> None:
    properties = ctx.resource.properties
    _severity(properties)
    _times(properties, METRIC_FREQUENCIES, METRIC_WINDOWS)
    scopes = _scopes(ctx)
    kind = dig(properties, "criteria", {}).get("odata.type")
    one_of("criteria's odata.type", kind, (SINGLE, MULTIPLE))
    if len(scopes) > 1 and kind == SINGLE:
        raise _bad(f"A rule of several resources needs criteria of type {MULTIPLE}.")
    if len({type_of(one) for one in scopes}) > 1:
        raise _bad("All scopes of a metric alert rule must be of one resource type.")
    criteria = items(properties, "criteria.allOf")
    if not criteria or len(criteria) > 5:
        raise _bad("A metric alert rule has one to five criteria.")
    if len({one.get("name") for one in criteria}) < len(criteria):
        raise _bad("The names of a metric alert rule's criteria must be unique.")
    dynamic = [one for one in criteria if one.get("criterionType") == DYNAMIC]
    if dynamic and (len(criteria) > 1 or kind == SINGLE):
        raise _bad(f"A dynamic threshold stands alone, in criteria of type {MULTIPLE}.")
    for criterion in criteria:
        _check_criterion(target_type(properties), criterion)


def _check_criterion(kind: str, criterion: JsonObject) -> None:
    one_of("criterionType", criterion.get("criterionType"), (STATIC, DYNAMIC))
    one_of("timeAggregation", criterion.get("timeAggregation"), AGGREGATIONS)
    if criterion["criterionType"] == DYNAMIC:
        one_of("operator", criterion.get("operator"), DYNAMIC_OPERATORS)
        one_of("alertSensitivity", criterion.get("alertSensitivity"), SENSITIVITIES)
        _failing(criterion, "numberOfEvaluationPeriods", "minFailingPeriodsToAlert")
    else:
        one_of("operator", criterion.get("operator"), METRIC_OPERATORS)
        if not isinstance(criterion.get("threshold"), int | float):
            raise _bad(f"The threshold of criterion '{criterion.get('name')}' must be a number.")
    metric = metrics_of(kind).get(str(criterion.get("metricName")).lower())
    if metric is None:
        raise _bad(f"Couldn't find a metric named {criterion.get('metricName')} of resource type {kind}.")
    known = {name.lower() for name in metric.dimensions}
    for wanted in items(criterion, "dimensions"):
        one_of(f"the operator of dimension {wanted.get('name')}", wanted.get("operator"), ("Include", "Exclude"))
        if str(wanted.get("name")).lower() not in known or not wanted.get("values"):
            raise _bad(f"The dimension '{wanted.get('name')}' is not one of {', '.join(metric.dimensions)}, or empty.")


def _faults(query: str) -> list[str]:
    from simulator.planes import kql  # a second to import: the first rule pays for it

    return kql.faults(query)


def _failing(criterion: JsonObject, whole: str, least: str) -> None:
    periods = criterion.get("failingPeriods") or {}
    total, needed = float(periods.get(whole, 1)), float(periods.get(least, 1))
    if not 1 <= needed <= total <= 6:
        raise _bad(f"{least} must be at least 1 and at most {whole}, which is at most 6.")


# -- logs --------------------------------------------------------------------------------------------------------------


def check_log(ctx: HookContext) -> None:
    properties = ctx.resource.properties
    _severity(properties)
    _times(properties, LOG_FREQUENCIES, LOG_WINDOWS)
    if len(_scopes(ctx)) != 1:
        raise _bad("A log search alert rule has exactly one scope.")
    criteria = items(properties, "criteria.allOf")
    if len(criteria) != 1:
        raise _bad("A log search alert rule has exactly one criterion.")
    criterion = criteria[0]
    query = str(criterion.get("query") or "").strip()
    wrong = _faults(query) if query else ["it is empty"]
    if wrong and not properties.get("skipQueryValidation"):
        raise _bad(f"The query of the log search alert rule is not valid: {wrong[0]}")
    one_of("timeAggregation", criterion.get("timeAggregation"), AGGREGATIONS)
    one_of("operator", criterion.get("operator"), LOG_OPERATORS)
    if criterion["timeAggregation"] != "Count" and not criterion.get("metricMeasureColumn"):
        raise _bad(f"metricMeasureColumn is required with the time aggregation {criterion['timeAggregation']}.")
    if not isinstance(criterion.get("threshold"), int | float):
        raise _bad("The threshold of a log search alert rule must be a number.")
    _failing(criterion, "numberOfEvaluationPeriods", "minFailingPeriodsToAlert")
    if properties.get("muteActionsDuration") and properties.get("autoMitigate"):
        raise _bad("muteActionsDuration and autoMitigate cannot both be set.")


# -- activity log ------------------------------------------------------------------------------------------------------

CATEGORIES = (
    "Administrative", "ServiceHealth", "ResourceHealth", "Alert", "Autoscale", "Recommendation", "Security", "Policy",
)  # fmt: skip


def check_activity(ctx: HookContext) -> None:
    _scopes(ctx)
    conditions = items(ctx.resource.properties, "condition.allOf")
    named = {str(one.get("field")).lower(): one for one in conditions}
    if "category" not in named:
        raise _bad("The condition of an activity log alert must have a leaf condition on the field 'category'.")
    one_of("category", named["category"].get("equals"), CATEGORIES)


# -- the types ---------------------------------------------------------------------------------------------------------


def _rule(name: str, hook: str, check: Callable[[HookContext], None], location: str, **more: object) -> ResourceType:
    path = "condition" if name == ACTIVITY else "criteria"
    return ResourceType(
        name=name,
        location=location,
        create=Lro(Style.SYNC, 200 if name == METRIC else 201),  # its definition knows no 201
        update=Lro(Style.SYNC, 200),
        delete=Lro(Style.SYNC, 200),
        provisioning_state=False,
        keys=("id", "name", "type", "location", "kind", "tags", "properties", "identity", "systemData"),
        required=(
            Required("properties.scopes", "BadRequest", "The scopes of alert rule '{name}' are required."),
            Required(f"properties.{path}", "BadRequest", f"The {path} of alert rule '{{name}}' is required."),
        ),
        hooks=(Hook(Phase.VALIDATE, hook, check),),
        **more,  # type: ignore[arg-type]
    )


_ON: JsonObject = {"properties": {"enabled": True}}
TYPES: tuple[ResourceType, ...] = (
    _rule(
        METRIC, "metric-alert-rules", check_metric, "global",
        defaults={"properties": {"enabled": True, "autoMitigate": True, "severity": 3, "actions": []}},
    ),
    _rule(
        LOG, "log-alert-rules", check_log, "required",
        defaults={"kind": "LogAlert", "properties": {"enabled": True, "autoMitigate": True, "severity": 3}},
    ),
    _rule(ACTIVITY, "activity-alert-rules", check_activity, "global", defaults=_ON),
)  # fmt: skip
