"""Whatever is delivered is read or left alone: decoders never raise, and what they make any store takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.retraining.signal import Measure
from controlplane.retraining.signals.alerts import Alert, NoAlert, decode_alert
from controlplane.retraining.signals.breach import MAX_CHARACTERS, MOST_MEASURES, parse_breach
from controlplane.retraining.signals.eventgrid import Heard, Unheard, decode
from tests.unit.retraining.test_samples import ALERTS, EVENTS, MESSAGE, load

NOW = datetime(2026, 11, 22, tzinfo=UTC)
#: What json.loads makes of ``"\\ud800"`` no store takes.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
TIMES = st.sampled_from(
    ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T00:00:00Z", "2026-11-22T00:00:00.1234567Z",
     "12", "", "٢٠٢٦-11-22T00:00:00Z"]
)  # fmt: skip


def spoiled(body: Any) -> st.SearchStrategy[Any]:
    """A sample in up to four places of which stands anything else."""
    places = st.lists(st.sampled_from([*_places(body, ())]), max_size=4)
    return places.flatmap(
        lambda chosen: st.tuples(*(ANYTHING | TIMES for _ in chosen)).map(
            lambda values: _replaced(body, dict(zip(chosen, values, strict=True)), ())
        )
    )


_Place = tuple[str | int, ...]


def _places(body: Any, at: _Place) -> Iterator[_Place]:
    yield at
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inner:
        yield from _places(value, (*at, name))


def _replaced(body: Any, values: Mapping[_Place, Any], at: _Place) -> Any:
    if at in values:
        return values[at]
    if isinstance(body, dict):
        return {name: _replaced(value, values, (*at, name)) for name, value in body.items()}
    if isinstance(body, list):
        return [_replaced(value, values, (*at, place)) for place, value in enumerate(body)]
    return body


def storable(value: Any) -> None:
    """Raises for half characters, as every store and pydantic do."""
    json.dumps(value, default=str, ensure_ascii=False).encode()


def each_text_broken(body: Any) -> Iterator[Any]:
    """The sample once for every text in it, with half a character and a control character behind that text."""
    for place in _places(body, ()):
        found = body
        for step in place:
            found = found[step]
        if isinstance(found, str):
            yield _replaced(body, {place: found + "\ud800\x00"}, ())


@pytest.mark.parametrize("name", [*EVENTS, *ALERTS])
def test_half_characters_go_no_further(name: str) -> None:
    """``json.loads`` makes them of ``"\\ud800"``, and no store takes them."""
    for body in each_text_broken(load(name)):
        found = decode(body) if name in EVENTS else decode_alert(body, NOW)
        if isinstance(found, Heard):
            storable([found.event_id, found.topic, found.run_id, found.root_run_id, found.status])
            storable([found.model, found.version])
        elif isinstance(found, Alert):
            storable([found.key, found.alert_id, found.targets, found.summary])
            assert all(Measure.model_validate(one.model_dump()) == one for one in found.measures)


def test_half_characters_in_a_message_go_no_further() -> None:
    for place in range(0, len(MESSAGE), 3):
        found = parse_breach(MESSAGE[:place] + "\ud800\x00" + MESSAGE[place:])
        if found is not None:
            storable([found.signal_name, *(one.model_dump() for one in found.measures)])


HURRIED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@HURRIED
@given(st.sampled_from(sorted(EVENTS)).flatmap(lambda name: spoiled(load(name))))
def test_events(event: Any) -> None:
    if not isinstance(event, dict):
        return  # the host hands over objects only
    found = decode(event)
    if isinstance(found, Unheard):
        assert found.reason
        return
    assert isinstance(found, Heard)
    storable([found.event_id, found.topic, found.run_id, found.root_run_id, found.status, found.model, found.version])
    assert found.at.utcoffset() == NOW.utcoffset()


@HURRIED
@given(st.sampled_from(sorted(ALERTS)).flatmap(lambda name: spoiled(load(name))))
def test_alerts(body: Any) -> None:
    if not isinstance(body, dict):
        return  # refused before: a body is an object
    found = decode_alert(body, NOW)
    if isinstance(found, NoAlert):
        assert found.reason
        return
    assert isinstance(found, Alert)
    storable([found.key, found.alert_id, found.targets, found.summary, found.at])
    assert len(found.summary) <= 500
    assert len(found.targets) <= 20
    for one in found.measures:
        assert Measure.model_validate_json(one.model_dump_json()) == one


@HURRIED
@given(st.lists(st.sampled_from([MESSAGE, *MESSAGE.split("\n"), "'", '"', "\\", "{", "[", "]", "\\x"]) | TEXTS))
def test_messages(parts: list[str]) -> None:
    found = parse_breach("".join(parts))
    if found is not None:
        storable([found.signal_name, *(one.model_dump() for one in found.measures)])
        assert len(found.measures) <= MOST_MEASURES


@pytest.mark.parametrize("value", [None, 7, b"x", [], {}, True])
def test_what_is_no_text_is_no_message(value: object) -> None:
    assert parse_breach(value) is None


def test_no_more_is_read_than_a_monitor_writes() -> None:
    """Behind 32 KiB nothing counts, and what was read before does."""
    head, item = MESSAGE.split("['")[0], json.dumps({"metric_name": "x", "metric_value": 1, "threshold_value": 2})
    long = head + repr([item] * 20_000)
    found = parse_breach(long)
    assert found is not None
    assert (0 < len(found.measures) <= MOST_MEASURES, found.complete) == (True, False)
    beyond = head + "[" + " " * MAX_CHARACTERS + repr(item) + "]"
    after = parse_breach(beyond)
    assert after is not None
    assert (after.measures, after.complete) == ((), False)


DEEP = 400


def nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize("depth", [1, DEEP])
def test_nesting_is_never_followed(depth: int) -> None:
    event, alert = load("eventgrid-RunStatusChanged.eventgridschema"), load("alert-metric-static.fired")
    event["data"] |= {"runTags": {"a": nested(depth)}, "runStatus": nested(depth), "runProperties": nested(depth)}
    found = decode(event)
    assert isinstance(found, Heard)
    assert (found.tags, found.status) == ({}, None)
    alert["data"]["essentials"] |= {"alertRule": nested(depth), "severity": nested(depth)}
    alert["data"]["alertContext"]["condition"]["allOf"] = [{"metricName": nested(depth), "threshold": nested(depth)}]
    assert isinstance(decode_alert(alert, NOW), Alert)


def _time(work: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(9):
        began = time.process_time()
        work(text)
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("unit", ["'a' ", '"{', "\\", "'{}',", "[", "]", "The signal '", "2"])
def test_four_times_the_text_is_far_from_sixteen_times_the_time(unit: str) -> None:
    """Below the cap, where a text could still cost the square of its length."""
    head = MESSAGE.split("['")[0] + "["
    small = head + unit * (8_000 // len(unit))
    large = head + unit * (32_000 // len(unit))
    # Four times the length: linear is four times the time, the square sixteen; half a millisecond is noise.
    assert _time(parse_breach, large) <= 10 * _time(parse_breach, small) + 0.0005
