"""Whether a monitor runs as often as its data grows (D12): daily if a day has enough rows, else weekly or monthly, and
from the deployment on. Advice: data may grow, and nobody but the lead says what is enough. Pure.

Source: "Azure Machine Learning model monitoring" (recommended best practices: frequency by the data's growth, "start
your model monitoring immediately").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic_core import to_jsonable_python

from controlplane.operations.model import ConditionStatus
from controlplane.retraining.monitors.model import DAY, MonitorSpec

FITS = "FrequencyFits"
#: Rows of a window from which its metrics mean something: what a policy asks for unless it says otherwise.
ENOUGH = 1000
_STEPS = (DAY, 7 * DAY, 30 * DAY)


@dataclass(frozen=True, slots=True)
class Fit:
    """``text`` is one plain sentence."""

    status: ConditionStatus
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class FitRule:
    """None: nothing to say against it."""

    of: Callable[[MonitorSpec, int | None, datetime], Fit | None]
    requirements: tuple[str, ...] = ()


def fit_of(spec: MonitorSpec, rows: int | None, now: datetime) -> Fit:
    """``rows`` of the latest window; None where nobody knows."""
    for rule in RULES.values():
        found = rule.of(spec, rows, now)
        if found is not None:
            return found
    return Fit(ConditionStatus.TRUE, "AsOften", "Its windows are as long as the data's growth asks for.")


def _shares(spec: MonitorSpec, rows: int | None, now: datetime) -> Fit | None:
    """N of M windows mean N times the world only where each has data of its own."""
    window = spec.production_window
    if window <= spec.period:
        return None
    text = (
        f"It runs each {_text(spec.period)} over {_text(window)} of data: windows share rows, and a breach of one day "
        "is counted in each of them."
    )
    return Fit(ConditionStatus.FALSE, "WindowsShareData", text)


def _growth(spec: MonitorSpec, rows: int | None, now: datetime) -> Fit | None:
    if spec.begins_at > now + spec.period:
        text = f"Its first slot is at {spec.begins_at:%F %R}: what is deployed is monitored from the first day on."
        return Fit(ConditionStatus.FALSE, "StartsLate", text)
    if rows is None:
        text = "Nobody knows how many rows its windows have: no call was counted yet, or they may not be read."
        return Fit(ConditionStatus.UNKNOWN, "RowsUnknown", text)
    window = spec.production_window
    rate = rows / (window / DAY)
    wanted = next((step for step in _STEPS if rate * (step / DAY) >= ENOUGH), None)
    has = f"Its latest window of {_text(window)} had {rows} rows; {ENOUGH} are enough"
    if rows < ENOUGH and (wanted is None or wanted > window):
        then = "even a month would have fewer" if wanted is None else f"windows of {_text(wanted)} would have them"
        return Fit(ConditionStatus.FALSE, "TooFewRows", f"{has}, and {then}.")
    if rows >= ENOUGH and wanted is not None and wanted < window:
        return Fit(ConditionStatus.FALSE, "MoreOftenPossible", f"{has}, and windows of {_text(wanted)} have them.")
    return None


def _text(period: timedelta) -> str:
    return str(to_jsonable_python(period))


RULES: dict[str, FitRule] = {"shares": FitRule(_shares), "growth": FitRule(_growth, ("D12",))}
