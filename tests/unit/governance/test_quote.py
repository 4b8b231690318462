"""What the price list answers goes before the file where it can be multiplied in the same way, and only there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from controlplane.governance.pricing.quote import SOURCE, questions, with_answers
from controlplane.governance.pricing.table import VERSION, Confidence, PriceTable, snapshot
from controlplane.ports.prices import PriceAnswers, PriceQuestion, PriceRow

NODE, REGION = "vm.ds3-v2.linux.hour", "westeurope"
ROW = PriceRow(
    "Virtual Machines DSv2 Series", "DS3 v2", "DS3 v2", REGION, "1 Hour", Decimal(0), Decimal("0.36"), "2026-11-01"
)


def quoted(*rows: PriceRow, key: str = NODE, currency: str = "USD") -> PriceTable:
    asked = questions(snapshot(), [(key, REGION)])
    answers = PriceAnswers({asked[key, REGION]: rows}, "2026-11-22T12:00:00+00:00")
    return with_answers(snapshot(), asked, answers, currency)


def test_an_answer_goes_before_the_file_and_is_exact() -> None:
    table = quoted(ROW)
    meter = table.meter(NODE, REGION)
    assert meter is not None
    assert (meter.tiers[0].amount, meter.tiers[0].source, meter.live) == (Decimal("0.36"), SOURCE, True)
    assert (meter.tiers[0].confidence, meter.remark, table.as_of) == (Confidence.EXACT, "", "2026-11-22T12:00:00+00:00")


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (replace(ROW, product="Virtual Machines DSv2 Series Windows"),),
        (replace(ROW, product="DSv2 Series Cloud Services"),),
        (replace(ROW, sku="DS3 v2 Spot"),),
        (replace(ROW, sku="DS3 v2 Low Priority"),),
        (replace(ROW, unit="1/Month"),),
        (ROW, replace(ROW, amount=Decimal("0.40"), product="Virtual Machines Other Series")),
        (replace(ROW, amount=Decimal(0)),),
    ],
    ids=["none", "windows", "cloud services", "spot", "low priority", "another unit", "two prices", "rounded away"],
)
def test_what_cannot_be_multiplied_so_falls_back_to_the_file(rows: tuple[PriceRow, ...]) -> None:
    table = quoted(*rows)
    meter = table.meter(NODE, REGION)
    assert meter is not None
    assert (meter.live, meter.tiers[0].amount, table.as_of) == (False, Decimal("0.293"), VERSION)


def test_other_rows_of_a_size_do_not_hide_its_own() -> None:
    windows = replace(ROW, product=f"{ROW.product} Windows", amount=Decimal(9))
    meter = quoted(windows, replace(ROW, sku="DS3 v2 Spot", amount=Decimal("0.01")), ROW).meter(NODE, REGION)
    assert meter is not None
    assert [row.amount for row in meter.tiers] == [Decimal("0.36")]


def test_low_priority_is_a_row_of_its_own() -> None:
    low = replace(ROW, sku="DS3 v2 Low Priority", amount=Decimal("0.07"))
    meter = quoted(ROW, low, key="vm.ds3-v2.linux.low-priority.hour").meter("vm.ds3-v2.linux.low-priority.hour", REGION)
    assert meter is not None
    assert (meter.live, meter.tiers[0].amount) == (True, Decimal("0.07"))


def test_the_newest_of_two_prices_counts() -> None:
    meter = quoted(replace(ROW, since="2025-01-01", amount=Decimal(7)), ROW).meter(NODE, REGION)
    assert meter is not None
    assert meter.tiers[0].amount == Decimal("0.36")


def test_tiers_of_an_answer_are_tiers() -> None:
    key = "log-analytics.ingestion.gb"
    row = replace(
        ROW,
        product="Log Analytics",
        sku="Analytics Logs",
        meter="Analytics Logs Data Ingestion",
        unit="1 GB",
        amount=Decimal(3),
        tier=Decimal(5),
    )
    table = quoted(row, replace(row, tier=Decimal(0), amount=Decimal(0)), key=key)
    meter = table.meter(key, REGION)
    assert meter is not None
    assert meter.charge(Decimal(12)).amount == 21
    # Another product's meter of the same name is another meter.
    other = quoted(replace(row, product="Sentinel"), key=key).meter(key, REGION)
    assert other is not None
    assert not other.live


def test_questions_name_the_region_that_the_api_has_them_under() -> None:
    wanted = [
        ("nat-gateway.hour", REGION),
        ("acr.premium.day", REGION),
        (NODE, REGION),
        ("private-dns.zone.month", REGION),
    ]
    found = questions(snapshot(), wanted)
    assert {key: asked.region for (key, _), asked in found.items()} == {
        "nat-gateway.hour": "Global",
        "acr.premium.day": REGION,
        NODE: REGION,
        "private-dns.zone.month": "Zone 1",
    }
    assert found[NODE, REGION] == PriceQuestion("Virtual Machines", REGION, size="Standard_ds3_v2")


def test_what_the_api_does_not_have_is_not_asked() -> None:
    keys = ("ml.compute.load-balancer.day", "devops.self-hosted-job.month", "bastion.developer.hour", "no.such.meter")
    assert questions(snapshot(), [(key, REGION) for key in keys]) == {}
    # What a meter of no region is called in another cloud, nobody here has seen.
    assert questions(snapshot(), [("nat-gateway.hour", "usgovvirginia")]) == {}
    assert questions(snapshot(), [("acr.premium.day", "usgovvirginia")]) != {}


def test_another_currency_has_no_file_to_fall_back_to() -> None:
    table = quoted(ROW, currency="EUR")
    meter = table.meter(NODE, REGION)
    assert meter is not None
    assert meter.tiers[0].confidence is Confidence.DERIVED
    assert table.meter("nat-gateway.hour", REGION) is None


def test_notes_of_the_api_are_notes_of_the_estimate() -> None:
    table = with_answers(snapshot(), {}, PriceAnswers(notes=("It did not answer.",)))
    assert (table.notes, table.as_of) == (("It did not answer.",), VERSION)
