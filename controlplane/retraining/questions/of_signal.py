"""What is asked of the signal: is it true, recent, worse, well founded, and more than one odd window? Pure."""

from __future__ import annotations

from datetime import timedelta

from controlplane.retraining.history import Seen, seen
from controlplane.retraining.model import Outcome, Verdict, WindowVerdict
from controlplane.retraining.policy import Mode
from controlplane.retraining.questions.case import Answer, Case, No, Yes
from controlplane.retraining.signal import Direction, SignalKind, SignalState


def evidence(case: Case) -> Answer:
    """What a person wishes and what the policy's own schedule brings is nobody's claim about Azure."""
    if case.wished:
        return Yes(f"{case.signal.requested_by} asked for it.", skipped=True)
    if case.signal.kind is SignalKind.SCHEDULE:
        return Yes("The policy's own schedule says so.", skipped=True)
    if not case.signal.evidence.read_back:
        told = case.signal.evidence
        sentence = f"{told.summary} It is told, and nothing is done.".strip()
        return No(Outcome.NOTIFY, told.doubt or "NotReadBack", sentence, Verdict.UNKNOWN)
    return Yes("It was read back from Azure.")


def mode(case: Case) -> Answer:
    """A dry run answers every question as if it was none."""
    if case.policy.mode is Mode.DISABLED:
        return No(Outcome.REFUSE, "PolicyDisabled", "The policy is disabled.")
    if case.policy.mode is Mode.DRY_RUN:
        return Yes("The policy is a dry run: what it decides is told and not done.")
    return Yes("The policy is enabled.")


def kind(case: Case) -> Answer:
    """D01: which of the triggers this policy knows."""
    signal, policy = case.signal, case.policy
    if not case.measured:
        return Yes(f"{signal.kind.value}: not a monitor's signal.", skipped=True)
    if signal.kind not in policy.kinds:
        return No(Outcome.NOTIFY, "KindNotInPolicy", f"The policy does not retrain on {signal.kind.value}.")
    if policy.monitors and signal.monitor not in policy.monitors:
        return No(Outcome.NOTIFY, "MonitorNotInPolicy", f"The policy does not name monitor {signal.monitor}.")
    return Yes(f"The policy counts {signal.kind.value}.")


def fresh(case: Case) -> Answer:
    """A signal that was held was fresh when it came; what happened since, its windows say."""
    signal = case.signal
    moment = signal.received_at if signal.state is SignalState.HELD else case.now
    age = moment - signal.observed_at
    if age > case.policy.max_age:
        return No(Outcome.REFUSE, "Stale", f"It is {span(age)} old; {span(case.policy.max_age)} are allowed.")
    return Yes(f"It is {span(age)} old." if moment == case.now else f"It was {span(age)} old when it came.")


def direction(case: Case) -> Answer:
    """D11: only a worse metric is a breach."""
    signal = case.signal
    if not case.measured:
        return Yes("Nothing was measured.", skipped=True)
    if signal.resolved or signal.direction is Direction.BETTER:
        return No(Outcome.IGNORE, "NotWorse", "No metric is on the bad side of its threshold.")
    if signal.direction is Direction.UNKNOWN:
        sentence = "It does not say which metric passed which threshold, so nobody knows whether it is worse."
        return No(Outcome.NOTIFY, "DirectionUnknown", sentence, Verdict.UNKNOWN)
    worst = sorted({one.metric for one in signal.measures if one.direction is Direction.WORSE})
    return Yes(f"Worse than its threshold: {', '.join(worst) or 'what the alert measures'}.")


#: Metrics that are p-values. Source: "Azure Machine Learning model monitoring", metrics of drift.
TESTS = frozenset({"twosamplekolmogorovsmirnovtest", "pearsonschisquaredtest"})
#: Of more rows than this a distance says it (D09: Evidently's default tests, release v0.1.50.dev0).
MOST_ROWS_OF_A_TEST = 1000


