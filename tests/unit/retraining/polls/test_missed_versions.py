"""Model versions whose events were lost become promotions; old ones do not."""

from __future__ import annotations

from datetime import timedelta

from controlplane.objects.repository import of_workspace
from controlplane.promotion.model import Promotion
from tests.support.polled import PolledWorld


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
