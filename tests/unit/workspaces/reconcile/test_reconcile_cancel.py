"""Cancelling at any moment: nothing begins any more, what was sent is heard out, what exists is known and goes on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta

import pytest

from controlplane.arm import fold
from controlplane.errors import Conflict, Rejected
from controlplane.operations import service
from controlplane.operations.model import Operation, OperationKind, OperationStatus, StepStatus
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.store import Replace, Write
from controlplane.projects.access import Caller
from controlplane.projects.repository import ProjectRepository
from controlplane.workspaces.ending import ended, superseded_by
from controlplane.workspaces.reconcile.apply import MAX_UNAUTHORIZED
from controlplane.workspaces.reconcile.runner import HEED
from controlplane.workspaces.repository import Beside
from tests.support.tick_world import VNET, World, meaning
from tests.support.virtual_time import run

CREATE, DELETE = OperationKind.CREATE, OperationKind.DELETE
ADMIN = Caller("tenant", "root", frozenset({"Platform.Admin"}))
#: Every phase of a creation of 173 seconds: accepted, first looks, each wave of writes, each wait, the look at the end.
MOMENTS = (
    0.0,
    0.005,
    0.03,
    0.2,
    1.0,
    5.0,
    12.0,
    21.0,
    33.0,
    61.0,
    75.0,
    110.5,
    112.0,
    118.0,
    140.0,
    170.0,
    172.9,
    173.2,
)


@pytest.fixture(autouse=True)
def _short_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world's operations are called op-1, op-2."""
    monkeypatch.setattr(service, "_ID", re.compile(".*"))


async def cancel(world: World, operation_id: str) -> Operation:
    deps = service.OperationDeps(world.repository, ProjectRepository(world.store), world.queue, world.clock)
    return await service.cancel_operation(deps, ADMIN, operation_id, Preconditions())


async def cancelled_at(world: World, operation_id: str, seconds: float) -> tuple[Operation, float | None]:
    """The operation at its end, and when it was cancelled; None when it had ended before."""
    settling = asyncio.ensure_future(world.settle(operation_id))
    await asyncio.sleep(seconds)
    wished: float | None = asyncio.get_running_loop().time()
    try:
        await cancel(world, operation_id)
    except Conflict as error:
        assert error.code == "OperationNotCancelable"
        wished = None
    return await settling, wished


def late_writes(world: World, wished: float | None) -> list[str]:
    """Writes that were sent after the wish could be known."""
    if wished is None:
        return []
    known = wished + HEED.total_seconds() + 2 * world.azure.latency
    return [f"{c.method} {c.path}" for c in world.azure.calls if c.method in ("PUT", "DELETE") and c.at > known]


@pytest.mark.parametrize("seconds", MOMENTS)
@pytest.mark.parametrize("then", [CREATE, DELETE])
def test_a_creation_cancelled_at_any_moment_can_be_resumed_or_deleted(seconds: float, then: OperationKind) -> None:
    with meaning(World(tick_seconds=30.0)) as world:

        async def scene() -> None:
            operation, wished = await cancelled_at(world, await world.ask(CREATE), seconds)
            ends = {OperationStatus.CANCELED} if wished is not None else set()
            assert operation.status in ends | {OperationStatus.SUCCEEDED}, operation.error
            assert late_writes(world, wished) == []
            assert not [s.key for s in operation.steps if s.status in (StepStatus.RUNNING, StepStatus.PENDING)]
            known = {fold(owned.resource_id) for owned in (await world.status()).inventory.values()}
            assert set(world.azure.created) <= known, "what was made is in the inventory"
            record = await world.record()
            assert record is not None and record.active_operation is None
            after = await world.do(then)
            assert after.status is OperationStatus.SUCCEEDED, after.error
            if then is CREATE:
                assert set(world.azure.created.values()) == {1}, "nothing was made twice"
            else:
                assert world.azure.final() == {}

        run(scene())


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 5.0, 30.0, 70.0])
def test_a_deletion_cancelled_at_any_moment_is_undone_or_repeated(seconds: float) -> None:
    with meaning(World(tick_seconds=30.0)) as world:

        async def scene() -> None:
            await world.do(CREATE)
            operation, wished = await cancelled_at(world, await world.ask(DELETE), seconds)
            assert operation.status in (OperationStatus.CANCELED, OperationStatus.SUCCEEDED)
            assert late_writes(world, wished) == []
            if operation.status is OperationStatus.SUCCEEDED:
                assert world.azure.final() == {}
                return
            record = await world.record()
            assert record is not None
            assert record.deleting is any(step.started_at is not None for step in operation.steps)
            assert (await world.do(DELETE)).status is OperationStatus.SUCCEEDED
            assert world.azure.final() == {}

        run(scene())


