"""Whether chains are as they were written: recomputed from their entries, and held against the checkpoints. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rfc8785 import CanonicalizationError

from controlplane.audit.model import GENESIS, Head, hash_of, head_of, sequence_of
from controlplane.ports.store import Entity


@dataclass(frozen=True, slots=True)
class Bad:
    """Where a chain breaks first. ``reason`` is PascalCase and stable."""

    object: str
    sequence: int
    reason: str
    message: str


@dataclass(slots=True)
class ChainCheck:
    """One chain, its entries fed newest first. ``bad`` is the lowest sequence at which something is wrong."""

    object: str
    head: Head | None
    pins: Mapping[int, str] = field(default_factory=dict)
    entries: int = 0
    bad: Bad | None = None
    _expected: int | None = None
    _hash: str | None = None

    def feed(self, entity: Entity) -> None:
        """The next row of the chain, in the store's order."""
        if self._expected is None:
            self._begin()
        self.entries += 1
        try:
            sequence = sequence_of(entity.row)[1]
        except ValueError:
            return self._report(self._last, "EntryUnexpected", f"The row {entity.row} is none of a chain.")
        if sequence > self._last or sequence < 1:
            return self._report(sequence, "EntryUnexpected", "The entry is behind the head of its chain.")
        if sequence < self._last:
            self._missing(sequence + 1)
        self._check(entity, sequence)
        return None

    def finish(self) -> Bad | None:
        """After the last row: the lowest break, None when the chain is whole."""
        if self._expected is None:
            self._begin()
        if self._last > 0:
            self._missing(1)
        elif self._hash not in (None, GENESIS):
            self._report(1, "PreviousHashMismatch", "The first entry of the chain follows another.")
        top = self.head.sequence if self.head else 0
        for sequence in sorted(self.pins, reverse=True):
            if sequence > top:
                self._report(sequence, "EntryMissing", "A checkpoint knows an entry that the chain does not have.")
        return self.bad

    @property
    def _last(self) -> int:
        return self._expected or 0

    def _begin(self) -> None:
        self._expected = self.head.sequence if self.head else 0
        self._hash = self.head.hash if self.head else GENESIS
        if self.head is not None and (self.head.object != self.object or self.head.sequence < 1):
            self._report(max(1, self.head.sequence), "HeadMismatch", "The head is not one of this chain.")

    def _missing(self, sequence: int) -> None:
        self._report(sequence, "EntryMissing", "The entry is not there.")
        self._hash = None

    def _check(self, entity: Entity, sequence: int) -> None:
        value = entity.value
        try:
            stated, actual = head_of(value), hash_of(value)
            previous = str(value["previousHash"])
        except (KeyError, ValueError, TypeError, CanonicalizationError):
            self._report(sequence, "EntryMalformed", "The row does not hold an entry.")
            stated, actual, previous = None, "", None
        if stated is not None:
            if (stated.object, stated.sequence) != (self.object, sequence):
                self._report(sequence, "EntryMisplaced", "The entry belongs to another place of the audit.")
            elif stated.hash != actual:
                self._report(sequence, "HashMismatch", "The entry was changed after it was written.")
            elif self._hash is not None and actual != self._hash:
                self._report(sequence, "PreviousHashMismatch", "What follows was written after another entry.")
            elif self.pins.get(sequence, actual) != actual:
                self._report(sequence, "CheckpointMismatch", "A checkpoint holds another hash of the entry.")
        self._expected, self._hash = sequence - 1, previous

    def _report(self, sequence: int, reason: str, message: str) -> None:
        if self.bad is None or sequence <= self.bad.sequence:
            self.bad = Bad(self.object, sequence, reason, message)


def checker(name: str, head: Entity | None, pins: Mapping[int, str]) -> ChainCheck:
    """For a chain whose entries come page by page. A head that cannot be read is none, and is reported."""
    if head is None:
        return ChainCheck(name, None, pins)
    try:
        return ChainCheck(name, head_of(head.value), pins)
    except (KeyError, ValueError, TypeError):
        bad = Bad(name, 1, "HeadMismatch", "The head of the chain cannot be read.")
        return ChainCheck(name, None, pins, bad=bad)
