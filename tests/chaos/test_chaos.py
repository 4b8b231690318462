"""A workspace's life while one call in ten goes wrong, and the store forgets to answer in half of the runs.

Every kind of the simulator's fault table is met: refused, broken, cut off, slow, late and failed calls, tokens that end
early. Runs differ by seed: in each third two ticks run at once, in each second the store loses answers, in each fourth
operations fail with a code that repeating does not cure. Whatever a run meets, each of its operations (a creation, a
repair, a deletion) converges, or ends with that code; nothing is lost, doubled or orphaned; the store is consistent;
the same request again converges; and nobody polls or writes before the time that Azure asked to wait.

``make test`` runs eight seeds, ``make chaos`` 200 (``CHAOS_SEEDS``), ``make bench`` 50. ``CHAOS_FIRST`` is the first
one.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.chaos_lanes import run_seeds, table

pytestmark = pytest.mark.slow

SEEDS = int(os.environ.get("CHAOS_SEEDS", "8"))
#: Among eight from here are two that meet an error which ends an operation.
FIRST = int(os.environ.get("CHAOS_FIRST", "1"))


def test_a_workspace_survives_chaos(tmp_path: Path, subtests: pytest.Subtests) -> None:
    runs = run_seeds(range(FIRST, FIRST + SEEDS), tmp_path)
    print(table(runs))
    assert len(runs) == SEEDS
    for run in runs:
        with subtests.test(f"seed {run.seed}"):
            assert not run.wrong, "\n".join((run.line, *run.wrong))
    met = {name for run in runs for name, count in run.faults.items() if count}
    assert len(met) >= 12, f"kinds of faults that were never met: only {sorted(met)}"
