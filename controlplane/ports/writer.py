"""Writing Azure. Only ticks may import this module (import-linter holds it)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from controlplane.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Accepted:
    """What ARM answered to a write it took.

    ``operation_url`` is None when the write is done or the provider reports by ``provisioningState`` alone.
    ``retry_after`` is seconds until the first poll (of the URL, or of the resource); 0 where Azure names none.
    """

    status: int
    body: JsonObject | None = None
    operation_url: str | None = None
    retry_after: float = 0.0
    correlation_id: str | None = None


class ResourceWriter(Protocol):
    """Sends a write and returns as soon as ARM accepted it; never waits for the long operation.

    Raises ``Transient`` (429, 5xx, connection; the write may have happened), ``Conflict`` (409 and 412), ``Rejected``
    (other 4xx), each with ARM's code and message; ``Fatal`` (``UnexpectedHost``).
    """

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        """Create or replace."""
        ...

    async def patch(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        """Changes what ``body`` names and nothing else."""
        ...

    async def act(self, arm_id: str, action: str, api_version: str, body: JsonObject | None = None) -> Accepted:
        """POST of an action of a resource, such as ``stop`` of a compute instance."""
        ...

    async def delete(self, arm_id: str, api_version: str) -> Accepted | None:
        """None when there was nothing (204 or 404)."""
        ...
