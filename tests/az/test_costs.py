"""Budgets by the commands of the CLI's core, and Cost Management by `az rest` (its own commands are an extension)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.az.client import Az
from tests.support.simulator import RunningSimulator


def month() -> tuple[str, str]:
    """The first of this month, and of the same month a year later."""
    now = datetime.now(UTC)
    return f"{now:%Y-%m}-01", f"{now.year + 1}-{now:%m}-01"


def test_a_budget_of_a_subscription_and_one_of_a_group(az: Az, group: str) -> None:
    start, end = month()
    command = f"--category cost --time-grain monthly --start-date {start} --end-date {end}"
    made = az(f"consumption budget create --budget-name all --amount 100 {command}")
    assert (made["name"], float(made["amount"]), made["category"], made["timeGrain"]) == (
        "all",
        100.0,
        "Cost",
        "Monthly",
    )
    az(f"consumption budget create -g {group} --budget-name churn --amount 10 {command}")
    assert [one["name"] for one in az("consumption budget list")] == ["all"]
    assert float(az(f"consumption budget show-with-rg -g {group} --budget-name churn")["amount"]) == 10
    assert az("consumption budget show --budget-name all")["currentSpend"]["unit"] == "USD"
    az("consumption budget delete --budget-name all")
    az(f"consumption budget delete-with-rg -g {group} --budget-name churn")
    assert az("consumption budget list") == []


def test_what_was_spent_in_a_group(az: Az, azure: RunningSimulator, group: str, group_id: str) -> None:
    """Three days ago, so that it is shown by now."""
    az(f"network public-ip create -g {group} -n ip --sku Standard --tags project=churn")
    before = datetime.now(UTC)
    azure.inject(
        kind="cost", scope=f"{group_id}/providers/Microsoft.Network/publicIPAddresses/ip", amount=30, agoDays=3
    )
    today = datetime.now(UTC)
    body = {
        "type": "ActualCost", "timeframe": "Custom",
        "timePeriod": {"from": f"{today - timedelta(days=7):%Y-%m-%d}", "to": f"{today:%Y-%m-%d}"},
        "dataset": {
            "granularity": "Daily", "aggregation": {"total": {"name": "Cost", "function": "Sum"}},
            "grouping": [{"type": "TagKey", "name": "project"}],
        },
    }  # fmt: skip
    url = f"{azure.url}{group_id}/providers/Microsoft.CostManagement/query?api-version=2025-03-01"
    answer = az(f"rest --method post --url {url} --body '{json.dumps(body)}'")
    names = [one["name"] for one in answer["properties"]["columns"]]
    (row,) = [dict(zip(names, row, strict=True)) for row in answer["properties"]["rows"]]
    # A day may end while it is injected.
    days = [int(f"{one - timedelta(days=3):%Y%m%d}") for one in (before, today)]
    assert row.pop("UsageDate") in days
    assert row == {"Cost": 30, "TagKey": "project", "TagValue": "churn", "Currency": "USD"}
