"""The timers of money: they store that a sweep is due, and ask nobody; ticks do."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from controlplane.errors import Conflict
from controlplane.governance.costs.model import COSTS_EVERY, LIVE_EVERY, CostSweep, LiveSweep
from controlplane.governance.sweeps.model import FLEET_EVERY, FleetSweep
from controlplane.objects.repository import Objects, put
from controlplane.objects.tick import message_of
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue

_S = TypeVar("_S", CostSweep, LiveSweep, FleetSweep)
_log = logging.getLogger(__name__)
COSTS, LIVE, FLEET = "costs", "live", "fleet"


@dataclass(frozen=True, slots=True)
class FleetDeps:
    """Stores and the product's clock."""

    objects: Objects
    queue: WorkQueue
    clock: Clock


def slot_of(now: datetime, every: timedelta) -> datetime:
    """The begin of the slot that a time is in, counted from midnight in UTC."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (now - midnight) // every * every


async def begin_costs(deps: FleetDeps) -> bool:
    """False when this slot's sweep was begun before: timers fire twice. Raises ``Transient``: the next one does it."""
    return await _begin(deps, CostSweep, COSTS, COSTS_EVERY)


async def begin_live(deps: FleetDeps) -> bool:
    """As the other."""
    return await _begin(deps, LiveSweep, LIVE, LIVE_EVERY)


async def begin_fleet(deps: FleetDeps) -> bool:
    """As the others."""
    return await _begin(deps, FleetSweep, FLEET, FLEET_EVERY)


async def _begin(deps: FleetDeps, kind: type[_S], name: str, every: timedelta) -> bool:
    now = deps.clock.now()
    slot = slot_of(now, every)
    stored = await deps.objects.get(kind, name)
    if stored is not None and stored.value.slot >= slot:
        return False
    try:
        await deps.objects.commit(put(stored, kind(id=name, slot=slot, due_at=now)))
    except Conflict:
        _log.info("sweep was begun by another kind=%s", kind.KIND)
        return False
    await deps.queue.send(message_of(kind.KIND, name))
    return True
