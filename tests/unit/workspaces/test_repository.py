"""The repository over a real store: what two writers, a lost lease, the due index and a burial come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.audit.model import BEGIN
from controlplane.errors import Conflict, Fatal
from controlplane.operations.model import Operation, OperationKind, OperationStatus
from controlplane.ports.store import Insert, Store
from controlplane.workspaces.records import Owned, WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.repository import (
    PARTITION,
    Beside,
    Lease,
    StoredOperation,
    StoredWorkspace,
    WorkspaceRepository,
    new_operation_id,
)
from tests.support.stores import BACKENDS, open_store

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(request.param, tmp_path, request) as opened:
        yield opened


@pytest.fixture
def repository(store: Store) -> WorkspaceRepository:
    return WorkspaceRepository(store)


def operation(number: int = 0, kind: OperationKind = OperationKind.CREATE) -> Operation:
    return Operation(
        id=new_operation_id(NOW + timedelta(seconds=number)),
        kind=kind,
        target="workspaces/ws",
        project="vision",
        generation=1,
        created_at=NOW,
        created_by="ada",
        last_modified_at=NOW,
    )


def record(op: Operation, name: str = "ws", **changes: object) -> WorkspaceRecord:
    fields: dict[str, object] = {
        "name": name,
        "project": "vision",
        "resource_group": f"rg-{name}",
        "spec": {"region": "westeurope", "tags": {"größe": "😀"}},
        "active_operation": op.id,
        "due_at": NOW,
        "created_at": NOW,
        "created_by": "ada",
        "last_modified_at": NOW,
        "last_modified_by": "ada",
    }
    return WorkspaceRecord.model_validate(fields | changes)


async def created(repository: WorkspaceRepository, name: str = "ws", due_at: datetime = NOW) -> StoredWorkspace:
    op = operation()
    return await repository.accept(record(op, name, due_at=due_at), op, None)


async def leased(repository: WorkspaceRepository, name: str = "ws", owner: str = "a", now: datetime = NOW) -> Lease:
    lease = await repository.take_lease(name, owner, now, 90)
    assert lease is not None
    return lease


async def loaded(repository: WorkspaceRepository, name: str = "ws") -> StoredWorkspace:
    stored = await repository.load(name)
    assert stored is not None
    return stored


async def loaded_operation(repository: WorkspaceRepository, stored: StoredWorkspace) -> StoredOperation:
    assert stored.record.active_operation is not None
    found = await repository.load_operation(stored.record.active_operation)
    assert found is not None
    return found


# -- accepting ---------------------------------------------------------------------------------------------------------


async def test_what_was_accepted_can_be_read(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    assert await repository.load("ws") == stored
    assert (await loaded_operation(repository, stored)).operation.id == stored.record.active_operation
    assert await repository.due(NOW) == ("ws",)
    assert await repository.load("other") is None
    assert await repository.load_operation("none") is None


async def test_a_second_creation_of_a_name_is_a_conflict_and_leaves_nothing(repository: WorkspaceRepository) -> None:
    first = await created(repository)
    second = operation(1)
    with pytest.raises(Conflict):
        await repository.accept(record(second), second, None)
    assert await repository.load("ws") == first
    assert await repository.load_operation(second.id) is None


async def test_of_two_updates_from_the_same_reading_one_is_accepted(repository: WorkspaceRepository) -> None:
    seen = await created(repository)
    operations = [operation(number, OperationKind.UPDATE) for number in (1, 2)]
    outcomes = await asyncio.gather(
        *(repository.accept(record(op, generation=2), op, seen) for op in operations), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "StoredWorkspace"]
    winner = operations[[isinstance(outcome, StoredWorkspace) for outcome in outcomes].index(True)]
    assert (await loaded(repository)).record.active_operation == winner.id
    assert {op.id for op in (await repository.list_operations())[0]} == {seen.record.active_operation, winner.id}


async def test_an_accepted_record_names_its_operation(repository: WorkspaceRepository) -> None:
    with pytest.raises(Fatal):
        await repository.accept(record(operation(1)), operation(2), None)
    assert await repository.load("ws") is None


async def test_an_update_keeps_the_status(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    status = WorkspaceStatus(inventory={"storage": Owned(resource_id="/x", type="T", api_version="v")})
    stored, _ = await repository.save_progress(stored, None, await leased(repository), status=status)
    update = operation(1, OperationKind.UPDATE)
    after = await repository.accept(record(update, generation=2), update, stored)
    assert after.status == status
    assert await repository.load("ws") == after


async def test_what_is_shared_is_taken_once(repository: WorkspaceRepository) -> None:
    for number in (1, 2):
        taken = Beside((Insert(f"n!0a28{number:04x}", {"taken": []}),))
        operations = {name: operation(10 * number + place) for place, name in enumerate(("a", "b"))}
        outcomes = await asyncio.gather(
            *(repository.accept(record(op, f"{name}{number}"), op, None, taken) for name, op in operations.items()),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "StoredWorkspace"]
    assert len((await repository.list())[0]) == 2
    assert len((await repository.list_operations())[0]) == 2


# -- listing -----------------------------------------------------------------------------------------------------------


async def test_lists_are_paged_and_hold_nothing_else(repository: WorkspaceRepository) -> None:
    for number, name in enumerate(("b", "a", "c")):
        op = operation(number)
        await repository.accept(record(op, name), op, None)
    first, continuation = await repository.list(limit=2)
    rest, end = await repository.list(limit=2, continuation=continuation)
    assert [item.name for item in (*first, *rest)] == ["a", "b", "c"]
    assert end is None
    operations, _ = await repository.list_operations()
    assert len(operations) == 3


async def test_operations_are_listed_newest_first(repository: WorkspaceRepository) -> None:
    for number in (5, 1, 9):
        op = operation(number)
        await repository.accept(record(op, f"ws{number}"), op, None)
    operations, _ = await repository.list_operations()
    ids = [op.id for op in operations]
    expected = [operation(number).id.split("-")[0] for number in (9, 5, 1)]
    assert [item.split("-")[0] for item in ids] == expected


@given(st.lists(st.datetimes(datetime(2000, 1, 1), datetime(5000, 1, 1), timezones=st.just(UTC)), min_size=2))  # noqa: DTZ001
def test_operation_ids_sort_newest_first(moments: list[datetime]) -> None:
    times = [new_operation_id(moment).split("-")[0] for moment in sorted(moments)]
    assert times == sorted(times, reverse=True)
    assert {len(text) for text in times} == {14}


# -- the due index -----------------------------------------------------------------------------------------------------


async def test_due_names_come_longest_due_first(repository: WorkspaceRepository) -> None:
    # Whole seconds and microseconds, and another zone, must sort by time.
    dues = {
        "now": NOW,
        "earlier": NOW - timedelta(days=400),
        "fraction": NOW - timedelta(microseconds=1),
        "elsewhere": (NOW - timedelta(minutes=1)).astimezone(timezone(timedelta(hours=9))),
        "later": NOW + timedelta(microseconds=1),
    }
    for name, due_at in dues.items():
        await created(repository, name, due_at)
    assert await repository.due(NOW) == ("earlier", "elsewhere", "fraction", "now")
    assert await repository.due(NOW, limit=2) == ("earlier", "elsewhere")
    assert await repository.due(NOW + timedelta(days=1)) == ("earlier", "elsewhere", "fraction", "now", "later")


async def test_the_due_row_moves_with_the_record(repository: WorkspaceRepository, store: Store) -> None:
    stored = await created(repository)
    stored = await repository.save_record(stored, stored.record.model_copy(update={"due_at": LATER}))
    assert await repository.due(NOW) == ()
    assert await repository.due(LATER) == ("ws",)
    stored = await repository.save_record(stored, stored.record.model_copy(update={"generation": 2}))
    assert await repository.due(LATER) == ("ws",)
    stored = await repository.save_record(stored, stored.record.model_copy(update={"due_at": None}))
    assert await repository.due(LATER) == ()
    assert (await store.query(PARTITION, prefix="d!")).entities == ()
    stored = await repository.save_record(stored, stored.record.model_copy(update={"due_at": NOW}))
    assert await repository.due(NOW) == ("ws",)
    assert await repository.load("ws") == stored


async def test_a_refused_write_does_not_move_the_due_row(repository: WorkspaceRepository) -> None:
    stale = await created(repository)
    await repository.save_record(stale, stale.record.model_copy(update={"generation": 2}))
    with pytest.raises(Conflict):
        await repository.save_record(stale, stale.record.model_copy(update={"due_at": LATER}))
    assert await repository.due(NOW) == ("ws",)


# -- leases ------------------------------------------------------------------------------------------------------------


async def test_a_lease_has_one_holder(repository: WorkspaceRepository) -> None:
    attempts = [repository.take_lease("ws", owner, NOW, 90) for owner in "abcdef"]
    leases = [lease for lease in await asyncio.gather(*attempts) if lease is not None]
    assert len(leases) == 1
    assert await repository.is_leased("ws", NOW)
    assert not await repository.is_leased("other", NOW)
    assert await repository.take_lease("ws", "z", NOW + timedelta(seconds=89), 90) is None


async def test_an_old_lease_is_taken_over_and_its_holder_stopped(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    old = await leased(repository, owner="a")
    over = NOW + timedelta(seconds=90)
    assert not await repository.is_leased("ws", over)
    new = await leased(repository, owner="b", now=over)
    with pytest.raises(Conflict):
        await repository.leases.renew(old, over, 90)
    with pytest.raises(Conflict):
        await repository.save_progress(stored, None, old, status=WorkspaceStatus(observed_generation=1))
    await repository.release(old)
    assert await repository.is_leased("ws", over), "what was lost is not given back"
    after, _ = await repository.save_progress(stored, None, new, status=WorkspaceStatus(observed_generation=2))
    assert await repository.load("ws") == after
    assert after.status.observed_generation == 2


async def test_a_renewed_lease_fences_with_its_new_etag_only(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    old = await leased(repository)
    new = await repository.leases.renew(old, LATER, 90)
    assert await repository.is_leased("ws", LATER)
    with pytest.raises(Conflict):
        await repository.save_record(stored, stored.record, old)
    stored = await repository.save_record(stored, stored.record, new)
    await repository.save_record(stored, stored.record, new)


async def test_a_lease_that_was_given_back_can_be_taken_at_once(repository: WorkspaceRepository) -> None:
    lease = await leased(repository)
    await repository.release(lease)
    await repository.release(lease)
    assert not await repository.is_leased("ws", NOW)
    await leased(repository, owner="b")


# -- progress ----------------------------------------------------------------------------------------------------------


async def test_progress_is_one_commit(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    held = await loaded_operation(repository, stored)
    lease = await leased(repository)
    running = held.operation.model_copy(update={"status": OperationStatus.RUNNING})
    moved = stored.record.model_copy(update={"due_at": LATER})
    status = WorkspaceStatus(observed_generation=1)
    after, op = await repository.save_progress(stored, held, lease, record=moved, status=status, changed=running)
    assert op is not None
    assert await repository.load("ws") == after
    assert await repository.load_operation(running.id) == op
    assert (after.record, after.status, op.operation) == (moved, status, running)
    # Every part again, with the ETags of the first time.
    again, op = await repository.save_progress(
        after, op, lease, record=stored.record, status=WorkspaceStatus(), changed=held.operation
    )
    assert await repository.load("ws") == again
    with pytest.raises(Conflict):
        await repository.save_progress(after, op, lease, record=moved)


async def test_a_wish_to_cancel_is_not_overwritten(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    seen = await loaded_operation(repository, stored)
    lease = await leased(repository)
    wish = seen.operation.model_copy(update={"cancel_requested": True})
    canceled = await repository.request_cancel(seen, wish)
    running = seen.operation.model_copy(update={"status": OperationStatus.RUNNING})
    with pytest.raises(Conflict):
        await repository.save_progress(stored, seen, lease, status=WorkspaceStatus(), changed=running)
    assert await repository.load_operation(wish.id) == canceled
    assert (await loaded(repository)).status_etag is None, "nothing of the refused commit was written"


async def test_progress_of_an_operation_needs_its_reading(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    held = await loaded_operation(repository, stored)
    with pytest.raises(Fatal):
        await repository.save_progress(stored, None, await leased(repository), changed=held.operation)


# -- burial ------------------------------------------------------------------------------------------------------------


async def buried(repository: WorkspaceRepository, stored: StoredWorkspace, lease: Lease) -> Operation:
    held = await loaded_operation(repository, stored)
    done = held.operation.model_copy(update={"status": OperationStatus.SUCCEEDED})
    await repository.bury(stored, held, done, lease)
    return done


async def test_burial_leaves_the_operation_and_a_tombstone(repository: WorkspaceRepository, store: Store) -> None:
    assert await repository.next_incarnation("ws") == 1
    stored = await created(repository)
    lease = await leased(repository)
    stored, _ = await repository.save_progress(stored, None, lease, status=WorkspaceStatus())
    done = await buried(repository, stored, lease)
    assert await repository.load("ws") is None
    assert await repository.due(LATER) == ()
    assert not await repository.is_leased("ws", NOW)
    found = await repository.load_operation(done.id)
    assert found is not None
    assert found.operation == done
    assert [entity.row[:2] for entity in (await store.query(PARTITION, below=BEGIN)).entities] == ["i!", "o!", "t!"]


async def test_the_next_workspace_of_the_name_is_another_incarnation(repository: WorkspaceRepository) -> None:
    for incarnation in (1, 2, 3):
        assert await repository.next_incarnation("ws") == incarnation
        op = operation(incarnation)
        stored = await repository.accept(record(op, incarnation=incarnation), op, None)
        assert stored.status == WorkspaceStatus()
        await buried(repository, stored, await leased(repository))
    assert await repository.next_incarnation("ws") == 4
    assert await repository.next_incarnation("other") == 1


async def test_nothing_is_buried_that_was_changed_meanwhile(repository: WorkspaceRepository) -> None:
    stale = await created(repository)
    lease = await leased(repository)
    changed = await repository.save_record(stale, stale.record.model_copy(update={"generation": 2}))
    with pytest.raises(Conflict):
        await buried(repository, stale, lease)
    assert await repository.load("ws") == changed
    assert await repository.next_incarnation("ws") == 1
    assert await repository.due(NOW) == ("ws",)


async def test_nothing_is_buried_without_the_lease(repository: WorkspaceRepository) -> None:
    stored = await created(repository)
    old = await leased(repository)
    await leased(repository, owner="b", now=LATER)
    with pytest.raises(Conflict):
        await buried(repository, stored, old)
    assert await repository.load("ws") == stored
