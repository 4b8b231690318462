"""Which metrics there are, with their dimensions, and what was measured.

Sources: learn.microsoft.com, "Supported metrics for Microsoft.MachineLearningServices/workspaces", and for its
onlineEndpoints and their deployments (names, unit, dimensions, grain of a minute). A metric has samples only where
there was something to count: no nodes and no calls, no samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from simulator.engine.declaration import EngineApi, Resource
from simulator.planes.skus import SIZES
from simulator.types._shared import parent_id, type_of
from simulator.types.machinelearning import traffic
from simulator.types.machinelearning.nodes import HISTORY, SAMPLED, inner
from simulator.types.machinelearning.telling import MOMENTS
from simulator.types.machinelearning.traffic import Traffic

WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints"
DEPLOYMENT = f"{ENDPOINT}/deployments"
#: (from, to, how often it is measured), seconds: what was measured between two moments.
Samples = Callable[[float, float, float], list[float]]
#: (from, to): nothing changes in between, so that intervals of one length in it have the same samples.
Steady = Callable[[float, float], bool]


def _never(begin: float, end: float) -> bool:
    return False


def _always(begin: float, end: float) -> bool:
    return True


@dataclass(frozen=True)
class Series:
    """One combination of dimension values. `steady` may say False of what is."""

    dimensions: dict[str, str]
    samples: Samples
    steady: Steady = _never


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    dimensions: tuple[str, ...]
    series: Callable[[EngineApi, Resource], Iterator[Series]] = field(repr=False)
    category: str = "Traffic"


# -- nodes of a workspace's clusters -----------------------------------------------------------------------------------

#: Metric → column of a cluster's history.
NODES = {"Total Nodes": 0, **{f"{word} Nodes": number + 1 for number, word in enumerate(("Active", "Idle", "Leaving"))}}
assert SAMPLED == ("running", "idle", "leaving")


CORES = {size.lower(): cpus for size, _, cpus, *_ in SIZES}


def _nodes(column: int, *, cores: bool = False) -> Callable[[EngineApi, Resource], Iterator[Series]]:
    """What was there when an interval began and every change in it; nothing for a cluster that had no node then."""

    def series(engine: EngineApi, workspace: Resource) -> Iterator[Series]:
        for compute in engine.children(workspace.id, f"{WORKSPACE}/computes"):
            each = CORES.get(str(inner(compute).get("vmSize")).lower(), 0) if cores else 1
            history = [(row[0], row[1], row[1 + column] * each) for row in compute.private.get(HISTORY, [])]
            samples, steady = partial(_standing, history), partial(_unchanged, [row[0] for row in history])
            yield Series({"ClusterName": compute.name, "Scenario": "Training"}, samples, steady)

    return series


def _unchanged(changes: Sequence[float], begin: float, end: float) -> bool:
    return not any(begin <= when < end for when in changes)


def _standing(history: list[tuple[float, float, float]], begin: float, end: float, step: float) -> list[float]:
    """`history` of when, how many nodes there were, and the value."""
    standing = [row for row in history if row[0] < begin][-1:]
    rows = [*standing, *(row for row in history if begin <= row[0] < end)]
    return [value for _, _, value in rows] if any(nodes for _, nodes, _ in rows) else []


_QUOTA_CORES = 100


def _quota(engine: EngineApi, workspace: Resource) -> Iterator[Series]:
    """Of every workspace from its creation on, computes or none: one sample an interval, which tells that its metrics
    are taken. That Azure samples it so is assumed."""
    since = _made(workspace)

    def samples(begin: float, end: float, step: float) -> list[float]:
        if end <= since:
            return []
        cores = 0.0
        for compute in engine.children(workspace.id, f"{WORKSPACE}/computes"):
            row = next((row for row in reversed(compute.private.get(HISTORY, [])) if row[0] < end), None)
            cores += row[1] * CORES.get(str(inner(compute).get("vmSize")).lower(), 0) if row else 0
        return [100 * cores / _QUOTA_CORES]

    def steady(begin: float, end: float) -> bool:
        computes = engine.children(workspace.id, f"{WORKSPACE}/computes")
        changes = [row[0] for compute in computes for row in compute.private.get(HISTORY, [])]
        return not begin < since < end and _unchanged(changes, begin, end)

    labels = {"Scenario": "Training", "ClusterName": "", "VmFamilyName": "", "VmPriority": ""}
    yield Series(labels, samples, steady)


_RUNS = {
    "Started Runs": "Running",
    "Completed Runs": "Completed",
    "Failed Runs": "Failed",
    "Cancelled Runs": "Canceled",
}


def _runs(status: str) -> Callable[[EngineApi, Resource], Iterator[Series]]:
    """One sample for each run, when it came to that status; steps are runs, too."""

    def series(engine: EngineApi, workspace: Resource) -> Iterator[Series]:
        for job in engine.children(workspace.id, f"{WORKSPACE}/jobs"):
            when = (job.private.get(MOMENTS) or {}).get(status)
            if when is not None:
                dimensions = {
                    "Scenario": "Training", "RunType": str(job.properties.get("jobType")),
                    "ExperimentName": str(job.properties.get("experimentName") or "Default"),
                }  # fmt: skip
                yield Series(dimensions, partial(_once, float(when)), partial(_unchanged, (float(when),)))

    return series


def _once(when: float, begin: float, end: float, step: float) -> list[float]:
    return [1.0] if begin <= when < end else []


# -- calls of an endpoint ----------------------------------------------------------------------------------------------

Value = Callable[[Traffic], float]


def _each(endpoint: Resource, value: Value) -> Samples:
    """One sample a minute: of the state that held when the minute ended."""

    def samples(begin: float, end: float, step: float) -> list[float]:
        found, moment = [], begin
        while moment < end:
            state = traffic.at(endpoint, min(moment + step, end))
            if state is not None:
                found.append(value(state))
            moment += step
        return found

    return samples


def _calm(endpoint: Resource) -> Steady:
    """Its calls do not change."""
    return partial(_unchanged, [since for since, _ in endpoint.private.get(traffic.HISTORY) or ()])


def _codes(endpoint: Resource) -> list[str]:
    """Every status code that calls of this endpoint ever had."""
    states = [state for _, state in endpoint.private.get(traffic.HISTORY) or ()]
    states.append(endpoint.private.get(traffic.TRAFFIC) or {})
    codes = {str(code) for state in states for code in state.get("statuses") or ()}
    plain = {"200"} | ({"500"} if any(state.get("errorShare") for state in states) else set())
    return sorted(codes | plain)


def _requests(engine: EngineApi, endpoint: Resource) -> Iterator[Series]:
    for name, share in traffic.shares(engine, endpoint).items():
        for code in _codes(endpoint):
            dimensions = {
                "deployment": name, "statusCode": code, "statusCodeClass": f"{code[0]}xx", "modelStatusCode": code,
            }  # fmt: skip
            yield Series(dimensions, _positive(endpoint, code, share), _calm(endpoint))


def _requests_of(engine: EngineApi, deployment: Resource) -> Iterator[Series]:
    endpoint, share = traffic.share_of(engine, deployment)
    if endpoint is not None and share > 0:
        for code in _codes(endpoint):
            yield Series({"envoy_response_code": code}, _positive(endpoint, code, share), _calm(endpoint))


def _positive(endpoint: Resource, code: str, share: float) -> Samples:
    """No calls with this status, no samples of it."""
    every = _each(endpoint, lambda state: state.per_minute * share * state.statuses.get(code, 0.0))
    return lambda begin, end, step: [one for one in every(begin, end, step) if one > 0]


def _connections(engine: EngineApi, endpoint: Resource) -> Iterator[Series]:
    """How many there are is told whether there are any or not, of every endpoint from its creation on. That Azure tells
    it of endpoints without calls is assumed: what tells "nobody calls" from "nobody measured"."""
    every, since, calm = _each(endpoint, lambda state: state.connections), _made(endpoint), _calm(endpoint)
    yield Series(
        {},
        lambda begin, end, step: every(begin, end, step) or ([0.0] if end > since else []),
        lambda begin, end: not begin < since < end and calm(begin, end),
    )


def _made(resource: Resource) -> float:
    """When, in seconds since 1970."""
    text = str((resource.body.get("systemData") or {}).get("createdAt") or "")
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC).timestamp() if text else 0.0


def _per_deployment(value: Value) -> Callable[[EngineApi, Resource], Iterator[Series]]:
    """Of an endpoint: the same for each deployment; of a deployment: its own."""

    def series(engine: EngineApi, resource: Resource) -> Iterator[Series]:
        if type_of(resource.id) == DEPLOYMENT.lower():
            endpoint, share = traffic.share_of(engine, resource)
            if endpoint is not None and share > 0:
                yield Series({}, _each(endpoint, value), _calm(endpoint))
            return
        for name in traffic.shares(engine, resource):
            yield Series({"deployment": name}, _each(resource, value), _calm(resource))

    return series


def _latency(percentile: str) -> Value:
    return lambda state: state.latency * traffic.TAIL[percentile]


def _instances(deployment: Resource) -> list[str]:
    count = int((deployment.body.get("sku") or {}).get("capacity") or 1)
    return [f"{deployment.name}-{number}" for number in range(count)]


def _utilisation(name: str) -> Callable[[EngineApi, Resource], Iterator[Series]]:
    """Of each instance, while it gets calls; of no GPU where no state speaks of one."""

    def series(engine: EngineApi, deployment: Resource) -> Iterator[Series]:
        endpoint, share = traffic.share_of(engine, deployment)
        if endpoint is None or share <= 0:
            return
        every = _each(endpoint, lambda state: state.utilisation.get(name, -1.0))
        for instance in _instances(deployment):
            used: Samples = lambda *span: [one for one in every(*span) if one >= 0]  # noqa: E731
            yield Series({"instanceId": instance}, used, _calm(endpoint))

    return series


def _capacity(engine: EngineApi, deployment: Resource) -> Iterator[Series]:
    """Instances that there are, with or without calls."""
    for instance in _instances(deployment):
        if engine.get(parent_id(deployment.id)) is not None:
            yield Series({"instanceId": instance, "State": "Ready"}, lambda begin, end, step: [1.0], _always)


def _collected(engine: EngineApi, endpoint: Resource) -> Iterator[Series]:
    """Rows that the data collector took, where a deployment has one."""
    for deployment in engine.children(endpoint.id, DEPLOYMENT):
        share = traffic.share_of(engine, deployment)[1]
        kinds = (deployment.properties.get("dataCollector") or {}).get("collections") or {}
        for kind, wanted in kinds.items():
            if str((wanted or {}).get("dataCollectionMode", "Enabled")).lower() == "enabled" and share > 0:
                rate = float((wanted or {}).get("samplingRate") or 1.0)
                dimensions = {"deployment": deployment.name, "reason": "", "type": str(kind)}
                taken = partial(_rows, share, rate)
                yield Series(dimensions, _each(endpoint, taken), _calm(endpoint))


def _rows(share: float, rate: float, state: Traffic) -> float:
    return state.per_minute * share * rate


_REQUEST_DIMENSIONS = ("deployment", "statusCode", "statusCodeClass", "modelStatusCode")
_PERCENTILES = tuple(traffic.TAIL)
TABLE: dict[str, tuple[Metric, ...]] = {
    WORKSPACE.lower(): (
        *(
            Metric(
                name.replace("Nodes", what), "Count", ("Scenario", "ClusterName"), _nodes(column, cores=cores), "Quota"
            )
            for what, cores in (("Nodes", False), ("Cores", True))
            for name, column in NODES.items()
        ),
        Metric(
            "Quota Utilization Percentage",
            "Count",
            ("Scenario", "ClusterName", "VmFamilyName", "VmPriority"),
            _quota,
            "Quota",
        ),
        *(
            Metric(name, "Count", ("Scenario", "RunType", "ExperimentName"), _runs(status), "Run")
            for name, status in _RUNS.items()
        ),
    ),
    ENDPOINT.lower(): (
        Metric("RequestsPerMinute", "Count", _REQUEST_DIMENSIONS, _requests),
        Metric("RequestLatency", "Milliseconds", ("deployment",), _per_deployment(_latency("P50"))),
        *(
            Metric(f"RequestLatency_{one}", "Milliseconds", ("deployment",), _per_deployment(_latency(one)))
            for one in _PERCENTILES
        ),
        Metric("ConnectionsActive", "Count", (), _connections),
        Metric("DataCollectionEventsPerMinute", "Count", ("deployment", "reason", "type"), _collected),
    ),
    DEPLOYMENT.lower(): (
        Metric("RequestsPerMinute", "Count", ("envoy_response_code",), _requests_of),
        *(Metric(f"RequestLatency_{one}", "Milliseconds", (), _per_deployment(_latency(one))) for one in _PERCENTILES),
        Metric("CpuUtilizationPercentage", "Percent", ("instanceId",), _utilisation("cpu"), "Resource"),
        Metric("CpuMemoryUtilizationPercentage", "Percent", ("instanceId",), _utilisation("memory"), "Resource"),
        Metric("GpuUtilizationPercentage", "Percent", ("instanceId",), _utilisation("gpu"), "Resource"),
        Metric("GpuMemoryUtilizationPercentage", "Percent", ("instanceId",), _utilisation("gpuMemory"), "Resource"),
        Metric("DeploymentCapacity", "Count", ("instanceId", "State"), _capacity, "Resource"),
    ),
}


def metrics_of(resource_type: str) -> dict[str, Metric]:
    """By folded name; {} for a type that has none here."""
    return {metric.name.lower(): metric for metric in TABLE.get(resource_type.lower(), ())}
