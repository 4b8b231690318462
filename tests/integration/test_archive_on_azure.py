"""Archive and restore against the simulator, with the operator's own rights; and what a look at a workspace takes."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.audit.model import Kind
from controlplane.azure.arm_client import ArmClient
from controlplane.azure.metrics import AzureMetrics
from controlplane.azure.monitor import AzureLogs, Hosts, MonitorClients
from controlplane.azure.reader import ArmReader
from controlplane.azure.writer import ArmWriter
from controlplane.clouds import HOSTS
from controlplane.errors import Rejected
from controlplane.governance.deps import Archiver, GovernanceDeps
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.ending import ended
from controlplane.governance.expiry.look import look
from controlplane.governance.expiry.model import Rule, Verdict, expiry_id
from controlplane.governance.expiry.proposals import MONTH, SERVED, days_of
from controlplane.governance.parts import parts
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import Machines, tick_object
from controlplane.operations.model import OperationStatus
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.known import known
from controlplane.retraining.polls.ports import PollPorts
from controlplane.workspaces.records import Owned
from tests.support.clock import FrozenClock
from tests.support.expiry_lines import fresh
from tests.support.monitored import Monitored
from tests.support.retraining_world import RetrainingWorld
from tests.support.simulator import start_simulator

ID = expiry_id("ws")


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    """One for the module: a workspace that serves online and in batches."""
    with start_simulator(tmp_path_factory.mktemp("archive"), time_scale=100_000) as running:
        running.settings(throttling=False)
        made = Monitored(running)
        made.place(RetrainingWorld().known.workspace_id)
        try:
            made.build()
            running.settings(timeScale=100_000)
            yield made
        finally:
            made.http.close()


@dataclass
class Served:
    """The archive of that workspace; its computes' operations are ended by the test."""

    azure: Monitored
    world: RetrainingWorld
    objects: Objects
    machines: Machines
    deps: GovernanceDeps

    async def wish(self, state: ArchiveState) -> None:
        found = await self.objects.get(Archive, ID)
        now = self.world.clock.now()
        fresh = Archive(
            id=ID, due_at=now, workspace="ws", incarnation=1, project="churn", by="t/ada", changed_at=now, state=state
        )  # fmt: skip
        after = fresh if found is None else found.value.model_copy(update={"state": state, "due_at": now})
        await self.objects.commit(put(found, after))

    async def until(self, state: ArchiveState, most: int = 80) -> Archive:
        for _ in range(most):
            archive = (await self.objects.require(Archive, ID)).value
            if archive.state is state:
                return archive
            await tick_object(Archive.KIND, ID, self.machines)
            await self._end_operation()
            self.azure.running.control("PUT", "clock", json={"advanceSeconds": 600, "azure": True})
            self.world.clock.advance(600)
        raise AssertionError(f"{archive.state}: {archive.problem}")

    async def _end_operation(self) -> None:
        repository, now = self.world.workspaces, self.world.clock.now()
        stored = await repository.load("ws")
        assert stored is not None
        if stored.record.active_operation is None:
            return
        operation = await repository.load_operation(stored.record.active_operation)
        assert operation is not None
        lease = await repository.take_lease("ws", "test", now, 90)
        assert lease is not None
        ended = operation.operation.model_copy(update={"status": OperationStatus.SUCCEEDED, "ended_at": now})
        rested = stored.record.model_copy(update={"active_operation": None, "due_at": None})
        await repository.save_progress(stored, operation, lease, record=rested, changed=ended)
        await repository.release(lease)

    def shown(self, path: str) -> dict[str, Any] | None:
        answer = self.azure.call("GET", f"{self.azure.workspace}/{path}")
        return None if answer.status_code == 404 else answer.json()


@pytest.fixture
async def served(azure: Monitored, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    running = azure.running
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, running.env[name])
    world = RetrainingWorld(clock=FrozenClock(datetime.now(UTC)))
    await world.begin()
    env, cloud = running.env, HOSTS["AzureCloud"]
    arm = ArmClient(env["ARM_ENDPOINT"], env["OPERATOR_CLIENT_ID"])
    hosts = Hosts(env["METRICS_ENDPOINT"], cloud.metrics, env["LOGS_ENDPOINT"], cloud.logs)
    clients = MonitorClients(hosts, env["OPERATOR_CLIENT_ID"])
    objects = Objects(world.store, Kind.GOVERNANCE)
    deps = GovernanceDeps(
        objects=objects,
        notifications=world.objects,
        workspaces=world.workspaces,
        projects=ProjectRepository(world.store),
        reader=ArmReader(arm),
        writer=ArmWriter(arm),
        clock=world.clock,
        queue=world.queue,
        polls=PollPorts(AzureMetrics(clients), AzureLogs(clients), inventory=None, throttles=None),  # type: ignore[arg-type]
    )
    machines = Machines(objects, parts(deps), world.queue, world.clock, world.clock, "test")
    yield Served(azure, world, objects, machines, deps)
    await clients.close()
    await arm.close()


