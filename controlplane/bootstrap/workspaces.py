"""What ticks and timers of workspaces need."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from controlplane.bootstrap.foundations import clock, governed, objects, queue, settings, store, system_clock, upkeep
from controlplane.bootstrap.once import once, owner
from controlplane.bootstrap.outside import gates_of, operator

if TYPE_CHECKING:
    from controlplane.triggers.sweeps import SweepDeps
    from controlplane.workspaces.healing import CareDeps
    from controlplane.workspaces.reconcile import TickDeps

#: The loop keeps weak references to tasks only.
_background: list[asyncio.Task[None]] = []


@once
def sweep_deps() -> SweepDeps:
    """What the timers need."""
    from controlplane.triggers.sweeps import SweepDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    return SweepDeps(WorkspaceRepository(store()), queue(), clock(), system_clock(), upkeep(), (objects(), governed()))


@once
def care_deps() -> CareDeps:
    """What ends the operations that no tick ends."""
    from controlplane.workspaces.healing import CareDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    return CareDeps(WorkspaceRepository(store()), upkeep(), clock(), system_clock())


@once
def tick_deps() -> TickDeps:
    """What a tick needs; the only dependencies that can write to Azure. To be called on the loop that runs ticks.

    Reads in a tick are the operator's too, so that it never acts on less than it may see.
    """
    from controlplane.azure.gates import GatedReader, GatedWriter
    from controlplane.azure.reader import ArmReader
    from controlplane.azure.writer import ArmWriter
    from controlplane.workspaces.reconcile import TickDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    chosen = settings()
    writer, gates = ArmWriter(operator()), gates_of(settings().operator_client_id)
    # The network SDK takes seconds to import; the first tick reads and creates other things meanwhile.
    _background.append(asyncio.get_running_loop().create_task(writer.warm_up()))
    return TickDeps(
        repository=WorkspaceRepository(store()),
        reader=GatedReader(ArmReader(operator()), gates),
        writer=GatedWriter(writer, gates),
        clock=clock(),
        queue=queue(),
        tenant_id=chosen.tenant_ids[0],
        cloud=chosen.cloud,
        administrators=chosen.administrators,
        owner=owner(),
        lease_seconds=chosen.lease_seconds,
        tick_seconds=chosen.tick_seconds,
        max_parallel=chosen.max_parallel_calls,
        system_clock=system_clock(),
        durations=store(),
    )
