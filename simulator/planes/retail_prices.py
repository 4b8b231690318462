"""Azure Retail Prices: `GET /api/retail/prices`, without a token.

Source: learn.microsoft.com, "Azure Retail Prices overview": `$filter` over the listed fields, `currencyCode='EUR'`
with its quotes (clients leave them out, too) and 17 codes, `api-version` optional (2021-10-01-preview,
2023-01-01-preview; from 2023 on values of filters are case-sensitive), `NextPageLink`, the fields of an item, and
that USD alone is what Microsoft prices in. Pages: at most 1,000 are documented, 100 were seen by users. Prices in
other currencies have four digits (ahmadabdalla/ azure-cost-calculator, issues 1038 and 1043: 0.01 is 0.0145 AUD; what
costs less than that answers 0.0); `currencyCode` inside of `$filter` finds nothing (its issue 550). Regions of China
are not in it (microsoft/mcp, issue 3736). Rates are made up (`data/currencies.csv`), as are ids, and that another
code is refused and in which words.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from simulator.engine.hooks import JsonObject
from simulator.engine.messages import Request, Response
from simulator.planes.price_book import Price, prices

PATH = "/api/retail/prices"
PAGE = 100
CASELESS_BEFORE = "2023-01-01"
RATES_FILE = Path(__file__).parent.parent / "data" / "currencies.csv"
with RATES_FILE.open(newline="") as _file:
    #: Per USD.
    RATES = {row["currency"]: Decimal(row["per_usd"]) for row in csv.DictReader(_file)}
DOLLARS = "USD"
#: What prices in other currencies are rounded to.
DIGITS = Decimal("0.0001")
LOCATIONS = {
    "eastus": "US East",
    "eastus2": "US East 2",
    "westus": "US West",
    "westeurope": "EU West",
    "northeurope": "EU North",
    "southeastasia": "AP Southeast",
    "australiaeast": "AU East",
    "koreacentral": "KR Central",
    "brazilsouth": "BR South",
}
#: Fields of `$filter` → of an item.
FIELDS = {
    name.lower(): field
    for name, field in {
        "armRegionName": "armRegionName",
        "location": "location",
        "meterId": "meterId",
        "meterName": "meterName",
        "productId": "productId",
        "skuId": "skuId",
        "productName": "productName",
        "skuName": "skuName",
        "serviceName": "serviceName",
        "serviceId": "serviceId",
        "serviceFamily": "serviceFamily",
        "priceType": "type",
        "type": "type",
        "armSkuName": "armSkuName",
        "currencyCode": "currencyCode",
    }.items()
}
_FAMILIES = {
    "Virtual Machines": "Compute",
    "Functions": "Compute",
    "Azure Kubernetes Service": "Compute",
    "Storage": "Storage",
    "Container Registry": "Containers",
    "Key Vault": "Security",
    "Log Analytics": "Management and Governance",
    "Azure Monitor": "Management and Governance",
    "Application Insights": "Management and Governance",
    "Azure Machine Learning": "AI + Machine Learning",
}
#: Sizes whose ARM name is not the SKU's.
_SIZES = {"ND96asr A100 v4": "Standard_ND96asr_v4"}
_TOKEN = re.compile(r"\s*(?:(?P<mark>[(),])|'(?P<text>(?:[^']|'')*)'|(?P<word>[A-Za-z]+))")
Test = Callable[[JsonObject], bool]


def handle(request: Request) -> Response | None:
    """None for what is no call of this plane."""
    if request.path.rstrip("/").lower() != PATH:
        return None
    if request.method != "GET":
        return Response(405, {"Message": f"The requested resource does not support http method '{request.method}'."})
    try:
        return Response(200, _answer(request))
    except ValueError as error:
        return Response(
            400, {"Error": {"Code": "BadRequest", "Message": f"Invalid OData parameters supplied. {error}"}}
        )


def _answer(request: Request) -> JsonObject:
    currency = request.query.get("currencyCode", "'USD'").strip("'").upper() or "USD"
    if currency not in RATES:
        raise ValueError(f"The currency code '{currency}' is not supported.")
    folded = bool(request.api_version) and request.api_version < CASELESS_BEFORE
    test = parse(request.query.get("$filter", ""), folded=folded)
    skip = int(request.query.get("$skip", "0"))
    found = [shown for price in prices() if price.is_published and test(shown := item(price, currency))]
    page = found[skip : skip + PAGE]
    more = skip + PAGE < len(found)
    return {
        "BillingCurrency": currency,
        "CustomerEntityId": "Default",
        "CustomerEntityType": "Retail",
        "Items": page,
        "NextPageLink": _next(request, skip + PAGE) if more else None,
        "Count": len(page),
    }


def _next(request: Request, skip: int) -> str:
    kept = [(name, value) for name, value in request.query.items() if name != "$skip"]
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in [*kept, ("$skip", str(skip))])
    return f"{request.base}{PATH}?{query}"


def item(price: Price, currency: str) -> JsonObject:
    """One price as the API shows it."""
    exact = price.amount * RATES[currency]
    amount = float(exact if currency == DOLLARS else exact.quantize(DIGITS))
    seen = price.seen if re.fullmatch(r"\d{4}-\d\d-\d\d", price.seen) else f"{price.seen[:4]}-01-01"
    meter = str(uuid5(NAMESPACE_URL, f"{price.product}|{price.meter}|{price.region}"))
    product = f"DZH{uuid5(NAMESPACE_URL, price.product).hex[:9].upper()}"
    return {
        "currencyCode": currency,
        "tierMinimumUnits": float(price.tier),
        "retailPrice": amount,
        "unitPrice": amount,
        "armRegionName": price.region,
        "location": LOCATIONS.get(price.region, price.region),
        "effectiveStartDate": f"{seen}T00:00:00Z",
        "meterId": meter,
        "meterName": price.meter,
        "productId": product,
        "skuId": f"{product}/{uuid5(NAMESPACE_URL, price.sku).hex[:4].upper()}",
        "productName": price.product,
        "skuName": price.sku,
        "serviceName": price.service,
        "serviceId": f"DZH{uuid5(NAMESPACE_URL, price.service).hex[:9].upper()}",
        "serviceFamily": _FAMILIES.get(price.service, "Networking"),
        "unitOfMeasure": price.unit,
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": arm_size(price),
    }


def arm_size(price: Price) -> str:
    """`DS3 v2 Spot` is of the size `Standard_DS3_v2`; empty for what is no machine."""
    if price.service != "Virtual Machines":
        return ""
    plain = price.sku.removesuffix(" Spot").removesuffix(" Low Priority")
    return _SIZES.get(plain, f"Standard_{plain.replace(' ', '_')}")


def parse(text: str, *, folded: bool) -> Test:
    """`$filter` as a test: `eq`, `ne`, `contains(field, 'x')`, `and`, `or`, parentheses. Raises ValueError."""
    tokens = _tokens(text)
    if not tokens:
        return lambda _: True
    test, rest = _either(tokens, folded)
    if rest:
        raise ValueError(f"'{rest[0][1]}' was not expected.")
    return test


Tokens = list[tuple[str, str]]


def _tokens(text: str) -> Tokens:
    found: Tokens = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"Syntax error at position {at} in '{text}'.")
        kind = str(match.lastgroup)
        found.append((kind, match[kind].replace("''", "'")))
        at = match.end()
    return found


def _either(tokens: Tokens, folded: bool) -> tuple[Test, Tokens]:
    left, rest = _both(tokens, folded)
    while rest and rest[0] == ("word", "or"):
        right, rest = _both(rest[1:], folded)
        left = _or(left, right)
    return left, rest


def _both(tokens: Tokens, folded: bool) -> tuple[Test, Tokens]:
    left, rest = _one(tokens, folded)
    while rest and rest[0] == ("word", "and"):
        right, rest = _one(rest[1:], folded)
        left = _and(left, right)
    return left, rest


def _or(left: Test, right: Test) -> Test:
    return lambda one: left(one) or right(one)


def _and(left: Test, right: Test) -> Test:
    return lambda one: left(one) and right(one)


def _one(tokens: Tokens, folded: bool) -> tuple[Test, Tokens]:
    match tokens:
        case [("mark", "("), *inner]:
            test, rest = _either(inner, folded)
            if not rest or rest[0] != ("mark", ")"):
                raise ValueError("A parenthesis is not closed.")
            return test, rest[1:]
        case [("word", "contains"), ("mark", "("), ("word", name), ("mark", ","), ("text", part), ("mark", ")"), *rest]:
            field = _field(name)
            wanted = _folded(part, folded)
            return (lambda one: wanted in _folded(one[field], folded)), rest
        case [("word", name), ("word", "eq" | "ne" as how), ("text", value), *rest]:
            field, same = _field(name), how == "eq"
            wanted = _folded(value, folded)
            return (lambda one: (_folded(one[field], folded) == wanted) is same), rest
    raise ValueError("A comparison is expected.")


def _field(name: str) -> str:
    if name.lower() not in FIELDS:
        raise ValueError(f"Could not find a property named '{name}'.")
    return FIELDS[name.lower()]


def _folded(value: Any, folded: bool) -> str:
    return str(value).lower() if folded else str(value)
