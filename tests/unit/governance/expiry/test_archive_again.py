"""What is read again right before an archive takes something away, what is too large for it, and endpoints that Azure
makes for few."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import date
from typing import Any

from controlplane.arm import fold
from controlplane.audit.model import ENTRY, Kind
from controlplane.governance.expiry.archive import Archive, ArchiveState, Remark, carried
from controlplane.governance.expiry.model import Decided, Extension, Stage
from controlplane.governance.expiry.secret_stores import ACTIONS
from controlplane.objects.repository import put
from controlplane.ports.store import Insert, Replace, Upsert, Write
from controlplane.store.codec import encode
from tests.support.expiry_lines import START
from tests.support.expiry_world import ID, ExpiryWorld
from tests.unit.governance.expiry.test_expiry_ticks import days, play

DATED = {"expiresOn": "2026-11-20", "grace": "P3D", "action": "archive"}


async def to_archiving(world: ExpiryWorld) -> None:
    """By its last day, with its owner's yes."""
    for _ in range(60):
        if (await days(world, 1)).stage is Stage.ASKED:
            break
    await world.change(consent=Decided(by="t/owner", at=world.now, reason="It has ended."))
    await days(world, 4)
    assert (await world.expiry()).stage is Stage.ARCHIVING
    assert (await world.archive()).idle_after is None


async def rule(world: ExpiryWorld, declared: dict[str, Any]) -> None:
    """What somebody writes into the spec."""
    stored = await world.world.repository.load("ws")
    assert stored is not None
    spec = {**stored.record.spec, "expiry": declared}
    await world.world.repository.save_record(stored, stored.record.model_copy(update={"spec": spec}))


def test_a_last_day_that_cannot_be_read_any_more_waits() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await to_archiving(world)
        world.metrics.away = True
        for _ in range(3):
            await world.tick()
            await asyncio.sleep(3600)
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.STORING, ())
        assert archive.problem is not None and archive.problem.code == "IdlenessUnknown"
        assert fold(arm_id) in world.world.azure.resources
        world.metrics.away = False
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED

    play(scene, rule=DATED)


def test_what_was_used_lately_does_not_hold_a_last_day_off() -> None:
    """What is at work now does: ``test_last_day_in_use``."""

    async def scene(world: ExpiryWorld) -> None:
        world.endpoint()
        await to_archiving(world)
        world.job("late", "Completed", world.now)
        await world.settle()
        assert (await world.archive()).state is ArchiveState.ARCHIVED

    play(scene, rule=DATED)


def test_a_last_day_that_moved_meanwhile_takes_nothing_away() -> None:
    for declared in ({**DATED, "expiresOn": "2027-06-30"}, {"expiresOn": "2026-11-20"}):

        async def scene(world: ExpiryWorld, declared: dict[str, Any] = declared) -> None:
            arm_id = world.endpoint()
            await to_archiving(world)
            await rule(world, declared)
            await world.tick()
            archive = await world.archive()
            assert (archive.state, archive.kept) == (ArchiveState.RESTORED, ())
            assert fold(arm_id) in world.world.azure.resources
            assert (await world.look()).stage is not Stage.ARCHIVING
            assert not (await world.record()).archived

        play(scene, rule=DATED)


def test_another_time_of_idleness_meanwhile_takes_nothing_away() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        await days(world, 9)
        await world.change(consent=Decided(by="t/owner", at=world.now, reason="It has ended."))
        assert (await days(world, 4)).stage is Stage.ARCHIVING
        await rule(world, {"idleAfter": "P60D", "grace": "P3D", "action": "archive"})
        await world.tick()
        assert (await world.archive()).state is ArchiveState.RESTORED

    play(scene)


def as_tables(world: ExpiryWorld) -> None:
    """The store refuses what the product's backends refuse."""
    store: Any = world.world.store
    commit = store.commit

    async def checked(partition: str, writes: Sequence[Write]) -> Any:
        for one in writes:
            if isinstance(one, Insert | Replace | Upsert):
                encode(one.value)
        return await commit(partition, writes)

    store.commit = checked


def test_what_no_row_holds_is_told_and_stays() -> None:
    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        as_tables(world)
        noise = random.Random(0).randbytes(900_000).hex()
        blue = world.world.azure.resources[fold(f"{arm_id}/deployments/blue")]
        blue["properties"]["description"] = noise
        await world.wish(ArchiveState.STORING)
        await world.tick()
        archive = await world.archive()
        assert (archive.state, archive.kept) == (ArchiveState.STORING, ())
        assert archive.problem is not None and archive.problem.code == "ArchiveTooLarge"
        assert archive.due_at is not None and archive.due_at > world.now
        assert fold(arm_id) in world.world.azure.resources
        blue["properties"]["description"] = "less"
        await world.settle()
        archive = await world.archive()
        assert (archive.state, archive.problem) == (ArchiveState.ARCHIVED, None)

    play(scene, rule=None)


