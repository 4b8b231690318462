"""A pass over the fleet as it is stored, so that whoever takes it over goes on where it stands. Pure data."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from controlplane.governance.expiry.model import Clue
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
    tries: int = 0
    why: str | None = None
    in_use: int = 0
    candidates: int = 0
    unknown: int = 0


class InUse(Thing):
    """What the latest pass saw of a workspace that is in use. ``id`` is ``workspace.{name}``."""

    KIND: ClassVar[str] = "inUse"

    incarnation: int
    at: datetime
    period: str
    clue: Clue
