"""Quota of cores, sizes, and what Resource Manager counts of a subscription's calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.monitored import Monitored, monitored, token
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS

ML = "Microsoft.MachineLearningServices"
TRAFFIC = {
    "api-version": "2021-05-01", "metricnames": "Traffic", "metricnamespace": "microsoft.resources/subscriptions",
    "region": "global", "aggregation": "Count", "interval": "PT1M",
}  # fmt: skip


@pytest.fixture
def estate(simulator: RunningSimulator) -> Iterator[Monitored]:  # noqa: F811
    with monitored(simulator) as made:
        yield made


def read(estate: Monitored, path: str, who: str = "owner", **query: str) -> httpx.Response:
    bearer = {"authorization": f"Bearer {token(estate.running, who, estate.running.url)}"}
    with httpx.Client(base_url=estate.running.url, verify=estate.running.context(), timeout=PATIENCE_SECONDS) as http:
        asked = {"api-version": "2023-04-01", **query}
        return http.get(f"{estate.running.subscription}{path}", params=asked, headers=bearer)


def test_a_cluster_takes_quota_for_the_nodes_that_it_has(estate: Monitored) -> None:
    answer = read(estate, f"/providers/{ML}/locations/westeurope/usages")
    assert answer.status_code == 200, answer.text
    found = answer.json()["value"]
    rows = {(one["name"]["value"], one["type"].removeprefix(f"{ML}/")): one for one in found}
    total = rows["TotalDedicatedCores", "dedicatedCores/usages"]
    assert (total["currentValue"], total["limit"], total["unit"]) == (0, 100, "Count")
    family = "standardDSv2Family"
    assert rows[family, "vmFamily/dedicatedCores/usages"]["limit"] == 100
    assert rows[family, "vmFamily/lowPriorityCores/usages"]["limit"] == -1  # it shares the region's pool
    sizes = read(estate, f"/providers/{ML}/locations/westeurope/vmSizes").json()["value"]
    assert [(one["family"], one["vCPUs"]) for one in sizes if one["name"] == "Standard_DS3_v2"] == [(family, 4)]


def test_resource_manager_counts_answers_by_status(estate: Monitored) -> None:
    for _ in range(3):
        assert read(estate, f"/providers/{ML}/locations/westeurope/nothing").status_code >= 400
    answer = read(estate, "/providers/Microsoft.Insights/metrics", **TRAFFIC, **{"$filter": "StatusCode eq '*'"})
    assert answer.status_code == 200, answer.text
    (metric,) = answer.json()["value"]
    assert metric["id"].startswith("subscriptions/")
    counts: dict[str, float] = {}
    for series in metric["timeseries"]:
        (label,) = series["metadatavalues"]
        points: list[Any] = [point.get("count", 0) for point in series["data"]]
        counts[label["value"]] = sum(points)
    assert "429" not in counts and sum(counts.values()) >= 3
    wrong = read(estate, "/providers/Microsoft.Insights/metrics", **{**TRAFFIC, "region": "westeurope"})
    assert wrong.status_code == 400
    hidden = read(estate, "/providers/Microsoft.Insights/metrics", "data_scientist", **TRAFFIC)
    assert hidden.status_code in (403, 404)
