"""What every flow about money and lifetime needs."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.objects.repository import Objects
from controlplane.ports.clock import Clock
from controlplane.ports.reader import ResourceReader
from controlplane.projects.access import Caller, Permission
from controlplane.retraining.known import Known, known
from controlplane.workspaces.services.deps import ServiceDeps, require


@dataclass(frozen=True, slots=True)
class RuleDeps:
    """Readers and stores: what a request starts is done by ticks."""

    objects: Objects
    workspaces: ServiceDeps

    @property
    def clock(self) -> Clock:
        return self.workspaces.clock

    @property
    def reader(self) -> ResourceReader:
        return self.workspaces.reader


async def workspace(deps: RuleDeps, caller: Caller, permission: Permission, name: str) -> Known:
    """Raises ``Rejected``: ``WorkspaceNotFound``, ``AuthorizationFailed``."""
    return known((await require(deps.workspaces, caller, permission, name)).record)
