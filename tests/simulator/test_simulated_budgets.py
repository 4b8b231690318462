"""Budgets: what they have seen spent, what they expect, whom they tell and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.billing.currency import choose
from simulator.planes.activity_feed import ActivityFeed
from simulator.planes.alerts import Alerts
from simulator.planes.log_store import LogStore
from simulator.types.budget_spend import period
from tests.simulator import estate
from tests.simulator.effects_costs import DAY, notices, overspent, registry, told
from tests.simulator.lab import GROUP, ZERO, Lab
from tests.simulator.refusals_alerts import ACTIONS_BODY, GROUP_OF_ACTIONS
from tests.simulator.refusals_costs import BUDGET, asked, budget_body, notification
from tests.support.alert_samples import SAMPLES, keys, sample

OF_ALL = f"/subscriptions/{ZERO}/providers/Microsoft.Consumption/budgets/everything"


def test_its_answer_has_the_keys_of_azure_s_own() -> None:
    lab = Lab()
    overspent(lab)
    lab.advance(40 * DAY)
    found = lab.get(BUDGET)
    assert found["id"] == BUDGET.lstrip("/")
    assert found["type"] == "Microsoft.Consumption/budgets"
    azure = read("consumption-budget-put.response200.2024-08-01")
    assert set(found) == set(azure)
    assert set(found["properties"]) == (set(azure["properties"]) | {"forecastSpend"}) - {"filter"}
    assert found["properties"]["timePeriod"]["endDate"] == "2037-01-01T00:00:00Z"
    assert found["properties"]["currentSpend"]["unit"] == "USD"


def test_it_tells_in_the_month_and_again_in_the_next() -> None:
    lab = Lab()
    overspent(lab)
    lab.advance(20 * DAY)
    first = [one["NotificationThresholdAmount"] for one in notices(lab)]
    lab.advance(20 * DAY)
    assert first == ["$5.00", "$10.00"] == [one["NotificationThresholdAmount"] for one in notices(lab)]


def test_its_notice_has_the_keys_of_the_sample() -> None:
    lab = Lab()
    overspent(lab)
    lab.advance(5 * DAY)
    ((rule, groups, payload),) = lab.engine.outbox.notices
    assert (rule, groups) == (BUDGET, (GROUP_OF_ACTIONS,))
    assert keys(payload) == keys(sample("budget-actual.common"))
    told = payload["data"]["alertContext"]["AlertData"]
    assert (told["BudgetId"], told["Scope"], told["Unit"]) == (BUDGET, f"{GROUP}/", "USD")
    assert (told["BudgetThreshold"], told["BudgetCreator"]) == ("$10.00", "owner")


def test_what_it_told_is_kept_with_the_keys_of_azure_s_own_list() -> None:
    lab = Lab()
    overspent(lab)
    lab.advance(5 * DAY)
    listed = lab.get(f"{GROUP}/providers/Microsoft.CostManagement/alerts")
    (azure, _) = read("costmanagement-alerts-list.response")["value"]
    (alert,) = listed["value"]
    assert (set(listed), shape(alert)) == ({"value", "nextLink"}, shape(azure))
    assert (alert["properties"]["costEntityId"], alert["properties"]["details"]["threshold"]) == ("churn", 0.5)
    ((_, _, payload),) = lab.engine.outbox.notices
    assert payload["data"]["essentials"]["alertId"] == f"/{alert['id']}"


def shape(value: Any) -> Any:
    """Keys at every depth."""
    return {name: shape(one) for name, one in value.items()} if isinstance(value, dict) else None


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_a_forecast_is_told_before_the_money_is_gone() -> None:
    lab = Lab()
    registry(lab)
    lab.put(GROUP_OF_ACTIONS, ACTIONS_BODY)
    lab.put(BUDGET, budget_body(40, notification(100, "Forecasted"), notification(100)))
    lab.advance(35 * DAY)
    (told,) = notices(lab)
    assert told["ThresholdType"] == "Forecasted"
    assert set(told) - set(sample("budget-actual.common")["data"]["alertContext"]["AlertData"]) == {
        "ForecastedTotalForPeriod"
    }
    properties = lab.get(BUDGET)["properties"]
    assert properties["currentSpend"]["amount"] < 40 < properties["forecastSpend"]["amount"] < 28.5 * 1.6666


def test_a_raised_amount_tells_anew_when_that_is_reached() -> None:
    lab = Lab()
    overspent(lab)
    lab.advance(10 * DAY)
    notices(lab)
    lab.put(BUDGET, budget_body(20, notification(50), notification(100)))
    lab.advance(3 * DAY)
    assert [one["NotificationThresholdAmount"] for one in notices(lab)] == ["$10.00", "$20.00"]


def test_of_a_subscription_by_tag_and_what_is_disabled_says_nothing() -> None:
    lab = Lab()
    registry(lab)
    lab.put(GROUP_OF_ACTIONS, ACTIONS_BODY)
    churn = {"tags": {"name": "project", "operator": "In", "values": ["churn"]}}
    other = {"tags": {"name": "project", "operator": "In", "values": ["fraud"]}}
    lab.put(OF_ALL, budget_body(1, notification(), notification(enabled=False), filter=churn))
    lab.put(f"{OF_ALL}2", budget_body(1, notification(), filter=other))
    lab.advance(3 * DAY)
    assert [one["BudgetName"] for one in notices(lab)] == ["everything"]
    assert lab.get(f"{OF_ALL}2")["properties"]["currentSpend"]["amount"] == 0
    listed = lab.get(OF_ALL.rpartition("/")[0])["value"]
    assert [one["name"] for one in listed] == ["everything", "everything2"]


def test_a_deleted_one_says_nothing_and_may_begin_anew() -> None:
    lab = Lab()
    overspent(lab)
    lab.delete(BUDGET)
    lab.advance(10 * DAY)
    assert notices(lab) == []
    lab.put(BUDGET, budget_body(10, notification(50)))
    lab.advance(2 * DAY)
    assert [one["NotificationThresholdAmount"] for one in notices(lab)] == ["$5.00"]


def test_action_groups_are_called() -> None:
    lab = Lab()
    world: Any = lab.world
    world.logs = LogStore(lab.engine)
    world.activity = ActivityFeed(lab.engine, world.logs)
    alerts = Alerts(world)
    overspent(lab)
    lab.advance(5 * DAY)
    alerts.work()
    (notice,) = alerts.notices
    assert (notice.rule, notice.groups) == (BUDGET, (GROUP_OF_ACTIONS,))


def test_another_currency_is_what_everything_is_told_in() -> None:
    lab = Lab()
    choose(lab.engine.store, "EUR")
    overspent(lab)
    lab.advance(10 * DAY)
    first, _ = notices(lab)
    assert (first["Unit"], first["BudgetThreshold"], first["NotificationThresholdAmount"]) == (
        "EUR",
        "10,00 €",
        "5,00 €",
    )
    assert lab.get(BUDGET)["properties"]["currentSpend"]["unit"] == "EUR"
    body = asked("None")
    body["dataset"]["aggregation"]["dollars"] = {"name": "CostUSD", "function": "Sum"}
    (row,) = told(lab, body)
    assert (row["Currency"], round(row["Cost"] / row["CostUSD"], 4)) == ("EUR", 0.8786)
    with pytest.raises(ValueError, match="ISK"):
        choose(lab.engine.store, "ISK")


def test_periods() -> None:
    start, now = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 2, 14, tzinfo=UTC)
    found = {
        grain: [one.strftime("%Y-%m") for one in period(grain, start, now)]
        for grain in ("Monthly", "Quarterly", "Annually")
    }
    assert found == {
        "Monthly": ["2027-02", "2027-03"], "Quarterly": ["2027-01", "2027-04"], "Annually": ["2026-11", "2027-11"],
    }  # fmt: skip


def test_it_stops_nothing() -> None:
    lab = Lab()
    overspent(lab)
    lab.advance(20 * DAY)
    assert lab.get(estate.REGISTRY)["properties"]["provisioningState"] == "Succeeded"
