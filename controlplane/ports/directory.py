"""Names of principals. Optional: without a directory access is told by object ids, and orphans are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Directory(Protocol):
    """Entra ID, as far as names go."""

    async def names(self, ids: tuple[str, ...]) -> Mapping[str, str] | None:
        """Object id, in lower case, → display name, of those that exist; None when it cannot be asked now."""
        ...

    async def members(self, groups: tuple[str, ...]) -> Mapping[str, frozenset[str]] | None:
        """Group, in lower case, → object ids, in lower case, of everybody in it and in groups in it; a group that does
        not exist has nobody. None when it cannot be asked now."""
        ...
