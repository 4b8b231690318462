"""Deleting a workspace: reverse order, resumable, with a report of what Azure keeps and of what is not ours."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from controlplane.errors import Rejected, Transient
from controlplane.operations.model import Operation, OperationKind, OperationStatus, StepStatus
from controlplane.workspaces.records import Owned
from tests.support.tick_world import ENDPOINT, GROUP, ML, STORAGE, VNET, World
from tests.support.virtual_time import VirtualClock, run

CREATE, DELETE = OperationKind.CREATE, OperationKind.DELETE


def test_everything_goes_in_reverse_order_and_the_workspace_is_buried(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        before = len(world.azure.writes())
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert world.azure.resources == {}
        assert await world.record() is None
        assert await world.repository.next_incarnation("ws") == 2
        writes = world.azure.writes()[before:]
        assert len(writes) == len(set(writes)) == 11
        assert writes[-1] == f"DELETE {GROUP}"
        order = [writes.index(f"DELETE {arm_id}") for arm_id in (f"{ML}/computes/cpu", ML, STORAGE)]
        assert order == sorted(order)
        assert writes.index(f"DELETE {ENDPOINT}") < writes.index(f"DELETE {VNET}/subnets/a")
        assert world.azure.early_polls == 0
        kept = {residue.resource_id: residue for residue in operation.residue}
        assert {r.reason for r in kept.values()} == {"SoftDeleted"}
        until = kept[ML].until
        assert until is not None and until - world.clock.now() > timedelta(days=13)

    run(scene())


def test_what_is_not_ours_stays_and_so_does_its_group(world: World) -> None:
    other = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/somebodys"

    async def scene() -> None:
        await world.do(CREATE)
        world.azure.plant(other, properties={})
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert set(world.azure.resources) == {GROUP.lower(), other.lower()}
        reasons = {residue.resource_id: residue.reason for residue in operation.residue}
        assert reasons[other] == "Unmanaged"
        assert reasons[GROUP] == "UnmanagedResourcesLeft"
        group = next(step for step in operation.steps if step.key == "resource-group")
        assert group.status is StepStatus.CANCELED
        assert await world.record() is None

    run(scene())


MARKED = {
    f"{GROUP}/providers/Microsoft.Insights/actionGroups/cp-budget": {"cp-budget": "ws"},
    f"{GROUP}/providers/Microsoft.Insights/metricAlerts/ep-latency": {"cp-monitors": "ws"},
}


def test_what_was_made_beside_it_does_not_keep_its_group(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        for arm_id, tags in MARKED.items():
            world.azure.plant(arm_id, tags=tags, properties={})
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert world.azure.resources == {}
        assert {residue.reason for residue in operation.residue} == {"SoftDeleted"}

    run(scene())


def test_what_was_made_beside_it_is_told_apart_where_the_group_stays(world: World) -> None:
    theirs = f"{GROUP}/providers/Microsoft.Insights/actionGroups/theirs"
    elsewhere = f"{GROUP}/providers/Microsoft.Insights/actionGroups/of-another"
    copied = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/copiedtags"

    async def scene() -> None:
        await world.do(CREATE)
        others = {theirs: {"cp-budgets": "ws"}, elsewhere: {"cp-budget": "another"}, copied: {"cp-budget": "ws"}}
        planted = {**MARKED, **others}
        for arm_id, tags in planted.items():
            world.azure.plant(arm_id, tags=tags, properties={})
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        told = {residue.resource_id: residue for residue in operation.residue}
        assert {told[one].reason for one in MARKED} == {"TakenAwayLater"}
        assert [told[one].message for one in MARKED] == [
            "It is of the workspace's budget, whose next look takes it away: within six hours.",
            "It is of the workspace's monitors, whose next look takes it away: within a quarter of an hour.",
        ]
        assert {told[one].reason for one in others} == {"Unmanaged"}
        assert told[GROUP].message == "The group holds 3 other resources."

    run(scene())


def test_what_comes_into_the_group_at_the_last_moment_stays(world: World) -> None:
    """The group's DELETE is refused for a while; meanwhile somebody puts something into it."""
    other = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/somebodys"

    async def scene() -> None:
        await world.do(CREATE)

        def away() -> Transient:
            world.azure.plant(other, properties={})
            return Transient("InternalServerError", "oops", retry_after=1)

        world.azure.fail("DELETE", GROUP + "$", away)
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert other.lower() in world.azure.resources

    run(scene())


