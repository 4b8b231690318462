"""The queue trigger of ``ticks-poison``: what a host gave up after five tries ends with its cause, never in silence."""

from __future__ import annotations

import logging
from collections.abc import Callable

from controlplane.errors import Fatal
from controlplane.objects import tick
from controlplane.objects.tick import Machines
from controlplane.triggers.ticks import WORKSPACE, read_message
from controlplane.workspaces.healing import CareDeps, give_up

_log = logging.getLogger(__name__)


async def run_poison(body: bytes, deps: CareDeps, machines: Callable[[], Machines] | None = None) -> None:
    """Ends the active operation of the message's workspace as Failed; an object of another kind is put off.

    A message that nobody understands is told in the log and dropped: raising would only move it to a queue that nobody
    reads. Raises ``Transient`` when the store is away.
    """
    try:
        kind, name = read_message(body)
        if kind != WORKSPACE:
            if machines is None:
                raise Fatal("InvalidMessage", f"A work message of kind {kind!r} is not known.")
            put_off = await tick.give_up(kind, name, machines())
            _log.error("ticks failed repeatedly %s=%s putOff=%s", kind, name, put_off)
            return
    except Fatal as error:
        _log.error("poison message dropped code=%s bytes=%d", error.code, len(body))
        return
    done = await give_up(deps, name)
    _log.error("ticks failed repeatedly workspace=%s outcome=%s", name, done)
