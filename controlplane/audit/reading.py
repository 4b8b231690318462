"""Reading entries: by object from the chain itself, otherwise by time over the index of all kinds. Newest first."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from controlplane.audit.model import TIME, Action, Kind, entry_prefix, entry_row, time_bound
from controlplane.errors import Rejected
from controlplane.json_types import JsonObject
from controlplane.operations.paging import Fields, Operator, Term
from controlplane.ports.store import Entity, Page, Store

#: What a list can be filtered by; all of it is in the index too.
FIELDS: Fields = {
    "object": re.compile(
        r"(?:workspaces|projects)/[a-z0-9-]{1,40}|retraining/[a-z0-9-]{1,40}(?:\.[A-Za-z0-9][A-Za-z0-9._-]{0,254})?"
        r"|governance/(?:workspace|project|department)\.[a-z0-9-]{1,40}"
    ),
    "actor": None,
    "action": frozenset(Action),
    "project": None,
}
#: Rows of one kind that one request looks at, at most, whatever it filters; what is left is behind ``nextLink``.
MAX_SCAN = 4_000
_PAGE = 1_000
_TIME_DIGITS = 14
_PLACE = re.compile(rf"{re.escape(TIME)}\d{{{_TIME_DIGITS}}}![0-9a-f]{{64}}", re.ASCII)

Visible = Callable[[Kind, str], Awaitable[bool]]
"""(kind, project) → whether the caller may read entries of it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; None asks nothing. Times are inclusive."""

    kind: Kind | None = None
    name: str | None = None
    """With ``kind``: one object."""
    terms: tuple[Term, ...] = ()
    """Of the fields in ``FIELDS``."""
    since: datetime | None = None
    until: datetime | None = None

    def takes(self, row: JsonObject) -> bool:
        """Of an entry, or a row of the index."""
        at = datetime.fromisoformat(str(row["at"]))
        return (
            all((row[term.field] == term.value) is (term.operator is Operator.EQ) for term in self.terms)
            and (self.since is None or at >= self.since)
            and (self.until is None or at <= self.until)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Entries as they are stored, and where the next page begins."""

    entries: tuple[JsonObject, ...]
    continuation: str | None


async def read(store: Store, wanted: Filter, visible: Visible, limit: int, continuation: str | None) -> Found:
    """One page. It may be short, or empty, with a continuation: a filter that finds little looks at ``MAX_SCAN`` rows.

    Raises ``Rejected("InvalidContinuation")``.
    """
    after = _position(continuation)
    if wanted.name is not None and wanted.kind is not None:
        return await _of_object(store, wanted, visible, limit, after)
    return await _by_time(store, wanted, visible, limit, after)


async def _of_object(
    store: Store, wanted: Filter, visible: Visible, limit: int, after: tuple[str, str] | None
) -> Found:
    assert wanted.kind is not None and wanted.name is not None
    prefix = entry_prefix(wanted.name)
    entries: list[JsonObject] = []
    seen, row = 0, after[0] if after else ""
    narrow = bool(wanted.terms) or wanted.since is not None or wanted.until is not None
    while True:
        size = _PAGE if narrow else limit + 1
        page = await _rows(store, wanted.kind, size, prefix=prefix, at_least=row)
        for entity in page.entities:
            if entity.row == row:
                continue
            if len(entries) == limit or seen == MAX_SCAN:
                return Found(tuple(entries), _token(row, wanted.kind))
            seen, row = seen + 1, entity.row
            if wanted.takes(entity.value) and await visible(wanted.kind, str(entity.value["project"])):
                entries.append(entity.value)
        if page.continuation is None:
            return Found(tuple(entries), None)


