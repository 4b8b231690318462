"""The decision: a pure function of policy, history, signal and time, with a sentence for every question asked.

The order is that of the requirements' section 4. All questions are asked and told; the first that does not hold
decides. What a person wishes is not held against monitors: of windows, agreement, cooldown and breaker it is free,
because a person has looked; of freezes, budget, approval and a run that is active it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.retraining.history import failures_in_a_row, kpi_is_bad, last_activity, seen
from controlplane.retraining.model import Check, CheckName, ModelState, Outcome, Verdict, WindowVerdict
from controlplane.retraining.policy import Agreement, Mode, RetrainingPolicy
from controlplane.retraining.quiet import quiet_until
from controlplane.retraining.signal import OF_MODELS, Direction, Signal, SignalKind, SignalState

#: When free cores are looked for again.
_CAPACITY_PAUSE = timedelta(hours=1)
_AGAIN = frozenset({SignalKind.PERSON, SignalKind.SCHEDULE})
INFRASTRUCTURE = frozenset(
    {
        SignalKind.LATENCY,
        SignalKind.ERRORS,
        SignalKind.THROTTLING,
        SignalKind.UTILISATION,
        SignalKind.REQUESTS,
        SignalKind.UNUSED,
        SignalKind.HEALTH,
    }
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision is made from beside the policy and the signal. ``state`` knows the signal's window already."""

    state: ModelState
    environment: str
    workload: str
    month_spent: float | None = None
    """In the currency of the policy's budget; None is unknown."""
    free_cores: int | None = None
    needed_cores: int | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """``until`` of a hold: when the same signal is decided again."""

    outcome: Outcome
    reason: str
    sentence: str
    checks: tuple[Check, ...]
    until: datetime | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _No:
    """A question that does not hold: what comes of it, its code, its sentence."""

    outcome: Outcome
    reason: str
    sentence: str
    verdict: Verdict = Verdict.FAILS
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Yes:
    sentence: str
    skipped: bool = False


_Answer = _Yes | _No


@dataclass(frozen=True, slots=True)
class _Case:
    policy: RetrainingPolicy
    facts: Facts
    signal: Signal
    now: datetime

    @property
    def wished(self) -> bool:
        return self.signal.kind is SignalKind.PERSON

    @property
    def measured(self) -> bool:
        """Whether a monitor says it, so that windows, samples and directions have a meaning."""
        return self.signal.kind in OF_MODELS


def decide(policy: RetrainingPolicy | None, facts: Facts, signal: Signal, now: datetime) -> Ruling:
    """Never raises on data that the models let through."""
    if signal.kind not in OF_MODELS and signal.kind not in _AGAIN:
        return _not_of_models(signal)
    if policy is None:
        sentence = f"Model {signal.model} has no retraining policy: it is told, and nothing is done."
        return Ruling(Outcome.NOTIFY, "NoPolicy", sentence, (_told(CheckName.MODE, Verdict.FAILS, sentence),))
    case = _Case(policy, facts, signal, now)
    checks: list[Check] = []
    first: _No | None = None
    for name, ask in _QUESTIONS.items():
        answer = ask(case)
        checks.append(_check(name, answer))
        if isinstance(answer, _No) and first is None:
            first = answer
    dry = policy.mode is Mode.DRY_RUN
    if first is None:
        return Ruling(Outcome.SUBMIT, "Submitted", "Every question holds.", tuple(checks), dry_run=dry)
    return Ruling(first.outcome, first.reason, first.sentence, tuple(checks), first.until, dry_run=dry)


def _not_of_models(signal: Signal) -> Ruling:
    """Infrastructure never retrains (S3-37); the rest is told to people."""
    if signal.resolved:
        sentence = "The alert is resolved."
        return Ruling(Outcome.IGNORE, "Resolved", sentence, (_told(CheckName.KIND, Verdict.FAILS, sentence),))
    if signal.kind in INFRASTRUCTURE:
        sentence = f"{signal.kind.value} is about what serves the model, not about the model: training would not help."
        evidence = _told(
            CheckName.EVIDENCE,
            Verdict.HOLDS if signal.evidence.read_back else Verdict.UNKNOWN,
            "It was read back from Azure." if signal.evidence.read_back else "It could not be read back from Azure.",
        )
        outcome = Outcome.REMEDIATE if signal.evidence.read_back else Outcome.NOTIFY
        return Ruling(
            outcome, "InfrastructureSignal", sentence, (evidence, _told(CheckName.KIND, Verdict.FAILS, sentence))
        )
    sentence = f"{signal.kind.value} is told to people and decides nothing."
    return Ruling(Outcome.NOTIFY, "ToldOnly", sentence, (_told(CheckName.KIND, Verdict.FAILS, sentence),))


