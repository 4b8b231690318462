"""What the runs of a monitor say, slot by slot, held against the windows that are known. Pure.

A breach whose event was lost is handed in as that event would have been; a run that completed and says of no signal
that it was breached is clear, when all of it could be seen; a slot without a run, or whose run failed, is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from controlplane.json_types import JsonObject
from controlplane.retraining.model import ModelState, WindowVerdict
from controlplane.retraining.monitors.model import Monitor, MonitorSignal, signal_name, slot_of
from controlplane.retraining.signal import SignalKind
from controlplane.retraining.signals.breach import BREACH_TAG, parse_breach
from controlplane.retraining.signals.evidence import ROOT_BREACH_TAG
from controlplane.retraining.signals.ownership import properties_of

#: Slots that are looked at again: what was lost longer ago is of no use to a decision (D03).
LOOKED_BACK = 5
#: Until a slot without a run is one.
STARTS_WITHIN = timedelta(hours=2)
#: Until a run that does not end says nothing any more.
ENDS_WITHIN = timedelta(hours=24)
#: On the root run of a monitor that notifies addresses: such a run also says what was breached.
ADDRESSES = "azureml.notification.email.address"
#: With the signal's name, on the monitor's run or a step of it: rows whose truth was joined by correlation id.
TRUTH_TAG = "cp.truth."
_BAD_ENDS = frozenset({"failed", "canceled", "notresponding"})


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot of one monitor, and the run that it should have had."""

    monitor: Monitor
    at: datetime

    @property
    def run(self) -> str:
        """As Azure ML calls what a schedule starts: ``{schedule}-{yyyyMMddTHHmmssZ}``."""
        return f"{self.monitor.name}-{self.at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True, slots=True)
class Said:
    """``breaches``: signal's name → the run that says so. ``clear``: names that were looked at and are not breached."""

    slot: Slot
    breaches: Mapping[str, str] = field(default_factory=dict)
    clear: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


def slots(monitor: Monitor, now: datetime) -> Iterator[Slot]:
    """The latest slots since the monitor was set as it is, oldest first."""
    latest = slot_of(monitor.spec, now)
    for number in reversed(range(LOOKED_BACK)):
        at = latest - number * monitor.spec.period
        if at > monitor.last_modified_at:
            yield Slot(monitor, at)


def open_signals(slot: Slot, state: ModelState | None) -> frozenset[str]:
    """Names of the monitor's signals whose window is not known yet."""
    known = {
        one.signal_name
        for one in (state.windows if state else ())
        if one.monitor == slot.monitor.name and one.at == slot.at and one.verdict is not WindowVerdict.UNKNOWN
    }
    return frozenset(_names(slot.monitor)) - known


def part_of(monitor: Monitor, name: str) -> MonitorSignal:
    """The signal of this name."""
    return next(one for one in monitor.spec.signals if signal_name(monitor.name, one.name) == name)


def _names(monitor: Monitor) -> list[str]:
    return [signal_name(monitor.name, one.name) for one in monitor.spec.signals]


def status_of(run: JsonObject) -> str:
    return str(properties_of(run).get("status") or "").lower()


def said_of(
    slot: Slot, wanted: frozenset[str], run: JsonObject | None, steps: Iterable[JsonObject], now: datetime
) -> Said | None:
    """None: it is too early to say. ``steps``: what ARM shows of the run's steps."""
    age = now - slot.at
    if run is None:
        return Said(slot, unknown=wanted) if age > STARTS_WITHIN else None
    status = status_of(run)
    if status in _BAD_ENDS:
        return Said(slot, unknown=wanted)
    if status != "completed":
        return Said(slot, unknown=wanted) if age > ENDS_WITHIN else None
    seen = [one for one in steps if properties_of(one)]
    hidden = sorted(name_of(one) for one in steps if not properties_of(one))
    breaches = {name: name_of(one) for one in seen if (name := breached(one)) in wanted and name is not None}
    tags = tags_of(run)
    for name in wanted - set(breaches):
        if f"{ROOT_BREACH_TAG}{name}" in tags:
            # Azure may not show which step says it; the signal is read back from the root run then.
            breaches[name] = next(iter(hidden), name_of(run))
    complete = len(seen) >= len(slot.monitor.spec.signals) or ADDRESSES in tags
    rest = wanted - set(breaches)
    clear = frozenset(name for name in rest if complete and _is_clear(slot.monitor, name, (run, *seen)))
    return Said(slot, breaches, clear, rest - clear)


def _is_clear(monitor: Monitor, name: str, runs: Iterable[JsonObject]) -> bool:
    """Of a signal that was computed and is not breached."""
    rule = CLEAR.get(part_of(monitor, name).kind)
    return rule is None or rule.of([tags_of(one).get(f"{TRUTH_TAG}{name}") for one in runs])


@dataclass(frozen=True, slots=True)
class ClearRule:
    """``of``: whether no breach means that it is fine, by what the runs' tags say of rows with a truth."""

    of: Callable[[Iterable[str | None]], bool]
    requirements: tuple[str, ...] = ()


def _joined(told: Iterable[str | None]) -> bool:
    """D17: of predictions whose truth did not arrive nothing can be breached, and nobody knows how good they were."""
    return any(one is not None and one.isascii() and one.isdigit() and int(one) > 0 for one in told)


CLEAR: dict[SignalKind, ClearRule] = {SignalKind.PERFORMANCE: ClearRule(_joined, ("D17",))}


def breached(step: JsonObject) -> str | None:
    """The signal that a step says was breached."""
    found = parse_breach(tags_of(step).get(BREACH_TAG))
    return found.signal_name if found else None


def tags_of(run: JsonObject) -> Mapping[str, str]:
    tags = properties_of(run).get("tags")
    return {str(key): str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}


def name_of(run: JsonObject) -> str:
    return str(run.get("name") or str(run.get("id", "")).rpartition("/")[2])
