"""What the ticks of signals, runs and tasks need."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.objects.repository import Objects
from controlplane.ports.clock import Clock
from controlplane.ports.ml import MlWriter
from controlplane.ports.notify import Notifier
from controlplane.ports.reader import NewestReader
from controlplane.ports.store import WorkQueue
from controlplane.ports.writer import ResourceWriter
from controlplane.projects.repository import ProjectRepository
from controlplane.retraining.monitors.callbacks import NOBODY, Callbacks
from controlplane.retraining.polls.ports import PollPorts
from controlplane.workspaces.repository import WorkspaceRepository


@dataclass(frozen=True, slots=True)
class RetrainingDeps:
    """``clock`` is the product's."""

    objects: Objects
    workspaces: WorkspaceRepository
    projects: ProjectRepository
    reader: NewestReader
    writer: ResourceWriter
    ml: MlWriter
    clock: Clock
    queue: WorkQueue
    cloud: str = "AzureCloud"
    callbacks: Callbacks = NOBODY
    polls: PollPorts | None = None
    """What the sweep asks; None: nothing is configured, and every window is unknown."""
    notifier: Notifier | None = None
    """None: what is told is only listed."""
