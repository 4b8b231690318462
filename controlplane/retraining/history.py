"""What a model's row remembers of its monitors, and questions about it. Pure.

Windows are named by the time for which their run was scheduled, so that a copy, a late one and one that a poll found
are one window; what the schedule has a slot for and nobody reported is unknown, never fine (D20).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.retraining.model import KEPT_ENDS, KEPT_WINDOWS, ModelState, Window, WindowVerdict
from controlplane.retraining.policy import RetrainingPolicy, Threshold
from controlplane.retraining.policy import Windows as WindowRule
from controlplane.retraining.runs.model import RunState
from controlplane.retraining.signal import Direction, Measure, more_is_better

#: Metrics of one window, and bytes of their names: Azure ML's own take fewer.
KEPT_MEASURES = 8
_NAMES_BYTES = 240
#: Windows of all signals of one model: what a row of the store holds, whatever stands in them.
_ALL_WINDOWS = 10 * KEPT_WINDOWS
_COUNTED = frozenset({RunState.FAILED.value, RunState.REJECTED.value})


@dataclass(frozen=True, slots=True)
class Seen:
    """The last M slots of one signal's schedule, as far as they are known."""

    slots: int
    breaches: int
    known: int
    latest: Window | None


def with_window(state: ModelState, window: Window) -> ModelState:
    """The state that also knows this window, whatever the order in which windows are heard of. A verdict replaces
    unknown, and a breach is never taken back by a copy that says clear (several events come per breach, D20)."""
    key = _key(window)
    same = next((one for one in state.windows if _key(one) == key), None)
    known = _merged(same, window) if same is not None else _merged(window, window)
    others = [one for one in state.windows if _key(one) != key]
    windows = _bounded(sorted((*others, known), key=lambda one: (one.at, one.monitor, one.signal_name)))
    return state.model_copy(update={"windows": windows, "raised": _raised(windows, state.policy)})


def with_policy(state: ModelState, policy: RetrainingPolicy | None) -> ModelState:
    """Under another policy other thresholds may be passed."""
    return state.model_copy(update={"policy": policy, "raised": _raised(state.windows, policy)})


def seen(state: ModelState, rule: WindowRule, monitor: str | None, signal_name: str | None) -> Seen:
    """The latest window of the signal and the M - 1 slots before it."""
    mine = windows_of(state, monitor, signal_name)
    if not mine:
        return Seen(rule.of, 0, 0, None)
    latest = mine[-1]
    breaches = known = 0
    for place in range(rule.of):
        slot = latest.at - place * rule.period
        # A run starts some time after its slot; half a period is as far as it still belongs to it.
        verdicts = {one.verdict for one in mine if abs(one.at - slot) < rule.period / 2}
        if WindowVerdict.BREACH in verdicts:
            breaches += 1
        known += bool(verdicts - {WindowVerdict.UNKNOWN})
    return Seen(rule.of, breaches, known, latest)


def windows_of(state: ModelState, monitor: str | None, signal_name: str | None) -> tuple[Window, ...]:
    """Oldest first."""
    return tuple(one for one in state.windows if (one.monitor, one.signal_name) == (monitor, signal_name))


def failures_in_a_row(state: ModelState) -> int:
    """Failed or rejected runs since the last that succeeded, or since a person reset the breaker. What was canceled or
    superseded says nothing about the pipeline."""
    count = 0
    for end in reversed(state.ends):
        if state.breaker_reset_at is not None and end.ended_at <= state.breaker_reset_at:
            break
        if end.outcome == RunState.SUCCEEDED.value:
            break
        count += end.outcome in _COUNTED
    return count


def last_activity(state: ModelState) -> datetime | None:
    """When the last run was submitted or ended, whichever is later: the cooldown begins there. What was superseded was
    never sent."""
    ends = [end.ended_at for end in state.ends if end.outcome != RunState.SUPERSEDED.value]
    times = ends[-1:]
    if state.last_submitted_at is not None:
        times.append(state.last_submitted_at)
    return max(times, default=None)


def is_up(state: ModelState, signal_name: str) -> bool:
    """Whether this signal was raised and has not cleared since (D07)."""
    return signal_name in state.raised


def runs_of_the_month(state: ModelState, now: datetime) -> int | None:
    """Runs that were submitted and ended in the calendar month (UTC) of ``now``, and the active one. None: more may
    have ended in it than are remembered."""
    month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if len(state.ends) >= KEPT_ENDS and state.ends[0].ended_at >= month:
        return None
    ended = sum(one.submitted and one.ended_at >= month for one in state.ends)
    return ended + (state.active_run is not None)


