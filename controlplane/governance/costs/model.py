"""What was spent, as the collector stores it. Pure data.

Azure's cost rows are 8 to 24 hours late and change until the invoice ("Understand Cost Management data"), so every
figure here carries the time it was read and the last day it covers; what was not read is None with a reason, never 0.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Thing
from controlplane.operations.model import Model


class Burning(Model):
    """One thing that costs money by the hour right now: a cluster's nodes, an instance, a deployment."""

    resource: str
    """ARM id."""
    what: str
    """Size or SKU, as Azure calls it."""
    count: int
    hourly: Decimal | None
    """Of all of them; None: the price table does not know it, and the view is incomplete."""


class Live(Model):
    """Our own view between Azure's rows: what ran since the last cost row, by the price table."""

    at: datetime
    since: datetime
    """The end of the last day that Azure's rows cover, or the month's begin."""
    amount: Decimal
    """Accrued between ``since`` and ``at``; a lower bound while ``incomplete``."""
    burning: tuple[Burning, ...] = ()
    incomplete: str | None = None
    """What could not be read or priced."""


class Spend(Thing):
    """A workspace's spending in one calendar month (UTC); ``id`` is its scope's, ``workspace.{name}``."""

    KIND: ClassVar[str] = "spend"

    workspace: str
    incarnation: int
    project: str
    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    currency: str
    as_of: datetime | None = None
    """When Azure's rows were read; None: never yet."""
    through: date | None = None
    """The last day with rows."""
    days: dict[str, Decimal] = Field(default_factory=dict)
    """Day (ISO) → cost, as Azure's rows say."""
    months: dict[str, Decimal] = Field(default_factory=dict)
    """Earlier months → their cost; the last thirteen."""
    causes: dict[str, Decimal] = Field(default_factory=dict)
    """Resource id (lower case) → cost of this month; the twenty dearest."""
    forecast: Decimal | None = None
    """Azure's, to the month's end, with what is spent already; None: too little history, or not read."""
    forecast_reason: str | None = None
    live: Live | None = None
    unknown: str | None = None
    """Why the last collection brought nothing; the figures are then the last good ones."""

    def index(self) -> tuple[str, ...]:
        return (f"sp!{self.project}!{self.workspace}",)


def of_project(project: str) -> str:
    """The index of a project's workspaces."""
    return f"sp!{project}!"
