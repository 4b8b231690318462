"""Accepting a request while others write: what was decided on is what is committed, or it is decided anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from controlplane.errors import Conflict, Fatal
from controlplane.operations.model import OperationKind, OperationStatus
from controlplane.operations.preconditions import Preconditions
from controlplane.ports.store import Write
from controlplane.projects.access import Caller, Permission
from controlplane.projects.repository import ProjectRepository
from controlplane.projects.service import ProjectDeps, put_project
from controlplane.workspaces import service
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.service import Request, ServiceDeps
from tests.support.api import registration, spec
from tests.support.api_fakes import FakeCatalog, FakeQueue, FakeReader
from tests.support.clock import FrozenClock
from tests.support.memory_store import MemoryStore

ADMIN = Caller("tenant", "root", frozenset({"Platform.Admin"}))
Rival = Callable[[], Awaitable[Any]]


class ContestedStore(MemoryStore):
    """Lets a rival act before the next commit of an accepted request."""

    def __init__(self) -> None:
        super().__init__()
        self.rivals: list[Rival] = []

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        if self.rivals:
            await self.rivals.pop(0)()
        return await super().commit(partition, writes)


@dataclass
class House:
    """The services on a contested store."""

    store: ContestedStore = field(default_factory=ContestedStore)
    clock: FrozenClock = field(default_factory=FrozenClock)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def __post_init__(self) -> None:
        self.repository = WorkspaceRepository(self.store)
        self.projects = ProjectRepository(self.store)
        self.deps = ServiceDeps(
            repository=self.repository,
            projects=self.projects,
            reader=FakeReader(),
            catalog=FakeCatalog(),
            queue=self.queue,
            clock=self.clock,
            tenant_id="11111111-1111-1111-1111-111111111111",
            cloud="AzureCloud",
        )

    async def register(self, *names: str) -> None:
        deps = ProjectDeps(self.projects, self.repository, self.clock)
        for name in names:
            await put_project(deps, ADMIN, name, registration(name), Preconditions())

    async def put(self, name: str = "one", *, if_match: str | None = None, **changes: Any) -> service.Outcome:
        conditions = Preconditions((if_match,) if if_match else None)
        request = Request(ADMIN, Permission.WORKSPACES_PUT, name, conditions)
        return await service.put_workspace(self.deps, request, spec(**changes))

    async def rest(self, name: str = "one") -> str:
        """Ends the running operation as a tick would; returns the public ETag."""
        stored = await self.repository.load(name)
        assert stored is not None
        assert stored.record.active_operation is not None
        running = await self.repository.load_operation(stored.record.active_operation)
        assert running is not None
        lease = await self.repository.take_lease(name, "tick", self.clock.now(), 90)
        assert lease is not None
        await self.repository.save_progress(
            stored,
            running,
            lease,
            record=stored.record.model_copy(update={"active_operation": None, "due_at": None}),
            status=stored.status.model_copy(update={"observed_generation": stored.record.generation}),
            changed=running.operation.model_copy(update={"status": OperationStatus.SUCCEEDED}),
        )
        await self.repository.release(lease)
        return stored.record.public_etag


@pytest.fixture
async def house() -> House:
    made = House()
    await made.register("churn", "fraud")
    return made


async def _code(call: Awaitable[Any]) -> str:
    with pytest.raises(Conflict) as raised:
        await call
    return raised.value.code


async def test_name_taken_by_the_same_project_meanwhile(house: House) -> None:
    house.store.rivals.append(lambda: house.put())
    assert await _code(house.put()) == "AnotherOperationInProgress"


async def test_name_taken_by_another_project_meanwhile(house: House) -> None:
    house.store.rivals.append(lambda: house.put(project="fraud", address_space="10.60.0.0/22"))
    assert await _code(house.put()) == "WorkspaceNameUnavailable"


async def test_a_prefix_registered_meanwhile(house: House) -> None:
    """Under another name, so that no row of the two projects is the same."""
    deps = ProjectDeps(house.projects, house.repository, house.clock)

    async def register(name: str, prefix: str) -> None:
        await put_project(deps, ADMIN, name, registration(resourceGroupPrefix=prefix), Preconditions())

    house.store.rivals.append(lambda: register("credit", "rg-credit-a-"))
    assert await _code(register("loans", "rg-credit-")) == "ResourceGroupPrefixOverlaps"
    assert await house.projects.load("loans") is None
    house.store.rivals.append(lambda: register("cards", "rg-cards-"))
    await register("loans", "rg-loans-")
    assert await house.projects.load("loans") is not None


async def test_addresses_taken_meanwhile(house: House) -> None:
    house.store.rivals.append(lambda: house.put("other"))
    assert await _code(house.put()) == "AddressSpaceOverlaps"


async def test_unrelated_creation_meanwhile_is_no_obstacle(house: House) -> None:
    house.store.rivals.append(lambda: house.put("other", address_space="10.60.0.0/22"))
    assert (await house.put()).created is True


async def test_changed_by_another_writer_after_if_match_was_checked(house: House) -> None:
    await house.put()
    etag = await house.rest()

    async def rival() -> None:
        await house.put(environment="test")
        await house.rest()

    house.store.rivals.append(rival)
    assert await _code(house.put(environment="prod", if_match=etag)) == "ConditionNotMet"
    stored = await house.repository.load("one")
    assert stored is not None
    assert stored.record.spec["environment"] == "test"


async def test_without_if_match_the_later_writer_wins_on_fresh_state(house: House) -> None:
    await house.put()
    await house.rest()

    async def rival() -> None:
        await house.put(environment="test")
        await house.rest()

    house.store.rivals.append(rival)
    outcome = await house.put(environment="prod")
    assert outcome.stored.record.generation == 3
    assert outcome.stored.record.spec["environment"] == "prod"


async def test_deleted_and_gone_meanwhile_is_created_as_another_incarnation(house: House) -> None:
    await house.put()
    await house.rest()

    async def rival() -> None:
        """A whole deletion."""
        request = Request(ADMIN, Permission.WORKSPACES_DELETE, "one")
        accepted = await service.delete_workspace(house.deps, request)
        assert accepted is not None
        assert accepted.operation is not None
        stored = await house.repository.load("one")
        running = await house.repository.load_operation(accepted.operation.id)
        lease = await house.repository.take_lease("one", "tick", house.clock.now(), 90)
        assert stored is not None
        assert running is not None
        assert lease is not None
        await house.repository.bury(stored, running, running.operation, lease)

    house.store.rivals.append(rival)
    outcome = await house.put(environment="prod")
    assert outcome.created is True
    assert outcome.operation is not None
    assert outcome.operation.kind is OperationKind.CREATE
    assert (outcome.stored.record.incarnation, outcome.stored.record.generation) == (2, 1)


async def test_who_loses_every_race_is_told_so(house: House) -> None:
    await house.put()
    await house.rest()
    environments = ["test", "staging"]

    async def rival() -> None:
        environments.reverse()
        await house.put(environment=environments[0])
        await house.rest()

    async def one_rival_per_attempt() -> None:
        # The rival's own commits must not be contested, so it queues its successor when it is done.
        await rival()
        house.store.rivals.append(one_rival_per_attempt)

    house.store.rivals.append(one_rival_per_attempt)
    assert await _code(house.put(environment="prod")) == "ConcurrentChange"


async def test_nothing_of_a_lost_race_is_stored(house: House) -> None:
    house.store.rivals.append(lambda: house.put())
    await _code(house.put())
    operations, _ = await house.repository.list_operations()
    assert len(operations) == 1
    assert len(house.queue.sent) == 1


async def test_stored_spec_that_is_not_understood_is_a_fault_of_ours(house: House) -> None:
    await house.put()
    await house.rest()
    stored = await house.repository.load("one")
    assert stored is not None
    await house.repository.save_record(stored, stored.record.model_copy(update={"spec": {"colour": "blue"}}))
    with pytest.raises(Fatal):
        await service.validate_workspace(house.deps, ADMIN, "one")
