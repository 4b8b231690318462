"""One wake-up of one object: take its lease, let its kind's handler work, say when it is due again."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.errors import Conflict, Fatal, Transient
from controlplane.objects.leases import Hold, Terms
from controlplane.objects.repository import Objects, Thing, key_of
from controlplane.objects.upkeep import put_off
from controlplane.ports.clock import Clock
from controlplane.ports.store import WorkQueue

_log = logging.getLogger(__name__)
#: Azure Storage's longest delay that this product uses for a hint.
MAX_DELAY_SECONDS = 3600.0
_AFTER_CONFLICT_SECONDS = 1.0
#: Until an object whose ticks failed again and again is tried once more.
PUT_OFF = timedelta(hours=1)

#: Works on the object with that id, under that hold; returns when it is due again, None at rest. It has stored that
#: itself: what it returns only becomes a hint.
Handler = Callable[[str, Hold], Awaitable[datetime | None]]


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of object: how it is stored, who works on it, and where it is; None: with those of ``Machines``."""

    thing: type[Thing]
    handler: Handler
    objects: Objects | None = None


@dataclass(frozen=True, slots=True)
class Machines:
    """Everything that ticks of objects need. ``clock`` is the product's, ``system`` judges leases."""

    objects: Objects
    parts: Mapping[str, Part]
    queue: WorkQueue
    clock: Clock
    system: Clock
    owner: str
    lease_seconds: float = 90.0

    def place(self, kind: str) -> Objects:
        """Where objects of a kind are."""
        return _part(kind, self).objects or self.objects


async def tick_object(kind: str, thing_id: str, machines: Machines) -> None:
    """Returns at once when another tick holds the object. Raises ``Fatal("InvalidMessage")`` for a kind without a
    handler, and what the handler raises: the host shows the message again, and the due row stays."""
    handler, leases = _part(kind, machines).handler, machines.place(kind).leases
    key = key_of(kind, thing_id)
    lease = await leases.take(key, machines.owner, machines.system.now(), machines.lease_seconds)
    if lease is None:
        return
    hold = Hold(leases, lease, Terms(machines.system, machines.lease_seconds))
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


async def give_up(kind: str, thing_id: str, machines: Machines) -> bool:
    """After five ticks that failed: the object is looked at again in an hour, so that a defect costs no more than
    that. False when there is nothing to put off, or a tick is at work on it. Raises ``Transient`` when the store is
    away, ``Fatal`` for a kind without a handler."""
    objects = machines.place(kind)
    if await objects.leases.is_held(key_of(kind, thing_id), machines.system.now()):
        return False
    try:
        return await put_off(objects, kind, thing_id, machines.clock.now() + PUT_OFF)
    except Conflict:
        return False


def _part(kind: str, machines: Machines) -> Part:
    part = machines.parts.get(kind)
    if part is None:
        raise Fatal("InvalidMessage", f"A work message of kind {kind!r} is not known.")
    return part


async def hint(machines: Machines, kind: str, thing_id: str, delay: float = 0.0) -> None:
    """Asks for a tick; losing it is harmless, because the due row is stored."""
    try:
        await machines.queue.send(message_of(kind, thing_id), delay_seconds=min(max(delay, 0.0), MAX_DELAY_SECONDS))
    except Transient as error:
        _log.warning("hint lost object=%s code=%s", key_of(kind, thing_id), error.code)


def message_of(kind: str, thing_id: str) -> str:
    """What stands in the queue."""
    return json.dumps({"kind": kind, "name": thing_id})
