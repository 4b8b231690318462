"""What pages of the fleet's costs show."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from controlplane.governance.costs.model import Anomaly
from controlplane.governance.costs.view import View
from controlplane.governance.services.costs import SubscriptionCosts, SweepAge
from controlplane.operations.model import Model

_PAGE_ALONE = "Of this page; of everything that was asked for where there is no `nextLink`."


class WorkspaceCosts(Model):
    """One workspace's. ``GET /workspaces/{name}/costs`` has its days."""

    workspace: str
    project: str
    department: str | None
    environment: str
    subscription: str
    view: View
    anomalies: tuple[Anomaly, ...]


class FleetCosts(Model):
    """A page, in name order."""

    read_at: datetime
    value: tuple[WorkspaceCosts, ...]
    total: View = Field(description=_PAGE_ALONE)
    sweeps: tuple[SweepAge, ...]
    next_link: str | None = None


class BudgetCount(Model):
    """``reached``: some tier is; ``unknown``: its figures leave something out. Departments' are not counted."""

    total: int
    reached: int
    enforcing: int
    unknown: int


class Counts(Model):
    """Workspaces in numbers, as the latest sweeps and ticks saw them."""

    workspaces: int
    deleting: int
    environments: dict[str, int]
    costs: View
    anomalies: int
    budgets: BudgetCount
    expiry: dict[str, int]
    """Stage → workspaces that have an expiry."""
    idle: dict[str, int]
    """What the latest look of each said: idle, busy, unknown; `unread` without any."""


class ProjectSummary(Counts):
    """One project's."""

    project: str
    department: str | None


class FleetSummary(Model):
    """A page of projects, in name order."""

    read_at: datetime
    value: tuple[ProjectSummary, ...]
    total: Counts = Field(description=_PAGE_ALONE)
    subscriptions: tuple[SubscriptionCosts, ...] = Field(
        description="What Azure bills, with what lies outside of managed workspaces: on the first page, without a "
        "filter, for who may read of every project."
    )
    sweeps: tuple[SweepAge, ...]
    next_link: str | None = None
