"""The timers: passes over the fleet. They observe and enqueue; they cannot write to Azure."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from controlplane.objects.repository import Objects
from controlplane.objects.upkeep import heal_objects
from controlplane.objects.waking import wake
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue
from controlplane.retraining.model import Decision
from controlplane.retraining.retention import forget
from controlplane.workspaces.healing import CareDeps, heal
from controlplane.workspaces.repository import WorkspaceRepository
from controlplane.workspaces.rows import due_row
from controlplane.workspaces.upkeep import DueRow, Upkeep

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepDeps:
    """``system_clock`` judges leases, ``clock`` judges what is due. ``upkeep`` None leaves out all but waking."""

    repository: WorkspaceRepository
    queue: WorkQueue
    clock: Clock
    system_clock: Clock
    upkeep: Upkeep | None = None
    objects: tuple[Objects, ...] = ()
    """What has a state machine beside workspaces, by partition."""


async def wake_due(deps: SweepDeps) -> int:
    """Enqueues every workspace that is due and that no tick holds, and other objects as :mod:`objects.waking` says;
    returns how many.

    Losing a message, or sending it twice, is harmless: the due row stays until a tick has moved it. So an operation
    whose host died is taken over by whichever host gets the message, once its lease has run out.
    """
    names = await deps.repository.due(deps.clock.now())
    held = await deps.repository.leases.held(deps.system_clock.now()) if names else frozenset()
    sent = 0
    for name in names:
        if name in held:
            continue
        await deps.queue.send(json.dumps({"kind": "workspace", "name": name}))
        sent += 1
    for objects in deps.objects:
        sent += await wake(objects, deps.queue, deps.clock.now(), deps.system_clock.now())
    if sent:
        _log.info("wake enqueued=%d due=%d", sent, len(names))
    return sent


async def keep_up(deps: SweepDeps) -> int:
    """After waking: due rows that lead nowhere go, operations that lost theirs get it back, what nobody ends ends, and
    answers to repeatable requests and old signals, decisions and runs are forgotten in time. Bounded work per call;
    returns how much was amiss.
    """
    if deps.upkeep is None:
        return 0
    amiss = 0
    for row in await deps.upkeep.due(deps.clock.now()):
        amiss += await _drop_if_stray(deps.repository, deps.upkeep, row)
    care = CareDeps(deps.repository, deps.upkeep, deps.clock, deps.system_clock)
    amiss += await heal(care)
    for objects in deps.objects:
        amiss += await heal_objects(objects, deps.clock.now(), at_rest=(Decision.KIND,))
    forgotten = await deps.upkeep.forget_answers(deps.clock.now())
    for objects in deps.objects:
        forgotten += await forget(objects, deps.clock.now())
    if amiss or forgotten:
        _log.info("upkeep healed=%d forgotten=%d", amiss, forgotten)
    return amiss


async def _drop_if_stray(repository: WorkspaceRepository, upkeep: Upkeep, row: DueRow) -> bool:
    """A row whose workspace is gone, or due at another time: it would be woken for nothing, every minute."""
    stored = await repository.load(row.name)
    wanted = stored.record.due_at if stored is not None else None
    if wanted is not None and due_row(wanted, row.name) == row.row:
        return False
    _log.warning("due row led nowhere workspace=%s row=%s", row.name, row.row)
    await upkeep.drop_due(row.row)
    return True
