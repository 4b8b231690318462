"""A pass over the fleet as it is stored, so that whoever takes it over goes on where it stands. Pure data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Thing
from controlplane.operations.model import Model

FLEET_EVERY = timedelta(days=1)
#: Who was seen in use so lately need not look for itself.
IN_USE = timedelta(hours=30)
#: Who could not be asked for so long is unknown until the next pass.
GIVES_UP = timedelta(hours=20)


class FleetSweep(Thing):
    """``id`` is ``fleet``: one list of what there is, cut into batches."""

    KIND: ClassVar[str] = "fleetSweep"

    slot: datetime
    workspaces: int = 0
    """That have a rule of idleness."""
    missing: int = 0
    """Of those, which Azure did not list: nobody knows of them."""
    scopes: int = 0
    """Batches."""
    why: str | None = None


class Member(Model):
    """A workspace of a batch. ``id`` is that of its Azure ML workspace."""

    name: str
    incarnation: int
    id: str


class IdleBatch(Thing):
    """One question: at most fifty workspaces of one subscription and region."""

    KIND: ClassVar[str] = "idleBatch"

    slot: datetime
    region: str
    period: str
    """The shortest time of idleness that a rule of them says."""
    members: tuple[Member, ...]
    turn: int = 0
    turns: int = 1
    """Which of how many batches of its subscription it is: their candidates take turns."""
    tries: int = 0
    why: str | None = None
    """Why nobody of it is known; where they were asked, why one of the unknown ones is not."""
    asked_at: datetime | None = None
    in_use: dict[str, str] = Field(default_factory=dict)
    """Workspace → what was seen of it at ``asked_at``, of those in use."""
    candidates: int = 0
    unknown: int = 0


def batch_ids(subscription: str, region: str) -> tuple[str, ...]:
    """Where the workspaces of a subscription and region are: it has 980 resource groups at most."""
    return tuple(f"{subscription}.{region}.{number:04d}" for number in range(20))
