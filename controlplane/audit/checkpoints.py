"""Checkpoints: every hour the heads of all chains go to the anchor, under one Merkle root. Pure but for the two ports.

One log a month (``audit-2026-11.jsonl``), one line an hour: canonical JSON with the hash of the line before. A line
holds the heads that changed since the line before, and the root over all heads known; the first line of a log holds all
of them, so that a log is understood without the older ones. Adding the line of an hour twice is refused by the length.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import ValidationError

from controlplane.audit import merkle
from controlplane.audit.canonical import canonical
from controlplane.audit.model import GENESIS, HEAD, Head, Kind, head_of
from controlplane.errors import Conflict, Fatal, Transient
from controlplane.operations.model import Model
from controlplane.ports.anchor import Anchor
from controlplane.ports.store import Store

_log = logging.getLogger(__name__)
_TRIES = 4
_LOG = re.compile(r"audit-\d{4}-\d{2}\.jsonl")
#: Heads told in one line; a line of them has less than 4 MiB, the most that one append takes in every version of the
#: service (https://learn.microsoft.com/rest/api/storageservices/append-block). More go into further lines of the hour.
MAX_HEADS = 16_000


class Checkpoint(Model):
    """One line."""

    version: int = 1
    at: datetime
    """The hour that the checkpoint was taken for."""
    number: int
    """1 for the first line of all logs."""
    previous: str
    """SHA-256 of the line before, without its line feed; zeros for the first."""
    count: int
    """Chains under the root."""
    root: str
    """RFC 6962 over ``[object, sequence, hash]`` of every chain known, in the order of their objects."""
    heads: tuple[tuple[str, int, str], ...]
    more: bool = False
    """Whether the same hour goes on in the next line."""


@dataclass(slots=True)
class Folded:
    """What the lines up to one say."""

    heads: dict[str, Head] = field(default_factory=dict)
    last: Checkpoint | None = None
    digest: str = GENESIS
    """Of the last line."""

    @property
    def number(self) -> int:
        return self.last.number if self.last else 0


def log_of(at: datetime) -> str:
    """The log that a time's line goes to; the names sort by time."""
    return f"audit-{at.astimezone(UTC):%Y-%m}.jsonl"


def root_of(heads: Mapping[str, Head]) -> str:
    """The Merkle root over heads, in hex."""
    ordered = (heads[name] for name in sorted(heads))
    return merkle.root(canonical([head.object, head.sequence, head.hash]) for head in ordered).hex()


def line_of(checkpoint: Checkpoint) -> bytes:
    """Canonical JSON and a line feed."""
    return canonical(checkpoint.model_dump(mode="json", by_alias=True)) + b"\n"


def add(folded: Folded, line: bytes) -> Checkpoint:
    """Takes one line, without its line feed, into ``folded``.

    Raises ``ValueError`` when it is not canonical, or does not follow the line before.
    """
    try:
        checkpoint = Checkpoint.model_validate(json.loads(line))
    except (ValueError, ValidationError) as error:
        raise ValueError("a line is not a checkpoint") from error
    if line_of(checkpoint) != line + b"\n":
        raise ValueError("a line is not canonical")
    if folded.last is not None and (checkpoint.previous, checkpoint.number) != (folded.digest, folded.number + 1):
        raise ValueError(f"checkpoint {checkpoint.number} does not follow the line before")
    if folded.last is None and (checkpoint.number == 1) != (checkpoint.previous == GENESIS):
        raise ValueError("the first line follows another")
    for name, sequence, value in checkpoint.heads:
        folded.heads[name] = Head(name, sequence, value)
    if len(folded.heads) != checkpoint.count:
        raise ValueError(f"checkpoint {checkpoint.number} counts {checkpoint.count} chains")
    folded.last, folded.digest = checkpoint, hashlib.sha256(line).hexdigest()
    return checkpoint


def fold(text: bytes, folded: Folded) -> Iterator[Checkpoint]:
    """The lines of a log, one after another, taken into ``folded``, whose heads begin anew with the log.

    Raises ``ValueError``.
    """
    folded.heads = {}
    if text and not text.endswith(b"\n"):
        raise ValueError("the last line is not whole")
    for line in text.split(b"\n")[:-1]:
        yield add(folded, line)
    if folded.last is not None and folded.last.root != root_of(folded.heads):
        raise ValueError(f"the root of checkpoint {folded.number} is not that of its heads")


