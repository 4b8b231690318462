"""A workspace, its store, its Azure and its ticks, in virtual time; with a blueprint of eleven resources."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from controlplane.operations.model import Condition, Operation, OperationKind
from controlplane.ports.store import Store
from controlplane.workspaces import kinds as k
from controlplane.workspaces.model import Blueprint, Expectation, Origin, Ref, Resource, RoleAssignmentId
from controlplane.workspaces.reconcile import TickDeps, shell, tick
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.fake_azure import FakeAzure
from tests.support.kill_switch import Killed, KillSwitch
from tests.support.memory_store import MemoryQueue, MemoryStore
from tests.support.virtual_time import VirtualClock

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ws"
BLOB = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
APPROVED = Expectation(
    "properties.privateLinkServiceConnections[*].properties.privateLinkServiceConnectionState.status",
    ("Approved",),
    "ConnectionNotApproved",
)


def _id(kind: str, name: str) -> str:
    return f"{GROUP}/providers/{kind}/{name}"


VNET, STORAGE, REGISTRY = _id(k.VNET, "vnet"), _id(k.STORAGE, "stws"), _id(k.REGISTRY, "crws")
ML = _id(k.ML_WORKSPACE, "mlw")
ENDPOINT = _id(k.PRIVATE_ENDPOINT, "pe-blob")


def resource(key: str, kind: str, arm_id: str | RoleAssignmentId, needs: tuple[str, ...], **more: Any) -> Resource:
    """A resource; ``body`` defaults to a location."""
    body = more.pop("body", {"location": "westeurope", "properties": {}})
    return Resource(key, kind, arm_id, k.API_VERSIONS[kind], body, needs, **more)


def role(key: str, holder: str, scope_key: str, scope: str, guid: str, origin: Origin = Origin.DECLARED) -> Resource:
    """A grant of ``guid`` at ``scope`` to the identity of ``holder``."""
    principal = Ref(holder, "identity.principalId")
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal}}
    arm_id = RoleAssignmentId(scope, guid, principal)
    return resource(key, k.ROLE_ASSIGNMENT, arm_id, tuple(sorted((holder, scope_key))), body=body, origin=origin)


def small_resources() -> tuple[Resource, ...]:
    """Group, network, subnet, storage, registry, logs, workspace, grant, endpoint, cluster, Azure's own grant."""
    identity = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": {}}
    closed = {"publicNetworkAccess": "Disabled"}
    account = {"location": "westeurope", "properties": {**closed, "allowSharedKeyAccess": False}}
    registry = {"location": "westeurope", "properties": {**closed, "adminUserEnabled": False}}
    workspace = {**identity, "properties": {"v1LegacyMode": False}}
    connection = {"name": "c", "properties": {"privateLinkServiceId": STORAGE, "groupIds": ["blob"]}}
    endpoint = {
        "location": "westeurope",
        "properties": {"subnet": {"id": f"{VNET}/subnets/a"}, "privateLinkServiceConnections": [connection]},
    }
    group = {"location": "westeurope", "tags": {"project": "churn"}}
    return (
        resource("resource-group", k.RESOURCE_GROUP, GROUP, (), body=group),
        resource("logs", k.LOG_ANALYTICS, _id(k.LOG_ANALYTICS, "logs"), ("resource-group",)),
        resource("registry", k.REGISTRY, REGISTRY, ("resource-group",), body=registry),
        resource("storage", k.STORAGE, STORAGE, ("resource-group",), body=account),
        resource("vnet", k.VNET, VNET, ("resource-group",)),
        resource(
            "subnet", k.SUBNET, f"{VNET}/subnets/a", ("vnet",), body={"properties": {"addressPrefix": "10.0.0.0/24"}}
        ),
        resource("endpoint", k.PRIVATE_ENDPOINT, ENDPOINT, ("storage", "subnet"), body=endpoint, ready=(APPROVED,)),
        resource("workspace", k.ML_WORKSPACE, ML, ("logs", "registry", "storage"), body=workspace),
        role("role/blob", "workspace", "storage", STORAGE, BLOB),
        resource("cluster", k.COMPUTE, f"{ML}/computes/cpu", ("endpoint", "workspace"), body=identity),
        role("role/pull", "cluster", "registry", REGISTRY, PULL, Origin.AZURE),
    )


def grant_pull(azure: FakeAzure, cluster: dict[str, Any]) -> None:
    """What Azure does when a cluster was made: AcrPull, under a name of its own, a little later."""
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{PULL}"
    name = uuid.uuid5(uuid.NAMESPACE_URL, "azure" + cluster["id"])
    arm_id = f"{REGISTRY}/providers/Microsoft.Authorization/roleAssignments/{name}"
    properties = {
        "scope": REGISTRY,
        "roleDefinitionId": definition,
        "principalId": cluster["identity"]["principalId"],
    }
    azure.later(3.0, lambda: azure.plant(arm_id, properties=properties))


