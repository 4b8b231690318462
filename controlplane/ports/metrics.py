"""Azure Monitor's metrics of many resources at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

#: "Up to 50 unique resource IDs may be specified in each call" (migrate to metrics:getBatch).
MOST_IDS = 50


@dataclass(frozen=True, slots=True)
class MetricsQuestion:
    """What is asked of every resource of a batch. ``namespace`` is their type."""

    namespace: str
    names: tuple[str, ...]
    begin: datetime
    end: datetime
    grain: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Point:
    """One time grain that had samples. None: Azure did not say it."""

    average: float | None = None
    maximum: float | None = None
    total: float | None = None
    count: float | None = None
    """How many samples there were."""


#: Metric → its points, oldest first; a metric without samples is not in it.
Measured = Mapping[str, tuple[Point, ...]]


class MetricsReader(Protocol):
    """Raises ``Throttled``, ``Transient``, ``Rejected``, ``Fatal``."""

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Mapping[str, Measured]:
        """One call. ``ids``: at most ``MOST_IDS``, of one subscription, region and type. Folded id → what was measured;
        an id that Azure does not answer is not in it."""
        ...
