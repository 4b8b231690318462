"""Azure Monitor's logs: constant queries over a span of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controlplane.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Rows:
    """``complete`` False: Azure gave a part and said so; what is not in it is unknown."""

    rows: tuple[JsonObject, ...]
    complete: bool = True


class LogsReader(Protocol):
    """Raises ``Throttled``, ``Transient``, ``Rejected``, ``Fatal``."""

    async def query(self, workspace_id: str, kql: str, begin: datetime, end: datetime) -> Rows:
        """``workspace_id``: ARM id of a Log Analytics workspace. ``kql`` is a constant of ours: nothing that anybody
        else wrote is ever put into it; the span is a parameter of the call."""
        ...
