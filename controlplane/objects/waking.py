"""Waking: each minute, messages for what is due. Bounded, whatever has piled up, and fair to every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from controlplane.objects.repository import Due, Objects, key_of
from controlplane.objects.tick import message_of
from controlplane.ports.store import WorkQueue

#: Messages of one call. What is due beyond them is there in a minute, and the longest due comes first.
MOST = 1000
#: Due rows that one call looks at: ten pages.
_SEEN = 10_000
_AT_ONCE = 16


async def wake(objects: Objects, queue: WorkQueue, now: datetime, system: datetime) -> int:
    """Sends a message for each object that is due and that no tick holds, at most ``MOST``; returns how many.
    ``now`` is the product's time, ``system`` judges leases. Raises ``Transient`` when the store or the queue is away.

    Losing a message, or sending it twice, is harmless: the due row stays until a tick has moved it.
    """
    due = await objects.due(now, _SEEN)
    if not due:
        return 0
    held = await objects.leases.held(system)
    chosen = fair([one for one in due if key_of(one.kind, one.id) not in held], MOST)
    for start in range(0, len(chosen), _AT_ONCE):
        together = chosen[start : start + _AT_ONCE]
        await asyncio.gather(*(queue.send(message_of(one.kind, one.id)) for one in together))
    return len(chosen)


def fair(due: Sequence[Due], most: int) -> tuple[Due, ...]:
    """The first of each kind, then the second of each, …, until there are ``most``: a thousand signals do not keep a
    run waiting. Within a kind the order stays."""
    places: dict[str, int] = {}
    ranked: list[tuple[int, int]] = []
    for index, one in enumerate(due):
        places[one.kind] = places.get(one.kind, -1) + 1
        ranked.append((places[one.kind], index))
    return tuple(due[index] for _, index in sorted(ranked)[:most])
