"""The price table: its data, its tiers, and which row speaks for which region."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from controlplane.governance.pricing.table import Confidence, Price, PriceTable, snapshot
from tests.support.blueprints import ROOT

ROWS = tuple(row for rows in snapshot().rows.values() for row in rows)


def test_every_row_has_a_day_a_source_and_a_mark() -> None:
    assert len(ROWS) == 293
    for row in ROWS:
        assert row.source, row
        assert re.match(r"20\d\d|unknown", row.seen), row
        assert row.amount >= 0, row
        assert row.unit, row
    assert {row.confidence for row in ROWS} == set(Confidence)


def test_tiers_of_a_meter_in_a_region_are_told_apart_and_have_one_unit() -> None:
    seen: set[tuple[str, str, Decimal]] = set()
    units: dict[str, set[str]] = {}
    for row in ROWS:
        assert (row.key, row.region, row.tier) not in seen, row
        seen.add((row.key, row.region, row.tier))
        units.setdefault(row.key, set()).add(row.unit)
    assert {key for key, found in units.items() if len(found) > 1} == set()


def test_prices_are_never_floats() -> None:
    assert all(isinstance(row.amount, Decimal) and isinstance(row.tier, Decimal) for row in ROWS)
    sources = [path.read_text() for path in (ROOT / "controlplane/governance/pricing").glob("*.py")]
    assert sources
    assert not any(re.search(r"\bfloat\b", text) for text in sources)


@pytest.mark.parametrize(
    ("key", "region", "price", "confidence", "remark"),
    [
        ("vm.d4s-v3.linux.hour", "westeurope", "0.24", Confidence.EXACT, ""),
        ("nat-gateway.hour", "westeurope", "0.045", Confidence.EXACT, ""),
        ("private-dns.zone.month", "eastus", "0.50", Confidence.EXACT, ""),
        ("private-dns.zone.month", "japaneast", "0.50", Confidence.UNCERTAIN, "Price of Zone 1: the table has none of"),
        ("vnet-peering.global.in.zone2.gb", "japaneast", "0.09", Confidence.EXACT, ""),
        ("bastion.standard.hour", "westeurope", "0.29", Confidence.EXACT, "Price of koreacentral; it was one price"),
        ("vm.ds3-v2.linux.hour", "westeurope", "0.293", Confidence.UNCERTAIN, "Price of eastus: the table has none of"),
        ("storage.blob.hot-lrs.gb-month", "northeurope", "0.0208", Confidence.UNCERTAIN, "Price of eastus"),
    ],
)
def test_whose_row_speaks_for_a_region(key: str, region: str, price: str, confidence: Confidence, remark: str) -> None:
    meter = snapshot().meter(key, region)
    assert meter is not None
    assert (meter.tiers[0].amount, meter.confidence) == (Decimal(price), confidence)
    assert meter.remark.startswith(remark)
    assert bool(meter.remark) is bool(remark)


def test_a_grant_whose_price_was_seen_elsewhere_is_not_free() -> None:
    meter = snapshot().meter("bastion.standard.egress.gb", "westeurope")
    assert meter is not None
    assert meter.charge(Decimal(5)).amount == 0
    assert meter.charge(Decimal(15)).amount == Decimal("0.87")
    basic = snapshot().meter("bastion.basic.egress.gb", "eastus")
    assert basic is not None
    assert basic.charge(Decimal(15)).amount == Decimal("1.20")
    assert basic.confidence is Confidence.UNCERTAIN or "one price" in basic.remark


@pytest.mark.parametrize("region", ["usgovvirginia", "chinaeast2"])
def test_another_cloud_has_other_prices(region: str) -> None:
    assert snapshot().meter("nat-gateway.hour", region) is None
    assert snapshot().meter("vm.d4s-v3.linux.hour", region) is None


def test_another_currency_has_no_prices_in_the_file() -> None:
    assert PriceTable(snapshot().rows, "EUR").meter("nat-gateway.hour", "westeurope") is None


def test_low_priority_is_a_fifth_where_nobody_knows_better_and_says_so() -> None:
    known = snapshot().meter("vm.d8as-v5.linux.low-priority.hour", "eastus")
    guessed = snapshot().meter("vm.ds3-v2.linux.low-priority.hour", "eastus")
    assert known is not None
    assert guessed is not None
    assert (known.tiers[0].amount, known.confidence) == (Decimal("0.0688"), Confidence.EXACT)
    assert (guessed.tiers[0].amount, guessed.confidence) == (Decimal("0.0586"), Confidence.UNCERTAIN)
    assert guessed.remark.startswith("A fifth")
    assert snapshot().meter("vm.no-such-size.linux.low-priority.hour", "eastus") is None


def test_tiers_are_summed_and_reached_once() -> None:
    meter = snapshot().meter("storage.blob.hot-lrs.gb-month", "westus")
    assert meter is not None
    # 51,200 at 0.0208, then 0.019968, from 512,000 on 0.019136.
    charged = meter.charge(Decimal(600_000))
    assert charged.amount == Decimal("1064.96") + 460_800 * Decimal("0.019968") + 88_000 * Decimal("0.019136")
    assert len(charged.rows) == 3
    assert meter.charge(Decimal(10), before=Decimal(51_195)).amount == 5 * Decimal("0.0208") + 5 * Decimal("0.019968")
    assert meter.charge(Decimal(0)).rows == ()


def test_uncertain_rows_are_those_of_the_source() -> None:
    uncertain: set[str] = {row.key for row in ROWS if row.confidence is Confidence.UNCERTAIN}
    assert {
        "vpn-gateway.vpngw3az.hour",
        "ml.compute.load-balancer.day",
        "expressroute-gateway.ergw2az.hour",
    } <= uncertain
    one: Price = snapshot().rows["vpn-gateway.vpngw2az.hour"][0]
    assert one.confidence is Confidence.UNCERTAIN
