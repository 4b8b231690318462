"""What polls ask, besides ARM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from controlplane.ports.inventory import Inventory
from controlplane.ports.logs import LogsReader
from controlplane.ports.metrics import MetricsReader


class Told(Protocol):
    """What Resource Manager told us of throttling."""

    async def waits(self, subscription: str) -> float | None:
        """Seconds since the end of the last wait that it asked us for, 0 while one runs; None when there was none.
        Raises what the store raises."""
        ...


@dataclass(frozen=True, slots=True)
class PollPorts:
    """Reads only."""

    metrics: MetricsReader
    logs: LogsReader
    inventory: Inventory
    throttles: Told
