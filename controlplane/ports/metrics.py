"""Azure Monitor's metrics of many resources at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Answers:
    """What a batch says of each resource, by folded id. A resource that is in neither was not answered."""

    measured: Mapping[str, Measured]
    """What was answered, of those in ``unknown`` too: what has samples was measured, whatever else is not known."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Why not all that was asked of it was answered. A metric that was not answered is not one without samples."""

    def whole(self, arm_id: str) -> Measured | None:
        """What was measured where all that was asked was answered: then a metric that is not in it had no samples.
        ``arm_id`` is folded. None: unknown."""
        return None if arm_id in self.unknown else self.measured.get(arm_id)


class MetricsReader(Protocol):
    """Raises ``Throttled``, ``Transient``, ``Rejected``, ``Fatal``."""

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Answers:
        """One call. ``ids``: at most ``MOST_IDS``, of one subscription, region and type."""
        ...
