"""docs/costs.md says what the data says."""

from __future__ import annotations

import re

from controlplane.governance.pricing.table import VERSION, snapshot
from controlplane.governance.pricing.usage import ASSUMPTIONS
from tests.support.blueprints import ROOT
from tests.unit.governance.test_worked_bills import BILLS

TEXT = (ROOT / "docs" / "costs.md").read_text()
_ROW = re.compile(r"^\| `(\w+)` \|.*\| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", re.MULTILINE)


def test_every_assumption_is_there_with_its_numbers() -> None:
    told = {name: numbers for name, *numbers in _ROW.findall(TEXT)}
    held = {
        name: [f"{amount:f}" for amount in (one.range.low, one.range.expected, one.range.high)]
        for name, one in ASSUMPTIONS.items()
    }
    assert told == held


def test_the_table_is_the_version_that_is_named() -> None:
    rows = sum(len(found) for found in snapshot().rows.values())
    assert f"version {VERSION}: {rows} rows" in TEXT


def test_the_bills_are_those_that_tests_meet() -> None:
    for name, (_, total) in BILLS.items():
        section = TEXT[TEXT.index(f"`{name}`") :]
        line = next(line for line in section.splitlines() if line.startswith(("| **sum**", "| **with the above**")))
        assert re.findall(r"\*\*([\d.]+)\*\*", line) == [f"{total.low}", f"{total.expected}"], name
