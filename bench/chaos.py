"""Fifty lives of a workspace while one call in ten goes wrong (``tests/chaos``): how they ended."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.figures import Figure
from tests.support.chaos_lanes import LANES, run_seeds

SEEDS = int(os.environ.get("CHAOS_SEEDS", "50"))


def measure() -> list[Figure]:
    """Failures and early calls are held to none."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runs = run_seeds(range(1, SEEDS + 1), Path(folder))
    seconds = time.monotonic() - started
    ends = [end for run in runs for end in run.ends]
    converged = sum(end.endswith(" converged") for end in ends)
    met, calls = sum(sum(run.faults.values()) for run in runs), sum(run.calls for run in runs)
    wrong = ", ".join(f"seed {run.seed}" for run in runs if run.wrong)
    note = f"{SEEDS} seeds, {met} of {calls} calls disturbed"
    return [
        Figure("chaos: operations that converged", converged, "", None, f"of {len(ends)}"),
        Figure("chaos: operations that ended with their cause", len(ends) - converged, "", None, "repeated: converged"),
        Figure("chaos: runs that lost, doubled or left something", sum(bool(run.wrong) for run in runs), "", 0, wrong),
        Figure("chaos: early polls", sum(run.early_polls for run in runs), "", 0, note),
        Figure("chaos: early writes", sum(run.early_writes for run in runs), "", 0, ""),
        Figure("chaos: wall time", seconds, "s", None, f"{SEEDS} seeds in {LANES} lanes"),
    ]
