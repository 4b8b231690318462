"""The message of a monitor's breach, as Azure ML's component writes it into a run's tag. Pure.

Shape: ``The signal '{name}' has failed due to one or more features violating metric thresholds.`` and, after two more
lines, a Python list of texts, each JSON of one metric. Source: Azure/azureml-assets,
model_monitor_evaluate_metrics_threshold/evaluate_metrics_threshold.py. Whoever may tag a run may write anything there:
it is read as text, with bounds, and nothing of it is evaluated.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from controlplane.retraining.signal import Direction, Measure, direction_of
from controlplane.retraining.signals.eventgrid import plain

#: Azure ML's own messages of two hundred features are smaller.
MAX_CHARACTERS = 32 * 1024
MOST_MEASURES = 500
_MAX_NAME = 200
_TAG = "azureml_modelmonitor_threshold_breached"
_HEAD = re.compile(r"The signal '([^'\n]{1,255})' has failed due to one or more features violating metric thresholds\.")
#: One text of the list, in either of the quotes that Python's repr chooses.
_ITEM = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_QUOTE = re.compile(r"['\"]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = {"n": "\n", "t": "\t", "r": "\r"}
BREACH_TAG = _TAG


@dataclass(frozen=True, slots=True)
class Breach:
    """``complete`` is False when something of the message was cut off or not understood: what was, counts."""

    signal_name: str
    measures: tuple[Measure, ...]
    complete: bool

    @property
    def direction(self) -> Direction:
        """Worse when any metric is; better only when every one is known to be."""
        found = {one.direction for one in self.measures}
        if Direction.WORSE in found:
            return Direction.WORSE
        return Direction.BETTER if found == {Direction.BETTER} and self.complete else Direction.UNKNOWN


def parse_breach(text: object) -> Breach | None:
    """None for what is no such message."""
    if not isinstance(text, str):
        return None
    cut = text[:MAX_CHARACTERS]
    head = _HEAD.search(cut, 0, 400)
    if head is None:
        return None
    body = cut[head.end() :]
    begin, end = body.find("["), body.rfind("]")
    inner = body[begin + 1 : end if end > begin else None] if begin >= 0 else ""
    measures: list[Measure] = []
    complete = len(text) <= MAX_CHARACTERS and 0 <= begin < end
    for place, item in enumerate(_items(inner)):
        if place == MOST_MEASURES:
            complete = False
            break
        measure = None if item is None else _measure(item)
        if measure is None:
            complete = False
        else:
            measures.append(measure)
    return Breach(plain(head.group(1), _MAX_NAME + 55), tuple(measures), complete and bool(measures))


def _items(text: str) -> Iterator[str | None]:
    """The quoted texts, one after the other; None for a quote that never ends, behind which nothing can be told. Each
    character is looked at a bounded number of times: to try again behind such a quote would take the square of them."""
    begin = _QUOTE.search(text)
    while begin is not None:
        item = _ITEM.match(text, begin.start())
        if item is None:
            yield None
            return
        yield item.group(1) if item.group(1) is not None else item.group(2)
        begin = _QUOTE.search(text, item.end())


def _measure(quoted: str) -> Measure | None:
    text = _ESCAPE.sub(lambda found: _PLAIN.get(found.group(1), found.group(1)), quoted)
    if text.count("{") != 1 or text.count("[") > 0:
        return None  # Flat by its source; a nested one is somebody's, and json would recurse into it.
    try:
        found = json.loads(text)
    except ValueError:
        return None
    metric = found.get("metric_name") if isinstance(found, dict) else None
    if not isinstance(metric, str) or not 0 < len(metric) <= _MAX_NAME:
        return None
    value, threshold = _number(found.get("metric_value")), _number(found.get("threshold_value"))
    group = found.get("group")
    return Measure(
        metric=plain(metric, _MAX_NAME),
        value=value,
        threshold=threshold,
        group=plain(str(group), _MAX_NAME) if group is not None else None,
        direction=direction_of(metric, value, threshold),
    )


def _number(value: Any) -> float | None:
    """Numbers, and texts of numbers; NaN and infinities are nothing that was computed (D08)."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
