"""The sweep: how it is cut, how many calls it takes, what it does when Azure says to wait."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from controlplane.errors import Throttled, Transient
from controlplane.retraining.polls.model import Poll, Sweep, WorkspacePoll, slot_at
from controlplane.retraining.polls.sweep_tick import cut
from controlplane.triggers.monitors import FLEET
from tests.support.clock import START
from tests.support.polled import PolledWorld, forbidden, least

#: "Azure Monitor service limits": metrics:getBatch, a subscription and hour.
PUBLISHED = 360_000


async def test_a_thousand_endpoints_in_ten_subscriptions_and_three_regions() -> None:
    """The number: no more calls than Σ⌈n/50⌉, each resource read once, one list of what there is."""
    world = PolledWorld()
    await world.grow(workspaces=120, endpoints=1000, subscriptions=10)
    await world.sweep()
    await world.tick()
    monitor = world.monitor
    assert len(monitor.found) == 2000
    assert len({(one.id.split("/")[2], one.location) for one in monitor.found}) == 30
    assert len(monitor.calls) == least(monitor.found) == 60
    assert Counter(one for call in monitor.calls for one in call.ids) == Counter(one.id for one in monitor.found)
    assert monitor.inventories == 1
    assert max(Counter(call.ids[0].split("/")[2] for call in monitor.calls).values()) * 4 <= PUBLISHED
    assert (await world.objects.due(world.clock.now())) == ()


async def test_groups_that_do_not_fill_a_call_are_not_joined() -> None:
    world = PolledWorld()
    await world.grow(workspaces=7, endpoints=263, subscriptions=2, regions=("westeurope",))
    await world.sweep()
    await world.tick()
    assert len(world.monitor.calls) == least(world.monitor.found)
    assert max(len(call.ids) for call in world.monitor.calls) == 50


async def test_what_is_not_ours_is_not_asked_for() -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    strange = world.monitor.found[0]
    elsewhere = strange.id.replace("/workspaces/", "/workspaces/not-")
    found = [*world.monitor.found, type(strange)(elsewhere, strange.type, strange.location)]
    polls = list(cut(found, {world.known.workspace_id.lower(): world.known}, START, START))
    assert [one.id for poll in polls for one in poll.targets] == [world.endpoint, world.deployment]


async def test_the_timer_fires_twice_and_the_sweep_is_one() -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    assert await world.sweep()
    assert not await world.sweep()
    await world.tick()
    assert not await world.sweep()
    assert await world.tick() == 0
    assert len(world.monitor.calls) == 2
    begin, end = world.monitor.calls[0].begin, world.monitor.calls[0].end
    assert (end, end - begin) == (slot_at(world.clock.now()), timedelta(minutes=15))


async def test_throttled_it_waits_as_told_goes_on_and_reads_nothing_twice() -> None:
    world = PolledWorld()
    await world.grow(workspaces=30, endpoints=300, subscriptions=2)
    world.monitor.errors = [Throttled("TooManyRequests", "wait", retry_after=40.0) for _ in range(3)]
    await world.sweep()
    await world.tick()
    wanted = least(world.monitor.found)
    assert len(world.monitor.calls) == wanted - 3
    due = [one for one in (await world.objects.page(Poll)).values if one.due_at is not None]
    assert {one.due_at for one in due} == {world.clock.now() + timedelta(seconds=40)}
    await world.clock.sleep(39)
    assert await world.tick() == 0
    await world.clock.sleep(1)
    await world.tick()
    assert len(world.monitor.calls) == wanted
    read = Counter(one for call in world.monitor.calls for one in call.ids)
    assert set(read.values()) == {1}
    assert len(read) == len(world.monitor.found)
    assert {call.end for call in world.monitor.calls} == {slot_at(START)}


async def test_a_list_that_is_throttled_is_asked_for_again() -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    world.monitor.inventory_errors = [Throttled("RateLimiting", "wait", retry_after=5.0)]
    await world.sweep()
    await world.tick()
    assert world.monitor.calls == []
    await world.clock.sleep(5)
    await world.tick()
    assert (world.monitor.inventories, len(world.monitor.calls)) == (2, 2)


async def test_who_cannot_be_asked_for_an_hour_is_unknown_and_the_next_slot_is_asked() -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    world.monitor.found = world.monitor.found[:1]
    world.monitor.errors = [Transient("ServiceUnavailable", "away", retry_after=1000.0) for _ in range(3)]
    await world.sweep()
    for _ in range(5):
        await world.tick()
        await world.clock.sleep(1000)
    (poll,) = (await world.objects.page(Poll)).values
    assert poll.due_at is None
    assert "could not be asked in time" in str(poll.why)
    assert world.monitor.calls == []
    await world.window()
    assert len(world.monitor.calls) == 1
    (poll,) = (await world.objects.page(Poll)).values
    assert (poll.why, poll.slot) == (None, slot_at(world.clock.now()))


async def test_a_poll_that_is_not_done_keeps_its_slot() -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    world.monitor.errors = [Throttled("TooManyRequests", "wait", retry_after=1500.0)] * 2
    await world.sweep()
    await world.tick()
    await world.window()
    sweep = await world.objects.require(Sweep, FLEET)
    assert sweep.value.late == 2
    assert world.monitor.calls == []
    await world.clock.sleep(700)
    await world.tick()
    assert {call.end for call in world.monitor.calls} == {slot_at(START)}


@pytest.mark.parametrize("refused", ["metrics", "inventory"])
async def test_what_is_refused_is_unknown_and_says_so(refused: str) -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    if refused == "metrics":
        world.monitor.errors = [forbidden(), forbidden()]
    else:
        world.monitor.inventory_errors = [forbidden()]
    await world.sweep()
    await world.tick()
    polls = (await world.objects.page(Poll)).values
    said = [one.why for one in polls] or [(await world.objects.require(Sweep, FLEET)).value.why]
    assert all("AuthorizationFailed" in str(why) for why in said)
    assert await world.signals() == ()


async def test_polls_of_what_is_gone_go() -> None:
    world = PolledWorld()
    await world.begin()
    world.serve()
    await world.window()
    assert len((await world.objects.page(Poll)).values) == 2
    assert [one.targets for one in (await world.objects.page(WorkspacePoll)).values] != [()]
    world.monitor.found = []
    await world.window()
    await world.window()
    assert (await world.objects.page(Poll)).values == ()
    (space,) = (await world.objects.page(WorkspacePoll)).values  # its monitor is still there
    assert (space.targets, space.gone) == ((), ())
