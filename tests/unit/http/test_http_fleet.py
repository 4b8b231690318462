"""What was spent, by REST: with its age and what is unknown, of what the caller may read, and asked of nobody."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from controlplane.governance.costs.model import Anomaly, CostScope, CostSweep, Course, Live, Spend, spend_id
from controlplane.governance.costs.view import month_of
from controlplane.objects.repository import put
from tests.support.api import Api


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


async def test_the_fleet_is_summed_by_project_and_says_what_is_missing(api: Api) -> None:
    await ready(api)
    found = (await api.call("GET", "fleet/costs")).json()
    assert [(one["project"], one["view"]["actual"]) for one in found["projects"]] == [
        ("churn", "12.50"), ("fraud", None),
    ]  # fmt: skip
    assert (found["total"]["covered"], found["total"]["workspaces"]) == (1, 2)
    assert (found["subscriptions"][0]["others"], found["sweeps"][0]["ageSeconds"]) == ("7.50", 3600)
    assert found["sweeps"][1] == {
        "name": "live", "at": None, "ageSeconds": None, "scopes": 0, "why": "There was none yet.",
    }  # fmt: skip


async def test_a_reader_sees_the_own_projects_and_no_subscription(api: Api) -> None:
    await ready(api)
    reader = api.member("fraud", "Workspace.Reader")
    found = (await api.call("GET", "fleet/costs", token=reader)).json()
    assert [one["project"] for one in found["projects"]] == ["fraud"]
    assert (found["anomalies"], found["subscriptions"]) == ([], [])
    summary = (await api.call("GET", "fleet/summary", token=reader)).json()
    assert (summary["workspaces"], summary["anomalies"]) == (1, 0)
    asked = (await api.call("GET", "fleet/costs", token=reader, project="churn")).json()
    assert asked["projects"] == []


async def test_the_summary_counts(api: Api) -> None:
    await ready(api)
    found = (await api.call("GET", "fleet/summary")).json()
    assert (found["workspaces"], found["environments"], found["anomalies"]) == (2, {"dev": 2}, 1)
    assert found["budgets"] == {"total": 0, "reached": 0, "enforcing": 0, "unknown": 0}
    assert found["costs"]["unknown"] == ["fraud-dev: costs were not read yet."]
