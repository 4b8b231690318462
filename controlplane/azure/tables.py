"""The store in Azure Table Storage; ``docs/store.md`` says how it meets each rule of ``controlplane.ports.store``.

Importing this module imports no SDK; the first call does, in a thread.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import importlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.table_rows import KnownVersions, New, Operation, OutcomeUnknown, Refused, Row, Version, plan
from controlplane.errors import ControlPlaneError, Fatal, Rejected, Transient
from controlplane.ports.store import Check, Entity, Insert, Page, Remove, Replace, Upsert, Write
from controlplane.store import codec
from controlplane.store.keys import check_bound, check_key
from controlplane.store.limits import check_commit, check_commit_bytes, page_size

if TYPE_CHECKING:
    from controlplane.azure._tables import Table

#: Each attempt that fails without a conflict means that another's commit went through meanwhile.
_ATTEMPTS = 20
_PAUSE_MILLISECONDS = 10
#: The greatest character of a key.
_LAST = "~"


class AzureTableStore:
    """``controlplane.ports.store.Store`` in one table, which is made when it is missing."""

    def __init__(self, account: StorageAccount, table: str) -> None:
        self._account = account
        self._name = table
        self._table: Table | None = None
        self._opening = asyncio.Lock()
        self._known = KnownVersions()

    async def get(self, partition: str, row: str) -> Entity | None:
        """See ``Store``; one round trip."""
        check_key(partition), check_key(row)
        found = await (await self._opened()).get(partition, row)
        if found is None:
            return None
        self._known.put(partition, row, found.version)
        return _entity(partition, found)

    async def get_many(self, partition: str, rows: Sequence[str]) -> tuple[Entity | None, ...]:
        """See ``Store``; the round trips are made at once, as many as the client has connections."""
        return tuple(await asyncio.gather(*(self.get(partition, row) for row in rows)))

    async def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        at_least: str = "",
        below: str | None = None,
        limit: int = 1000,
        continuation: str | None = None,
    ) -> Page:
        """See ``Store``; one round trip, unless Tables answers with an empty page that is not the last."""
        size = page_size(limit)
        text = _filter(partition, max(check_bound(prefix), check_bound(at_least)), _end(prefix, below))
        after = None if continuation is None else _token(continuation)
        table = await self._opened()
        while True:
            rows, after = await table.page(text, size, after)
            if rows or after is None:
                break
        # A page of a thousand takes tens of milliseconds to unpack.
        entities = await asyncio.to_thread(lambda: tuple(_entity(partition, row) for row in rows))
        return Page(entities, None if after is None else _continuation(after))

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        """See ``Store``. One round trip, and one before it for rows that this process has not seen lately.

        An answer that was lost is looked for: when a row has this commit's tag, it was done. Otherwise ``Transient``,
        which leaves open whether it happened or still will.
        """
        wanted = tuple(writes)
        check_commit(partition, wanted)
        new = await asyncio.to_thread(_new, wanted)
        table = await self._opened()
        seen = await self._seen(table, partition, wanted)
        for attempt in range(_ATTEMPTS):
            planned = [plan(write, new, seen) for write in wanted]
            operations = [item for item in planned if item is not None]
            try:
                etags = await table.batch(partition, operations) if operations else []
            except Refused:
                conditional = [write.row for write in wanted if not isinstance(write, Upsert)]
                seen = await self._read(table, partition, conditional)
                if not _are_ours(seen, new):
                    await asyncio.sleep(secrets.randbelow(_PAUSE_MILLISECONDS * (attempt + 1)) / 1000)
                    continue
            except OutcomeUnknown as unknown:
                if not await self._was_done(table, partition, new):
                    raise unknown.cause from unknown
            else:
                self._remember(partition, operations, etags)
            return tuple(_etag(write, new, seen) for write in wanted)
        raise Transient("StoreBusy", "Others wrote the same rows all the time.", retry_after=1.0)

    async def _opened(self) -> Table:
        if self._table is None:
            async with self._opening:
                if self._table is None:
                    module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._tables")
                    clients = await self._account.clients()
                    table: Table = module.Table(clients.table(self._name))
                    await table.create()
                    self._table = table
        return self._table

    async def _seen(self, table: Table, partition: str, writes: Sequence[Write]) -> dict[str, Version | None]:
        """The versions that writes with an ETag need, and checks in any case, because they return it."""
        seen: dict[str, Version | None] = {}
        missing: list[str] = []
        for write in writes:
            if isinstance(write, Insert | Upsert) or (write.etag == "*" and not isinstance(write, Check)):
                continue
            known = self._known.get(partition, write.row)
            if known is not None and known.tag == write.etag:
                seen[write.row] = known
            else:
                missing.append(write.row)
        return seen | await self._read(table, partition, missing)

    async def _read(self, table: Table, partition: str, rows: Sequence[str]) -> dict[str, Version | None]:
        versions = await asyncio.gather(*(table.version(partition, row) for row in rows))
        for row, version in zip(rows, versions, strict=True):
            self._known.put(partition, row, version)
        return dict(zip(rows, versions, strict=True))

    async def _was_done(self, table: Table, partition: str, new: Mapping[str, New]) -> bool:
        """Whether a row that the commit writes has its tag. Where it writes none nobody can tell."""
        witness = next(iter(new), None)
        if witness is None:
            return False
        try:
            return _are_ours({witness: await table.version(partition, witness)}, new)
        except ControlPlaneError:
            # The caller is told of what went wrong first.
            return False

    def _remember(self, partition: str, operations: Sequence[Operation], etags: Sequence[str | None]) -> None:
        for item, etag in zip(operations, etags, strict=True):
            self._known.put(partition, item.row, Version(item.tag, etag) if etag and item.tag else None)


def _new(writes: Sequence[Write]) -> Mapping[str, New]:
    """What each row that is written will hold, with tags that this commit alone has."""
    values = {w.row: codec.encode(w.value) for w in writes if isinstance(w, Insert | Replace | Upsert)}
    check_commit_bytes(sum(len(chunk) for chunks in values.values() for chunk in chunks))
    return {row: New(f'W/"{secrets.token_hex(12)}"', chunks) for row, chunks in values.items()}


def _entity(partition: str, row: Row) -> Entity:
    return Entity(partition, row.row, codec.decode(row.chunks), row.version.tag)


def _are_ours(seen: Mapping[str, Version | None], new: Mapping[str, New]) -> bool:
    """Whether any row was written by the commit that writes ``new``; then all of them were."""
    return any(version is not None and row in new and version.tag == new[row].tag for row, version in seen.items())


def _etag(write: Write, new: Mapping[str, New], seen: Mapping[str, Version | None]) -> str | None:
    match write:
        case Remove():
            return None
        case Check():
            checked = seen[write.row]
            if checked is None:
                raise Fatal("InvalidRecord", "A commit went through although a row that it checks is gone.")
            return checked.tag
        case _:
            return new[write.row].tag


def _filter(partition: str, start: str, end: str | None) -> str:
    parts = [f"PartitionKey eq {_quoted(check_key(partition))}"]
    if start:
        parts.append(f"RowKey ge {_quoted(start)}")
    if end is not None:
        parts.append(f"RowKey lt {_quoted(end)}")
    return " and ".join(parts)


def _end(prefix: str, below: str | None) -> str | None:
    """The first text that sorts after all keys of the query; None when there is no bound."""
    ends = [] if below is None else [check_bound(below)]
    if stem := prefix.rstrip(_LAST):
        ends.append(stem[:-1] + chr(ord(stem[-1]) + 1))
    return min(ends, default=None)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _continuation(after: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode()


def _token(continuation: str) -> tuple[str, str]:
    """Tables' own continuation; it may lead elsewhere only within what the query's filter allows."""
    try:
        parts = json.loads(base64.b64decode(continuation, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise Rejected("InvalidContinuation", "The continuation is not one that a page gave.") from error
    if not (isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts)):
        raise Rejected("InvalidContinuation", "The continuation is not one that a page gave.")
    return parts[0], parts[1]
