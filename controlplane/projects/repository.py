"""Registrations as entities of one partition of the store: partition ``projects``, row = the project's name."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.errors import Fatal
from controlplane.ports.store import Insert, Remove, Replace, Store, Write
from controlplane.projects.model import ProjectRecord, dump

PARTITION = "projects"


@dataclass(frozen=True, slots=True)
class StoredProject:
    """A record with the store's ETag under which it was read."""

    record: ProjectRecord
    etag: str


class ProjectRepository:
    """Raises what the store raises; ``Conflict`` when somebody else was faster."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, name: str) -> StoredProject | None:
        """None when no project of this name is registered."""
        entity = await self._store.get(PARTITION, name)
        return StoredProject(ProjectRecord.model_validate(entity.value), entity.etag) if entity else None

    async def list(
        self, *, limit: int = 1000, continuation: str | None = None
    ) -> tuple[tuple[ProjectRecord, ...], str | None]:
        """Records in name order."""
        page = await self._store.query(PARTITION, limit=limit, continuation=continuation)
        return tuple(ProjectRecord.model_validate(entity.value) for entity in page.entities), page.continuation

    async def save(self, record: ProjectRecord, previous: StoredProject | None) -> StoredProject:
        """Creates or replaces; ``Conflict`` when the project is not as ``previous`` says any more."""
        write: Write = (
            Insert(record.name, dump(record)) if previous is None else Replace(record.name, dump(record), previous.etag)
        )
        etag = (await self._store.commit(PARTITION, [write]))[0]
        if etag is None:
            raise Fatal("InvalidRecord", "The store returned no ETag for a row it wrote.")
        return StoredProject(record, etag)

    async def delete(self, stored: StoredProject) -> None:
        """``Conflict`` when the project changed since it was read."""
        await self._store.commit(PARTITION, [Remove(stored.record.name, stored.etag)])
