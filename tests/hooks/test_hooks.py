"""Switching off any hook of the simulator turns a product test red.

Each hook has its scenario (``scenarios.py``; what jobs notice: ``test_jobs_notice.py``), run in a process of its own
with the hook on, and with it off. Where no part of the product reads what a hook causes, the one who would miss it is a
person at a command line beside the product (``people.py``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.types import ALL_TYPES
from tests.hooks import test_jobs_notice

ROOT = Path(__file__).parents[2]
HOOKS = sorted({hook.name for rtype in ALL_TYPES for hook in rtype.hooks})


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, str | None]]:
    """Hook → how its scenario ended with the hook on and off; null where it passed."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.hooks.run"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=3000
    )
    assert run.returncode == 0, run.stderr
    return {line["hook"]: line for line in map(json.loads, run.stdout.splitlines())}


def test_every_hook_has_a_scenario(outcomes: dict[str, dict[str, str | None]]) -> None:
    assert set(outcomes) | set(test_jobs_notice.SCENARIOS) == set(HOOKS)


@pytest.mark.parametrize("hook", [name for name in HOOKS if name not in test_jobs_notice.SCENARIOS])
def test_the_product_notices(outcomes: dict[str, dict[str, str | None]], hook: str) -> None:
    found = outcomes[hook]
    assert found["on"] is None, f"the scenario does not hold: {found['on']}"
    assert found["off"] is not None, "the scenario holds without the hook, too"
