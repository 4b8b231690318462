"""Ticks against the fake Azure, in virtual time: what is there afterwards, and what was sent."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from controlplane.errors import Fatal, Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.model import ConditionStatus, OperationKind, OperationStatus, Step, StepStatus
from controlplane.ports.writer import Accepted
from controlplane.workspaces.measured import load_durations, store_durations
from controlplane.workspaces.reconcile import tick
from controlplane.workspaces.repository import WorkspaceRepository
from tests.support.fake_azure import FakeAzure
from tests.support.tick_world import REGISTRY, STORAGE, World, meaning
from tests.support.virtual_time import run

CREATE, UPDATE, REPAIR = OperationKind.CREATE, OperationKind.UPDATE, OperationKind.REPAIR


def step_of(steps: tuple[Step, ...], key: str) -> Step:
    (found,) = [step for step in steps if step.key == key]
    return found


def test_an_undisturbed_creation_makes_everything_once(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert {step.status for step in operation.steps} == {StepStatus.SUCCEEDED}
        assert set(world.azure.created.values()) == {1}
        assert len(world.azure.writes()) == 10
        assert world.azure.early_polls == 0
        assert operation.percent_complete == 100
        ready = await world.condition()
        assert ready.status is ConditionStatus.TRUE
        status = await world.status()
        assert status.observed_generation == 1
        assert set(status.inventory) == {resource.key for resource in world.resources}
        assert status.outputs["containerRegistryId"] == REGISTRY
        record = await world.record()
        assert record is not None
        assert (record.active_operation, record.last_operation) == (None, operation.id)
        assert record.due_at is not None
        rest = record.due_at - world.clock.now()
        assert timedelta(hours=4.7) < rest < timedelta(hours=7.3)

    run(scene())


def test_creation_takes_no_longer_than_its_critical_path(world: World) -> None:
    """Virtual time: nothing but Azure's durations, Retry-After and the fake's latency counts.

    Registry 20, workspace 90, cluster 60 and Azure's own grant 3 seconds are the critical path, each a multiple of
    Retry-After but the last.
    """
    world.tick_seconds = 600

    async def scene() -> None:
        began = asyncio.get_running_loop().time()
        operation = await world.ask(CREATE)
        await world.settle(operation)
        wall = asyncio.get_running_loop().time() - began
        assert wall <= 1.05 * (20 + 90 + 60 + 3)

    run(scene())


def test_what_exists_is_not_written_again(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.calls)
        operation = await world.do(UPDATE)
        assert operation.status is OperationStatus.SUCCEEDED
        assert operation.steps == ()
        calls = world.azure.calls[before:]
        assert {call.method for call in calls} <= {"GET", "LIST"}
        assert len({call.path for call in calls}) == len(calls)
        assert (await world.status()).observed_generation == 2

    run(scene())


def test_a_workspace_at_rest_is_observed_and_never_written(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        writes = len(world.azure.writes())
        world.azure.body(STORAGE)["properties"]["publicNetworkAccess"] = "Enabled"
        await world.tick()
        ready = await world.condition()
        assert (ready.status, ready.reason) == (ConditionStatus.FALSE, "Drifted")
        assert len(world.azure.writes()) == writes
        record = await world.record()
        assert record is not None and record.due_at is not None
        assert record.due_at - world.clock.now() > timedelta(hours=4)

    run(scene())


def test_a_workspace_that_cannot_be_read_is_unknown_not_ready(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        refused = Rejected("AuthorizationFailed", "no", status=403)
        world.azure.fail("LIST", "storageAccounts", lambda: refused)
        await world.tick()
        ready = await world.condition()
        assert (ready.status, ready.reason) == (ConditionStatus.UNKNOWN, "AuthorizationFailed")

    run(scene())


def test_a_long_creation_leaves_and_comes_back(world: World) -> None:
    world.tick_seconds = 25.0

    async def scene() -> None:
        operation = await world.do(CREATE)
        assert operation.status is OperationStatus.SUCCEEDED
        assert world.number > 4
        assert set(world.azure.created.values()) == {1}
        assert len(world.azure.writes()) == 10
        assert world.azure.early_polls == 0
        hints = [delay for message, delay in world.queue.sent if message == {"kind": "workspace", "name": "ws"}]
        assert hints and all(0 <= delay <= 3600 for delay in hints)

    run(scene())


class NoQueue:
    """Somebody deleted it, or took the right to send."""

    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        raise Fatal("StoreRefused", "Azure Storage answers 403.")


def test_an_operation_does_not_fail_for_hints_that_nobody_takes(world: World) -> None:
    world.tick_seconds = 25.0

    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        while not (operation := await world.operation(operation_id)).status.is_terminal:
            await tick("ws", replace(world.deps, queue=NoQueue()))
            await asyncio.sleep(60.0)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error

    run(scene())


def test_cancel_stops_before_the_next_write(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        running = asyncio.ensure_future(world.settle(operation_id))
        await asyncio.sleep(12.0)
        found = await world.repository.load_operation(operation_id)
        assert found is not None
        wanted = {"cancel_requested": True, "cancel_requested_by": "grace", "last_modified_at": world.clock.now()}
        wish = found.operation.model_copy(update=wanted)
        await world.repository.request_cancel(found, wish)
        wished_at = asyncio.get_running_loop().time()
        operation = await running
        assert (operation.status, operation.cancel_requested_by) == (OperationStatus.CANCELED, "grace")
        assert all(c.at <= wished_at for c in world.azure.calls if c.method in ("PUT", "DELETE"))
        states = {step.key: step.status for step in operation.steps}
        assert states["registry"] is StepStatus.SUCCEEDED, "what was in flight is heard out"
        assert states["workspace"] is StepStatus.CANCELED
        again = await world.do(CREATE)
        assert again.status is OperationStatus.SUCCEEDED

    run(scene())


def test_two_ticks_at_once_have_one_effect(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        for _ in range(20):
            await asyncio.gather(*(tick("ws", world.deps) for _ in range(3)))
            if (await world.operation(operation_id)).status.is_terminal:
                break
            await asyncio.sleep(5.0)
        assert (await world.operation(operation_id)).status is OperationStatus.SUCCEEDED
        assert len(world.azure.writes()) == 10
        assert set(world.azure.created.values()) == {1}
        assert world.azure.early_polls == 0

    run(scene())


def test_a_tick_that_lost_its_lease_stops(world: World) -> None:
    async def scene() -> None:
        await world.ask(CREATE)
        working = asyncio.ensure_future(world.tick())
        await asyncio.sleep(3.0)
        stolen = await world.repository.take_lease("ws", "thief", world.clock.now() + timedelta(hours=1), 90.0)
        assert stolen is not None
        await working
        taken_at = 3.0
        sent = [c.at for c in world.azure.calls if c.method == "PUT" and c.at > taken_at + 0.1]
        assert sent == [], "no write after the lease was lost"
        assert await world.repository.is_leased("ws", world.clock.now())

    run(scene())


def test_measured_durations_become_medians(world: World) -> None:
    async def scene() -> None:
        operation = await world.do(CREATE)
        measured = await load_durations(world.store)
        assert measured["Microsoft.MachineLearningServices/workspaces:create"] == pytest.approx(90, abs=1)
        for _ in range(30):
            steps = tuple(
                s.model_copy(update={"ended_at": (s.started_at or world.clock.now()) + timedelta(seconds=7)})
                for s in operation.steps
            )
            faster = operation.model_copy(update={"steps": steps})
            await store_durations(world.store, faster, {"workspace": "Microsoft.MachineLearningServices/workspaces"})
        assert (await load_durations(world.store))["Microsoft.MachineLearningServices/workspaces:create"] == 7

    run(scene())


def test_another_management_than_ours_is_left_alone(world: World) -> None:
    async def scene() -> None:
        operation_id = await world.ask(CREATE)
        stored = await world.repository.load("ws")
        assert stored is not None
        await world.repository.save_record(stored, stored.record.model_copy(update={"spec": {"management": "keep"}}))
        operation = await world.settle(operation_id)
        assert operation.error is not None and operation.error.code == "WorkspaceNotManaged"
        assert world.azure.writes() == []

    run(scene())


class Witness(FakeAzure):
    """Looks into the store at every write: is what it does written down?"""

    repository: WorkspaceRepository
    seen = 0

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        stored = await self.repository.load("ws")
        assert stored is not None and stored.record.active_operation is not None
        found = await self.repository.load_operation(stored.record.active_operation)
        assert found is not None
        (intent,) = [step for step in found.operation.steps if step.resource_id == arm_id]
        assert intent.status is StepStatus.RUNNING
        assert arm_id in {owned.resource_id for owned in stored.status.inventory.values()}
        self.seen += 1
        return await super().put(arm_id, api_version, body)


def test_every_write_is_written_down_before_it_is_sent() -> None:
    witness = Witness()
    with meaning(World(azure=witness)) as world:
        witness.repository = world.repository

        async def scene() -> None:
            assert (await world.do(CREATE)).status is OperationStatus.SUCCEEDED
            assert witness.seen == 10

        run(scene())


def test_what_begins_together_is_one_commit_and_one_round(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        seen = [label.partition(" ")[0] + label.rpartition("/")[2] for label in world.switch.seen]
        together = {"PUTlogs", "PUTcrws", "PUTstws", "PUTvnet"}
        start = min(seen.index(label) for label in together)
        assert set(seen[start : start + 4]) == together

    run(scene())


class Canceller(FakeAzure):
    """Somebody cancels while the storage account is being looked at: its dependants are decided on right after."""

    world: World
    wished_at: float | None = None

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        if path == STORAGE and self.wished_at is None:
            self.wished_at = asyncio.get_running_loop().time()
            found = await self.world.repository.load_operation("op-1")
            assert found is not None
            wish = found.operation.model_copy(update={"cancel_requested": True})
            await self.world.repository.request_cancel(found, wish)
        return await super().get(path, api_version)


def test_a_wish_that_comes_with_the_intents_stops_their_writes() -> None:
    azure = Canceller()
    with meaning(World(azure=azure)) as world:
        azure.world = world

        async def scene() -> None:
            operation = await world.do(CREATE)
            assert operation.status is OperationStatus.CANCELED
            assert azure.wished_at is not None
            assert all(call.at <= azure.wished_at for call in azure.calls if call.method == "PUT")

        run(scene())


def test_a_lease_that_cannot_be_renewed_ends_the_tick_while_it_waits(world: World) -> None:
    """Group and network only: between its PUT and its poll at 55 s a tick stores nothing that could fail."""
    world.azure.retry_after = 55.0
    world.resources = tuple(r for r in world.resources if r.key in ("resource-group", "vnet"))

    async def scene() -> None:
        await world.ask(CREATE)
        working = asyncio.ensure_future(world.tick())
        await asyncio.sleep(3.0)
        await world.repository.take_lease("ws", "thief", world.clock.now() + timedelta(hours=1), 90.0)
        await working
        assert asyncio.get_running_loop().time() < 35, (
            "it stops when the renewal at 30 s fails, not at the poll at 55 s"
        )

    run(scene())
