"""What was spent, by REST: with its age and what is unknown, of what the caller may read, and asked of nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from controlplane.governance.budgets.model import Budget
from controlplane.governance.costs.model import Anomaly, CostScope, CostSweep, Course, Live, Spend, spend_id
from controlplane.governance.costs.view import month_of, view_of
from controlplane.http.examples import BUDGET
from controlplane.http.models.costs import WorkspaceCostsBody
from controlplane.objects.repository import put
from controlplane.operations.paging import token_of
from controlplane.ports.store import Insert
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from tests.support.api import SUBSCRIPTION, Api, error, registration


async def ready(api: Api) -> None:
    """Two projects with a workspace each; ``churn-dev`` is collected, ``fraud-dev`` is not."""
    await api.register("churn", "fraud")
    await api.finish(await api.create())
    other = {"project": "fraud", "network": {"addressSpace": "10.41.0.0/22"}}
    await api.finish(await api.create("fraud-dev", **other))
    objects, now = api.services.governed, api.clock.now()
    assert objects is not None
    day = now.date()
    spend = Spend(
        id=spend_id("churn-dev"), workspace="churn-dev", incarnation=1, project="churn", month=month_of(now),
        currency="USD", as_of=now, through=day, days={day.isoformat(): Decimal("12.50")},
        live=Live(at=now, since=now, amount=Decimal("1.25")),
        anomalies=(Anomaly(day=day, amount=Decimal("12.50"), usual=Decimal(3), looked=True),),
    )  # fmt: skip
    sweep = CostSweep(id="costs", slot=now - timedelta(hours=1), scopes=1)
    scope = CostScope(
        id="00000000-0000-0000-0000-000000000001", slot=now, pace=timedelta(seconds=7), workspaces=(),
        course=Course.DONE, as_of=now, currency="USD", total=Decimal(20), others=Decimal("7.50"),
    )  # fmt: skip
    await objects.commit([*put(None, spend), *put(None, sweep), *put(None, scope)])


async def test_a_workspace_has_its_days_its_live_view_and_its_anomalies(api: Api) -> None:
    await ready(api)
    found = (await api.call("GET", "workspaces/churn-dev/costs")).json()
    assert (found["view"]["actual"], found["view"]["seen"], found["view"]["covered"]) == ("12.50", "13.75", 1)
    assert [one["usual"] for one in found["anomalies"]] == ["3"]
    unread = (await api.call("GET", "workspaces/fraud-dev/costs")).json()
    assert (unread["view"]["actual"], unread["view"]["seen"]) == (None, None)
    assert unread["view"]["unknown"] == ["fraud-dev: costs were not read yet."]


async def test_a_budget_says_when_it_was_looked_at_and_nothing_known_is_null(api: Api) -> None:
    await ready(api)
    long = {**BUDGET, "tiers": [{"at": 50}, {"at": 100, "act": "freeze"}], "notice": "P7D"}
    made = await api.call("PUT", "workspaces/fraud-dev/budget", long)
    assert made.json()["advice"][0].startswith("What is reached in the last 7 days of a month is not enforced in it")
    objects, now = api.services.governed, api.clock.now()
    assert objects is not None
    spend = Spend(
        id=spend_id("fraud-dev"), workspace="fraud-dev", incarnation=1, project="fraud", month=month_of(now),
        currency="USD", live=Live(at=now, since=now, amount=Decimal(0)),
    )  # fmt: skip
    stored = await objects.require(Budget, "workspace.fraud-dev")
    looked = stored.value.model_copy(update={"view": view_of([spend], ["fraud-dev"], now)})
    await objects.commit(put(stored, looked))
    spent = (await api.call("GET", "workspaces/fraud-dev/budget")).json()["spent"]
    assert (spent["actual"], spent["seen"], spent["forecast"], spent["asOf"]) == (None, None, None, None)
    assert datetime.fromisoformat(spent["lookedAt"]) == now


async def test_a_workspace_shows_its_estimate_beside_what_it_cost(api: Api) -> None:
    await ready(api)
    found = WorkspaceCostsBody.model_validate((await api.call("GET", "workspaces/churn-dev/costs")).json()).estimate
    plan = (await api.call("POST", "workspaces/churn-dev:plan", {})).json()["monthlyCost"]
    assert found.monthly.model_dump(mode="json") == plan["after"]
    assert (found.currency, found.billing_currency, found.is_complete) == ("USD", "USD", True)
    assert found.suggested_budget is not None
    assert found.suggested_budget.model_dump(mode="json") == plan["suggestedBudget"]
    # Of a PUT's answer it is no part: that is stored and asked for by nobody.
    assert "estimate" not in (await api.call("GET", "workspaces/churn-dev")).json()


async def pages(api: Api, path: str, token: str | None = None, **query: str) -> list[dict[str, Any]]:
    """All pages, by their links."""
    found = [(await api.call("GET", path, token=token, **query)).json()]
    while "nextLink" in found[-1]:
        parts = dict(parse_qsl(urlsplit(found[-1]["nextLink"]).query))
        assert {name: parts[name] for name in query} == query
        found.append((await api.call("GET", path, token=token, **parts)).json())
    return found


def names(found: list[dict[str, Any]], key: str = "workspace") -> list[str]:
    return [one[key] for page in found for one in page["value"]]


async def test_the_fleet_is_listed_and_says_what_is_missing(api: Api) -> None:
    await ready(api)
    found = (await api.call("GET", "fleet/costs")).json()
    assert [(one["workspace"], one["view"]["actual"], len(one["anomalies"])) for one in found["value"]] == [
        ("churn-dev", "12.50", 1), ("fraud-dev", None, 0),
    ]  # fmt: skip
    assert (found["total"]["covered"], found["total"]["workspaces"]) == (1, 2)
    assert found["sweeps"][0]["ageSeconds"] == 3600
    assert found["sweeps"][1] == {
        "name": "live", "at": None, "ageSeconds": None, "scopes": 0, "why": "There was none yet.",
    }  # fmt: skip
    assert "nextLink" not in found


async def test_a_reader_sees_the_own_projects_and_no_subscription(api: Api) -> None:
    await ready(api)
    reader = api.member("fraud", "Workspace.Reader")
    for size in ("1", "100"):
        assert names(await pages(api, "fleet/costs", reader, maxpagesize=size)) == ["fraud-dev"]
        (summary,) = await pages(api, "fleet/summary", reader, maxpagesize=size)
        assert (names([summary], "project"), summary["subscriptions"]) == (["fraud"], [])
        assert (summary["total"]["workspaces"], summary["total"]["anomalies"]) == (1, 0)
    for path in ("fleet/costs", "fleet/summary"):
        assert names(await pages(api, path, reader, filter="project eq 'churn'")) == []


async def test_the_summary_counts_by_project(api: Api) -> None:
    await ready(api)
    found = (await api.call("GET", "fleet/summary")).json()
    assert [(one["project"], one["workspaces"], one["costs"]["actual"]) for one in found["value"]] == [
        ("churn", 1, "12.50"), ("fraud", 1, None),
    ]  # fmt: skip
    total = found["total"]
    assert (total["workspaces"], total["environments"], total["anomalies"]) == (2, {"dev": 2}, 1)
    assert total["budgets"] == {"total": 0, "reached": 0, "enforcing": 0, "unknown": 0}
    assert total["costs"]["unknown"] == ["fraud-dev: costs were not read yet."]
    assert found["subscriptions"][0]["others"] == "7.50"


async def seeded(api: Api) -> None:
    """Six projects, every other one of a department, with five workspaces each; ``p3`` has the members of churn."""
    projects = [f"p{number}" for number in range(6)]
    store, objects = api.services.repository.store, api.services.governed
    assert objects is not None
    for number, project in enumerate(projects):
        whose = "churn" if number == 3 else "fraud"
        department = {"department": "risk"} if number % 2 else {}
        body = {**registration(whose), "resourceGroupPrefix": f"rg-{project}-", **department}
        assert (await api.call("PUT", f"projects/{project}", body)).status_code == 201
        for place in range(5):
            name, now = f"ws-{place}-{project}", api.clock.now()
            spec = {"subscriptionId": SUBSCRIPTION[:-1] + str(place % 2 + 1), "project": project, "environment": "dev"}
            spec["environment"] = "prod" if place == 4 else "dev"
            record = WorkspaceRecord(
                name=name, project=project, resource_group=f"rg-{name}", spec=spec,
                created_at=now, created_by="t/ada", last_modified_at=now, last_modified_by="t/ada",
            )  # fmt: skip
            status = WorkspaceStatus()
            writes = [Insert(f"w!{name}", dump(record)), Insert(f"s!{name}", dump(status))]
            await store.commit(PARTITION, [*writes, Insert(f"p!{project}!{name}", {})])
            spend = Spend(
                id=spend_id(name), workspace=name, incarnation=1, project=project, month=month_of(now),
                currency="USD", as_of=now, through=now.date(), days={now.date().isoformat(): Decimal(place)},
                live=Live(at=now, since=now, amount=Decimal(0)),
            )  # fmt: skip
            await objects.commit(put(None, spend))


ALL = sorted(f"ws-{place}-p{number}" for place in range(5) for number in range(6))


FILTERS: dict[str, list[str]] = {
    "": ALL,
    "project eq 'p3'": [one for one in ALL if one.endswith("p3")],
    "project ne 'p3'": [one for one in ALL if not one.endswith("p3")],
    "department eq 'risk'": [one for one in ALL if one[-1] in "135"],
    "department ne 'risk' and environment eq 'prod'": [one for one in ALL if one[-1] in "024" and "-4-" in one],
    f"subscription eq '{SUBSCRIPTION[:-1]}2'": [one for one in ALL if one[3] in "13"],
    "project eq 'nobody'": [],
}


@pytest.mark.parametrize("size", ["4", "1000"])
async def test_pages_have_everything_once_and_in_order(api: Api, size: str) -> None:
    await seeded(api)
    member = api.member("churn", "Workspace.Reader")
    for text, wanted in FILTERS.items():
        query = {"maxpagesize": size} | ({"filter": text} if text else {})
        assert names(await pages(api, "fleet/costs", **query)) == wanted, text
        mine = [one for one in wanted if one.endswith("p3")]
        assert names(await pages(api, "fleet/costs", member, **query)) == mine, text
        found = await pages(api, "fleet/summary", **query)
        assert sum(page["total"]["workspaces"] for page in found) == len(wanted), text
        assert names(found, "project") == sorted({one[-2:] for one in wanted}), text
        spent = sum(Decimal(page["total"]["costs"]["actual"] or 0) for page in found)
        assert spent == sum(int(one[3]) for one in wanted), text


async def test_a_page_of_projects_ends_when_enough_was_looked_at(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await seeded(api)
    monkeypatch.setattr("controlplane.governance.services.fleet.MOST_LOOKED_AT", 12)
    found = await pages(api, "fleet/summary")
    assert [len(page["value"]) for page in found] == [3, 3]
    assert [page["total"]["workspaces"] for page in found] == [15, 15]


BAD: list[tuple[dict[str, str], str]] = [
    ({"maxpagesize": "0"}, "InvalidParameter"),
    ({"maxpagesize": "1001"}, "InvalidParameter"),
    ({"maxpagesize": "many"}, "InvalidParameter"),
    ({"filter": "colour eq 'red'"}, "InvalidFilter"),
    ({"filter": "environment eq 'moon'"}, "InvalidFilter"),
    ({"filter": "subscription eq 'mine'"}, "InvalidFilter"),
    ({"filter": "project"}, "InvalidFilter"),
    ({"skipToken": "§"}, "InvalidContinuation"),
    ({"skipToken": token_of("workspaces", "ws") or ""}, "InvalidContinuation"),
]


async def test_bad_input_is_refused_as_of_other_lists(api: Api) -> None:
    for path in ("fleet/costs", "fleet/summary"):
        for query, code in BAD:
            answer = await api.call("GET", path, **query)
            assert (answer.status_code, error(answer)["code"]) == (400, code), (path, query)


async def test_a_token_of_one_list_is_not_the_others(api: Api) -> None:
    await seeded(api)
    first = (await api.call("GET", "fleet/costs", maxpagesize="1")).json()["nextLink"]
    token = dict(parse_qsl(urlsplit(first).query))["skipToken"]
    assert error(await api.call("GET", "fleet/summary", skipToken=token))["code"] == "InvalidContinuation"
