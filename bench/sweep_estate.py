"""Ten thousand workspaces in fifty subscriptions, as the product knows them, and what it does with them at night."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from controlplane.governance.expiry.model import Expiry
from controlplane.governance.expiry.storing import made
from controlplane.governance.sweeps.model import FleetSweep, IdleBatch
from controlplane.objects.repository import put
from controlplane.objects.tick import tick_object
from controlplane.ports.metrics import MOST_IDS
from controlplane.ports.store import Insert, Write
from controlplane.retraining.known import Known, known
from controlplane.triggers.fleet import FleetDeps, begin_fleet
from controlplane.workspaces.repository import dump
from controlplane.workspaces.rows import PARTITION
from tests.support.cost_world import CostWorld
from tests.support.polled import REGIONS

WORKSPACES, SUBSCRIPTIONS, IDLE_SHARE, SEED = 10_000, 50, 0.01, 6
RULE = {"idleAfter": "P7D", "grace": "P7D", "action": "archive"}
AT_ONCE, GRAPH_PAGE = 16, 1000
MOST_MEGABYTES, MOST_LOOK = 300, 8


@dataclass(frozen=True)
class Place:
    """One workspace, and where it is."""

    space: Known
    subscription: str
    region: str


@dataclass(frozen=True)
class Fewest:
    """Of phase 1: what Azure's own limits on the size of a question leave."""

    pages: int
    batches: int
    queries: int

    @property
    def calls(self) -> int:
        return self.pages + self.batches + self.queries

    @property
    def words(self) -> str:
        return f"the fewest are {self.pages} pages + {self.batches} batches + {self.queries} queries"


def idle_names() -> frozenset[str]:
    """A seeded share; the others have nodes."""
    chosen = random.Random(SEED).sample(range(WORKSPACES), round(WORKSPACES * IDLE_SHARE))
    return frozenset(f"ws-{one:05d}" for one in chosen)


def places(world: CostWorld) -> list[Place]:
    found = []
    for number in range(WORKSPACES):
        name, region = f"ws-{number:05d}", REGIONS[number // SUBSCRIPTIONS % len(REGIONS)]
        subscription = f"00000000-0000-0000-0001-{number % SUBSCRIPTIONS:012d}"
        spec = {**world.record(name).spec, "subscriptionId": subscription, "location": region, "expiry": RULE}
        found.append(Place(known(world.record(name, spec=spec)), subscription, region))
    return found


def fewest(found: Sequence[Place]) -> Fewest:
    groups = Counter((one.subscription, one.region) for one in found)
    batches = sum(-(-count // MOST_IDS) for count in groups.values())
    return Fewest(-(-len(found) // GRAPH_PAGE), batches, len({one.subscription for one in found}))


async def remember(world: CostWorld, found: Sequence[Place]) -> None:
    """Their rows, and an expiry each, which looks in some days unless it is called."""
    later = {"due_at": world.clock.now() + timedelta(days=5)}
    writes: list[Write] = [Insert(f"w!{one.space.name}", dump(one.space.record)) for one in found]
    expiries: list[Write] = []
    for one in found:
        expiries += put(None, made(one.space.record, world.clock.now(), "t/ada").model_copy(update=later))
    for begin in range(0, len(writes), 90):
        await world.store.commit(PARTITION, writes[begin : begin + 90])
    for begin in range(0, len(expiries), 90):
        await world.objects.commit(expiries[begin : begin + 90])


async def idle_pass(world: CostWorld) -> None:
    """Phase 1: who might be idle."""
    await begin_fleet(FleetDeps(world.objects, world.queue, world.clock))
    await tick_object(FleetSweep.KIND, "fleet", world.machines)
    await ticks(world, IdleBatch.KIND)


async def look(world: CostWorld, advance: Callable[[float], None]) -> None:
    """Phase 2: whoever was found looks for itself, when it is its turn."""
    while True:
        due = await world.objects.due(world.clock.now() + timedelta(hours=1), WORKSPACES)
        times = sorted({one.row.split("!")[1] for one in due if one.kind == Expiry.KIND})
        if not times:
            return
        at = datetime.strptime(times[0], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        advance(max(0.0, (at - world.clock.now()).total_seconds()))
        await ticks(world, Expiry.KIND)


async def ticks(world: CostWorld, kind: str) -> None:
    """Everything of a kind that is due now, once; as many at a time as the host does."""
    due = [one.id for one in await world.objects.due(world.clock.now(), WORKSPACES) if one.kind == kind]
    room = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> None:
        async with room:
            await tick_object(kind, name, world.machines)

    await asyncio.gather(*(one(name) for name in due))
