"""What is forgotten: signals, decisions, runs and notifications after 400 days. The audit stays, and with it what was
decided and why; a model's windows and its last ends are in its own row."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.errors import Conflict
from controlplane.notifications.model import Notification
from controlplane.objects.repository import Listed, Objects, everything, newest_first, remove
from controlplane.retraining.model import Decision
from controlplane.retraining.runs.model import Run
from controlplane.retraining.signal import Signal

KEPT = timedelta(days=400)
_KINDS: tuple[type[Listed], ...] = (Signal, Decision, Run, Notification)
#: Of a kind, in one call: a sweep a minute forgets more than the limits of hints let in.
_MOST = 50


async def forget(objects: Objects, now: datetime) -> int:
    """Removes what is older and at rest; returns how many. Bounded. Raises ``Transient``."""
    gone = 0
    for kind in _KINDS:
        keys, _ = await objects.keys(everything(kind), newest_first(now - KEPT), _MOST)
        for stored in await objects.get_many(kind, [key.partition("!")[2] for key in keys]):
            if stored is None or stored.value.due_at is not None:
                continue
            try:
                await objects.commit(remove(stored))
            except Conflict:
                continue  # somebody works on it: the next sweep sees what became of it
            gone += 1
    return gone
