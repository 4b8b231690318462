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
from tests.support.switch_off import registered
from tools.proof import Row, main, rows

#: What has to be done by now, by requirement: the table of requirements and the first release's list.
REQUIRED = {
    "S1-02": "create/validate",
    "S1-03": "create",
    "S1-04": "advise",
    "S1-05": "advise/validate",
    "S1-06": "advise",
    "S1-07": "validate",
    "S1-09": "create",
    "S1-10": "create",
    "S1-12": "create",
    "S1-13": "create",
    "S1-14": "create",
    "S1-16": "report",
    "S1-17": "validate",
    "S1-18": "advise",
    "S1-19": "advise",
    "S1-20": "advise",
    "S1-21": "advise",
    "S1-22": "advise",
    "S1-23": "advise",
    "S1-24": "advise",
    "S1-25": "create",
    "S1-26": "validate",
    "S1-27": "advise",
    "S1-28": "validate",
    "S1-29": "validate/enforce",
    "S1-30": "validate/enforce",
    "S1-31": "validate",
    "S1-32": "validate",
    "S1-33": "advise",
    "S1-34": "validate",
    "S1-35": "create/validate",
    "S1-36": "create/validate",
    "S1-37": "validate",
    "S1-38": "create/validate",
    "S1-39": "create/validate",
    "S1-40": "create/validate",
    "S1-41": "create/validate",
    "S1-42": "validate",
    "S1-43": "validate",
    "S1-44": "validate",
    "S1-45": "create",
    "S1-46": "advise",
    "S1-47": "validate",
    "S1-48": "advise/validate",
    "S1-49": "validate",
    "S1-50": "validate",
    "S1-51": "advise",
    "S1-52": "advise/validate",
    "S1-53": "advise",
    "S1-54": "advise",
    "S1-55": "advise",
    "S1-56": "advise/report",
    "S1-57": "advise",
    "S1-58": "advise",
    "S1-59": "advise",
    "S1-60": "create",
    "S1-61": "validate",
    "S1-62": "advise",
    "S1-63": "advise/validate",
    "S1-64": "report",
    "S1-65": "advise/validate",
    "S1-66": "validate/enforce",
    "S1-67": "validate/enforce",
    "S1-68": "advise/validate",
    "S1-69": "create/validate",
    "S1-70": "create/validate",
    "S1-71": "advise/enforce",
    "S1-72": "advise",
    "S2-01": "create",
    "S2-04": "create/validate",
    "S2-09": "advise",
    "S2-31": "enforce",
    "S2-32": "validate",
    "S2-33": "advise",
    "S2-34": "advise",
    "S2-35": "advise",
    "S2-36": "create",
    "S2-37": "validate",
    "S2-02": "create",
    "S2-08": "validate",
    "S2-10": "create",
    "S2-11": "advise",
    "S2-12": "advise",
    "S2-13": "validate",
    "S2-14": "enforce",
    "S2-15": "create",
    "S2-16": "validate",
    "S2-17": "create/validate",
    "S2-18": "create/validate",
    "S2-19": "create/validate",
    "S2-20": "create/enforce",
    "S2-21": "create/validate",
    "S2-22": "create/validate",
    "S2-23": "create",
    "S2-24": "create/validate",
    "S2-25": "create",
    "S2-26": "validate",
    "S2-27": "enforce",
    "S2-28": "enforce",
    "S2-29": "validate",
    "S2-30": "create",
    "S2-38": "create",
    "S2-39": "create",
    "S2-03": "validate",
    "S2-05": "create",
    "S2-06": "report",
    "S2-40": "validate",
    "S2-41": "validate/report",
    "S2-42": "report",
    "S2-44": "advise",
    "S2-45": "validate",
    "S2-46": "validate",
    "S2-47": "advise",
    "S2-48": "enforce",
    "S2-49": "validate",
    "S2-50": "create/validate",
    "S2-51": "validate",
    "S2-55": "advise",
    "S2-56": "report",
    "S2-57": "validate",
    "S2-58": "enforce",
    "S2-59": "validate",
    "S2-60": "enforce",
    "S2-61": "validate",
    "S2-62": "advise",
    "S2-63": "create",
    "S2-64": "advise",
    "S2-65": "validate",
    "S2-66": "advise",
    "S2-67": "validate",
    "S2-68": "validate",
    "S2-69": "validate",
    "S2-70": "validate",
    "S2-71": "react",
    "S2-72": "create",
    "S2-73": "validate",
    "S2-74": "create",
    "S2-79": "advise",
    "S2-80": "create/validate",
    "S2-81": "create",
    "S2-82": "enforce",
    "S2-83": "validate",
    "S2-43": "advise",
    "S2-52": "validate/enforce",
    "S2-53": "report",
    "S2-54": "advise",
    "S2-75": "validate",
    "S2-76": "react",
    "S4-04": "create/validate",
    "S4-05": "validate",
    "S5-09": "validate",
    "S5-10": "advise",
    "S5-11": "advise",
    "S5-12": "advise",
    "S5-13": "create",
    "S3-34": "react",
    "S3-35": "react",
    "S3-91": "react",
    "S3-93": "create",
    "D18": "react",
    "D19": "react",
    "D20": "enforce/react",
    "D21": "react",
    "D28": "enforce/react",
    "D29": "enforce",
    "D30": "create",
    "X-01": "enforce",
    "X-02": "advise/create",
    "X-03": "advise/create",
    "X-04": "advise/enforce",
    "X-05": "enforce",
    "X-17": "advise/create",
    "X-07": "advise",
    "X-09": "advise",
    "X-13": "enforce",
    "X-15": "enforce/validate",
    "X-18": "advise/enforce",
    "RB-P01": "validate",
    "RB-P02": "validate",
    "RB-P03": "validate",
    "RB-P04": "validate",
    "RB-P05": "validate",
    "RB-P06": "validate",
    "RB-P07": "validate",
    "RB-P08": "validate",
    "RB-P09": "validate",
    "RB-P10": "validate",
    "RB-P11": "validate",
    "RB-P12": "validate",
    "RB-D07": "validate",
    "RB-D08": "validate",
    "RB-D10": "validate",
    "RB-I1": "validate",
    "RB-I2": "validate",
    "RB-I3": "validate",
    "RB-I4": "validate",
    "RB-I5": "validate",
    "RB-I6": "validate",
    "RB-I9": "validate",
    "RB-I7": "report",
    "RB-I8": "report",
    "S1-01": "validate",
    "S3-31": "create",
    "S3-32": "create",
    "S3-33": "create",
    "S3-56": "create/validate",
    "S3-57": "create/validate",
    "S3-59": "create/validate",
    "S3-62": "enforce/validate",
    "S3-67": "enforce/validate",
    "S3-65": "validate",
    "S3-69": "report",
    "S3-70": "create/react",
    "S3-49": "advise",
    "S3-17": "react",
    "S3-36": "react",
    "S3-37": "react",
    "S3-38": "advise",
    "S3-40": "validate",
    "S3-41": "validate",
    "S3-42": "create",
    "S3-43": "enforce/react",
    "S3-44": "react",
    "S3-46": "advise",
    "S3-47": "validate",
    "S3-48": "enforce/react",
    "S3-83": "create",
    "S3-88": "report",
    "S3-68": "advise",
    "S3-50": "create",
    "S3-51": "create",
    "S3-52": "create",
    "S3-53": "create",
    "S3-54": "create",
    "S3-55": "create",
    "S3-58": "create",
    "S3-60": "create",
    "S3-61": "create",
    "S3-63": "create/enforce/validate",
    "S3-64": "create",
    "S3-66": "create",
    "RB-D01": "create/validate",
    "RB-D02": "create/validate",
    "RB-D03": "create/validate",
    "RB-D04": "create/validate",
    "RB-D05": "create/validate",
    "RB-D06": "create/validate",
    "RB-D09": "create/validate",
    "RB-D11": "create/validate",
    "RB-D12": "create/validate",
    "S3-72": "create",
    "S3-73": "create",
    "S3-74": "validate",
    "S3-84": "advise",
    "S3-85": "create",
    "S3-86": "create",
    "S3-87": "validate",
    "S3-89": "create",
    "S3-90": "create",
    "S3-92": "create",
    "S3-94": "validate",
    "S3-95": "create",
    "S3-96": "create",
    "S3-97": "validate",
    "S3-98": "react",
    "S3-101": "advise",
    "S3-121": "create",
    "S5-01": "validate",
    "S5-02": "advise",
    "S5-03": "create",
    "S5-04": "create",
    "S5-05": "validate",
    "S5-06": "create",
    "S5-07": "validate",
    "S5-08": "create/validate",
    "S5-14": "advise",
    "S5-15": "advise",
    "S5-16": "create/validate",
    "S5-17": "create",
    "S5-18": "create",
    "S5-19": "create",
    "S5-20": "create",
    "S5-21": "create",
    "S5-22": "create",
    "S5-23": "create",
    "S5-24": "create",
    "S5-25": "advise/report",
    "S5-26": "advise/validate",
    "S5-27": "report",
    "S5-29": "create",
    "S5-30": "create",
    "S5-31": "create",
    "S5-32": "create",
    "S5-33": "create",
    "S5-34": "validate",
    "S5-35": "report",
    "X-11": "enforce",
    "D01": "enforce",
    "D02": "enforce",
    "D03": "enforce",
    "D04": "enforce",
    "D05": "enforce",
    "D06": "enforce",
    "D07": "enforce",
    "D08": "enforce",
    "D09": "enforce",
    "D10": "enforce",
    "D11": "enforce",
    "D12": "advise",
    "D13": "enforce",
    "D14": "validate",
    "D15": "validate",
    "D16": "enforce",
    "D17": "validate/react",
    "D22": "enforce",
    "D23": "enforce",
    "D24": "enforce",
    "D25": "enforce",
    "D26": "enforce",
    "D27": "enforce",
    "D35": "enforce",
}
#: Where the tests of a kind live: pairs of states, the golden list, plans; those of conflicts are together.
GOLDEN = "tests/unit/workspaces/test_golden.py::test_create["
HOMES = {
    "create": GOLDEN,
    "validate": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_",
    "enforce": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_enforce[",
    "advise": "tests/unit/workspaces/posture/test_plan_advice.py::test_advise[",
    "react": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_",
    "report": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_",
}
#: Those of what a spec may be, and may become, stand beside its other tests.
ELSEWHERE = {
    "validate": (
        "tests/unit/retraining/test_monitor_pairs.py::test_validate_",
        "tests/unit/promotion/test_promotions.py::test_validate[",
        "tests/unit/retraining/test_annotation.py::test_validate[",
        "tests/unit/workspaces/test_identities.py::test_",
        "tests/unit/workspaces/test_transitions.py::test_",
        "tests/unit/workspaces/posture/test_data_pairs.py::test_validate",
        "tests/unit/workspaces/test_data_rules.py::test_validate[",
        "tests/unit/workspaces/test_job_check.py::test_validate[",
    ),
    "enforce": (
        "tests/unit/retraining/test_run_pairs.py::test_enforce[",
        "tests/unit/workspaces/test_transitions.py::test_",
        "tests/unit/workspaces/test_data_rules.py::test_enforce[",
        "tests/unit/workspaces/test_job_check.py::test_enforce[",
        "tests/unit/retraining/test_decide_requirements.py::test_enforce[",
    ),
    "create": (
        "tests/unit/retraining/test_run_pairs.py::test_create[",
        "tests/unit/notifications/test_channels.py::test_create[",
        "tests/unit/workspaces/test_job_check.py::test_create[",
        "tests/unit/retraining/test_monitor_pairs.py::test_create[",
        "tests/integration/test_templates.py::test_create_",
        "tests/unit/retraining/polls/test_poll_pairs.py::test_create_",
    ),
    "advise": (
        "tests/unit/governance/test_pricing_pairs.py::test_advise[",
        "tests/unit/retraining/test_monitor_pairs.py::test_advise[",
        "tests/unit/workspaces/test_job_check.py::test_advise[",
    ),
    "react": (
        "tests/unit/retraining/test_run_pairs.py::test_react[",
        "tests/integration/test_registries.py::test_",
        "tests/unit/promotion/test_promotions.py::test_react[",
        "tests/unit/notifications/test_channels.py::test_react[",
        "tests/unit/retraining/test_remediation.py::test_react[",
        "tests/unit/retraining/test_annotation.py::test_react[",
        "tests/unit/retraining/test_hint_pairs.py::test_react[",
        "tests/unit/retraining/polls/test_poll_pairs.py::test_react_",
        "tests/unit/retraining/test_monitor_pairs.py::test_react_",
    ),
    "report": (
        "tests/unit/governance/test_pricing_pairs.py::test_report[",
        "tests/unit/http/test_http_what_follows.py::test_report[",
        "tests/unit/workspaces/posture/test_data_pairs.py::test_",
        "tests/unit/workspaces/test_job_check.py::test_report[",
    ),
}
CONFLICTS = "tests/unit/workspaces/test_conflicts.py::test_"
ACCESS = "tests/unit/workspaces/access/test_access_pairs.py::test_"
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
