"""Upkeep of objects' rows: what has lost its due row gets it back, due rows that lead nowhere go. Pure.

Rows are looked at as they are stored and not as what they mean, so that one that cannot be read keeps no other from
being cared for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from controlplane.errors import Conflict
from controlplane.objects.repository import Objects, due_row
from controlplane.ports.store import Check, Entity, Remove, Replace, Upsert, Write

_log = logging.getLogger(__name__)
_SWEEPS = "sweeps"
#: Due rows that one call looks behind.
_STRAYS = 200


async def heal_objects(objects: Objects, now: datetime, *, at_rest: Sequence[str] = (), limit: int = 500) -> int:
    """Looks at the longest due rows and at the next ``limit`` objects; returns how much was amiss. ``at_rest`` are the
    kinds that are never due. Raises ``Transient`` when the store is away."""
    return await _drop_strays(objects, now) + await _find_lost(objects, at_rest, limit)


async def put_off(objects: Objects, kind: str, thing_id: str, until: datetime) -> bool:
    """Makes an object that is due due later, even one that no class can read any more. False when it is at rest or
    gone. Raises ``Conflict`` when somebody changed it just now."""
    entity = await objects.store.get(objects.partition, f"w!{kind}!{thing_id}")
    due = None if entity is None else _due(entity)
    if entity is None or due is None:
        return False
    at = until.astimezone(UTC)
    before, after = due_row(due, kind, thing_id), due_row(at, kind, thing_id)
    value = {**entity.value, "dueAt": at.isoformat().replace("+00:00", "Z")}
    moved: list[Write] = [] if before == after else [Remove(before, "*")]
    row = Upsert(after, {"kind": kind, "id": thing_id})
    await objects.store.commit(objects.partition, [Replace(entity.row, value, entity.etag), *moved, row])
    return True


async def _drop_strays(objects: Objects, now: datetime) -> int:
    """Rows whose object is gone, or due at another time: they would be woken for nothing, every minute."""
    due = await objects.due(now, _STRAYS)
    found = await objects.store.get_many(objects.partition, [f"w!{one.kind}!{one.id}" for one in due])
    strays = [one for one, entity in zip(due, found, strict=True) if entity is None or _row(entity) != one.row]
    for one in strays:
        _log.warning("due row led nowhere object=%s!%s row=%s", one.kind, one.id, one.row)
        # Should the object have become due at this very time meanwhile, its row is found lost the next time.
        await objects.store.commit(objects.partition, [Remove(one.row, "*")])
    return len(strays)


async def _find_lost(objects: Objects, at_rest: Sequence[str], limit: int) -> int:
    wanted = {row: one for one in await _next(objects, at_rest, limit) if (row := _row(one)) is not None}
    there = await objects.store.get_many(objects.partition, list(wanted))
    healed = 0
    for (row, entity), found in zip(wanted.items(), there, strict=True):
        if found is not None:
            continue
        _, kind, thing_id = entity.row.split("!", 2)
        writes: list[Write] = [Check(entity.row, entity.etag), Upsert(row, {"kind": kind, "id": thing_id})]
        try:
            await objects.store.commit(objects.partition, writes)
        except Conflict:
            # Somebody has changed it since, and so stored its due row.
            continue
        _log.warning("due row was lost object=%s!%s", kind, thing_id)
        healed += 1
    return healed


async def _next(objects: Objects, at_rest: Sequence[str], limit: int) -> tuple[Entity, ...]:
    """The objects after those of the last call, by any process; from the start again after the last one."""
    cursor = await objects.store.get(_SWEEPS, objects.partition)
    last = str(cursor.value["last"]) if cursor else ""
    found: tuple[Entity, ...] = ()
    for begin, end in _ranges(at_rest):
        if len(found) >= limit or last >= end:
            continue
        # A space is the smallest character that a key may hold.
        start = max(begin, f"{last} " if last else "")
        page = await objects.store.query(objects.partition, at_least=start, below=end, limit=limit - len(found))
        found += page.entities
        if page.continuation is not None:
            break
    else:
        # The last range was read to its end, unless the limit was reached with the one before.
        if len(found) < limit:
            await _remember(objects, last, "")
            return found
    await _remember(objects, last, found[-1].row)
    return found


async def _remember(objects: Objects, last: str, where: str) -> None:
    if where != last:
        await objects.store.commit(_SWEEPS, [Upsert(objects.partition, {"last": where})])


def _ranges(at_rest: Sequence[str]) -> list[tuple[str, str]]:
    """Of the objects' rows without those kinds. ``"`` is the character after ``!``."""
    ranges, begin = [], "w!"
    for kind in sorted(at_rest):
        ranges.append((begin, f"w!{kind}!"))
        begin = f'w!{kind}"'
    return [*ranges, (begin, 'w"')]


def _row(entity: Entity) -> str | None:
    """The due row that an object says it has."""
    due = _due(entity)
    _, kind, thing_id = entity.row.split("!", 2)
    return None if due is None else due_row(due, kind, thing_id)


def _due(entity: Entity) -> datetime | None:
    value = entity.value.get("dueAt")
    return None if value is None else datetime.fromisoformat(str(value))
