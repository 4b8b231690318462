"""What shape alone does not say of a policy: what could never work is refused when it is set. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from controlplane.errors import ErrorDetail, Rejected
from controlplane.governance.pricing.table import CURRENCY
from controlplane.json_types import JsonObject
from controlplane.operations.strictly import read_strictly
from controlplane.projects.registration import details_of
from controlplane.retraining.policy import Agreement, PipelineKind, RetrainingPolicy
from controlplane.retraining.quiet import quiet_until
from controlplane.retraining.signal import OF_MODELS, SignalKind, more_is_better

INVALID = "InvalidPolicy"
#: A week in which every rule of quiet hours has its turn.
_WEEK = datetime(2026, 1, 5, tzinfo=UTC)
_LONGEST_FREEZE = timedelta(days=366)


def parse_policy(data: JsonObject) -> RetrainingPolicy:
    """Raises ``Rejected("InvalidPolicy")`` whose details name every bad field by its JSON path."""
    try:
        policy = read_strictly(RetrainingPolicy, data)
    except ValidationError as error:
        raise _rejected(details_of(error, RetrainingPolicy)) from error
    if details := tuple(problems(policy)):
        raise _rejected(details)
    return policy


def _rejected(details: tuple[ErrorDetail, ...]) -> Rejected:
    text = details[0].message if len(details) == 1 else f"{len(details)} fields of the policy are not valid."
    return Rejected(INVALID, text, target=details[0].target, details=details)


def problems(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    """Every reason why a policy cannot work."""
    yield from _windows(policy)
    yield from _thresholds(policy)
    yield from _agreement(policy)
    yield from _times(policy)
    yield from _pipeline(policy)
    yield from _budget(policy)


def _windows(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    rule = policy.windows
    if rule.breaches > rule.of:
        text = f"{rule.breaches} of {rule.of} windows can never be in breach."
        yield ErrorDetail("MoreBreachesThanWindows", text, "$.windows.breaches")
    if rule.minimum_seen > rule.of:
        text = f"{rule.minimum_seen} of {rule.of} windows can never be seen."
        yield ErrorDetail("MoreSeenThanWindows", text, "$.windows.minimumSeen")
    if policy.cooldown < rule.period:
        text = "A cooldown that is shorter than the window lets the same data train the model twice."
        yield ErrorDetail("CooldownShorterThanWindow", text, "$.cooldown")
    if policy.schedule is not None and policy.schedule <= policy.cooldown:
        text = "It is due again before the cooldown is over, and would be refused each time."
        yield ErrorDetail("ScheduleInsideCooldown", text, "$.schedule")


def _thresholds(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    names = [one.metric.lower() for one in policy.thresholds]
    for place, one in enumerate(policy.thresholds):
        path = f"$.thresholds[{place}]"
        wrong = one.clear_at < one.raise_at if more_is_better(one.metric) else one.clear_at > one.raise_at
        if wrong:
            text = f"{one.metric} would be cleared before it is raised; `clearAt` lies on the good side of `raiseAt`."
            yield ErrorDetail("ThresholdsCrossed", text, f"{path}.clearAt")
        if names.index(one.metric.lower()) != place:
            yield ErrorDetail("DuplicateThreshold", f"{one.metric} has a threshold already.", f"{path}.metric")


def _agreement(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    odd = [kind for kind in policy.kinds if kind not in OF_MODELS]
    if odd:
        text = f"{odd[0].value} is not about a model's data or quality and never retrains."
        yield ErrorDetail("KindNeverRetrains", text, f"$.kinds[{policy.kinds.index(odd[0])}]")
    if policy.agreement is Agreement.KPI and policy.kpi is None:
        yield ErrorDetail("KpiMissing", "The policy asks for a KPI and names none.", "$.kpi")
    alone = policy.agreement is Agreement.SECOND_SIGNAL_OR_KPI and policy.kpi is None and len(set(policy.kinds)) == 1
    if alone and policy.kinds[0] is not SignalKind.PERFORMANCE:
        text = "Only one kind of signal counts and there is no KPI: another kind would have to agree that is only told."
        yield ErrorDetail("NothingCanAgree", text, "$.agreement")


def _times(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    sound = True
    for place, rule in enumerate(policy.quiet_hours):
        path = f"$.quietHours[{place}]"
        sound = _is_zone(rule.time_zone)
        if not sound:
            yield ErrorDetail("UnknownTimeZone", f"{rule.time_zone!r} is no IANA time zone.", f"{path}.timeZone")
            return
        if not rule.days:
            yield ErrorDetail("NoDays", "It names no weekday.", f"{path}.days")
    if policy.decide_at is not None and not _is_zone(policy.decide_at.time_zone):
        text = f"{policy.decide_at.time_zone!r} is no IANA time zone."
        yield ErrorDetail("UnknownTimeZone", text, "$.decideAt.timeZone")
    for place, freeze in enumerate(policy.freezes):
        if freeze.begin.tzinfo is None or freeze.end.tzinfo is None:
            sound = False
            yield ErrorDetail("TimeWithoutZone", "Times have a zone: 2026-12-20T00:00:00Z.", f"$.freezes[{place}]")
        elif freeze.end <= freeze.begin:
            yield ErrorDetail("EndsBeforeItBegins", "It ends before it begins.", f"$.freezes[{place}].end")
        elif freeze.end - freeze.begin > _LONGEST_FREEZE:
            text = "A freeze of more than a year never ends; `mode: disabled` says that."
            yield ErrorDetail("FreezeTooLong", text, f"$.freezes[{place}].end")
    if sound and policy.quiet_hours and not _ever_open(policy):
        yield ErrorDetail("AlwaysQuiet", "The quiet hours never end: nothing would ever be decided.", "$.quietHours")


def _is_zone(name: str) -> bool:
    """ZoneInfoNotFoundError is a KeyError; what is a path or a directory is one of the others."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _ever_open(policy: RetrainingPolicy) -> bool:
    hours = policy.model_copy(update={"freezes": ()})
    try:
        until = quiet_until(hours, _WEEK)
    except ValueError:
        return False
    return until is None or until < _WEEK + timedelta(days=8)


