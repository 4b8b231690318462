"""The estimate of an example is within five percent of the bill that Cost Management answers for it.

The examples are created and live for five weeks each, in virtual time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from controlplane.governance.pricing.estimate import Estimate
from controlplane.governance.pricing.table import HOURS
from simulator import inject_spend
from tests.support.bills import bill_of
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import world_of

DAY = 86400
#: Each with other meters; test_every_example holds all of them against what the simulator counted itself.
OWN = ("secure-classical", "hub-vpn", "managed-approved-catalog")
DAYS = 30
#: Of what is on a month's estimate, the part that is on a bill of thirty days.
PART = Decimal(DAYS * 24) / HOURS
GROUP = "rg-churn-churn-dev"
#: End of a meter's name → what one unit of its price counts.
UNITS = {"10k": 10_000, "million": 1_000_000}


def billed(product: QuietProduct, name: str) -> Decimal:
    """What Cost Management says of the thirty whole days that began after everything was made, as of a month."""
    end = product.azure.engine.now() - timedelta(days=4)  # costs are a day late
    begin = end - timedelta(days=DAYS - 1)
    body = {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{begin:%Y-%m-%dT00:00:00Z}", "to": f"{end:%Y-%m-%dT23:59:59Z}"},
        "dataset": {"granularity": "None", "aggregation": {"total": {"name": "Cost", "function": "Sum"}}},
    }
    group = f"/subscriptions/{example(name)['subscriptionId']}/resourceGroups/{GROUP}"
    path = f"{group}/providers/Microsoft.CostManagement/query?api-version=2025-03-01"
    answer = product.azure.call("owner", "POST", path, body)
    assert answer.status == 200, answer.body
    return sum((Decimal(str(row[0])) for row in answer.body["properties"]["rows"]), Decimal(0)) / PART


def living(name: str) -> QuietProduct:
    """The example, made."""
    product = world_of(name)
    ended = product.create(example(name))
    assert ended.status == "Succeeded", ended.error
    return product


@pytest.mark.parametrize("name", OWN)
def test_the_estimate_is_within_five_percent_of_the_bill(name: str) -> None:
    """A month in which nobody does anything."""
    product = living(name)
    try:
        product.advance(35 * DAY)
        bill = billed(product, name)
    finally:
        product.close()
    assert abs(bill_of(name).total.low / bill - 1) < Decimal("0.05"), bill


def used(found: Estimate) -> Mapping[tuple[str, str], float]:
    """(logical key, meter) → what is counted at expected use, beyond low."""
    return {
        (line.key, charge.use.meter): float((charge.use.quantity.expected - charge.use.quantity.low) * PART)
        for line in found.lines
        for charge in line.charges
        # Nodes run; ten clients of a VPN are free.
        if charge.use.assumptions and not {"nodeHours", "vpnClients"} & set(charge.use.assumptions)
    }


def play(product: QuietProduct, wanted: Mapping[tuple[str, str], float]) -> None:
    """Gigabytes and operations of the last thirty days that are looked at, as somebody used them."""
    ids = product.ids()
    for (key, meter), quantity in wanted.items():
        if quantity:
            counted = quantity * next((one for word, one in UNITS.items() if meter.endswith(word)), 1)
            wish = {"kind": "usage", "resource": ids[key], "meter": meter, "quantity": counted}
            inject_spend.perform(product.azure.engine, {**wish, "days": DAYS - 2, "agoDays": 5})


def nodes(product: QuietProduct, hours: float) -> None:
    """All nodes of the cluster run for so long."""
    arm_id = product.ids()["cluster/cpu"]
    for least, seconds in ((4, hours * 3600), (0, 10 * DAY)):
        body: dict[str, Any] = product.body(arm_id) or {}
        body["properties"]["properties"]["scaleSettings"]["minNodeCount"] = least
        assert product.owner("PUT", arm_id, body) < 300
        product.advance(seconds)


@pytest.mark.parametrize("name", OWN)
def test_the_estimate_is_within_five_percent_of_a_bill_with_use(name: str) -> None:
    """The month that the assumptions describe: nodes by the cluster's own scale, data and operations as counted."""
    product, found = living(name), bill_of(name)
    try:
        product.advance(15 * DAY)
        nodes(product, 88 * float(PART))
        product.advance(15 * DAY)
        play(product, used(found))
        product.advance(2 * DAY)
        bill = billed(product, name)
    finally:
        product.close()
    assert abs(found.total.expected / bill - 1) < Decimal("0.05"), bill
