"""Workspaces, their operations, leases and due index, as entities of one partition of the store (``rows.py``).

One partition, because an object and its due row must change in one conditional write, and Tables' transactions end at a
partition. The record is the truth; a due row or a queue message is a hint that leads to it. What requests,
cancellations and ends of operations change is told to the audit in the same commit, here: no flow can forget it.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from controlplane.audit import facts
from controlplane.audit.chain import Chain
from controlplane.audit.facts import Approved, Evidence, Versions
from controlplane.audit.model import Fact, Kind
from controlplane.errors import Conflict, Fatal
from controlplane.objects.leases import Lease, Leases, fence
from controlplane.operations.model import ConditionStatus, Operation
from controlplane.ports.store import Entity, Insert, Remove, Replace, Store, Upsert, Write
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.rows import PARTITION, due_row, due_writes
from controlplane.workspaces.shares import Shares, held

#: Milliseconds in the year 5138; subtracting makes later ids sort first.
_END_OF_TIME = 99_999_999_999_999
#: Tries of a deletion's last commit against others who write the same shelf of addresses.
_NEIGHBOURS = 20


def new_operation_id(now: datetime) -> str:
    """An id that sorts newest first: inverted milliseconds, then 40 random bits."""
    return f"{_END_OF_TIME - int(now.timestamp() * 1000):014d}-{secrets.token_hex(5)}"


@dataclass(frozen=True, slots=True)
class StoredWorkspace:
    """A record with its status and the ETags under which they were read."""

    record: WorkspaceRecord
    record_etag: str
    status: WorkspaceStatus
    status_etag: str | None

    @property
    def state(self) -> str:
        """One word for lists: ``Deleting``, ``Converging``, or what condition ``Ready`` says."""
        if self.record.deleting:
            return "Deleting"
        if self.record.active_operation is not None:
            return "Converging"
        ready = next((c.status for c in self.status.conditions if c.type == "Ready"), ConditionStatus.UNKNOWN)
        return _STATES[ready]


_STATES = {ConditionStatus.TRUE: "Ready", ConditionStatus.FALSE: "NotReady", ConditionStatus.UNKNOWN: "Unknown"}
#: Every value of ``StoredWorkspace.state``.
STATES = ("Converging", "Deleting", *_STATES.values())


@dataclass(frozen=True, slots=True)
class StoredOperation:
    operation: Operation
    etag: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes into the commit that accepts a request, beside record and operation."""

    writes: Sequence[Write] = ()
    superseded: Operation | None = None
    """The operation that ends with it, as it ended; its writes are among ``writes``."""
    evidence: Evidence = field(default_factory=Evidence)