def _key(window: Window) -> tuple[str, str, datetime]:
    return window.monitor, window.signal_name, window.at


def _merged(one: Window, other: Window) -> Window:
    """What is known by both: the graver verdict, and of each metric the worst measure. One measure for each feature of
    each of a hundred windows would not fit a row, and nothing asks for the others."""
    if _rank(one.verdict) != _rank(other.verdict):
        one = other = max(one, other, key=lambda window: _rank(window.verdict))
    worst: dict[str, Measure] = {}
    for measure in (*one.measures, *other.measures):
        name = measure.metric.lower()
        if measure.value is not None and (name not in worst or _badness(measure) > _badness(worst[name])):
            worst[name] = measure
    samples = max((found for found in (one.samples, other.samples) if found is not None), default=None)
    run = min((found for found in (one.run_id, other.run_id) if found is not None), default=None)
    measures = _kept(worst.values())
    return one.model_copy(
        update={"measures": measures, "samples": samples, "run_id": run, "kind": min(one.kind, other.kind)}
    )


def _kept(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """In the order of their names; of more metrics than any monitor of Azure ML has, those that are worse first. Which
    feature it was, the signal knows: here nothing asks for it."""
    first = sorted(measures, key=lambda one: (one.direction is not Direction.WORSE, one.metric.lower()))
    kept: list[Measure] = []
    room = _NAMES_BYTES
    for one in first[:KEPT_MEASURES]:
        room -= len(one.metric.encode())
        if room < 0:
            break
        kept.append(one.model_copy(update={"group": None}))
    return tuple(sorted(kept, key=lambda one: one.metric.lower()))


def _badness(measure: Measure) -> tuple[float, str]:
    """Grows with how bad it is; of equal ones the group's name decides, so that order does not."""
    value = measure.value or 0.0
    return -value if more_is_better(measure.metric) else value, measure.group or ""


def _rank(verdict: WindowVerdict) -> int:
    return (WindowVerdict.UNKNOWN, WindowVerdict.CLEAR, WindowVerdict.BREACH).index(verdict)


def _bounded(windows: Iterable[Window]) -> tuple[Window, ...]:
    """The last ``KEPT_WINDOWS`` of each signal, in the order given. Ten signals fit a row with all of theirs; of more,
    each keeps as many fewer, so that the row always can be stored."""
    kept: list[Window] = []
    counts: dict[tuple[str, str], int] = {}
    everything = list(windows)
    signals = len({(one.monitor, one.signal_name) for one in everything})
    most = min(KEPT_WINDOWS, max(1, _ALL_WINDOWS // max(1, signals)))
    for window in reversed(everything):
        name = (window.monitor, window.signal_name)
        counts[name] = counts.get(name, 0) + 1
        if counts[name] <= most:
            kept.append(window)
    return tuple(reversed(kept))


def _raised(windows: tuple[Window, ...], policy: RetrainingPolicy | None) -> tuple[str, ...]:
    """Signal names that were raised and have not cleared since: folded over the windows in the order of their times,
    so that the order in which they arrived does not matter."""
    rules = {rule.metric.lower(): rule for rule in policy.thresholds} if policy else {}
    raised: dict[str, bool] = {}
    for window in windows:
        before = raised.get(window.signal_name, False)
        raised[window.signal_name] = _state_after(before, window, rules)
    return tuple(sorted(name for name, up in raised.items() if up))


def _state_after(before: bool, window: Window, rules: dict[str, Threshold]) -> bool:
    """Without a rule of ours for a metric the monitor's own threshold raises and clears; unknown changes nothing."""
    if window.verdict is WindowVerdict.UNKNOWN:
        return before
    judged = [(one, rules[one.metric.lower()]) for one in window.measures if one.metric.lower() in rules]
    ruled = [(one.value, rule) for one, rule in judged if one.value is not None]
    if not ruled:
        return window.verdict is WindowVerdict.BREACH
    if any(_beyond(value, rule.raise_at, rule.metric) for value, rule in ruled):
        return True
    return before and any(_beyond(value, rule.clear_at, rule.metric) for value, rule in ruled)


def _beyond(value: float, limit: float, metric: str) -> bool:
    """On the bad side of a limit; at the limit is beyond it, for raising as for staying raised."""
    return value <= limit if more_is_better(metric) else value >= limit


def kpi_is_bad(measures: Iterable[Measure], metric: str, limit: float) -> bool | None:
    """None where the metric was not measured."""
    values = [one.value for one in measures if one.metric.lower() == metric.lower() and one.value is not None]
    if not values:
        return None
    more = more_is_better(metric)
    return any(value < limit if more else value > limit for value in values)