def test_a_deletion_cancelled_while_its_first_intent_is_stored_has_deleted_nothing(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        operation_id = await world.ask(DELETE)
        commit = world.store.commit

        async def after_the_wish(partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
            if any(isinstance(w, Replace) and w.row == f"o!{operation_id}" for w in writes):
                world.store.commit = commit  # type: ignore[method-assign]
                found = await world.repository.load_operation(operation_id)
                assert found is not None
                wish = {"cancel_requested": True}
                await world.repository.request_cancel(found, found.operation.model_copy(update=wish))
            return await commit(partition, writes)

        world.store.commit = after_the_wish  # type: ignore[method-assign]
        operation = await world.settle(operation_id)
        assert operation.status is OperationStatus.CANCELED
        assert [c for c in world.azure.calls if c.method == "DELETE"] == []
        assert not [step.key for step in operation.steps if step.attempts or step.started_at]
        record = await world.record()
        assert record is not None and not record.deleting
        assert (await world.do(OperationKind.UPDATE)).status is OperationStatus.SUCCEEDED

    run(scene())


def test_a_deletion_that_goes_on_with_another_one_is_not_taken_back(world: World) -> None:
    """The second one is cancelled before it began; the first has deleted a part, of which Azure keeps the names."""

    async def scene() -> None:
        await world.do(CREATE)
        world.azure.fail("DELETE", VNET, lambda: Rejected("RequestDisallowedByPolicy", "no", status=403))
        assert (await world.do(DELETE)).status is OperationStatus.FAILED
        second = await cancel(world, await world.ask(DELETE))
        assert second.status is OperationStatus.CANCELED
        record = await world.record()
        assert record is not None and record.deleting
        assert (await world.do(DELETE)).status is OperationStatus.SUCCEEDED
        assert world.azure.final() == {}

    run(scene())


def test_a_tick_that_waits_for_azure_sees_the_wish_within_seconds(world: World) -> None:
    """The network's PUT is to be polled at 55 s: until then the tick has nothing to store."""
    world.azure.retry_after = 55.0
    world.resources = tuple(r for r in world.resources if r.key in ("resource-group", "vnet", "subnet"))

    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        working = asyncio.ensure_future(world.tick())
        await asyncio.sleep(5.0)
        assert (await cancel(world, operation_id)).status is OperationStatus.RUNNING
        await asyncio.sleep(HEED.total_seconds() + 0.5)
        seen = await world.operation(operation_id)
        states = {step.key: step.status for step in seen.steps}
        assert states["vnet"] is StepStatus.RUNNING, "what was sent goes on, and is followed"
        assert states["subnet"] is StepStatus.CANCELED
        assert seen.status is OperationStatus.RUNNING
        await working
        assert (await world.operation(operation_id)).status is OperationStatus.CANCELED
        assert world.azure.early_polls == 0

    run(scene())


def test_asking_for_a_wish_costs_reads_and_no_commit(world: World) -> None:
    """A creation that nobody cancels commits as often as it does when nobody asks."""

    async def scene() -> int:
        await world.do(CREATE)
        return world.store.commits  # type: ignore[attr-defined, no-any-return]

    asked = run(scene())
    with meaning(World()) as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr("controlplane.workspaces.reconcile.runner.HEED", timedelta(hours=9))
        world = other
        assert asked == run(scene())


def test_an_operation_superseded_under_a_tick_stops_it_before_its_next_write(world: World) -> None:
    """The tick is stuck in a call; the operation that takes its place owns the workspace from its acceptance on."""

    async def scene() -> None:
        first = await world.ask(CREATE)
        working = asyncio.ensure_future(world.tick())
        await asyncio.sleep(3.0)
        stored, found = await world.repository.load("ws"), await world.repository.load_operation(first)
        assert stored is not None and found is not None
        now = world.clock.now()
        finished = ended(found.operation, OperationStatus.FAILED, now, superseded_by(found.operation, "op-2"))
        fresh = {"id": "op-2", "steps": (), "status": OperationStatus.NOT_STARTED, "created_at": now}
        second = found.operation.model_copy(update=fresh)
        record = stored.record.model_copy(update={"active_operation": "op-2", "due_at": now})
        writes = world.repository.supersede("ws", found, finished)
        await world.repository.accept(record, second, stored, Beside(writes, finished))
        at = asyncio.get_running_loop().time()
        before = len(world.azure.calls)
        await working
        assert [c for c in world.azure.calls[before:] if c.method == "PUT" and c.at > at + HEED.total_seconds()] == []
        assert (await world.operation(first)).error == finished.error
        assert any(step.in_flight for step in finished.steps)
        assert (await world.settle("op-2")).status is OperationStatus.SUCCEEDED
        assert set(world.azure.created.values()) == {1}

    run(scene())


def refused() -> Rejected:
    return Rejected("InvalidAuthenticationToken", "The access token is invalid.", status=401)


@pytest.mark.parametrize("method", ["PUT", "GET", "POLL"])
def test_a_token_that_azure_never_takes_ends_the_operation_soon(world: World, method: str) -> None:
    contains = {"PUT": "storageAccounts", "GET": "", "POLL": ""}[method]
    world.azure.fail(method, contains, refused, times=10_000)
    if method == "GET":
        world.azure.fail("LIST", contains, refused, times=10_000)

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.FAILED
        assert operation.error is not None
        assert operation.error.code == "InvalidAuthenticationToken"
        assert operation.ended_at is not None
        assert operation.ended_at - operation.created_at < timedelta(minutes=10)

    run(scene())


@pytest.mark.parametrize("method", ["PUT", "GET", "POLL"])
def test_a_token_that_azure_does_not_take_a_few_times_is_no_failure(world: World, method: str) -> None:
    part = {"PUT": "storageAccounts", "GET": "virtualNetworks", "POLL": ""}[method]
    world.azure.fail(method, part, refused, times=MAX_UNAUTHORIZED - 1)

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert set(world.azure.created.values()) == {1}

    run(scene())


def test_the_end_at_the_deadline_names_what_was_waited_for(world: World) -> None:
    """Each step that Azure has not finished says so, and that Azure may still be at it."""
    world.azure.retry_after = 30.0

    async def scene() -> None:
        operation_id = await world.ask(CREATE, deadline_at=world.clock.now() + timedelta(seconds=100))
        operation = await world.settle(operation_id)
        assert operation.status is OperationStatus.FAILED
        assert operation.error is not None
        assert operation.error.code == "OperationDeadlineExceeded"
        in_flight = [step.key for step in operation.steps if step.in_flight]
        assert "workspace" in in_flight
        told = [operation.error.message, *(detail.message for detail in operation.error.details)]
        assert all(any(key in message for message in told) for key in in_flight)
        assert (await world.condition()).reason == "OperationDeadlineExceeded"
        assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED

    run(scene())
