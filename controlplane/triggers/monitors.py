"""The timer of the sweep: it stores that a sweep is due, and asks nobody; ticks do."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from controlplane.errors import Conflict
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import message_of
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue
from controlplane.retraining.polls.model import Sweep, slot_at

_log = logging.getLogger(__name__)
FLEET = "fleet"


@dataclass(frozen=True, slots=True)
class MonitorDeps:
    """Stores and the product's clock."""

    objects: Objects
    queue: WorkQueue
    clock: Clock


async def begin_sweep(deps: MonitorDeps) -> bool:
    """False when this slot's sweep was begun before: timers fire twice. One that is not done yet goes on with the new
    slot, because nothing of the old one was read yet. Raises ``Transient``: the next timer does it."""
    slot = slot_at(deps.clock.now())
    stored = await deps.objects.get(Sweep, FLEET)
    if stored is not None and stored.value.slot >= slot:
        return False
    try:
        await deps.objects.commit(put(stored, Sweep(id=FLEET, slot=slot, due_at=deps.clock.now())))
    except Conflict:
        _log.info("sweep was begun by another")
        return False
    await deps.queue.send(message_of(Sweep.KIND, FLEET))
    return True
