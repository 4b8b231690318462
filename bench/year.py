"""A year of fifty models and two hundred drifts (``tests/unit/retraining/test_a_year.py``): what it costs."""

from __future__ import annotations

import asyncio
import time

from bench.figures import Figure
from tests.support.retraining_year import Year
from tests.support.year_plan import plans

SEED = 5


def measure() -> list[Figure]:
    """Processor time, which others on the machine change little."""
    made, begin = Year(plans(SEED), SEED), time.process_time()
    asyncio.run(made.run())
    seconds = time.process_time() - begin
    note = f"{sum(made.reasons.values())} decisions"
    return [Figure("year: heard, stored, decided and judged once more", seconds, "s CPU", 60.0, note)]