def samples(case: Case) -> Answer:
    """D08, D09: of a few rows nearly everything drifts, or nothing can be computed at all. D10: of many rows nearly
    every feature fails a test, so that a test alone is told (evidentlyai/evidently 50)."""
    wanted, found = case.policy.minimum_samples, case.signal.samples
    if case.measured and found is not None and found > MOST_ROWS_OF_A_TEST and _only_tests(case):
        sentence = (
            f"Only a statistical test is failed, and of {found} rows nearly every feature fails one: above "
            f"{MOST_ROWS_OF_A_TEST} rows a distance has to say it."
        )
        return No(Outcome.NOTIFY, "TestOfTooManyRows", sentence)
    if not case.measured or wanted == 0:
        return Yes("No number of samples is asked for.", skipped=True)
    if found is None:
        sentence = f"Nobody knows how many samples the window had; {wanted} are needed."
        return No(Outcome.REFUSE, "SamplesUnknown", sentence, Verdict.UNKNOWN)
    if found < wanted:
        return No(Outcome.REFUSE, "TooFewSamples", f"The window had {found} samples; {wanted} are needed.")
    return Yes(f"The window had {found} samples.")


def _only_tests(case: Case) -> bool:
    worst = {one.metric.lower() for one in case.signal.measures if one.direction is Direction.WORSE}
    return bool(worst) and worst <= TESTS


def windows(case: Case) -> Answer:
    """D04, D05, D06, D20: N of the last M windows, and the latest."""
    rule, signal = case.policy.windows, case.signal
    if not case.measured:
        return Yes("No window belongs to it.", skipped=True)
    found = seen(case.facts.state, rule, signal.monitor, signal.signal_name)
    doubt = _latest(case, found)
    if doubt is not None:
        return doubt
    if found.known < rule.minimum_seen:
        sentence = f"{found.known} of the last {rule.of} windows were seen; {rule.minimum_seen} are needed."
        return No(Outcome.REFUSE, "TooFewWindowsSeen", sentence, Verdict.UNKNOWN)
    if found.breaches < rule.breaches:
        sentence = f"{found.breaches} of the last {rule.of} windows are in breach; {rule.breaches} are needed."
        return No(Outcome.REFUSE, "TooFewBreaches", sentence)
    return Yes(f"{found.breaches} of the last {rule.of} windows are in breach, the latest among them.")


def _latest(case: Case, found: Seen) -> No | None:
    """The signal's window is the latest, in breach, and not so long ago that windows after it are missing."""
    latest, at, rule = found.latest, case.signal.window_at, case.policy.windows
    if latest is None or at is None:
        return No(Outcome.REFUSE, "WindowUnknown", "Its window is not known.", Verdict.UNKNOWN)
    if latest.at > at:
        return No(Outcome.REFUSE, "NewerWindowKnown", f"A newer window, of {latest.at:%F %R}, is known.")
    if latest.verdict is WindowVerdict.UNKNOWN:
        return No(Outcome.REFUSE, "LatestUnknown", "Nobody knows what the latest window says.", Verdict.UNKNOWN)
    if latest.verdict is not WindowVerdict.BREACH:
        return No(Outcome.REFUSE, "LatestNotInBreach", "The latest window is not in breach.")
    if case.now - latest.at >= rule.period + case.policy.max_age:
        # The window after it is over and had its time to be heard of: without a run it is unknown (D20).
        sentence = f"The latest window is of {latest.at:%F %R}, and nothing is known of those since."
        return No(Outcome.REFUSE, "WindowsMissing", sentence, Verdict.UNKNOWN)
    return None


def hysteresis(case: Case) -> Answer:
    """D07."""
    if not case.measured:
        return Yes("Nothing was measured.", skipped=True)
    if case.signal.signal_name not in case.facts.state.raised:
        return No(Outcome.REFUSE, "NotRaised", "No metric passed the threshold at which the policy raises it.")
    return Yes("It is raised, and has not come back over the threshold that clears it.")


def span(time: timedelta) -> str:
    """``26 h`` or ``40 min``."""
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes >= 120 else f"{max(minutes, 0)} min"
