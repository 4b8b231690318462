"""A last day passes whether or not somebody works; what is at work is left to end first, and whoever says yes knows."""

from __future__ import annotations

import asyncio
from typing import Any

from controlplane.arm import fold
from controlplane.governance.expiry.archive import ArchiveState
from controlplane.governance.expiry.model import IN_USE_NOW, Decided, Expiry, Stage, Verdict
from tests.support.expiry_world import ExpiryWorld
from tests.unit.governance.expiry.test_expiry_evidence import seen
from tests.unit.governance.expiry.test_expiry_ticks import days, play

DATED = {"expiresOn": "2026-11-20", "grace": "P3D", "action": "archive"}
TOLD = f"ControlPlane.Expiry.{IN_USE_NOW}"


async def to_asked(world: ExpiryWorld) -> Expiry:
    for _ in range(60):
        if (await days(world, 1)).stage is Stage.ASKED:
            break
    return await world.expiry()


async def yes(world: ExpiryWorld) -> None:
    await world.change(consent=Decided(by="t/owner", at=world.now, reason="It has ended."))


def nodes(world: ExpiryWorld, running: int, idle: int) -> None:
    world.cluster(running + idle)
    inner = world.world.azure.body(f"{world.workspace}/computes/cpu")["properties"]["properties"]
    inner["nodeStateCounts"] = {"runningNodeCount": running, "idleNodeCount": idle}


def test_who_is_asked_about_a_last_day_sees_what_runs() -> None:
    async def scene(world: ExpiryWorld) -> None:
        world.job("long", "Running", world.now)
        asked = await to_asked(world)
        assert asked.evidence is not None and asked.evidence.working == ("job long",)
        assert "In use now: job long." in asked.reasons

    play(scene, rule=DATED)


def test_what_is_at_work_holds_the_archive_off_and_is_told_weekly() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        world.job("long", "Running", world.now)
        nodes(world, running=2, idle=0)
        world.instance("Running")
        await to_asked(world)
        await yes(world)
        held = await days(world, 6)
        assert (held.stage, held.consent is not None) == (Stage.GRACE, True)
        assert held.problem is not None and held.problem.code == IN_USE_NOW
        for part in ("job long", "cluster cpu with 2 nodes at work", "instance ada is running"):
            assert part in held.problem.message
        assert (await world.told()).count(TOLD) == 1
        held = await days(world, 10)
        assert (held.stage, (await world.told()).count(TOLD)) == (Stage.GRACE, 2)
        world.job("long", "Completed", world.now)
        nodes(world, running=0, idle=1)  # a node that waits is not at work
        world.instance("Stopped")
        after = await days(world, 1)
        assert (after.stage, after.problem) == (Stage.ARCHIVING, None)
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED
        assert fold(arm_id) not in world.world.azure.resources

    play(scene, rule=DATED)


def test_an_endpoint_that_is_called_holds_the_archive_off() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint(requests=3.0)
        await to_asked(world)
        await yes(world)
        held = await days(world, 5)
        assert held.stage is Stage.GRACE and held.problem is not None
        assert "endpoint churn with requests" in held.problem.message
        world.metrics.values[fold(arm_id)] = {}
        assert (await days(world, 1)).stage is Stage.ARCHIVING

    play(scene, rule=DATED)


def test_a_job_that_begins_in_the_last_moment_is_waited_for() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await to_asked(world)
        await yes(world)
        assert (await days(world, 4)).stage is Stage.ARCHIVING
        world.job("late", "Running", world.now)
        await world.tick()
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.STORING, ())
        assert archive.problem is not None and archive.problem.code == IN_USE_NOW
        waiting = await world.look()
        assert waiting.stage is Stage.ARCHIVING and waiting.problem is not None
        assert "job late" in waiting.problem.message and (await world.told()).count(TOLD) == 1
        world.job("late", "Completed", world.now)
        await asyncio.sleep(3600)
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED
        assert fold(arm_id) not in world.world.azure.resources

    play(scene, rule=DATED)


def test_what_may_be_at_work_and_cannot_be_read_waits_although_more_was_used() -> None:
    async def scene(world: ExpiryWorld) -> None:
        world.endpoint("silent", requests=None)
        await to_asked(world)
        await yes(world)
        world.job("lately", "Completed", world.now)
        held = await days(world, 4)
        assert held.evidence is not None and held.evidence.unread
        assert (held.stage, held.problem) == (Stage.GRACE, None)

    play(scene, rule=DATED)


def test_use_takes_idleness_back_and_not_a_last_day() -> None:
    async def by_idleness(world: ExpiryWorld) -> None:
        await world.look()
        await days(world, 9)
        await yes(world)
        world.job("long", "Running", world.now)
        assert (await days(world, 4)).stage is Stage.ACTIVE

    play(by_idleness)


def test_an_endpoint_says_why_it_is_in_use() -> None:
    def called(world: ExpiryWorld) -> Any:
        return world.endpoint(requests=0.1)

    (clue,) = [one for one in seen(called).clues if one.name == "endpoints"]
    assert (clue.verdict, clue.observed) == (Verdict.BUSY, "churn had requests.")


def test_samples_are_there_all_the_time_at_most() -> None:
    def one_more(world: ExpiryWorld) -> None:
        world.metrics.coverage = 1.02

    (clue,) = [one for one in seen(one_more).clues if one.name == "activeCores"]
    assert clue.verdict is Verdict.IDLE and "100% of the time" in clue.observed
