"""Verifying over the store and the anchor: one chain, or all of them in one pass of pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from controlplane.audit.checkpoints import Checkpoint, Folded, fold, logs
from controlplane.audit.model import ENTRY, HEAD, Kind, entry_prefix, head_row
from controlplane.audit.verify import Bad, ChainCheck, checker
from controlplane.ports.anchor import Anchor
from controlplane.ports.store import Entity, Store

#: Entries held in memory at a time; one may be tens of kilobytes.
_ENTRIES = 200
_HEADS = 1_000
#: A chain that grew while it was read is read again; one that is broken stays so.
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """What verifying found. ``consistent`` without ``anchored`` does not tell a chain from a rewritten one."""

    consistent: bool
    anchored: bool
    checked_entries: int
    checked_chains: int
    unanchored_entries: int
    """Entries that no checkpoint holds yet, directly or through one that follows them."""
    first_bad: Bad | None
    checkpoint: Checkpoint | None
    """The last one."""


@dataclass(slots=True)
class Anchored:
    """What all lines of the anchor say: for each object the hash at each sequence that a checkpoint saw."""

    pins: dict[str, dict[int, str]]
    last: Checkpoint | None = None
    bad: Bad | None = None

    def of(self, name: str) -> Mapping[int, str]:
        """The pins of one object."""
        return self.pins.get(name, {})

    def take(self, log: str, checkpoint: Checkpoint, only: str | None) -> None:
        """Two lines that disagree about an entry are as bad as a chain that does."""
        for name, sequence, value in checkpoint.heads:
            if only is not None and name != only:
                continue
            if self.pins.setdefault(name, {}).setdefault(sequence, value) != value:
                self.bad = Bad(name, sequence, "CheckpointMismatch", f"Checkpoints disagree; the later is in {log}.")


async def anchored(anchor: Anchor | None, only: str | None = None) -> Anchored:
    """Reads every log, one at a time; keeps the pins of ``only``, or of all objects."""
    found, folded = Anchored({}), Folded()
    if anchor is None:
        return found
    for name in await logs(anchor):
        text = await anchor.read(name)
        try:
            for checkpoint in fold(text, folded):
                found.take(name, checkpoint, only)
        except ValueError as error:
            found.bad = Bad(name, folded.number + 1, "CheckpointBroken", f"{error}.")
            break
    found.last = folded.last
    return found


async def prove_object(store: Store, anchor: Anchor | None, kind: Kind, name: str) -> Proof:
    """One chain."""
    thing = f"{kind}/{name}"
    pinned = await anchored(anchor, thing)
    check = await _look(store, kind, name, pinned.of(thing))
    top = max(pinned.of(thing), default=0)
    return Proof(
        consistent=check.bad is None and pinned.bad is None,
        anchored=top > 0,
        checked_entries=check.entries,
        checked_chains=1,
        unanchored_entries=_unanchored(check, top),
        first_bad=check.bad or pinned.bad,
        checkpoint=pinned.last,
    )


async def prove_all(store: Store, anchor: Anchor | None) -> Proof:
    """Every chain, and that no chain which a checkpoint knows is gone."""
    pinned = await anchored(anchor)
    entries, chains, unanchored, bad = 0, 0, 0, pinned.bad
    for kind in Kind:
        missing = {name for name in pinned.pins if name.startswith(f"{kind}/")}
        async for check in _chains(store, kind, pinned):
            missing.discard(check.object)
            if check.bad is not None:
                check = await _look(store, kind, check.object.partition("/")[2], pinned.of(check.object))
            entries, chains = entries + check.entries, chains + 1
            unanchored += _unanchored(check, max(pinned.of(check.object), default=0))
            bad = bad or check.bad
        for name in sorted(missing):
            check = await _look(store, kind, name.partition("/")[2], pinned.of(name))
            bad = bad or check.bad
    return Proof(bad is None, pinned.last is not None, entries, chains, unanchored, bad, pinned.last)


def _unanchored(check: ChainCheck, top: int) -> int:
    return max(0, (check.head.sequence if check.head else 0) - top)


async def _look(store: Store, kind: Kind, name: str, pins: Mapping[int, str]) -> ChainCheck:
    """One chain by itself; again when it seems broken, because an entry may have come between two pages."""
    for _ in range(_LOOKS):
        check = checker(f"{kind}/{name}", await store.get(kind, head_row(name)), pins)
        continuation: str | None = None
        while True:
            page = await store.query(kind, prefix=entry_prefix(name), limit=_ENTRIES, continuation=continuation)
            for entity in page.entities:
                check.feed(entity)
            continuation = page.continuation
            if continuation is None:
                break
        if check.finish() is None:
            break
    return check


async def _chains(store: Store, kind: Kind, pinned: Anchored) -> AsyncIterator[ChainCheck]:
    """Heads and entries side by side, in the order of names; a name that only one side has is a broken chain."""
    heads = _pages(store, kind, HEAD, _HEADS)
    head = await anext(heads, None)
    check: ChainCheck | None = None
    async for name, group in _groups(store, kind):
        if check is not None and check.object != f"{kind}/{name}":
            check.finish()
            yield check
            check = None
        while check is None and head is not None and _name(head) < name:
            lonely = checker(f"{kind}/{_name(head)}", head, pinned.of(f"{kind}/{_name(head)}"))
            lonely.finish()
            yield lonely
            head = await anext(heads, None)
        if check is None:
            mine = head if head is not None and _name(head) == name else None
            check = checker(f"{kind}/{name}", mine, pinned.of(f"{kind}/{name}"))
            head = await anext(heads, None) if mine is not None else head
        for entity in group:
            check.feed(entity)
    if check is not None:
        check.finish()
        yield check
    while head is not None:
        lonely = checker(f"{kind}/{_name(head)}", head, pinned.of(f"{kind}/{_name(head)}"))
        lonely.finish()
        yield lonely
        head = await anext(heads, None)


def _name(entity: Entity) -> str:
    return entity.row.removeprefix(HEAD).removeprefix(ENTRY).partition("!")[0]


async def _groups(store: Store, kind: Kind) -> AsyncIterator[tuple[str, list[Entity]]]:
    """Entries of one page and one name; a long chain comes in several."""
    continuation: str | None = None
    while True:
        page = await store.query(kind, prefix=ENTRY, limit=_ENTRIES, continuation=continuation)
        for name, group in groupby(page.entities, _name):
            yield name, list(group)
        continuation = page.continuation
        if continuation is None:
            return


async def _pages(store: Store, kind: Kind, prefix: str, size: int) -> AsyncIterator[Entity]:
    continuation: str | None = None
    while True:
        page = await store.query(kind, prefix=prefix, limit=size, continuation=continuation)
        for entity in page.entities:
            yield entity
        continuation = page.continuation
        if continuation is None:
            return
