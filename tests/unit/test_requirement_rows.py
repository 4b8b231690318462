"""docs/requirements.csv keeps its rules: each row has its own test, and that test fails when its rule is gone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.blueprints import EXAMPLES, ROOT
from tests.support.golden import golden
from tests.support.required import REQUIRED
from tests.support.requirement_homes import ACCESS, CONFLICTS, ELSEWHERE, GOLDEN, HOMES
from tests.support.switch_off import registered
from tools.proof import Row, main, rows

ROWS: tuple[Row, ...] = rows()
SEED = int(os.environ.get("REQUIREMENTS_SEED", "20261101"))
"""Another seed switches other rules off."""


def test_every_requirement_of_the_list_has_its_rows_and_each_row_is_there_once() -> None:
    wanted = sorted((name, kind) for name, kinds in REQUIRED.items() for kind in kinds.split("/"))
    assert sorted((row.id, row.kind) for row in ROWS) == wanted


def test_no_two_rows_share_a_test() -> None:
    tests = [row.test for row in ROWS]
    assert sorted(set(tests)) == sorted(tests)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.id}-{row.kind}")
def test_a_row_points_at_a_module_and_at_a_test_of_its_kind(row: Row) -> None:
    assert (ROOT / row.where).is_file()
    home = (
        f"{CONFLICTS}{row.kind}[" if row.id.startswith("X-") and row.kind in ("advise", "enforce") else HOMES[row.kind]
    )
    assert row.test.startswith((home, ACCESS, *ELSEWHERE.get(row.kind, ())))
    assert row.test.endswith((f"[{row.id}]", f"_{row.id.lower().replace('-', '_')}"))


def test_created_resources_are_in_the_golden_list() -> None:
    listed = {need for name in EXAMPLES for entry in golden(name).values() for need in entry["for"]}
    assert listed == {row.id for row in ROWS if row.test.startswith(GOLDEN)}


def test_each_requirement_is_registered_on_a_rule_and_nothing_else_is() -> None:
    assert {name for ids in registered().values() for name in ids} == {row.id for row in ROWS}


def test_switching_rules_off_turns_exactly_their_requirements_red(tmp_path: Path) -> None:
    rules = registered()
    chosen = random.Random(SEED).sample(sorted(rules), 10)
    red = {row.id for row in ROWS if not _outcomes(tmp_path, chosen)[row.test]}
    assert red == set().union(*(rules[name] for name in chosen)), chosen


def _outcomes(directory: Path, switched_off: list[str]) -> dict[str, bool]:
    """Node id → passed, of every row's test in a run with rules switched off."""
    file = directory / "outcomes.json"
    if not file.exists():
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.switch_off", "-p", "no:cacheprovider"]
        environment = {**os.environ, "SWITCHED_OFF": ";".join(switched_off), "OUTCOMES": str(file)}
        run = subprocess.run(
            [*command, *(row.test for row in ROWS)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert file.exists(), run.stdout + run.stderr
    outcomes: dict[str, bool] = json.loads(file.read_text())
    return outcomes


def test_proof_names_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["S9-99"]) == 2
    assert "S1-37" in capsys.readouterr().err
