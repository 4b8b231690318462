"""``GET /api/workspaces/{name}`` with 10,000 workspaces stored, against an empty route on the same host."""

from __future__ import annotations

import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from bench.creation import register, spec
from bench.figures import Figure, percentile
from controlplane.operations.model import Condition, ConditionStatus, Operation, OperationKind, OperationStatus, Step
from controlplane.ports.store import Store, Upsert, Write
from controlplane.store.sqlite_store import SqliteStore
from controlplane.workspaces.records import WorkspaceRecord, WorkspaceStatus
from controlplane.workspaces.rows import PARTITION, due_writes
from controlplane.workspaces.spec import parse_spec
from tools.demo.api import API_VERSION, token
from tools.local import LocalStack, local_stack

WORKSPACES = 10_000
_ROUNDS = 3_000
#: Workspaces a commit; each has six rows, and a commit takes a hundred.
_BATCH = 16
_STEPS = 62


def measure() -> list[Figure]:
    """One caller, one connection, the two routes in turns."""
    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder), time_scale=100) as stack:
        register(stack)
        asyncio.run(fill(Path(folder) / "store.db", WORKSPACES))
        return [compared(stack, f"GET workspace with {WORKSPACES:,} stored: p99 / p99 of an empty route")]


def compared(stack: LocalStack, name: str) -> Figure:
    """Reads of single workspaces against an empty route; ``WORKSPACES`` of them must be stored."""
    empty, read = _load(stack)
    note = (
        f"p99 {percentile(read, 0.99) * 1000:.1f} ms / {percentile(empty, 0.99) * 1000:.1f} ms; "
        f"p50 {percentile(read, 0.5) * 1000:.1f} ms / {percentile(empty, 0.5) * 1000:.1f} ms"
    )
    return Figure(name, percentile(read, 0.99) / percentile(empty, 0.99), "×", 3, note)


def _load(stack: LocalStack) -> tuple[list[float], list[float]]:
    bearer = token(stack.directory / "azure.env", "ada", "--role", "Platform.Admin")
    empty: list[float] = []
    read: list[float] = []
    headers = {"Authorization": f"Bearer {bearer}"}
    with httpx.Client(base_url=stack.api_url, headers=headers, params={"api-version": API_VERSION}) as client:
        for number in range(_ROUNDS):
            name = f"ws-{(number * 7919) % WORKSPACES:05d}"
            for path, samples in (("/api/health/live", empty), (f"/api/workspaces/{name}", read)):
                started = time.perf_counter()
                client.get(path).raise_for_status()
                samples.append(time.perf_counter() - started)
    return empty[200:], read[200:]


async def fill(path: Path, count: int) -> None:
    """``fill_store`` for a file."""
    store = SqliteStore(path)
    await fill_store(store, count)
    store.close()


async def fill_store(store: Store, count: int) -> None:
    """So many workspaces at rest, as their creations would have left them."""
    now = datetime.now(UTC)
    condition = Condition(
        type="Ready", status=ConditionStatus.TRUE, reason="AsDeclared", message="", last_transition_time=now
    )
    status = WorkspaceStatus(observed_generation=1, conditions=(condition,)).model_dump(mode="json", by_alias=True)
    template = _record("ws", now)
    for first in range(0, count, _BATCH):
        writes: list[Write] = []
        for number in range(first, min(first + _BATCH, count)):
            name, done = f"ws-{number:05d}", operation_id(number)
            record = template.model_copy(update={"name": name, "last_operation": done})
            ended = _operation(name, done, now)
            writes.append(Upsert(f"w!{name}", record.model_dump(mode="json", by_alias=True)))
            writes.append(Upsert(f"s!{name}", status))
            writes.append(Upsert(f"o!{done}", ended.model_dump(mode="json", by_alias=True)))
            writes.append(Upsert(f"p!{record.project}!{name}", {}))
            writes.append(Upsert(f"i!{record.project}!{done}", {}))
            writes += due_writes(record, None)
        await store.commit(PARTITION, writes)


def operation_id(number: int) -> str:
    """Of the creation of a stored workspace."""
    return f"98{number:012d}-{number:010x}"


def _operation(name: str, operation: str, now: datetime) -> Operation:
    steps = tuple(
        Step(key=f"resource/{place}", resource_id=f"/subscriptions/x/{place}", action="create", status="Succeeded")
        for place in range(_STEPS)
    )
    return Operation(
        id=operation,
        kind=OperationKind.CREATE,
        target=f"workspaces/{name}",
        project="churn",
        generation=1,
        status=OperationStatus.SUCCEEDED,
        steps=steps,
        created_at=now,
        created_by="bench",
        last_modified_at=now,
        ended_at=now,
    )


def _record(name: str, now: datetime) -> WorkspaceRecord:
    return WorkspaceRecord(
        name=name,
        project="churn",
        resource_group=f"rg-churn-{name}",
        spec=parse_spec(spec()).model_dump(mode="json", by_alias=True),
        due_at=now + timedelta(hours=6),
        created_at=now,
        created_by="bench",
        last_modified_at=now,
        last_modified_by="bench",
    )
