"""The timers: passes over the fleet. They observe and enqueue; they cannot write to Azure."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue
from controlplane.workspaces.repository import WorkspaceRepository

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SweepDeps:
    """``system_clock`` judges leases, ``clock`` judges what is due."""

    repository: WorkspaceRepository
    queue: WorkQueue
    clock: Clock
    system_clock: Clock


async def wake_due(deps: SweepDeps) -> int:
    """Enqueues every workspace that is due and that no tick holds; returns how many.

    Losing a message, or sending it twice, is harmless: the due row stays until a tick has moved it.
    """
    names = await deps.repository.due(deps.clock.now())
    sent = 0
    for name in names:
        if await deps.repository.is_leased(name, deps.system_clock.now()):
            continue
        await deps.queue.send(json.dumps({"kind": "workspace", "name": name}))
        sent += 1
    if sent:
        _log.info("wake enqueued=%d due=%d", sent, len(names))
    return sent
