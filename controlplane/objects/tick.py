"""One wake-up of one object: take its lease, let its kind's handler work, say when it is due again."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controlplane.errors import Conflict, Fatal, Transient
from controlplane.objects.leases import Hold, Terms
from controlplane.objects.repository import Objects, key_of
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue

_log = logging.getLogger(__name__)
#: Azure Storage's longest delay that this product uses for a hint.
MAX_DELAY_SECONDS = 3600.0
_AFTER_CONFLICT_SECONDS = 1.0

#: Works on the object with that id, under that hold; returns when it is due again, None at rest. It has stored that
#: itself: what it returns only becomes a hint.
Handler = Callable[[str, Hold], Awaitable[datetime | None]]


@dataclass(frozen=True, slots=True)
class Machines:
    """Everything that ticks of objects need. ``clock`` is the product's, ``system`` judges leases."""

    objects: Objects
    handlers: Mapping[str, Handler]
    queue: WorkQueue
    clock: Clock
    system: Clock
    owner: str
    lease_seconds: float = 90.0


async def tick_object(kind: str, thing_id: str, machines: Machines) -> None:
    """Returns at once when another tick holds the object. Raises ``Fatal("InvalidMessage")`` for a kind without a
    handler, and what the handler raises: the host shows the message again, and the due row stays."""
    handler = machines.handlers.get(kind)
    if handler is None:
        raise Fatal("InvalidMessage", f"A work message of kind {kind!r} is not known.")
    key = key_of(kind, thing_id)
    lease = await machines.objects.leases.take(key, machines.owner, machines.system.now(), machines.lease_seconds)
    if lease is None:
        return
    hold = Hold(machines.objects.leases, lease, Terms(machines.system, machines.lease_seconds))
    due: list[datetime | None] = []

    async def work() -> None:
        due.append(await handler(thing_id, hold))

    pause = 0.0
    try:
        await hold.guard(work())
    except Conflict as error:
        _log.info("tick gave way object=%s code=%s", key, error.code)
        due, pause = [machines.clock.now()], _AFTER_CONFLICT_SECONDS
    except Transient:
        raise
    except BaseException:
        await hold.release()
        raise
    await hold.release()
    if due and due[0] is not None:
        await hint(machines, kind, thing_id, max(pause, (due[0] - machines.clock.now()).total_seconds()))


async def hint(machines: Machines, kind: str, thing_id: str, delay: float = 0.0) -> None:
    """Asks for a tick; losing it is harmless, because the due row is stored."""
    try:
        await machines.queue.send(message_of(kind, thing_id), delay_seconds=min(max(delay, 0.0), MAX_DELAY_SECONDS))
    except Transient as error:
        _log.warning("hint lost object=%s code=%s", key_of(kind, thing_id), error.code)


def message_of(kind: str, thing_id: str) -> str:
    """What stands in the queue."""
    return json.dumps({"kind": kind, "name": thing_id})
