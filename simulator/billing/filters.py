"""Dimensions, tags and filters of cost data, as queries, forecasts and budgets name them.

Sources: the API definitions of Microsoft.CostManagement 2025-03-01 and Microsoft.Consumption 2024-08-01 (`and`, `or`,
`dimensions`, `tags` with `In`); the list of dimensions and the sentence around it are what
Azure/azure-rest-api-specs#12158 and learn.microsoft.com/answers 617845 quote. Values are compared without regard to
case, ids and groups are shown in lower case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.billing.rows import Row
from simulator.engine.hooks import ArmError, JsonObject
from simulator.types._shared import type_of

Test = Callable[[Row], bool]
DIMENSIONS = (
    "ResourceGroup", "ResourceGroupName", "ResourceType", "ResourceId", "ResourceLocation", "SubscriptionId",
    "SubscriptionName", "MeterCategory", "MeterSubcategory", "Meter", "ServiceFamily", "UnitOfMeasure", "PartNumber",
    "BillingAccountName", "BillingProfileId", "BillingProfileName", "InvoiceSection", "InvoiceSectionId",
    "InvoiceSectionName", "Product", "ResourceGuid", "ChargeType", "ServiceName", "PublisherType", "ReservationId",
    "ReservationName", "Frequency", "InvoiceId", "PricingModel", "CostAllocationRuleName", "MarkupRuleName",
    "BillingMonth", "Provider", "BenefitId", "BenefitName",
)  # fmt: skip
_FOLDED = {name.lower(): name for name in DIMENSIONS}


def bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def invalid(message: str) -> ArmError:
    return bad(f"Invalid query definition: {message}")


def dimension(name: str) -> str:
    """In Azure's casing. Raises 400."""
    found = _FOLDED.get(name.lower())
    if found is None:
        valid = ",".join(f"'{one}'" for one in DIMENSIONS)
        raise invalid(f"Invalid dataset grouping: '{name}'; valid values: {valid},''.")
    return found


def value(row: Row, name: str) -> str:
    """What a row is by a dimension; "" for one that nothing here has."""
    parts = row.resource.split("/")
    match name:
        case "ResourceGroup" | "ResourceGroupName":
            return parts[4] if len(parts) > 4 else ""
        case "ResourceType":
            return type_of(row.resource) or "microsoft.resources/subscriptions/resourcegroups"
        case "ResourceId":
            return row.resource
        case "ResourceLocation":
            return row.location
        case "SubscriptionId" | "SubscriptionName":
            return parts[2]
        case "BillingMonth":
            return row.when.strftime("%Y-%m-01T00:00:00")
    fixed = {"ChargeType": "Usage", "PublisherType": "Azure", "Frequency": "UsageBased", "PricingModel": "OnDemand"}
    return fixed.get(name) or _of_price(row, name)


def _of_price(row: Row, name: str) -> str:
    price = row.price
    if price is None:  # spend that no meter explains
        return "Other" if name in ("MeterCategory", "ServiceName", "Meter", "Product") else ""
    held = {
        "MeterCategory": price.service, "ServiceName": price.service, "MeterSubcategory": price.product,
        "Product": price.product, "Meter": price.name, "UnitOfMeasure": price.unit, "ResourceGuid": price.meter,
    }  # fmt: skip
    return held.get(name, "")


def tag(row: Row, name: str) -> str:
    return next((str(held) for key, held in row.tags.items() if key.lower() == name.lower()), "")


def everything(row: Row) -> bool:
    return True


def parse(given: Any) -> Test:
    """A filter as it was sent; None lets everything through. Raises 400."""
    if given is None:
        return everything
    if not isinstance(given, dict) or len(given) != 1:
        raise invalid("A filter must have exactly one of: and, or, dimensions, tags.")
    ((word, held),) = given.items()
    match word.lower():
        case "and" | "or":
            if not isinstance(held, list) or len(held) < 2:
                raise invalid(f"The '{word}' filter must have at least 2 items.")
            tests = [parse(one) for one in held]
            join = all if word.lower() == "and" else any
            return lambda row: join(test(row) for test in tests)
        case "dimensions" | "dimension":
            name, values = _comparison(held)
            known = dimension(name)
            return lambda row: value(row, known).lower() in values
        case "tags" | "tag":
            name, values = _comparison(held)
            return lambda row: tag(row, name).lower() in values
    raise invalid(f"Unknown filter '{word}'.")


def _comparison(held: Any) -> tuple[str, frozenset[str]]:
    body: JsonObject = held if isinstance(held, dict) else {}
    values = body.get("values")
    if not body.get("name") or body.get("operator") != "In" or not isinstance(values, list) or not values:
        raise invalid("A comparison needs a name, the operator 'In' and values.")
    return str(body["name"]), frozenset(str(one).lower() for one in values)