def test_already_gone_is_success(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        world.azure.resources.clear()
        before = len(world.azure.calls)
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert [call.method for call in world.azure.calls[before:]] == ["GET"]
        assert await world.record() is None
        # Whoever deleted the group: Azure keeps what it keeps, and its names.
        left = {residue.resource_id: residue for residue in operation.residue}
        assert left[ML].reason == "SoftDeleted"
        until = left[ML].until
        assert until is not None and until - world.clock.now() > timedelta(days=13)

    run(scene())


def test_parts_that_are_gone_are_success_too(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        for part in (ENDPOINT, STORAGE):
            for arm_id in [i for i in world.azure.resources if i.startswith(part.lower())]:
                del world.azure.resources[arm_id]

        def gone() -> Rejected:
            del world.azure.resources[f"{ML}/computes/cpu".lower()]
            return Rejected("ResourceNotFound", "gone", status=404)

        world.azure.fail("DELETE", "/computes/cpu", gone)
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error

    run(scene())


def test_half_a_creation_can_be_deleted(world: World) -> None:
    world.azure.doomed.append((ML, "QuotaExceeded", "no"))

    async def scene() -> None:
        assert (await world.do(CREATE)).status is OperationStatus.FAILED
        operation = await _delete(world)
        assert operation.status is OperationStatus.SUCCEEDED, operation.error
        assert world.azure.resources == {}

    run(scene())


def test_a_failed_deletion_is_continued_by_the_next(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        world.azure.fail("DELETE", VNET, lambda: Rejected("RequestDisallowedByPolicy", "no", status=403))
        failed = await _delete(world)
        assert failed.status is OperationStatus.FAILED
        assert failed.error is not None and failed.error.code == "RequestDisallowedByPolicy"
        record = await world.record()
        assert record is not None and record.deleting
        assert (await _delete(world)).status is OperationStatus.SUCCEEDED
        assert world.azure.resources == {}

    run(scene())


async def _cancel(world: World, operation_id: str) -> None:
    found = await world.repository.load_operation(operation_id)
    assert found is not None
    await world.repository.request_cancel(found, found.operation.model_copy(update={"cancel_requested": True}))


def test_a_deletion_cancelled_before_it_began_is_undone(world: World) -> None:
    async def scene() -> None:
        await world.do(CREATE)
        operation_id = await world.ask(DELETE)
        await _cancel(world, operation_id)
        assert (await world.settle(operation_id)).status is OperationStatus.CANCELED
        record = await world.record()
        assert record is not None and not record.deleting
        again = await world.do(OperationKind.UPDATE)
        assert again.status is OperationStatus.SUCCEEDED, again.error

    run(scene())


def test_a_deletion_cancelled_on_its_way_stays_a_deletion(world: World) -> None:
    """What is soft-deleted by then has names that Azure refuses to a creation."""

    async def scene() -> None:
        await world.do(CREATE)
        operation_id = await world.ask(DELETE)
        running = asyncio.ensure_future(world.settle(operation_id))
        await asyncio.sleep(5.0)
        await _cancel(world, operation_id)
        assert (await running).status is OperationStatus.CANCELED
        record = await world.record()
        assert record is not None and record.deleting
        assert (await _delete(world)).status is OperationStatus.SUCCEEDED
        assert world.azure.resources == {}

    run(scene())


def test_nothing_outside_the_own_groups_is_deleted_whatever_the_inventory_says(world: World) -> None:
    strange = GROUP.replace("rg-ws", "rg-ws2") + "/providers/Microsoft.Storage/storageAccounts/theirs"

    async def scene() -> None:
        await world.do(CREATE)
        stored = await world.repository.load("ws")
        assert stored is not None
        entry = Owned(resource_id=strange, type="Microsoft.Storage/storageAccounts", api_version="2023-05-01")
        status = stored.status.model_copy(update={"inventory": {**stored.status.inventory, "theirs": entry}})
        lease = await world.repository.take_lease("ws", "test", world.clock.now(), 90)
        assert lease is not None
        await world.repository.save_progress(stored, None, lease, status=status)
        await world.repository.release(lease)
        world.azure.plant(strange, location="westeurope", properties={})
        operation = await _delete(world)
        assert operation.error is not None and operation.error.code == "OutsideOwnGroups"
        assert not [call for call in world.azure.calls if (call.method, call.path) == ("DELETE", strange)]

    run(scene())


def test_what_azure_keeps_is_told_by_the_products_clock(world: World) -> None:
    """Leases and steps go by the machine's, which may be months away."""

    async def scene() -> None:
        await world.do(CREATE)
        clock = VirtualClock()
        clock.offset = 100 * 86400.0
        world.clock, system = clock, world.clock
        world.system = system
        operation = await _delete(world)
        until = next(residue.until for residue in operation.residue if residue.resource_id == ML)
        assert until is not None
        assert timedelta(days=13) < until - clock.now() <= timedelta(days=14)

    run(scene())


async def _delete(world: World) -> Operation:
    return await world.do(DELETE)
