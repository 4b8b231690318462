"""The rows of the Retail Prices API: list prices in USD, pay as you go. Data; bills read it, too (billing/prices.py).

One file, `simulator/data/prices.csv`, shared with nothing outside of the simulator. A row is one tier of one meter in
one region, with the day and the source it was seen at; `meter_key` is ours, everything else is as the Retail Prices
API says it. Several rows of a meter in a region are tiers: `tier` is where each begins, in the row's unit. Rows of
`Global` and `Zone n` are of no single region: asked with the name of one, the API answers none of them.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

FILE = Path(__file__).parent.parent / "data" / "prices.csv"


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
