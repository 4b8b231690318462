"""The sweep against the simulator, through Azure's own clients and with the operator's own rights."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.gates import GatedLogs, GatedMetrics, Gates
from controlplane.azure.metrics import AzureMetrics
from controlplane.azure.monitor import AzureLogs, Hosts, MonitorClients
from controlplane.azure.reader import ArmReader
from controlplane.azure.resource_graph import ResourceGraph
from controlplane.clocks import SystemClock
from controlplane.clouds import HOSTS
from controlplane.errors import Fatal, Rejected, Throttled
from controlplane.json_types import JsonObject
from controlplane.ports.metrics import MetricsQuestion
from controlplane.retraining.polls.judge import ENDPOINT, METRICS
from controlplane.retraining.polls.model import Poll, Sweep, WorkspacePoll
from controlplane.retraining.polls.ports import PollPorts
from controlplane.retraining.polls.resource_manager import refused_in
from controlplane.retraining.polls.workspace_tick import logs_of
from controlplane.retraining.signal import SignalKind
from controlplane.triggers.monitors import FLEET
from tests.simulator.test_model_monitors import monitor, signal
from tests.support.clock import FrozenClock
from tests.support.fake_azure import FakeAzure
from tests.support.monitored import LOCATION, Monitored
from tests.support.own_roles import SWEEP, role
from tests.support.polled import PolledWorld
from tests.support.retraining_world import DRIFT, MONITOR
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401

DAY = timedelta(days=1)
DEFINITIONS = "Microsoft.Authorization/roleDefinitions"


class Managed(Monitored):
    """Stands where the product's workspace ``ws`` has its own."""

    def __init__(self, running: RunningSimulator, world: PolledWorld) -> None:
        super().__init__(running)
        self.workspace = world.known.workspace_id
        self.group = self.workspace.partition("/providers/")[0]
        self.logs = logs_of(world.known)


@dataclass
class RealReads(FakeAzure):
    """What a tick reads by ARM is read from the simulator."""

    real: ArmReader | None = None

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        assert self.real is not None
        return await self.real.get(path, api_version)

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        assert self.real is not None
        return await self.real.first(path, api_version, query)

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        assert self.real is not None
        return await self.real.list(path, api_version, query)


@dataclass
class RealWorld(PolledWorld):
    """The ticks of :class:`PolledWorld` with the adapters of the product, as the operator."""

    azure: RealReads = field(default_factory=RealReads)
    running: RunningSimulator | None = None
    clients: MonitorClients = field(init=False)
    arm: ArmClient = field(init=False)

    def ports(self) -> PollPorts:
        assert self.running is not None
        env, cloud = self.running.env, HOSTS["AzureCloud"]
        hosts = Hosts(env["METRICS_ENDPOINT"], cloud.metrics, env["LOGS_ENDPOINT"], cloud.logs)
        self.clients = MonitorClients(hosts, env["OPERATOR_CLIENT_ID"])
        self.arm = ArmClient(env["ARM_ENDPOINT"], env["OPERATOR_CLIENT_ID"])
        self.azure.real = ArmReader(self.arm)
        gates = Gates(self.store, env["OPERATOR_CLIENT_ID"], SystemClock())
        return PollPorts(
            GatedMetrics(AzureMetrics(self.clients), gates),
            GatedLogs(AzureLogs(self.clients), gates),
            ResourceGraph(self.arm),
            gates,
        )

    def advance(self, seconds: float) -> None:
        """Azure's time and the product's go on."""
        assert self.running is not None
        self.running.control("PUT", "clock", json={"advanceSeconds": seconds, "azure": True})
        self.clock.advance(seconds)


@pytest.fixture(autouse=True)
def environment(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])


@pytest.fixture
async def world(simulator: RunningSimulator) -> AsyncIterator[RealWorld]:
    made = RealWorld(running=simulator, clock=FrozenClock(datetime.now(UTC)))
    yield made
    await made.clients.close()
    await made.arm.close()


@pytest.fixture
def azure(simulator: RunningSimulator, world: RealWorld) -> Iterator[Managed]:
    made = Managed(simulator, world)
    try:
        made.build()
        yield made
    finally:
        made.http.close()


