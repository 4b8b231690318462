"""What the hooks of usage and budgets cause, one function a hook."""

from __future__ import annotations

from typing import Any

from tests.simulator import estate
from tests.simulator.effects_network import Effect, effect
from tests.simulator.lab import GROUP, Body, Lab
from tests.simulator.refusals_alerts import ACTIONS_BODY, GROUP_OF_ACTIONS
from tests.simulator.refusals_costs import BUDGET, asked, budget_body, notification

HOUR, DAY = 3600.0, 86400.0
QUERY, FORECAST = (f"{GROUP}/providers/Microsoft.CostManagement/{one}" for one in ("query", "forecast"))


def registry(lab: Lab) -> None:
    """What costs 1.6666 dollars a day."""
    lab.group()
    lab.put(estate.REGISTRY, {**estate.REGISTRY_BODY, "tags": {"project": "churn"}})


def told(lab: Lab, body: Body, path: str = QUERY) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    answer = lab.call("POST", path, body)
    assert answer.status == 200, answer.body
    names = [one["name"] for one in answer.body["properties"]["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer.body["properties"]["rows"]]


def total(lab: Lab) -> float:
    return sum(float(row["Cost"]) for row in told(lab, asked("None")))


def notices(lab: Lab) -> list[Body]:
    found = [payload["data"]["alertContext"]["AlertData"] for _, _, payload in lab.engine.outbox.notices]
    lab.engine.outbox.notices.clear()
    return found


def overspent(lab: Lab, *more: Body) -> None:
    """Ten days of a registry against a budget of ten dollars."""
    registry(lab)
    lab.put(GROUP_OF_ACTIONS, ACTIONS_BODY)
    lab.put(BUDGET, budget_body(10, notification(50), notification(100), *more))


@effect("usage-is-metered")
def what_exists_costs(lab: Lab) -> None:
    registry(lab)
    lab.advance(10 * DAY)
    assert 14 < total(lab) < 16.7


@effect("cost-comes-late")
def usage_is_shown_8_to_24_hours_later(lab: Lab) -> None:
    registry(lab)
    lab.advance(7.9 * HOUR)
    assert total(lab) == 0
    lab.advance(16.1 * HOUR)
    assert 0 < total(lab) < 1.2


@effect("budget-is-evaluated")
def a_budget_tells_once_a_period(lab: Lab) -> None:
    overspent(lab)
    lab.advance(10 * DAY)
    found = notices(lab)
    assert len(found) == 2
    first, second = found
    assert (first["NotificationThresholdAmount"], second["NotificationThresholdAmount"]) == ("$5.00", "$10.00")
    assert lab.get(BUDGET)["properties"]["currentSpend"]["amount"] > 10
    lab.advance(5 * DAY)
    assert notices(lab) == []


@effect("budget-rules")
def budgets_are_complete(lab: Lab) -> None:
    lab.group()
    lab.put(GROUP_OF_ACTIONS, ACTIONS_BODY)
    six = [notification(10 * number) for number in range(1, 7)]
    one = {"dimensions": {"name": "ResourceGroup", "operator": "In", "values": ["rg"]}}
    for wrong in (
        budget_body(0),
        budget_body(10, *six),
        budget_body(10, notification(1001)),
        budget_body(10, notification(operator="Above")),
        budget_body(10, notification(kind="Guessed")),
        budget_body(10, notification(contactGroups=[])),
        budget_body(category="Usage"),
        budget_body(timeGrain="Weekly"),
        budget_body(timePeriod={"startDate": "2027-01-02T00:00:00Z"}),
        budget_body(timePeriod={"startDate": "2026-12-01T00:00:00Z"}),
        budget_body(timePeriod={"startDate": "2028-03-01T00:00:00Z"}),
        budget_body(timePeriod={"startDate": "2027-01-01T00:00:00Z", "endDate": "2026-01-01T00:00:00Z"}),
        budget_body(filter={"and": [one]}),
        budget_body(filter={"dimensions": {"name": "Colour", "operator": "In", "values": ["red"]}}),
    ):
        assert lab.refused("PUT", BUDGET, wrong)["code"] == "400", wrong
    assert (
        lab.refused("PUT", BUDGET, budget_body(10, notification(contactGroups=["Owner"])))["code"] == "RBACAccessDenied"
    )
    lab.put(BUDGET, budget_body())
    later = budget_body(timePeriod={"startDate": "2027-02-01T00:00:00Z"})
    sentence = "Start date of budgets cannot be updated. Please delete and create a new budget."
    assert lab.refused("PUT", BUDGET, later)["message"] == sentence


@effect("budget-keeps-its-version")
def an_old_version_is_not_written_over(lab: Lab) -> None:
    lab.group()
    first = lab.put(BUDGET, budget_body())
    lab.put(BUDGET, {**budget_body(200), "eTag": first["eTag"]})
    assert lab.refused("PUT", BUDGET, {**budget_body(300), "eTag": first["eTag"]})["code"] == "412"


TABLE: tuple[Effect, ...] = (what_exists_costs, usage_is_shown_8_to_24_hours_later)
