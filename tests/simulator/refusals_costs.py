"""Cases of budgets for test_refusals.py, and bodies of what Cost Management is asked."""

from __future__ import annotations

from typing import Any

from tests.simulator.lab import GROUP, Body
from tests.simulator.refusals import IGNORED, Case
from tests.simulator.refusals_alerts import GROUP_OF_ACTIONS

BUDGET = f"{GROUP}/providers/Microsoft.Consumption/budgets/churn"
#: The lab's clock begins on 15 January 2027.
START = "2027-01-01T00:00:00Z"


def notification(threshold: float = 80, kind: str = "Actual", **changes: object) -> Body:
    return {
        "enabled": True, "operator": "GreaterThanOrEqualTo", "threshold": threshold, "thresholdType": kind,
        "contactEmails": [], "contactGroups": [GROUP_OF_ACTIONS], **changes,
    }  # fmt: skip


def budget_body(amount: float = 100, *notifications: Body, **changes: object) -> Body:
    told = notifications or (notification(contactGroups=[], contactEmails=["ada@example.org"]),)
    properties = {
        "category": "Cost", "amount": amount, "timeGrain": "Monthly", "timePeriod": {"startDate": START},
        "notifications": {f"tier{number}": one for number, one in enumerate(told)},
    }  # fmt: skip
    return {"properties": {**properties, **changes}}


def asked(grain: str = "Daily", *groups: str, tags: tuple[str, ...] = (), **changes: Any) -> Body:
    """A query of January and February; `filter` goes into the dataset."""
    dataset: Body = {
        "granularity": grain, "aggregation": {"total": {"name": "Cost", "function": "Sum"}},
        "grouping": [{"type": "Dimension", "name": one} for one in groups]
        + [{"type": "TagKey", "name": one} for one in tags],
    }  # fmt: skip
    if "filter" in changes:
        dataset["filter"] = changes.pop("filter")
    period = {"from": "2027-01-01T00:00:00+00:00", "to": "2027-02-28T23:59:59+00:00"}
    return {"type": "ActualCost", "timeframe": "Custom", "timePeriod": period, "dataset": dataset, **changes}


CASES: dict[str, Case] = {
    "Microsoft.Consumption/budgets": Case(
        BUDGET, budget_body(), "properties.amount", ("400", "Invalid budget configuration: amount is required."),
        ("properties.currentSpend", {"amount": 1, "unit": "USD"}), IGNORED + "how much was spent is Azure's",
    )
}  # fmt: skip
