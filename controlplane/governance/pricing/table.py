"""List prices, pay as you go, as versioned data: ``prices.csv`` of this package.

A row is one tier of one meter in one region: with the day on which its source showed it, the source, and how sure it
is. ``exact``: the source shows this unit price. ``derived``: computed from a monthly total or from another currency.
``uncertain``: an estimate or a price of something close by; whoever is shown one is told so.

``tier_minimum_units`` is in the row's unit; rows of one meter in one region are tiers and never alternatives.
"""

from __future__ import annotations

import csv
import importlib.resources
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cache
from io import StringIO
from types import MappingProxyType

from controlplane.clouds import cloud_of_region
from controlplane.governance.pricing.zones import zone_of

#: Of ``prices.csv``: the day on which its rows were put together.
VERSION = "2026-11-21"
CURRENCY = "USD"
#: The cloud whose prices the file holds. Another cloud's are other prices.
CLOUD = "AzureCloud"
HOURS = Decimal(730)
"""365 x 24 / 12."""
DAYS = HOURS / 24
"""What a meter by the day bills in an average month: 30.41667, not 30."""
EVERYWHERE = "Global"
"""Region of meters that no single region has; others have zones."""
#: One price in every region seen, so that another region's row is no guess (five regions for firewalls, two for
#: Bastion, registries, vaults and addresses).
SAME_EVERYWHERE = ("bastion.", "firewall.", "acr.", "key-vault.", "public-ip.")


class Confidence(StrEnum):
    EXACT = "exact"
    DERIVED = "derived"
    UNCERTAIN = "uncertain"


_ORDER = tuple(Confidence)


def weakest(*found: Confidence) -> Confidence:
    """The least sure of them; exact where there is none."""
    return max(found, key=_ORDER.index, default=Confidence.EXACT)


@dataclass(frozen=True, slots=True)
class Price:
    """One row. ``key`` is ours; the names are those of the Retail Prices API, or in parentheses where it has none."""

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
    source: str
    confidence: Confidence

    @property
    def is_published(self) -> bool:
        """Whether the API can be asked for it."""
        return not self.meter.startswith("(")


@dataclass(frozen=True, slots=True)
class Charged:
    """What a quantity costs, and the rows that it reached."""

    amount: Decimal
    rows: tuple[Price, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter's tiers in one region, lowest first. ``remark``: why these rows, where that is not plain."""

    tiers: tuple[Price, ...]
    remark: str = ""
    confidence: Confidence = Confidence.EXACT
    """Of the choice of rows; the rows have their own."""
    live: bool = False
    """From the Retail Prices API, not from the file."""

    def charge(self, quantity: Decimal, before: Decimal = Decimal(0)) -> Charged:
        """``before``: units of the meter that others of the same bill used; tiers count all of them."""
        last, total = before + quantity, Decimal(0)
        ends = [row.tier for row in self.tiers[1:]] + [None]
        reached = []
        for row, end in zip(self.tiers, ends, strict=True):
            inside = (last if end is None else min(last, end)) - max(before, row.tier)
            if inside > 0:
                total += inside * row.amount
                reached.append(row)
        return Charged(total, tuple(reached))


@dataclass(frozen=True, slots=True)
class Rate:
    """What a dollar is in another currency, by the list's own prices in both. ``seen_of``: of which meter's."""

    amount: Decimal
    seen_of: str
    confidence: Confidence


@dataclass(frozen=True)
class PriceTable:
    """Where prices come from. ``live``: (meter, region) → what the API said, which goes before the file."""

    rows: Mapping[str, tuple[Price, ...]]
    currency: str = CURRENCY
    live: Mapping[tuple[str, str], Meter] = field(default_factory=dict)
    as_of: str = VERSION
    notes: tuple[str, ...] = ()
    """What could not be asked, and why."""
    rate: Rate | None = None
    """Of the file's dollars, where the table is in another currency; None: the file says nothing in it."""

    def meter(self, key: str, region: str) -> Meter | None:
        """None where there is no price: nobody makes one up from another cloud, currency or service."""
        found = self.live.get((key, region))
        if found is not None:
            return found
        if cloud_of_region(region) != CLOUD or (self.currency != CURRENCY and self.rate is None):
            return None
        rows = self.rows.get(key, ())
        if not rows:
            return _fifth(self, key, region)
        known = _chosen(rows, region)
        return known if self.rate is None else _converted(known, self.rate, self.currency)


def _chosen(rows: tuple[Price, ...], region: str) -> Meter:
    regions = list(dict.fromkeys(row.region for row in rows))
    near = next((name for name in (region, EVERYWHERE, zone_of(region)) if name in regions), None)
    other = near or ("eastus" if "eastus" in regions else regions[0])
    tiers = _tiers(row for row in rows if row.region == other)
    if any(row.amount for row in rows) and not any(row.amount for row in tiers):
        # A free tier alone is a grant whose price was seen elsewhere, not something that is free.
        dear = next(row.region for row in rows if row.amount)
        tiers = _tiers((*tiers, *(row for row in rows if row.region == dear and row.amount)))
        near = None
    if near is not None:
        return Meter(tiers)
    seen = ", ".join(dict.fromkeys(row.region for row in tiers))
    if rows[0].key.startswith(SAME_EVERYWHERE):
        return Meter(tiers, f"Price of {seen}; it was one price in every region seen.")
    remark = f"Price of {seen}: the table has none of {region}, where it may be another."
    return Meter(tiers, remark, Confidence.UNCERTAIN)


def _converted(meter: Meter, rate: Rate, currency: str) -> Meter:
    text = f"{CURRENCY} at {rate.amount:.4f} {currency}, the rate of the price list's own price of {rate.seen_of}."
    tiers = tuple(replace(row, amount=row.amount * rate.amount) for row in meter.tiers)
    sure = weakest(meter.confidence, rate.confidence)
    return Meter(tiers, f"{meter.remark} {text}".strip(), sure)


def _tiers(rows: Iterable[Price]) -> tuple[Price, ...]:
    return tuple(sorted(rows, key=lambda row: row.tier))


_LOW = ".low-priority.hour"


def _fifth(table: PriceTable, key: str, region: str) -> Meter | None:
    """Low-priority nodes where their own price is not known: a fifth of the size's, which is what the two that were
    seen are (D8as v5: 0.0688 of 0.344; E16s v5: 0.202 of 1.008)."""
    if not (key.startswith("vm.") and key.endswith(_LOW)):
        return None
    whole = table.meter(key.removesuffix(_LOW) + ".hour", region)
    if whole is None:
        return None
    remark = f"A fifth of the regular price, as seen of two other sizes. {whole.remark}".strip()
    tiers = tuple(replace(row, amount=row.amount / 5) for row in whole.tiers)
    return Meter(tiers, remark, Confidence.UNCERTAIN, whole.live)


@cache
def snapshot() -> PriceTable:
    """The file of this package."""
    text = importlib.resources.files(__package__).joinpath("prices.csv").read_text(encoding="utf-8")
    rows: dict[str, list[Price]] = defaultdict(list)
    for row in csv.DictReader(StringIO(text)):
        rows[row["meter_key"]].append(
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
                row["source"],
                Confidence(row["confidence"]),
            )
        )
    return PriceTable(MappingProxyType({key: tuple(found) for key, found in rows.items()}))