def watch(azure: Managed) -> None:
    """A managed network with Spark, collected data, the product's monitor as Azure ML has it, and its runs in logs."""
    account = f"{azure.group}/providers/Microsoft.Storage/storageAccounts/account1"
    open_to_keys = {"allowSharedKeyAccess": True, "publicNetworkAccess": "Enabled"}
    azure.put(
        account,
        {"location": LOCATION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": open_to_keys},
    )
    there = azure.call("GET", azure.workspace).json()
    kept = {name: there["properties"][name] for name in ("storageAccount", "keyVault", "applicationInsights")}
    network = {"managedNetwork": {"isolationMode": "AllowInternetOutbound"}, "systemDatastoresAuthMode": "accesskey"}
    identity = {"type": "SystemAssigned"}
    azure.put(azure.workspace, {"location": LOCATION, "identity": identity, "properties": {**kept, **network}})
    azure.call("POST", f"{azure.workspace}/provisionManagedNetwork", {"includeSpark": True}).raise_for_status()
    azure.running.control("PUT", "clock", json={"advanceSeconds": 7200, "azure": True})
    collected = {name: {"dataCollectionMode": "Enabled"} for name in ("model_inputs", "model_outputs")}
    managed = {
        "endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2",
        "model": f"{azure.workspace}/models/churn/versions/1", "dataCollector": {"collections": collected},
    }  # fmt: skip
    body = {"location": LOCATION, "sku": {"name": "Default", "capacity": 2}, "properties": managed}
    azure.put(f"{azure.workspace}/onlineEndpoints/churn/deployments/blue", body)
    logs = {"workspaceId": azure.logs, "logs": [{"category": "AmlRunStatusChangedEvent", "enabled": True}]}
    azure.put(f"{azure.workspace}/providers/Microsoft.Insights/diagnosticSettings/runs", {"properties": logs})
    definition = monitor(signals={DRIFT: signal(), f"{MONITOR}_quality": signal()})
    definition["trigger"] = {
        "triggerType": "Recurrence", "frequency": "Day", "interval": 1, "schedule": {"hours": [0], "minutes": [0]},
    }  # fmt: skip
    azure.running.settings(timeScale=1)  # a day of the schedule is a day of Azure's clock
    azure.put(f"{azure.workspace}/schedules/{MONITOR}", {"properties": definition})


@pytest.mark.parametrize("visible", [True, False])
async def test_a_breach_whose_event_nobody_heard_is_found_and_read_back(
    world: RealWorld, azure: Managed, visible: bool
) -> None:
    # At noon, so that the midnight run of a day later has ended when it is looked for.
    world.advance((datetime.combine(world.clock.now().date(), time(12), UTC) + DAY - world.clock.now()).total_seconds())
    await world.begin()
    watch(azure)
    azure.running.settings(stepsInArm=visible)
    azure.running.inject(kind="drift", workspace=azure.workspace.rpartition("/")[2], endpoint="churn", severity="high")
    world.clock.advance(7200)
    world.advance(26 * 3600)
    await world.sweep()
    await world.tick()
    found = {one.signal_name: one for one in await world.signals()}
    if visible:
        assert {DRIFT, f"{MONITOR}_quality"} <= set(found)
        assert found[DRIFT].evidence.read_back
        assert found[DRIFT].monitor == MONITOR
    else:
        # Nothing says it: the monitor notifies nobody, and Azure shows no steps. That is unknown, and not clear.
        assert found == {}
    verdicts = {one.verdict.value for one in (await world.state()).value.windows if one.at == max_slot(world)}
    assert verdicts == ({"breach"} if visible else {"unknown"})


def max_slot(world: RealWorld) -> datetime:
    return world.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)


def send_logs(azure: Managed, endpoint: str) -> None:
    path = f"{azure.workspace}/onlineEndpoints/{endpoint}/providers/Microsoft.Insights/diagnosticSettings/to-logs"
    logs = [{"category": "AmlOnlineEndpointTrafficLog", "enabled": True}]
    azure.put(path, {"properties": {"workspaceId": azure.logs, "logs": logs}})


async def test_a_slow_endpoint_with_errors_is_found_by_metrics_and_by_logs(world: RealWorld, azure: Managed) -> None:
    await world.begin()
    send_logs(azure, "churn")
    azure.traffic(requestsPerMinute=60, latencyMs=2000, errorShare=0.2, utilisation={"cpu": 95}, throttlingDelayMs=200)
    world.advance(3600)
    for _ in range(2):
        world.advance(900)
        await world.sweep()
        await world.tick()
    kinds = {one.kind: one for one in await world.signals()}
    assert set(kinds) == {SignalKind.LATENCY, SignalKind.ERRORS, SignalKind.UTILISATION, SignalKind.THROTTLING}
    assert kinds[SignalKind.LATENCY].measures[0].value == pytest.approx(3600)
    assert kinds[SignalKind.ERRORS].measures[0].value == pytest.approx(0.2, abs=0.01)
    assert kinds[SignalKind.UTILISATION].measures[0].value == pytest.approx(95)
    assert [one.why for one in (await world.objects.page(Poll)).values] == [None, None]
    calls = [one for one in world_calls(world) if one["plane"] == "metrics"]
    assert len(calls) == 4  # two types, two windows: endpoints and deployments
    azure.traffic(requestsPerMinute=60, latencyMs=50, errorShare=0.0, utilisation={"cpu": 10}, throttlingDelayMs=0)
    for _ in range(4):
        world.advance(900)
        await world.sweep()
        await world.tick()
    assert {one.resolved for one in await world.signals()} == {True}


def world_calls(world: RealWorld) -> list[dict[str, object]]:
    assert world.running is not None
    return world.running.calls()


