"""A bill comes in the subscription's currency where the price list has prices in it, and says so where it has not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from controlplane.governance.pricing.asking import rate_of, table_for
from controlplane.governance.pricing.estimate import Status, estimate, wanted
from controlplane.governance.pricing.quote import questions
from controlplane.governance.pricing.table import Confidence, PriceTable, snapshot
from controlplane.governance.pricing.uses import Item
from controlplane.workspaces import kinds
from tests.support.bills import bill_of, items_of
from tests.support.blueprints import compiled_example
from tests.support.price_list import ListedPrices

NAT, BALANCER, REGION = "nat-gateway.hour", "ml.compute.load-balancer.day", "westeurope"
EUR = Decimal("0.9")


async def test_prices_in_the_currency_are_the_lists_own() -> None:
    listed = ListedPrices()
    table = await table_for([(NAT, REGION)], listed, "EUR")
    meter = table.meter(NAT, REGION)
    assert meter is not None
    # 0.045 x 0.9; of another currency than Microsoft's own they are for reference.
    assert (table.currency, meter.tiers[0].amount, meter.tiers[0].confidence) == (
        "EUR",
        Decimal("0.0405"),
        Confidence.DERIVED,
    )
    assert (table.notes, {currency for _, currency in listed.asked}) == ((), {"EUR"})


async def test_what_the_list_lacks_is_taken_at_the_rate_of_the_others_and_says_so() -> None:
    table = await table_for([(NAT, REGION), (BALANCER, REGION)], ListedPrices(), "EUR")
    meter = table.meter(BALANCER, REGION)
    assert meter is not None
    assert meter.tiers[0].amount == Decimal("0.33") * EUR
    assert "0.9000 EUR" in meter.remark and NAT in meter.remark
    assert table.notes == (f"In EUR the price list has no price of {BALANCER}: taken at the rate of its other prices.",)


async def test_the_dearest_price_gives_the_rate_and_rates_apart_are_uncertain() -> None:
    places = [(NAT, REGION), ("acr.premium.day", REGION)]
    dollars, euros = [await table_for(places, ListedPrices(), one) for one in ("USD", "EUR")]
    found = rate_of(dollars, euros)
    assert found is not None
    assert (found.seen_of, found.confidence) == ("acr.premium.day", Confidence.DERIVED)
    assert found.amount == Decimal("1.4999") / Decimal("1.6666")
    dearer = await table_for(places[:1], ListedPrices({"EUR": Decimal("1.2")}), "EUR")
    apart = PriceTable(euros.rows, "EUR", {**euros.live, **dearer.live})
    assert getattr(rate_of(dollars, apart), "confidence", None) is Confidence.UNCERTAIN
    assert rate_of(snapshot(), euros) is None


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (None, "because nobody is asked for prices"),
        (ListedPrices({"USD": Decimal(1)}), "because the price list gave none of them in it"),
        (ListedPrices({}), "because the price list gave none of them in it"),
    ],
    ids=["nobody", "a currency that it does not have", "away"],
)
async def test_without_prices_in_it_all_of_it_is_in_dollars_and_says_so(
    listed: ListedPrices | None, words: str
) -> None:
    items = items_of(compiled_example("secure-classical"))
    table = await table_for(wanted(items), listed, "EUR")
    found = estimate(items, table)
    assert (found.currency, found.total) == ("USD", bill_of("secure-classical").total)
    assert table.notes[-1].startswith("The subscription is billed in EUR; all prices are in USD,")
    assert words in table.notes[-1]


@pytest.mark.parametrize("name", ["secure-classical", "hub-vpn", "managed-approved-catalog"])
async def test_a_whole_bill_is_as_complete_in_another_currency(name: str) -> None:
    items = items_of(compiled_example(name))
    found = estimate(items, await table_for(wanted(items), ListedPrices(), "EUR"))
    dollars = bill_of(name)
    assert (found.currency, found.incomplete) == ("EUR", ())
    for one in ("low", "expected"):
        # Four digits of 0.0043 USD and cents of each line.
        assert abs(getattr(found.total, one) - getattr(dollars.total, one) * EUR) < Decimal("0.5")


async def test_a_price_that_is_rounded_away_is_no_gift() -> None:
    key = "storage.blob.hot-lrs.read.10k"
    listed = ListedPrices({"USD": Decimal(1), "XAU": Decimal("0.0002")})
    table = await table_for([(key, REGION), ("acr.premium.day", REGION)], listed, "XAU")
    meter = table.meter(key, REGION)
    assert meter is not None
    assert not meter.live and 0 < meter.tiers[0].amount < Decimal("0.00001")


@pytest.mark.parametrize(
    ("region", "words"),
    [("usgovvirginia", "the US Government's regions the price list is asked"), ("chinanorth3", "Azure in China")],
)
async def test_other_clouds_have_the_lists_prices_or_none_and_never_nothing(region: str, words: str) -> None:
    things = [
        Item("zone", kinds.DNS_ZONE, {}, region),
        Item("nat", kinds.NAT_GATEWAY, {"sku": {"name": "Standard"}}, region),
        Item("registry", kinds.REGISTRY, {"sku": {"name": "Premium"}}, region),
    ]
    table = await table_for(wanted(things), ListedPrices())
    found = estimate(things, table)
    assert {line.status for line in found.lines} == {Status.INCOMPLETE}
    assert all(f"in {region} is known in USD" in line.reason for line in found.lines)
    assert len(table.notes) == 1 and words in table.notes[0]


def test_regions_of_the_government_are_asked_by_their_names_and_chinas_are_not() -> None:
    places = [(key, "usgovvirginia") for key in ("acr.premium.day", "private-dns.zone.month", NAT)]
    asked = questions(snapshot(), places)
    assert {key: one.region for (key, _), one in asked.items()} == {
        "acr.premium.day": "usgovvirginia",
        "private-dns.zone.month": "US Gov Zone 1",
    }
    assert questions(snapshot(), [(key, "chinanorth3") for key, _ in places]) == {}
