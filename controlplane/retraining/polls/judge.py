"""What a window says of a target, held against thresholds and what is remembered of it. Pure.

No samples is unknown: it neither raises nor clears, and is never a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controlplane.ports.metrics import Measured, Point
from controlplane.retraining.polls.model import WINDOW, Episode, Watched
from controlplane.retraining.polls.watch import MADE_FOR, Rule, Watch
from controlplane.retraining.signal import SignalKind

ENDPOINT = "microsoft.machinelearningservices/workspaces/onlineendpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"
#: What is asked of each type, in one call: no metric of one type needs a split that another lacks.
METRICS = {
    ENDPOINT: ("RequestsPerMinute", "RequestLatency_P95"),
    DEPLOYMENT: (
        "RequestsPerMinute",
        "DeploymentCapacity",
        "CpuUtilizationPercentage",
        "CpuMemoryUtilizationPercentage",
        "GpuUtilizationPercentage",
        "GpuMemoryUtilizationPercentage",
    ),
}
_BUSY = METRICS[DEPLOYMENT][2:]
ABOVE, BELOW = "RequestsAboveUsual", "RequestsBelowUsual"
#: How long a target may be out of sight before the time without calls is counted anew.
_OUT_OF_SIGHT = timedelta(hours=24)
#: How often it is noted that there still was no call.
_NOTED = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Observation:
    """``value`` None is unknown; ``volume`` is what a share was made of."""

    kind: SignalKind
    metric: str
    value: float | None
    rule: Rule
    part: str = ""
    volume: float | None = None
    severe: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """An episode that begins (``episode.signal_id`` None yet) or ended."""

    episode: Episode
    observation: Observation | None
    begins: bool


@dataclass(frozen=True, slots=True)
class Judged:
    after: Watched
    changes: tuple[Change, ...]


def of_metrics(kind: str, found: Measured, watch: Watch) -> tuple[Observation, ...]:
    """``kind`` is the folded type; what was measured of one resource of it."""
    if kind == ENDPOINT:
        calls = calls_of(kind, found)
        minutes = WINDOW / timedelta(minutes=1)
        share = None if calls is None else calls / minutes / MADE_FOR[watch.size]
        return (
            Observation(SignalKind.REQUESTS, "RequestsPerMinute", share, watch.requests),
            Observation(
                SignalKind.LATENCY, "RequestLatency_P95", _average(found.get("RequestLatency_P95")), watch.latency
            ),
        )
    busy = {name: value for name in _BUSY if (value := _average(found.get(name))) is not None}
    name = max(busy, key=lambda one: busy[one], default=_BUSY[0])
    return (Observation(SignalKind.UTILISATION, name, busy.get(name), watch.utilisation),)


def calls_of(kind: str, found: Measured) -> float | None:
    """Calls of the window; None where nobody knows, and for what is no endpoint."""
    return _total(found.get("RequestsPerMinute")) if kind == ENDPOINT else None


@dataclass(frozen=True, slots=True)
class DeviationRule:
    """``of``: a score (above: positive) as an observation."""

    of: Callable[[float, Rule], Observation]
    requirements: tuple[str, ...] = ()


def _deviation(score: float, rule: Rule) -> Observation:
    """Too many and too few are one thing: it is not as it was."""
    metric = ABOVE if score >= 0 else BELOW
    return Observation(SignalKind.REQUESTS, metric, abs(score), rule, part="usual")


#: What an endpoint's own past is held against.
DEVIATIONS: dict[str, DeviationRule] = {ENDPOINT: DeviationRule(_deviation)}


def of_usual(kind: str, score: float | None, watch: Watch) -> tuple[Observation, ...]:
    """Nothing where nobody knows."""
    rule = DEVIATIONS.get(kind)
    return () if rule is None or score is None else (rule.of(score, watch.unusual),)


@dataclass(frozen=True, slots=True)
class IdleRule:
    """``of``: whether a resource of a type had no call; None where nobody knows."""

    of: Callable[[Measured], bool | None]
    requirements: tuple[str, ...] = ()


def _no_calls(found: Measured) -> bool | None:
    """Azure sends no sample where there is nothing to count: that the capacity of a deployment was measured in the same
    window says that it was there and was looked at. Without that nobody knows."""
    calls = _total(found.get("RequestsPerMinute"))
    if calls is not None:
        return calls == 0
    return True if found.get("DeploymentCapacity") else None


#: Folded type → rule.
IDLE: dict[str, IdleRule] = {DEPLOYMENT: IdleRule(_no_calls, ("S3-91",))}


def is_idle(kind: str, found: Measured) -> bool | None:
    """Whether it had no call; None where nobody knows, and for what is not watched for that."""
    rule = IDLE.get(kind)
    return rule.of(found) if rule else None


def judge(before: Watched, seen: Iterable[Observation], slot: datetime) -> Judged:
    """Counts a window once, however often it is judged."""
    known = {(one.kind, one.part): one for one in before.episodes}
    changes: list[Change] = []
    for observation in seen:
        key = (observation.kind, observation.part)
        episode = known.get(key)
        after = _after(episode, observation, slot)
        if after is None:
            known.pop(key, None)
            if episode is not None and episode.raised_at is not None:
                changes.append(Change(episode, observation, begins=False))
        else:
            known[key] = after
            if after.raised_at is not None and after.signal_id is None:
                changes.append(Change(after, observation, begins=True))
    episodes = tuple(known[key] for key in sorted(known))
    return Judged(before.model_copy(update={"episodes": episodes}), tuple(changes))


def _after(episode: Episode | None, seen: Observation, slot: datetime) -> Episode | None:
    """None: plainly fine, nothing to remember."""
    if seen.value is None or (seen.volume is not None and seen.volume < seen.rule.minimum):
        return episode
    if episode is not None and episode.latest >= slot:
        return episode
    if seen.value >= seen.rule.raise_at:
        bad = (episode.bad if episode else 0) + 1
        base = episode or Episode(kind=seen.kind, part=seen.part, latest=slot)
        raised = base.raised_at or (slot if bad >= seen.rule.windows else None)
        return base.model_copy(update={"bad": bad, "latest": slot, "raised_at": raised})
    if episode is None or episode.raised_at is None or seen.value <= seen.rule.clear_at:
        return None
    return episode.model_copy(update={"latest": slot})


def with_idle(before: Watched, idle: bool | None, watch: Watch, slot: datetime) -> Judged:
    """S3-91. An hour in which nobody knows is not an hour without calls: after a day of them the time begins anew."""
    open_ = next((one for one in before.episodes if one.kind is SignalKind.UNUSED), None)
    if idle is None:
        return Judged(before, ())
    if not idle:
        left = tuple(one for one in before.episodes if one is not open_)
        after = before.model_copy(update={"episodes": left, "idle_since": None, "idle_seen": None})
        return Judged(after, (Change(open_, None, begins=False),) if open_ is not None else ())
    seen = before.idle_seen
    since = before.idle_since
    if since is None or seen is None or slot - seen > _OUT_OF_SIGHT:
        after = before.model_copy(update={"idle_since": slot - WINDOW, "idle_seen": slot})
        return Judged(after, ())
    after = before if slot - seen < _NOTED else before.model_copy(update={"idle_seen": slot})
    if slot - since < watch.unused_after or (open_ is not None and open_.signal_id is not None):
        return Judged(after, ())
    episode = open_ or Episode(kind=SignalKind.UNUSED, latest=slot, bad=1, raised_at=slot)
    others = tuple(one for one in after.episodes if one.kind is not SignalKind.UNUSED)
    days = (slot - since) / timedelta(days=1)
    rule = Rule(raise_at=watch.unused_after / timedelta(days=1), clear_at=0, windows=1)
    observation = Observation(SignalKind.UNUSED, "DaysWithoutCalls", days, rule)
    after = after.model_copy(update={"episodes": (*others, episode)})
    return Judged(after, (Change(episode, observation, begins=True),))


def told(after: Watched, change: Change, signal_id: str | None) -> Watched:
    """The target after its episode was told."""
    same = (change.episode.kind, change.episode.part)
    episodes = tuple(
        one.model_copy(update={"signal_id": signal_id}) if (one.kind, one.part) == same else one
        for one in after.episodes
    )
    return after.model_copy(update={"episodes": episodes})


def both(first: Judged, second: Judged) -> Judged:
    """One after the other: ``second`` was judged from what ``first`` left."""
    return replace(second, changes=(*first.changes, *second.changes))


def _total(points: tuple[Point, ...] | None) -> float | None:
    values = [one.total for one in points or () if one.total is not None]
    return sum(values) if values else None


def _average(points: tuple[Point, ...] | None) -> float | None:
    values = [one.average for one in points or () if one.average is not None]
    return sum(values) / len(values) if values else None