async def _by_time(store: Store, wanted: Filter, visible: Visible, limit: int, after: tuple[str, str] | None) -> Found:
    kinds = (wanted.kind,) if wanted.kind else tuple(Kind)
    after = await _resumed(store, after)
    narrow = bool(wanted.terms)
    pointers: list[tuple[Kind, JsonObject]] = []
    seen = 0
    while True:
        size = _PAGE if narrow else min(_PAGE, limit + 2)
        pages = await asyncio.gather(*(_index(store, kind, wanted, after, size) for kind in kinds))
        for row, kind, value in _merged(kinds, pages, after):
            if len(pointers) == limit or seen == MAX_SCAN:
                assert after is not None
                return Found(await _entries(store, pointers), _token(_place(*after), after[1]))
            seen, after = seen + 1, (row, kind)
            if wanted.takes(value) and await visible(kind, str(value["project"])):
                pointers.append((kind, value))
        if all(page.continuation is None for page in pages):
            return Found(await _entries(store, pointers), None)


async def _index(store: Store, kind: Kind, wanted: Filter, after: tuple[str, str] | None, size: int) -> Page:
    begin = max(after[0] if after else "", time_bound(wanted.until) if wanted.until else "")
    below = f"{time_bound(wanted.since)}~" if wanted.since else None
    return await _rows(store, kind, size, prefix=TIME, at_least=begin, below=below)


async def _rows(store: Store, kind: Kind, size: int, **asked: str | None) -> Page:
    """``size`` rows when there are so many: a page of Tables may be short, or empty, and still have a continuation."""
    entities: list[Entity] = []
    continuation: str | None = None
    while True:
        bounds = {name: value for name, value in asked.items() if value}
        left = size - len(entities)
        page = await store.query(kind, limit=left, continuation=continuation, **bounds)
        entities += page.entities
        continuation = page.continuation
        if continuation is None or len(entities) >= size:
            return Page(tuple(entities), continuation)


def _merged(
    kinds: Sequence[Kind], pages: Sequence[Page], after: tuple[str, str] | None
) -> list[tuple[str, Kind, JsonObject]]:
    """Rows of all kinds behind ``after``, up to where the first of the pages ends."""
    ends = [page.entities[-1].row for page in pages if page.continuation is not None]
    horizon = min(ends, default="\x7f")
    streams = (
        [(entity.row, kind, entity) for entity in page.entities] for kind, page in zip(kinds, pages, strict=True)
    )
    merged = merge(*streams, key=lambda item: (item[0], item[1]))
    return [
        (row, kind, entity.value)
        for row, kind, entity in merged
        if row <= horizon and (after is None or (row, kind) > after)
    ]


async def _entries(store: Store, pointers: Sequence[tuple[Kind, JsonObject]]) -> tuple[JsonObject, ...]:
    """What the index points at. An entry that is not there any more is left out here, and is ``:verify``'s to name."""
    found: list[Entity | None] = await asyncio.gather(
        *(
            store.get(kind, entry_row(str(value["object"]).partition("/")[2], int(value["sequence"])))
            for kind, value in pointers
        )
    )
    return tuple(entity.value for entity in found if entity is not None)


def _place(row: str, kind: str) -> str:
    """Where a row of the index is, without its name: the last one looked at may be one that the caller may not see."""
    mark = hashlib.sha256(f"{kind}|{row}".encode()).hexdigest()
    return f"{row[: len(TIME) + _TIME_DIGITS]}!{mark}"


async def _resumed(store: Store, after: tuple[str, str] | None) -> tuple[str, str] | None:
    """The row of a place: one of those of its millisecond. Raises ``Rejected("InvalidContinuation")``."""
    if after is None:
        return None
    place, kind = after
    if not _PLACE.fullmatch(place):
        raise _not_ours()
    continuation: str | None = None
    while True:
        page = await store.query(kind, prefix=f"{place.rpartition('!')[0]}!", limit=_PAGE, continuation=continuation)
        for entity in page.entities:
            if _place(entity.row, kind) == place:
                return entity.row, kind
        continuation = page.continuation
        if continuation is None:
            raise _not_ours()


def _token(row: str, kind: str) -> str:
    return base64.urlsafe_b64encode(f"{kind}|{row}".encode()).decode()


def _position(continuation: str | None) -> tuple[str, str] | None:
    if continuation is None:
        return None
    try:
        kind, _, row = base64.b64decode(continuation, altchars=b"-_", validate=True).decode().partition("|")
        return row, Kind(kind)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise _not_ours() from error


def _not_ours() -> Rejected:
    return Rejected("InvalidContinuation", "The continuation is not one that a page gave.")
