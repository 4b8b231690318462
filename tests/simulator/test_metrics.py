"""Metrics as azure-monitor-querymetrics asks for them, and what Azure refuses of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.monitor.querymetrics import MetricsClient, MetricsQueryResult

from simulator.planes import throttling
from simulator.planes.throttling import Buckets, Limits
from simulator.types import metric_query, metric_table
from tests.simulator import estate as lab_estate
from tests.simulator.lab import Lab
from tests.support.monitored import ML, Credential, Monitored, monitored
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS

ENDPOINTS, DEPLOYMENTS = f"{ML}/onlineEndpoints", f"{ML}/onlineEndpoints/deployments"
REQUESTS = ["RequestsPerMinute"]


@pytest.fixture
def estate(simulator: RunningSimulator) -> Iterator[Monitored]:  # noqa: F811
    with monitored(simulator) as made:
        yield made


def client(estate: Monitored, region: str = "westeurope", identity: str = "owner", **more: Any) -> MetricsClient:
    running = estate.running
    endpoint = running.env["METRICS_ENDPOINT"].format(region=region)
    credential = Credential(running, identity, **more)
    return MetricsClient(endpoint, credential, connection_verify=running.env["SSL_CERT_FILE"], retry_total=0)


def ask(estate: Monitored, ids: list[str], *names: str, asked: MetricsClient | None = None, **more: Any) -> Any:
    """The last hour, as one time grain."""
    more = {"timespan": timedelta(minutes=5), "granularity": timedelta(minutes=1), "aggregations": ["Total"], **more}
    more.setdefault("metric_namespace", ENDPOINTS)
    return (asked or client(estate)).query_resources(resource_ids=ids, metric_names=list(names) or REQUESTS, **more)


def latest(result: MetricsQueryResult, metric: str, **labels: str) -> Any:
    """The newest sample of the series with these labels."""
    (series,) = [one for one in result.metrics[metric].timeseries if one.metadata_values == labels]
    return [point for point in series.data if point.total is not None or point.average is not None][-1]


def test_what_endpoints_tell_in_one_call(estate: Monitored) -> None:
    churn, fraud = f"{estate.workspace}/onlineEndpoints/churn", estate.endpoint("fraud")
    estate.traffic(requestsPerMinute=120, latencyMs=80, statuses={"200": 0.9, "500": 0.05, "429": 0.05})
    first, second = ask(estate, [churn, fraud])
    assert (first.namespace, first.resource_region) == (ENDPOINTS.lower(), "westeurope")
    assert first.granularity == timedelta(minutes=1)
    assert latest(first, "RequestsPerMinute").total == pytest.approx(120)
    assert second.metrics["RequestsPerMinute"].timeseries == []  # no calls, no samples
    (split,) = ask(estate, [churn], filter="deployment eq '*' and statusCodeClass eq '5xx' or statusCodeClass eq '4xx'")
    assert latest(split, "RequestsPerMinute", deployment="blue", statuscodeclass="5xx").total == pytest.approx(5.4)
    assert latest(split, "RequestsPerMinute", deployment="green", statuscodeclass="4xx").total == pytest.approx(0.6)
    rolled = "statusCodeClass eq '*' and deployment eq '*'"
    (up,) = ask(estate, [churn], filter=rolled, roll_up_by="deployment")
    assert latest(up, "RequestsPerMinute", statuscodeclass="2xx").total == pytest.approx(108)
    (slow,) = ask(estate, [churn], "RequestLatency_P50", "RequestLatency_P99", aggregations=["Average", "Maximum"])
    assert latest(slow, "RequestLatency_P50").average == pytest.approx(80)
    assert latest(slow, "RequestLatency_P99").maximum == pytest.approx(200)


def test_what_deployments_tell(estate: Monitored) -> None:
    blue = f"{estate.workspace}/onlineEndpoints/churn/deployments/blue"
    estate.traffic(requestsPerMinute=100, utilisation={"cpu": 85, "memory": 60}, errorShare=0.1)
    names = ("CpuUtilizationPercentage", "GpuUtilizationPercentage", "DeploymentCapacity", "RequestsPerMinute")
    (found,) = ask(estate, [blue], *names, metric_namespace=DEPLOYMENTS, aggregations=["Average", "Total"])
    assert latest(found, "CpuUtilizationPercentage").average == pytest.approx(85)
    assert found.metrics["GpuUtilizationPercentage"].timeseries == []
    assert latest(found, "DeploymentCapacity").total == 2
    assert latest(found, "RequestsPerMinute").total == pytest.approx(90)


def test_samples_are_of_their_time(estate: Monitored) -> None:
    churn = f"{estate.workspace}/onlineEndpoints/churn"
    estate.traffic(requestsPerMinute=60)
    now = datetime.now(UTC)
    (before,) = ask(estate, [churn], timespan=(now - timedelta(hours=2), now - timedelta(hours=1)))
    assert before.metrics["RequestsPerMinute"].timeseries == []
    (during,) = ask(estate, [churn], timespan=(now, now + timedelta(minutes=5)))
    assert latest(during, "RequestsPerMinute").total == pytest.approx(60)
    estate.traffic(requestsPerMinute=0)
    then = datetime.now(UTC)  # a minute that ended between the two has its sample
    (after,) = ask(estate, [churn], timespan=(then, then + timedelta(minutes=5)))
    assert after.metrics["RequestsPerMinute"].timeseries == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "more than fifty": ({"ids": 51}, "Up to 50 unique resource IDs"),
    "the same twice": ({"ids": "twice"}, "must be unique"),
    "another subscription": ({"ids": "elsewhere"}, "a batch is of one subscription"),
    "another type": ({"metric_namespace": DEPLOYMENTS}, "a batch is of one resource type"),
    "another region": ({"region": "northeurope"}, "is not in region 'northeurope'"),
    "no such metric": ({"names": ["Latency"]}, "Failed to find metric configuration"),
    "no such dimension": ({"filter": "colour eq '*'"}, "does not support requested dimension combination"),
    "two dimensions in one or": ({"filter": "deployment eq 'a' or statusCode eq '5'"}, "The filter is not valid"),
    "an odd grain": ({"granularity": timedelta(minutes=7)}, "Invalid time grain duration: PT7M"),
    "what is forgotten": (
        {"timespan": (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))},
        "out of the Max metrics retention period",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(estate: Monitored, name: str) -> None:
    changes, words = REFUSED[name]
    churn = f"{estate.workspace}/onlineEndpoints/churn"
    wanted, more = changes.get("ids"), {one: value for one, value in changes.items() if one not in ("ids", "region")}
    ids = [f"{churn}{number}" for number in range(wanted)] if isinstance(wanted, int) else [churn]
    if wanted == "twice":
        ids = [churn, churn.upper()]
    if wanted == "elsewhere":
        ids = [churn, churn.replace("000000000001", "000000000002")]
    asked = client(estate, changes.get("region", "westeurope"))
    with pytest.raises(HttpResponseError) as refused:
        ask(estate, ids, *more.pop("names", REQUESTS), asked=asked, **more)
    assert refused.value.status_code == 400
    assert words in str(refused.value)


def test_fifty_are_answered_in_one_call_even_when_they_are_gone(estate: Monitored) -> None:
    churn = f"{estate.workspace}/onlineEndpoints/churn"
    found = ask(estate, [churn, *(f"{churn}{number}" for number in range(49))])
    assert len(found) == 50


def test_who_may_ask(estate: Monitored) -> None:
    churn = f"{estate.workspace}/onlineEndpoints/churn"
    wrong = client(estate, audience="https://management.azure.com")
    with pytest.raises(ClientAuthenticationError, match="wrong audience"):
        ask(estate, [churn], asked=wrong)
    # A role on the workspace is not enough: the right is asked for at the subscription.
    reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    stranger = estate.running.control(
        "POST", "tokens", json={"user": "sam", "audience": "https://metrics.monitor.azure.com"}
    )
    granted = {"roleDefinitionId": reader, "principalId": stranger["claims"]["oid"], "principalType": "User"}
    name = "7d9b1b4e-7f55-4bb0-9c35-5d0c2f6e0a02"
    path = f"{estate.workspace}/providers/Microsoft.Authorization/roleAssignments/{name}"
    estate.http.put(path, params={"api-version": "2022-04-01"}, json={"properties": granted}).raise_for_status()
    url = estate.running.env["METRICS_ENDPOINT"].format(region="westeurope")
    query = {"api-version": "2024-02-01", "metricnamespace": ENDPOINTS, "metricnames": "RequestsPerMinute"}
    answer = httpx.post(
        f"{url}{estate.running.subscription}/metrics:getBatch", params=query, json={"resourceids": [churn]},
        headers={"authorization": f"Bearer {stranger['access_token']}"}, verify=estate.running.context(),
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert "Microsoft.Insights/metrics/read" in answer.json()["error"]["message"]


def test_one_resource_s_metrics_have_the_same_samples(estate: Monitored) -> None:
    """What the Azure CLI asks: `az monitor metrics list`."""
    estate.traffic(requestsPerMinute=30)
    path = f"{estate.workspace}/onlineEndpoints/churn/providers/Microsoft.Insights/metrics"
    query = {"api-version": "2018-01-01", "metricnames": "RequestsPerMinute", "aggregation": "total"}
    answer = estate.http.get(path, params={**query, "$filter": "deployment eq 'green'"}).json()
    (series,) = answer["value"][0]["timeseries"]
    assert series["metadatavalues"][0]["value"] == "green"
    assert [one["total"] for one in series["data"] if "total" in one][-1] == pytest.approx(3)


def test_cores_are_those_of_the_nodes() -> None:
    lab = Lab()
    lab_estate.secured_workspace(lab)
    lab.put(lab_estate.JOB, lab_estate.JOB_BODY)
    lab.advance(3600)
    workspace = lab.resource(lab_estate.WORKSPACE)
    known = metric_table.metrics_of(workspace.type)
    found = {}
    for name in ("Total Nodes", "Total Cores", "Active Cores"):
        asked = metric_query.read({"metricnames": name, "aggregation": "Maximum"}, lab.engine.now())
        (series,) = metric_query.answer(lab.engine, workspace, known[name.lower()], asked)["timeseries"]
        found[name] = max(point["maximum"] for point in series["data"] if "maximum" in point)
    assert found == {"Total Nodes": 1, "Total Cores": 4, "Active Cores": 4}


def test_the_limits_are_those_that_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    assert throttling.METRICS == (360_000, 3600.0)
    monkeypatch.setattr(throttling, "METRICS", (3, 3600.0))
    now = 0.0
    monkeypatch.setattr(throttling.time, "monotonic", lambda: now)
    limits = Limits(Buckets(1))
    for _ in range(3):
        limits.metrics("s")
    limits.metrics("another")
    now = 600.0
    with pytest.raises(throttling.ArmError) as refused:
        limits.metrics("s")
    assert (refused.value.status, refused.value.headers) == (429, {"retry-after": "3000"})
    now = 3600.0
    limits.metrics("s")
