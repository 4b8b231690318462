"""An archive of the stages that has waited, however long, looks again before it takes the next thing away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from controlplane.arm import fold
from controlplane.errors import Conflict
from controlplane.governance.expiry.archive import ArchiveState
from controlplane.governance.expiry.model import IN_USE_NOW, Stage
from tests.support.expiry_world import ExpiryWorld
from tests.unit.governance.expiry.test_archive_again import DATED, rule, to_archiving
from tests.unit.governance.expiry.test_expiry_ticks import days, play, to_grace

HOURS = timedelta(hours=49).total_seconds()


def lock(world: ExpiryWorld, arm_id: str) -> None:
    refused = Conflict("ScopeLocked", "It has a lock.")
    world.world.azure.fail("DELETE", arm_id, lambda: refused, times=999)


async def refused(world: ExpiryWorld) -> None:
    """To the removal that Azure does not take."""
    await world.until(lambda one: one.problem is not None)
    archive = await world.archive()
    assert archive.problem is not None and archive.problem.code == "RemovalRefused"


async def waits(world: ExpiryWorld, state: ArchiveState, code: str = IN_USE_NOW) -> None:
    for _ in range(3):
        await world.tick()
        archive = await world.archive()
        assert archive.state is state and archive.problem is not None and archive.problem.code == code, archive
        await asyncio.sleep(3600)


def test_a_lock_that_goes_after_days_takes_no_endpoint_away_while_somebody_works() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        lock(world, arm_id)
        await to_archiving(world)
        await refused(world)
        await asyncio.sleep(HOURS)
        world.job("late", "Running", world.now)
        world.world.azure.faults.clear()
        await waits(world, ArchiveState.REMOVING)
        assert fold(arm_id) in world.world.azure.resources
        world.job("late", "Completed", world.now)
        await world.settle()
        archive = await world.archive()
        assert (archive.state, archive.problem) == (ArchiveState.ARCHIVED, None)

    play(scene, rule=DATED)


def test_computes_in_no_spec_are_not_taken_from_a_job_that_began_meanwhile() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        ada = world.instance("Stopped")
        await to_archiving(world)
        await world.until(lambda one: one.state is ArchiveState.REMOVING)
        await world.tick()  # the endpoint goes
        await asyncio.sleep(3600)
        assert fold(arm_id) not in world.world.azure.final()
        world.job("late", "Running", world.now)
        await waits(world, ArchiveState.REMOVING)
        assert fold(ada) in world.world.azure.resources
        world.job("late", "Completed", world.now)
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED
        assert fold(ada) not in world.world.azure.resources

    play(scene, rule=DATED)


def test_the_operation_that_takes_the_specs_computes_waits_too() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await to_archiving(world)
        await world.until(lambda one: one.state is ArchiveState.EMPTYING)
        await asyncio.sleep(HOURS)
        world.job("late", "Running", world.now)
        await waits(world, ArchiveState.EMPTYING)
        record = await world.record()
        assert (record.archived, record.active_operation) == (False, None)
        world.job("late", "Completed", world.now)
        await world.tick()
        archive = await world.archive()
        assert archive.problem is None and archive.operation == (await world.record()).active_operation
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED

    play(scene, rule=DATED)


def test_what_cannot_be_read_before_the_operation_waits() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await to_archiving(world)
        await world.until(lambda one: one.state is ArchiveState.EMPTYING)
        world.metrics.away = True
        await waits(world, ArchiveState.EMPTYING, "IdlenessUnknown")
        assert not (await world.record()).archived

    play(scene, rule=DATED)


def test_an_idle_archive_that_is_used_meanwhile_gives_back_what_it_took() -> None:
    async def scene(world: ExpiryWorld) -> None:
        world.endpoint()
        ada = world.instance("Stopped")
        lock(world, ada)
        await to_grace(world)
        assert (await days(world, 3)).stage is Stage.ARCHIVING
        await refused(world)
        world.job("late", "Completed", world.now)
        await world.settle()
        archive = await world.archive()
        assert (archive.state, archive.reason.startswith("It is in use")) == (ArchiveState.RESTORED, True)
        assert world.world.azure.body("/onlineendpoints/churn")["properties"]["traffic"] == {"blue": 90, "green": 10}
        assert fold(ada) in world.world.azure.resources and not (await world.record()).archived

    play(scene)


def test_what_the_archive_is_deleting_is_no_use() -> None:
    async def scene(world: ExpiryWorld) -> None:
        going, ada = world.instance("Stopped", "going"), world.instance("Stopped")
        lock(world, ada)
        await to_grace(world)
        assert (await days(world, 3)).stage is Stage.ARCHIVING
        await refused(world)
        world.instance("Deleting", "going")
        await world.tick()
        archive = await world.archive()
        assert (archive.state, archive.problem and archive.problem.code) == (ArchiveState.REMOVING, "RemovalRefused")
        world.world.azure.faults.clear()
        del world.world.azure.resources[fold(going)]
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED

    play(scene)


def test_what_an_operation_has_begun_to_take_comes_back_although_nothing_was_kept() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await to_archiving(world)
        await world.until(lambda one: one.state is ArchiveState.EMPTYING)
        await world.tick()
        await world.settle_workspace()
        assert (await world.record()).archived
        made = world.endpoint()  # so that it is stored, and read, once more
        await rule(world, {"expiresOn": "2027-06-30"})
        await world.settle()
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.RESTORED, ())
        assert not (await world.record()).archived and fold(made) in world.world.azure.resources

    play(scene, rule=DATED)


def test_a_workspace_with_an_attached_compute_leaves_its_grace_and_keeps_it() -> None:
    async def scene(world: ExpiryWorld) -> None:
        aks = f"{world.workspace}/computes/aks"
        properties = {"computeType": "Kubernetes", "isAttachedCompute": True, "properties": {}}
        world.world.azure.plant(aks, properties=properties)
        await to_archiving(world)
        await world.settle()
        archive = await world.archive()
        assert (archive.state, [one.id for one in archive.left]) == (ArchiveState.ARCHIVED, [aks])
        assert fold(aks) in world.world.azure.resources

    play(scene, rule=DATED)
