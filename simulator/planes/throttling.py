"""Token buckets of ARM: per subscription, principal and kind of operation.

Sizes as published since 2024: reads 250 with 25 a second, writes and deletes 200 with 10 a second; the refill is
multiplied by the time scale. Words: velero-io/velero#9171.
"""

from __future__ import annotations

import math
import time

from simulator.engine.hooks import ArmError

SIZES = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
SINGULAR = {"reads": "read", "writes": "write", "deletes": "delete"}


class Buckets:
    """Levels as (tokens, when). `enabled` False lets everything through."""

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.enabled = True
        self._levels: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, subscription: str | None, principal: str, method: str) -> dict[str, str]:
        """Take one token; the `x-ms-ratelimit-remaining-*` headers. Raises ArmError 429 when there is none."""
        kind = KINDS.get(method, "writes")
        size, rate = SIZES[kind]
        rate *= self.scale
        key = (subscription or "", principal, kind)
        now = time.monotonic()
        level, then = self._levels.get(key, (size, now))
        level = min(size, level + (now - then) * rate)
        if level < 1 and self.enabled:
            self._levels[key] = (level, now)
            raise self._exceeded(subscription, principal, kind, (1 - level) / rate)
        self._levels[key] = (max(0.0, level - 1), now)
        scope = "subscription" if subscription else "tenant"
        headers = {f"x-ms-ratelimit-remaining-{scope}-{kind}": str(int(max(0.0, level - 1)))}
        if subscription:
            headers[f"x-ms-ratelimit-remaining-subscription-global-{kind}"] = str(int(size * 15 - (size - level + 1)))
        return headers

    def _exceeded(self, subscription: str | None, principal: str, kind: str, seconds: float) -> ArmError:
        whole = max(1, math.ceil(seconds * self.scale))
        headers = {"retry-after": str(whole)}
        if self.scale != 1:
            headers = {"x-ms-retry-after-ms": f"{whole * 1000 / self.scale:g}"}
        message = (
            f"Number of '{SINGULAR[kind]}' requests for subscription '{subscription or ''}' actor '{principal}' "
            f"exceeded. Please try again after '{whole}' seconds after additional tokens are available. Refer to "
            "https://aka.ms/arm-throttling for additional information."
        )
        return ArmError(429, "SubscriptionRequestsThrottled", message, headers=headers)
