"""A tick's hold on one workspace: the lease, and every commit fenced by it."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta

from controlplane.errors import Conflict, Fatal, Transient
from controlplane.objects.leases import Hold, Lease, Terms
from controlplane.operations.model import Operation
from controlplane.workspaces.reconcile.deps import TickDeps
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.repository import StoredOperation, StoredWorkspace

_log = logging.getLogger(__name__)
#: Azure Storage's longest delay that this product uses for a hint.
MAX_DELAY_SECONDS = 3600.0
_COMMIT_TRIES = 5


class Session(Hold):
    """Holds the lease and what was read under it. Raises ``Conflict`` when somebody else changed the workspace or took
    the lease: the tick must stop."""

    def __init__(self, deps: TickDeps, lease: Lease) -> None:
        super().__init__(deps.repository.leases, lease, Terms(deps.system, deps.lease_seconds))
        self._deps = deps
        self._stored: StoredWorkspace | None = None
        self._operation: StoredOperation | None = None

    @property
    def stored(self) -> StoredWorkspace:
        if self._stored is None:
            raise Fatal("InvalidState", "The workspace was not loaded.")
        return self._stored

    @property
    def operation(self) -> Operation | None:
        return self._operation.operation if self._operation else None

    async def load(self) -> bool:
        """Reads the workspace and its active operation; False when there is no such workspace."""
        repository = self._deps.repository
        self._stored = await repository.load(self._lease.name)
        if self._stored is None:
            return False
        active = self._stored.record.active_operation
        if active is not None:
            self._operation = await repository.load_operation(active)
            if self._operation is None:
                raise Fatal("InvalidRecord", f"Operation {active} of {self._lease.name} is not in the store.")
        return True

    async def commit(
        self,
        *,
        record: WorkspaceRecord | None = None,
        status: WorkspaceStatus | None = None,
        operation: Operation | None = None,
    ) -> Operation | None:
        """Stores any of the three at once; the operation as stored holds a wish to cancel that came meanwhile."""
        async with self.lock:
            for _ in range(_COMMIT_TRIES):
                try:
                    self._stored, self._operation = await self._deps.repository.save_progress(
                        self.stored, self._operation, self._lease, record=record, status=status, changed=operation
                    )
                    return self.operation
                except Conflict:
                    operation = await self._with_wish(operation)
            raise Conflict("OperationChanged", "The operation was changed by somebody else again and again.")

    async def heed(self, operation: Operation) -> Operation:
        """``operation`` with the wish to cancel that was stored meanwhile, if any: a read, no write."""
        async with self.lock:
            mine = self._operation
            found = await self._deps.repository.load_operation(mine.operation.id) if mine else None
            unchanged = mine is None or (found is not None and found.etag == mine.etag)
            return operation if unchanged else await self._with_wish(operation)

    async def _with_wish(self, operation: Operation | None) -> Operation:
        """The operation with the wish to cancel that made a commit fail; raises again when it was something else."""
        mine = self._operation
        found = await self._deps.repository.load_operation(mine.operation.id) if mine else None
        if mine is None or operation is None or found is None or found.etag == mine.etag:
            raise Conflict("LeaseLost", f"{self._lease.name} was changed or taken by somebody else.")
        if found.operation.model_copy(update=_UNWISHED) != mine.operation.model_copy(update=_UNWISHED):
            raise Conflict("LeaseLost", f"The operation of {self._lease.name} was changed by somebody else.")
        self._operation = found
        wish = found.operation.model_dump(include={"cancel_requested", "cancel_requested_by"})
        return operation.model_copy(update=wish)

    async def bury(self, finished: Operation) -> None:
        """Ends a deletion."""
        async with self.lock:
            if self._operation is None:
                raise Fatal("InvalidState", "Only a deletion ends a workspace.")
            await self._deps.repository.bury(self.stored, self._operation, finished, self._lease)

    async def hint_if_due(self, at_least: float = 0.0) -> None:
        """Sends the hint again that a request sent while this tick held the lease, and that nobody could follow."""
        stored = await self._deps.repository.load(self._lease.name)
        now = self._deps.clock.now()
        if stored is not None and stored.record.due_at is not None and stored.record.due_at <= now:
            await self.hint(now + timedelta(seconds=at_least))

    async def hint_expiry(self) -> None:
        """When a workspace ends is looked at by an object of its own: the hint lets it begin where a spec, or the
        project's registration, has an end, and repeats what was lost."""
        message = json.dumps({"kind": "expiry", "name": f"workspace.{self._lease.name}"})
        try:
            await self._deps.queue.send(message)
        except (Transient, Fatal) as error:
            _log.warning("hint of expiry lost workspace=%s code=%s", self._lease.name, error.code)

    async def hint(self, due_at: datetime) -> None:
        """Asks for a tick at that time, or in an hour. Losing it is harmless, whatever the queue says: the due row is
        stored. An operation never fails for a hint."""
        delay = (due_at - self._deps.clock.now()).total_seconds()
        message = json.dumps({"kind": "workspace", "name": self._lease.name})
        try:
            await self._deps.queue.send(message, delay_seconds=min(max(delay, 0.0), MAX_DELAY_SECONDS))
        except Transient as error:
            _log.warning("hint lost workspace=%s code=%s", self._lease.name, error.code)
        except Fatal as error:
            _log.error("hint not sent workspace=%s code=%s message=%s", self._lease.name, error.code, error.message)


_UNWISHED = {"cancel_requested": False, "cancel_requested_by": None, "last_modified_at": None}
