"""A workspace whose expiry and archive tick beside it, in virtual time: its store, its Azure, its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.arm import fold
from controlplane.audit.model import Kind
from controlplane.errors import Transient
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive, ArchiveState
from controlplane.governance.expiry.clues import CAPACITY, CONTROL, CORES, REQUESTS
from controlplane.governance.expiry.model import Expiry, expiry_id
from controlplane.governance.parts import parts
from controlplane.notifications.model import Notification
from controlplane.objects.repository import Objects, of_workspace, put
from controlplane.objects.tick import Machines, tick_object
from controlplane.operations.model import OperationKind
from controlplane.ports.logs import Rows
from controlplane.ports.metrics import Answers, Measured, MetricsQuestion, Point
from controlplane.ports.store import Upsert
from controlplane.projects.model import ProjectRecord, Registration, dump
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.known import known
from controlplane.retraining.polls.ports import PollPorts
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Blueprint
from controlplane.workspaces.reconcile import shell
from controlplane.workspaces.records import WorkspaceRecord
from tests.support.fake_azure import FakeAzure
from tests.support.kill_switch import Killed
from tests.support.tick_world import GROUP, SUBSCRIPTION, World, grant_pull

ID = expiry_id("ws")
OWNER = "00000000-0000-0000-0000-0000000000a1"
DAY = timedelta(days=1)


@dataclass
class FakeMetrics:
    """``ports.metrics.MetricsReader``: what was measured all the time, by folded id; None: Azure does not answer."""

    values: dict[str, dict[str, float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    """By folded id: a metric that Azure says has failed; it has no samples then."""
    coverage: float = 1.0
    away: bool = False
    calls: int = 0

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Answers:
        self.calls += 1
        if self.away:
            raise Transient("ServiceUnavailable", "Metrics are away.", retry_after=1)
        count = int((question.end - question.begin) / question.grain * self.coverage)
        found: dict[str, Measured] = {}
        for one in ids:
            known_of = self.values.get(fold(one))
            if known_of is not None:
                found[fold(one)] = {
                    name: (Point(value, value, value),) * count for name, value in known_of.items()
                    if name in question.names and count and name != self.failed.get(fold(one))
                }  # fmt: skip
        unknown = {fold(one): f"{name}: Timeout" for one in ids if (name := self.failed.get(fold(one))) is not None}
        return Answers(found, {one: why for one, why in unknown.items() if one in found})


@dataclass
class FakeLogs:
    """``ports.logs.LogsReader``: endpoint → days with calls."""

    days: dict[str, int] = field(default_factory=dict)

    async def query(self, workspace_id: str, kql: str, begin: datetime, end: datetime) -> Rows:
        assert "XMSClientRequestId" in kql
        rows = [
            {"EndpointName": name, "Day": f"2026-10-{day + 1:02d}", "Calls": 3}
            for name, days in self.days.items()
            for day in range(days)
        ]
        return Rows(tuple(rows))


def settled_in(azure: FakeAzure, compute: dict[str, Any]) -> None:
    """Of a compute that was just made: a cluster of the spec gets its role, an instance runs."""
    if compute.get("identity"):
        grant_pull(azure, compute)
    elif compute["properties"].get("computeType") == "ComputeInstance":
        compute["properties"]["properties"]["state"] = "Running"


@dataclass
class ExpiryWorld:
    """``rule`` is the spec's. Everything in Azure is idle unless a test says otherwise."""

    rule: dict[str, Any] | None = None
    environment: str = "dev"
    project_end: str | None = None
    world: World = field(default_factory=World)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    logs: FakeLogs = field(default_factory=FakeLogs)

    def __post_init__(self) -> None:
        store = self.world.store
        self.objects = Objects(store, Kind.GOVERNANCE)
        self.notifications = Objects(store, Kind.RETRAINING)
        polls = PollPorts(self.metrics, self.logs, inventory=None, throttles=None)  # type: ignore[arg-type]
        self.deps = GovernanceDeps(
            objects=self.objects,
            notifications=self.notifications,
            workspaces=self.world.repository,
            projects=ProjectRepository(store),
            reader=self.world.azure,
            writer=self.world.azure,
            clock=self.world.clock,
            queue=self.world.queue,
            polls=polls,
        )
        self.world.azure.when_made[k.COMPUTE.lower()] = settled_in
        clock = self.world.clock
        self.machines = Machines(self.objects, parts(self.deps), self.world.queue, clock, clock, "test")

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    async def begin(self) -> None:
        """The workspace as an operation made it, old enough for any rule, with nothing in it."""
        operation = await self.world.do(OperationKind.CREATE)
        assert operation.status == "Succeeded", operation.error
        stored = await self.world.repository.load("ws")
        assert stored is not None
        spec = {
            "subscriptionId": SUBSCRIPTION,
            "environment": self.environment,
            "location": "westeurope",
            "owners": [OWNER],
            **({"expiry": self.rule} if self.rule is not None else {}),
        }
        await self.world.repository.save_record(stored, stored.record.model_copy(update={"spec": spec}))
        made = (self.now - timedelta(days=400)).isoformat()
        self.workspace = known(await self.record()).workspace_id
        self.world.azure.plant(self.workspace, properties={}, systemData={"createdAt": made})
        self.metrics.values[fold(self.workspace)] = {CONTROL: 3.0}
        if self.project_end is not None:
            await self.register(self.project_end)

    async def register(self, ends_on: str | None) -> None:
        """The project, with another last day."""
        registration = Registration.model_validate(
            {
                "subscriptions": [SUBSCRIPTION],
                "regions": ["westeurope"],
                "resourceGroupPrefix": "rg-",
                "endsOn": ends_on,
            }
        )
        stamps = {"created_at": self.now, "last_modified_at": self.now, "created_by": "t/r", "last_modified_by": "t/r"}
        project = ProjectRecord.model_validate({"name": "churn", "registration": registration, **stamps})
        row = Upsert("churn", dump(project))
        await self.world.store.commit(Kind.PROJECTS, [row])

    async def settle_workspace(self) -> None:
        """Its own operation, to the end."""
        active = (await self.record()).active_operation
        assert active is not None
        operation = await self.world.settle(active)
        assert operation.status == "Succeeded", operation.error

    async def record(self) -> WorkspaceRecord:
        stored = await self.world.repository.load("ws")
        assert stored is not None
        return stored.record

    def endpoint(self, name: str = "churn", requests: float | None = 0.0) -> str:
        """An online endpoint with two deployments; ``requests`` None: nothing was measured."""
        arm_id = f"{self.workspace}/onlineEndpoints/{name}"
        made = {"createdAt": (self.now - timedelta(days=300)).isoformat()}
        shown = {"provisioningState": "Succeeded", "authMode": "AADToken", "scoringUri": "https://x/score"}
        traffic = {"traffic": {"blue": 90, "green": 10}}
        identity = {"type": "SystemAssigned", "principalId": "p-1", "tenantId": "t"}
        here = {"location": "westeurope", "systemData": made}
        self.world.azure.plant(arm_id, **here, identity=identity, properties={**shown, **traffic})
        for deployment, count in (("blue", 2), ("green", 1)):
            body = {"provisioningState": "Succeeded", "model": "azureml:churn:1", "instanceType": "Standard_DS3_v2"}
            sku = {"name": "Default", "capacity": count}
            self.world.azure.plant(f"{arm_id}/deployments/{deployment}", **here, sku=sku, properties=body)
        if requests is not None:
            self.metrics.values[fold(arm_id)] = {REQUESTS: requests} if requests else {}
            for deployment in ("blue", "green"):
                self.metrics.values[fold(f"{arm_id}/deployments/{deployment}")] = {CAPACITY: 1.0}
        return arm_id

    def cluster(self, nodes: int, name: str = "cpu") -> None:
        inner = {"currentNodeCount": nodes, "targetNodeCount": nodes}
        properties = {"computeType": "AmlCompute", "properties": inner, "provisioningState": "Succeeded"}
        self.world.azure.plant(f"{self.workspace}/computes/{name}", properties=properties)

    def instance(self, state: str, name: str = "ada", **inner: Any) -> str:
        arm_id = f"{self.workspace}/computes/{name}"
        properties = {"computeType": "ComputeInstance", "properties": {"state": state, **inner}}
        self.world.azure.plant(arm_id, location="westeurope", properties=properties)
        return arm_id

    def job(self, name: str, status: str, made: datetime) -> None:
        stamps = {"createdAt": made.isoformat(), "lastModifiedAt": made.isoformat()}
        self.world.azure.plant(f"{self.workspace}/jobs/{name}", properties={"status": status}, systemData=stamps)

    def active(self, cores: float) -> None:
        self.metrics.values[fold(self.workspace)] = {CONTROL: 3.0, CORES: cores}

    # -- ticks -------------------------------------------------------------------------------------------------------

    async def look(self) -> Expiry:
        """One look of the expiry, whether or not it is due; what it left."""
        found = await self.objects.get(Expiry, ID)
        if found is None:
            await tick_object(Expiry.KIND, ID, self.machines)
        if found is not None:
            await self.objects.commit(put(found, found.value.model_copy(update={"due_at": self.now})))
        await tick_object(Expiry.KIND, ID, self.machines)
        return await self.expiry()

    async def expiry(self) -> Expiry:
        found = await self.objects.require(Expiry, ID)
        return found.value

    async def archive(self) -> Archive:
        found = await self.objects.require(Archive, ID)
        return found.value

    async def change(self, **update: Any) -> None:
        """What a person's request stores of the expiry."""
        found = await self.objects.require(Expiry, ID)
        await self.objects.commit(put(found, found.value.model_copy(update={"due_at": self.now, **update})))

    async def wish(self, state: ArchiveState) -> None:
        """What a person's :archive or :restore stores; the request is repeated after a crash."""
        found = await self.objects.get(Archive, ID)
        if found is not None and (found.value.state.takes is state.takes):
            return
        update = {"state": state, "due_at": self.now, "generation": 2}
        after = found.value.model_copy(update=update) if found is not None else Archive(
            id=ID, due_at=self.now, workspace="ws", incarnation=(await self.record()).incarnation, project="churn",
            by="t/ada", changed_at=self.now, state=state,
        )  # fmt: skip
        await self.objects.commit(put(found, after))

    async def settle(self, kind: type[Archive] | type[Expiry] = Archive, most: int = 400) -> None:
        """Ticks of everything, as queue and timer bring them, until the object rests. Survives one kill."""
        for _ in range(most):
            try:
                found = await self.objects.get(kind, ID)
                if found is None or found.value.due_at is None:
                    return
                for one in await self.objects.due(self.now + timedelta(microseconds=1)):
                    if one.kind == kind.KIND:
                        await tick_object(one.kind, one.id, self.machines)
                if await self._is_due():
                    await self.world.tick()
            except Killed:
                self.world.switch.revive()
                await asyncio.sleep(90.0)
            await asyncio.sleep(10.0)
        raise AssertionError(f"it does not rest: {await self.objects.get(kind, ID)}")

    async def tick(self) -> None:
        """One of the archive, due or not."""
        await tick_object(Archive.KIND, ID, self.machines)

    async def until(self, reached: Callable[[Archive], bool], most: int = 200) -> None:
        """As ``settle``, until the archive is so."""
        for _ in range(most):
            found = await self.archive()
            if reached(found):
                return
            if found.due_at is not None and found.due_at <= self.now:
                await self.tick()
            if await self._is_due():
                await self.world.tick()
            await asyncio.sleep(10.0)
        raise AssertionError(f"it does not come to that: {await self.archive()}")

    async def _is_due(self) -> bool:
        record = await self.record()
        return record.active_operation is not None and record.due_at is not None and record.due_at <= self.now

    async def told(self) -> list[str]:
        page = await self.notifications.page(Notification, of_workspace(Notification, "ws"), limit=1000)
        return [one.type for one in page.values][::-1]


@contextmanager
def meaning(made: ExpiryWorld) -> Iterator[ExpiryWorld]:
    """Ticks compile the record to the world's own resources: without the cluster while it is archived."""

    def compiled(record: WorkspaceRecord, deps: object) -> Blueprint:
        keys = {"cluster", "role/pull"} if record.archived else set()
        keys |= {"role/people"} if record.access_ended else set()
        kept = tuple(one for one in made.world.resources if one.key not in keys)
        return Blueprint("ws", SUBSCRIPTION, "westeurope", kept, (GROUP,))

    assert any(one.type == k.COMPUTE for one in made.world.resources)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell, "compile_record", compiled)
        yield made
