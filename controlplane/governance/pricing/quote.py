"""Which prices have to be asked for, and what becomes of the answers. Pure.

An answer goes before the file only when it can be multiplied in the same way: the same unit, no two prices for one
tier. Everything else falls back to the file, and says so by its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from controlplane.clouds import cloud_of_region
from controlplane.governance.pricing.table import CLOUD, CURRENCY, EVERYWHERE, Confidence, Meter, Price, PriceTable
from controlplane.governance.pricing.zones import GOVERNMENT_ZONE, ZONES, zone_of
from controlplane.ports.prices import PriceAnswers, PriceQuestion, PriceRow

SOURCE = "Azure Retail Prices API"
VIRTUAL_MACHINES = "Virtual Machines"
_WIDE = frozenset({EVERYWHERE, *ZONES.values()})
_VM, _LOW = "vm.", ".low-priority.hour"
#: Products of the same size that are other things: with a licence in the price, or of a service that is gone.
_OTHER_PRODUCTS = ("Windows", "Cloud Services", "CloudServices")
_OTHER_SKUS = ("Spot", "Low Priority")


def questions(table: PriceTable, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], PriceQuestion]:
    """By (meter, region). Meters that the API does not have are left out."""
    found = {}
    for key, region in wanted:
        asked = _question(table, key, region)
        if asked is not None:
            found[key, region] = asked
    return found


def _question(table: PriceTable, key: str, region: str) -> PriceQuestion | None:
    if cloud_of_region(region) == "AzureChinaCloud":
        return None
    if key.startswith(_VM):
        size = key.removeprefix(_VM).partition(".")[0].replace("-", "_")
        return PriceQuestion(VIRTUAL_MACHINES, region, size=f"Standard_{size}")
    rows = [row for row in table.rows.get(key, ()) if row.is_published]
    if not rows:
        return None
    one = next((row for row in rows if row.region in _WIDE), rows[0])
    where = _wide(one.region, region) if one.region in _WIDE else region
    return None if where is None else PriceQuestion(one.service, where, one.product, one.sku, one.meter)


def _wide(name: str, region: str) -> str | None:
    """Under which name a meter of that kind is kept for a region. None for a region of which no zone is known, and for
    meters of no region in another cloud, whose name there nobody here has seen."""
    cloud = cloud_of_region(region)
    if cloud == "AzureUSGovernment":
        return None if name == EVERYWHERE else GOVERNMENT_ZONE
    if cloud != CLOUD:
        return None
    return EVERYWHERE if name == EVERYWHERE else zone_of(region)


def with_answers(
    table: PriceTable,
    asked: Mapping[tuple[str, str], PriceQuestion],
    answers: PriceAnswers,
    currency: str = CURRENCY,
) -> PriceTable:
    """The table with what was answered before what the file has."""
    live = {}
    for (key, region), question in asked.items():
        meter = _meter(table, key, question, answers.rows.get(question, ()), currency)
        if meter is not None:
            live[key, region] = meter
    notes = (*table.notes, *answers.notes)
    return replace(table, live=live, currency=currency, notes=notes, as_of=answers.as_of if live else table.as_of)


def _meter(
    table: PriceTable, key: str, question: PriceQuestion, rows: tuple[PriceRow, ...], currency: str
) -> Meter | None:
    unit = _unit(table, key)
    fitting = [row for row in rows if _fits(key, question, row) and _same_unit(row.unit, unit)]
    tiers: dict[Decimal, PriceRow] = {}
    for row in sorted(fitting, key=lambda row: row.since):
        before = tiers.get(row.tier)
        if before is not None and before.since == row.since and before.amount != row.amount:
            return None
        tiers[row.tier] = row
    if not tiers or not _is_paid(tiers[max(tiers)], table.rows.get(key, ())):
        return None
    # Other currencies are "for your reference" (Azure Retail Prices overview).
    sure = Confidence.EXACT if currency == CURRENCY else Confidence.DERIVED
    prices = sorted((_price(key, question, row, sure) for row in tiers.values()), key=lambda price: price.tier)
    return Meter(tuple(prices), live=True)


def _is_paid(last: PriceRow, known: tuple[Price, ...]) -> bool:
    """Prices in other currencies have four digits, and what costs less than that answers 0.0 in each tier: no price,
    and not free. What is free for everybody is so in the file."""
    return last.amount > 0 or (bool(known) and not any(row.amount for row in known))


def _price(key: str, question: PriceQuestion, row: PriceRow, sure: Confidence) -> Price:
    return Price(
        key,
        question.service,
        row.product,
        row.sku,
        row.meter,
        row.region,
        row.unit,
        row.tier,
        row.amount,
        row.since,
        SOURCE,
        sure,
    )


def _fits(key: str, question: PriceQuestion, row: PriceRow) -> bool:
    if question.service != VIRTUAL_MACHINES:
        return (row.product, row.sku, row.meter) == (question.product, question.sku, question.meter)
    if any(word in row.product for word in _OTHER_PRODUCTS):
        return False
    if key.endswith(_LOW):
        return "Low Priority" in row.sku
    return not any(word in row.sku for word in _OTHER_SKUS)


def _unit(table: PriceTable, key: str) -> str:
    known = table.rows.get(key, ())
    return known[0].unit if known else "1 Hour"


def _same_unit(one: str, other: str) -> bool:
    """``1 Hour`` and ``1/Hour`` are one; ``1/Month`` is another."""
    return one.replace("/", " ").lower() == other.replace("/", " ").lower()
