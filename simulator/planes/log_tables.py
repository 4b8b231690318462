"""The tables of a Log Analytics workspace that queries find here, and where their rows come from.

Columns: learn.microsoft.com, "Azure Monitor Logs reference", page of each table; many that nothing here fills are left
out, and where the page was not at hand (AmlComputeClusterEvent) a few are assumed. Calls of endpoints are not kept one
by one: they follow from the state that the endpoint was in (traffic.py), evenly spread, as SQL.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.engine.core import Engine
from simulator.engine.hooks import Resource
from simulator.types._shared import name_of, parent_id
from simulator.types.machinelearning import traffic

TRAFFIC = "AmlOnlineEndpointTrafficLog"


def _columns(strings: str, ints: str = "") -> dict[str, str]:
    common = {"TimeGenerated": "datetime", **dict.fromkeys(("_ResourceId", "TenantId", "Type"), "string")}
    return {**common, **dict.fromkeys(strings.split(), "string"), **dict.fromkeys(ints.split(), "int")}


_OF_A_WORKSPACE = "OperationName Level ResultType Location WorkspaceName WorkspaceId "
#: Table → column → its type in KQL.
TABLES: dict[str, dict[str, str]] = {
    TRAFFIC: _columns(
        "AzureMLWorkspaceId AzureMLWorkspaceName EndpointName DeploymentName AuthType IdentityData Location Method "
        "OperationName Path Protocol ResponseCode ResponseCodeReason ModelStatusReason UserAgent XMSClientRequestId "
        "XRequestId",
        "ModelStatusCode RequestDurationMs RequestPayloadSize RequestThrottlingDelayMs ResponseDurationMs "
        "ResponsePayloadSize ResponseThrottlingDelayMs TotalDurationMs",
    ),
    "AmlRunStatusChangedEvent": _columns(_OF_A_WORKSPACE + "RunId ParentRunId RootRunId Status Message"),
    "AmlComputeClusterEvent": _columns(
        _OF_A_WORKSPACE + "ClusterName ClusterType VmSize VmPriority ScalingType EventType",
        "InitialNodeCount MinimumNodeCount MaximumNodeCount CurrentNodeCount TargetNodeCount IdleNodeCount "
        "RunningNodeCount LeavingNodeCount",
    ),
    "AzureActivity": {
        **_columns(
            "OperationNameValue ActivityStatusValue ActivitySubstatusValue Caller CategoryValue CorrelationId "
            "EventDataId Level OperationId ResourceGroup ResourceProviderValue SubscriptionId"
        ),
        "Properties_d": "dynamic",
    },
}
SQL = {
    "datetime": "TIMESTAMP", "string": "VARCHAR", "int": "INTEGER", "long": "BIGINT", "real": "DOUBLE",
    "bool": "BOOLEAN", "dynamic": "JSON",
}  # fmt: skip
#: Which categories of a diagnostic setting send rows to a table; its own name where it is not here.
CATEGORIES: dict[str, tuple[str, ...]] = {"AzureActivity": ("Administrative",)}


def named_in(query: str) -> list[str]:
    """The tables that a query names."""
    return [name for name in TABLES if re.search(rf"\b{name}\b", query)]


@dataclass(frozen=True)
class Span:
    """While a diagnostic setting sends a resource's rows to a workspace: seconds since 1970."""

    since: float
    until: float


def traffic_sql(engine: Engine, endpoint: Resource, spans: list[Span]) -> Iterator[str]:
    """SELECTs of the calls that an endpoint got in these spans, columns as the table has them."""
    shares = traffic.shares(engine, endpoint)
    for span in spans if shares else ():
        for begin, end in _steady(endpoint, span):
            state = traffic.at(endpoint, end)
            calls = int((end - begin) * (state.per_minute if state else 0) / 60)
            if state is not None and calls > 0:
                yield _calls(endpoint, state, shares, (begin, end, calls))


