"""What a second of each meter costs: the simulator's price book, and sizes of machines that it has no row of.

Prices are those of `simulator/planes/price_book.py`, which the Retail Prices plane shows, too. Machines that no list
was seen of are in `sizes.csv` with guessed prices (by cores of their series; low priority a fifth of dedicated): what
runs is charged, whether its price could be found beforehand or not. Nothing here is shared with the control plane.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from simulator.planes import price_book

FILE = Path(__file__).with_name("sizes.csv")
WIDE = ("Global", "Zone 1", "Zone 2", "Zone 3")
HOUR, DAY = 3600.0, 86400.0
#: Of meters that count something: how many make one unit. The others are by time.
COUNTED = {
    "1 GB": 1.0, "1 GiB": 1.0, "1 GB/Month": 1.0, "1 GiB/Month": 1.0, "10": 10.0, "10K": 1e4, "100K": 1e5, "1M": 1e6,
    "10M": 1e7, "1 Second": 1.0, "1 GB Second": 1.0, "1": 1.0,
}  # fmt: skip
_TIMED = {"1 Hour": "hour", "1/Hour": "hour", "1 GiB Hour": "hour", "1/Day": "day", "1/Month": "month"}


@dataclass(frozen=True)
class Price:
    """One meter in one region. `unit` is hour, day or month, or what it counts. `tiers`: from which quantity (in its
    unit) on which price holds, lowest first."""

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

    def of(self, quantity: float, before: float) -> float:
        """The cost of so many, when so many were counted before."""
        edges = [start for start, _ in self.tiers if before < start < before + quantity]
        marks = [before, *edges, before + quantity]
        return sum((marks[n + 1] - marks[n]) * self.at(marks[n]) for n in range(len(marks) - 1))


@lru_cache(maxsize=1)
def _booked() -> dict[str, list[price_book.Price]]:
    found: dict[str, list[price_book.Price]] = {}
    for row in price_book.prices():
        found.setdefault(row.key, []).append(row)
    return found


def _tiers(meter: str, region: str) -> list[price_book.Price]:
    """The region's own rows, else those of no single region, else those of the first one that the book has."""
    rows = _booked().get(meter, [])
    regions = list(dict.fromkeys(row.region for row in rows))
    choice = next((one for one in (region, *WIDE, *regions) if one in regions), "")
    return sorted((row for row in rows if row.region == choice), key=lambda row: row.tier)


@lru_cache(maxsize=1)
def _guessed() -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with FILE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["meter_key"], []).append(row)
    return found


@lru_cache(maxsize=4096)
def price(meter: str, region: str) -> Price:
    """Raises KeyError for a meter that neither has."""
    rows = _tiers(meter, region.lower())
    if rows:
        first, tiers = rows[0], tuple((float(row.tier), float(row.amount)) for row in rows)
        # Of a few the published name is not known; what stands there in parentheses is a note.
        name = first.meter if first.is_published else first.sku
        return Price(meter, first.service, first.product, name, _unit(meter, first.unit), tiers)
    held = {row["arm_region"]: row for row in _guessed()[meter]}
    row = held.get(region.lower()) or next(iter(held.values()))
    tiers = ((0.0, float(row["retail_price_usd"])),)
    return Price(meter, row["service_name"], row["product_name"], row["meter_name"], "hour", tiers)


def _unit(meter: str, unit: str) -> str:
    """`1` says no time: zones, alert rules and keys are by month all the same."""
    return "month" if unit == "1" and meter.endswith("month") else _TIMED.get(unit, unit)


def known(meter: str) -> bool:
    return meter in _booked() or meter in _guessed()
