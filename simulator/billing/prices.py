"""The simulator's own price list, `prices.csv`: list prices in US dollars, pay as you go.

Its rows were written down from public copies of Azure's retail prices (the column `confidence` says which were seen as
they are, derived or guessed). A price without a region holds everywhere; where a region has no row of its own, the one
of eastus, or else the first one, stands for it, which is simplified. Nothing here is shared with the control plane.
"""

from __future__ import annotations

import calendar
import csv
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).with_name("prices.csv")
CURRENCY = "USD"
HOUR, DAY = 3600.0, 86400.0
#: Of meters that count something: how many make one unit. The others are by time.
COUNTED = {"gb": 1.0, "gb-month": 1.0, "10k": 10_000.0, "100k": 100_000.0, "million": 1_000_000.0, "each": 1.0}


@dataclass(frozen=True)
class Price:
    """One meter in one region. `tiers`: from which quantity (in its unit) on which price holds, lowest first."""

    meter: str
    service: str
    product: str
    name: str
    unit: str
    tiers: tuple[tuple[float, float], ...]

    @property
    def timed(self) -> bool:
        return self.unit not in COUNTED

    def at(self, position: float) -> float:
        """The price of the unit that comes after so many."""
        return next((price for start, price in reversed(self.tiers) if position >= start), 0.0)

    def per_second(self, when: datetime, position: float = 0.0) -> float:
        """A month's price is spread over the month it falls in, whole months cost what the list says."""
        days = calendar.monthrange(when.year, when.month)[1]
        return self.at(position) / {"hour": HOUR, "day": DAY, "month": days * DAY}[self.unit]

    def of(self, quantity: float, before: float) -> float:
        """The cost of so many, when so many were counted before."""
        edges = [start for start, _ in self.tiers if before < start < before + quantity]
        marks = [before, *edges, before + quantity]
        return sum((marks[n + 1] - marks[n]) * self.at(marks[n]) for n in range(len(marks) - 1))


@lru_cache(maxsize=1)
def _rows() -> dict[str, dict[str, Price]]:
    found: dict[str, dict[str, Price]] = {}
    with FILE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            held = found.setdefault(row["meter"], {})
            tier = (float(row["tier"]), float(row["price"]))
            before = held.get(row["region"])
            tiers = tuple(sorted((*(before.tiers if before else ()), tier)))
            held[row["region"]] = Price(row["meter"], row["service"], row["product"], row["name"], row["unit"], tiers)
    return found


@lru_cache(maxsize=4096)
def price(meter: str, region: str) -> Price:
    """Raises KeyError for a meter that is not in the list."""
    held = _rows()[meter]
    return held.get(region.lower()) or held.get("") or held.get("eastus") or next(iter(held.values()))


def known(meter: str) -> bool:
    return meter in _rows()
