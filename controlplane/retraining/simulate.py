"""What another policy would have done with the signals that were recorded. Pure.

The recorded signals are decided again, in the order and at the times at which they were decided first, by the same
``decide``. What nobody can know is assumed, and said: :data:`ASSUMPTIONS`.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.retraining.decide import Facts, Ruling, decide
from controlplane.retraining.history import with_policy, with_window
from controlplane.retraining.job_costs import Pool
from controlplane.retraining.model import (
    KEPT_ENDS,
    Decision,
    ModelState,
    Outcome,
    RunEnd,
    Window,
    WindowVerdict,
    state_id,
)
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.runs.model import Run, RunState
from controlplane.retraining.runs.moves import was_sent
from controlplane.retraining.signal import Signal, SignalKind, SignalState
from controlplane.retraining.windows import window_of

#: Where no run of the model has ended yet.
_RUN_TAKES = timedelta(hours=4)
_STARTS = frozenset({Outcome.SUBMIT, Outcome.AWAIT_APPROVAL, Outcome.ASK})
#: A replay ends: what is held is decided again, and a policy whose quiet hours touch each other holds often.
_MOST_DECISIONS = 50_000
ASSUMPTIONS = (
    "An approver says yes at once, and so does the owner where the budget asks.",
    "A run that was not there takes as long as the model's runs did (four hours where none has ended) and succeeds; "
    "one that was there ends when and how it did.",
    "A retrained model changes no signal: the drift that was recorded is the drift that is replayed.",
    "A window without a breach, which makes no signal, is known half a period after its time; the last hundred of a "
    "monitor's signal are remembered.",
    "Quota is not asked.",
)


class ReplayedDecision(Model):
    """A decision in short."""

    outcome: Outcome
    reason: str
    sentence: str
    at: datetime


class Replayed(Model):
    """One signal of the period: what was decided, and what would have been."""

    signal: str = Field(description="Id of the signal.")
    kind: SignalKind
    signal_name: str | None
    window_at: datetime | None
    was: ReplayedDecision | None = Field(description="Its last decision; null where there is none yet.")
    would: ReplayedDecision = Field(description="The last of the replay.")
    held: int = Field(description="How often it would have been held or queued before.")
    differs: bool = Field(description="Another outcome or another reason.")


class ReplayedCount(Model):
    """How often."""

    was: int
    would: int


class Simulation(Model):
    """What ``:simulate`` answers."""

    signals: tuple[Replayed, ...] = Field(description="In the order of their times.")
    runs: ReplayedCount = Field(
        description="Runs that were started by signals of the period, and that would have been."
    )
    outcomes: dict[str, ReplayedCount]
    differ: int
    assumptions: tuple[str, ...] = ASSUMPTIONS


@dataclass(frozen=True, slots=True)
class Recorded:
    """``signals`` are of the period and of some time before it, which fills the windows. ``before`` is the model's row
    as it is now: it names the model, and remembers windows without a breach."""

    before: ModelState
    environment: str
    workload: str
    signals: Sequence[Signal]
    decisions: Mapping[str, Decision]
    """By their ids."""
    runs: Sequence[Run]
    pools: Mapping[str, Pool] = field(default_factory=dict)
    """The workspace's clusters as they are now."""


def simulate(policy: RetrainingPolicy, recorded: Recorded, begin: datetime, end: datetime) -> Simulation:
    """Replays the signals received in ``[begin, end)``."""
    replay = _Replay(policy, recorded, begin)
    shown = []
    for signal in sorted(recorded.signals, key=lambda one: (one.received_at, one.id)):
        if signal.received_at < begin:
            replay.learn(signal)
        elif signal.received_at < end:
            replay.add(signal)
            shown.append(signal)
    for window in recorded.before.windows:
        if window.verdict is not WindowVerdict.BREACH:
            replay.recall(window)
    replay.run()
    values = tuple(_replayed(one, replay, recorded) for one in shown)
    return Simulation(
        signals=values,
        runs=ReplayedCount(
            was=sum(one.was is not None and one.was.outcome in _STARTS for one in values),
            would=sum(one.would.outcome in _STARTS for one in values),
        ),
        outcomes={name.value: count for name in Outcome if (count := _count(values, name)) is not None},
        differ=sum(one.differs for one in values),
    )


def _count(values: Sequence[Replayed], outcome: Outcome) -> ReplayedCount | None:
    was = sum(one.was is not None and one.was.outcome is outcome for one in values)
    would = sum(one.would.outcome is outcome for one in values)
    return ReplayedCount(was=was, would=would) if was or would else None


def _replayed(signal: Signal, replay: _Replay, recorded: Recorded) -> Replayed:
    decision = recorded.decisions.get(signal.decision_id or "")
    was = None
    if decision is not None:
        was = ReplayedDecision(
            outcome=decision.outcome, reason=decision.reason, sentence=decision.sentence, at=decision.at
        )
    rulings = replay.rulings[signal.id]
    at, last = rulings[-1]
    would = ReplayedDecision(outcome=last.outcome, reason=last.reason, sentence=last.sentence, at=at)
    return Replayed(
        signal=signal.id,
        kind=signal.kind,
        signal_name=signal.signal_name,
        window_at=signal.window_at,
        was=was,
        would=would,
        held=len(rulings) - 1,
        differs=was is None or (was.outcome, was.reason) != (would.outcome, would.reason),
    )