class WorkspaceRepository:
    """Raises what the store raises; ``Conflict`` when somebody else was faster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._audit = Chain(store, Kind.WORKSPACES)
        self.shares = Shares(store)
        self.leases = Leases(store, PARTITION)

    @property
    def store(self) -> Store:
        """For rows that stand beside a workspace's own."""
        return self._store

    # -- reading ---------------------------------------------------------------------------------------------------

    async def load(self, name: str) -> StoredWorkspace | None:
        # At once: in Azure each is a round trip. Their ETags fence what is done with them.
        record, status = await self._store.get_many(PARTITION, (f"w!{name}", f"s!{name}"))
        return None if record is None else stored_workspace(record, status)

    async def list(
        self, *, limit: int = 1000, continuation: str | None = None
    ) -> tuple[tuple[WorkspaceRecord, ...], str | None]:
        """Records in name order, without their status."""
        page = await self._store.query(PARTITION, prefix="w!", limit=limit, continuation=continuation)
        return tuple(WorkspaceRecord.model_validate(e.value) for e in page.entities), page.continuation

    async def of_project(self, project: str) -> tuple[str, ...]:
        """Names of a project's workspaces, in order."""
        names, continuation = list[str](), None
        while True:
            page = await self._store.query(PARTITION, prefix=f"p!{project}!", continuation=continuation)
            names += [str(one.value["name"]) for one in page.entities]
            continuation = page.continuation
            if continuation is None:
                return tuple(names)

    async def load_operation(self, operation_id: str) -> StoredOperation | None:
        entity = await self._store.get(PARTITION, f"o!{operation_id}")
        if entity is None:
            return None
        return StoredOperation(Operation.model_validate(entity.value), entity.etag)

    async def list_operations(
        self, *, limit: int = 1000, continuation: str | None = None
    ) -> tuple[tuple[Operation, ...], str | None]:
        """Newest first."""
        page = await self._store.query(PARTITION, prefix="o!", limit=limit, continuation=continuation)
        return tuple(Operation.model_validate(e.value) for e in page.entities), page.continuation

    async def next_incarnation(self, name: str) -> int:
        """1 for a name that was never used."""
        tombstone = await self._store.get(PARTITION, f"t!{name}")
        return int(tombstone.value["incarnation"]) + 1 if tombstone else 1

    async def due(self, now: datetime, limit: int = 1000) -> tuple[str, ...]:
        """Names whose time has come, the longest due first."""
        page = await self._store.query(PARTITION, prefix="d!", below=due_row(now, "~"), limit=limit)
        return tuple(str(entity.value["name"]) for entity in page.entities)

    # -- writing ---------------------------------------------------------------------------------------------------

    async def accept(
        self,
        record: WorkspaceRecord,
        operation: Operation,
        previous: StoredWorkspace | None,
        beside: Beside | None = None,
    ) -> StoredWorkspace:
        """Stores an accepted request: record, operation, due row, audit and ``beside`` in one commit.

        ``record.active_operation`` must be the operation's id. Raises ``Conflict`` when the workspace changed since
        ``previous`` was read, or exists although ``previous`` is None, or when ``beside`` claims what another took.
        """
        if record.active_operation != operation.id:
            raise Fatal("InvalidRecord", "An accepted record must name its operation.")
        beside = beside or Beside()
        writes: list[Write] = [Insert(f"o!{operation.id}", dump(operation))]
        if previous is None:
            writes.append(Insert(f"w!{record.name}", dump(record)))
            writes.append(Upsert(f"p!{record.project}!{record.name}", {"name": record.name}))
        else:
            writes.append(Replace(f"w!{record.name}", dump(record), previous.record_etag))
        writes += [Upsert(f"i!{record.project}!{operation.id}", {"id": operation.id}), *beside.writes]
        writes += due_writes(record, previous.record if previous else None)
        versions = Versions(record.incarnation, previous.record.spec if previous else None, record.spec)
        told = [facts.ended(beside.superseded)] if beside.superseded else []
        etags = await self._audit.commit(writes, *told, facts.accepted(operation, versions, beside.evidence))
        status = previous.status if previous else WorkspaceStatus()
        return StoredWorkspace(record, _known(etags[1]), status, previous.status_etag if previous else None)

    async def save_record(
        self, stored: StoredWorkspace, record: WorkspaceRecord, lease: Lease | None = None
    ) -> StoredWorkspace:
        """Replaces the record and moves its due row."""
        writes: list[Write] = [Replace(f"w!{record.name}", dump(record), stored.record_etag)]
        writes += due_writes(record, stored.record)
        if lease is not None:
            writes.append(fence(lease))
        etags = await self._store.commit(PARTITION, writes)
        return StoredWorkspace(record, _known(etags[0]), stored.status, stored.status_etag)

    async def approve(self, stored: StoredWorkspace, record: WorkspaceRecord, what: Approved) -> StoredWorkspace:
        """Stores a record with more approvals, and tells the audit of them; ``Conflict`` as ever."""
        writes: list[Write] = [Replace(f"w!{record.name}", dump(record), stored.record_etag)]
        etags = await self._audit.commit(writes, facts.approved(record.name, record.project, what))
        return StoredWorkspace(record, _known(etags[0]), stored.status, stored.status_etag)

    async def save_rest(self, stored: StoredWorkspace, record: WorkspaceRecord, status: WorkspaceStatus) -> None:
        """Record, due row and status of a workspace on which nothing runs, without a lease; ``Conflict`` as ever."""
        row, value = f"s!{record.name}", dump(status)
        writes: list[Write] = [
            Replace(f"w!{record.name}", dump(record), stored.record_etag),
            *due_writes(record, stored.record),
            Insert(row, value) if stored.status_etag is None else Replace(row, value, stored.status_etag),
        ]
        await self._store.commit(PARTITION, writes)

    async def save_progress(
        self,
        stored: StoredWorkspace,
        operation: StoredOperation | None,
        lease: Lease,
        *,
        record: WorkspaceRecord | None = None,
        status: WorkspaceStatus | None = None,
        changed: Operation | None = None,
    ) -> tuple[StoredWorkspace, StoredOperation | None]:
        """What a tick saw and did, in one fenced commit: any of record (with its due row), status and operation."""
        writes: list[Write] = [fence(lease)]
        name = stored.record.name
        if status is not None:
            row, value = f"s!{name}", dump(status)
            writes.append(Insert(row, value) if stored.status_etag is None else Replace(row, value, stored.status_etag))
        if changed is not None:
            if operation is None:
                raise Fatal("InvalidRecord", "A changed operation needs the one it was read as.")
            writes.append(Replace(f"o!{changed.id}", dump(changed), operation.etag))
        if record is not None:
            writes.append(Replace(f"w!{name}", dump(record), stored.record_etag))
            writes += due_writes(record, stored.record)
            if held(record) != held(stored.record):
                writes += await self.shares.release(stored.record, record)
        if changed is not None and operation is not None and _ends(operation.operation, changed):
            etags = await self._audit.commit(writes, facts.ended(changed))
        else:
            etags = await self._store.commit(PARTITION, writes)
        by_row = {write.row: etag for write, etag in zip(writes, etags, strict=True)}
        after = StoredWorkspace(
            record or stored.record,
            by_row.get(f"w!{name}") or stored.record_etag,
            status or stored.status,
            by_row.get(f"s!{name}") or stored.status_etag,
        )
        if changed is None:
            return after, operation
        return after, StoredOperation(changed, _known(by_row[f"o!{changed.id}"]))

    async def request_cancel(
        self,
        stored: StoredOperation,
        changed: Operation,
        also: Sequence[Write] = (),
        evidence: Evidence | None = None,
    ) -> StoredOperation:
        """Stores the wish to cancel; the tick sees it before its next write."""
        writes = [Replace(f"o!{changed.id}", dump(changed), stored.etag), *also]
        etags = await self._audit.commit(writes, facts.cancel_requested(changed, evidence or Evidence()))
        return StoredOperation(changed, _known(etags[0]))

    async def end_from_outside(
        self,
        stored: StoredWorkspace,
        operation: StoredOperation,
        finished: Operation,
        rest: tuple[WorkspaceRecord, WorkspaceStatus],
        beside: Beside | None = None,
    ) -> StoredOperation:
        """Ends an operation without its tick. ``rest``: record and status as they shall be from now on.

        Raises ``Conflict`` when a tick, or anybody, changed one of the three since they were read; a tick that is on
        its way raises it at its next commit, and so stops before its next write to Azure.
        """
        beside = beside or Beside()
        record, status = rest
        name = record.name
        status_row, value = f"s!{name}", dump(status)
        writes: list[Write] = [
            Replace(f"o!{finished.id}", dump(finished), operation.etag),
            Replace(f"w!{name}", dump(record), stored.record_etag),
            *due_writes(record, stored.record),
            Insert(status_row, value) if stored.status_etag is None else Replace(status_row, value, stored.status_etag),
            *beside.writes,
        ]
        wished = finished.cancel_requested and not operation.operation.cancel_requested
        told = [facts.cancel_requested(finished, beside.evidence)] if wished else []
        etags = await self._audit.commit(writes, *told, facts.ended(finished))
        return StoredOperation(finished, _known(etags[0]))

    @staticmethod
    def supersede(name: str, operation: StoredOperation, finished: Operation) -> tuple[Write, ...]:
        """Writes that end an operation in the commit that accepts its successor.

        The lease goes as well: whoever holds it has been stuck until the deadline, and every commit of his fails from
        now on.
        """
        return (Replace(f"o!{finished.id}", dump(finished), operation.etag), Remove(f"l!{name}", "*"))

    async def bury(
        self, stored: StoredWorkspace, operation: StoredOperation, finished: Operation, lease: Lease
    ) -> None:
        """Ends a deletion: the workspace goes with all that it held, its operation stays, a tombstone keeps the
        incarnation."""
        name = stored.record.name
        writes: list[Write] = [
            fence(lease),
            Replace(f"o!{finished.id}", dump(finished), operation.etag),
            Remove(f"w!{name}", stored.record_etag),
            Remove(f"s!{name}", "*"),
            Remove(f"p!{stored.record.project}!{name}", "*"),
            Remove(f"f!{name}", "*"),
            Upsert(f"t!{name}", {"incarnation": stored.record.incarnation}),
        ]
        if stored.record.due_at is not None:
            writes.append(Remove(due_row(stored.record.due_at, name), "*"))
        await self._give_back(stored.record, writes, facts.ended(finished, buried=True))
        await self.release(lease)

    async def _give_back(self, record: WorkspaceRecord, writes: Sequence[Write], told: Fact) -> None:
        """Commits with everything that the workspace held; once more where a neighbour on its shelf was faster."""
        for _ in range(_NEIGHBOURS):
            release = await self.shares.release(record, None)
            try:
                await self._audit.commit([*writes, *release], told)
                return
            except Conflict:
                if await self.shares.are_as_read(release):
                    raise
        raise Conflict("ConcurrentChange", f"Others keep changing the shelves of {record.name}.")

    # -- leases ----------------------------------------------------------------------------------------------------

    async def is_leased(self, name: str, now: datetime) -> bool:
        """``now`` is the system clock's."""
        return await self.leases.is_held(name, now)

    async def take_lease(self, name: str, owner: str, now: datetime, seconds: float) -> Lease | None:
        """None when somebody holds it. ``now`` is the system clock's, never the product's."""
        return await self.leases.take(name, owner, now, seconds)

    async def release(self, lease: Lease) -> None:
        """Gives the lease back; one that was lost meanwhile is somebody else's and stays."""
        await self.leases.release(lease)


def _ends(before: Operation, after: Operation) -> bool:
    return after.status.is_terminal and not before.status.is_terminal


def dump(model: WorkspaceRecord | WorkspaceStatus | Operation) -> dict[str, object]:
    """camelCase JSON for the store."""
    return model.model_dump(mode="json", by_alias=True)


def stored_workspace(record: Entity, status: Entity | None) -> StoredWorkspace:
    """A record and its status as they were read."""
    return StoredWorkspace(
        WorkspaceRecord.model_validate(record.value),
        record.etag,
        WorkspaceStatus.model_validate(status.value) if status else WorkspaceStatus(),
        status.etag if status else None,
    )


def _known(etag: str | None) -> str:
    if etag is None:
        raise Fatal("InvalidRecord", "The store returned no ETag for a row it wrote.")
    return etag