def _told(name: CheckName, verdict: Verdict, sentence: str) -> Check:
    return Check(name=name, verdict=verdict, sentence=sentence)


def _check(name: CheckName, answer: _Answer) -> Check:
    if isinstance(answer, _No):
        return _told(name, answer.verdict, answer.sentence)
    return _told(name, Verdict.SKIPPED if answer.skipped else Verdict.HOLDS, answer.sentence)


def _mode(case: _Case) -> _Answer:
    if case.policy.mode is Mode.DISABLED:
        return _No(Outcome.REFUSE, "PolicyDisabled", "The policy is disabled.")
    if case.policy.mode is Mode.DRY_RUN:
        return _Yes("The policy is a dry run: what it decides is told and not done.")
    return _Yes("The policy is enabled.")


def _kind(case: _Case) -> _Answer:
    signal, policy = case.signal, case.policy
    if not case.measured:
        return _Yes(f"{signal.kind.value}: not a monitor's signal.", skipped=True)
    if signal.kind not in policy.kinds:
        return _No(Outcome.NOTIFY, "KindNotInPolicy", f"The policy does not retrain on {signal.kind.value}.")
    if policy.monitors and signal.monitor not in policy.monitors:
        return _No(Outcome.NOTIFY, "MonitorNotInPolicy", f"The policy does not name monitor {signal.monitor}.")
    return _Yes(f"The policy counts {signal.kind.value}.")


def _evidence(case: _Case) -> _Answer:
    if case.wished:
        return _Yes(f"{case.signal.requested_by} asked for it.", skipped=True)
    if not case.signal.evidence.read_back:
        sentence = "It could not be read back from Azure: it is told, and nothing is done."
        return _No(Outcome.NOTIFY, "NotReadBack", sentence, Verdict.UNKNOWN)
    return _Yes("It was read back from Azure.")


def _fresh(case: _Case) -> _Answer:
    """A signal that was held was fresh when it came; what happened since, its windows say."""
    signal = case.signal
    moment = signal.received_at if signal.state is SignalState.HELD else case.now
    age = moment - signal.observed_at
    if age > case.policy.max_age:
        return _No(Outcome.REFUSE, "Stale", f"It is {_span(age)} old; {_span(case.policy.max_age)} are allowed.")
    return _Yes(f"It is {_span(age)} old.")


def _direction(case: _Case) -> _Answer:
    signal = case.signal
    if not case.measured:
        return _Yes("Nothing was measured.", skipped=True)
    if signal.resolved or signal.direction is Direction.BETTER:
        return _No(Outcome.IGNORE, "NotWorse", "No metric is on the bad side of its threshold.")
    if signal.direction is Direction.UNKNOWN:
        sentence = "It does not say which metric passed which threshold, so nobody knows whether it is worse."
        return _No(Outcome.NOTIFY, "DirectionUnknown", sentence, Verdict.UNKNOWN)
    worst = ", ".join(sorted({one.metric for one in signal.measures if one.direction is Direction.WORSE}))
    return _Yes(f"Worse than its threshold: {worst}.")


def _samples(case: _Case) -> _Answer:
    wanted, found = case.policy.minimum_samples, case.signal.samples
    if not case.measured or wanted == 0:
        return _Yes("No number of samples is asked for.", skipped=True)
    if found is None:
        sentence = f"Nobody knows how many samples the window had; {wanted} are needed."
        return _No(Outcome.REFUSE, "SamplesUnknown", sentence, Verdict.UNKNOWN)
    if found < wanted:
        return _No(Outcome.REFUSE, "TooFewSamples", f"The window had {found} samples; {wanted} are needed.")
    return _Yes(f"The window had {found} samples.")


