"""A workspace on an Azure in memory, its budget and what it spent; ticks of the budget by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.arm import group_id
from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.rules import parse_budget
from controlplane.governance.costs.model import Live, Spend
from controlplane.governance.costs.view import month_of
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.parts import parts
from controlplane.governance.scope import ScopeKind
from controlplane.notifications.model import Notification
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import Machines, tick_object
from controlplane.ports.store import Insert, Store
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.known import Known, known
from controlplane.retraining.monitors.callbacks import Callbacks
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import WorkspaceRepository, dump
from controlplane.workspaces.rows import PARTITION
from tests.support.clock import START, FrozenClock
from tests.support.fake_azure import FakeAzure
from tests.support.memory_store import MemoryQueue, MemoryStore

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
CALLBACKS = Callbacks(
    tenant_id="t",
    events_url="https://x.test/events",
    alerts_url="https://x.test/api/alerts",
    alerts_app="api://x",
    alerts_app_object="o",
)
RULE: dict[str, Any] = {
    "monthly": {"amount": 1000, "currency": "USD"},
    "tiers": [
        {"at": 50},
        {"at": 80, "act": "ask"},
        {"at": 100, "act": "blockComputes"},
        {"at": 120, "act": "blockJobs"},
        {"at": 150, "act": "freeze"},
    ],
    "notice": "PT2H",
}


@dataclass
class BudgetWorld:
    """``ws`` has a cluster with three nodes of at most four, and an instance that runs."""

    store: Store = field(default_factory=MemoryStore)
    clock: FrozenClock = field(default_factory=FrozenClock)
    azure: FakeAzure = field(default_factory=FakeAzure)
    queue: MemoryQueue = field(default_factory=MemoryQueue)

    def __post_init__(self) -> None:
        self.objects, self.told = Objects(self.store, Kind.GOVERNANCE), Objects(self.store, Kind.RETRAINING)
        self.workspaces = WorkspaceRepository(self.store)
        self.deps = GovernanceDeps(
            objects=self.objects,
            notifications=self.told,
            workspaces=self.workspaces,
            projects=ProjectRepository(self.store),
            reader=self.azure,
            writer=self.azure,
            clock=self.clock,
            queue=self.queue,
            callbacks=CALLBACKS,
        )
        self.remake()
        cluster = {"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 4, "minNodes": 1}
        self.record = WorkspaceRecord(
            name="ws", project="churn", resource_group="rg-ws",
            spec={
                "subscriptionId": SUBSCRIPTION, "environment": "dev", "project": "churn", "location": "westeurope",
                "owners": ["00000000-0000-0000-0000-0000000000a1"], "network": {"addressSpace": "10.40.0.0/22"},
                "compute": {"clusters": [cluster]},
            },
            address_space="10.40.0.0/22",
            created_at=START, created_by="t/ada", last_modified_at=START, last_modified_by="t/ada",
        )  # fmt: skip

    def remake(self) -> None:
        """Machines of what the dependencies are now."""
        self.machines = Machines(self.told, parts(self.deps), self.queue, self.clock, SystemClock(), "test")

    @property
    def known(self) -> Known:
        return known(self.record)

    def compute(self, name: str) -> str:
        return f"{self.known.workspace_id}/computes/{name}"

    async def begin(self, **changes: Any) -> None:
        """The workspace, its computes in Azure, and its budget."""
        await self.store.commit(PARTITION, [Insert("w!ws", dump(self.record))])
        self.azure.plant(group_id(SUBSCRIPTION, "rg-ws"))
        self.azure.plant(self.known.workspace_id)
        scale = {"minNodeCount": 1, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"}
        self.azure.plant(
            self.compute("cpu"),
            properties={
                "computeType": "AmlCompute",
                "provisioningState": "Succeeded",
                "properties": {"scaleSettings": scale, "currentNodeCount": 3},
            },
        )
        self.azure.plant(
            self.compute("ada"),
            properties={
                "computeType": "ComputeInstance",
                "provisioningState": "Succeeded",
                "properties": {"state": "Running"},
            },
        )
        now = self.clock.now()
        budget = Budget(
            id="workspace.ws", kind=ScopeKind.WORKSPACE, name="ws", project="churn", incarnation=1, due_at=now,
            rule=parse_budget({**RULE, **changes}), born_at=now, last_modified_at=now, last_modified_by="t/ada",
        )  # fmt: skip
        await self.objects.commit(put(None, budget))

    async def spend(self, rows: str, live: str = "0", **changes: Any) -> None:
        """What the collector would have stored."""
        now = self.clock.now()
        stored = await self.objects.get(Spend, "workspace.ws")
        after = Spend(
            id="workspace.ws", workspace="ws", incarnation=1, project="churn", month=month_of(now), currency="USD",
            as_of=now, through=now.date(), days={now.date().isoformat(): Decimal(rows)},
            live=Live(at=now, since=now - timedelta(hours=8), amount=Decimal(live)),
        ).model_copy(update=changes)  # fmt: skip
        await self.objects.commit(put(stored, after))

    async def tick(self, hours: float = 0.0) -> Budget:
        self.clock.advance(hours * 3600)
        await tick_object(Budget.KIND, "workspace.ws", self.machines)
        return await self.budget()

    def until(self, text: str) -> None:
        """Sets the clock forward to a time."""
        self.clock.advance((datetime.fromisoformat(text) - self.clock.now()).total_seconds())

    async def budget(self) -> Budget:
        return (await self.objects.require(Budget, "workspace.ws")).value

    async def change(self, **changes: Any) -> None:
        """As a request would."""
        stored = await self.objects.require(Budget, "workspace.ws")
        await self.objects.commit(put(stored, stored.value.model_copy(update=changes)))

    async def rule(self, **changes: Any) -> None:
        budget = await self.budget()
        await self.change(rule=parse_budget({**RULE, **changes}), generation=budget.generation + 1)

    async def titles(self) -> list[str]:
        page = await self.told.page(Notification)
        return sorted(one.title for one in page.values)

    def scale(self) -> tuple[int, int]:
        """Minimum and maximum of the cluster's nodes."""
        settings = self.azure.body(self.compute("cpu"))["properties"]["properties"]["scaleSettings"]
        return settings["minNodeCount"], settings["maxNodeCount"]

    def nodes(self, count: int) -> None:
        self.azure.body(self.compute("cpu"))["properties"]["properties"]["currentNodeCount"] = count

    def instance(self) -> str:
        return str(self.azure.body(self.compute("ada"))["properties"]["properties"]["state"])

    def policies(self) -> list[str]:
        return sorted(one.rpartition("/")[2] for one in self.azure.resources if "/policyassignments/" in one)
