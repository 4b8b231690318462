"""What a tick needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from controlplane.operations.model import Condition
from controlplane.ports.clock import Clock
from controlplane.ports.reader import ResourceReader
from controlplane.ports.store import Store, WorkQueue
from controlplane.ports.writer import ResourceWriter
from controlplane.workspaces.model import Blueprint, Change, Observed
from controlplane.workspaces.reconcile.finish import Judge
from controlplane.workspaces.repository import WorkspaceRepository


def posture_conditions(
    blueprint: Blueprint,
    observed: Observed,
    changes: tuple[Change, ...],
    previous: tuple[Condition, ...],
    now: datetime,
) -> tuple[Condition, ...]:
    """The conditions that the posture of a workspace gives."""
    from controlplane.workspaces.posture import conditions, evaluate

    return conditions(evaluate(blueprint, observed, changes, now), previous, now)


@dataclass(frozen=True)
class TickDeps:
    """``clock`` is the product's time: when something is due, when a condition changed. ``system_clock`` judges leases
    and Retry-After, which are real seconds always; None means that both are the same.
    """

    repository: WorkspaceRepository
    reader: ResourceReader
    writer: ResourceWriter
    clock: Clock
    queue: WorkQueue
    tenant_id: str
    cloud: str
    owner: str
    lease_seconds: float
    tick_seconds: float
    max_parallel: int
    system_clock: Clock | None = None
    durations: Store | None = None
    """Where measured step durations are kept; None measures nothing."""
    judge: Judge = posture_conditions
    administrators: tuple[str, ...] = ()
    """Object ids of who administers the subscriptions."""

    @property
    def system(self) -> Clock:
        return self.system_clock or self.clock