def _windows(case: _Case) -> _Answer:
    rule, signal = case.policy.windows, case.signal
    if not case.measured:
        return _Yes("No window belongs to it.", skipped=True)
    found = seen(case.facts.state, rule, signal.monitor, signal.signal_name)
    if found.latest is None or signal.window_at is None:
        return _No(Outcome.REFUSE, "WindowUnknown", "Its window is not known.", Verdict.UNKNOWN)
    if found.latest.at > signal.window_at:
        return _No(Outcome.REFUSE, "NewerWindowKnown", f"A newer window, of {found.latest.at:%F %R}, is known.")
    if found.latest.verdict is not WindowVerdict.BREACH:
        return _No(Outcome.REFUSE, "LatestNotInBreach", "The latest window is not in breach.")
    if found.known < rule.minimum_seen:
        sentence = f"{found.known} of the last {rule.of} windows were seen; {rule.minimum_seen} are needed."
        return _No(Outcome.REFUSE, "TooFewWindowsSeen", sentence, Verdict.UNKNOWN)
    if found.breaches < rule.breaches:
        sentence = f"{found.breaches} of the last {rule.of} windows are in breach; {rule.breaches} are needed."
        return _No(Outcome.REFUSE, "TooFewBreaches", sentence)
    return _Yes(f"{found.breaches} of the last {rule.of} windows are in breach, the latest among them.")


def _hysteresis(case: _Case) -> _Answer:
    if not case.measured:
        return _Yes("Nothing was measured.", skipped=True)
    if case.signal.signal_name not in case.facts.state.raised:
        return _No(Outcome.REFUSE, "NotRaised", "No metric passed the threshold at which the policy raises it.")
    return _Yes("It is raised, and has not come back over the threshold that clears it.")


def _workload(case: _Case) -> _Answer:
    """S3-43, S3-48 (D35, X-11): the workload decides."""
    workload = case.facts.workload
    if workload == "classical":
        return _Yes("A classical model may be trained again.")
    if case.wished:
        return _Yes(f"A {workload} model is trained again when a person asks for it.")
    if case.signal.kind is SignalKind.SCHEDULE:
        return _No(Outcome.REFUSE, "WorkloadNeedsPerson", f"A {workload} model is never trained again on its own.")
    sentence = f"A {workload} model is never trained again on its own: its worst samples go to annotation."
    return _No(Outcome.ANNOTATE, "WorkloadNeedsAnnotation", sentence)


def _agreement(case: _Case) -> _Answer:
    """D02, D13: drift alone is told. A second signal is another kind that is raised; a KPI may be this signal's own."""
    policy, signal = case.policy, case.signal
    if not case.measured or policy.agreement is Agreement.NONE:
        return _Yes("No agreement is asked for.", skipped=True)
    kpi, second = _kpi(case), _second(case)
    if kpi:
        return _Yes(kpi)
    if policy.agreement is Agreement.SECOND_SIGNAL_OR_KPI and second:
        return _Yes(second)
    wanted = "a KPI" if policy.agreement is Agreement.KPI else "a second signal or a KPI"
    return _No(Outcome.NOTIFY, "NothingAgrees", f"{signal.kind.value} alone is told; {wanted} has to agree.")


def _kpi(case: _Case) -> str | None:
    rule, since = case.policy.kpi, case.now - case.policy.agreement_within
    if rule is None:
        return None
    latest = None
    for window in case.facts.state.windows:
        if window.at >= since and window.kind is SignalKind.PERFORMANCE:
            bad = kpi_is_bad(window.measures, rule.metric, rule.limit)
            latest = latest if bad is None else bad
    return f"KPI {rule.metric} is on the bad side of {rule.limit:g}." if latest else None


def _second(case: _Case) -> str | None:
    state, since = case.facts.state, case.now - case.policy.agreement_within
    others = {
        window.kind.value
        for window in state.windows
        if window.kind is not case.signal.kind
        and window.at >= since
        and window.verdict is WindowVerdict.BREACH
        and window.signal_name in state.raised
    }
    return f"{', '.join(sorted(others))} agrees." if others else None


