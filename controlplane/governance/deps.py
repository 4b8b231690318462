"""What the ticks of budgets, costs and expiries need."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.objects.repository import Objects
from controlplane.ports.clock import Clock
from controlplane.ports.costs import CostReader
from controlplane.ports.prices import RetailPrices
from controlplane.ports.reader import NewestReader
from controlplane.ports.store import WorkQueue
from controlplane.ports.writer import ResourceWriter
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.monitors.callbacks import NOBODY, Callbacks
from controlplane.retraining.polls.ports import PollPorts
from controlplane.workspaces.repository import WorkspaceRepository


@dataclass(frozen=True, slots=True)
class Archiver:
    """The third identity: holds nothing until somebody lets it delete one resource group for a while."""

    client_id: str
    reader: NewestReader
    writer: ResourceWriter
    object_id: str = ""
    """Of its service principal, which assignments name; empty: whoever reads the request looks it up."""
    endpoint: str = "https://management.azure.com"
    """Resource Manager's, where that request goes."""


@dataclass(frozen=True, slots=True)
class GovernanceDeps:
    """``objects`` are this part's own; ``notifications`` is where what is told waits to be sent: a notification has a
    stable id and is stored before the commit of what it tells of, so that a crash between them tells it once."""

    objects: Objects
    notifications: Objects
    workspaces: WorkspaceRepository
    projects: ProjectRepository
    reader: NewestReader
    writer: ResourceWriter
    clock: Clock
    queue: WorkQueue
    cloud: str = "AzureCloud"
    callbacks: Callbacks = NOBODY
    polls: PollPorts | None = None
    """Metrics, logs and Resource Graph; None: nothing is configured, and every evidence is unknown."""
    costs: CostReader | None = None
    """Cost Management; None: nothing is configured, and what was spent is unknown."""
    prices: RetailPrices | None = None
    """List prices; None: those of the price table, in dollars."""
    archiver: Archiver | None = None
    """None: nothing is deleted."""
