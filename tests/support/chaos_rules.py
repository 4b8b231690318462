"""What goes wrong in a chaos run: one call in ten, every kind of the simulator's fault table, by seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from controlplane.errors import Transient
from controlplane.ports.store import Entity, Page, Store, Write

#: Of all calls to ARM.
SHARE = 0.10
#: A code that is tried again, and one that ends the operation.
PASSING, FATAL = "InternalServerError", "SkuNotAvailable"
_KINDS: Sequence[dict[str, Any]] = (
    {"name": "throttled", "status": 429, "retryAfter": 1},
    {"name": "broken", "status": 500},
    {"name": "gateway", "status": 502},
    {"name": "away", "status": 503, "retryAfter": 0.3},
    {"name": "timeout", "status": 504},
    {"name": "cut before", "drop": "before"},
    {"name": "cut after", "drop": "after"},
    {"name": "slow", "delay": 0.2},
)
_OF_READS: Sequence[dict[str, Any]] = ({"name": "late", "method": ["GET", "HEAD"], "lag": 400},)
_OF_WRITES: Sequence[dict[str, Any]] = (
    {"name": "broken after", "method": ["PUT", "PATCH", "DELETE"], "status": 500, "after": True},
    {"name": "failed", "method": ["PUT", "PATCH", "DELETE"], "failOperation": {}},
)


def is_fatal(seed: int) -> bool:
    """Whether the operations that fail in this run do so with a code that repeating does not cure."""
    return seed % 4 == 3


def rules(seed: int) -> list[dict[str, Any]]:
    """Fault rules of a seed. A read meets each of nine kinds, a write each of ten, one time in a hundred or so."""
    failure = {"code": FATAL if is_fatal(seed) else PASSING, "message": f"Chaos of seed {seed}.", "status": 409}
    found = []
    for kind in (*_KINDS, *_OF_READS, *_OF_WRITES):
        rule = {"path": "^/subscriptions/", "probability": SHARE / (len(_KINDS) + 1), "seed": seed, **kind}
        found.append({**rule, "failOperation": failure} if "failOperation" in kind else rule)
    short = {"name": "token", "path": "/token$", "expireTokensAfter": 0.7, "probability": 0.5, "seed": seed}
    refused = {"name": "no token", "path": "/token$", "status": 503, "probability": SHARE, "seed": seed}
    return [*found, short, refused]


class UnsureStore:
    """A store whose answers get lost: a call in fifty raises ``Transient``, half of the commits that do were done."""

    def __init__(self, store: Store, seed: int, share: float = 0.02) -> None:
        self._store, self._share = store, share
        self._random = random.Random(seed)
        self.on = True
        self.lost = 0

    async def get(self, partition: str, row: str) -> Entity | None:
        self._maybe("read")
        return await self._store.get(partition, row)

    async def get_many(self, partition: str, rows: Sequence[str]) -> tuple[Entity | None, ...]:
        self._maybe("read")
        return await self._store.get_many(partition, rows)

    async def query(
        self,
        partition: str,
        *,
        prefix: str = "",
        at_least: str = "",
        below: str | None = None,
        limit: int = 1000,
        continuation: str | None = None,
    ) -> Page:
        self._maybe("read")
        return await self._store.query(
            partition, prefix=prefix, at_least=at_least, below=below, limit=limit, continuation=continuation
        )

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        self._maybe("write")
        done = await self._store.commit(partition, writes)
        self._maybe("answer")
        return done

    def _maybe(self, what: str) -> None:
        share = self._share if what == "read" else self._share / 2
        if self.on and self._random.random() < share:
            self.lost += 1
            raise Transient("StoreUnavailable", f"The {what} was lost on purpose.", retry_after=0.0)
