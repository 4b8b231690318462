"""Creating every example in virtual time, against the way that Azure's own durations leave, and a second reconcile.

``bench/creation.py`` times one example in real processes; here the engine's clock jumps, so that gateways of 30 minutes
cost nothing and no load of the machine is in the figures.
"""

from __future__ import annotations

from bench.figures import Figure
from tests.support.blueprints import EXAMPLES
from tests.support.lives import created, written
from tests.support.worlds import world_of


def measure() -> list[Figure]:
    """Two figures for each example."""
    return [figure for name in EXAMPLES for figure in _variant(name)]


def _variant(name: str) -> list[Figure]:
    product = world_of(name)
    try:
        made = created(product, name)
        if made.operation.status != "Succeeded":
            raise RuntimeError(f"{name}: {made.operation.error}")
        before = len(written(product))
        product.repair()
        again = len(written(product)) - before
    finally:
        product.close()
    note = f"{made.wall:.0f} s / {made.path:.0f} s of Azure's time, {before} writes"
    return [
        Figure(f"creation of {name}: wall / critical path", made.ratio, "×", 1.10, note),
        Figure(f"second reconcile of {name}: writes", again, "", 0),
    ]
