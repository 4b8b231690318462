"""What was spent, as the collector stores it. Pure data.

Azure's cost rows are 8 to 24 hours late and change until the invoice ("Understand Cost Management data"), so every
figure here carries the time it was read and the last day it covers; what was not read is None with a reason, never 0.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from controlplane.objects.repository import Thing
from controlplane.operations.model import Model

#: Azure's rows of a day are whole a day after its end at the latest ("typically available within 8-24 hours").
WHOLE_AFTER = timedelta(hours=24)
#: How often Azure's rows are read: it renews them about every four hours ("Understand Cost Management data").
COSTS_EVERY = timedelta(hours=4)
#: How often is looked at what runs: what rises after one look is counted with the next but one at the latest.
LIVE_EVERY = timedelta(minutes=4)
#: Days that are kept, for what is usual.
KEPT_DAYS = 62
KEPT_MONTHS = 13


class Burning(Model):
    """One thing that costs money by the hour right now: a cluster's nodes, an instance, a deployment."""

    resource: str
    """ARM id."""
    what: str
    """Size or SKU, as Azure calls it."""
    count: int
    hourly: Decimal | None
    """Of all of them; None: nobody knows its price, and the view is incomplete."""
    currency: str = "USD"
    """Of ``hourly``."""
    uncertain: str | None = None
    """Why its price is to be looked up before anybody relies on it; None: it is a list price."""
    since: datetime | None = None
    """From when on there were so many, where Azure says."""


class Live(Model):
    """Our own view between Azure's rows: what ran since the last cost row, by the price table."""

    at: datetime
    currency: str = "USD"
    """Of ``amount``, ``days`` and ``resources``."""
    since: datetime
    """The end of the last day that Azure's rows cover, or the month's begin."""
    amount: Decimal
    """Accrued between ``since`` and ``at``: a lower bound, of nodes, instances and deployments alone."""
    days: dict[str, Decimal] = Field(default_factory=dict)
    """Day (ISO) → accrued, of days that Azure's rows do not cover yet."""
    resources: dict[str, Decimal] = Field(default_factory=dict)
    """ARM id, folded → accrued this month; the twenty dearest."""
    burning: tuple[Burning, ...] = ()
    watched_since: datetime | None = None
    """From when on somebody looked often enough."""
    incomplete: str | None = None
    """What could not be read or priced."""


class Anomaly(Model):
    """A day that cost much more than is usual, and why, as far as anybody knows."""

    day: date
    amount: Decimal
    usual: Decimal
    """Median of the days before."""
    resource: str | None = None
    """ARM id of what rose most; None: not found."""
    meter: str | None = None
    rise: Decimal | None = None
    """Of it alone, beyond what it usually costs."""
    jobs: tuple[str, ...] = ()
    """That ran there that day; the newest five."""
    who: tuple[str, ...] = ()
    """Who started them, or has the instance."""
    looked: bool = False
    """The cause was looked for."""
    unknown: str | None = None
    """What of the cause could not be read."""


class Spend(Thing):
    """A workspace's spending in one calendar month (UTC); ``id`` is its scope's, ``workspace.{name}``."""

    KIND: ClassVar[str] = "spend"

    workspace: str
    incarnation: int
    project: str
    born_at: datetime | None = None
    """When the workspace was made: its first day is a part of one."""
    month: str = Field(pattern=r"^\d{4}-\d{2}$")
    currency: str
    as_of: datetime | None = None
    """When Azure's rows were read; None: never yet."""
    through: date | None = None
    """The last day whose rows are whole; later ones may have some already."""
    days: dict[str, Decimal] = Field(default_factory=dict)
    """Day (ISO) → cost, as Azure's rows say; those of the month before, too, for what is usual."""
    months: dict[str, Decimal] = Field(default_factory=dict)
    """Earlier months → their cost; the last thirteen."""
    causes: dict[str, Decimal] = Field(default_factory=dict)
    """Resource id (lower case) → cost of this month; the twenty dearest."""
    forecast: Decimal | None = None
    """Azure's, to the month's end, with what is spent already; None: too little history, or not read."""
    forecast_reason: str | None = None
    live: Live | None = None
    anomalies: tuple[Anomaly, ...] = ()
    """Of the kept days, newest first."""
    unknown: str | None = None
    """Why the last collection brought nothing; the figures are then the last good ones."""

    def index(self) -> tuple[str, ...]:
        return (f"sp!{self.project}!{self.workspace}",)


def of_project(project: str) -> str:
    """The index of a project's workspaces."""
    return f"sp!{project}!"


def spend_id(workspace: str) -> str:
    """As its scope is called."""
    return f"workspace.{workspace}"


class Charged(Model):
    """A workspace whose resource group a scope's answers may name."""

    name: str
    incarnation: int
    project: str
    group: str
    """Folded name."""
    since: date
    """The day on which it was made: earlier rows of this group are another's."""
    born_at: datetime | None = None
    """That day's moment."""


class CostSweep(Thing):
    """``id`` is ``costs``: the fleet, cut by subscription."""

    KIND: ClassVar[str] = "costSweep"

    slot: datetime
    scopes: int = 0
    why: str | None = None


class Course(StrEnum):
    """What a scope asks next; each is one question."""

    ROWS = "rows"
    CAUSES = "causes"
    FORECAST = "forecast"
    OWN = "own"
    """Forecasts of single workspaces."""
    DONE = "done"


class CostScope(Thing):
    """One subscription; ``id`` is its own."""

    KIND: ClassVar[str] = "costScope"

    slot: datetime
    pace: timedelta
    """Between two questions of this scope, so that all scopes together stay inside the tenant's quota."""
    workspaces: tuple[Charged, ...]
    forecasts: tuple[str, ...] = ()
    """Workspaces whose own forecast a budget asks for, and that were not asked about yet."""
    course: Course = Course.ROWS
    tries: int = 0
    why: str | None = None
    """Why the last question brought nothing."""
    calls: int = 0
    as_of: datetime | None = None
    through: date | None = None
    month: str | None = None
    currency: str | None = None
    total: Decimal | None = None
    """Of this month, as far as rows say."""
    others: Decimal | None = None
    """Of that, what is in no managed workspace's group."""
    forecast: Decimal | None = None
    """Azure's, of the whole subscription, to the month's end."""
    forecast_reason: str | None = None

    def index(self) -> tuple[str, ...]:
        return (f"cs!{self.id}",)


class Serving(Model):
    """A deployment, as Resource Graph has it."""

    id: str
    size: str
    count: int | None


class LiveSweep(Thing):
    """``id`` is ``live``: workspaces that have a budget, cut by subscription."""

    KIND: ClassVar[str] = "liveSweep"

    slot: datetime
    scopes: int = 0
    why: str | None = None


class LiveScope(Thing):
    """One subscription's; its computes are listed workspace by workspace."""

    KIND: ClassVar[str] = "liveScope"

    slot: datetime
    left: tuple[str, ...]
    """Workspaces that were not looked at yet."""
    serving: tuple[Serving, ...] = ()
    unread: str | None = None
    """Why nobody knows what serves."""
    tries: int = 0
