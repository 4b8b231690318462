"""The price list over a real socket: questions, pages, a memory with a date, and what becomes of trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.azure.prices import KEPT, MOST_PAGES, PATH, PAUSE, AzureRetailPrices, filter_of
from controlplane.ports.prices import PriceQuestion
from tests.support.clock import FrozenClock
from tests.unit.azure.server import CUT, LOST, Answer, FakeArm

NAT = PriceQuestion("NAT Gateway", "Global", "NAT Gateway", "Standard", "Standard Gateway")
NODE = PriceQuestion("Virtual Machines", "westeurope", size="STANDARD_DS3_V2")


def item(price: object = 0.045, **other: object) -> dict[str, Any]:
    return {
        "productName": "NAT Gateway",
        "skuName": "Standard",
        "meterName": "Standard Gateway",
        "armRegionName": "Global",
        "unitOfMeasure": "1 Hour",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "effectiveStartDate": "2026-09-01T00:00:00Z",
    } | other


def page(*items: Any, link: object = None, currency: str = "USD") -> Answer:
    return Answer(200, {"BillingCurrency": currency, "Items": list(items), "NextPageLink": link, "Count": len(items)})


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
async def prices(arm: FakeArm, clock: FrozenClock) -> AsyncIterator[AzureRetailPrices]:
    made = AzureRetailPrices(arm.endpoint, clock)
    yield made
    await made.close()


async def test_one_meter_is_one_question_and_its_price_is_no_float(arm: FakeArm, prices: AzureRetailPrices) -> None:
    arm.on("GET", PATH, page(item()))
    found = await prices.ask([NAT], "USD")
    (row,) = found.rows[NAT]
    assert (row.amount, row.unit, row.region, row.since) == (Decimal("0.045"), "1 Hour", "Global", "2026-09-01")
    (call,) = arm.calls
    asked = parse_qs(urlsplit(call.target).query)
    assert asked["$filter"] == [
        "serviceName eq 'NAT Gateway' and armRegionName eq 'Global' and productName eq 'NAT Gateway' and "
        "skuName eq 'Standard' and meterName eq 'Standard Gateway' and priceType eq 'Consumption'"
    ]
    assert (asked["currencyCode"], asked["api-version"]) == (["'USD'"], ["2021-10-01-preview"])
    assert "authorization" not in call.headers


def test_sizes_are_asked_by_their_arm_name_and_quotes_are_doubled() -> None:
    assert "armSkuName eq 'STANDARD_DS3_V2'" in filter_of(NODE)
    assert "skuName" not in filter_of(NODE).replace("armSkuName", "")
    assert filter_of(PriceQuestion("It's", "x")).startswith("serviceName eq 'It''s' and")


async def test_pages_are_followed(arm: FakeArm, prices: AzureRetailPrices) -> None:
    arm.on("GET", PATH, page(item(), link=f"{arm.endpoint}{PATH}?$skip=1"), page(item(0.04, tierMinimumUnits=10.0)))
    found = await prices.ask([NAT], "USD")
    assert [(row.tier, row.amount) for row in found.rows[NAT]] == [(0, Decimal("0.045")), (10, Decimal("0.04"))]
    assert [call.target.rpartition("?")[2] for call in arm.calls][1] == "$skip=1"


async def test_what_is_kept_is_bounded_and_the_oldest_goes(
    arm: FakeArm, prices: AzureRetailPrices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlplane.azure.prices.MOST_KEPT", 1)
    arm.on("GET", PATH, page(item()), page(item()), page(item()))
    for question in (NAT, NODE, NODE, NAT):
        assert question in (await prices.ask([question], "USD")).rows
    assert len(arm.calls) == 3


async def test_a_list_without_end_is_none(arm: FakeArm, prices: AzureRetailPrices) -> None:
    arm.on("GET", PATH, page(item(), link=f"{arm.endpoint}{PATH}?$skip=1"))
    found = await prices.ask([NAT], "USD")
    assert found.rows == {}
    assert len(arm.calls) == MOST_PAGES


async def test_a_link_to_another_host_is_not_followed(
    arm: FakeArm, elsewhere: FakeArm, prices: AzureRetailPrices
) -> None:
    elsewhere.on("GET", PATH, page(item(99)))
    arm.on("GET", PATH, page(item(), link=f"{elsewhere.endpoint}{PATH}?$skip=1"))
    found = await prices.ask([NAT], "USD")
    assert found.rows == {}
    assert elsewhere.calls == []


async def test_answers_are_kept_for_a_day_with_their_date(
    arm: FakeArm, clock: FrozenClock, prices: AzureRetailPrices
) -> None:
    arm.on("GET", PATH, page(item()), page(item(0.05)))
    first = await prices.ask([NAT], "USD")
    asked_at = clock.now().isoformat(timespec="seconds")
    clock.advance(KEPT.total_seconds() - 1)
    again = await prices.ask([NAT], "USD")
    assert (first.as_of, again.as_of, len(arm.calls)) == (asked_at, asked_at, 1)
    assert again.rows[NAT][0].amount == Decimal("0.045")
    clock.advance(2)
    new = await prices.ask([NAT], "USD")
    assert (new.rows[NAT][0].amount, len(arm.calls)) == (Decimal("0.05"), 2)


async def test_that_there_is_no_such_price_is_an_answer_too(arm: FakeArm, prices: AzureRetailPrices) -> None:
    arm.on("GET", PATH, page())
    for _ in range(2):
        found = await prices.ask([NAT], "USD")
        assert (found.rows, found.notes) == ({NAT: ()}, ())
    assert len(arm.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, {}),
        Answer(LOST),
        Answer(CUT),
        Answer(200, "no JSON"),
        Answer(200, ["no page"]),
        Answer(302, None, {"Location": "https://example.org/"}),
        page(item(), currency="EUR"),
        Answer(400, {"Error": {"Code": "BadRequest"}}),
    ],
)
async def test_trouble_is_a_note_and_nobody_asks_again_for_a_while(
    arm: FakeArm, clock: FrozenClock, prices: AzureRetailPrices, answer: Answer
) -> None:
    arm.on("GET", PATH, answer)
    calls = set()
    for _ in range(2):
        found = await prices.ask([NAT], "USD")
        assert found.rows == {}
        assert found.notes
        assert found.notes[0].endswith("Prices are those of the table.")
        calls.add(len(arm.calls))
    assert len(calls) == 1  # aiohttp sends a GET again by itself when its connection is lost: one or two
    arm.on("GET", PATH, page(item()))
    clock.advance(PAUSE.total_seconds())
    found = await prices.ask([NAT], "USD")
    assert (len(found.rows[NAT]), found.notes) == (1, ())


@pytest.mark.parametrize("answer", [page(item(), currency="USD"), Answer(400, {"Error": {"Code": "BadRequest"}})])
async def test_a_currency_that_it_does_not_have_does_not_silence_the_others(
    arm: FakeArm, prices: AzureRetailPrices, answer: Answer
) -> None:
    arm.on("GET", PATH, answer, page(item()))
    for _ in range(2):
        found = await prices.ask([NAT], "XYZ")
        assert (found.rows, len(found.notes), len(arm.calls)) == ({}, 1, 1)
    assert len((await prices.ask([NAT], "USD")).rows[NAT]) == 1


@pytest.mark.parametrize("price", [-1, "NaN", None, "much"])
async def test_rows_that_are_no_prices_are_left_out(arm: FakeArm, prices: AzureRetailPrices, price: object) -> None:
    arm.on("GET", PATH, page(item(price), {"productName": "x"}, "row", item()))
    found = await prices.ask([NAT], "USD")
    assert [row.amount for row in found.rows[NAT]] == [Decimal("0.045")]


async def test_a_page_that_is_too_large_is_trouble(arm: FakeArm, prices: AzureRetailPrices) -> None:
    arm.on("GET", PATH, Answer(200, b" " * (4 * 1024 * 1024 + 1)))
    assert (await prices.ask([NAT], "USD")).rows == {}