async def test_throttled_by_azure_monitor_it_waits_as_told(world: RealWorld, azure: Managed) -> None:
    await world.begin()
    rule = {"path": "metrics:getBatch", "status": 429, "code": "ThrottledError", "retryAfter": 7, "times": 1}
    azure.running.faults([rule])
    await world.sweep()
    await world.tick()
    waiting = [one for one in (await world.objects.page(Poll)).values if one.due_at is not None]
    # The other poll met the gate that the first one's answer had closed.
    assert len(waiting) in (1, 2)
    assert all(one.due_at is not None and one.due_at > world.clock.now() for one in waiting)
    sent = [
        one for one in world_calls(world) if one["plane"] in ("metrics", "fault") and "getBatch" in str(one["path"])
    ]
    assert len(sent) == 1 + (2 - len(waiting))


async def test_an_answer_cannot_steer_a_token_elsewhere(world: RealWorld) -> None:
    now = world.clock.now()
    question = MetricsQuestion(ENDPOINT, METRICS[ENDPOINT], now - timedelta(minutes=15), now)
    for region in ("evil.example/", "WestEurope", "../x", "a@b", ""):
        with pytest.raises(Fatal, match="UnexpectedRegion"):
            await AzureMetrics(world.clients).batch(region, [world.endpoint], question)
    assert [one for one in world_calls(world) if one["plane"] == "metrics"] == []


@pytest.mark.parametrize("missing", sorted(SWEEP))
async def test_without_a_right_nobody_learns_that_all_is_well(
    world: RealWorld, azure: Managed, simulator: RunningSimulator, missing: str
) -> None:
    await world.begin()
    if "RunStatus" in missing or "jobs" in missing or "models" in missing:
        watch(azure)
        world.clock.advance(7200)
        world.advance(86_400)
    send_logs(azure, "churn")
    _without(azure, missing)
    now = world.clock.now()
    until = (now + timedelta(hours=1)).replace(minute=4, second=0)  # model versions are looked for once an hour
    world.advance((until - now).total_seconds())
    await world.sweep()
    await world.tick()
    polls = (await world.objects.page(Poll)).values
    (space,) = (await world.objects.page(WorkspacePoll)).values
    unknown = [one for one in (*(one.why for one in polls), space.why) if one]
    # What Resource Graph may not show it leaves out without a word: fewer polls, nothing that is called fine.
    assert unknown or len(polls) < 2
    assert missing not in simulator.control("GET", "rights")["operator"]["used"]


def _without(azure: Managed, missing: str) -> None:
    found = role("role-operator")
    scope = azure.running.subscription
    query = {"api-version": "2022-04-01"}
    listed = azure.http.get(f"{scope}/providers/{DEFINITIONS}", params=query).json()["value"]
    name = next(one["name"] for one in listed if one["properties"]["roleName"] == found["Name"])
    body = {
        "roleName": found["Name"], "type": "CustomRole", "description": found["Description"],
        "assignableScopes": [scope], "permissions": [{"actions": [one for one in found["Actions"] if one != missing]}],
    }  # fmt: skip
    url = f"{scope}/providers/{DEFINITIONS}/{name}"
    azure.http.put(url, params=query, json={"properties": body}).raise_for_status()


async def test_a_query_that_is_refused_says_azure_s_words(world: RealWorld, azure: Managed) -> None:
    now = world.clock.now()
    logs = AzureLogs(world.clients)
    with pytest.raises(Rejected) as refused:
        await logs.query(azure.logs, "Nonsense | where", now - timedelta(hours=1), now)
    assert (refused.value.code, refused.value.status) == ("BadArgumentError", 400)
    azure.running.faults([{"path": "/query", "status": 429, "code": "ThrottledError", "retryAfter": 9, "times": 1}])
    with pytest.raises(Throttled) as throttled:
        await logs.query(azure.logs, "print 1", now - timedelta(hours=1), now)
    assert throttled.value.retry_after > 0
    assert (await logs.query(azure.logs, "print n = 1", now - timedelta(hours=1), now)).rows == ({"n": 1},)


async def test_resource_manager_s_own_count_of_throttled_calls_is_read(world: RealWorld, azure: Managed) -> None:
    """S3-93: anybody's calls in the subscription; without any sample nobody knows."""
    subscription, now = azure.running.env["AZURE_SUBSCRIPTION_ID"], world.clock.now()
    span = now - timedelta(minutes=15), now + timedelta(minutes=15)
    assert world.azure.real is not None
    assert await refused_in(world.azure.real, subscription, now - timedelta(days=2), now - timedelta(days=1)) is None
    assert await refused_in(world.azure.real, subscription, *span) == 0
    azure.running.faults(
        [{"path": "/throttled", "status": 429, "code": "TooManyRequests", "retryAfter": 1, "times": 3}]
    )
    path = f"{azure.running.subscription}/resourceGroups/throttled"
    answers = [azure.http.get(path, params={"api-version": "2021-04-01"}).status_code for _ in range(4)]
    assert answers == [429, 429, 429, 404]
    assert await refused_in(world.azure.real, subscription, *span) == 3


async def test_the_sweep_keeps_why_it_could_not_list(world: RealWorld, azure: Managed) -> None:
    await world.begin()
    azure.running.faults([{"path": "ResourceGraph", "status": 403, "code": "AuthorizationFailed", "times": 1}])
    await world.sweep()
    await world.tick()
    assert "AuthorizationFailed" in str((await world.objects.require(Sweep, FLEET)).value.why)
