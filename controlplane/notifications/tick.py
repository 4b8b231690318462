"""The tick of a notification: each channel that has not taken it yet is tried, for a day.

At least once: a channel's answer that is lost, or a crash before it is stored, sends the same id again.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from controlplane.errors import ControlPlaneError, Transient
from controlplane.notifications.channels import Channel, wants
from controlplane.notifications.model import Notification
from controlplane.objects.leases import Hold
from controlplane.objects.repository import put
from controlplane.ports.notify import Notifier
from controlplane.retraining.deps import RetrainingDeps

_log = logging.getLogger(__name__)
GIVE_UP = timedelta(hours=24)
_FIRST, _LONGEST = timedelta(seconds=10), timedelta(hours=1)


async def work(deps: RetrainingDeps, thing_id: str, hold: Hold) -> datetime | None:
    """Raises what the store raises. Without a channel that wants it a notification is only listed."""
    stored = await deps.objects.get(Notification, thing_id)
    if stored is None or stored.value.due_at is None:
        return None
    before, notifier = stored.value, deps.notifier
    channels = notifier.channels if notifier else ()
    open_ = [one for one in channels if wants(one, before) and one.name not in before.sent]
    if notifier is None or not open_:
        await deps.objects.commit_held(hold, put(stored, before.model_copy(update={"due_at": None})))
        return None
    told = before.model_copy(update={"link": deps.callbacks.address(before.link)})
    results = await asyncio.gather(*(_try(notifier, one, told, deps.clock.now()) for one in open_))
    after = _after(before, dict(zip((one.name for one in open_), results, strict=True)), deps.clock.now())
    await deps.objects.commit_held(hold, put(stored, after))
    return after.due_at


async def _try(
    notifier: Notifier, channel: Channel, notification: Notification, now: datetime
) -> ControlPlaneError | None:
    """None: it was taken."""
    try:
        await notifier.send(channel, notification, now)
    except ControlPlaneError as error:
        _log.warning("not told channel=%s notification=%s code=%s", channel.name, notification.id, error.code)
        return error
    return None


def _after(before: Notification, results: dict[str, ControlPlaneError | None], now: datetime) -> Notification:
    sent = (*before.sent, *(name for name, error in results.items() if error is None))
    errors = {name: error for name, error in results.items() if error is not None}
    attempts = before.attempts + 1
    due: datetime | None = None
    if errors:
        due = now + max(pause(attempts), *(_asked(error) for error in errors.values()))
    over = due is not None and due - before.created_at > GIVE_UP
    return before.model_copy(
        update={
            "attempts": attempts,
            "sent": sent,
            "failed": {name: f"{error.code}: {error.message}"[:500] for name, error in errors.items()},
            "given_up": tuple(errors) if over else (),
            "due_at": None if over else due,
        }
    )


def pause(attempts: int) -> timedelta:
    """After so many tries: 10 s, 20 s, … and an hour at most."""
    return min(_LONGEST, _FIRST * (1 << min(max(attempts - 1, 0), 20)))


def _asked(error: ControlPlaneError) -> timedelta:
    """What the receiver asked for, within reason."""
    seconds = error.retry_after if isinstance(error, Transient) else 0.0
    return timedelta(seconds=min(max(seconds, 0.0), _LONGEST.total_seconds()))
