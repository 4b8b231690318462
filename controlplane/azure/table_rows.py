"""Rows of a table, and what one transaction does to them: the words between the store and the SDK. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from controlplane.errors import Conflict, ControlPlaneError, Fatal
from controlplane.ports.store import Check, Insert, Remove, Replace, Upsert, Write
from controlplane.store.codec import MAX_CHUNKS

__all__ = ["MAX_CHUNKS", "KnownVersions", "New", "Operation", "OutcomeUnknown", "Refused", "Row", "Version", "plan"]
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Version:
    """``tag`` is the ETag that callers know, new at every write of theirs. ``etag`` is Tables' own, which a check
    changes as well."""

    tag: str
    etag: str


@dataclass(frozen=True, slots=True)
class Row:
    row: str
    version: Version
    chunks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One part of a transaction. ``etag`` is Tables'; None means any, for a row that must exist."""

    kind: Literal["insert", "upsert", "replace", "check", "remove"]
    row: str
    tag: str = ""
    chunks: tuple[bytes, ...] | None = None
    etag: str | None = None


class Refused(Exception):
    """A precondition of a transaction did not hold; nothing of it was done."""


class OutcomeUnknown(Exception):
    """A transaction may have been done; ``cause`` is what to raise when nobody can tell."""

    def __init__(self, cause: ControlPlaneError) -> None:
        super().__init__(cause.message)
        self.cause = cause


class KnownVersions:
    """The versions last seen by this process, so that most commits need no reading before. One that is out of date
    is refused by Tables, so it costs a reading and no more."""

    def __init__(self, size: int = _REMEMBERED) -> None:
        self._size = size
        self._seen: OrderedDict[tuple[str, str], Version] = OrderedDict()

    def get(self, partition: str, row: str) -> Version | None:
        """None for a row that was not seen, or long ago."""
        return self._seen.get((partition, row))

    def put(self, partition: str, row: str, version: Version | None) -> None:
        """None for a row that is gone."""
        self._seen.pop((partition, row), None)
        if version is not None:
            self._seen[partition, row] = version
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)


@dataclass(frozen=True, slots=True)
class New:
    """What a write puts into its row."""

    tag: str
    chunks: tuple[bytes, ...]


def plan(write: Write, new: Mapping[str, New], seen: Mapping[str, Version | None]) -> Operation | None:
    """The operation that carries out ``write``, given what was read of its row (nothing, unless ``seen`` has it).

    None when there is nothing to do. Raises ``Conflict`` when what was read breaks the write's precondition.
    """
    present = seen.get(write.row)
    gone = write.row in seen and present is None
    match write:
        case Insert():
            if present is not None:
                raise Conflict("EntityAlreadyExists", f"The row {write.row} exists.")
            return Operation("insert", write.row, *_content(new, write))
        case Upsert():
            return Operation("upsert", write.row, *_content(new, write))
        case Remove(etag="*"):
            # Pinning what was read would be stricter than what was asked.
            return None if gone else Operation("remove", write.row)
        case Replace(etag="*"):
            if gone:
                raise _changed(write.row)
            return Operation("replace", write.row, *_content(new, write))
    if present is None or write.etag not in ("*", present.tag):
        raise _changed(write.row)
    match write:
        case Replace():
            return Operation("replace", write.row, *_content(new, write), present.etag)
        case Remove():
            return Operation("remove", write.row, etag=present.etag)
        case Check():
            return Operation("check", write.row, present.tag, etag=present.etag)
    raise Fatal("InvalidInput", f"There is no write {type(write).__name__}.")


def _content(new: Mapping[str, New], write: Write) -> tuple[str, tuple[bytes, ...]]:
    return new[write.row].tag, new[write.row].chunks


def _changed(row: str) -> Conflict:
    return Conflict("UpdateConditionNotSatisfied", f"The row {row} was changed or removed by somebody else.")
