"""The hourly timer: the heads of all audit chains go to the anchor, where there is one."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from controlplane.audit.checkpoints import Checkpoint, take
from controlplane.ports.anchor import Anchor
from controlplane.ports.clock import Clock
from controlplane.ports.store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckpointDeps:
    """``anchor`` None takes no checkpoints. ``clock`` is the system's: the anchor is about real time."""

    store: Store
    anchor: Anchor | None
    clock: Clock


async def take_checkpoint(deps: CheckpointDeps) -> Checkpoint | None:
    """The checkpoint of this hour; twice in an hour leaves one. A failure is logged by the host and cured by the next
    hour's, which covers what this one would have."""
    if deps.anchor is None:
        return None
    taken = await take(deps.store, deps.anchor, deps.clock.now())
    _log.info("checkpoint number=%d chains=%d root=%s", taken.number, taken.count, taken.root)
    return taken
