"""The nightly pass: so few calls, whoever may be idle looks for itself, and unknown is no candidate."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from controlplane.arm import fold
from controlplane.errors import Rejected, Transient
from controlplane.governance.expiry.clues import CONTROL, CORES
from controlplane.governance.expiry.look import span_of
from controlplane.governance.expiry.model import Expiry, Stage, expiry_id
from controlplane.governance.expiry.storing import made
from controlplane.governance.sweeps.model import IN_USE, FleetSweep, IdleBatch, Member, batch_ids
from controlplane.objects.repository import put
from controlplane.ports.inventory import Found
from controlplane.ports.metrics import Point
from controlplane.retraining.known import WORKSPACE_TYPE
from tests.support.cost_world import CostWorld
from tests.support.expiry_world import ExpiryWorld, meaning
from tests.support.polled import least
from tests.support.tick_world import SUBSCRIPTION
from tests.support.virtual_time import run

RULE = {"idleAfter": "P30D", "grace": "P7D", "action": "archive"}


async def grown(world: CostWorld, count: int, subscriptions: int = 1, **spec: object) -> list[str]:
    """Workspaces with a rule and an expiry that looks in a day; each as Graph lists it."""
    names = [f"ws-{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        subscription = f"00000000-0000-0000-0000-{number % subscriptions:012d}"
        own = {**world.record(name).spec, "subscriptionId": subscription, "expiry": RULE, **spec}
        (space,) = await world.add(name, spec=own)
        expiry = made(space.record, world.clock.now(), "t/ada")
        later = expiry.model_copy(update={"due_at": world.clock.now() + timedelta(days=1)})
        await world.objects.commit(put(None, later))
        region = ("westeurope", "northeurope")[number // subscriptions % 2]
        world.monitor.spaces.append(Found(space.workspace_id, WORKSPACE_TYPE.lower(), region))
    return names


def measure(world: CostWorld, place: int, cores: float | None, *, control: bool = True) -> None:
    """None: no sample."""
    count = span_of("P30D", world.clock.now()).points
    found = {} if cores is None else {CORES: (Point(cores, cores, cores, count=1),) * count}
    if control:
        found[CONTROL] = (Point(1.0, 1.0, 1.0, count=1),) * count
    world.monitor.measured[fold(world.monitor.spaces[place].id)] = found


async def candidates(world: CostWorld) -> list[str]:
    """Whose expiry is due soon."""
    found = (await world.objects.page(Expiry)).values
    soon = world.clock.now() + timedelta(hours=1)
    return sorted(one.workspace for one in found if one.due_at and one.due_at <= soon)


async def test_one_list_and_a_call_for_each_fifty_of_a_subscription_and_region() -> None:
    world = CostWorld()
    await grown(world, 130, 2)
    await world.sweep()
    monitor = world.monitor
    assert (monitor.inventories, len(monitor.calls)) == (1, least(monitor.spaces))
    read = Counter(one for call in monitor.calls for one in call.ids)
    assert (len(read), set(read.values())) == (130, {1})
    sweep = (await world.objects.require(FleetSweep, "fleet")).value
    assert (sweep.workspaces, sweep.missing, sweep.due_at) == (130, 0, None)


async def test_who_was_quiet_looks_for_itself_and_nobody_else() -> None:
    world = CostWorld()
    await grown(world, 4)
    measure(world, 0, None)  # quiet: no sample, and the control has some
    measure(world, 1, 4.0)
    measure(world, 2, None, control=False)
    await world.sweep()
    assert await candidates(world) == ["ws-000"]
    (west, north) = sorted((await world.objects.page(IdleBatch)).values, key=lambda one: one.region, reverse=True)
    assert (west.candidates, list(west.in_use), west.unknown) == (1, [], 1)
    assert (north.candidates, list(north.in_use), north.unknown) == (0, ["ws-001"], 1)


@pytest.mark.parametrize(
    "error", [Rejected("AuthorizationFailed", "No.", status=403), Transient("Away", "Away.", retry_after=900.0)]
)
async def test_a_call_that_fails_makes_nobody_a_candidate(error: Rejected | Transient) -> None:
    world = CostWorld()
    await grown(world, 2)
    for place in range(2):
        measure(world, place, None)
    world.monitor.errors += [error] * 100
    await world.sweep()
    assert await candidates(world) == []
    assert sum(one.unknown for one in (await world.objects.page(IdleBatch)).values) == 2


async def test_whose_metric_failed_is_no_candidate_and_the_reason_is_kept() -> None:
    """Without samples of Active Cores, and with those of the control: idle, were it not for the failure."""
    world = CostWorld()
    await grown(world, 2)
    for place in range(2):
        measure(world, place, None)
    world.monitor.unknown[fold(world.monitor.spaces[0].id)] = f"{CORES}: Timeout: Took too long."
    await world.sweep()
    assert await candidates(world) == ["ws-001"]
    batches = {one.members[0].name: one for one in (await world.objects.page(IdleBatch)).values}
    assert (batches["ws-000"].unknown, batches["ws-000"].why) == (1, f"ws-000: {CORES}: Timeout: Took too long.")
    assert (batches["ws-001"].unknown, batches["ws-001"].why) == (0, None)


async def test_who_graph_does_not_list_is_counted_as_missing() -> None:
    world = CostWorld()
    await grown(world, 3)
    world.monitor.spaces.pop()
    await world.sweep()
    sweep = (await world.objects.require(FleetSweep, "fleet")).value
    assert (sweep.workspaces, sweep.missing) == (3, 1)


async def test_a_slot_is_swept_once_and_what_was_begun_already_is_left() -> None:
    world = CostWorld()
    await grown(world, 2)
    stored = await world.objects.require(Expiry, expiry_id("ws-000"))
    await world.objects.commit(put(stored, stored.value.model_copy(update={"stage": Stage.ASKED})))
    await world.sweep()
    await world.sweep()
    assert [call.ids for call in world.monitor.calls] == [(world.monitor.spaces[1].id,)]


def test_who_was_seen_in_use_is_not_asked_again_until_that_is_long_ago() -> None:
    async def scenario() -> None:
        world = ExpiryWorld(rule=RULE)
        with meaning(world):
            await world.begin()
            world.active(4.0)
            member = Member(name="ws", incarnation=1, id=world.workspace)
            batch = IdleBatch(
                id=batch_ids(SUBSCRIPTION, "westeurope")[3], slot=world.now, region="westeurope", period="P30D",
                members=(member,), asked_at=world.now, in_use={"ws": "There were nodes."},
            )  # fmt: skip
            await world.objects.commit(put(None, batch))
            await asyncio.sleep(2 * 3600)
            reads = len(world.world.azure.calls)
            expiry = await world.look()
            assert (expiry.stage, expiry.reasons) == (Stage.ACTIVE, (f"It was in use on {batch.slot:%Y-%m-%d}.",))
            assert (world.metrics.calls, len(world.world.azure.calls)) == (0, reads)
            await asyncio.sleep(IN_USE.total_seconds())
            later = await world.look()
            assert later.evidence is not None
            assert (later.evidence.calls > 0, later.reasons) == (True, ("It is in use.",))
            assert world.metrics.calls > 0

    run(scenario())
