"""Where checkpoints of the audit go: logs to which lines can be added, and in which nothing can be changed."""

from __future__ import annotations

from typing import Protocol


class Anchor(Protocol):
    """Raises ``Transient`` when the backend is away, ``Fatal`` when it refuses us."""

    async def names(self) -> tuple[str, ...]:
        """Names of all logs, sorted."""
        ...

    async def read(self, name: str) -> bytes:
        """Everything in a log; nothing for one that does not exist."""
        ...

    async def append(self, name: str, data: bytes, at: int) -> None:
        """Adds ``data`` to a log that has exactly ``at`` bytes; 0 begins one. Raises ``Conflict`` when it has another
        length, so that of two writers one appends, and so does a write that was repeated because its answer was lost.
        """
        ...