async def logs(anchor: Anchor) -> tuple[str, ...]:
    """Names of the audit's logs, oldest first."""
    return tuple(sorted(name for name in await anchor.names() if _LOG.fullmatch(name)))


async def heads(store: Store) -> AsyncIterator[Head]:
    """The heads of all chains, a page of 1,000 at a time."""
    for kind in Kind:
        continuation: str | None = None
        while True:
            page = await store.query(kind, prefix=HEAD, limit=1000, continuation=continuation)
            for entity in page.entities:
                yield head_of(entity.value)
            continuation = page.continuation
            if continuation is None:
                break


async def take(store: Store, anchor: Anchor, now: datetime) -> Checkpoint:
    """The checkpoint of this hour: taken now, or the one that was.

    Doing it twice, at once or after an answer was lost, leaves one. Raises ``Fatal("CheckpointBroken")`` when the log
    in the anchor is not one of ours, and what the ports raise.
    """
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for left in reversed(range(_TRIES)):
        try:
            return await _take(store, anchor, hour)
        except (Conflict, Transient) as error:
            # Another was faster, or an answer was lost: what the anchor holds now says which.
            _log.warning("checkpoint is looked at again hour=%s code=%s", hour.isoformat(), error.code)
            if not left:
                raise
    raise AssertionError("the last try returns or raises")


async def _take(store: Store, anchor: Anchor, hour: datetime) -> Checkpoint:
    names = await logs(anchor)
    # A clock that is behind does not reopen a month that is over.
    name = max((log_of(hour), *names[-1:]))
    text = await anchor.read(name) if name in names else b""
    folded = Folded()
    _require_whole(name, text, folded)
    if not text:
        older = [other for other in names if other < name]
        if older:
            _require_whole(older[-1], await anchor.read(older[-1]), folded)
    last = folded.last
    if last is not None and last.at >= hour and not last.more:
        return last
    found = {head.object: head async for head in heads(store)}
    _report_losses(folded.heads, found)
    known = folded.heads | found
    # The first line of a log begins it anew; one that others follow in the same hour has begun it already.
    whole = not text
    changed = [head for head in sorted(known.values()) if whole or folded.heads.get(head.object) != head]
    return await _append(anchor, name, len(text), _Next(folded, hour, changed, {} if whole else dict(folded.heads)))


@dataclass(frozen=True, slots=True)
class _Next:
    folded: Folded
    hour: datetime
    changed: list[Head]
    base: dict[str, Head]


async def _append(anchor: Anchor, name: str, length: int, step: _Next) -> Checkpoint:
    digest, number, base = step.folded.digest, step.folded.number, step.base
    parts = [step.changed[i : i + MAX_HEADS] for i in range(0, len(step.changed), MAX_HEADS)] or [[]]
    for index, part in enumerate(parts):
        base |= {head.object: head for head in part}
        number += 1
        checkpoint = Checkpoint(
            at=step.hour,
            number=number,
            previous=digest,
            count=len(base),
            root=root_of(base),
            heads=tuple((head.object, head.sequence, head.hash) for head in part),
            more=index < len(parts) - 1,
        )
        line = line_of(checkpoint)
        await anchor.append(name, line, length)
        length += len(line)
        digest = hashlib.sha256(line[:-1]).hexdigest()
    return checkpoint


def _require_whole(name: str, text: bytes, folded: Folded) -> None:
    try:
        for _ in fold(text, folded):
            pass
    except ValueError as error:
        raise Fatal("CheckpointBroken", f"The log {name} of the anchor is not as it was written: {error}.") from error


def _report_losses(before: Mapping[str, Head], now: Mapping[str, Head]) -> None:
    """Chains only grow. The lines that exist prove it; ``:verify`` says more."""
    for name, head in before.items():
        found = now.get(name)
        if found is None or found.sequence < head.sequence:
            _log.error("audit chain is shorter than its checkpoint object=%s sequence=%d", name, head.sequence)
