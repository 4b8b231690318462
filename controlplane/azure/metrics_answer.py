"""The answer of metrics:getBatch as the port's types. Pure.

Read here and not by azure-monitor-querymetrics, whose models take twenty milliseconds a workspace, and drop what a
metric says of its own failure: one that failed would look like one without samples. Nothing is filled in: what is not
there, is not of its shape or names an error is unknown, with the reason, of its resource alone. Source: API definition
of metrics:getBatch 2024-02-01 (`errorCode`: "'Success' or the error details on query failures for this metric").
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.arm import fold
from controlplane.azure.errors import clean
from controlplane.errors import Fatal
from controlplane.ports.metrics import Answers, Measured, Point

_METRIC = "/providers/microsoft.insights/metrics/"
_SUCCESS = "success"
_MOST_WORDS = 300
NOT_ANSWERED = "Azure did not answer for it."


class _UnreadError(Exception):
    """A metric is unknown; the text says why."""


@dataclass(slots=True)
class _Told:
    """Of one resource. ``answered``: metrics that were, with or without samples."""

    measured: dict[str, tuple[Point, ...]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


def read(body: Any, ids: Sequence[str], names: Sequence[str]) -> Answers:
    """``ids`` and metrics' ``names`` are those that were asked for; what nobody asked for is left out. Raises ``Fatal``
    for what is no answer of this call at all."""
    wanted = {name.lower(): name for name in names}
    told: dict[str, _Told] = {}
    asked = {fold(one) for one in ids}
    for entry in _values(body):
        owner = _owner(entry)
        if owner in asked:
            _take(told.setdefault(owner, _Told()), entry, owner, wanted)
    measured: dict[str, Measured] = {one: said.measured for one, said in told.items()}
    unknown = {one: why for one in asked if (why := _why(told.get(one), names)) is not None}
    return Answers(measured, unknown)


def _values(body: Any) -> list[Any]:
    # "In rare cases, the generated value is a JSON string instead of a dict" (azure-monitor-querymetrics).
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError as error:
            raise Fatal("UnexpectedAnswer", "An answer about metrics is a text that is not JSON.") from error
    values = body.get("values") if isinstance(body, Mapping) else None
    if not isinstance(values, list):
        raise Fatal("UnexpectedAnswer", "An answer about metrics has no list of values.")
    return values


def _owner(entry: Any) -> str | None:
    """Folded id of the resource that an entry is of: what it says, else what its first metric's id is part of (the
    definition does not require ``resourceid``)."""
    if not isinstance(entry, Mapping):
        return None
    found = entry.get("resourceid")
    if isinstance(found, str) and found:
        return fold(found)
    metrics = entry.get("value")
    first = metrics[0] if isinstance(metrics, list) and metrics else None
    return _part_of(first) if isinstance(first, Mapping) else None


def _part_of(metric: Mapping[str, Any]) -> str | None:
    owner, mark, _ = fold(str(metric.get("id") or "")).rpartition(_METRIC)
    return owner if mark else None


def _take(told: _Told, entry: Mapping[str, Any], owner: str, wanted: Mapping[str, str]) -> None:
    metrics = entry.get("value")
    for metric in metrics if isinstance(metrics, list) else ():
        name = _name(metric)
        known = wanted.get(name.lower()) if name is not None else None
        if known is None:
            continue
        if known in told.answered or known in told.failed:
            told.failed[known] = "it was answered twice"
            told.measured.pop(known, None)
            continue
        try:
            points = _points(metric, owner)
        except _UnreadError as error:
            told.failed[known] = clean(str(error))[:_MOST_WORDS]
            continue
        told.answered.add(known)
        if points:
            told.measured[known] = points


def _name(metric: Any) -> str | None:
    name = metric.get("name") if isinstance(metric, Mapping) else None
    value = name.get("value") if isinstance(name, Mapping) else None
    return value if isinstance(value, str) else None


def _points(metric: Mapping[str, Any], owner: str) -> tuple[Point, ...]:
    """Those that have samples, of all time series."""
    code = metric.get("errorCode")
    if code is not None and str(code).lower() != _SUCCESS:
        raise _UnreadError(f"{code}: {metric.get('errorMessage') or 'Azure gave no message'}")
    if _part_of(metric) != owner:
        raise _UnreadError("its id is of another resource")
    found: list[Point] = []
    for series in _list(metric, "timeseries"):
        for one in _list(series, "data"):
            point = _point(one)
            if point.average is not None or point.total is not None:
                found.append(point)
    return tuple(found)


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    if not isinstance(found, list):
        raise _UnreadError(f"it has no {name}")
    return found


def _point(one: Any) -> Point:
    if not isinstance(one, dict):
        raise _UnreadError("a point of it is not of its shape")
    get = one.get
    return Point(_number(get("average")), _number(get("maximum")), _number(get("total")), _number(get("count")))


def _number(value: Any) -> float | None:
    if value is None:
        return None
    # A boolean is an integer to Python; a figure too large for a float is infinite to its parser.
    if type(value) not in (float, int) or not math.isfinite(value):
        raise _UnreadError("a figure of it is no number")
    return float(value)


def _why(told: _Told | None, names: Sequence[str]) -> str | None:
    """Of one resource: None where all was answered."""
    if told is None:
        return NOT_ANSWERED
    reasons = [f"{name}: {told.failed.get(name, 'not answered')}" for name in names if _is_open(told, name)]
    return "; ".join(reasons)[:_MOST_WORDS] or None


def _is_open(told: _Told, name: str) -> bool:
    return name in told.failed or name not in told.answered
