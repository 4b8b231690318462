"""A process that asks for workspaces with ``addressSpace: auto`` on a store that other processes use too.

``python -m tests.support.address_taker STORE SEED create|delete NAME …`` prints {name: range} as JSON. The store loses
one call in twelve, by seed; whoever meets that asks again, as a client does.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from controlplane.errors import Conflict, Transient
from controlplane.operations.preconditions import Preconditions
from controlplane.projects.access import Caller, Permission
from controlplane.projects.repository import ProjectRepository
from controlplane.store import SqliteStore
from controlplane.workspaces import service
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.service import Request, ServiceDeps
from tests.support.api import spec
from tests.support.api_fakes import FakeCatalog, FakeQueue, FakeReader
from tests.support.chaos_rules import UnsureStore
from tests.support.clock import FrozenClock

ADMIN = Caller("tenant", "root", frozenset({"Platform.Admin"}))
TRIES = 300


class Taker:
    """The services of one process."""

    def __init__(self, path: Path, seed: int) -> None:
        self.store = SqliteStore(path)
        unsure = UnsureStore(self.store, seed, 0.08)
        self.repository, self.clock = WorkspaceRepository(unsure), FrozenClock()
        self.deps = ServiceDeps(
            repository=self.repository,
            projects=ProjectRepository(unsure),
            reader=FakeReader(),
            catalog=FakeCatalog(),
            queue=FakeQueue(),
            clock=self.clock,
            tenant_id="11111111-1111-1111-1111-111111111111",
            cloud="AzureCloud",
        )

    async def create(self, name: str) -> str:
        """The range that a new workspace has."""
        body = {**spec(), "network": {"addressSpace": "auto"}}
        request = Request(ADMIN, Permission.WORKSPACES_PUT, name, Preconditions())
        try:
            return (await service.put_workspace(self.deps, request, body)).stored.record.address_space
        except Conflict as error:
            # The answer to an earlier try was lost, and not what it did.
            if error.code != "AnotherOperationInProgress":
                raise
        stored = await self.repository.load(name)
        assert stored is not None
        return stored.record.address_space

    async def delete(self, name: str) -> str:
        """The whole deletion of a workspace of which Azure has nothing."""
        stored = await self.repository.load(name)
        if stored is None:
            return ""
        if not stored.record.deleting:
            request = Request(ADMIN, Permission.WORKSPACES_DELETE, name)
            late = stored.record.model_copy(update={"active_operation": None})
            await self.repository.save_record(stored, late)
            await service.delete_workspace(self.deps, request)
            stored = await self.repository.load(name)
            assert stored is not None
        running = await self.repository.load_operation(stored.record.active_operation or "")
        lease = await self.repository.take_lease(name, "tick", self.clock.now(), 0)
        assert running is not None
        assert lease is not None
        await self.repository.bury(stored, running, running.operation, lease)
        return stored.record.address_space


async def until_done(work: Callable[[str], Awaitable[str]], name: str) -> str:
    """As a client that asks again."""
    for _ in range(TRIES):
        try:
            return await work(name)
        except Transient:
            continue
    raise RuntimeError(f"{name} met {TRIES} faults")


async def main(path: str, seed: str, verb: str, *names: str) -> None:
    taker = Taker(Path(path), int(seed))
    work = taker.create if verb == "create" else taker.delete
    found = await asyncio.gather(*(until_done(work, name) for name in names))
    print(json.dumps(dict(zip(names, found, strict=True))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