_What = Signal | RunEnd | Window


class _Replay:
    """The model's row as it would have been. Events in the order of time: a signal's decision, a run's end."""

    def __init__(self, policy: RetrainingPolicy, recorded: Recorded, begin: datetime) -> None:
        self.rulings: dict[str, list[tuple[datetime, Ruling]]] = {}
        self._policy = policy
        self._recorded = recorded
        self._of_signal = {run.signal_id: run for run in recorded.runs}
        self._takes = _usual(recorded.runs)
        self._waiting: Signal | None = None
        self._agenda: list[tuple[datetime, int, _What]] = []
        self._count = 0
        self._state = with_policy(_begun(recorded, begin), policy)
        for run in recorded.runs:
            # What ran when the period began ends as it did.
            if run.id == self._state.active_run and (over := _ended(run)) is not None:
                self._push(over.ended_at, over)

    def learn(self, signal: Signal) -> None:
        window = window_of(signal)
        if window is not None:
            self._state = with_window(self._state, window)

    def add(self, signal: Signal) -> None:
        fresh = signal.model_copy(update={"state": SignalState.RECEIVED, "decision_id": None})
        self.rulings[signal.id] = []
        self._push(signal.received_at, fresh)

    def recall(self, window: Window) -> None:
        """One that a poll found, of which no signal tells."""
        self._push(window.at + self._policy.windows.period / 2, window)

    def run(self) -> None:
        for _ in range(_MOST_DECISIONS):
            if not self._agenda:
                return
            at, _, what = heapq.heappop(self._agenda)
            if isinstance(what, RunEnd):
                self._end(what)
            elif isinstance(what, Window):
                self._state = with_window(self._state, what)
            else:
                self._decide(what, at)

    def _push(self, at: datetime, what: _What) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (at, self._count, what))

    def _decide(self, signal: Signal, now: datetime) -> None:
        self.learn(signal)
        past = self._recorded
        facts = Facts(self._state, past.environment, past.workload, self._waiting, past.pools)
        ruling = decide(self._policy, facts, signal, now)
        self.rulings[signal.id].append((now, ruling))
        held = signal.model_copy(update={"state": SignalState.HELD})
        if ruling.dry_run:
            return
        if ruling.outcome is Outcome.HOLD and ruling.until is not None:
            self._push(ruling.until, held)
        elif ruling.outcome is Outcome.QUEUE:
            self._waiting = held
        elif ruling.outcome in _STARTS:
            self._start(signal, now)

    def _start(self, signal: Signal, now: datetime) -> None:
        real = self._of_signal.get(signal.id)
        over = _ended(real) if real is not None and real.created_at == now else None
        if over is None:
            name = f"simulated-{signal.id}"
            over = RunEnd(run_id=name, ended_at=now + self._takes, outcome=RunState.SUCCEEDED.value)
        self._state = self._state.model_copy(update={"active_run": over.run_id, "last_submitted_at": now})
        self._push(over.ended_at, over)

    def _end(self, end: RunEnd) -> None:
        ends = (*self._state.ends, end)[-KEPT_ENDS:]
        self._state = self._state.model_copy(update={"active_run": None, "ends": ends})
        if self._waiting is not None:
            self._push(end.ended_at, self._waiting)
            self._waiting = None


def _begun(recorded: Recorded, begin: datetime) -> ModelState:
    """What had run when the period began, as it was; windows are learned again."""
    before = recorded.before
    runs = sorted((one for one in recorded.runs if one.created_at < begin), key=lambda one: one.created_at)
    ends = [end for run in runs if (end := _ended(run)) is not None and end.ended_at < begin]
    active = [run for run in runs if (end := _ended(run)) is None or end.ended_at >= begin]
    return ModelState(
        id=state_id(before.workspace, before.model),
        workspace=before.workspace,
        incarnation=before.incarnation,
        project=before.project,
        model=before.model,
        policy_generation=before.policy_generation,
        ends=tuple(ends[-KEPT_ENDS:]),
        active_run=active[-1].id if active else None,
        last_submitted_at=max((at for run in runs if (at := _sent(run)) is not None), default=None),
    )


def _ended(run: Run) -> RunEnd | None:
    if not run.state.is_terminal or not run.transitions:
        return None
    return RunEnd(run_id=run.id, ended_at=run.transitions[-1].at, outcome=run.state.value, submitted=was_sent(run))


def _sent(run: Run) -> datetime | None:
    return next((one.at for one in run.transitions if one.state is RunState.SUBMITTED), None)


def _usual(runs: Sequence[Run]) -> timedelta:
    """From a run's submission to its end."""
    times = [
        (end.ended_at - sent).total_seconds()
        for run in runs
        if (sent := _sent(run)) is not None and (end := _ended(run)) is not None
    ]
    return timedelta(seconds=median(times)) if times else _RUN_TAKES
