"""Model versions whose events were lost become promotions; old ones do not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.objects.repository import of_workspace, remove
from controlplane.promotion.model import Promotion
from controlplane.promotion.poll import AT_ONCE, lost_versions
from controlplane.retraining.declared import declared_id
from controlplane.retraining.monitors.model import Monitor
from controlplane.retraining.polls.model import WorkspacePoll
from tests.support.polled import PolledWorld
from tests.support.retraining_world import MONITOR


async def versions(world: PolledWorld) -> set[str]:
    page = await world.objects.page(Promotion, of_workspace(Promotion, "ws"), limit=100)
    return {one.version for one in page.values}


def plant(world: PolledWorld, version: str, age: timedelta) -> None:
    made = {"createdAt": (world.clock.now() - age).isoformat()}
    models = f"{world.known.workspace_id}/models/churn"
    world.azure.plant(models, properties={"isArchived": False}, systemData=made)
    path = f"{world.known.workspace_id}/models/churn/versions/{version}"
    world.azure.plant(path, properties={"isArchived": False}, systemData=made)


async def test_a_version_that_nobody_told_of_is_found_within_the_hour_and_once() -> None:
    world = PolledWorld()
    await world.begin()
    plant(world, "1", timedelta(days=30))
    plant(world, "2", timedelta())
    for _ in range(4):
        await world.window()
    assert await versions(world) == {"2"}
    lists = [one for one in world.azure.calls if one.method == "LIST" and one.path.endswith("/versions")]
    assert len(lists) == 1  # once an hour
    for _ in range(8):
        await world.window()
    page = await world.objects.page(Promotion, of_workspace(Promotion, "ws"), limit=100)
    assert len(page.values) == 1


async def test_many_models_are_gone_through_in_bounded_ticks() -> None:
    world = PolledWorld()
    await world.begin()
    made = {"createdAt": world.clock.now().isoformat()}
    many = 2 * AT_ONCE + 3
    for number in range(many):
        path = f"{world.known.workspace_id}/models/m-{number:03}"
        world.azure.plant(path, properties={}, systemData=made)
        world.azure.plant(f"{path}/versions/1", properties={}, systemData=made)
    found, after = 0, None
    for asked in (AT_ONCE, AT_ONCE, 3):
        world.azure.calls.clear()
        look = await lost_versions(world.deps, world.known, after)
        assert sum(one.path.endswith("/versions") for one in world.azure.calls) == asked
        found, after = found + len(look.taken), look.after
    assert (found, after) == (many, None)


async def test_the_poll_goes_on_until_every_model_was_seen_and_no_further() -> None:
    world = PolledWorld()
    await world.begin()
    for number in range(AT_ONCE + 1):
        path = f"{world.known.workspace_id}/models/m-{number:03}"
        world.azure.plant(path, properties={})
        world.azure.plant(f"{path}/versions/1", properties={})
    for _ in range(4):
        await world.window()
    lists = [one.path for one in world.azure.calls if one.method == "LIST" and one.path.endswith("/versions")]
    assert len(lists) == len(set(lists)) == AT_ONCE + 1
    stored = await world.objects.require(WorkspacePoll, "ws")
    assert (stored.value.models_left, stored.value.models_after, stored.value.due_at) == (False, None, None)


@pytest.mark.parametrize("serves", [False, True])
async def test_versions_are_looked_for_where_nothing_is_monitored_too(serves: bool) -> None:
    """Such a workspace has no event subscription of its own, so that the poll is all there is."""
    world = PolledWorld()
    await world.begin()
    await world.objects.commit(remove(await world.objects.require(Monitor, declared_id("ws", MONITOR))))
    if serves:
        world.serve()
    plant(world, "1", timedelta(days=30))
    plant(world, "2", timedelta())
    for _ in range(4):
        await world.window()
    assert await versions(world) == {"2"}
    assert len([one for one in world.azure.calls if one.method == "LIST" and one.path.endswith("/versions")]) == 1
    (poll,) = (await world.objects.page(WorkspacePoll)).values
    assert (poll.serves, poll.due_at, poll.models_left) == (serves, None, False)
    plant(world, "3", timedelta())
    for _ in range(4):
        await world.window()
    assert await versions(world) == {"2", "3"}