def calls_of(endpoint: Resource, spans: list[Span]) -> int:
    """How many calls an endpoint got in these spans."""
    parts = [(begin, end, traffic.at(endpoint, end)) for span in spans for begin, end in _steady(endpoint, span)]
    return sum(int((end - begin) * state.per_minute / 60) for begin, end, state in parts if state is not None)


def _steady(endpoint: Resource, span: Span) -> Iterator[tuple[float, float]]:
    """Parts of a span in which the state did not change."""
    changes = [float(since) for since, _ in endpoint.private.get(traffic.HISTORY) or ()]
    marks = [span.since, *(one for one in changes if span.since < one < span.until), span.until]
    yield from itertools.pairwise(marks)


def _calls(endpoint: Resource, state: traffic.Traffic, shares: dict[str, float], span: tuple[float, float, int]) -> str:
    """Which deployment, status and duration a call has follows from its number, so that shares come out exactly: the
    multiples of an irrational number are spread evenly."""
    begin, end, calls = span
    workspace = parent_id(endpoint.id)
    delay = int(state.throttling_delay)
    values = {
        "TimeGenerated": f"make_timestamp(CAST(({begin!r} + (i + 0.5) * {(end - begin) / calls!r}) * 1e6 AS BIGINT))",
        "_ResourceId": _text(endpoint.id.lower()), "Type": _text(TRAFFIC), "AzureMLWorkspaceId": _text(workspace),
        "AzureMLWorkspaceName": _text(name_of(workspace)), "EndpointName": _text(endpoint.name),
        "DeploymentName": _chosen(shares, "0.6180339887498949"), "AuthType": _text("AADToken"),
        "Location": _text(endpoint.location), "Method": _text("POST"), "Path": _text("/score"),
        "OperationName": _text("Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score"),
        "Protocol": _text("HTTP/1.1"), "ResponseCode": _chosen(state.statuses, "0.7548776662466927"),
        "ModelStatusCode": f"CAST({_chosen(state.statuses, '0.7548776662466927')} AS INTEGER)",
        "TotalDurationMs": f"CAST({state.latency!r} * {_TAIL} AS INTEGER)",
        "RequestDurationMs": f"CAST({state.latency!r} * {_TAIL} AS INTEGER)", "ResponseDurationMs": "1",
        "RequestThrottlingDelayMs": str(delay), "ResponseThrottlingDelayMs": str(delay),
        "RequestPayloadSize": "512", "ResponsePayloadSize": "64",
        "XRequestId": f"md5({_text(endpoint.key)} || {begin!r} || i)",
    }  # fmt: skip
    columns = ", ".join(
        f'CAST({values.get(name, "NULL")} AS {SQL[kind]}) AS "{name}"' for name, kind in TABLES[TRAFFIC].items()
    )
    return f"SELECT {columns} FROM (SELECT range AS i FROM range({calls}))"  # noqa: S608


def _chosen(shares: dict[str, float], step: str) -> str:
    """The name that a call's number falls to."""
    place, bound, cases = f"((i + 0.5) * {step}) - floor((i + 0.5) * {step})", 0.0, []
    names = list(shares)
    for name in names[:-1]:
        bound += shares[name]
        cases.append(f"WHEN {place} < {bound!r} THEN {_text(name)}")
    return f"CASE {' '.join(cases)} ELSE {_text(names[-1])} END" if cases else _text(names[-1])


_PLACE = "((i + 0.5) * 0.5698402909980532) - floor((i + 0.5) * 0.5698402909980532)"
#: Duration by median: between the percentiles of traffic.TAIL in straight lines.
_POINTS = ((0.0, 0.6), (0.5, 1.0), (0.9, 1.5), (0.95, 1.8), (0.99, 2.5), (1.0, 3.0))
_TAIL = (
    "CASE "
    + " ".join(
        f"WHEN {_PLACE} <= {b} THEN {low} + ({_PLACE} - {a}) * {(high - low) / (b - a)}"
        for (a, low), (b, high) in itertools.pairwise(_POINTS)
    )
    + " ELSE 3.0 END"
)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
