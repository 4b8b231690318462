"""Poison, deadlines and rows that lost their way: every operation ends, with its cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from controlplane.errors import Fatal, Transient
from controlplane.operations.model import Operation, OperationKind, OperationStatus
from controlplane.ports.store import Remove, Upsert
from controlplane.triggers.poison import run_poison
from controlplane.triggers.sweeps import SweepDeps, keep_up, wake_due
from controlplane.triggers.ticks import run_tick
from controlplane.workspaces.ending import REST
from controlplane.workspaces.healing import GRACE, CareDeps
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.rows import PARTITION, due_row
from controlplane.workspaces.upkeep import Failure, Upkeep
from tests.support.tick_world import World, meaning
from tests.support.virtual_time import run

MESSAGE = json.dumps({"kind": "workspace", "name": "ws"}).encode()
CREATE = OperationKind.CREATE


@pytest.fixture
def world() -> Iterator[World]:
    with meaning(World()) as made:
        yield made


def care(world: World) -> CareDeps:
    return CareDeps(world.repository, Upkeep(world.store), world.clock, world.clock)


def sweep(world: World) -> SweepDeps:
    return SweepDeps(world.repository, world.queue, world.clock, world.clock, Upkeep(world.store))


async def fail(world: World, message: str = "The house burns.", **ago: float) -> Failure:
    """What a tick that raised leaves."""
    failure = Failure("KaputtError", message, "c0ffee", world.clock.now() - timedelta(**ago))
    await Upkeep(world.store).note_failure("ws", failure)
    return failure


async def change(world: World, operation_id: str, **fields: Any) -> Operation:
    """An operation as something left it."""
    found = await world.repository.load_operation(operation_id)
    assert found is not None
    changed = found.operation.model_copy(update=fields)
    await world.store.commit(PARTITION, [Upsert(f"o!{operation_id}", changed.model_dump(mode="json", by_alias=True))])
    return changed


async def record_of(world: World) -> WorkspaceRecord:
    record = await world.record()
    assert record is not None
    return record


def test_poison_ends_the_operation_with_the_last_error(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        world.clock.offset += 60
        await fail(world)
        for _ in range(2):
            await run_poison(MESSAGE, care(world))
        operation = await world.operation(operation_id)
        assert operation.status is OperationStatus.FAILED
        assert operation.error is not None
        assert operation.error.code == "TickFailedRepeatedly"
        assert [detail.code for detail in operation.error.details] == ["KaputtError"]
        assert "c0ffee" in operation.error.details[0].message
        assert (await world.condition()).reason == "TickFailedRepeatedly"
        record = await record_of(world)
        assert (record.active_operation, record.last_operation) == (None, operation_id)
        assert record.due_at is not None and record.due_at - world.clock.now() > 0.7 * REST
        assert await wake_due(sweep(world)) == 0, "wake must not bring it back before its next look"

    run(scene())


def test_poison_without_a_known_error_says_so(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        await run_poison(MESSAGE, care(world))
        operation = await world.operation(operation_id)
        assert operation.error is not None
        assert "their process ended" in operation.error.message

    run(scene())


def test_a_tick_that_is_at_work_wins_over_poison(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        await fail(world)
        assert await world.repository.take_lease("ws", "tick", world.clock.now(), 90) is not None
        await run_poison(MESSAGE, care(world))
        assert (await world.operation(operation_id)).status is OperationStatus.NOT_STARTED

    run(scene())


@pytest.mark.parametrize(("failed_ago", "status"), [(30.0, "Running"), (0.0, "Failed")])
def test_progress_after_the_last_failure_wins_over_poison(world: World, failed_ago: float, status: str) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        world.clock.offset += 60
        now = world.clock.now()
        progress = now - timedelta(seconds=10)
        await change(world, operation_id, status=OperationStatus.RUNNING, last_modified_at=progress)
        await fail(world, seconds=failed_ago)
        await run_poison(MESSAGE, care(world))
        assert (await world.operation(operation_id)).status == status

    run(scene())


def test_poison_of_an_operation_that_succeeded_changes_nothing(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(CREATE)
        before = await world.repository.load("ws")
        await run_poison(MESSAGE, care(world))
        assert await world.repository.load("ws") == before
        assert await world.operation(operation.id) == operation

    run(scene())


def test_poison_of_a_workspace_at_rest_that_cannot_be_looked_at(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        record = await record_of(world)
        assert record.due_at is not None
        world.clock.offset += (record.due_at - world.clock.now()).total_seconds() + 1
        assert await wake_due(sweep(world)) == 1
        await fail(world)
        await run_poison(MESSAGE, care(world))
        assert await wake_due(sweep(world)) == 0
        ready = await world.condition()
        assert (ready.reason, "KaputtError" in ready.message) == ("TickFailedRepeatedly", True)

    run(scene())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"kind": "workspace"}',
        b'{"kind": "cat", "name": "ws"}',
        b'{"kind": "workspace", "name": "a/b#c"}',
        b'{"kind": "workspace", "name": 7}',
    ],
)
def test_garbage_is_told_and_dropped(world: World, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    run(run_poison(body, care(world)))
    assert [record.levelname for record in caplog.records if "poison message dropped" in record.message] == ["ERROR"]

    async def ticked() -> None:
        with pytest.raises(Fatal):
            await run_tick(body, world.deps, Upkeep(world.store))

    run(ticked())


def test_what_a_tick_raises_is_kept_without_what_it_quotes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        for error, code in ((KeyError("AccountKey=abc"), "KeyError"), (Transient("X", "y", retry_after=1), "X")):

            async def broken(name: str, deps: object, raised: Exception = error) -> None:
                raise raised

            monkeypatch.setattr("controlplane.triggers.ticks.tick", broken)
            with pytest.raises(type(error)):
                await run_tick(MESSAGE, world.deps, Upkeep(world.store))
            failure = await Upkeep(world.store).last_failure("ws")
            assert failure is not None
            assert (failure.code, "AccountKey" in failure.message) == (code, False)
        await run_poison(MESSAGE, care(world))
        assert (await world.operation(operation_id)).status is OperationStatus.FAILED

    run(scene())


def test_an_operation_that_no_tick_ends_is_ended_by_the_sweep(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        deadline = (await world.operation(operation_id)).deadline
        world.clock.offset += (deadline + GRACE - world.clock.now()).total_seconds()
        assert await keep_up(sweep(world)) == 0, "until then it is its ticks' to end"
        world.clock.offset += 1
        lease = await world.repository.take_lease("ws", "tick", world.clock.now(), 90)
        assert lease is not None
        assert await keep_up(sweep(world)) == 0, "a tick is at it"
        await world.repository.release(lease)
        assert await keep_up(sweep(world)) == 1
        operation = await world.operation(operation_id)
        assert operation.error is not None
        assert (operation.status, operation.error.code) == (OperationStatus.FAILED, "OperationDeadlineExceeded")
        assert "No tick has begun it" in operation.error.message
        assert (await record_of(world)).active_operation is None

    run(scene())


def test_a_lost_due_row_is_found_again(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        record = await record_of(world)
        assert record.due_at is not None
        await world.store.commit(PARTITION, [Remove(due_row(record.due_at, "ws"), "*")])
        assert await wake_due(sweep(world)) == 0
        assert await keep_up(sweep(world)) == 1
        assert await wake_due(sweep(world)) == 1
        assert (await world.settle(operation_id)).status is OperationStatus.SUCCEEDED

    run(scene())


def test_an_operation_whose_record_says_no_time_becomes_due(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        stored = await world.repository.load("ws")
        assert stored is not None
        await world.repository.save_record(stored, stored.record.model_copy(update={"due_at": None}))
        assert await keep_up(sweep(world)) == 1
        assert await wake_due(sweep(world)) == 1
        assert (await world.settle(operation_id)).status is OperationStatus.SUCCEEDED

    run(scene())


def test_a_record_whose_operation_is_gone_is_free_again(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        await world.store.commit(PARTITION, [Remove(f"o!{operation_id}", "*")])
        assert await keep_up(sweep(world)) == 1
        assert (await record_of(world)).active_operation is None
        assert (await world.condition()).reason == "OperationLost"
        assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED

    run(scene())


def test_a_record_that_names_an_ended_operation_is_free_again(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        await change(world, operation_id, status=OperationStatus.FAILED)
        assert await keep_up(sweep(world)) == 1
        assert (await record_of(world)).active_operation is None

    run(scene())


def test_due_rows_that_lead_nowhere_go(world: World) -> None:
    async def scene() -> None:
        await world.ask(CREATE)
        stray = [due_row(world.clock.now() - timedelta(seconds=5), name) for name in ("ws", "gone")]
        await world.store.commit(PARTITION, [Upsert(row, {"name": row.rpartition("!")[2]}) for row in stray])
        assert await keep_up(sweep(world)) == 2
        assert await keep_up(sweep(world)) == 0
        assert await world.repository.due(world.clock.now()) == ("ws",)

    run(scene())


def test_the_sweep_leaves_a_healthy_fleet_alone(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = await world.store.query(PARTITION)
        assert await keep_up(sweep(world)) == 0
        assert await world.store.query(PARTITION) == before

    run(scene())


def test_the_sweep_comes_by_everybody(world: World) -> None:
    """A page at a time, over calls of whichever process, and round again."""

    async def scene() -> None:
        await world.ask(CREATE)
        record = await record_of(world)
        for number in range(7):
            other = record.model_copy(update={"name": f"w{number}"})
            await world.store.commit(
                PARTITION, [Upsert(f"w!{other.name}", other.model_dump(mode="json", by_alias=True))]
            )
        seen = [[r.name for r in await Upkeep(world.store).records(3)] for _ in range(4)]
        assert seen == [["w0", "w1", "w2"], ["w3", "w4", "w5"], ["w6", "ws"], ["w0", "w1", "w2"]]

    run(scene())
