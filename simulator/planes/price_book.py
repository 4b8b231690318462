"""What things cost in this Azure: list prices in USD, pay as you go. Data, for the retail prices plane and for bills.

One file, `simulator/data/prices.csv`, shared with nothing outside of the simulator. A row is one tier of one meter in
one region, with the day and the source it was seen at; `meter_key` is ours, everything else is as the Retail Prices
API says it. Several rows of a meter in a region are tiers: `tier` is where each begins, in the row's unit.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "data" / "prices.csv"
#: Meters that the API keeps for no single region; asked with the name of a region it answers none of them.
WIDE = ("Global", "Zone 1", "Zone 2", "Zone 3")


@dataclass(frozen=True, slots=True)
class Price:
    """One row."""

    key: str
    service: str
    product: str
    sku: str
    meter: str
    region: str
    unit: str
    tier: Decimal
    amount: Decimal
    seen: str

    @property
    def is_published(self) -> bool:
        """Whether the API has it: a free SKU has no meter, and of some the name is not known."""
        return not self.meter.startswith("(")


@cache
def prices() -> tuple[Price, ...]:
    """Every row, in the file's order."""
    with FILE.open(newline="") as file:
        return tuple(
            Price(
                row["meter_key"],
                row["service_name"],
                row["product_name"],
                row["sku_name"],
                row["meter_name"],
                row["arm_region"],
                row["unit_of_measure"],
                Decimal(row["tier_minimum_units"]),
                Decimal(row["retail_price_usd"]),
                row["effective_or_seen_date"],
            )
            for row in csv.DictReader(file)
        )


@cache
def tiers(key: str, region: str) -> tuple[Price, ...]:
    """The tiers of a meter in a region, lowest first: the region's own, else those for all regions, else those of the
    one region that the book has them of. Empty: the book has no such meter."""
    found = [price for price in prices() if price.key == key]
    regions = list(dict.fromkeys(price.region for price in found))
    choices = [name for name in (region, *WIDE, *regions) if name in regions]
    return tuple(sorted((one for one in found if choices and one.region == choices[0]), key=lambda one: one.tier))


def charge(key: str, region: str, quantity: Decimal, before: Decimal = Decimal(0)) -> Decimal:
    """What `quantity` units cost after `before` units of the same meter. Raises KeyError for an unknown meter."""
    rows = tiers(key, region)
    if not rows:
        raise KeyError(key)
    ends = [*(row.tier for row in rows[1:]), None]
    total, last = Decimal(0), before + quantity
    for row, end in zip(rows, ends, strict=True):
        upper = last if end is None else min(last, end)
        total += row.amount * max(Decimal(0), upper - max(before, row.tier))
    return total
