"""Each rule of the requirements' section 4 that a decision enforces, with a case that nothing else stands against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controlplane.retraining.model import Outcome, RunEnd, WindowVerdict
from controlplane.retraining.policy import (
    Agreement,
    BudgetGuard,
    DecisionTime,
    Freeze,
    QuietHours,
    RetrainingPolicy,
    Threshold,
)
from controlplane.retraining.signal import Direction, Measure, SignalKind
from tests.support.retraining_cases import DAY, HOUR, NOW, Given, breach, window_of

_AT = NOW.replace(hour=0)
_POLICY = RetrainingPolicy.model_validate({"pipeline": {"name": "retrain"}, "approval": {"required": False}})
_ASKING = RetrainingPolicy.model_validate({"pipeline": {"name": "retrain"}})


def _given(**changes: Any) -> Given:
    """A drift in its third window, with a KPI that agrees: nothing stands against it."""
    heard = [window_of(breach("watch_drift", _AT - back * DAY)) for back in range(3)]
    case = Given(_POLICY, (*heard, window_of(breach("watch_truth", _AT - DAY))), breach("watch_drift", _AT))
    return replace(case, **changes)


def _with(**policy: Any) -> Given:
    return _given(policy=_POLICY.model_copy(update=policy))


def _signal(**changes: Any) -> Given:
    return _given(signal=_given().signal.model_copy(update=changes))


def _ends(*outcomes: str) -> Given:
    ends = [RunEnd(run_id=f"rt-{n}", ended_at=NOW - (20 - n) * DAY, outcome=one) for n, one in enumerate(outcomes)]
    return _given(ends=tuple(ends))


def _one_of_two() -> Given:
    """A breach that lies before the windows that count does not count."""
    first, second, third, truth = _given().windows
    clear = second.model_copy(update={"verdict": WindowVerdict.CLEAR})
    return replace(_with(windows=_POLICY.windows.model_copy(update={"of": 2})), windows=(first, clear, third, truth))


def _hidden() -> Given:
    """What two of the three windows say is not known."""
    first, *others, truth = _given().windows
    hidden = [one.model_copy(update={"verdict": WindowVerdict.UNKNOWN}) for one in others]
    return _given(windows=(first, *hidden, truth))


def _bad_data() -> Given:
    return _given(windows=(*_given().windows, window_of(breach("watch_quality", _AT))))


def _raised_higher() -> Given:
    rule = Threshold(metric="PSI", raise_at=0.95, clear_at=0.4)
    return _with(thresholds=(rule,))


def _tested() -> Given:
    """Of 5,000 rows only a test is failed."""
    test = Measure(
        metric="TwoSampleKolmogorovSmirnovTest", value=0.001, threshold=0.05, direction=Direction.WORSE, group="AGE"
    )
    return _signal(measures=(test,), samples=5000)


CASES: dict[str, tuple[Given, Outcome, str]] = {
    "S3-43": (_given(workload="cv"), Outcome.ANNOTATE, "WorkloadNeedsAnnotation"),
    "S3-48": (_given(workload="nlp"), Outcome.ANNOTATE, "WorkloadNeedsAnnotation"),
    "X-11": (_given(workload="cv", environment="prod"), Outcome.ANNOTATE, "WorkloadNeedsAnnotation"),
    "D01": (_with(kinds=(SignalKind.PERFORMANCE,)), Outcome.NOTIFY, "KindNotInPolicy"),
    "D02": (_given(windows=_given().windows[:3]), Outcome.NOTIFY, "NothingAgrees"),
    "D03": (_bad_data(), Outcome.NOTIFY, "DataQualityFirst"),
    "D04": (_with(windows=_POLICY.windows.model_copy(update={"breaches": 4})), Outcome.REFUSE, "TooFewBreaches"),
    "D05": (_one_of_two(), Outcome.REFUSE, "TooFewBreaches"),
    "D06": (
        _with(windows=_POLICY.windows.model_copy(update={"minimum_seen": 4})), Outcome.REFUSE, "TooFewWindowsSeen"
    ),
    "D07": (_raised_higher(), Outcome.REFUSE, "NotRaised"),
    "D08": (_signal(samples=50), Outcome.REFUSE, "TooFewSamples"),
    "D09": (_signal(samples=None), Outcome.REFUSE, "SamplesUnknown"),
    "D10": (_tested(), Outcome.NOTIFY, "TestOfTooManyRows"),
    "D11": (_signal(direction=Direction.BETTER), Outcome.IGNORE, "NotWorse"),
    "D13": (
        _with(agreement=Agreement.KPI, kpi=None, kinds=(SignalKind.DATA_DRIFT,)), Outcome.NOTIFY, "NothingAgrees"
    ),
    "D16": (
        _with(quiet_hours=(QuietHours(days=(3,), begin="00:00", end="00:00"),)), Outcome.HOLD, "QuietHours"
    ),
    "D20": (_hidden(), Outcome.REFUSE, "TooFewWindowsSeen"),
    "D22": (_given(submitted_at=NOW - 2 * DAY), Outcome.REFUSE, "CooldownActive"),
    "D23": (
        _with(decide_at=DecisionTime(time="18:00", time_zone="Europe/Zurich")), Outcome.HOLD, "NotDecidedYet"
    ),
    "D24": (_given(active=True), Outcome.QUEUE, "RunActive"),
    "D25": (
        _with(freezes=(Freeze(begin=NOW - HOUR, end=NOW + DAY, reason="release"),)), Outcome.HOLD, "QuietHours"
    ),
    "D26": (_with(budget=BudgetGuard(monthly_limit=10, job_estimate=40)), Outcome.ASK, "OverBudget"),
    "D27": (_ends("succeeded", "failed", "rejected", "failed"), Outcome.REFUSE, "BreakerOpen"),
    "D28": (_given(environment="prod", policy=_ASKING), Outcome.AWAIT_APPROVAL, "ApprovalNeeded"),
    "D35": (_given(workload="nlp", environment="prod"), Outcome.ANNOTATE, "WorkloadNeedsAnnotation"),
}  # fmt: skip


def test_nothing_stands_against_the_case_they_all_begin_with() -> None:
    assert _given().ruling().outcome is Outcome.SUBMIT


@pytest.mark.parametrize("rule", CASES)
def test_enforce(rule: str) -> None:
    case, outcome, reason = CASES[rule]
    ruling = case.ruling()
    assert (ruling.outcome, ruling.reason) == (outcome, reason)
    assert ruling.sentence.endswith(".")


def test_a_test_of_few_rows_or_beside_a_distance_counts() -> None:
    tested = _tested()
    few = tested.signal.model_copy(update={"samples": 1000})
    assert replace(tested, signal=few).ruling().outcome is Outcome.SUBMIT
    both = tested.signal.model_copy(update={"measures": (*tested.signal.measures, *_given().signal.measures)})
    assert replace(tested, signal=both).ruling().outcome is Outcome.SUBMIT


def test_what_waits_for_the_time_of_the_day_is_decided_then() -> None:
    """NOW is 14:00 in Zurich, a summer day; the signal came at or before that."""
    rule = DecisionTime(time="18:00", time_zone="Europe/Zurich")
    case = _with(decide_at=rule)
    ruling = case.ruling()
    assert ruling.until == NOW.replace(hour=16)
    assert replace(case, now=NOW.replace(hour=16)).ruling().outcome is Outcome.SUBMIT
    wish = case.signal.model_copy(update={"kind": SignalKind.PERSON, "requested_by": "t/ada"})
    assert replace(case, signal=wish).ruling().outcome is Outcome.SUBMIT
    late = case.signal.model_copy(update={"received_at": NOW.replace(hour=17), "observed_at": NOW.replace(hour=17)})
    assert replace(case, signal=late, now=NOW.replace(hour=17)).ruling().until == NOW.replace(hour=16) + DAY
