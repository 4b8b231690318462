"""What goes on outside ticks so that none of them is missed: last errors, lost hints, lost rows, forgotten answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from controlplane.operations.model import ErrorBody
from controlplane.ports.store import Entity, Remove, Store, Upsert, Write
from controlplane.workspaces.records import WorkspaceRecord
from controlplane.workspaces.rows import PARTITION, after, due_row, stamp

#: Rows of one commit; Tables takes 100.
_BATCH = 90


@dataclass(frozen=True, slots=True)
class Failure:
    """The last tick of a workspace that raised. ``message`` is ours or Azure's, cleaned of secrets; never a stack."""

    code: str
    message: str
    correlation_id: str
    """The id under which the log has the rest."""
    at: datetime
    """The product's time."""

    def cause(self) -> ErrorBody:
        """As a detail of an operation's error."""
        return ErrorBody(code=self.code, message=f"{self.message} (logged under {self.correlation_id})")


@dataclass(frozen=True, slots=True)
class DueRow:
    """One row of the due index: a hint that ``name`` wants a tick."""

    row: str
    name: str


class Upkeep:
    """Rows that no request and no tick depends on. Raises what the store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def note_failure(self, name: str, failure: Failure) -> None:
        """Replaces what was noted before."""
        value = {
            "code": failure.code,
            "message": failure.message,
            "correlationId": failure.correlation_id,
            "at": failure.at.isoformat(),
        }
        await self._store.commit(PARTITION, [Upsert(f"f!{name}", value)])

    async def last_failure(self, name: str) -> Failure | None:
        """What the last tick that raised has left, however long ago."""
        entity = await self._store.get(PARTITION, f"f!{name}")
        if entity is None:
            return None
        value = entity.value
        return Failure(value["code"], value["message"], value["correlationId"], datetime.fromisoformat(value["at"]))

    async def due(self, now: datetime, limit: int = 1000) -> tuple[DueRow, ...]:
        """Rows whose time has come, the longest due first."""
        page = await self._store.query(PARTITION, prefix="d!", below=due_row(now, "~"), limit=limit)
        return tuple(DueRow(entity.row, str(entity.value["name"])) for entity in page.entities)

    async def drop_due(self, row: str) -> None:
        """A due row that leads nowhere."""
        await self._store.commit(PARTITION, [Remove(row, "*")])

    async def has_due_row(self, record: WorkspaceRecord) -> bool:
        """Whether the index has the row that the record says it has."""
        return record.due_at is not None and (
            await self._store.get(PARTITION, due_row(record.due_at, record.name)) is not None
        )

    async def add_due(self, record: WorkspaceRecord, at: datetime) -> None:
        """The row that a record with this ``due_at`` should have."""
        await self._store.commit(PARTITION, [Upsert(due_row(at, record.name), {"name": record.name})])

    async def records(self, limit: int) -> tuple[WorkspaceRecord, ...]:
        """The next records after those of the last call, by any process; from the start again after the last one."""
        cursor = await self._store.get("sweeps", "upkeep")
        last = str(cursor.value["last"]) if cursor else ""
        start = after(f"w!{last}") if last else ""
        page = await self._store.query(PARTITION, prefix="w!", at_least=start, limit=limit)
        found = tuple(WorkspaceRecord.model_validate(entity.value) for entity in page.entities)
        where = found[-1].name if found and page.continuation is not None else ""
        if where or last:
            await self._store.commit("sweeps", [Upsert("upkeep", {"last": where})])
        return found

    async def forget_answers(self, now: datetime, batches: int = 20) -> int:
        """Removes repeatable requests whose time is over; returns how many."""
        gone = 0
        for _ in range(batches):
            page = await self._store.query(PARTITION, prefix="q!", below=f"q!{stamp(now)}", limit=_BATCH // 2)
            if not page.entities:
                break
            await self._store.commit(PARTITION, _forgotten(page.entities))
            gone += len(page.entities)
        return gone


def _forgotten(entities: Sequence[Entity]) -> list[Write]:
    return [Remove(row, "*") for entity in entities for row in (entity.row, str(entity.value["row"]))]
