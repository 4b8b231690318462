"""Azure Monitor's alerts: the common schema with all its services, and the budgets' own form. Pure; untrusted.

Sources: "Common alert schema" and "Sample alert payloads" of Azure Monitor's documentation; ids in them are often in
lower case, and several services leave fields out or null. Amounts of budgets are texts in somebody's locale and are
never read as money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.arm import fold
from controlplane.retraining.signal import Direction, Measure, Severity, SignalKind
from controlplane.retraining.signals.eventgrid import plain, time_of

COMMON = "azureMonitorCommonAlertSchema"
LEGACY_BUDGET = "AIP Budget Notification"
#: A rule of ours says in a custom property what it is about; only these kinds are taken from there.
KIND_PROPERTY = "cpKind"
_MOST_TARGETS = 20
_MAX_ID = 1000
_SEVERITIES = {"Sev0": Severity.CRITICAL, "Sev1": Severity.HIGH, "Sev2": Severity.MEDIUM}
_SAID = {
    kind.value: kind
    for kind in (
        SignalKind.LATENCY,
        SignalKind.ERRORS,
        SignalKind.THROTTLING,
        SignalKind.UTILISATION,
        SignalKind.REQUESTS,
    )
}
_SERVICES = {
    "resourcehealth": SignalKind.HEALTH,
    "servicehealth": SignalKind.HEALTH,
    "costalerts": SignalKind.BUDGET,
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, normalised. ``targets`` are folded ARM ids. ``key`` is the same for copies, for the fired and the
    resolved form of one instance, and for nothing else."""

    key: str
    alert_id: str
    kind: SignalKind
    targets: tuple[str, ...]
    at: datetime
    severity: Severity
    resolved: bool
    measures: tuple[Measure, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class NoAlert:
    """Why a body is no alert."""

    reason: str


def decode_alert(body: Mapping[str, Any], now: datetime) -> Alert | NoAlert:
    """``now`` stands in for a time that a form does not have."""
    schema, data = body.get("schemaId"), body.get("data")
    if not isinstance(data, Mapping):
        return NoAlert("It has no `data`.")
    if schema == LEGACY_BUDGET:
        return _legacy_budget(data, now)
    if schema != COMMON:
        return NoAlert(f"Its `schemaId` is neither {COMMON} nor {LEGACY_BUDGET}.")
    essentials = data.get("essentials")
    context = data.get("alertContext")
    if not isinstance(essentials, Mapping):
        return NoAlert("It has no `data.essentials`.")
    return _common(essentials, context if isinstance(context, Mapping) else {}, data)


def _common(essentials: Mapping[str, Any], context: Mapping[str, Any], data: Mapping[str, Any]) -> Alert | NoAlert:
    alert_id, fired = essentials.get("alertId"), time_of(essentials.get("firedDateTime"))
    if not isinstance(alert_id, str) or not 0 < len(alert_id) <= _MAX_ID or fired is None:
        return NoAlert("It has no `alertId`, or no `firedDateTime`.")
    condition = essentials.get("monitorCondition")
    if condition not in ("Fired", "Resolved"):
        return NoAlert("Its `monitorCondition` is neither Fired nor Resolved.")
    alert_id, service = plain(alert_id, _MAX_ID), _text(essentials.get("monitoringService"))
    measures = tuple(_measures(context))
    kind = _detected(context) if service == "SmartDetector" else _kind(service, _properties(context, data), measures)
    targets = _targets(essentials.get("alertTargetIDs"))
    if kind is SignalKind.BUDGET:
        return _common_budget(context, fired, _text(essentials.get("description")))
    return Alert(
        key=f"{fold(alert_id)}\n{fired.isoformat()}",
        alert_id=alert_id,
        kind=kind,
        targets=targets,
        at=fired,
        severity=_SEVERITIES.get(_text(essentials.get("severity")), Severity.LOW),
        resolved=condition == "Resolved",
        measures=measures,
        summary=f"{service}: {_text(essentials.get('alertRule')) or alert_id}"[:500],
    )


def _common_budget(context: Mapping[str, Any], fired: datetime, text: str) -> Alert | NoAlert:
    """The alert's id is the same for every one of a budget: its threshold and period tell them apart."""
    found = context.get("AlertData")
    data: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    names = ("BudgetId", "BudgetStartDate", "ThresholdType", "NotificationThresholdAmount")
    parts = [_text(data.get(name)) for name in names]
    if not parts[0]:
        return NoAlert("It names no budget.")
    key = "\n".join((fold(parts[0]), *parts[1:], fired.strftime("%Y-%m")))
    targets = _targets([data.get("Scope")])
    # What can be read again is the budget: of its alerts all may have one id.
    return Alert(key, parts[0], SignalKind.BUDGET, targets, fired, Severity.HIGH, False, (), text[:500])


def _legacy_budget(data: Mapping[str, Any], now: datetime) -> Alert | NoAlert:
    """It has no time and no id; a threshold is passed once in a period."""
    subscription, name = data.get("SubscriptionId"), data.get("BudgetName")
    if not isinstance(subscription, str) or not isinstance(name, str) or len(subscription) + len(name) > _MAX_ID:
        return NoAlert("It names no budget.")
    subscription, name, group = plain(subscription, _MAX_ID), plain(name, _MAX_ID), _text(data.get("ResourceGroup"))
    scope = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
    amount, start = _text(data.get("NotificationThresholdAmount")), _text(data.get("BudgetStartDate"))
    key = f"{fold(scope)}\n{name}\n{start}\n{amount}\n{now:%Y-%m}"
    budget = f"{scope}/providers/Microsoft.Consumption/budgets/{name}"
    return Alert(
        key, budget, SignalKind.BUDGET, _targets([scope]), now, Severity.HIGH, False, (), f"Budget {name}"[:500]
    )


def _text(value: object) -> str:
    """A short text, or none: what is nested is not printed."""
    if isinstance(value, str):
        return plain(value, _MAX_ID)
    number = _number(value)
    return "" if number is None else f"{number:g}"


def _detected(context: Mapping[str, Any]) -> SignalKind:
    """Smart detection says by the detector's name what it found: failures, or that something became slow."""
    slow = "performance" in _text(context.get("SmartDetectorId")).lower()
    return SignalKind.LATENCY if slow else SignalKind.ERRORS


def _kind(service: str, said: Mapping[str, Any], measures: tuple[Measure, ...]) -> SignalKind:
    known = _SERVICES.get(service.lower().replace(" ", ""))
    if known is not None:
        return known
    if service.lower().startswith("activity log"):
        return SignalKind.ACTIVITY
    asked = _SAID.get(_text(said.get(KIND_PROPERTY)))
    if asked is not None:
        return asked
    names = " ".join(one.metric.lower() for one in measures)
    if "latency" in names:
        return SignalKind.LATENCY
    if "utilization" in names:
        return SignalKind.UTILISATION
    if "throttling" in names:
        return SignalKind.THROTTLING
    if "requestsperminute" in names:
        return SignalKind.REQUESTS
    return SignalKind.ACTIVITY


def _properties(context: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Custom properties stand in either place, by service."""
    found: dict[str, Any] = {}
    for one in (context.get("properties"), data.get("customProperties")):
        if isinstance(one, Mapping):
            found |= one
    return found


def _measures(context: Mapping[str, Any]) -> Iterator[Measure]:
    condition = context.get("condition")
    criteria = condition.get("allOf") if isinstance(condition, Mapping) else None
    for one in criteria[:_MOST_TARGETS] if isinstance(criteria, list) else ():
        if isinstance(one, Mapping):
            name = one.get("metricName") or one.get("metricMeasureColumn") or "count"
            value, threshold = _number(one.get("metricValue")), _number(one.get("threshold"))
            worse = Direction.UNKNOWN if value is None or threshold is None else _side(one, value, threshold)
            yield Measure(metric=_text(name)[:100], value=value, threshold=threshold, direction=worse)


def _side(criterion: Mapping[str, Any], value: float, threshold: float) -> Direction:
    """Which side is bad, an alert's own operator says: of latency more, of requests less."""
    match _text(criterion.get("operator")):
        case "GreaterThan" | "GreaterThanOrEqual" | "GreaterThanOrEqualTo":
            return Direction.WORSE if value >= threshold else Direction.BETTER
        case "GreaterOrLessThan" if value >= threshold:  # the lower bound is not told
            return Direction.WORSE
        case "LessThan" | "LessThanOrEqual" | "LessThanOrEqualTo" | "LowerThan" | "LowerThanOrEqual":
            return Direction.WORSE if value <= threshold else Direction.BETTER
        case _:
            return Direction.UNKNOWN


def _number(value: object) -> float | None:
    """Thresholds are texts, values are numbers, both may be neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _targets(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    ids = (one for one in value[:_MOST_TARGETS] if isinstance(one, str))
    return tuple(fold(plain(one, _MAX_ID)) for one in ids if one.startswith("/subscriptions/") and len(one) <= _MAX_ID)
