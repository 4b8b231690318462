"""A fleet of endpoints on a store in memory, and an Azure Monitor that counts its calls and refuses what Azure does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.arm import fold, subscription_of, type_of
from controlplane.errors import ControlPlaneError, Rejected
from controlplane.objects.repository import Stored
from controlplane.ports.inventory import Found
from controlplane.ports.logs import Rows
from controlplane.ports.metrics import Answers, MetricsQuestion, Point
from controlplane.ports.store import Insert
from controlplane.retraining.known import Known, known
from controlplane.retraining.polls.judge import DEPLOYMENT, ENDPOINT
from controlplane.retraining.polls.model import WINDOW, Watched, slot_at, watched_id
from controlplane.retraining.polls.ports import PollPorts
from controlplane.retraining.polls.queries import TRAFFIC
from controlplane.triggers.monitors import MonitorDeps, begin_sweep
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from controlplane.workspaces.shares import group_row
from tests.support.retraining_world import RetrainingWorld

REGIONS = ("westeurope", "northeurope", "swedencentral")


@dataclass(frozen=True)
class Batch:
    """One call for metrics."""

    region: str
    type: str
    ids: tuple[str, ...]
    begin: datetime
    end: datetime


@dataclass
class CountingMonitor:
    """``ports.metrics``, ``ports.logs``, ``ports.inventory`` and what Resource Manager told us, in memory."""

    found: list[Found] = field(default_factory=list)
    spaces: list[Found] = field(default_factory=list)
    """Machine learning workspaces."""
    measured: dict[str, dict[str, tuple[Point, ...]]] = field(default_factory=dict)
    """By folded id; what is not here has no samples."""
    unknown: dict[str, str] = field(default_factory=dict)
    """By folded id: why not all of it was answered."""
    calls: list[Batch] = field(default_factory=list)
    refused: list[Batch] = field(default_factory=list)
    errors: list[ControlPlaneError] = field(default_factory=list)
    """The next calls for metrics meet these."""
    meanwhile: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What happens while the next calls for metrics are on their way."""
    rows: dict[str, Rows] = field(default_factory=dict)
    """By what a query begins with."""
    log_errors: list[ControlPlaneError] = field(default_factory=list)
    queries: Counter[str] = field(default_factory=Counter)
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)
    inventories: int = 0
    inventory_errors: list[ControlPlaneError] = field(default_factory=list)
    waited: float | None = None

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Answers:
        """Refuses what metrics:getBatch refuses."""
        places = {fold(one.id): one.location for one in (*self.found, *self.spaces)}
        assert 0 < len({fold(one) for one in ids}) == len(ids) <= 50
        assert {type_of(one).lower() for one in ids} == {question.namespace}
        assert len({subscription_of(one) for one in ids}) == 1
        assert {places[fold(one)] for one in ids} == {region}
        asked = Batch(region, question.namespace, tuple(ids), question.begin, question.end)
        if self.errors:
            self.refused.append(asked)
            raise self.errors.pop(0)
        self.calls.append(asked)
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        asked = [fold(one) for one in ids]
        unknown = {one: why for one, why in self.unknown.items() if one in asked}
        return Answers({one: self.measured.get(one, {}) for one in asked}, unknown)

    async def query(self, workspace_id: str, kql: str, begin: datetime, end: datetime) -> Rows:
        table = kql.partition("\n")[0]
        self.queries[table] += 1
        self.spans.append((begin, end))
        if self.log_errors:
            raise self.log_errors.pop(0)
        return self.rows.get(table, Rows(()))

    async def online(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        self.inventories += 1
        if self.inventory_errors:
            raise self.inventory_errors.pop(0)
        return tuple(one for one in self.found if subscription_of(one.id) in subscriptions)

    async def workspaces(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        self.inventories += 1
        if self.inventory_errors:
            raise self.inventory_errors.pop(0)
        return tuple(one for one in self.spaces if subscription_of(one.id) in subscriptions)

    async def waits(self, subscription: str) -> float | None:
        return self.waited


@dataclass
class PolledWorld(RetrainingWorld):
    """``ws`` has endpoint ``ep`` with deployment ``blue``, once :meth:`serve` was called."""

    monitor: CountingMonitor = field(default_factory=CountingMonitor)

    def ports(self) -> PollPorts:
        return PollPorts(self.monitor, self.monitor, self.monitor, self.monitor)

    @property
    def endpoint(self) -> str:
        return f"{self.known.workspace_id}/onlineEndpoints/ep"

    @property
    def deployment(self) -> str:
        return f"{self.endpoint}/deployments/blue"

    def serve(self) -> None:
        self.monitor.found = [
            Found(self.endpoint, ENDPOINT, "westeurope"), Found(self.deployment, DEPLOYMENT, "westeurope")
        ]  # fmt: skip

    async def grow(self, workspaces: int, endpoints: int, subscriptions: int, regions: Sequence[str] = REGIONS) -> None:
        """Endpoints with one deployment each, spread over workspaces, those over subscriptions and regions."""
        writes, spaces = [], list[Known]()
        for number in range(workspaces):
            name = f"ws-{number:03d}"
            subscription = f"00000000-0000-0000-0000-{1 + number % subscriptions:012d}"
            spec = {**self.record.spec, "subscriptionId": subscription}
            record = self.record.model_copy(update={"name": name, "resource_group": f"rg-{name}", "spec": spec})
            spaces.append(known(record))
            group = group_row(subscription, record.resource_group)
            writes += [Insert(f"w!{name}", dump(record)), Insert(group, {"workspace": name})]
        for begin in range(0, len(writes), 50):
            await self.store.commit(PARTITION, writes[begin : begin + 50])
        self.monitor.found = list(_spread(spaces, endpoints, regions))

    async def sweep(self) -> bool:
        """The timer fires."""
        return await begin_sweep(MonitorDeps(self.objects, self.queue, self.clock))

    async def window(self) -> int:
        """A quarter of an hour later the timer fires, and all that is due is done."""
        await self.clock.sleep(900)
        await self.sweep()
        return await self.tick()

    async def remembered(self, target: str, part: str = "") -> Stored[Watched] | None:
        return await self.objects.get(Watched, watched_id("ws", fold(target) + part))

    def measure(self, target: str, **values: float | None) -> None:
        """Three grains of each metric, the same in each; None: no samples."""
        found = {name: (Point(value, value, value / 3),) * 3 for name, value in values.items() if value is not None}
        self.monitor.measured[fold(target)] = found

    def wait_for_bandwidth(self, milliseconds: float) -> None:
        """What the traffic log says of the window that the next sweep asks for."""
        window = slot_at(self.clock.now() + WINDOW) - 2 * WINDOW
        row = {"EndpointName": "ep", "Window": window, "Calls": 1000, "Errors": 0, "Server": 0, "Delay": milliseconds}
        self.monitor.rows[TRAFFIC.partition("\n")[0]] = Rows(({**row, "DelayBack": 0},))


def _spread(spaces: Sequence[Known], endpoints: int, regions: Sequence[str]) -> Iterator[Found]:
    """A workspace is in one region."""
    for number in range(endpoints):
        place = number % len(spaces)
        subscriptions = len({str(one.record.spec["subscriptionId"]) for one in spaces})
        region = regions[place // subscriptions % len(regions)]
        endpoint = f"{spaces[place].workspace_id}/onlineEndpoints/ep-{number:04d}"
        yield Found(endpoint, ENDPOINT, region)
        yield Found(f"{endpoint}/deployments/blue", DEPLOYMENT, region)


def least(found: Sequence[Found]) -> int:
    """Σ⌈n/50⌉ over subscription, region and type."""
    groups = Counter((subscription_of(one.id), one.location, one.type) for one in found)
    return sum(-(-count // 50) for count in groups.values())


def forbidden() -> Rejected:
    """As Azure refuses who may not read metrics at the subscription."""
    return Rejected("AuthorizationFailed", "Microsoft.Insights/metrics/read", status=403)
