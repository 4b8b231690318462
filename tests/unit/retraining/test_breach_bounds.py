"""Whoever may tag a run writes what a breach is read from: no text of it costs more than its length."""

from __future__ import annotations

import time

import pytest

from controlplane.retraining.signals.breach import MAX_CHARACTERS, parse_breach

HEAD = "The signal 'x' has failed due to one or more features violating metric thresholds.\n["


@pytest.mark.parametrize("unit", ["\\'", '\\"', "'\\", "'\"", "\\\\'", "{", "'a"])
@pytest.mark.parametrize("first", ["", "'", '"'])
def test_quotes_that_never_end_are_read_once(first: str, unit: str) -> None:
    text = HEAD + first + unit * (MAX_CHARACTERS // len(unit)) + "]"
    costs = []
    for _ in range(3):
        began = time.process_time()
        found = parse_breach(text)
        costs.append(time.process_time() - began)
    # The square of its length takes many times as long on any machine; the best of three is the text's own cost.
    assert min(costs) < 0.5
    assert found is not None
    assert (found.measures, found.complete) == ((), False)


def test_what_stands_before_a_quote_that_never_ends_counts() -> None:
    item = '{"metric_name": "Accuracy", "metric_value": 0.5, "threshold_value": 0.9}'
    found = parse_breach(f"{HEAD}'{item}', '{item}")
    assert found is not None
    assert ([one.metric for one in found.measures], found.complete) == (["Accuracy"], False)
