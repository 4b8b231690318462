"""Challenger against champion: what wins, what loses, and what nobody knows."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.retraining.policy import Gate, Mode
from controlplane.retraining.runs.gate import Measured, compare, is_complete
from controlplane.retraining.runs.reading import measured_of, number, reading_of


def verdict(gate: Gate, challenger: Any = None, champion: Any = None, **more: Any) -> str:
    mine = {} if challenger is None else {gate.metric: challenger}
    other = {} if champion is None else {gate.metric: champion}
    found = compare(gate, Measured(mine, other, **more))
    assert found is not None
    return found.verdict


def test_better_wins_and_the_same_does_not() -> None:
    assert verdict(Gate(), 0.9, 0.8) == "won"
    assert verdict(Gate(), 0.8, 0.8) == "lost"
    assert verdict(Gate(), 0.7, 0.8) == "lost"


def test_less_is_better_where_the_policy_says_so() -> None:
    gate = Gate(metric="rmse", more_is_better=False, minimum=2.0)
    assert verdict(gate, 1.0, 1.5) == "won"
    assert verdict(gate, 1.5, 1.0) == "lost"
    assert verdict(gate, 2.5, 3.0) == "lost"


def test_the_absolute_bar_holds_whatever_the_champion_is() -> None:
    gate = Gate(minimum=0.85)
    assert verdict(gate, 0.84, 0.1) == "lost"
    assert verdict(gate, 0.85, 0.1) == "won"


@pytest.mark.parametrize(("challenger", "wanted"), [(0.82, "won"), (0.819, "lost"), (0.8, "lost")])
def test_a_minimum_absolute_change(challenger: float, wanted: str) -> None:
    assert verdict(Gate(min_absolute_change=0.02), challenger, 0.8) == wanted


@pytest.mark.parametrize(("challenger", "wanted"), [(0.55, "won"), (0.549, "lost")])
def test_a_minimum_relative_change(challenger: float, wanted: str) -> None:
    assert verdict(Gate(min_relative_change=0.1), challenger, 0.5) == wanted


def test_nothing_is_ten_percent_better_than_zero() -> None:
    assert verdict(Gate(min_relative_change=0.1), 0.5, 0.0) == "unknown"
    assert verdict(Gate(), 0.5, 0.0) == "won"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_unknown_on_either_side(value: float | None) -> None:
    assert verdict(Gate(), value, 0.8) == "unknown"
    assert verdict(Gate(), 0.9, value) == "unknown"


def test_a_model_without_a_champion_wins_by_a_bar_only() -> None:
    assert verdict(Gate(), 0.9, no_champion=True) == "unknown"
    assert verdict(Gate(minimum=0.85), 0.9, no_champion=True) == "won"
    assert verdict(Gate(minimum=0.95), 0.9, no_champion=True) == "lost"


def test_other_data_is_no_comparison() -> None:
    assert verdict(Gate(), 0.9, 0.8, challenger_data="may:1", champion_data="april:1") == "unknown"
    assert verdict(Gate(), 0.9, 0.8, challenger_data="may:1") == "unknown"
    assert verdict(Gate(), 0.9, 0.8, challenger_data="may:1", champion_data="may:1") == "won"


def test_a_disabled_gate_compares_nothing() -> None:
    gate = Gate(mode=Mode.DISABLED)
    assert compare(gate, Measured()) is None
    assert is_complete(gate, Measured())


@given(st.floats(), st.floats(), st.floats(0, 1), st.floats(0, 1))
def test_a_win_is_always_an_improvement_between_numbers(
    mine: float, other: float, absolute: float, relative: float
) -> None:
    gate = Gate(min_absolute_change=absolute, min_relative_change=relative)
    if verdict(gate, mine, other) == "won":
        assert math.isfinite(mine)
        assert math.isfinite(other)
        assert mine > other


@given(st.text(max_size=20))
def test_numbers_are_read_from_any_text(text: str) -> None:
    found = number(text)
    assert found is None or math.isfinite(found)


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_0", "0x1", "٣", "1,5", "9" * 400, "one"])
def test_what_only_looks_like_a_number_is_none(text: str) -> None:
    assert number(text) is None


def test_a_job_s_tags_are_its_metrics() -> None:
    tags = {"cp.metric.accuracy": "0.9", "cp.champion.accuracy": "NaN", "cp.metric.": "1", "cp.championData": "may:1"}
    found = measured_of(reading_of({"properties": {"tags": tags}}))
    assert found == Measured({"accuracy": 0.9}, {"accuracy": None}, champion_data="may:1")
    assert is_complete(Gate(), found)
    assert not is_complete(Gate(metric="auc"), found)


@pytest.mark.parametrize("job", [{}, {"properties": None}, {"properties": {"tags": [], "services": 1, "status": 3}}])
def test_a_job_of_another_shape_says_nothing(job: dict[str, Any]) -> None:
    found = reading_of(job)
    assert (found.status, found.owner, found.studio_url, dict(found.tags)) == (None, None, None, {})
