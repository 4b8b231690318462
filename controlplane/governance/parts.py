"""Every kind of object about money and lifetime, and who works on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial

from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.tick import work as budget
from controlplane.governance.costs import collect_tick, live_tick
from controlplane.governance.costs.model import CostScope, CostSweep, LiveScope, LiveSweep
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.expiry.archive import Archive
from controlplane.governance.expiry.archive_tick import work as archive
from controlplane.governance.expiry.model import Expiry
from controlplane.governance.expiry.tick import work as expiry
from controlplane.governance.sweeps import fleet_tick
from controlplane.governance.sweeps.model import FleetSweep, IdleBatch
from controlplane.objects.leases import Hold
from controlplane.objects.repository import Thing
from controlplane.objects.tick import Part

_Work = Callable[[GovernanceDeps, str, Hold], Awaitable[datetime | None]]
_WORK: tuple[tuple[type[Thing], _Work], ...] = (
    (Budget, budget),
    (Expiry, expiry),
    (Archive, archive),
    (CostSweep, collect_tick.sweep),
    (CostScope, collect_tick.work),
    (LiveSweep, live_tick.sweep),
    (LiveScope, live_tick.work),
    (FleetSweep, fleet_tick.sweep),
    (IdleBatch, fleet_tick.work),
)


def parts(deps: GovernanceDeps) -> Mapping[str, Part]:
    """Kind in a queue message → its class and its handler."""
    return {thing.KIND: Part(thing, partial(work, deps), deps.objects) for thing, work in _WORK}
