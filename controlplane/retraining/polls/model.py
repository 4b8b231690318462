"""What a sweep is stored as, so that whoever takes it over goes on where it stands. Pure data.

A sweep is cut into polls, and a poll is one call for metrics, or one workspace: each ends in one commit, so that what
was read is not read again for the same slot.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import ClassVar

from controlplane.objects.repository import Thing
from controlplane.operations.model import Model
from controlplane.retraining.signal import SignalKind

#: How long a window is, and how often one ends.
WINDOW = timedelta(minutes=15)
#: Metrics are there some minutes after what they measure; the timer fires so much later than a window ends.
LATE = timedelta(minutes=3)
#: Who could not be asked for so long is unknown for that slot.
GIVES_UP = timedelta(hours=1)


class Sweep(Thing):
    """``id`` is ``fleet``: one list of what there is, cut into polls."""

    KIND: ClassVar[str] = "sweep"

    slot: datetime
    """End of the window that is asked about."""
    why: str | None = None
    """Why it did not happen, or waits."""
    polls: int = 0
    late: int = 0
    """Polls of an earlier slot that were not done yet, and are left to end."""


class Target(Model):
    """An endpoint or deployment of a managed workspace."""

    id: str
    workspace: str


class Poll(Thing):
    """One call for metrics: at most fifty resources of one subscription, region and type."""

    KIND: ClassVar[str] = "poll"

    slot: datetime
    subscription: str
    region: str
    type: str
    targets: tuple[Target, ...]
    tries: int = 0
    why: str | None = None
    """Why the slot is unknown, or waits; None when it was read."""


class WorkspacePoll(Thing):
    """Logs and runs of monitors of one workspace; ``id`` is its name."""

    KIND: ClassVar[str] = "workspacePoll"

    slot: datetime
    targets: tuple[str, ...] = ()
    """ARM ids of its endpoints and deployments."""
    gone: tuple[str, ...] = ()
    """Targets that are there no more: what is remembered of them ends."""
    refused: float | None = None
    """Calls to Resource Manager of its subscription that were throttled in the window; None is unknown."""
    unwatched: tuple[str, ...] | None = None
    """Levels at which nobody could see throttling in the latest window that was read (S3-93); None: none was read."""
    monitors: bool = False
    logs_done: bool = False
    models_left: bool = False
    """Its runs were looked at; now its model versions are, some models at a time."""
    models_after: str | None = None
    """The last model that was looked at, where there are more; kept from one slot to the next."""
    tries: int = 0
    why: str | None = None

    @property
    def is_hourly(self) -> bool:
        """Whether its slot is the one of the hour in which model versions are looked for."""
        return self.slot.minute == 0

    @property
    def serves(self) -> bool:
        """Whether there is, or was, anything to ask logs or runs about."""
        return bool(self.targets or self.gone or self.monitors)


class Episode(Model):
    """One thing that is watched of one target, while it is not plainly fine."""

    kind: SignalKind
    part: str = ""
    """What of the kind, where there are several."""
    bad: int = 0
    """Windows in a row."""
    latest: datetime
    """The latest window that counted; the same window counts once."""
    raised_at: datetime | None = None
    signal_id: str | None = None


class Hour(Model):
    """Calls of the windows of one hour of the day: how many windows, their mean, their mean distance from it."""

    n: int
    mean: float
    spread: float


class Usual(Model):
    """What calls of an endpoint usually are. ``hours``: ``d`` (Monday to Friday) or ``e``, and the hour."""

    latest: datetime
    """The latest window that was learned; each is learned once."""
    hours: dict[str, Hour]


class Watched(Thing):
    """What is remembered of a target; there is none for one that is fine and whose calls nobody counts."""

    KIND: ClassVar[str] = "watched"

    workspace: str
    target: str
    episodes: tuple[Episode, ...] = ()
    idle_since: datetime | None = None
    idle_seen: datetime | None = None
    """The latest window, within some hours, that is known to have had no call."""

    usual: Usual | None = None
    """Of an endpoint."""

    @property
    def empty(self) -> bool:
        return not self.episodes and self.idle_since is None and self.usual is None


def watched_id(workspace: str, target: str) -> str:
    """``target`` folded."""
    return f"{workspace}.{sha256(target.encode()).hexdigest()[:32]}"


def slot_at(now: datetime) -> datetime:
    """End of the latest window whose metrics are there."""
    late = (now - LATE).astimezone(UTC)
    midnight = late.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (late - midnight) // WINDOW * WINDOW
