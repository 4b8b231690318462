"""How long steps took, so that plans can say how long they will take. A hint: losing it costs a worse guess."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from controlplane.operations.model import Operation, StepStatus
from controlplane.ports.store import Entity, Store, Upsert

PARTITION = "durations"
#: How many of the latest measurements count.
KEPT = 20


async def load_durations(store: Store) -> dict[str, float]:
    """``{"Microsoft.KeyVault/vaults:create": 12.5}``: medians in seconds of the last measurements."""
    found: dict[str, float] = {}
    continuation: str | None = None
    while True:
        page = await store.query(PARTITION, prefix="m!", continuation=continuation)
        for entity in page.entities:
            for action, seconds in entity.value["seconds"].items():
                found[f"{entity.value['type']}:{action}"] = float(median(seconds))
        if page.continuation is None:
            return found
        continuation = page.continuation


async def store_durations(store: Store, operation: Operation, types: Mapping[str, str]) -> None:
    """Adds the steps of a finished operation that took one attempt; others tell of trouble, not of the type."""
    measured: dict[str, dict[str, list[float]]] = {}
    for step in operation.steps:
        if step.status is not StepStatus.SUCCEEDED or step.attempts != 1 or step.key not in types:
            continue
        if step.started_at is None or step.ended_at is None:
            continue
        seconds = round((step.ended_at - step.started_at).total_seconds(), 3)
        measured.setdefault(types[step.key], {}).setdefault(step.action, []).append(seconds)
    rows = {row_of(resource_type): resource_type for resource_type in sorted(measured)}
    if not rows:
        return
    known = await store.get_many(PARTITION, tuple(rows))
    writes = [
        Upsert(row, _merged(resource_type, before, measured[resource_type]))
        for (row, resource_type), before in zip(rows.items(), known, strict=True)
    ]
    await store.commit(PARTITION, writes)


def row_of(resource_type: str) -> str:
    """Keys of Tables hold no ``/``; ARM types hold no ``:``."""
    return f"m!{resource_type.replace('/', ':')}"


def _merged(resource_type: str, before: Entity | None, more: Mapping[str, list[float]]) -> dict[str, object]:
    seconds: dict[str, list[float]] = dict(before.value["seconds"]) if before else {}
    for action, values in more.items():
        seconds[action] = [*seconds.get(action, ()), *values][-KEPT:]
    return {"type": resource_type, "seconds": seconds}
