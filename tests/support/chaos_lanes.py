"""Many chaos runs: lanes of their own, each with a simulator and a product."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.chaos import Ended, chaos

#: Most of a run is waiting.
LANES = int(os.environ.get("CHAOS_LANES", "3"))
#: After these seconds without a result a lane is dead or stuck.
SILENCE_SECONDS = 900.0


def run_seeds(seeds: Sequence[int], folder: Path, say: Callable[[str], None] = lambda _: None) -> list[Ended]:
    """One result per seed, by seed; of each ``say`` hears as it ends. Raises ``RuntimeError`` when a lane ends before
    its seeds do."""
    context = multiprocessing.get_context("spawn")
    work: Any = context.Queue()
    results: Any = context.Queue()
    count = min(LANES, len(seeds))
    for seed in (*seeds, *(None for _ in range(count))):
        work.put(seed)
    lanes = [
        context.Process(target=_lane, args=(str(folder / f"lane{number}"), work, results), daemon=True)
        for number in range(count)
    ]
    for lane in lanes:
        lane.start()
    found: list[Ended] = []
    try:
        while len(found) < len(seeds):
            found.append(_next(results))
            say("\n".join((found[-1].line, *(f"       {one[:600]}" for one in found[-1].wrong))))
        for lane in lanes:
            lane.join(30)
    finally:
        for lane in lanes:
            if lane.is_alive():
                lane.terminate()
            lane.join(10)
    return sorted(found, key=lambda ended: ended.seed)


def _next(results: Any) -> Ended:
    try:
        found = results.get(timeout=SILENCE_SECONDS)
    except queue.Empty as error:
        raise RuntimeError("a lane of chaos runs is silent") from error
    if isinstance(found, str):
        raise RuntimeError(f"a lane of chaos runs ended:\n{found}")
    assert isinstance(found, Ended)
    return found


def _lane(folder: str, work: Any, results: Any) -> None:
    """The whole of a lane's process."""
    try:
        Path(folder).mkdir(parents=True)
        logging.basicConfig(filename=Path(folder) / "log")
        with chaos(Path(folder)) as runs:
            while (seed := work.get()) is not None:
                results.put(runs.run(seed))
    except BaseException:
        results.put(traceback.format_exc())
        raise


def table(runs: Sequence[Ended], *, lines: bool = True) -> str:
    """What a person reads; ``lines``: also one a run."""
    ends = Counter(end.split(" ", 1)[1] for run in runs for end in run.ends)
    faults = sum((run.faults for run in runs), Counter[str]())
    met = f"faults: {', '.join(f'{name} {count}' for name, count in faults.most_common())}"
    how = f"operations: {', '.join(f'{count} {end}' for end, count in ends.most_common())}"
    failures = sum(bool(run.wrong) for run in runs)
    early = f"{sum(run.early_polls for run in runs)} early polls, {sum(run.early_writes for run in runs)} early writes"
    each = [run.line for run in runs] if lines else []
    return "\n".join([*each, met, how, f"{len(runs)} seeds, {failures} failures, {early}"])


def main() -> int:
    """``python -m tests.support.chaos_lanes FIRST COUNT``: prints a line a seed, and the table; 1 when one fails."""
    first, count = (int(one) for one in sys.argv[1:3])
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runs = run_seeds(range(first, first + count), Path(folder), lambda line: print(line, flush=True))
    print(table(runs, lines=False))
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if any(run.wrong for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
