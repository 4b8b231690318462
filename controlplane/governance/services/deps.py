"""What every flow about money and lifetime needs."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from controlplane.errors import Transient
from controlplane.objects.repository import Thing
from controlplane.objects.tick import message_of
from controlplane.ports.store import WorkQueue
from controlplane.retraining.services.deps import Flows
from controlplane.retraining.services.deps import workspace as workspace

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuleDeps(Flows):
    """``objects`` are those of money and lifetime."""


async def hint(queue: WorkQueue, thing: Thing) -> None:
    """Asks for a tick of what is stored; losing it is harmless, because the due row is stored, too."""
    try:
        await queue.send(message_of(thing.KIND, thing.id))
    except Transient as error:
        _log.warning("hint lost object=%s!%s code=%s", thing.KIND, thing.id, error.code)
