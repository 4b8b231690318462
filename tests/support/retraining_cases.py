"""Hypothesis strategies of decisions: policies that may be set, histories, signals; small enough to meet each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from controlplane.retraining.decide import Facts, Ruling, decide
from controlplane.retraining.history import with_policy, with_window
from controlplane.retraining.job_costs import Pool
from controlplane.retraining.model import ModelState, RunEnd, Window, WindowVerdict, state_id
from controlplane.retraining.policy import Agreement, Mode, RetrainingPolicy
from controlplane.retraining.policy_rules import problems
from controlplane.retraining.signal import (
    OF_MODELS,
    Direction,
    Evidence,
    Measure,
    Signal,
    SignalKind,
    SignalState,
    Source,
    direction_of,
    signal_id,
)
from tests.support.oracle import Past

NOW = datetime(2026, 6, 17, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
#: Signal name → its kind and its metric.
NAMES = {
    "watch_drift": (SignalKind.DATA_DRIFT, "PSI"),
    "watch_quality": (SignalKind.DATA_QUALITY, "NullRate"),
    "watch_truth": (SignalKind.PERFORMANCE, "Accuracy"),
    "watch_test": (SignalKind.DATA_DRIFT, "PearsonsChiSquaredTest"),
}
LIMITS = {"PSI": 0.5, "NullRate": 0.5, "Accuracy": 0.5, "PearsonsChiSquaredTest": 0.5}


@dataclass(frozen=True)
class Given:
    """Everything that one decision is made of; ``windows`` in the order in which they were heard."""

    policy: RetrainingPolicy
    windows: tuple[Window, ...]
    signal: Signal
    workload: str = "classical"
    environment: str = "dev"
    ends: tuple[RunEnd, ...] = ()
    submitted_at: datetime | None = None
    active: bool = False
    waiting: Signal | None = None
    now: datetime = NOW
    pools: Mapping[str, Pool] = field(default_factory=dict)

    def state(self, policy: RetrainingPolicy | None = None) -> ModelState:
        """As the product learns it, one window after the other."""
        state = ModelState(
            id=state_id("ws", "churn"), workspace="ws", incarnation=1, project="p", model="churn",
            ends=self.ends, last_submitted_at=self.submitted_at, active_run="rt-1" if self.active else None,
        )  # fmt: skip
        state = with_policy(state, policy or self.policy)
        for window in self.windows:
            state = with_window(state, window)
        return state

    def ruling(self, **changes: Any) -> Ruling:
        """``changes`` of the policy."""
        policy = self.policy.model_copy(update=changes)
        facts = Facts(self.state(policy), self.environment, self.workload, self.waiting, self.pools)
        return decide(policy, facts, self.signal, self.now)

    def past(self) -> Past:
        """The same for the oracle."""
        ends = [(one.ended_at, one.outcome, one.submitted) for one in self.ends]
        return Past(list(self.windows), ends, self.submitted_at, self.active, self.waiting)


def window_of(signal: Signal) -> Window:
    """What a signal that was read back says of its window."""
    verdict = {Direction.WORSE: WindowVerdict.BREACH, Direction.BETTER: WindowVerdict.CLEAR}
    assert signal.monitor and signal.signal_name and signal.window_at
    return Window(
        monitor=signal.monitor,
        signal_name=signal.signal_name,
        kind=signal.kind,
        at=signal.window_at,
        verdict=verdict.get(signal.direction, WindowVerdict.UNKNOWN) if signal.evidence.read_back
        else WindowVerdict.UNKNOWN,
        samples=signal.samples,
        measures=signal.measures,
        run_id=signal.run_id,
    )  # fmt: skip


def _measured(name: str, value: float | None) -> Measure:
    metric = NAMES[name][1]
    limit = LIMITS[metric]
    return Measure(metric=metric, value=value, threshold=limit, direction=direction_of(metric, value, limit))


@st.composite
def policies(draw: st.DrawFn) -> RetrainingPolicy:
    """What ``PUT`` would take."""
    breaches = draw(st.integers(1, 3))
    tokyo = {"days": [2, 3], "begin": "22:00", "end": "14:30", "timeZone": "Asia/Tokyo"}
    quiet = draw(st.sampled_from(((), ({"begin": "09:00", "end": "18:00"},), (tokyo,))))
    freeze = {"begin": (NOW - DAY).isoformat(), "end": (NOW + 2 * DAY).isoformat(), "reason": "freeze"}
    policy = RetrainingPolicy.model_validate(
        {
            "pipeline": {"name": "retrain"},
            "mode": draw(st.sampled_from(("enabled", "enabled", "enabled", "dryRun", "disabled"))),
            "kinds": draw(
                st.sampled_from((["dataDrift"], ["dataDrift", "modelPerformance"], list(map(str, OF_MODELS))))
            ),
            "monitors": draw(st.sampled_from(((), (), ("watch",), ("other",)))),
            "minimumSamples": draw(st.sampled_from((0, 100, 1000))),
            "windows": {"breaches": breaches, "of": draw(st.integers(breaches, 5)), "minimumSeen": breaches},
            "thresholds": draw(st.sampled_from(((), ({"metric": "psi", "raiseAt": 0.7, "clearAt": 0.4},)))),
            "agreement": draw(st.sampled_from(("secondSignalOrKpi", "kpi", "none"))),
            "kpi": draw(st.sampled_from((None, {"metric": "Accuracy", "limit": 0.6}))),
            "cooldown": draw(st.sampled_from(("P1D", "P4D", "P30D"))),
            "breaker": {"failures": draw(st.integers(1, 3))},
            "quietHours": quiet,
            "decideAt": draw(st.sampled_from((None, None, {"time": "18:00", "timeZone": "Asia/Tokyo"}))),
            "freezes": draw(st.sampled_from(((), (), (freeze,)))),
            "budget": draw(st.sampled_from((None, {"monthlyLimit": 100, "jobEstimate": 40}))),
            "approval": {"required": draw(st.sampled_from((None, True, False)))},
        }
    )
    return policy if not list(problems(policy)) else policy.model_copy(update={"agreement": Agreement.NONE})


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    """Mostly a monitor's breach of the last day that was read back; sometimes anything."""
    name = draw(st.sampled_from((*NAMES, "watch_drift", "watch_drift")))
    observed = NOW - draw(st.sampled_from((HOUR, 3 * HOUR, 23 * HOUR, 30 * HOUR)))
    value = draw(st.sampled_from((0.9, 0.65, 0.1, None)))
    kind = NAMES[name][0] if draw(st.integers(0, 4)) else draw(st.sampled_from(list(SignalKind)))
    measure = _measured(name, 1 - value if name == "watch_truth" and value is not None else value)
    back = bool(draw(st.integers(0, 9)))
    return Signal(
        id=signal_id("ws", draw(st.sampled_from("ab"))),
        workspace="ws",
        project="p",
        kind=kind,
        source=Source.EVENT,
        dedupe_key="k",
        state=draw(st.sampled_from((SignalState.RECEIVED, SignalState.RECEIVED, SignalState.HELD))),
        observed_at=observed,
        received_at=observed + draw(st.sampled_from((timedelta(0), HOUR, 40 * HOUR))),
        direction=measure.direction,
        measures=(measure,),
        samples=draw(st.sampled_from((5000, 5000, 500, None))),
        model=None if draw(st.integers(0, 19)) == 7 else "churn",
        monitor="watch",
        signal_name=name,
        window_at=NOW.replace(hour=0) - draw(st.sampled_from((0, 0, 0, 1, 3))) * DAY,
        run_id="step",
        evidence=Evidence(read_back=back),
        resolved=draw(st.sampled_from((False, False, False, False, True))),
    )


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Of one of the last eight days."""
    name = draw(st.sampled_from(list(NAMES)))
    value = draw(st.sampled_from((0.9, 0.45, 0.1)))
    measure = _measured(name, value)
    worse = measure.direction is Direction.WORSE
    verdict = WindowVerdict.BREACH if worse else WindowVerdict.CLEAR
    return Window(
        monitor="watch",
        signal_name=name,
        kind=NAMES[name][0],
        at=NOW.replace(hour=0) - draw(st.integers(0, 8)) * DAY,
        verdict=draw(st.sampled_from((verdict, verdict, WindowVerdict.UNKNOWN))),
        measures=draw(st.sampled_from(((measure,), (measure,), ()))),
    )


@st.composite
def givens(draw: st.DrawFn) -> Given:
    """A case; its windows hold the signal's own, as the tick makes sure. Half of them are about a breach that nothing
    of the signal itself stands against, so that the later questions are reached."""
    sound = draw(st.booleans())
    signal = breach("watch_drift", NOW.replace(hour=0)) if sound else draw(signals())
    heard = draw(st.lists(windows(), max_size=12))
    if sound:
        heard += [window_of(breach("watch_drift", NOW.replace(hour=0) - back * DAY)) for back in range(3)]
        heard += [window_of(breach("watch_truth", NOW.replace(hour=0) - DAY))] if draw(st.booleans()) else []
    elif signal.kind in OF_MODELS and draw(st.integers(0, 9)):
        heard.insert(draw(st.integers(0, len(heard))), window_of(signal))
    times = sorted(draw(st.lists(st.integers(1, 40), max_size=4, unique=True)), reverse=True)
    outcomes = st.sampled_from(("failed", "rejected", "succeeded", "canceled"))
    ends = tuple(
        RunEnd(run_id=f"rt-{at}", ended_at=NOW - at * DAY, outcome=draw(outcomes), submitted=draw(st.booleans()))
        for at in times
    )
    active = draw(st.sampled_from((False, False, False, True)))
    policy = draw(policies())
    return Given(
        policy=policy.model_copy(update={"mode": Mode.ENABLED, "monitors": ()}) if sound else policy,
        windows=tuple(heard),
        signal=signal,
        workload=draw(st.sampled_from(("classical", "classical", "classical", "cv", "nlp"))),
        environment=draw(st.sampled_from(("dev", "prod"))),
        ends=ends,
        submitted_at=draw(st.sampled_from((None, NOW - 5 * DAY, NOW - 20 * DAY))),
        active=active,
        waiting=draw(st.none() | signals()) if active else None,
    )


@st.composite
def open_cases(draw: st.DrawFn) -> Given:
    """Where nothing of the signal stands against a run, so that what is varied decides."""
    at = NOW.replace(hour=0)
    heard = [window_of(breach("watch_drift", at - back * DAY)) for back in range(draw(st.integers(2, 5)))]
    truth = window_of(breach("watch_truth", at - DAY))
    policy = RetrainingPolicy.model_validate({"pipeline": {"name": "retrain"}, "approval": {"required": False}})
    return Given(policy, (*heard, truth), breach("watch_drift", at))


def breach(name: str, at: datetime) -> Signal:
    measure = _measured(name, 0.1 if name == "watch_truth" else 0.9)
    return Signal(
        id=signal_id("ws", f"{name}{at}"), workspace="ws", project="p", kind=NAMES[name][0], source=Source.EVENT,
        dedupe_key=f"{name}{at}", observed_at=at + 3 * HOUR, received_at=at + 3 * HOUR, direction=Direction.WORSE,
        measures=(measure,), samples=5000, model="churn", monitor="watch", signal_name=name, window_at=at,
        run_id=f"step-{name}-{at:%d}", evidence=Evidence(read_back=True),
    )  # fmt: skip
