"""The queue trigger: a message is a hint that an object should be looked at."""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable

from controlplane.errors import ControlPlaneError, Fatal
from controlplane.governance.budgets.model import Budget
from controlplane.governance.expiry.model import Expiry, expiry_id
from controlplane.objects.tick import Machines, hint, tick_object
from controlplane.retraining.keeping import tell_of_the_end
from controlplane.workspaces.reconcile import TickDeps, tick
from controlplane.workspaces.upkeep import Failure, Upkeep

_log = logging.getLogger(__name__)
WORKSPACE = "workspace"
#: What every name of a workspace matches; anything else would not even be a row's key.
_NAME = re.compile(r"[a-z0-9-]{1,64}")
#: The same for every other object.
_ID = re.compile(r"[A-Za-z0-9._~-]{1,400}")


async def run_tick(
    body: bytes, deps: TickDeps, upkeep: Upkeep | None = None, machines: Callable[[], Machines] | None = None
) -> None:
    """Runs one tick for ``{"kind": "workspace", "name": …}``, or for an object of another kind.

    A message this code does not understand raises ``Fatal``: the host retries it, then keeps it in the poison queue,
    whose trigger tells it and drops it. Whatever else is raised makes the host show the message again; the due index
    would have brought the object back in any case. ``upkeep`` keeps the last error for whoever ends the operation then.
    """
    kind, name = read_message(body)
    _log.info("tick %s=%s", kind, name)
    if kind != WORKSPACE:
        if machines is None:
            raise Fatal("InvalidMessage", f"A work message of kind {kind!r} is not known.")
        await tick_object(kind, name, machines())
        return
    try:
        await tick(name, deps)
    except Exception as error:
        # The queue trigger's edge: whatever it is, the host sees it and shows the message again.
        await _note(name, error, deps, upkeep)
        raise
    if machines is None:
        return
    stored = await deps.repository.load(name)
    if stored is None:
        await tell_of_the_end(name, machines())
        # A rule about a workspace ends with it, and the audit says so now, not at the rule's next look.
        for kind in (Expiry.KIND, Budget.KIND):
            await hint(machines(), kind, expiry_id(name))
    elif stored.record.active_operation is None:
        # A spec may declare when its workspace ends: who looks after that hears of each change.
        await hint(machines(), Expiry.KIND, expiry_id(name))


def read_message(body: bytes) -> tuple[str, str]:
    """Kind and name of the object that a message is about. Raises ``Fatal("InvalidMessage")``."""
    try:
        message = json.loads(body)
        kind, name = message["kind"], message["name"]
    except (ValueError, KeyError, TypeError) as error:
        raise Fatal("InvalidMessage", "A work message is JSON with `kind` and `name`.") from error
    pattern = _NAME if kind == WORKSPACE else _ID
    if not isinstance(kind, str) or not isinstance(name, str) or not pattern.fullmatch(name):
        raise Fatal("InvalidMessage", f"A work message of kind {kind!r}, or its name, is not known.")
    return kind, name


async def _note(name: str, error: Exception, deps: TickDeps, upkeep: Upkeep | None) -> None:
    """Our own errors say what happened in words that hold no secret; of others only the class is kept."""
    correlation = secrets.token_hex(8)
    _log.error("tick raised workspace=%s correlation=%s", name, correlation, exc_info=error)
    if upkeep is None:
        return
    code, message = type(error).__name__, "An unforeseen error."
    if isinstance(error, ControlPlaneError):
        code, message = error.code, error.message
    try:
        await upkeep.note_failure(name, Failure(code, message, correlation, deps.clock.now()))
    except ControlPlaneError as lost:
        _log.warning("failure not noted workspace=%s code=%s", name, lost.code)
