"""What holds of every decision, whatever the policy, the history and the signal; and that the oracle agrees."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.retraining.decide import Facts, decide
from controlplane.retraining.model import CheckName, Outcome, Verdict, Window, WindowVerdict
from controlplane.retraining.policy import Freeze, QuietHours
from controlplane.retraining.quiet import quiet_until
from controlplane.retraining.signal import Direction, Evidence, Signal, SignalKind, SignalState
from tests.support.oracle import judge
from tests.support.retraining_cases import DAY, NOW, Given, givens, open_cases

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: What costs money or changes something; to be told, held or refused does not.
COSTLY = {Outcome.SUBMIT, Outcome.AWAIT_APPROVAL, Outcome.ASK, Outcome.ANNOTATE, Outcome.REMEDIATE}


@settings(quick, max_examples=300)
@given(givens())
def test_the_oracle_agrees(case: Given) -> None:
    ruling = case.ruling()
    expected = judge(case.policy, case.past(), (case.workload, case.environment), case.signal, case.now)
    assert (ruling.outcome.value, ruling.reason, ruling.until) == expected


def test_the_cases_meet_most_of_the_reasons() -> None:
    """Strategies that only ever met one "no" would prove nothing."""
    met: Counter[str] = Counter()

    @settings(max_examples=500, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(givens())
    def count(case: Given) -> None:
        met[case.ruling().reason] += 1

    count()
    assert len(met) >= 22, met


@quick
@given(givens())
def test_what_is_not_known_costs_nothing(case: Given) -> None:
    """Not read back, or no direction, or no samples where some are asked for, or a window that nobody knows."""
    asked = case.policy.minimum_samples > 0
    blind: list[Signal] = [
        case.signal.model_copy(update={"evidence": Evidence()}),
        case.signal.model_copy(update={"direction": Direction.UNKNOWN}),
        case.signal.model_copy(update={"window_at": None}),
        *([case.signal.model_copy(update={"samples": None})] if asked else []),
    ]
    for signal in blind:
        kind = signal.kind
        if kind in (SignalKind.PERSON, SignalKind.SCHEDULE):
            continue
        outcome = replace(case, signal=signal).ruling().outcome
        # What serves the model has no direction and no window: it was read back, or it is only told.
        assert outcome not in COSTLY or (outcome is Outcome.REMEDIATE and signal.evidence.read_back)


@quick
@given(open_cases(), st.sets(st.integers(0, 4)))
def test_windows_without_a_run_never_help(case: Given, gone: set[int]) -> None:
    """Fewer known windows never make a run of what was none; and no window at all is none."""
    before = case.ruling().outcome
    kept = tuple(one for one in case.windows if (NOW - one.at).days not in gone)
    blank = tuple(
        one.model_copy(update={"verdict": WindowVerdict.UNKNOWN}) if (NOW - one.at).days in gone else one
        for one in case.windows
    )
    for windows in (kept, blank):
        after = replace(case, windows=windows).ruling().outcome
        assert after not in COSTLY or before in COSTLY
    assert replace(case, windows=()).ruling().outcome not in COSTLY


@quick
@given(givens(), st.integers(1, 60))
def test_a_longer_cooldown_never_lets_more_through(case: Given, days: int) -> None:
    shorter, longer = case.ruling(), case.ruling(cooldown=case.policy.cooldown + timedelta(days=days))
    assert longer.outcome not in COSTLY or longer.outcome == shorter.outcome
    assert longer.outcome is not Outcome.HOLD or shorter.outcome is Outcome.HOLD


@quick
@given(givens(), st.integers(1, 20))
def test_more_breaches_asked_for_never_let_more_through(case: Given, more: int) -> None:
    rule = case.policy.windows
    stricter = rule.model_copy(update={"breaches": rule.breaches + more, "of": rule.of})
    after = case.ruling(windows=stricter).outcome
    assert after not in COSTLY or after == case.ruling().outcome


@quick
@given(givens(), st.randoms(use_true_random=False))
def test_the_order_in_which_windows_are_heard_does_not_matter(case: Given, shuffle: random.Random) -> None:
    heard: list[Window] = [*case.windows, *shuffle.sample(case.windows, len(case.windows) // 2)]
    shuffle.shuffle(heard)
    other = replace(case, windows=tuple(heard))
    assert other.state() == case.state()
    assert other.ruling() == case.ruling()


@quick
@given(givens())
def test_every_check_of_every_ruling_has_a_sentence(case: Given) -> None:
    for policy in (case.policy, None):
        ruling = decide(policy, Facts(case.state(), case.environment, case.workload, case.waiting), case.signal, NOW)
        assert ruling.checks
        for check in ruling.checks:
            assert check.sentence.endswith(".")
            assert len(check.sentence) > 10
        against = [one for one in ruling.checks if one.verdict in (Verdict.FAILS, Verdict.UNKNOWN)]
        if ruling.outcome is Outcome.SUBMIT:
            assert not against
        elif ruling.outcome is not Outcome.REMEDIATE:
            assert against[0].sentence == ruling.sentence or len(ruling.checks) == 2
        if len(ruling.checks) > 2:
            assert [one.name for one in ruling.checks] == list(CheckName)


HOURS = st.builds(
    lambda begin, end, days, zone: QuietHours(
        begin=f"{begin:02d}:00", end=f"{end:02d}:30", days=tuple(sorted(days)), time_zone=zone
    ),
    st.integers(0, 23),
    st.integers(0, 23),
    st.sets(st.integers(1, 7), min_size=1, max_size=5),
    st.sampled_from(("UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia")),
)


@quick
@given(
    open_cases(),
    st.lists(HOURS, max_size=3),
    st.lists(st.integers(-20, 40), max_size=3),
    st.timedeltas(timedelta(0), timedelta(days=360)),
)
def test_quiet_hours_hold_and_never_lose(
    case: Given, hours: list[QuietHours], freezes: list[int], passed: timedelta
) -> None:
    """What is held is held by nothing else, until a moment that is not quiet; and decided then as if it never was."""
    now = NOW + passed
    case = _moved(case, now)
    frozen = tuple(Freeze(begin=now + n * DAY / 20, end=now + (n + 9) * DAY / 20, reason="f") for n in freezes)
    quiet = {"quiet_hours": tuple(hours), "freezes": frozen}
    policy = case.policy.model_copy(update=quiet)
    try:
        until = quiet_until(policy, now)
    except ValueError:
        return  # Such a policy is refused when it is set.
    held = case.ruling(**quiet)
    assert held.outcome is (Outcome.SUBMIT if until is None else Outcome.HOLD)
    if until is None:
        return
    assert held.until == until > now
    assert quiet_until(policy, until) is None
    waits = case.signal.model_copy(update={"state": SignalState.HELD})
    newer = tuple(
        one.model_copy(update={"at": one.at + (until - now)}) for one in case.windows
    )  # The monitor went on meanwhile, and the drift did, too.
    later = replace(case, signal=waits.model_copy(update={"window_at": waits.window_at + (until - now)}),
                    windows=newer, now=until)  # type: ignore[operator]  # fmt: skip
    assert later.ruling(**quiet).outcome is Outcome.SUBMIT


def _moved(case: Given, now: datetime) -> Given:
    """The same case at another time."""
    by = now - NOW
    signal = case.signal
    moved = {name: getattr(signal, name) + by for name in ("observed_at", "received_at", "window_at")}
    windows = tuple(one.model_copy(update={"at": one.at + by}) for one in case.windows)
    return replace(case, signal=signal.model_copy(update=moved), windows=windows, now=now)


@quick
@given(givens())
def test_cv_and_nlp_are_never_trained_on_their_own(case: Given) -> None:
    if case.signal.kind is SignalKind.PERSON:
        return
    for workload in ("cv", "nlp"):
        outcome = replace(case, workload=workload).ruling().outcome
        assert outcome not in COSTLY - {Outcome.ANNOTATE, Outcome.REMEDIATE}
        assert outcome not in (Outcome.HOLD, Outcome.QUEUE)


@quick
@given(givens())
def test_infrastructure_never_trains(case: Given) -> None:
    for kind in set(SignalKind) - {*_TRAINS}:
        signal = case.signal.model_copy(update={"kind": kind})
        assert replace(case, signal=signal).ruling().outcome in (Outcome.REMEDIATE, Outcome.NOTIFY, Outcome.IGNORE)


_TRAINS = (
    SignalKind.DATA_DRIFT,
    SignalKind.PREDICTION_DRIFT,
    SignalKind.DATA_QUALITY,
    SignalKind.FEATURE_ATTRIBUTION,
    SignalKind.PERFORMANCE,
    SignalKind.CUSTOM,
    SignalKind.SCHEDULE,
    SignalKind.PERSON,
)