def _active(case: _Case) -> _Answer:
    run = case.facts.state.active_run
    if run is not None:
        return _No(Outcome.QUEUE, "RunActive", f"Run {run} is active; the latest signal waits for its end.")
    return _Yes("No run is active.")


def _cooldown(case: _Case) -> _Answer:
    if case.wished:
        return _Yes("A person asked for it.", skipped=True)
    last = last_activity(case.facts.state)
    if last is None:
        return _Yes("It was never trained again.")
    over = last + case.policy.cooldown
    if case.now < over:
        return _No(Outcome.REFUSE, "CooldownActive", f"The last run was at {last:%F %R}; cooldown until {over:%F %R}.")
    return _Yes(f"The cooldown was over at {over:%F %R}.")


def _breaker(case: _Case) -> _Answer:
    if case.wished:
        return _Yes("A person asked for it.", skipped=True)
    failed, most = failures_in_a_row(case.facts.state), case.policy.breaker.failures
    if failed >= most:
        sentence = f"{failed} runs in a row failed or were rejected: a person has to look first."
        return _No(Outcome.REFUSE, "BreakerOpen", sentence)
    return _Yes(f"{failed} runs in a row failed or were rejected; {most} open the breaker.")


def _capacity(case: _Case) -> _Answer:
    """D24. Where the quota is not known Azure ML queues the job itself."""
    free, needed = case.facts.free_cores, case.facts.needed_cores
    if free is None or needed is None:
        return _Yes("The quota of cores was not asked.", skipped=True)
    if needed > free:
        sentence = f"The run needs {needed} cores; {free} of the quota are free."
        return _No(Outcome.HOLD, "NoCapacity", sentence, until=case.now + _CAPACITY_PAUSE)
    return _Yes(f"The run needs {needed} cores; {free} of the quota are free.")


def _quiet(case: _Case) -> _Answer:
    until = quiet_until(case.policy, case.now)
    if until is not None:
        return _No(Outcome.HOLD, "QuietHours", f"Quiet until {until:%F %R} UTC; decided again then.", until=until)
    return _Yes("No quiet hours, no freeze.")


def _budget(case: _Case) -> _Answer:
    guard, spent = case.policy.budget, case.facts.month_spent
    if guard is None:
        return _Yes("The policy has no budget guard.", skipped=True)
    limit = f"{guard.monthly_limit:.2f} {guard.currency}"
    if spent is None:
        sentence = f"What was spent this month is not known; the limit is {limit}: the owner is asked."
        return _No(Outcome.ASK, "SpendUnknown", sentence, Verdict.UNKNOWN)
    after = spent + guard.job_estimate
    if after > guard.monthly_limit:
        return _No(Outcome.ASK, "OverBudget", f"It would make {after:.2f} of {limit} this month: the owner is asked.")
    return _Yes(f"It makes {after:.2f} of {limit} this month.")


def _approval(case: _Case) -> _Answer:
    asked = case.policy.approval.required
    if asked is None:
        asked = case.facts.environment != "dev"
    if asked:
        return _No(Outcome.AWAIT_APPROVAL, "ApprovalNeeded", "An approver has to say yes.")
    return _Yes("No approval is asked for.")


def _span(time: timedelta) -> str:
    """``26 h`` or ``40 min``."""
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes >= 120 else f"{max(minutes, 0)} min"


_QUESTIONS: Mapping[CheckName, Callable[[_Case], _Answer]] = {
    CheckName.EVIDENCE: _evidence,
    CheckName.MODE: _mode,
    CheckName.KIND: _kind,
    CheckName.FRESH: _fresh,
    CheckName.DIRECTION: _direction,
    CheckName.SAMPLES: _samples,
    CheckName.WINDOWS: _windows,
    CheckName.HYSTERESIS: _hysteresis,
    CheckName.WORKLOAD: _workload,
    CheckName.AGREEMENT: _agreement,
    CheckName.ACTIVE_RUN: _active,
    CheckName.COOLDOWN: _cooldown,
    CheckName.BREAKER: _breaker,
    CheckName.CAPACITY: _capacity,
    CheckName.QUIET_HOURS: _quiet,
    CheckName.BUDGET: _budget,
    CheckName.APPROVAL: _approval,
}