def _pipeline(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    pipeline = policy.pipeline
    both = sorted(set(pipeline.inputs) & set(pipeline.from_signal))
    if both:
        yield ErrorDetail(
            "InputTwice", f"Input {both[0]} has a fixed value and one of the signal.", "$.pipeline.inputs"
        )
    if (pipeline.deployment is not None) is not (pipeline.kind is PipelineKind.BATCH_DEPLOYMENT):
        text = "A batch deployment has a deployment, and nothing else has."
        yield ErrorDetail("DeploymentMismatch", text, "$.pipeline.deployment")
    if pipeline.version is not None and pipeline.kind is not PipelineKind.COMPONENT:
        yield ErrorDetail("VersionMismatch", "Only a component has a version.", "$.pipeline.version")


def _budget(policy: RetrainingPolicy) -> Iterator[ErrorDetail]:
    guard = policy.budget
    if guard is None:
        return
    if guard.job_estimate is not None:
        for name, value in (("nodes", guard.nodes), ("expected", guard.expected)):
            if value is not None:
                text = f"`jobEstimate` says what a run costs; `{name}` would say it a second time."
                yield ErrorDetail("EstimateTwice", text, f"$.budget.{name}")
    elif policy.pipeline.compute is None:
        text = "Without `pipeline.compute` nobody knows what nodes a run takes; `jobEstimate` says what it costs."
        yield ErrorDetail("EstimateUnknown", text, "$.budget.jobEstimate")
    elif guard.currency != CURRENCY:
        text = f"Prices of nodes are in {CURRENCY}; in {guard.currency} `jobEstimate` has to say what a run costs."
        yield ErrorDetail("EstimateUnknown", text, "$.budget.jobEstimate")