def no_posture(*_: object) -> tuple[Condition, ...]:
    """The posture is another part's."""
    return ()


@dataclass
class World:
    """Everything a tick meets. ``resources`` is what the spec means."""

    switch: KillSwitch = field(default_factory=KillSwitch)
    azure: FakeAzure = field(default_factory=FakeAzure)
    resources: tuple[Resource, ...] = field(default_factory=small_resources)
    store: Store = field(init=False)
    clock: VirtualClock = field(default_factory=VirtualClock)
    system: VirtualClock | None = None
    """The machine's; None: it shows the same."""
    tick_seconds: float = 60.0
    number: int = 0

    def __post_init__(self) -> None:
        self.azure.switch = self.switch
        self.azure.when_made.setdefault(k.COMPUTE.lower(), grant_pull)
        self.store = MemoryStore(self.switch)
        self.queue = MemoryQueue(self.switch)

    @property
    def repository(self) -> WorkspaceRepository:
        return WorkspaceRepository(self.store)

    @property
    def deps(self) -> TickDeps:
        self.number += 1
        return TickDeps(
            repository=self.repository,
            reader=self.azure,
            writer=self.azure,
            clock=self.clock,
            system_clock=self.system,
            queue=self.queue,
            tenant_id="tenant",
            cloud="AzureCloud",
            owner=f"process-{self.number}",
            lease_seconds=90.0,
            tick_seconds=self.tick_seconds,
            max_parallel=16,
            durations=self.store,
            judge=no_posture,
        )

    def blueprint(self) -> Blueprint:
        return Blueprint("ws", SUBSCRIPTION, "westeurope", self.resources, (GROUP,))

    async def ask(self, kind: OperationKind, **more: Any) -> str:
        """Accepts an operation, as the service does; returns its id."""
        now = self.clock.now()
        stored = await self.repository.load("ws")
        generation = 1
        if stored is not None:
            generation = stored.record.generation + (kind is OperationKind.UPDATE)
        number = len((await self.store.query("workspaces", prefix="o!")).entities) + 1
        operation = Operation(
            id=f"op-{number}",
            kind=kind,
            target="workspaces/ws",
            project="churn",
            generation=generation,
            created_at=now,
            created_by="ada",
            last_modified_at=now,
            **more,
        )
        before = stored.record if stored else _record(now)
        record = before.model_copy(
            update={
                "active_operation": operation.id,
                "due_at": now,
                "generation": generation,
                "deleting": kind is OperationKind.DELETE,
            }
        )
        await self.repository.accept(record, operation, stored)
        return operation.id

    async def tick(self) -> None:
        await tick("ws", self.deps)

    async def settle(self, operation_id: str, most: int = 200) -> Operation:
        """Ticks as queue and timer would bring them, until the operation has ended. Survives one kill."""
        for _ in range(most):
            try:
                await self.tick()
            except Killed:
                self.switch.revive()
                await asyncio.sleep(90.0)
            operation = await self.operation(operation_id)
            if operation.status.is_terminal:
                return operation
            stored = await self.repository.load("ws")
            assert stored is not None and stored.record.due_at is not None
            await asyncio.sleep(max(0.0, (stored.record.due_at - self.clock.now()).total_seconds()))
        raise AssertionError(f"{operation_id} does not end: {await self.operation(operation_id)}")

    async def do(self, kind: OperationKind, **more: Any) -> Operation:
        """Asks and settles."""
        return await self.settle(await self.ask(kind, **more))

    async def operation(self, operation_id: str) -> Operation:
        found = await self.repository.load_operation(operation_id)
        assert found is not None
        return found.operation

    async def status(self) -> WorkspaceStatus:
        stored = await self.repository.load("ws")
        assert stored is not None
        return stored.status

    async def record(self) -> WorkspaceRecord | None:
        stored = await self.repository.load("ws")
        return stored.record if stored else None

    async def condition(self, kind: str = "Ready") -> Condition:
        (found,) = [c for c in (await self.status()).conditions if c.type == kind]
        return found


def _record(now: Any) -> WorkspaceRecord:
    return WorkspaceRecord(
        name="ws",
        project="churn",
        resource_group="rg-ws",
        spec={},
        created_at=now,
        created_by="ada",
        last_modified_at=now,
        last_modified_by="ada",
    )


@contextmanager
def meaning(world: World) -> Iterator[World]:
    """Ticks compile the record to the world's own resources."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell, "compile_record", lambda record, deps: world.blueprint())
        yield world


WorldFactory = Callable[..., World]