def test_an_endpoint_that_reads_connections_waits_for_who_may_make_it() -> None:
    """Everything else comes back meanwhile; with the role it does, too."""

    async def scene(world: ExpiryWorld) -> None:
        azure = world.world.azure
        arm_id = world.endpoint()
        azure.resources[fold(arm_id)]["properties"]["properties"] = {
            "enforce_access_to_default_secret_stores": "enabled"
        }
        world.endpoint("other")
        await world.wish(ArchiveState.STORING)
        await world.settle()
        assert any("Secrets Reader" in one.why for one in (await world.archive()).lost)
        await world.wish(ArchiveState.REFILLING)
        await world.until(lambda one: one.problem is not None)
        for _ in range(6):
            await asyncio.sleep(900)
            await world.tick()
        archive: Archive = await world.archive()
        assert archive.problem is not None and archive.problem.code == "SecretsReaderMissing"
        assert archive.problem.target == arm_id and world.workspace in archive.problem.message
        there = azure.final()
        assert fold(arm_id) not in there
        assert there[fold(f"{world.workspace}/onlineEndpoints/other")]["properties"]["traffic"] == {
            "blue": 90,
            "green": 10,
        }
        azure.plant(f"{world.workspace}/providers/Microsoft.Authorization/permissions/1", actions=list(ACTIONS))
        await world.settle()
        assert (await world.archive()).state is ArchiveState.RESTORED
        assert azure.body("/onlineendpoints/churn")["properties"]["traffic"] == {"blue": 90, "green": 10}

    play(scene, rule=None)


def test_a_spec_that_says_another_last_day_ends_an_extension() -> None:
    async def scene(world: ExpiryWorld) -> None:
        await world.look()
        far = date(2027, 6, 30)
        given = Extension(by="t/owner", at=world.now, reason="A season more.", until=far)
        await world.change(extension=given)
        assert (await days(world, 1)).extension == given
        await rule(world, {**DATED, "grace": "P4D"})
        assert (await days(world, 1)).extension == given
        await rule(world, {**DATED, "expiresOn": "2026-12-20"})
        after = await days(world, 1)
        assert after.extension is None and after.next_at is not None and after.next_at.year == 2026
        assert "A season more." in " ".join(after.history[-1].reasons)
        page = await world.world.store.query(Kind.GOVERNANCE, prefix=ENTRY)
        last = max((one.value for one in page.entities), key=lambda entry: entry["sequence"])
        assert (last["details"]["change"], last["details"]["extension"]["until"]) == ("superseded", "2027-06-30")

    play(scene, rule=DATED)


def test_the_stages_leave_a_persons_archive_as_it_is() -> None:
    """No rule that changes later brings back, and pays for, what somebody archived by hand."""

    async def scene(world: ExpiryWorld) -> None:
        arm_id = world.endpoint()
        await world.wish(ArchiveState.STORING)
        await world.settle()
        stored = await world.objects.require(Archive, ID)
        told = (Remark(id=arm_id, why="Its keys are others."),)
        await world.objects.commit(put(stored, stored.value.model_copy(update={"left": told, "lost": told})))
        before = await world.archive()
        assert before.state is ArchiveState.ARCHIVED and before.kept
        for _ in range(60):
            if (await days(world, 1)).stage is Stage.ASKED:
                break
        await world.change(consent=Decided(by="t/owner", at=world.now, reason="It has ended."))
        for _ in range(5):
            expiry = await days(world, 1)
            assert await world.archive() == before
            if expiry.stage is Stage.ARCHIVING:
                break
        assert expiry.stage is Stage.ARCHIVING and expiry.due_at is not None and expiry.due_at <= world.now
        await rule(world, {**DATED, "expiresOn": "2027-06-30"})
        await world.tick()
        assert (await world.look()).stage is Stage.ARCHIVED
        await world.settle()
        after = await world.archive()
        assert (after.state, after.by, after.kept) == (ArchiveState.ARCHIVED, before.by, before.kept)
        assert (after.by_expiry, after.lost, after.left) == (False, told, told)

    play(scene, rule=DATED)


def test_an_archive_out_of_a_restore_keeps_what_was_told() -> None:
    told = (Remark(id="/x/computes/ada", why="Its key is another one."),)
    about = {"id": ID, "workspace": "ws", "incarnation": 1, "project": "churn", "by": "t/ada"}
    before = Archive(**about, state=ArchiveState.SERVING, lost=told, left=told, changed_at=START, generation=4)
    assert carried(before) == {"generation": 5, "kept": (), "left": told, "lost": told}
    assert carried(before.model_copy(update={"state": ArchiveState.RESTORED})) == {"generation": 5}
    assert carried(None) == {}
