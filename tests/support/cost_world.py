"""Workspaces in subscriptions of a Cost Management that counts its questions; ticks of what was spent, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.audit.model import Kind
from controlplane.clocks import SystemClock
from controlplane.errors import ControlPlaneError
from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.rules import parse_budget
from controlplane.governance.costs.model import CostScope, CostSweep, LiveScope, LiveSweep, Spend, spend_id
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.parts import parts
from controlplane.governance.scope import ScopeKind
from controlplane.governance.sweeps.model import FleetSweep, IdleBatch
from controlplane.notifications.model import Notification
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import Machines, tick_object
from controlplane.ports.costs import CostQuestion, CostRow, Costs, Forecasted
from controlplane.ports.prices import RetailPrices
from controlplane.ports.store import Insert, Store
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.known import Known, known
from controlplane.retraining.polls.ports import PollPorts
from controlplane.triggers.fleet import FleetDeps, begin_costs, begin_fleet, begin_live
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.repository import WorkspaceRepository, dump
from controlplane.workspaces.rows import PARTITION
from tests.support.clock import FrozenClock
from tests.support.fake_azure import FakeAzure
from tests.support.memory_store import MemoryQueue, MemoryStore
from tests.support.polled import CountingMonitor

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
#: The middle of a month.
NOON = datetime(2026, 11, 16, 12, 0, tzinfo=UTC)
RULE: dict[str, Any] = {
    "monthly": {"amount": 100, "currency": "USD"},
    "tiers": [{"at": 50}, {"at": 100, "act": "ask"}],
}


@dataclass
class MemoryCosts:
    """``ports.costs``: rows by day, folded group, resource and meter."""

    rows: dict[tuple[date, str, str, str], Decimal] = field(default_factory=dict)
    currency: str = "USD"
    forecasts: dict[str, Decimal] = field(default_factory=dict)
    """By folded scope; another has too little history."""
    asked: list[tuple[str, CostQuestion]] = field(default_factory=list)
    forecasted: list[str] = field(default_factory=list)
    errors: list[ControlPlaneError] = field(default_factory=list)
    """The next questions meet these."""

    def spend(self, day: date, group: str, amount: str, resource: str = "", meter: str = "D2s v3") -> None:
        key = (day, group.lower(), resource.lower() or f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{group}/x", meter)
        self.rows[key] = self.rows.get(key, Decimal(0)) + Decimal(amount)

    async def query(self, subscription: str, question: CostQuestion) -> Costs:
        self.asked.append((subscription, question))
        if self.errors:
            raise self.errors.pop(0)
        sums: dict[tuple[date, tuple[tuple[str, str], ...]], Decimal] = {}
        for (day, group, resource, meter), cost in self.rows.items():
            if not resource.startswith(f"/subscriptions/{subscription}/") or not question.begin <= day <= question.end:
                continue
            if question.groups and group not in question.groups:
                continue
            named = {"ResourceGroup": group, "ResourceId": resource, "Meter": meter.lower()}
            key = (day, tuple((one, named[one]) for one in question.by))
            sums[key] = sums.get(key, Decimal(0)) + cost
        rows = tuple(CostRow(day, dict(keys), cost) for (day, keys), cost in sums.items())
        return Costs(rows, self.currency if rows else None)

    async def forecast(self, scope: str, begin: date, end: date) -> Forecasted | None:
        self.forecasted.append(scope)
        if self.errors:
            raise self.errors.pop(0)
        amount = self.forecasts.get(scope.lower())
        return None if amount is None else Forecasted(amount, self.currency)


@dataclass
class CostWorld:
    """Workspaces that :meth:`add` made."""

    store: Store = field(default_factory=MemoryStore)
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(NOON))
    azure: FakeAzure = field(default_factory=FakeAzure)
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    costs: MemoryCosts = field(default_factory=MemoryCosts)
    monitor: CountingMonitor = field(default_factory=CountingMonitor)

    def __post_init__(self) -> None:
        self.objects, self.told = Objects(self.store, Kind.GOVERNANCE), Objects(self.store, Kind.RETRAINING)
        self.deps = GovernanceDeps(
            objects=self.objects,
            notifications=self.told,
            workspaces=WorkspaceRepository(self.store),
            projects=ProjectRepository(self.store),
            reader=self.azure,
            writer=self.azure,
            clock=self.clock,
            queue=self.queue,
            polls=PollPorts(self.monitor, self.monitor, self.monitor, self.monitor),
            costs=self.costs,
        )
        self.machines = Machines(self.told, parts(self.deps), self.queue, self.clock, SystemClock(), "test")

    def with_prices(self, prices: RetailPrices | None) -> GovernanceDeps:
        """Ticks ask this list from now on."""
        self.deps = replace(self.deps, prices=prices)
        self.machines = Machines(self.told, parts(self.deps), self.queue, self.clock, SystemClock(), "test")
        return self.deps

    def record(self, name: str, **changes: Any) -> WorkspaceRecord:
        at = self.clock.now() - timedelta(days=60)
        spec = {"subscriptionId": SUBSCRIPTION, "environment": "dev", "location": "westeurope", "workload": "classical"}
        record = WorkspaceRecord(
            name=name, project="churn", resource_group=f"rg-{name}", spec=spec,
            created_at=at, created_by="t/ada", last_modified_at=at, last_modified_by="t/ada",
        )  # fmt: skip
        return record.model_copy(update=changes)

    async def add(self, *names: str, **changes: Any) -> list[Known]:
        records = [self.record(name, **changes) for name in names]
        for one in records:
            await self.store.commit(PARTITION, [Insert(f"w!{one.name}", dump(one))])
        return [known(one) for one in records]

    async def budget(self, scope: str = "workspace.ws", **changes: Any) -> None:
        kind, _, name = scope.partition(".")
        now = self.clock.now()
        made = Budget(
            id=scope, kind=ScopeKind(kind), name=name, project="churn", incarnation=1,
            rule=parse_budget({**RULE, **changes}), due_at=now + timedelta(days=2),
            born_at=now, last_modified_at=now, last_modified_by="t/ada",
        )  # fmt: skip
        await self.objects.commit(put(None, made))

    async def collect(self) -> None:
        """The timer fires, and all that is due of it is done, each when it is."""
        await begin_costs(FleetDeps(self.objects, self.queue, self.clock))
        await tick_object(CostSweep.KIND, "costs", self.machines)
        await self.run(CostScope.KIND)

    async def look(self) -> None:
        """The other timer."""
        await begin_live(FleetDeps(self.objects, self.queue, self.clock))
        await tick_object(LiveSweep.KIND, "live", self.machines)
        await self.run(LiveScope.KIND)

    async def sweep(self) -> None:
        """The nightly timer; expiries are not ticked."""
        await begin_fleet(FleetDeps(self.objects, self.queue, self.clock))
        await tick_object(FleetSweep.KIND, "fleet", self.machines)
        await self.run(IdleBatch.KIND)

    async def run(self, kind: str) -> None:
        """Ticks of a kind until none is due any more; the clock goes on to where the next one is."""
        while True:
            due = [one for one in await self.objects.due(self.clock.now() + timedelta(days=1)) if one.kind == kind]
            if not due:
                return
            at = datetime.strptime(due[0].row.split("!")[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
            self.clock.advance(max(0.0, (at - self.clock.now()).total_seconds()))
            await tick_object(kind, due[0].id, self.machines)

    async def spent(self, name: str = "ws") -> Spend:
        return (await self.objects.require(Spend, spend_id(name))).value

    async def scope(self, subscription: str = SUBSCRIPTION) -> CostScope:
        return (await self.objects.require(CostScope, subscription)).value

    async def notifications(self) -> Sequence[Notification]:
        return (await self.told.page(Notification)).values

    def cluster(self, space: Known, name: str, nodes: int, size: str = "Standard_DS3_v2", **more: Any) -> None:
        """It has so many nodes now, since now."""
        inner = {"vmSize": size, "vmPriority": "Dedicated", "currentNodeCount": nodes, "allocationState": "Steady",
                 "allocationStateTransitionTime": self.clock.now().isoformat(), **more}  # fmt: skip
        properties: Mapping[str, Any] = {"computeType": "AmlCompute", "properties": inner}
        self.azure.plant(f"{space.workspace_id}/computes/{name}", properties=dict(properties))
