"""What there is of a type in many subscriptions: Azure Resource Graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Found:
    """A resource, as far as a sweep needs it. Its own words, not folded; ``location`` folded."""

    id: str
    type: str
    location: str
    size: str = ""
    """Of a deployment: its instances' size."""
    count: int | None = None
    """Of a deployment: how many instances it has; None: not told."""


class Inventory(Protocol):
    """Raises ``Throttled``, ``Transient``, ``Rejected``, ``Fatal``."""

    async def online(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        """Every online endpoint and deployment there, by one paged query. It lags minutes behind ARM."""
        ...

    async def workspaces(self, subscriptions: Sequence[str]) -> tuple[Found, ...]:
        """Every machine learning workspace there, in the same way."""
        ...
