"""The queue trigger: a message is a hint that an object should be looked at."""

from __future__ import annotations

import json
import logging

from controlplane.errors import Fatal
from controlplane.workspaces.reconcile import TickDeps, tick

_log = logging.getLogger(__name__)


async def run_tick(body: bytes, deps: TickDeps) -> None:
    """Runs one tick for ``{"kind": "workspace", "name": …}``.

    A message this code does not understand raises ``Fatal``: the host retries it, then keeps it in the poison queue,
    where a person finds it. Whatever else is raised makes the host show the message again; the due index would have
    brought the object back in any case.
    """
    try:
        message = json.loads(body)
        kind, name = message["kind"], message["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise Fatal("InvalidMessage", "A work message is JSON with `kind` and `name`.") from error
    if kind != "workspace" or not isinstance(name, str):
        raise Fatal("InvalidMessage", f"A work message of kind {kind!r} is not known.")
    _log.info("tick workspace=%s", name)
    await tick(name, deps)
