"""Section 4 of the requirements once more, naively: plain ifs over windows as heard; time in quarters of an hour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from controlplane.retraining.model import Window
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.signal import Signal

Answer = tuple[str, str, datetime | None]
UPWARD = {"accuracy", "precision", "recall", "f1score", "auc", "r2score", "pearsonschisquaredtest"}  # D11, D20.
_bad: Any = lambda metric, value, limit: value < limit if metric.lower() in UPWARD else value > limit  # noqa: E731
QUARTER = timedelta(minutes=15)
SERVING = {"latency", "errors", "throttling", "utilisation", "requests", "unused", "health"}


@dataclass
class Past:
    windows: list[Window] = field(default_factory=list)
    ends: list[tuple[datetime, str, bool]] = field(default_factory=list)  # When, how, ever submitted; oldest first.
    submitted_at: datetime | None = None
    active: bool = False
    waiting: Signal | None = None


def judge(policy: RetrainingPolicy | None, past: Past, about: tuple[str, str], signal: Signal, now: datetime) -> Answer:
    """Outcome, reason and until when; ``about`` is workload and environment."""
    kind, (workload, environment) = signal.kind.value, about
    person, measured = kind == "person", kind not in ("person", "schedule")
    if kind in SERVING | {"activity", "budget"}:
        acts = "remediate" if kind in SERVING and signal.evidence.read_back else "notify"
        told = acts, "InfrastructureSignal" if kind in SERVING else "ToldOnly", None
        return ("ignore", "Resolved", None) if signal.resolved else told
    if signal.model is None or policy is None:
        return "notify", "ModelUnknown" if signal.model is None else "NoPolicy", None
    if (unread := measured and not signal.evidence.read_back) or policy.mode.value == "disabled":
        return ("notify", "NotReadBack", None) if unread else ("refuse", "PolicyDisabled", None)
    counts = kind in map(str, policy.kinds)
    if measured and not (counts and signal.monitor in (policy.monitors or [signal.monitor])):
        return "notify", "MonitorNotInPolicy" if counts else "KindNotInPolicy", None
    if (signal.received_at if signal.state.value == "held" else now) - signal.observed_at > policy.max_age:
        return "refuse", "Stale", None
    slots = sorted(_slots(past.windows).items())
    if measured and (answer := _of_windows(policy, slots, signal, now)):
        return answer
    if workload != "classical" and not person:
        return "annotate" if measured else "refuse", f"WorkloadNeeds{'Annotation' if measured else 'Person'}", None
    if measured and policy.decide_at:
        zone, minutes = ZoneInfo(policy.decide_at.time_zone), (signal.received_at + n * QUARTER / 15 for n in count())
        if (at := next(one for one in minutes if f"{one.astimezone(zone):%H:%M}" == policy.decide_at.time)) > now:
            return "hold", "NotDecidedYet", at
    if measured and policy.agreement.value != "none" and (answer := _of_agreement(policy, slots, kind, now)):
        return answer
    if past.active:
        other = past.waiting
        ranks = [(one.kind.value == "person", one.window_at or one.observed_at) for one in (other or signal, signal)]
        later = other is not None and other.id != signal.id and other.state.value == "held" and ranks[0] >= ranks[1]
        return "refuse" if later else "queue", "LaterSignalWaits" if later else "RunActive", None
    said = "".join({"succeeded": "+", "failed": "-", "rejected": "-"}.get(end[1], "") for end in past.ends)
    cooling = any(at and now < at + policy.cooldown for at in (past.submitted_at, *(end[0] for end in past.ends)))
    if not person and (cooling or len(said.rpartition("+")[2]) >= policy.breaker.failures):
        return "refuse", "CooldownActive" if cooling else "BreakerOpen", None
    if _quiet(policy, now):
        begin = now - (now - datetime(2000, 1, 1, tzinfo=now.tzinfo)) % QUARTER
        return "hold", "QuietHours", next(at for n in count(1) if not _quiet(policy, at := begin + n * QUARTER))
    times = 1 + sum(sent and f"{at:%Y%m}" == f"{now:%Y%m}" for at, _, sent in past.ends)
    if policy.budget and policy.budget.job_estimate * times > policy.budget.monthly_limit:
        return "ask", "OverBudget", None
    asked = environment != "dev" if (yes := policy.approval.required) is None else yes or environment == "prod"
    return ("awaitApproval", "ApprovalNeeded", None) if asked else ("submit", "Submitted", None)


def _of_windows(policy: RetrainingPolicy, slots: Any, signal: Signal, now: datetime) -> Answer | None:
    says = "better" if signal.resolved else signal.direction.value
    if says != "worse":
        return ("ignore", "NotWorse", None) if says == "better" else ("notify", "DirectionUnknown", None)
    bad = [one.metric.lower() for one in signal.measures if one.direction.value == "worse"]
    if (signal.samples or 0) > 1000 and bad and all(one.endswith("test") for one in bad):
        return "notify", "TestOfTooManyRows", None
    if policy.minimum_samples > (signal.samples or 0):
        return "refuse", "SamplesUnknown" if signal.samples is None else "TooFewSamples", None
    rule, name = policy.windows, signal.signal_name
    mine = [(at, verdict) for (at, *whose), (_, verdict, _) in slots if whose == [signal.monitor, name]]
    if not mine or signal.window_at is None:
        return "refuse", "WindowUnknown", None
    latest, verdict = mine[-1]
    odd = {"unknown": "LatestUnknown", "clear": "LatestNotInBreach"}.get(verdict)
    if odd or latest > signal.window_at:
        return "refuse", "NewerWindowKnown" if latest > signal.window_at else str(odd), None
    if now >= latest + rule.period + policy.max_age:
        return "refuse", "WindowsMissing", None
    near = [latest - back * rule.period for back in range(rule.of)]
    said = [{verdict for at, verdict in mine if abs(at - slot) < rule.period / 2} for slot in near]
    breaches, known = (sum(bool(one & wanted) for one in said) for wanted in ({"breach"}, {"breach", "clear"}))
    if known < rule.minimum_seen or breaches < rule.breaches:
        return "refuse", "TooFewWindowsSeen" if known < rule.minimum_seen else "TooFewBreaches", None
    return None if _is_up(policy, slots, name) else ("refuse", "NotRaised", None)


def _of_agreement(policy: RetrainingPolicy, slots: Any, kind: str, now: datetime) -> Answer | None:
    kinds, up, bad = {one.value for one in policy.kinds}, set(), policy.kpi is None and kind == "modelPerformance"
    for (at, monitor, name), (about, verdict, values) in slots:
        if at < now - policy.agreement_within or (policy.monitors and monitor not in policy.monitors):
            continue
        if verdict == "breach" and _is_up(policy, slots, name):
            up.add(about)
        measured = [one for metric, one in values if policy.kpi and metric == policy.kpi.metric.lower()]
        if policy.kpi and about == "modelPerformance" and verdict != "unknown" and measured:
            bad = any(_bad(policy.kpi.metric, one, policy.kpi.limit) for one in measured)
    if "dataQuality" in up - kinds:
        return "notify", "DataQualityFirst", None
    second = policy.agreement.value == "secondSignalOrKpi" and (up & kinds) - {kind}
    return None if second or bad else ("notify", "NothingAgrees", None)


def _slots(windows: list[Window]) -> dict[tuple[datetime, str, str], tuple[str, str, list[tuple[str, float]]]]:
    copies: dict[tuple[datetime, str, str], list[Window]] = {}
    for one in windows:
        copies.setdefault((one.at, one.monitor, one.signal_name), []).append(one)
    found = {}
    for key, same in copies.items():
        verdict = min((one.verdict.value for one in same), key=["breach", "clear", "unknown"].index)
        measures = [measure for one in same for measure in one.measures if one.verdict.value == verdict]
        found[key] = same[0].kind.value, verdict, [(m.metric.lower(), m.value) for m in measures if m.value is not None]
    return found


def _is_up(policy: RetrainingPolicy, slots: Any, name: str | None) -> bool:
    up, rules = False, {one.metric.lower(): one for one in policy.thresholds}
    for _, verdict, values in [said for (_, _, whose), said in slots if whose == name and said[1] != "unknown"]:
        ruled = [(metric, value, rules[metric]) for metric, value in values if metric in rules]
        raises = any(_bad(metric, value, rule.raise_at) or value == rule.raise_at for metric, value, rule in ruled)
        clears = all(_bad(metric, rule.clear_at, value) for metric, value, rule in ruled)
        up = raises or (up and not clears) if ruled else verdict == "breach"
    return up


def _quiet(policy: RetrainingPolicy, moment: datetime) -> bool:
    for rule in policy.quiet_hours:
        local = moment.astimezone(ZoneInfo(rule.time_zone))
        clock, over, today = f"{local:%H:%M}", rule.end <= rule.begin, local.isoweekday()
        begun, rest = today in rule.days and rule.begin <= clock, (today - 2) % 7 + 1 in rule.days and clock < rule.end
        if (begun or rest) if over else (begun and clock < rule.end):
            return True
    return any(one.begin <= moment < one.end for one in policy.freezes)
