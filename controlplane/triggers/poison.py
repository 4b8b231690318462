"""The queue trigger of ``ticks-poison``: what a host gave up after five tries ends with its cause, never in silence."""

from __future__ import annotations

import logging

from controlplane.errors import Fatal
from controlplane.triggers.ticks import read_message
from controlplane.workspaces.healing import CareDeps, give_up

_log = logging.getLogger(__name__)


async def run_poison(body: bytes, deps: CareDeps) -> None:
    """Ends the active operation of the message's workspace as Failed.

    A message that nobody understands is told in the log and dropped: raising would only move it to a queue that nobody
    reads. Raises ``Transient`` when the store is away.
    """
    try:
        name = read_message(body)
    except Fatal as error:
        _log.error("poison message dropped code=%s bytes=%d", error.code, len(body))
        return
    done = await give_up(deps, name)
    _log.error("ticks failed repeatedly workspace=%s outcome=%s", name, done)
