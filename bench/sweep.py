"""The nightly pass and the collector over 10,000 workspaces in 50 subscriptions: how many calls they make beside the
fewest that Azure allows, and how that compares with one call for metrics for each workspace, three in flight, in the
same run.

Twice: on the simulator, with its throttling (``sweep_simulated``), which counts calls and refuses; and here on a fake
that counts calls, refuses what metrics:getBatch refuses, and takes ``LATENCY`` for each, which is what the times are
of: the simulator's own work is on the same processors, and would hide how many calls wait for each other. Rows, ticks
and leases are the product's own, on SQLite as under funchost; sixteen ticks at a time, as the host works on its queue.

Phase 1 asks who might be idle, past its end or over its budget: Resource Graph, metrics in batches, one query for costs
a subscription. Phase 2 is what the expiries of those it finds read for themselves. The collector's pace (one question
in seven seconds, for the tenant's quota) is the product's time and not waited for here.
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench import sweep_simulated
from bench.figures import Figure
from bench.sweep_estate import (
    GRAPH_PAGE,
    MOST_LOOK,
    MOST_MEGABYTES,
    RULE,
    WORKSPACES,
    Place,
    fewest,
    idle_names,
    idle_pass,
    look,
    places,
    remember,
    ticks,
)
from controlplane.arm import fold, subscription_of
from controlplane.clocks import SystemClock
from controlplane.governance.costs.model import CostScope, CostSweep, Course
from controlplane.governance.expiry.clues import CONTROL, CORES
from controlplane.governance.expiry.look import span_of
from controlplane.governance.expiry.model import Expiry, Verdict
from controlplane.governance.parts import parts
from controlplane.json_types import JsonObject
from controlplane.objects.tick import Machines, tick_object
from controlplane.ports.costs import CostQuestion, CostRow, Costs, Forecasted
from controlplane.ports.inventory import Found
from controlplane.ports.metrics import MOST_IDS, Answers, MetricsQuestion, Point
from controlplane.ports.reader import OperationReading
from controlplane.retraining.known import WORKSPACE_TYPE
from controlplane.retraining.polls.ports import PollPorts
from controlplane.store.sqlite_store import SqliteStore
from controlplane.triggers.fleet import FleetDeps, begin_costs
from tests.support.cost_world import CostWorld

LATENCY, NAIVE_AT_ONCE, MOST_READS = 0.05, 3, 10
METRICS, GRAPH, COSTS, FORECASTS = "metrics", "Resource Graph", "costs", "forecasts"


@dataclass
class CountedAzure:
    """Every port of the ticks; ``busy`` are the folded ids of workspaces that have nodes."""

    clock: Any
    spaces: list[Found] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    idle: set[str] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)
    reads: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    """Of one workspace, by subscription and second of the product's time."""

    async def _call(self, kind: str, one: str = "", times: int = 1) -> None:
        self.calls[kind] += times
        if one:
            self.reads[subscription_of(one) or "", self.clock.now().replace(microsecond=0)] += 1
        await asyncio.sleep(LATENCY * times)

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Answers:
        assert 0 < len(ids) <= MOST_IDS
        assert len({subscription_of(one) for one in ids}) == 1
        await self._call(METRICS, ids[0] if len(ids) == 1 else "")
        points = (Point(1.0, 1.0, 1.0, count=1),) * int((question.end - question.begin) / question.grain)
        return Answers(
            {
                fold(one): {CONTROL: points} if fold(one) in self.idle else {CONTROL: points, CORES: points}
                for one in ids
            }
        )

    async def workspaces(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        found = tuple(one for one in self.spaces if subscription_of(one.id) in set(subscriptions))
        await self._call(GRAPH, times=-(-len(found) // GRAPH_PAGE))
        return found

    async def query(self, subscription: str, question: CostQuestion) -> Costs:
        await self._call(COSTS)
        days = [question.begin + timedelta(days=one) for one in range((question.end - question.begin).days + 1)]
        groups = self.groups.get(subscription, ())
        rows = (CostRow(day, {"ResourceGroup": group}, Decimal("9.50")) for day in days for group in groups)
        return Costs(tuple(rows), "USD")

    async def forecast(self, scope: str, begin: date, end: date) -> Forecasted | None:
        await self._call(FORECASTS)
        return None

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        await self._call("reads", path)
        return {"id": path, "properties": {}, "systemData": {"createdAt": "2026-01-01T00:00:00+00:00"}}

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        await self._call("reads", path)
        if not path.endswith("/computes"):
            return ()
        inner = {"currentNodeCount": 0, "targetNodeCount": 0}
        return ({"id": f"{path}/cpu", "properties": {"computeType": "AmlCompute", "properties": inner}},)

    async def operation(self, url: str) -> OperationReading:
        raise NotImplementedError("nothing is written here")

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        await self._call("reads", path)
        return ()


@dataclass
class Estate:
    """The product's side and Azure's."""

    world: CostWorld
    azure: CountedAzure
    places: list[Place] = field(default_factory=list)
    idle: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Run:
    """Seconds and calls of one part."""

    seconds: float
    calls: Counter[str]

    @property
    def total(self) -> int:
        return sum(self.calls.values())


def measure() -> list[Figure]:
    """Called by ``python -m bench sweep``."""
    with tempfile.TemporaryDirectory() as folder:
        on_fake = asyncio.run(_measure(Path(folder)))
        return [*on_fake, *asyncio.run(sweep_simulated.measure(Path(folder)))]


async def _measure(folder: Path) -> list[Figure]:
    store = SqliteStore(str(folder / "store.db"))
    world = CostWorld(store=store)
    estate = Estate(world, CountedAzure(world.clock))
    azure = estate.azure
    polls = PollPorts(azure, None, azure, None)  # type: ignore[arg-type]  # logs and throttling have no part in it
    world.deps = replace(world.deps, polls=polls, reader=azure, costs=azure)
    world.machines = Machines(world.told, parts(world.deps), world.queue, world.clock, SystemClock(), "bench")
    await _grow(estate)
    idle, costs = await _timed(estate, idle_pass(world)), await _timed(estate, _collect(estate))
    looks = await _timed(estate, look(world, world.clock.advance))
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = [one for one in (await world.objects.page(Expiry, limit=WORKSPACES)).values if one.evidence]
    busiest = max(azure.reads.values(), default=0)
    naive = await _timed(estate, _naive(estate))
    store.close()
    return [*_phase_one(estate, idle, costs, naive), *_phase_two(estate, looks, found, busiest),
            Figure("sweep: memory", megabytes, "MiB", MOST_MEGABYTES, "on a fake")]  # fmt: skip


async def _timed(estate: Estate, work: Any) -> Run:
    estate.azure.calls = Counter()
    began = time.perf_counter()
    await work
    return Run(time.perf_counter() - began, estate.azure.calls)


async def _grow(estate: Estate) -> None:
    estate.idle, estate.places = idle_names(), places(estate.world)
    azure = estate.azure
    for one in estate.places:
        azure.spaces.append(Found(one.space.workspace_id, WORKSPACE_TYPE.lower(), one.region))
        azure.groups.setdefault(one.subscription, []).append(one.space.record.resource_group)
    azure.idle = {fold(one.space.workspace_id) for one in estate.places if one.space.name in estate.idle}
    await remember(estate.world, estate.places)


async def _collect(estate: Estate) -> None:
    """Phase 1: what was spent, once of each subscription."""
    world = estate.world
    await begin_costs(FleetDeps(world.objects, world.queue, world.clock))
    await tick_object(CostSweep.KIND, "costs", world.machines)
    # Each is due a pace after the one before: all of them are, when the last one is.
    begun = world.clock.now()
    due = [one for one in await world.objects.due(begun + timedelta(hours=1), WORKSPACES) if one.kind == CostScope.KIND]
    world.clock.advance(7.0 * len(due))
    await ticks(world, CostScope.KIND)
    world.clock.advance((begun - world.clock.now()).total_seconds())
    assert all(one.course is Course.FORECAST for one in (await world.objects.page(CostScope)).values)


async def _naive(estate: Estate) -> None:
    """One call for metrics for each workspace, three in flight, and nothing else: nothing is stored."""
    span = span_of(RULE["idleAfter"], estate.world.clock.now())
    asked = MetricsQuestion(WORKSPACE_TYPE.lower(), (CORES, CONTROL), span.begin, span.end, span.grain)
    room = asyncio.Semaphore(NAIVE_AT_ONCE)

    async def one(place: Place) -> None:
        async with room:
            await estate.azure.batch(place.region, [place.space.workspace_id], asked)

    await asyncio.gather(*(one(place) for place in estate.places))


def _phase_one(estate: Estate, idle: Run, costs: Run, naive: Run) -> list[Figure]:
    least, calls = fewest(estate.places), idle.total + costs.total
    told = ", ".join(f"{count} {kind}" for kind, count in sorted((idle.calls + costs.calls).items()))
    halves = f"on a fake: idle {idle.seconds:.1f} s, costs {costs.seconds:.1f} s"
    each = f"on a fake; one each: {naive.total}"
    beside = f"one call each, three in flight: {naive.seconds:.0f} s at {LATENCY * 1000:.0f} ms a call"
    return [
        Figure("sweep: calls of phase 1", calls, "calls", 1.1 * least.calls, f"on a fake: {told}; {least.words}"),
        Figure("sweep: phase 1", idle.seconds + costs.seconds, "s", naive.seconds / 10, f"{halves}; {beside}"),
        Figure("sweep: calls against one each", calls / naive.total, "of them", 1 / 20, each),
    ]


def _phase_two(estate: Estate, looks: Run, found: Sequence[Expiry], busiest: int) -> list[Figure]:
    idle = {one.workspace for one in found if one.evidence and one.evidence.verdict is Verdict.IDLE}
    most = max((one.evidence.calls for one in found if one.evidence), default=0)
    asked = f"on a fake; phase 2: {looks.total} calls in all"
    wrong = f"on a fake: {len(idle)} found of {len(estate.idle)}, {len(found)} looked"
    return [
        Figure("sweep: idle ones missed, others called idle", len(estate.idle ^ idle), "workspaces", 0, wrong),
        Figure("sweep: calls of a candidate", most, "calls", MOST_LOOK, asked),
        Figure("sweep: reads a second and subscription", busiest, "reads", MOST_READS, "on a fake, product's time"),
    ]
