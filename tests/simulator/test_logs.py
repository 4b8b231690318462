"""Log Analytics as azure-monitor-query asks it: which rows there are, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb_kql
import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryClient, LogsQueryPartialResult, LogsQueryResult

from simulator.planes import kql, log_queries, log_store
from simulator.planes.log_store import LogStore
from tests.simulator import estate as lab_estate
from tests.simulator.lab import Lab
from tests.support.monitored import Credential, Monitored, monitored
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401 (fixtures)
from tests.support.waiting import PATIENCE_SECONDS, until

TRAFFIC = "AmlOnlineEndpointTrafficLog"
RATES = f"""{TRAFFIC}
| where TimeGenerated > ago(15m)
| summarize total=count(), err5xx=countif(toint(ResponseCode) >= 500), throttled429=countif(toint(ResponseCode)==429),
            bw_delayed=countif(RequestThrottlingDelayMs > 0 or ResponseThrottlingDelayMs > 0),
            p50=percentile(TotalDurationMs, 50), p99=percentile(TotalDurationMs, 99)
  by EndpointName, DeploymentName
| extend error_rate = todouble(err5xx)/total
| sort by DeploymentName asc"""


@pytest.fixture
def estate(simulator: RunningSimulator) -> Iterator[Monitored]:  # noqa: F811
    with monitored(simulator) as made:
        yield made


def client(estate: Monitored, identity: str = "owner", **more: Any) -> LogsQueryClient:
    running = estate.running
    return LogsQueryClient(
        Credential(running, identity, **more), endpoint=running.env["LOGS_ENDPOINT"],
        audience="https://api.loganalytics.io", connection_verify=running.env["SSL_CERT_FILE"], retry_total=0,
    )  # fmt: skip


def workspace_id(estate: Monitored) -> str:
    return str(estate.call("GET", estate.logs).json()["properties"]["customerId"])


def send(estate: Monitored, scope: str, *categories: str, name: str = "to-logs") -> str:
    """A diagnostic setting."""
    logs = [{"category": one, "enabled": True} for one in categories]
    path = f"{scope}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    estate.put(path, {"properties": {"workspaceId": estate.logs, "logs": logs}})
    return path


def ask(estate: Monitored, query: str, **more: Any) -> Any:
    more = {"timespan": None, **more}
    return client(estate).query_workspace(workspace_id(estate), query, **more)


def rows(found: Any) -> list[dict[str, Any]]:
    assert isinstance(found, LogsQueryResult)
    (table,) = found.tables
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def when(estate: Monitored, query: str, holds: Any) -> list[dict[str, Any]]:
    """What a query answers when it holds: rows take their time to arrive."""

    def look() -> list[dict[str, Any]] | None:
        found = rows(ask(estate, query))
        return found if holds(found) else None

    return until(look, every=0.05)


def test_calls_are_there_as_they_were(estate: Monitored) -> None:
    """At this scale a row needs 60 ms instead of three minutes."""
    estate.running.settings(timeScale=3000)
    send(estate, f"{estate.workspace}/onlineEndpoints/churn", TRAFFIC)
    estate.traffic(requestsPerMinute=600_000, latencyMs=100, statuses={"200": 0.9, "500": 0.05, "429": 0.05})
    blue, green = when(estate, RATES, lambda found: len(found) == 2 and found[1]["total"] > 1000)
    assert (blue["EndpointName"], blue["DeploymentName"], green["DeploymentName"]) == ("churn", "blue", "green")
    assert blue["total"] / green["total"] == pytest.approx(9, rel=0.02)
    assert blue["error_rate"] == pytest.approx(0.05, abs=0.01)
    assert blue["throttled429"] / blue["total"] == pytest.approx(0.05, abs=0.01)
    assert (blue["bw_delayed"], blue["p50"], blue["p99"]) == (0, pytest.approx(100, abs=3), pytest.approx(250, abs=5))
    estate.traffic(throttlingDelayMs=40)
    when(estate, f"{TRAFFIC} | where RequestThrottlingDelayMs == 40 | count", lambda found: found[0]["Count"] > 0)


def test_no_setting_no_rows_and_none_after_it_is_gone(estate: Monitored) -> None:
    estate.running.settings(timeScale=3000)
    count = f"{TRAFFIC} | count"
    estate.traffic(requestsPerMinute=600_000)
    assert rows(ask(estate, count)) == [{"Count": 0}]
    setting = send(estate, f"{estate.workspace}/onlineEndpoints/churn", TRAFFIC)
    when(estate, count, lambda found: found[0]["Count"] > 0)
    assert estate.call("DELETE", setting).status_code == 200
    # Nothing comes any more; what had been sent arrives, and stays.
    estate.running.control("PUT", "clock", json={"advanceSeconds": 60, "azure": True})
    sent = rows(ask(estate, count))[0]["Count"]
    estate.running.control("PUT", "clock", json={"advanceSeconds": 60, "azure": True})
    assert rows(ask(estate, count))[0]["Count"] == sent > 0


def test_rows_are_late(estate: Monitored) -> None:
    """At scale 1 none is there in the first three minutes."""
    estate.running.settings(timeScale=1)
    send(estate, f"{estate.workspace}/onlineEndpoints/churn", TRAFFIC)
    estate.traffic(requestsPerMinute=600_000)
    assert log_store.DELAY_SECONDS == 180
    assert rows(ask(estate, f"{TRAFFIC} | count")) == [{"Count": 0}]


def test_a_resource_is_asked_for_its_own(estate: Monitored) -> None:
    estate.running.settings(timeScale=3000)
    endpoint = f"{estate.workspace}/onlineEndpoints/churn"
    send(estate, endpoint, TRAFFIC)
    estate.traffic(requestsPerMinute=600_000)
    when(estate, f"{TRAFFIC} | count", lambda found: found[0]["Count"] > 0)
    query = f"{TRAFFIC} | summarize n=count() by _ResourceId"
    (found,) = rows(client(estate).query_resource(endpoint, query, timespan=timedelta(hours=1)))
    assert found["_ResourceId"] == endpoint.lower()
    assert rows(client(estate).query_resource(estate.workspace + "2", query, timespan=None)) == []


def test_a_timespan_holds_beside_the_query(estate: Monitored) -> None:
    query = "print t = now(), d = 90s, j = dynamic({'a': 1}), b = true, r = 1.5, n = int(null)"
    (found,) = rows(ask(estate, query, timespan=timedelta(minutes=5)))
    assert (found["d"], found["j"], found["b"], found["r"], found["n"]) == ("00:01:30", '{"a":1}', True, 1.5, None)
    assert found["t"].utcoffset() == timedelta(0)


REFUSED = {
    "AmlOnlineEndpointTrafficLog | wherex Foo": ("SyntaxError", "SYN0002"),
    "AmlOnlineEndpointTrafficLog | where EndpointName ==": ("SyntaxError", "SYN0002"),
    "Nothing | take 1": ("SemanticError", "Failed to resolve table or column expression named 'Nothing'"),
    "AmlOnlineEndpointTrafficLog | where Nope == 1": ("SemanticError", "expression named 'Nope'"),
    ".drop table AmlOnlineEndpointTrafficLog": ("SyntaxError", "SYN0002"),
    " ": ("SyntaxError", "SYN0001"),
}


@pytest.mark.parametrize("query", REFUSED)
def test_what_is_no_query_is_refused_as_kusto_does(estate: Monitored, query: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        ask(estate, query)
    assert refused.value.status_code == 400
    body = refused.value.response.json()["error"]  # type: ignore[union-attr]
    assert (body["code"], body["message"]) == ("BadArgumentError", "The request had some invalid properties")
    kind, words = REFUSED[query]
    assert body["innererror"]["code"] == kind
    assert words in str(body["innererror"]["innererror"])


def test_who_may_ask(estate: Monitored) -> None:
    wrong = client(estate, audience="https://management.azure.com")
    with pytest.raises(HttpResponseError, match="wrong audience") as unknown:
        wrong.query_workspace(workspace_id(estate), f"{TRAFFIC} | count", timespan=None)
    assert unknown.value.status_code == 401
    person = estate.running.control(
        "POST", "tokens", json={"user": "sam", "audience": "https://api.loganalytics.io", "claims": {}}
    )

    class Sam:
        def get_token(self, *_: str, **__: Any) -> Any:
            return AccessToken(person["access_token"], 2**33)

    sam = LogsQueryClient(
        Sam(), endpoint=estate.running.url, audience="https://api.loganalytics.io",  # type: ignore[arg-type]
        connection_verify=estate.running.env["SSL_CERT_FILE"], retry_total=0,
    )  # fmt: skip
    with pytest.raises(HttpResponseError) as refused:
        sam.query_workspace(workspace_id(estate), f"{TRAFFIC} | count", timespan=None)
    assert (refused.value.status_code, refused.value.error.code) == (403, "InsufficientAccessError")  # type: ignore[union-attr]
    reader = "/providers/Microsoft.Authorization/roleDefinitions/73c42c96-874c-492b-b04d-ab87d138a893"
    granted = {"roleDefinitionId": reader, "principalId": person["claims"]["oid"], "principalType": "User"}
    path = f"{estate.logs}/providers/Microsoft.Authorization/roleAssignments/7d9b1b4e-7f55-4bb0-9c35-5d0c2f6e0a03"
    answer = estate.http.put(path, params={"api-version": "2022-04-01"}, json={"properties": granted})
    assert answer.status_code == 201, answer.text
    assert rows(sam.query_workspace(workspace_id(estate), f"{TRAFFIC} | count", timespan=None)) == [{"Count": 0}]
    with pytest.raises(HttpResponseError) as missing:
        client(estate).query_workspace("5f4bb1a4-0000-0000-0000-000000000000", f"{TRAFFIC} | count", timespan=None)
    assert (missing.value.status_code, missing.value.error.code) == (404, "PathNotFoundError")  # type: ignore[union-attr]


def test_a_batch_answers_each_for_itself(estate: Monitored) -> None:
    mine = workspace_id(estate)
    first, second = client(estate).query_batch(
        [
            LogsBatchQuery(workspace_id=mine, query="print a = 1", timespan=None),
            LogsBatchQuery(workspace_id=mine, query="print a =", timespan=None),
        ]
    )
    assert rows(first) == [{"a": 1}]
    assert second.code == "BadArgumentError"  # type: ignore[union-attr]


def test_what_is_too_much_comes_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kql, "MOST_ROWS", 3)
    body = log_queries.run(duckdb_kql.connect(), "range i from 1 to 5 step 1", [], datetime(2027, 1, 1, tzinfo=UTC))
    assert body["tables"][0]["rows"] == [[1], [2], [3]]
    part = LogsQueryPartialResult._from_generated(body, type("E", (), {"_from_generated": staticmethod(dict)}))
    assert part.partial_error["code"] == "PartialError"  # type: ignore[index]


def test_a_query_is_asked_at_its_own_time() -> None:
    made, moments = duckdb_kql.connect(), [datetime(2027, 1, day, tzinfo=UTC) for day in (1, 2)]
    found = [log_queries.run(made, "print ago(1d)", [], moment)["tables"][0]["rows"] for moment in moments]
    assert found == [[["2026-12-31T00:00:00Z"]], [["2027-01-01T00:00:00Z"]]]
    declared = "declare query_parameters(n:long = 7); print n, now()"
    assert log_queries.run(made, declared, [], moments[0])["tables"][0]["rows"] == [[7, "2027-01-01T00:00:00Z"]]


def test_two_hundred_in_half_a_minute(estate: Monitored) -> None:
    estate.running.settings(throttling=True, timeScale=0.01)  # half a minute is most of an hour
    asked = client(estate, "observer")
    statuses = []
    for _ in range(201):
        try:
            asked.query_workspace("5f4bb1a4-0000-0000-0000-000000000000", "print 1", timespan=None)
        except HttpResponseError as error:
            statuses.append(error.status_code)
            last = error
    assert statuses == [404] * 200 + [429]
    assert 1000 <= float(last.response.headers["x-ms-retry-after-ms"]) <= 3_000_000  # type: ignore[union-attr]


def test_what_cannot_be_looked_through_times_out(estate: Monitored) -> None:
    estate.running.settings(timeScale=3000)
    send(estate, f"{estate.workspace}/onlineEndpoints/churn", TRAFFIC)
    estate.traffic(requestsPerMinute=10**12)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with pytest.raises(HttpResponseError) as refused:
        while time.monotonic() < deadline:
            ask(estate, f"{TRAFFIC} | count")
    assert refused.value.status_code == 504
    assert rows(ask(estate, f"{TRAFFIC} | count", timespan=(datetime(2020, 1, 1, tzinfo=UTC), timedelta(days=1)))) == [
        {"Count": 0}
    ]


def test_clusters_tell_the_workspace_s_log() -> None:
    """Nodes come, idle and go: one row each."""
    lab = Lab()
    lab_estate.secured_workspace(lab)
    lab.put(lab_estate.LOGS, lab_estate.LOGS_BODY)
    setting = f"{lab_estate.WORKSPACE}/providers/Microsoft.Insights/diagnosticSettings/logs"
    logs = [{"category": "AmlComputeClusterEvent", "enabled": True}]
    lab.put(setting, {"properties": {"workspaceId": lab_estate.LOGS, "logs": logs}})
    store = LogStore(lab.engine)
    store.look()
    lab.put(lab_estate.JOB, lab_estate.JOB_BODY)
    lab.advance(7200)
    table = "AmlComputeClusterEvent"
    made = store.connection(lab_estate.LOGS.lower(), None, [table])
    query = f"{table} | sort by TimeGenerated asc | project EventType, CurrentNodeCount, TargetNodeCount"
    found = log_queries.run(made, query, [table], lab.engine.now())["tables"][0]["rows"]
    assert found == [
        ["ResizeStarted", 0, 1],
        ["ResizeCompleted", 1, 1],
        ["ResizeStarted", 1, 0],
        ["ResizeCompleted", 0, 0],
    ]
    nothing = store.connection(f"{lab_estate.LOGS.lower()}2", None, [table])
    assert log_queries.run(nothing, query, [table], lab.engine.now())["tables"][0]["rows"] == []


def test_runs_tell_the_workspace_s_log(estate: Monitored) -> None:
    estate.running.settings(timeScale=3000)
    send(estate, estate.workspace, "AmlRunStatusChangedEvent")
    job = f"{estate.workspace}/jobs/run-1"
    properties = {
        "jobType": "Command",
        "command": "echo",
        "environmentId": f"{estate.workspace}/environments/e/versions/1",
    }
    assert estate.call("PUT", job, {"properties": properties}).status_code == 201
    query = "AmlRunStatusChangedEvent | where RunId == 'run-1' | sort by TimeGenerated asc | project Status"
    found = when(estate, query, lambda found: found[-1:] == [{"Status": "Completed"}])
    assert [one["Status"] for one in found] == ["Preparing", "Running", "Completed"]
