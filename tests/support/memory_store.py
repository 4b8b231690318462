"""The store protocol in a dictionary, and a queue that keeps what was sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from controlplane.errors import Conflict
from controlplane.ports.store import Check, Entity, Insert, Page, Remove, Replace, Upsert, Write
from tests.support.kill_switch import KillSwitch


class MemoryStore:
    """``controlplane.ports.store.Store``. Values go through JSON, as in a real one."""

    def __init__(self, switch: KillSwitch | None = None) -> None:
        self._rows: dict[tuple[str, str], tuple[str, str]] = {}
        self._version = 0
        self._switch = switch or KillSwitch()
        self.commits = 0

    async def get(self, partition: str, row: str) -> Entity | None:
        self._switch.check()
        found = self._rows.get((partition, row))
        return None if found is None else Entity(partition, row, json.loads(found[1]), found[0])

    async def get_many(self, partition: str, rows: Sequence[str]) -> tuple[Entity | None, ...]:
        return tuple([await self.get(partition, row) for row in rows])

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
        self._switch.check()
        rows = sorted(
            row
            for (part, row) in self._rows
            if part == partition
            and row.startswith(prefix)
            and row >= at_least
            and (below is None or row < below)
            and row > (continuation or "")
        )
        found = []
        for row in rows[:limit]:
            etag, value = self._rows[partition, row]
            found.append(Entity(partition, row, json.loads(value), etag))
        return Page(tuple(found), rows[limit - 1] if len(rows) > limit else None)

    async def commit(self, partition: str, writes: Sequence[Write]) -> tuple[str | None, ...]:
        async with self._switch.point(f"commit {','.join(write.row for write in writes)}"):
            for write in writes:
                self._require(partition, write)
            self.commits += 1
            return tuple(self._do(partition, write) for write in writes)

    def _require(self, partition: str, write: Write) -> None:
        found = self._rows.get((partition, write.row))
        match write:
            case Insert() if found is not None:
                raise Conflict("EntityAlreadyExists", write.row)
            case Replace() | Check() if found is None or write.etag not in ("*", found[0]):
                raise Conflict("UpdateConditionNotSatisfied", write.row)
            case Remove() if write.etag != "*" and (found is None or write.etag != found[0]):
                raise Conflict("UpdateConditionNotSatisfied", write.row)
            case _:
                return

    def _do(self, partition: str, write: Write) -> str | None:
        match write:
            case Remove():
                self._rows.pop((partition, write.row), None)
                return None
            case Check():
                return self._rows[partition, write.row][0]
            case Insert() | Replace() | Upsert():
                self._version += 1
                etag = f'"{self._version}"'
                self._rows[partition, write.row] = (etag, json.dumps(write.value))
                return etag


class MemoryQueue:
    """``controlplane.ports.store.WorkQueue``; ``sent`` holds (message, delay)."""

    def __init__(self, switch: KillSwitch | None = None) -> None:
        self.sent: list[tuple[dict[str, Any], float]] = []
        self._switch = switch or KillSwitch()

    async def send(self, message: str, *, delay_seconds: float = 0.0) -> None:
        async with self._switch.point("send"):
            assert 0 <= delay_seconds <= 3600
            self.sent.append((json.loads(message), delay_seconds))
