"""Who answers a budget that asks, to what, and what an answer is worth."""

from __future__ import annotations

import pytest

from controlplane.http.examples import BUDGET, BUDGET_ANSWER
from tests.support.api import Api, error
from tests.support.budgets_by_rest import PATHS, change, crossings, owner, ready

RAISED = {**BUDGET, "monthly": {**BUDGET["monthly"], "amount": 1_000_000}}


async def test_an_owner_answers_and_whoever_spends_does_not(api: Api) -> None:
    await ready(api)
    path = PATHS["workspace"]
    await api.call("PUT", path, BUDGET)
    await change(api, crossings=crossings(api, 1100, 1700))
    spender = api.member("churn", "Workspace.Contributor", "lea")
    lead = await api.call("POST", f"{path}:answer", BUDGET_ANSWER, token=spender)
    assert (lead.status_code, error(lead)["code"]) == (403, "NotTheOwner")
    said = await api.call("POST", f"{path}:answer", BUDGET_ANSWER, token=owner(api))
    assert said.status_code == 200, said.text
    assert float(said.json()["acceptance"]["upTo"]) == 1600
    raised = await api.call("PUT", path, RAISED, token=owner(api))
    assert (raised.status_code, error(raised)["code"]) == (403, "BudgetRaiseNotAllowed"), "an owner is no approver"


@pytest.mark.parametrize("reason", ["   ", "ab\u202ecd", "ab\u0000cd", " a "])
async def test_a_reason_is_words(api: Api, reason: str) -> None:
    await ready(api)
    await api.call("PUT", PATHS["workspace"], BUDGET)
    answer = await api.call("POST", f"{PATHS['workspace']}:answer", {"answer": "stop", "reason": reason})
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidAnswer")


async def test_a_stop_that_would_stop_nothing_says_so(api: Api) -> None:
    await ready(api)
    path = PATHS["workspace"]
    await api.call("PUT", path, {**BUDGET, "tiers": [{"at": 50}, {"at": 80, "act": "ask"}, {"at": 100, "act": "ask"}]})
    await change(api, crossings=crossings(api, 1100, 1700))
    answer = await api.call("POST", f"{path}:answer", {"answer": "stop", "reason": "Enough."})
    assert (answer.status_code, error(answer)["code"]) == (409, "NothingToStop")
    await api.call("DELETE", path)
    going = await api.call("POST", f"{path}:answer", {"answer": "stop", "reason": "Enough."})
    assert (going.status_code, error(going)["code"]) == (409, "BudgetIsDeleting")


async def test_an_answer_is_to_the_rule_as_it_is(api: Api) -> None:
    """Right after a change nothing is judged by it yet."""
    await ready(api)
    path = PATHS["workspace"]
    await api.call("PUT", path, BUDGET)
    await change(api, crossings=crossings(api, 1100, 1700, 2100, 2500))
    fewer = {**BUDGET, "tiers": [{"at": 50}, {"at": 100, "act": "ask"}]}
    assert (await api.call("PUT", path, fewer)).status_code == 200
    answer = await api.call("POST", f"{path}:answer", BUDGET_ANSWER)
    assert (answer.status_code, error(answer)["code"]) == (409, "NothingIsAsked")


async def test_two_answers_to_the_same_thing_meet(api: Api) -> None:
    await ready(api)
    path = PATHS["workspace"]
    made = await api.call("PUT", path, BUDGET)
    await change(api, crossings=crossings(api, 1100, 1700))
    seen = {"If-Match": made.headers["ETag"]}
    assert (await api.call("POST", f"{path}:answer", BUDGET_ANSWER, headers=seen)).status_code == 200
    other = {"answer": "stop", "reason": "Enough."}
    assert (await api.call("POST", f"{path}:answer", other, headers=seen)).status_code == 412


async def test_what_a_forecast_asks_is_no_word_about_what_is_spent(api: Api) -> None:
    await ready(api)
    path = PATHS["workspace"]
    tiers = [{"at": 50}, {"at": 100, "act": "freeze"}, {"at": 100, "of": "forecast", "act": "ask"}]
    await api.call("PUT", path, {**BUDGET, "tiers": tiers})
    (spent,) = crossings(api, 1100)
    await change(api, crossings=(spent, spent.model_copy(update={"tier": 2, "seen_by": "forecast"})))
    said = await api.call("POST", f"{path}:answer", BUDGET_ANSWER)
    assert float(said.json()["acceptance"]["upTo"]) == 1000, "the half that is reached, not the whole"


async def test_the_owner_answers_when_something_is_asked(api: Api) -> None:
    await ready(api)
    path = PATHS["workspace"]
    await api.call("PUT", path, BUDGET)
    early = await api.call("POST", f"{path}:answer", BUDGET_ANSWER)
    assert (early.status_code, error(early)["code"]) == (409, "NothingIsAsked")
    reached = crossings(api, 1100, 1700)
    await change(api, crossings=reached[:1])
    told = await api.call("POST", f"{path}:answer", BUDGET_ANSWER)
    assert (told.status_code, error(told)["code"]) == (409, "NothingIsAsked"), "a tier that only tells asks nothing"
    await change(api, crossings=reached)
    for bad in ({}, {"answer": "maybe", "reason": "Because."}, {"answer": "accept"}, {**BUDGET_ANSWER, "by": "me"}):
        answer = await api.call("POST", f"{path}:answer", bad)
        assert (answer.status_code, error(answer)["code"]) == (400, "InvalidAnswer"), bad
    token = api.member("churn", "Approver", "olga")
    said = await api.call("POST", f"{path}:answer", BUDGET_ANSWER, token=token)
    assert said.status_code == 200, said.text
    assert said.json()["acceptance"]["answer"] == BUDGET_ANSWER["answer"]
    assert said.json()["history"][-1]["why"] == BUDGET_ANSWER["reason"]
    query = {"filter": "object eq 'governance/workspace.churn-dev'"}
    entries = (await api.call("GET", "audit", **query)).json()["value"]
    assert [one["details"].get("answer") for one in entries] == [BUDGET_ANSWER["answer"], None]
