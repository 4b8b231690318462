"""The chapters of money: what a workspace costs a month, and a budget from its first tier to its release."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tools.demo import screen
from tools.demo.api import Refused
from tools.demo.models import ML_VERSION, there_is, wait_for
from tools.demo.month import Month, next_month
from tools.demo.owner import Owner

if TYPE_CHECKING:
    from tools.demo.walk import Walk

#: So many lines of a bill are shown.
_DEAREST = 5
BUDGET: dict[str, Any] = {
    "monthly": {"amount": 1000, "currency": "USD"},
    "tiers": [
        {"at": 50},
        {"at": 80, "act": "ask"},
        {"at": 100, "act": "blockComputes"},
        {"at": 100, "of": "forecast"},
    ],
    "notice": "PT4H",
}


# -- prices ------------------------------------------------------------------------------------------------------------


def prices(walk: Walk, name: str) -> dict[str, Any]:
    """The bill as it is, and with four nodes more and a compute instance."""
    wish = copy.deepcopy(walk.spec)
    wish["compute"]["clusters"][0]["maxNodes"] += 4
    box = {"name": "grace-box", "size": "Standard_DS3_v2", "assignedTo": wish["owners"][0]}
    wish["compute"]["instances"] = [box]
    costs: dict[str, Any] = walk.grace.call("POST", f"/workspaces/{name}:plan", {"spec": wish}).json()["monthlyCost"]
    table = Table("USD a month", "nobody uses it", "expected", "at the most", box=SIMPLE_HEAD)
    titles = {"before": "as it is", "after": "with four nodes and an instance more", "difference": "the difference"}
    for part, title in titles.items():
        table.add_row(title, *(f"{costs[part][use]['amount']:,.2f}" for use in ("low", "expected", "high")))
    screen.console.print(table)
    for line in sorted(costs["lines"], key=_expected, reverse=True)[:_DEAREST]:
        meters = ", ".join(charge["meter"] for charge in line["charges"])
        screen.said(f"{line['key']}: {_expected(line):,.2f} by {meters}")
    told = costs["prices"]
    screen.said(f"prices: {told['origin']} as of {told['asOf']}; a budget that would do: {_amount(costs)}")
    for one in costs["uncertain"]:
        screen.said(f"uncertain: {one['meter']}: {one['reason']}")
    return costs


def _expected(line: dict[str, Any]) -> float:
    return float(line["after"]["expected"]["amount"]) if line["after"] else 0.0


def _amount(costs: dict[str, Any]) -> str:
    found = costs["suggestedBudget"]
    return "none while the estimate is incomplete" if found is None else f"{found['amount']:,.0f} {found['currency']}"


# -- a budget ----------------------------------------------------------------------------------------------------------


def set_budget(walk: Walk, name: str) -> None:
    """On the second of a month, so that what follows is within it."""
    with Month(walk.stack) as month:
        month.leap_to(next_month(month.now()))
        walk.grace.call("PUT", f"/workspaces/{name}/budget", BUDGET)
        found = month.until(lambda: _stands(walk, name), "the budget to stand in Azure")
    for condition in found["conditions"]:
        screen.said(f"{condition['type']}: {condition['status']} ({condition['reason']}) {condition['message']}")


def reached(walk: Walk, name: str, tiers: int) -> dict[str, Any]:
    """Azure shows what was spent a day late, and the collector reads it; which tiers that reached."""
    with Month(walk.stack) as month:
        month.leap(hours=26)
        look = partial(_crossed, walk, name, tiers)
        # Rows that are not there yet come with the next reading, hours later.
        found = month.until(look, "a tier to be reached", "costs", "live", step=300)
    spent = found["spent"]
    seen, asked = f"{float(spent['seen']):,.2f} {spent['currency']}", spent["asOf"][:16]
    screen.said(
        f"spent {seen} of {found['rule']['monthly']['amount']:,.2f}, as of {asked}; forecast {_forecast(spent)}"
    )
    for one in spent["unknown"]:
        screen.said(f"unknown: {one}")
    _history(walk, found)
    return found


def told(walk: Walk, name: str) -> list[dict[str, Any]]:
    """What people were told, before anything happens."""
    page = walk.grace.call("GET", "/notifications", filter=f"workspace eq '{name}'").json()["value"]
    found = [one for one in page if one["type"].startswith("ControlPlane.Budget.")]
    for one in reversed(found):
        screen.said(f"told: {one['title']}")
    return found


def enforced(walk: Walk, name: str) -> tuple[dict[str, Any], str]:
    """When its notice has run; and what Azure says then to somebody who asks for a compute."""
    with Month(walk.stack) as month:
        month.leap(hours=5)
        found = month.until(lambda: _step(walk, name, "taken"), "the enforcement")
    said = _new_compute(walk, lambda answer: answer[0] == 403)
    _history(walk, found)
    screen.said(f"a new compute: {said}")
    return found, said


def raised(walk: Walk, name: str) -> tuple[dict[str, Any], str]:
    """Who spends may not; an approver may. What was taken is given back."""
    more = {**BUDGET, "monthly": {"amount": 3000, "currency": "USD"}}
    walk.admin.call("PUT", f"/workspaces/{name}/budget", more)
    with Month(walk.stack) as month:
        found = month.until(lambda: _released(walk, name), "the release")
    said = _new_compute(walk, lambda answer: answer[0] in (200, 201))
    _history(walk, found)
    screen.said(f"a new compute: {said}")
    return found, said


def more_than_allowed(walk: Walk, name: str) -> str:
    """What the API says to who spends when they raise it themselves."""
    more = {**BUDGET, "monthly": {"amount": 3000, "currency": "USD"}}
    try:
        walk.grace.call("PUT", f"/workspaces/{name}/budget", more)
    except Refused as refused:
        screen.said(f"{refused}")
        return str(refused)
    return "taken"


def _budget(walk: Walk, name: str) -> dict[str, Any]:
    found: dict[str, Any] = walk.grace.call("GET", f"/workspaces/{name}/budget").json()
    return found


def _stands(walk: Walk, name: str) -> dict[str, Any] | None:
    found = _budget(walk, name)
    return found if found["observedGeneration"] == found["generation"] else None


def _crossed(walk: Walk, name: str, tiers: int) -> dict[str, Any] | None:
    found = _budget(walk, name)
    actual = [one for one in found["crossings"] if one["seenBy"] != "forecast"]
    return found if len(actual) >= tiers else None


def _step(walk: Walk, name: str, state: str) -> dict[str, Any] | None:
    found = _budget(walk, name)
    return found if [one["state"] for one in found["enforcement"]] == [state] else None


def _released(walk: Walk, name: str) -> dict[str, Any] | None:
    found = _budget(walk, name)
    return found if not found["enforcement"] else None


def _forecast(spent: dict[str, Any]) -> str:
    if spent["forecast"] is None:
        return "none yet"
    by = "Azure's" if spent["forecastBy"] == "azure" else "our own"
    return f"to the month's end {float(spent['forecast']):,.2f}, {by}"


def _history(walk: Walk, found: dict[str, Any]) -> None:
    """What is new since it was last shown."""
    lines = [f"{line['at'][:16]} {line['what']}: {line['why']}" for line in found["history"]]
    for line in lines[walk.shown :]:
        screen.said(f"   {line}")
    walk.shown = len(lines)


def _new_compute(walk: Walk, enough: Callable[[tuple[int, str]], bool]) -> str:
    """A cluster like the one that is there, by somebody with every right in the subscription; it goes again."""
    computes = f"{walk.workspace_id}/computes"
    with Owner(walk.stack) as owner:
        there = owner.get(f"{computes}/{walk.spec['compute']['clusters'][0]['name']}", ML_VERSION) or {}
        body: dict[str, Any] = {"location": there.get("location"), "properties": there.get("properties")}
        answer = owner.ask(f"{computes}/one-more", ML_VERSION, body)
        if answer[0] in (200, 201):
            wait_for(lambda: there_is(owner, f"{computes}/one-more"), "the compute")
            owner.delete(f"{computes}/one-more", ML_VERSION, underlyingResourceAction="Delete")
            owner.wait_until_gone(f"{computes}/one-more", ML_VERSION)
    return answer[1] if enough(answer) else f"unexpected {answer[0]}: {answer[1]}"