def batch(azure: Monitored) -> None:
    """A batch endpoint with a deployment that is its default."""
    cluster = {"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_DS3_v2", "scaleSettings": {"maxNodeCount": 1}}}}  # fmt: skip  # noqa: E501
    here = {"location": "westeurope"}
    azure.put(f"{azure.workspace}/computes/cpu", {**here, **cluster})
    path = f"{azure.workspace}/batchEndpoints/nightly"
    azure.put(path, {**here, "properties": {"authMode": "AADToken"}})
    compute = f"{azure.workspace}/computes/cpu"
    deployment = {"model": f"{azure.workspace}/models/churn/versions/1", "compute": compute}
    azure.put(f"{path}/deployments/blue", {**here, "properties": deployment})
    azure.put(path, {**here, "properties": {"authMode": "AADToken", "defaults": {"deploymentName": "blue"}}})


def instance(azure: Monitored) -> None:
    """What a data scientist makes, and stops."""
    path, inner = f"{azure.workspace}/computes/ada-box", {"vmSize": "Standard_DS3_v2"}
    azure.put(path, {"location": "westeurope", "properties": {"computeType": "ComputeInstance", "properties": inner}})
    azure.call("POST", f"{path}/stop")
    azure.running.control("PUT", "clock", json={"advanceSeconds": 600, "azure": True})


