"""The conditions of a workspace, as in Kubernetes, from its findings. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from controlplane.operations.model import Condition, ConditionStatus
from controlplane.workspaces.posture.model import Concern, Evidence, Finding, FindingStatus, Report

_ORDER = (Concern.DECLARED, Concern.NETWORK, Concern.IDENTITY, Concern.ACCESS, Concern.MONITORING)


def conditions(report: Report, previous: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    """One per concern. ``lastTransitionTime`` moves only when ``status`` does.

    ``Ready`` sums up: it is False while a resource is missing, a check across resources fails or another condition is
    not True; a changed tag alone does not take it away.
    """
    before = {condition.type: condition for condition in previous}
    verdicts = {concern: _verdict(report, concern) for concern in _ORDER[1:]}
    verdicts = {Concern.DECLARED: _ready(report, verdicts), **verdicts}
    return tuple(_condition(concern, *verdicts[concern], before.get(concern.value), now) for concern in _ORDER)


Verdict = tuple[ConditionStatus, str, str]


def _condition(
    concern: Concern, status: ConditionStatus, reason: str, message: str, before: Condition | None, now: datetime
) -> Condition:
    since = before.last_transition_time if before is not None and before.status is status else now
    return Condition(type=concern.value, status=status, reason=reason, message=message, last_transition_time=since)


def _verdict(report: Report, concern: Concern) -> Verdict:
    failing = [(f, e) for f in report.failing for e in (f, *f.consequences) if e.concern is concern]
    if failing:
        return _no(failing)
    unknown = [f for f in report.unknown if f.concern is concern]
    if unknown:
        return ConditionStatus.UNKNOWN, "Unreadable", _sentence(unknown)
    passed = sum(f.status is FindingStatus.PASS for f in report.findings if f.concern is concern)
    if not passed:
        return ConditionStatus.UNKNOWN, "NothingChecked", "No control of this kind was judged."
    return ConditionStatus.TRUE, "AllControlsPass", f"{passed} findings pass, and none fails."


def _ready(report: Report, others: dict[Concern, Verdict]) -> Verdict:
    broken = [(f, f) for f in report.failing if f.relational or f.path == "$"]
    if broken:
        return _no(broken)
    for status in (ConditionStatus.FALSE, ConditionStatus.UNKNOWN):
        names = [concern.value for concern, verdict in others.items() if verdict[0] is status]
        if names:
            reason = f"{names[0]}{'Failed' if status is ConditionStatus.FALSE else 'Unknown'}"
            return status, reason, f"Not {'true' if status is ConditionStatus.FALSE else 'known'}: {', '.join(names)}."
    if report.unknown:
        return ConditionStatus.UNKNOWN, "Unreadable", _sentence(report.unknown)
    drifted = len(report.failing)
    message = f"Everything works; {drifted} declared properties differ." if drifted else "Everything is as declared."
    return ConditionStatus.TRUE, "AsDeclared" if not drifted else "Drifted", message


def _no(failing: Sequence[tuple[Finding, Evidence]]) -> Verdict:
    finding = failing[0][0]
    if finding.path == "$" and not finding.relational:
        reason = "ResourceMissing"
    else:
        reason = "RelationBroken" if finding.relational else "PropertyDiffers"
    return ConditionStatus.FALSE, reason, _sentence([shown for _, shown in failing])


def _sentence(items: Sequence[Evidence]) -> str:
    more = f" And {len(items) - 1} more." if len(items) > 1 else ""
    return f"{items[0].control}: {items[0].message}{more}"
