"""Budgets by REST: of workspaces, projects and departments; who may, what is refused and answered; what Azure's own
budgets tell."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from controlplane.governance.costs.model import Live, Spend
from controlplane.governance.costs.view import View
from controlplane.http.examples import BUDGET, BUDGET_ANSWER
from controlplane.objects.repository import put
from controlplane.projects.access import ALERTS_APPLICATION, ALERTS_ROLE
from controlplane.retraining.signal import Signal
from tests.support.api import SUBSCRIPTION, Api, error
from tests.support.budgets_by_rest import PATHS, change, ready, stored

SAMPLES = Path(__file__).parents[2] / "data/samples"
NAMES = {"workspace": "churn-dev", "project": "churn", "department": "retail"}
RAISED = {**BUDGET, "monthly": {**BUDGET["monthly"], "amount": 1_000_000}}
LOWERED = {**BUDGET, "monthly": {**BUDGET["monthly"], "amount": 1}}


@pytest.mark.parametrize("kind", PATHS)
async def test_a_budget_is_set_read_and_taken_away(api: Api, kind: str) -> None:
    await ready(api)
    path = PATHS[kind]
    none = await api.call("GET", path)
    assert (none.status_code, error(none)["code"]) == (404, "BudgetNotFound")
    made = await api.call("PUT", path, BUDGET)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["id"], shown["scope"], shown["name"]) == (f"{kind}s/{NAMES[kind]}/budget", kind, NAMES[kind])
    assert (shown["spent"], shown["crossings"], shown["enforcement"]) == (None, [], [])
    assert any(json.loads(one) == {"kind": "budget", "name": f"{kind}.{NAMES[kind]}"} for one in api.queue.sent)
    again = await api.call("PUT", path, BUDGET)
    assert (again.status_code, again.headers["ETag"]) == (200, made.headers["ETag"])
    stale = await api.call("PUT", path, LOWERED, headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    there = await api.call("PUT", path, LOWERED, headers={"If-None-Match": "*"})
    assert there.status_code == 412
    changed = await api.call("PUT", path, LOWERED, headers={"If-Match": made.headers["ETag"]})
    assert (changed.status_code, changed.json()["generation"]) == (200, 2)
    assert (await api.call("DELETE", path, headers={"If-Match": made.headers["ETag"]})).status_code == 412
    assert (await api.call("DELETE", path)).status_code == 204
    assert (await api.call("GET", path)).json()["deleting"] is True
    busy = await api.call("PUT", path, BUDGET)
    assert (busy.status_code, error(busy)["code"]) == (409, "BudgetIsDeleting")


async def test_a_queue_that_is_away_costs_nothing(api: Api) -> None:
    await ready(api)
    api.queue.is_down = True
    assert (await api.call("PUT", PATHS["workspace"], BUDGET)).status_code == 201
    assert (await stored(api)).value.due_at == api.clock.now()


async def test_a_repeated_request_is_answered_as_it_was(api: Api) -> None:
    await ready(api)
    headers = {"Repeatability-Request-ID": "6a0f6b6e-3c0e-4b0e-9d2e-0123456789ab",
               "Repeatability-First-Sent": api.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}  # fmt: skip
    first = await api.call("PUT", PATHS["project"], BUDGET, headers=headers)
    again = await api.call("PUT", PATHS["project"], BUDGET, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (await stored(api, "project.churn")).value.generation == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tiers": [{"at": 100}, {"at": 50}]}, "TiersDoNotRise"),
        ({"tiers": [{"at": 100}]}, "TooFewTiers"),
        ({"tiers": [{"at": 50}, {"at": 100, "of": "forecast", "act": "freeze"}]}, "EnforcementOnForecast"),
        ({"recipients": ["aiComputeProcesses"]}, None),
        ({"monthly": {"amount": -1, "currency": "USD"}}, None),
        ({"monthly": {"amount": 1e300, "currency": "USD"}}, None),
        ({"monthly": {"amount": "5", "currency": "USD"}}, None),
        ({"monthly": {"amount": True, "currency": "USD"}}, None),
        ({"monthly": {"amount": 5, "currency": "usd"}}, None),
        ({"tiers": [{"at": 49.5}, {"at": 100}]}, None),
        ({"tiers": [{"at": one} for one in range(1, 8)]}, None),
        ({"notice": "PT1M"}, None),
        ({"notice": "P1Y"}, None),
        ({"unknown": 1}, None),
    ],
)
async def test_bad_budgets_are_refused_with_the_reason(api: Api, change: dict[str, Any], code: str | None) -> None:
    await ready(api)
    answer = await api.call("PUT", PATHS["workspace"], {**BUDGET, **change})
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidBudget"), answer.text
    assert all(one["target"].startswith("$.") and one["message"] for one in error(answer)["details"])
    if code is not None:
        assert code in [one["code"] for one in error(answer)["details"]]


@pytest.mark.parametrize(
    "content", [b'{"monthly": {"amount": NaN, "currency": "USD"}}', b'{"monthly": {"amount": 1e999}}', b"[]", b"\xff"]
)
async def test_what_is_no_json_of_ours_is_refused(api: Api, content: bytes) -> None:
    await ready(api)
    headers = {"Authorization": f"Bearer {api.admin}", "Content-Type": "application/json"}
    answer = await api.client.put(
        f"/api/{PATHS['workspace']}", content=content, headers=headers, params={"api-version": "2026-11-01"}
    )
    assert answer.status_code == 400, answer.text


async def test_what_is_too_large_is_refused(api: Api) -> None:
    await ready(api)
    answer = await api.call("PUT", PATHS["workspace"], {**BUDGET, "unknown": "x" * (2 << 20)})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("workspaces/chürn/budget", "WorkspaceNotFound"),
        ("projects/%F0%9F%92%B8/budget", "ProjectNotFound"),
        ("departments/A/budget", "DepartmentNotFound"),
        ("workspaces/absent/budget", "WorkspaceNotFound"),
        ("projects/absent/budget", "ProjectNotFound"),
        ("departments/absent/budget", "DepartmentNotFound"),
    ],
)
async def test_what_is_not_there_is_told_from_what_has_no_budget(api: Api, path: str, code: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await api.call(method, path, BUDGET if method == "PUT" else None)
        assert (answer.status_code, error(answer)["code"]) == (404, code)


@pytest.mark.parametrize("kind", ["workspace", "project"])
async def test_who_spends_may_tighten_and_not_loosen(api: Api, kind: str) -> None:
    await ready(api)
    lead, approver = api.member("churn", "Workspace.Contributor"), api.member("churn", "Approver", "olga")
    assert (await api.call("PUT", PATHS[kind], BUDGET, token=lead)).status_code == 201
    loose = {**BUDGET, "tiers": [{**one, "act": "notify"} for one in BUDGET["tiers"]]}
    for rule in (RAISED, loose, {**BUDGET, "notice": "P7D"}):
        refused = await api.call("PUT", PATHS[kind], rule, token=lead)
        assert (refused.status_code, error(refused)["code"]) == (403, "BudgetRaiseNotAllowed"), rule
    assert (await api.call("DELETE", PATHS[kind], token=lead)).status_code == 403
    assert (await api.call("POST", f"{PATHS[kind]}:answer", BUDGET_ANSWER, token=lead)).status_code == 403
    assert (await api.call("PUT", PATHS[kind], LOWERED, token=lead)).status_code == 200
    both = api.issuer.token("olga", groups=[*_groups("Approver"), *_groups("Workspace.Contributor")])
    assert (await api.call("PUT", PATHS[kind], RAISED, token=both)).status_code == 200
    assert (await api.call("DELETE", PATHS[kind], token=approver)).status_code == 204


def _groups(role: str) -> list[str]:
    from tests.support.api import GROUPS

    return [GROUPS["churn", role]]


async def test_a_departments_budget_is_the_platforms(api: Api) -> None:
    await ready(api)
    for role in ("Workspace.Contributor", "Approver", "Workspace.Reader"):
        for method, body in (("GET", None), ("PUT", BUDGET), ("DELETE", None)):
            answer = await api.call(method, PATHS["department"], body, token=api.member("churn", role))
            assert answer.status_code == 403, (role, method)
    other = await api.call("PUT", "departments/unknown/budget", BUDGET)
    assert (other.status_code, error(other)["code"]) == (404, "DepartmentNotFound")


@pytest.mark.parametrize(("kind", "code"), [("workspace", "WorkspaceNotFound"), ("project", "ProjectNotFound")])
async def test_others_see_no_budget(api: Api, kind: str, code: str) -> None:
    await ready(api)
    await api.register("fraud")
    await api.call("PUT", PATHS[kind], BUDGET)
    stranger = api.member("fraud", "Workspace.Contributor")
    for method, body in (("GET", None), ("PUT", BUDGET)):
        answer = await api.call(method, PATHS[kind], body, token=stranger)
        assert (answer.status_code, error(answer)["code"]) == (404, code)


async def test_another_currency_is_refused_where_azures_is_known(api: Api) -> None:
    await ready(api)
    objects, now = api.services.governed, api.clock.now()
    assert objects is not None
    spend = Spend(
        id="workspace.churn-dev", workspace="churn-dev", incarnation=1, project="churn", month="2026-11",
        currency="CHF", as_of=now, live=Live(at=now, since=now - timedelta(hours=1), amount=Decimal(1)),
    )  # fmt: skip
    await objects.commit(put(None, spend))
    for kind in ("workspace", "project"):
        answer = await api.call("PUT", PATHS[kind], BUDGET)
        assert (answer.status_code, error(answer)["code"]) == (400, "CurrencyMismatch")
        assert "CHF" in error(answer)["message"]


async def test_the_currency_that_is_judged_by_cannot_be_left(api: Api) -> None:
    await ready(api)
    await api.call("PUT", PATHS["workspace"], BUDGET)
    await change(api, view=View(month="2026-11", currency=BUDGET["monthly"]["currency"]))
    answer = await api.call("PUT", PATHS["workspace"], {**BUDGET, "monthly": {"amount": 5, "currency": "CHF"}})
    assert (answer.status_code, error(answer)["code"]) == (400, "CurrencyMismatch")


async def test_a_wrong_currency_is_corrected_by_who_set_it(api: Api) -> None:
    """Nothing was compared with it; with what Azure bills in, there is no way back."""
    await ready(api)
    path, lead = PATHS["workspace"], api.member("churn", "Workspace.Contributor", "lea")
    unknown = await api.call("PUT", path, {**BUDGET, "monthly": {"amount": 5, "currency": "XXX"}}, token=lead)
    assert [one["code"] for one in error(unknown)["details"]] == ["UnknownCurrency"]
    assert (await api.call("PUT", path, BUDGET, token=lead)).status_code == 201
    early = await api.call("PUT", path, {**BUDGET, "monthly": {"amount": 5, "currency": "EUR"}}, token=lead)
    assert error(early)["code"] == "BudgetRaiseNotAllowed"
    await change(api, view=View(month="2026-11", currency="EUR"))
    known = await api.call("PUT", path, {**BUDGET, "monthly": {"amount": 5, "currency": "EUR"}}, token=lead)
    assert known.status_code == 200, known.text


async def test_a_spec_names_where_its_budget_is_set(api: Api) -> None:
    await ready(api)
    asked = {"budget": {"monthly": {"amount": 5, "currency": "USD"}}}
    answer = await api.call("PATCH", "workspaces/churn-dev", asked)
    (detail,) = error(answer)["details"]
    assert (answer.status_code, detail["target"]) == (400, "$.budget")
    assert "PUT /api/workspaces/{name}/budget" in detail["message"]
    assert "must not raise" in detail["message"]


# -- what Azure's own budgets tell -------------------------------------------------------------------------------------


def monitor(api: Api) -> str:
    return api.issuer.app_token("azns", roles=[ALERTS_ROLE], azp=ALERTS_APPLICATION)


async def watched(api: Api) -> str:
    """A budget at rest; the id of what it has in Azure."""
    await ready(api)
    await api.call("PUT", PATHS["workspace"], BUDGET)
    space = await api.services.repository.load("churn-dev")
    assert space is not None
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{space.record.resource_group}"
    arm_id = f"{group}/providers/Microsoft.Consumption/budgets/cp-budget"
    await change(api, made=(arm_id.lower(),), due_at=api.clock.now() + timedelta(hours=6))
    return arm_id


def told(api: Api, arm_id: str, form: str) -> dict[str, Any]:
    body: dict[str, Any]
    if form == "common":
        body = json.loads((SAMPLES / "alert-budget-actual.common.json").read_text())
        body["data"]["essentials"]["firedDateTime"] = api.clock.now().isoformat()
        body["data"]["alertContext"]["AlertData"] |= {
            "BudgetId": arm_id, "Scope": arm_id.partition("/providers/")[0], "SpentAmount": "$99,999,999.00",
        }  # fmt: skip
        return body
    body = json.loads((SAMPLES / "SYNTHESIZED-alert-budget-legacy.AIPBudgetNotification.json").read_text())
    parts = arm_id.split("/")
    body["data"] |= {
        "SubscriptionId": parts[2], "ResourceGroup": parts[4].upper(), "BudgetName": parts[-1],
        "SpendingAmount": "99999999",
    }  # fmt: skip
    return body


@pytest.mark.parametrize("form", ["common", "legacy"])
async def test_an_alert_of_our_budget_makes_it_due_at_once_and_is_told_once(api: Api, form: str) -> None:
    arm_id = await watched(api)
    body = told(api, arm_id, form)
    answers = [await api.call("POST", "alerts", body, token=monitor(api)) for _ in range(3)]
    assert [one.status_code for one in answers] == [202, 202, 202]
    assert [one.json()["signal"] for one in answers] == [None, None, None]
    reasons = [one.json()["reason"] for one in answers]
    assert reasons == ["budget workspace.churn-dev is looked at", *["known to budget workspace.churn-dev"] * 2]
    budget = (await stored(api)).value
    assert budget.due_at == api.clock.now()
    assert [one.what for one in budget.history].count("Azure's budget told") == 1
    # What it says was spent is nowhere.
    assert (budget.view, budget.crossings, budget.steps) == (None, (), ())
    assert "9999" not in (await api.call("GET", PATHS["workspace"])).text
    objects = api.services.objects
    assert objects is not None
    assert (await objects.page(Signal)).values == ()


async def test_an_alert_of_somebody_elses_budget_is_a_signal_as_before(api: Api) -> None:
    arm_id = await watched(api)
    body = told(api, arm_id.replace("cp-budget", "theirs"), "common")
    answer = await api.call("POST", "alerts", body, token=monitor(api))
    assert (answer.status_code, answer.json()["reason"]) == (202, "stored")
    assert (await stored(api)).value.due_at > api.clock.now()


async def test_a_budget_of_an_earlier_workspace_is_forgotten_before_there_is_another(api: Api) -> None:
    """What it has in Azure has the names that the other one's would have."""
    await ready(api)
    await api.call("PUT", PATHS["workspace"], BUDGET)
    await change(api, incarnation=0)
    answer = await api.call("PUT", PATHS["workspace"], BUDGET)
    assert (answer.status_code, error(answer)["code"]) == (409, "ConcurrentChange")
    assert (await api.call("GET", PATHS["workspace"])).status_code == 404
