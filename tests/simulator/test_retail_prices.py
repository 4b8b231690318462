"""The Retail Prices API as its clients ask it, and the book of prices that bills are made of."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from simulator.engine.hooks import Caller
from simulator.engine.messages import Request
from simulator.planes import price_book, retail_prices

BASE = "https://prices.example"


def ask(filter_text: str = "", **query: str) -> Any:
    """The body of an answer; what is left out of `query` is not sent."""
    asked = {"$filter": filter_text} if filter_text else {}
    response = retail_prices.handle(_request(asked | query))
    assert response is not None
    return response.body if response.status == 200 else (response.status, response.body)


def _request(query: dict[str, str], path: str = "/api/retail/prices", method: str = "GET") -> Request:
    return Request(method, path, query, {}, b"", BASE, Caller("", None, "", ""))


def test_one_meter_of_one_region() -> None:
    found = ask(
        "serviceName eq 'Virtual Machines' and armSkuName eq 'Standard_D4s_v3' and armRegionName eq 'westeurope' "
        "and priceType eq 'Consumption'"
    )
    (only,) = found["Items"]
    assert (only["retailPrice"], only["unitPrice"], only["unitOfMeasure"]) == (0.24, 0.24, "1 Hour")
    assert (only["skuName"], only["type"], only["currencyCode"]) == ("D4s v3", "Consumption", "USD")
    assert (found["BillingCurrency"], found["Count"], found["NextPageLink"]) == ("USD", 1, None)


def test_a_size_has_spot_and_low_priority_rows_beside_its_own() -> None:
    found = ask("armSkuName eq 'Standard_D8as_v5'")
    assert {one["skuName"] for one in found["Items"]} == {"D8as v5", "D8as v5 Low Priority"}


def test_tiers_are_rows_of_one_meter() -> None:
    found = ask("meterName eq 'Analytics Logs Data Ingestion' and armRegionName eq 'westeurope'")
    assert [(one["tierMinimumUnits"], one["retailPrice"]) for one in found["Items"]] == [(0.0, 0.0), (5.0, 2.99)]


def test_meters_without_a_region_are_not_found_under_one() -> None:
    assert ask("serviceName eq 'NAT Gateway' and armRegionName eq 'westeurope'")["Items"] == []
    assert ask("serviceName eq 'NAT Gateway' and armRegionName eq 'Global'")["Count"] == 2


def test_a_free_sku_and_meters_without_a_known_name_are_not_published() -> None:
    assert ask("skuName eq 'Developer' and serviceName eq 'Azure Bastion'")["Items"] == []
    assert all(not one["meterName"].startswith("(") for one in every_page(ask()))


def every_page(answer: Any) -> list[Any]:
    found = list(answer["Items"])
    while answer["NextPageLink"]:
        parts = urlsplit(answer["NextPageLink"])
        assert f"{parts.scheme}://{parts.netloc}" == BASE
        answer = ask(**dict(parse_qsl(parts.query)))
        found += answer["Items"]
    return found


def test_pages_are_followed_to_the_last_row() -> None:
    first = ask("priceType eq 'Consumption'")
    published = [price for price in price_book.prices() if price.is_published]
    assert first["Count"] == retail_prices.PAGE < len(published)
    assert len(every_page(first)) == len(published)


@pytest.mark.parametrize(
    ("filter_text", "count"),
    [
        ("serviceName eq 'azure bastion'", 0),  # case-sensitive from 2023 on
        ("serviceName eq 'Azure Bastion' and (skuName eq 'Basic' or skuName eq 'Premium')", 6),
        ("contains(meterName, 'Additional Gateway')", 1),
        ("serviceName eq 'Azure Bastion' and skuName ne 'Basic'", 5),
    ],
)
def test_filters(filter_text: str, count: int) -> None:
    assert ask(filter_text, **{"api-version": "2023-01-01-preview"})["Count"] == count


def test_values_of_filters_fold_in_earlier_versions() -> None:
    assert ask("serviceName eq 'azure bastion'", **{"api-version": "2021-10-01-preview"})["Count"] > 0


@pytest.mark.parametrize("code", ["'EUR'", "EUR", "'eur'"])
def test_other_currencies_are_converted_and_have_four_digits(code: str) -> None:
    found = ask("meterName eq 'Standard Private Endpoint'", currencyCode=code)
    (only,) = found["Items"]
    assert (found["BillingCurrency"], only["currencyCode"], only["retailPrice"]) == ("EUR", "EUR", 0.0088)


def test_every_currency_of_the_list_answers_and_one_in_the_filter_finds_nothing() -> None:
    assert len(retail_prices.RATES) == 17
    for code in retail_prices.RATES:
        assert ask("meterName eq 'Standard Private Endpoint'", currencyCode=f"'{code}'")["BillingCurrency"] == code
    found = ask("meterName eq 'Standard Private Endpoint' and currencyCode eq 'EUR'")
    assert (found["BillingCurrency"], found["Items"]) == ("USD", [])


def test_china_is_in_another_list() -> None:
    assert ask("serviceName eq 'Virtual Machines' and armRegionName eq 'chinanorth3'")["Items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"$filter": "colour eq 'red'"},
        {"$filter": "serviceName eq"},
        {"$filter": "(serviceName eq 'Storage'"},
        {"$filter": "serviceName eq 'Storage' 'x'"},
        {"$filter": "§"},
        {"currencyCode": "'XYZ'"},
        {"$skip": "some"},
    ],
)
def test_what_is_no_question_is_refused(query: dict[str, str]) -> None:
    status, body = ask(**query)
    assert (status, body["Error"]["Code"]) == (400, "BadRequest")


def test_it_only_reads_and_only_there() -> None:
    refused = retail_prices.handle(_request({}, method="POST"))
    assert refused is not None
    assert refused.status == 405
    assert retail_prices.handle(_request({}, path="/subscriptions")) is None
