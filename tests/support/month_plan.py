"""What happens to five models in a month, drawn with a seed: labels, and nothing of the product.

Day 0 is the first midnight; each model's monitor runs at midnight, on the data of the day before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

DAYS = 30
TABULAR, IMAGES = "tables", "images"
PIPELINE = {
    "kind": "component",
    "name": "retrain",
    "version": "1",
    "compute": "cpu",
    "fromSignal": {"begin": "windowBegin", "end": "windowEnd", "reason": "reason"},
}
CAREFUL: dict[str, Any] = {
    "windows": {"period": "P1D", "breaches": 2, "of": 3, "minimumSeen": 2},
    "approval": {"required": False},
    "gate": {"metric": "accuracy", "minimum": 0.8, "minAbsoluteChange": 0.01},
    "pipeline": PIPELINE,
}
#: Every window's breach is told by events that come, come twice, come last first, or never come.
FATES = ("once", "double", "reorder", "lose")


@dataclass(frozen=True)
class Plan:
    """``noise``: days with a breach and no drift. ``drifts``: first days; each lasts until the model is trained again,
    or ``lasts`` days where nothing of ours trains it. ``trained``: days on which a run is expected to be sent."""

    workspace: str
    name: str
    policy: dict[str, Any]
    noise: tuple[int, ...] = ()
    drifts: tuple[int, ...] = ()
    lasts: int | None = None
    trained: tuple[int, ...] = ()

    def in_drift(self, day: int, trained: int) -> bool:
        """``trained`` drifts have been trained away."""
        if self.lasts is not None:
            return any(begin <= day < begin + self.lasts for begin in self.drifts)
        return trained < len(self.drifts) and day >= self.drifts[trained]


def plans(seed: int) -> tuple[Plan, ...]:
    """One that drifts twice, one with noise only, one with approval, one with quiet hours and a long cooldown, one of
    images. With two of three windows a drift is trained on its second day; with approval a day later."""
    draw = random.Random(seed)
    first, second = draw.randint(6, 9), draw.randint(19, 22)
    noise = tuple(sorted({3, *range(draw.randint(12, 13), second - 3, 4)}))
    seasonal = tuple(range(draw.randint(3, 5), DAYS, draw.randint(4, 6)))
    approved, quiet, photos = draw.randint(8, 14), draw.randint(4, 7), draw.randint(9, 16)
    hours, asks = [{"begin": "00:00", "end": "08:00"}], {"required": True}
    return (
        Plan(TABULAR, "orders", CAREFUL, noise, (first, second), trained=(first + 1, second + 1)),
        Plan(TABULAR, "seasonal", CAREFUL, seasonal),
        Plan(TABULAR, "credit", {**CAREFUL, "approval": asks}, drifts=(approved,), trained=(approved + 2,)),
        Plan(
            TABULAR, "fraud", {**CAREFUL, "quietHours": hours, "cooldown": "P10D"}, (),
            # The second comes while the model cools down; the first midnight after that is the twelfth.
            (quiet, quiet + 6), trained=(quiet + 1, quiet + 12),
        ),
        Plan(IMAGES, "photos", CAREFUL, (photos - 6,), (photos,), lasts=4),
    )  # fmt: skip


def fates(seed: int) -> Iterator[str]:
    """Endless; of four in a row each is there once."""
    draw = random.Random(f"fates {seed}")
    while True:
        yield from draw.sample(FATES, len(FATES))
