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


#: Calls in so many seconds. Metrics: "Azure Monitor service limits" (metrics:getBatch, a subscription). Logs: the same
#: page, Log Analytics' query API (200 calls in 30 seconds of a user).
METRICS, LOGS = (360_000, 3600.0), (200, 30.0)
#: "Guidance for throttled requests in Azure Resource Graph": 15 queries in 5 seconds of a user.
GRAPH = (15, 5.0)


class Limits:
    """Azure Monitor's own: so many calls in a window, which begins with the first one. `Retry-After` is until it ends,
    at scale 1; the windows themselves are divided by the time scale."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._windows: dict[str, tuple[float, int]] = {}

    def metrics(self, subscription: str) -> None:
        """Raises 429; words assumed."""
        wait = self._over(f"metrics/{subscription}", *METRICS)
        if wait is not None:
            text = f"Number of requests for subscription '{subscription}' exceeded. Please try again after some time."
            raise ArmError(429, "ThrottledError", text, headers=self._told(wait))

    def logs(self, principal: str) -> None:
        """Raises 429; words assumed."""
        wait = self._over(f"logs/{principal}", *LOGS)
        if wait is not None:
            text = "Too many requests: the limit of 200 requests in 30 seconds per user was reached."
            raise ArmError(429, "ThrottledError", text, headers=self._told(wait))

    def resource_graph(self, principal: str) -> int:
        """How many are left. Raises 429; words as people quote them."""
        wait = self._over(f"graph/{principal}", *GRAPH)
        if wait is not None:
            text = "Please provide below info when asking for support: RateLimiting. The client has been throttled."
            raise ArmError(429, "RateLimiting", text, headers=self._told(wait))
        return max(0, GRAPH[0] - self._windows[f"graph/{principal}"][1])

    def _told(self, seconds: float) -> dict[str, str]:
        if self._buckets.scale == 1:
            return {"retry-after": str(max(1, math.ceil(seconds)))}
        return {"x-ms-retry-after-ms": f"{max(1.0, seconds * 1000):g}"}

    def _over(self, key: str, most: int, seconds: float) -> float | None:
        """Count a call; real seconds to wait when there were too many."""
        now, length = time.monotonic(), seconds / self._buckets.scale
        began, count = self._windows.get(key, (now, 0))
        if now - began >= length:
            began, count = now, 0
        self._windows[key] = (began, count + 1)
        return began + length - now if count >= most and self._buckets.enabled else None
