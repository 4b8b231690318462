"""Registrations as entities of one partition of the store: partition ``projects``, row = the project's name.

The audit's rows (``~x…``) are in it too and sort behind every name; each change is told there in its own commit. Behind
them is one row that every commit writes which may let two projects have one resource group: of two such commits that
were decided on at once, one loses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controlplane.audit.chain import Chain
from controlplane.audit.facts import Evidence, Registered, registered
from controlplane.audit.model import BEGIN, Kind
from controlplane.errors import Fatal
from controlplane.json_types import JsonObject
from controlplane.ports.store import Insert, Remove, Replace, Store, Write
from controlplane.projects.model import ProjectRecord, dump

PARTITION = "projects"
_TURN = "~y!prefixes"


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A record with the store's ETag under which it was read."""

    record: ProjectRecord
    etag: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The state of all prefixes before they were read; ``etag`` is None before the first one."""

    etag: str | None
    number: int

    def taken(self) -> Write:
        """What a commit writes that was decided on in this state."""
        value = {"number": self.number + 1}
        return Insert(_TURN, value) if self.etag is None else Replace(_TURN, value, self.etag)


class ProjectRepository:
    """Raises what the store raises; ``Conflict`` when somebody else was faster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._audit = Chain(store, Kind.PROJECTS)

    async def load(self, name: str) -> StoredProject | None:
        """None when no project of this name is registered."""
        entity = await self._store.get(PARTITION, name)
        return StoredProject(ProjectRecord.model_validate(entity.value), entity.etag) if entity else None

    async def list(self, *, limit: int = 1000, last: str | None = None) -> tuple[tuple[ProjectRecord, ...], bool]:
        """Records in name order, after ``last``; and whether others follow."""
        start = f"{last} " if last else ""
        page = await self._store.query(PARTITION, at_least=start, below=BEGIN, limit=limit)
        records = tuple(ProjectRecord.model_validate(entity.value) for entity in page.entities)
        return records, page.continuation is not None

    async def all(self) -> tuple[ProjectRecord, ...]:
        """Every registration; there are hundreds of them, not more."""
        found: tuple[ProjectRecord, ...] = ()
        more = True
        while more:
            records, more = await self.list(last=found[-1].name if found else None)
            found += records
        return found

    async def turn(self) -> Turn:
        """To be read before the registrations that a decision on a prefix rests on."""
        entity = await self._store.get(PARTITION, _TURN)
        return Turn(None, 0) if entity is None else Turn(entity.etag, int(entity.value["number"]))

    async def save(
        self,
        record: ProjectRecord,
        previous: StoredProject | None,
        evidence: Evidence | None = None,
        turn: Turn | None = None,
    ) -> StoredProject:
        """Creates or replaces; ``Conflict`` when the project is not as ``previous`` says any more, or the prefixes of
        others are not as they were at ``turn``."""
        write: Write = (
            Insert(record.name, dump(record)) if previous is None else Replace(record.name, dump(record), previous.etag)
        )
        change = Registered(record.name, record.generation, _told(previous), dump(record)["registration"])
        told = registered(change, record.last_modified_by, record.last_modified_at, evidence or Evidence())
        etag = (await self._audit.commit([write, *([turn.taken()] if turn else ())], told))[0]
        if etag is None:
            raise Fatal("InvalidRecord", "The store returned no ETag for a row it wrote.")
        return StoredProject(record, etag)

    async def delete(
        self, stored: StoredProject, principal: str, at: datetime, evidence: Evidence | None = None
    ) -> None:
        """``principal`` ends the registration. ``Conflict`` when the project changed since it was read."""
        record = stored.record
        change = Registered(record.name, record.generation, _told(stored), None)
        told = registered(change, principal, at, evidence or Evidence())
        await self._audit.commit([Remove(record.name, stored.etag)], told)


def _told(stored: StoredProject | None) -> JsonObject | None:
    return dump(stored.record)["registration"] if stored else None
