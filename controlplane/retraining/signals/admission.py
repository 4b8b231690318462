"""How many hints of a workspace are let in: counted in one row, so that many at once do not get past each other.

Events and alerts are hints, and whoever can tag a run or make an alert rule can send any number. What is dropped here
a poll finds: what polls find, and what people wish, is not counted. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from controlplane.objects.repository import Thing
from controlplane.operations.model import Model
from controlplane.retraining.signal import Signal, Source

#: New signals of one workspace in an hour, from events and alerts together.
MOST_IN_AN_HOUR = 20
#: Of these, hints of monitors that nobody has set up: the rest of the places is kept for those that are.
MOST_OF_NOBODYS = 5
HINTS = frozenset({Source.EVENT, Source.ALERT})
_HOUR = timedelta(hours=1)


class Place(Model):
    """One that was let in."""

    at: datetime
    ours: bool


class Admission(Thing):
    """``id`` is the workspace's name: who was let in within the hour, oldest first."""

    KIND: ClassVar[str] = "admission"

    places: tuple[Place, ...] = ()


def admitted(before: Admission | None, signal: Signal, ours: bool) -> Admission | None:
    """The row with this signal in it; None when there is no place. ``ours``: its monitor, or its rule, is known."""
    begins = signal.received_at - _HOUR
    recent = tuple(one for one in (before.places if before else ()) if one.at > begins)
    nobodys = sum(not one.ours for one in recent)
    if len(recent) >= MOST_IN_AN_HOUR or (not ours and nobodys >= MOST_OF_NOBODYS):
        return None
    return Admission(id=signal.workspace, places=(*recent, Place(at=signal.received_at, ours=ours)))
