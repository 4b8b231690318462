"""Azure Resource Graph: what is in the table, in pages, for whom, and how often it may be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from simulator.planes import throttling
from simulator.planes.throttling import Buckets, Limits
from tests.support.monitored import Monitored, monitored, token
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS

ENDPOINTS = "resources | where type =~ 'microsoft.machinelearningservices/workspaces/onlineendpoints'"


@pytest.fixture
def estate(simulator: RunningSimulator) -> Iterator[Monitored]:  # noqa: F811
    with monitored(simulator) as made:
        yield made


def ask(estate: Monitored, query: str, who: str = "owner", **body: Any) -> httpx.Response:
    bearer = {"authorization": f"Bearer {token(estate.running, who, estate.running.url)}"}
    with httpx.Client(base_url=estate.running.url, verify=estate.running.context(), timeout=PATIENCE_SECONDS) as http:
        return http.post(
            "/providers/Microsoft.ResourceGraph/resources", params={"api-version": "2022-10-01"}, headers=bearer,
            json={"query": query, **body},
        )  # fmt: skip


def test_endpoints_with_their_region(estate: Monitored) -> None:
    found = ask(estate, f"{ENDPOINTS} | project id, type, location, subscriptionId").json()
    (row,) = found["data"]
    assert row["id"] == f"{estate.workspace}/onlineEndpoints/churn"
    assert (row["type"], row["location"]) == (ENDPOINTS.split("'")[1], "westeurope")
    assert (found["count"], found["totalRecords"], found["resultTruncated"]) == (1, 1, "false")
    assert ask(estate, ENDPOINTS, subscriptions=["00000000-0000-0000-0000-000000000002"]).json()["data"] == []


def test_pages_follow_each_other_when_the_id_is_shown(estate: Monitored) -> None:
    estate.endpoint("fraud")
    query = "resources | where type endswith '/deployments' | project id | order by id asc"
    first = ask(estate, query, options={"$top": 3}).json()
    second = ask(estate, query, options={"$top": 3, "$skipToken": first["$skipToken"]}).json()
    names = [one["id"].rpartition("/onlineEndpoints/")[2] for one in (*first["data"], *second["data"])]
    assert names == [f"{one}/deployments/{two}" for one in ("churn", "fraud") for two in ("blue", "green")]
    assert "$skipToken" not in second
    cut = ask(estate, "resources | project name", options={"$top": 1}).json()
    assert (cut["resultTruncated"], "$skipToken" in cut) == ("true", False)


def test_who_may_not_read_sees_nothing_and_is_not_refused(estate: Monitored) -> None:
    seen = ask(estate, "resources | project id", "data_scientist").json()["data"]
    assert seen == [] or all("Microsoft.Storage" not in one["id"] for one in seen)
    assert len(ask(estate, "resources | project id").json()["data"]) > len(seen)


@pytest.mark.parametrize(
    ("query", "body"),
    [("resources | nonsense", {}), ("", {}), ("resources", {"options": {"$top": 1001}}), ("unknown | take 1", {})],
)
def test_what_is_refused(estate: Monitored, query: str, body: dict[str, Any]) -> None:
    answer = ask(estate, query, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")


def test_the_quota_is_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(throttling.time, "monotonic", lambda: now)
    limits = Limits(Buckets(1))
    assert [limits.resource_graph("a") for _ in range(15)] == list(range(14, -1, -1))
    with pytest.raises(throttling.ArmError) as refused:
        limits.resource_graph("a")
    assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "5"})
    now = 5.0
    assert limits.resource_graph("a") == 14
