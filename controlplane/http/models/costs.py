"""The bodies of what a plan costs, for the OpenAPI document; ``cost_views`` builds them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from controlplane.governance.services.costs import CostsBody
from controlplane.operations.model import Model


class Amount(Model):
    """Money that may be nothing, or less."""

    amount: float = Field(description="In units of the currency, to the cent.")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")


class MoneyRange(Model):
    """Of one month: when nobody does anything, by the stated rules, and at the most."""

    low: Amount
    expected: Amount
    high: Amount


class QuantityRange(Model):
    """In the meter's unit."""

    low: float
    expected: float
    high: float


class TierBody(Model):
    """A price, from so many units on."""

    above: float = Field(description="Units after which it holds; 0: from the first.")
    price: float = Field(description="Of one unit, in the estimate's currency.")
    region: str = Field(description="As the price API names it; `Global` and `Zone n` are all regions of a kind.")
    as_of: str = Field(description="Day on which its source showed it, or from which on it holds.")
    source: str
    confidence: Literal["exact", "derived", "uncertain"]


class ChargeBody(Model):
    """One meter of a resource."""

    meter: str = Field(description="As docs/costs.md and the price table name it.")
    unit: str
    quantity: QuantityRange
    amount: MoneyRange = Field(description="Rounded to the cent, half up.")
    prices: tuple[TierBody, ...] = Field(description="The tiers that high use reaches.")
    confidence: Literal["exact", "derived", "uncertain"]
    note: str | None = Field(description="What the quantity is of.")
    remark: str | None = Field(description="Why this price, where that is not plain.")
    assumptions: tuple[str, ...] = Field(description="Names among the estimate's assumptions.")


class LineBody(Model):
    """One resource of the bill."""

    key: str
    type: str
    status: Literal["priced", "free", "incomplete", "others", "removed"] = Field(
        description="`free` says why; `incomplete` has no price, or not for all of it: its amount is not the whole; "
        "`others` is on somebody else's bill; `removed` goes with this plan."
    )
    before: MoneyRange | None = Field(description="As it exists now; null where it does not.")
    after: MoneyRange | None = Field(description="As it is planned; null where it goes.")
    reason: str | None
    charges: tuple[ChargeBody, ...]


class GapBody(Model):
    """What a sum does not have in it."""

    key: str
    type: str
    reason: str
    of: tuple[Literal["before", "after"], ...]


class AssumptionBody(Model):
    """What is assumed of use, of one month."""

    name: str
    unit: str
    low: float
    expected: float
    high: float
    text: str


class UncertainBody(Model):
    """A price to be looked up before anybody relies on it."""

    meter: str
    reason: str


class PricesBody(Model):
    """Where the prices come from."""

    origin: Literal["retailPrices", "snapshot", "mixed"] = Field(
        description="The Azure Retail Prices API, the price table of this version, or some of each."
    )
    as_of: str = Field(description="When the API was asked (an answer is kept for a day), or the table's version.")
    snapshot: str = Field(description="Version of the price table.")
    notes: tuple[str, ...] = Field(description="What could not be asked, and why.")


class CostBody(Model):
    """What the workspace costs a month: list prices, pay as you go, 730 hours, without taxes and discounts."""

    currency: str = Field(
        description="Of every amount here: what the subscription is billed in, where prices are known."
    )
    billing_currency: str | None = Field(
        description="Of the subscription, as its cost rows say; null while none was read. Where it is not `currency`, "
        "`prices.notes` says why, and the estimate is not to be compared with what was spent."
    )
    before: MoneyRange = Field(description="Of what exists now.")
    after: MoneyRange = Field(description="Of what is planned.")
    difference: MoneyRange = Field(description="What this plan adds to the bill, or takes off it.")
    suggested_budget: Amount | None = Field(
        description="For `budget.monthly`: a month of expected use, rounded up to tens; null while it is incomplete."
    )
    is_complete: bool = Field(description="Everything has a price; otherwise the sums are less than the bill.")
    incomplete: tuple[GapBody, ...]
    uncertain: tuple[UncertainBody, ...]
    assumptions: tuple[AssumptionBody, ...]
    prices: PricesBody
    lines: tuple[LineBody, ...]


class MissingBody(Model):
    """A resource of which some or all has no price."""

    key: str
    type: str
    reason: str


class EstimateBody(Model):
    """What the accepted spec costs a month, by list prices: to hold what was spent against. `:plan` has its lines, and
    what there is in Azure now. A peering is taken to be near, and what others own is on their bill."""

    currency: str = Field(description="Of every amount of the estimate, as in a plan.")
    billing_currency: str | None = Field(description="Where it is another one, nothing here is to be compared.")
    monthly: MoneyRange
    suggested_budget: Amount | None
    is_complete: bool
    incomplete: tuple[MissingBody, ...]
    uncertain: tuple[UncertainBody, ...]
    prices: PricesBody


class WorkspaceCostsBody(CostsBody):
    """What a workspace cost, as far as anybody knows, beside what it was estimated to cost."""

    estimate: EstimateBody
