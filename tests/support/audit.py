"""Audit chains to tamper with: a store that forgets nothing, and an anchor in a dictionary."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from controlplane.audit.chain import Chain
from controlplane.audit.model import Action, Actor, ActorKind, Fact, Kind
from controlplane.errors import Conflict, Transient
from controlplane.ports.store import Entity, Remove, Upsert
from tests.support.memory_store import MemoryStore

NOW = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """For Hypothesis, whose tests are not coroutines."""
    return asyncio.run(work)


def fact(name: str = "ws", number: int = 1, **changes: Any) -> Fact:
    """Something that happened to a workspace."""
    values: dict[str, Any] = {
        "kind": Kind.WORKSPACES,
        "name": name,
        "project": "churn",
        "at": NOW + timedelta(minutes=number),
        "actor": Actor(f"tenant/user{number % 2}", ActorKind.USER),
        "action": Action.OPERATION_ACCEPTED,
        "details": {"operation": f"op-{number}", "changes": [{"path": "$.a", "old": None, "new": number}]},
    }
    return Fact(**(values | changes))


async def tell(store: MemoryStore, *facts: Fact) -> None:
    """One commit each."""
    for item in facts:
        await Chain(store, item.kind).commit([], item)


async def rows(store: MemoryStore, kind: Kind, prefix: str) -> list[Entity]:
    """Every row with the prefix."""
    return list((await store.query(kind, prefix=prefix, limit=100_000)).entities)


async def put(store: MemoryStore, kind: Kind, row: str, value: Any) -> None:
    """What somebody with the account's key can do."""
    await store.commit(kind, [Upsert(row, value)])


async def drop(store: MemoryStore, kind: Kind, row: str) -> None:
    """As ``put``."""
    await store.commit(kind, [Remove(row, "*")])


class MemoryAnchor:
    """``controlplane.ports.anchor.Anchor``; ``lose`` answers are lost after the append was done."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.lose = 0

    async def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.logs))

    async def read(self, name: str) -> bytes:
        await asyncio.sleep(0)
        return self.logs.get(name, b"")

    async def append(self, name: str, data: bytes, at: int) -> None:
        if len(self.logs.get(name, b"")) != at:
            raise Conflict("AppendPositionConditionNotMet", "The log has another length.")
        self.logs[name] = self.logs.get(name, b"") + data
        if self.lose:
            self.lose -= 1
            raise Transient("StoreUnavailable", "The answer was lost.", retry_after=1)
