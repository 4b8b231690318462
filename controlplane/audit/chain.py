"""Writing: an entry goes into the commit of the change it tells of, or neither is stored."""

from __future__ import annotations

from collections.abc import Sequence

from controlplane.audit.model import Fact, Kind, entry_row, head_of, head_row, seal, time_row
from controlplane.errors import Conflict, Fatal
from controlplane.ports.store import Entity, Insert, Replace, Store, Write

_TRIES = 5


class Chain:
    """The chains of one kind of object. Raises what the store raises."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self._kind = kind

    async def commit(self, writes: Sequence[Write], *facts: Fact) -> tuple[str | None, ...]:
        """The writes and an entry for each fact, all or none; the ETags of the writes. The facts are of one object.

        Inserting an entry under its number is the lock: of two commits that tell something of one object at once, one
        loses and is tried again behind the other, unless one of its own writes lost too. Raises
        ``Fatal("AuditChainBroken")`` when the entry that should come next is there already although the head ends
        before it: somebody meddled with the rows, and nothing is changed before a person has looked.
        """
        name = _one_name(facts)
        lost: Conflict | None = None
        seen: str | None = None
        for _ in range(_TRIES):
            stored = await self._store.get(self._kind, head_row(name))
            etag = stored.etag if stored else None
            if lost is not None and etag == seen:
                break
            seen = etag
            try:
                etags = await self._store.commit(self._kind, [*writes, *_rows(facts, stored)])
            except Conflict as error:
                lost = error
            else:
                return etags[: len(writes)]
        assert lost is not None
        await self._require_free(name, lost)
        raise lost

    async def _require_free(self, name: str, lost: Conflict) -> None:
        stored = await self._store.get(self._kind, head_row(name))
        head = head_of(stored.value) if stored else None
        if await self._store.get(self._kind, entry_row(name, head.sequence + 1 if head else 1)) is None:
            return
        again = await self._store.get(self._kind, head_row(name))
        if (again.etag if again else None) == (stored.etag if stored else None):
            message = f"The audit chain of {self._kind}/{name} goes on behind its head; see docs/audit.md."
            raise Fatal("AuditChainBroken", message) from lost


def _one_name(facts: Sequence[Fact]) -> str:
    names = {fact.object for fact in facts}
    if len(names) != 1:
        raise Fatal("InvalidRecord", f"A commit tells facts of one object, not of {len(names)}.")
    return facts[0].name


def _rows(facts: Sequence[Fact], stored: Entity | None) -> tuple[Write, ...]:
    rows: list[Write] = []
    head = head_of(stored.value) if stored else None
    for fact in facts:
        entry = seal(fact, head)
        head = head_of(entry)
        index = {key: entry[key] for key in ("object", "sequence", "at", "project", "actor", "action")}
        rows.append(Insert(entry_row(fact.name, head.sequence), entry))
        rows.append(Insert(time_row(fact, head.sequence), index))
    assert head is not None
    row, value = head_row(facts[0].name), {"object": head.object, "sequence": head.sequence, "hash": head.hash}
    return (*rows, Insert(row, value) if stored is None else Replace(row, value, stored.etag))