def reads_connections(azure: Monitored) -> None:
    """An endpoint that Azure makes only for who may read the workspace's connections."""
    bag = {"enforce_access_to_default_secret_stores": "enabled"}
    own = {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    azure.put(f"{azure.workspace}/onlineEndpoints/reads", {**own, "properties": {"authMode": "Key", "properties": bag}})


async def test_what_served_is_taken_away_and_serves_again(served: Served) -> None:
    """Every right of an archive is used: the operator holds no other role here."""
    batch(served.azure)
    instance(served.azure)
    await served.wish(ArchiveState.STORING)
    archive = await served.until(ArchiveState.ARCHIVED)
    assert len(archive.kept) == 7
    assert served.shown("computes")["value"] == []  # type: ignore[index]
    assert served.shown("onlineEndpoints/churn") is None
    assert served.shown("batchEndpoints/nightly") is None
    assert served.shown("models/churn/versions/1") is not None
    await served.wish(ArchiveState.REFILLING)
    archive = await served.until(ArchiveState.RESTORED)
    assert archive.kept == ()
    online, nightly = served.shown("onlineEndpoints/churn"), served.shown("batchEndpoints/nightly")
    assert online is not None and online["properties"]["traffic"] == {"blue": 90, "green": 10}
    assert nightly is not None and nightly["properties"]["defaults"]["deploymentName"] == "blue"
    blue = served.shown("onlineEndpoints/churn/deployments/blue")
    assert blue is not None and (blue["sku"]["capacity"], blue["properties"]["instanceType"]) == (2, "Standard_DS3_v2")
    cpu, box = served.shown("computes/cpu"), served.shown("computes/ada-box")
    assert cpu is not None and cpu["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 1
    assert box is not None and box["properties"]["properties"]["state"] == "Stopped"
    assert box["properties"]["properties"]["personalComputeInstanceSettings"]["assignedUser"]["objectId"]


async def test_an_endpoint_that_reads_connections_comes_back_by_who_may_make_it(served: Served) -> None:
    """The operator may not, and says what it takes; Azure refuses it all the same."""
    azure = served.azure
    reads_connections(azure)
    await served.wish(ArchiveState.STORING)
    archive = await served.until(ArchiveState.ARCHIVED)
    (reads,) = (one for one in archive.kept if one.id.endswith("/reads"))
    with pytest.raises(Rejected, match="listsecrets"):
        await served.deps.writer.put(reads.id, "2024-04-01", reads.body)
    await served.wish(ArchiveState.REFILLING)
    with pytest.raises(AssertionError, match="SecretsReaderMissing"):
        await served.until(ArchiveState.RESTORED, most=12)
    assert served.shown("onlineEndpoints/reads") is None
    online = served.shown("onlineEndpoints/churn")
    assert online is not None and online["properties"]["traffic"] == {"blue": 90, "green": 10}
    grant(azure, str(azure.running.settings()["principals"]["operator"]), SECRETS_READER)
    await served.until(ArchiveState.RESTORED)
    assert served.shown("onlineEndpoints/reads") is not None
    azure.call("DELETE", f"{azure.workspace}/onlineEndpoints/reads")
    azure.running.control("PUT", "clock", json={"advanceSeconds": 600, "azure": True})


async def test_a_look_takes_eight_calls_at_most_and_says_what_it_saw(served: Served) -> None:
    stored = await served.world.workspaces.load("ws")
    assert stored is not None
    spec = {**stored.record.spec, "location": "westeurope"}
    found = known(stored.record.model_copy(update={"spec": spec}))
    evidence = await look((served.deps.reader, served.deps.polls), found, "P1D", served.world.clock.now())
    assert evidence.calls <= 8
    said = {one.name: one.verdict for one in evidence.clues}
    assert (said["clusters"], said["instances"], said["jobs"]) == (Verdict.IDLE,) * 3, evidence
    # No call was measured, and nothing says that one would have been: that is not idle.
    assert evidence.verdict is not Verdict.IDLE


async def test_a_workspace_that_nobody_used_is_shown_to_be_idle(served: Served) -> None:
    """The other way round: with its endpoint's zeros, and with a control metric that has samples all the time."""
    stored = await served.world.workspaces.load("ws")
    assert stored is not None
    served.azure.running.inject(kind="idle", workspace=served.azure.workspace.rpartition("/")[2], days=40)
    found = known(stored.record.model_copy(update={"spec": {**stored.record.spec, "location": "westeurope"}}))
    now = datetime.now(UTC)
    evidence = await look((served.deps.reader, served.deps.polls), found, "P30D", now)
    assert evidence.verdict is Verdict.IDLE, [(one.name, one.observed) for one in evidence.clues]
    served.azure.running.inject(kind="metrics-gap", resource=served.azure.workspace, hours=200)
    gap = await look((served.deps.reader, served.deps.polls), found, "P30D", now)
    assert gap.verdict is Verdict.UNKNOWN, [(one.name, one.observed) for one in gap.clues]


async def test_what_serves_is_counted_by_a_query_that_azure_takes(served: Served) -> None:
    """Of the log of calls; an endpoint that was called on few days is not proposed."""
    logs = served.azure.logs
    assert served.deps.polls is not None
    now = datetime.now(UTC)
    found = await served.deps.polls.logs.query(logs, SERVED, now - MONTH, now)
    assert found.complete
    assert days_of(found.rows) == {}


def grant(azure: Monitored, principal: str, role: str) -> None:
    """What an administrator gives the operator for a while."""
    definition = f"{azure.running.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
    url = f"{azure.workspace}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    answer = azure.http.put(url, params={"api-version": "2022-04-01"}, json={"properties": body})
    assert answer.status_code == 201, answer.text


SECRETS_READER = "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"


def elevate(azure: Monitored, message: str) -> None:
    """What a Platform.Admin does: sends what the condition names, as it is."""
    method, url, body = message.partition("Request: ")[2].split(" ", 2)
    answer = azure.http.request(method, url, json=json.loads(body))
    assert answer.status_code == 201, answer.text


def made_by_us(azure: Monitored) -> dict[str, Owned]:
    """As an operation would have noted it; not what Azure puts beside it."""
    listed = azure.call("GET", f"{azure.group}/resources").json()["value"]
    ours = [one for one in listed if "smart" not in one["id"].lower()]
    assert len(ours) < len(listed)
    return {
        one["name"]: Owned(resource_id=one["id"], type=one["type"], api_version="2024-04-01", depends_on=())
        for one in ours
    }


async def test_the_archiver_deletes_when_it_was_let_and_only_then(served: Served) -> None:
    """Last in the module: the group is gone then."""
    env, azure = served.azure.running.env, served.azure
    arm = ArmClient(env["ARM_ENDPOINT"], env["ARCHIVER_CLIENT_ID"])
    try:
        who = env["ARCHIVER_CLIENT_ID"], ArmReader(arm), ArmWriter(arm)
        archiver = Archiver(*who, env["ARCHIVER_OBJECT_ID"], env["ARM_ENDPOINT"])
        served.deps = replace(served.deps, archiver=archiver)
        expiry = fresh(Rule(action="delete", idle_after="P30D", grace="P1D", retention="P1D"))

        inventory: dict[str, Owned] = {}

        async def said() -> str:
            nonlocal expiry
            space = await served.world.workspaces.load("ws")
            assert space is not None
            status = space.status.model_copy(update={"inventory": inventory})
            expiry = await ended(served.deps, expiry, replace(space, status=status))
            return expiry.conditions[0].reason

        assert await said() == "InUseAgain"
        await served.wish(ArchiveState.STORING)
        await served.until(ArchiveState.ARCHIVED)
        azure.running.control("PUT", "clock", json={"advanceSeconds": 3600, "azure": True})
        assert await said() == "UnmanagedResourcesLeft"
        inventory |= made_by_us(azure)
        assert await said() == "PendingElevation"
        served.world.clock.advance(-40 * 86400)  # never ahead of Azure's, by which the assignment ends
        azure.running.settings(timeScale=1)  # from here on time goes on by leaps
        assert await said() == "PendingElevation"
        elevate(azure, expiry.conditions[0].message)
        for _ in range(20):
            # A new role is not in force everywhere at once.
            if (reason := await said()) == "Deleting":
                break
            assert reason in ("PendingElevation", "Begins")
            azure.running.control("PUT", "clock", json={"advanceSeconds": 60, "azure": True})
        assert reason == "Deleting"
        azure.running.control("PUT", "clock", json={"advanceSeconds": 7200, "azure": True})
        assert azure.call("GET", azure.group).status_code == 404
        assert await said() == "Deleting"
        record = await served.world.workspaces.load("ws")
        assert record is not None and record.record.deleting and record.record.archived
    finally:
        await arm.close()
