"""The sweep of a thousand endpoints in ten subscriptions and three regions: how many calls it makes, and how long it
takes, beside the fewest calls that Azure allows.

The fleet is in memory and so is Azure Monitor, which counts calls and refuses what metrics:getBatch refuses: the
simulator would take minutes to make so many deployments. The sweep itself, its ticks, rows and leases are the product's
own, on SQLite as under funchost.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.figures import Figure
from controlplane.store.sqlite_store import SqliteStore
from tests.support.polled import REGIONS, PolledWorld, least

ENDPOINTS, SUBSCRIPTIONS, WORKSPACES = 1_000, 10, 120
#: "Azure Monitor service limits": calls of metrics:getBatch, a subscription and hour.
PUBLISHED_HOURLY = 360_000
SWEEPS_AN_HOUR = 4


def measure() -> list[Figure]:
    """Called by ``python -m bench poll``."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Figure]:
    world = PolledWorld(store=SqliteStore(str(folder / "store.db")))
    await world.grow(WORKSPACES, ENDPOINTS, SUBSCRIPTIONS, REGIONS)
    monitor, began = world.monitor, time.perf_counter()
    await world.sweep()
    ticks = await world.tick()
    seconds = time.perf_counter() - began
    read = Counter(one for call in monitor.calls for one in call.ids)
    assert set(read.values()) == {1}, "something was read twice"
    assert len(read) == len(monitor.found), "something was not read"
    busiest = max(Counter(call.ids[0].split("/")[2] for call in monitor.calls).values())
    fewest = least(monitor.found)
    return [
        Figure(
            "poll: calls for metrics",
            len(monitor.calls),
            "calls",
            fewest,
            f"{ENDPOINTS} endpoints and as many deployments, {SUBSCRIPTIONS} subscriptions, {len(REGIONS)} regions; "
            f"Σ⌈n/50⌉ is {fewest}",
        ),
        Figure(
            "poll: calls a subscription and hour",
            busiest * SWEEPS_AN_HOUR,
            "calls",
            PUBLISHED_HOURLY,
            "published limit of metrics:getBatch",
        ),
        Figure("poll: lists of what there is", monitor.inventories, "queries", 1, "pages of 1,000 rows"),
        Figure("poll: the sweep", seconds, "s", 900, f"{ticks} ticks one after the other; a window is 900 s"),
    ]
