"""How often Cost Management may be asked.

Sources: learn.microsoft.com, "Manage costs with automation" (query processing units by tenant: 12 in 10 s, 60 in a
minute, 600 in an hour; one for each month of data); microsoft/AzureTRE#2835 (headers of an answer: 8 requests of an
entity, 50 of a tenant); sentence and code: Azure/azure-powershell#27734, cloudquery/cloudquery#9860; headers of a
refusal: Azure/azqr#745, to be waited for as long as the longest says. That the counts of entity and tenant are of a
minute is assumed. No `Retry-After` is sent. Windows are divided by the time scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine.hooks import ArmError

if TYPE_CHECKING:
    from simulator.engine.core import Engine

PREFIX = "x-ms-ratelimit-microsoft.costmanagement"
REMAINING = "x-ms-ratelimit-remaining-microsoft.costmanagement"
UNITS = (("QueriesPerHour", 600, 3600.0), ("QueriesPerMin", 60, 60.0), ("QueriesPer10Sec", 12, 10.0))
ENTITY, TENANT = (8, 60.0), (50, 60.0)


@dataclass
class Quota:
    """Counts in windows that begin with the first call. `enabled` False lets everything through."""

    engine: Engine
    enabled: bool = True
    _windows: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, scope: str, units: int) -> dict[str, str]:
        """Headers of the answer. Raises 429, whatever it was that was too much; a refusal costs nothing."""
        asked = {f"qpu/{name}": (float(most), seconds, float(units)) for name, most, seconds in UNITS}
        asked[f"entity/{scope.lower()}"] = (float(ENTITY[0]), ENTITY[1], 1.0)
        asked["tenant"] = (float(TENANT[0]), TENANT[1], 1.0)
        now, waits = self.engine.clock(), dict[str, float]()
        for key, (most, seconds, amount) in asked.items():
            began, used = self._windows.get(key, (now, 0.0))
            length = seconds / self.engine.scale
            if now - began >= length:
                began, used = now, 0.0
                self._windows[key] = (began, used)
            if used + amount > most and used > 0 and self.enabled:
                kind = key.partition("/")[0]
                waits[kind] = max(waits.get(kind, 0.0), began + length - now)
        if waits:
            raise ArmError(429, "429", "Too many requests. Please retry.", headers=self._told(waits))
        for key, (_, _, amount) in asked.items():
            began, used = self._windows.get(key, (now, 0.0))
            self._windows[key] = (began, used + amount)
        return self._left(scope, units)

    def _told(self, waits: dict[str, float]) -> dict[str, str]:
        """Seconds; whole ones at scale 1, exact ones above it."""
        exact = self.engine.scale != 1
        return {
            f"{PREFIX}-{kind}-retry-after": f"{wait:.3f}" if exact else str(max(1, math.ceil(wait)))
            for kind, wait in waits.items()
        }

    def _left(self, scope: str, units: int) -> dict[str, str]:
        left = ",".join(f"{name}:{max(0, most - self._used(f'qpu/{name}'))}" for name, most, _ in UNITS)
        return {
            f"{PREFIX}-qpu-consumed": str(units),
            f"{PREFIX}-qpu-remaining": left,
            f"{REMAINING}-entity-requests": f"DefaultQuota:{max(0, ENTITY[0] - self._used(f'entity/{scope.lower()}'))}",
            f"{REMAINING}-tenant-requests": f"DefaultQuota:{max(0, TENANT[0] - self._used('tenant'))}",
        }

    def _used(self, key: str) -> int:
        return int(self._windows.get(key, (0.0, 0.0))[1])
