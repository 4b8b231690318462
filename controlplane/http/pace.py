"""How fast one principal may ask one process: a token bucket each. Generous; it stops a loop that went wild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.http.errors import TooFast

#: Principals whose buckets are kept; the one that was not seen for longest is forgotten first.
_MAX_KNOWN = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Pace:
    """``rate`` requests a second on average, ``burst`` at once. ``now`` is a clock that never goes back, in seconds."""

    def __init__(self, rate: float, burst: int, now: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._now = now
        self._buckets: dict[str, _Bucket] = {}

    def spend(self, principal: str) -> None:
        """Takes one request. Raises ``TooFast`` (429) with the seconds until the next one is served."""
        now = self._now()
        bucket = self._buckets.pop(principal, None) or _Bucket(self._burst, now)
        self._buckets[principal] = bucket
        if len(self._buckets) > _MAX_KNOWN:
            del self._buckets[next(iter(self._buckets))]
        bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.left < 1.0:
            raise TooFast((1.0 - bucket.left) / self._rate)
        bucket.left -= 1.0
