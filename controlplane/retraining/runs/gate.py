"""Challenger against champion (D29): an absolute bar, and better than what serves now, judged on the same data. Pure.

What is missing, is no number, or was measured on other data is unknown; unknown is never a win. Source of the rules:
mlops-stacks, `validation.py` (absolute threshold, minimum absolute and relative change, modes); unlike there a model
without a champion wins only by a bar that somebody has set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.retraining.policy import Gate, Mode
from controlplane.retraining.runs.model import Comparison

WON, LOST, UNKNOWN = "won", "lost", "unknown"
#: Differences below this are those of binary fractions: 0.9 is 0.02 better than 0.88.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Measured:
    """What the pipeline's last step wrote. A metric that is there and None was written and is no finite number.
    ``no_champion``: the pipeline says that there is none. The two data sets are None where it does not say."""

    challenger: Mapping[str, float | None] = field(default_factory=dict)
    champion: Mapping[str, float | None] = field(default_factory=dict)
    no_champion: bool = False
    challenger_data: str | None = None
    champion_data: str | None = None


def compare(gate: Gate, measured: Measured) -> Comparison | None:
    """None: the gate is disabled, and nothing is compared."""
    if gate.mode is Mode.DISABLED:
        return None
    mine, other = measured.challenger.get(gate.metric), measured.champion.get(gate.metric)
    verdict, sentence = _judged(gate, measured, mine, other)
    return Comparison(
        verdict=verdict, sentence=sentence, metric=gate.metric, challenger=_known(mine), champion=_known(other)
    )


def is_complete(gate: Gate, measured: Measured) -> bool:
    """Whether everything was written that the gate asks for; what is written can be nonsense all the same."""
    has_champion = measured.no_champion or gate.metric in measured.champion
    return gate.mode is Mode.DISABLED or (gate.metric in measured.challenger and has_champion)


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _judged(gate: Gate, measured: Measured, mine: float | None, other: float | None) -> tuple[str, str]:
    name = gate.metric
    if _known(mine) is None or mine is None:
        return UNKNOWN, f"The pipeline wrote no number as {name} of the challenger."
    bar = gate.minimum
    side = "at least" if gate.more_is_better else "at most"
    if bar is not None and (mine < bar if gate.more_is_better else mine > bar):
        return (
            LOST,
            f"{name} of the challenger is {mine:g}; {side} {bar:g} is asked for.",
        )
    if measured.no_champion:
        if bar is None:
            return UNKNOWN, f"There is no champion, and no bar that {name} of the challenger would have to reach."
        return WON, f"There is no champion; {name} of the challenger is {mine:g}, on the good side of {bar:g}."
    if _known(other) is None or other is None:
        return UNKNOWN, f"The pipeline wrote no number as {name} of the champion on the same data."
    if measured.challenger_data != measured.champion_data:
        one, two = measured.challenger_data or "data not told", measured.champion_data or "data not told"
        return UNKNOWN, f"They were not measured on the same data: {one} and {two}."
    return _compared(gate, mine, other)


def _compared(gate: Gate, mine: float, other: float) -> tuple[str, str]:
    """Better at all, and by what the policy asks for. A champion of 0 has no relative value: only the absolute counts,
    unless a relative improvement is asked for, which then is unknown."""
    gain = mine - other if gate.more_is_better else other - mine
    text = f"{gate.metric}: challenger {mine:g}, champion {other:g}"
    if gain <= _ROUNDING:
        return LOST, f"{text}; it is not better."
    if gain + _ROUNDING < gate.min_absolute_change:
        return LOST, f"{text}; better by {gain:g}, at least {gate.min_absolute_change:g} is asked for."
    if gate.min_relative_change > 0:
        if other == 0:
            return UNKNOWN, f"{text}; nothing is so many percent better than 0."
        if gain / abs(other) + _ROUNDING < gate.min_relative_change:
            asked = f"{gate.min_relative_change:.2%}"
            return LOST, f"{text}; better by {gain / abs(other):.2%}, at least {asked} is asked for."
    return WON, f"{text}; better by {gain:g}."
