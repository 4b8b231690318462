"""What events, sweeps and ticks of everything beside workspaces need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.bootstrap.foundations import clock, governed, objects, queue, settings, store, system_clock
from controlplane.bootstrap.once import once, owner
from controlplane.bootstrap.outside import gates_of, notifier, operator, poll_ports, prices
from controlplane.settings import callbacks_of

if TYPE_CHECKING:
    from controlplane.governance.deps import Archiver, GovernanceDeps
    from controlplane.objects.tick import Machines
    from controlplane.retraining.deps import RetrainingDeps
    from controlplane.retraining.signals.intake import IntakeDeps
    from controlplane.triggers.fleet import FleetDeps
    from controlplane.triggers.monitors import MonitorDeps


@once
def intake_deps() -> IntakeDeps:
    """What events and alerts need: stores and a clock, no Azure."""
    from controlplane.retraining.signals.intake import IntakeDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    return IntakeDeps(objects(), WorkspaceRepository(store()), queue(), clock())


@once
def monitor_deps() -> MonitorDeps:
    """What the timer of the sweep needs: stores and a clock, no Azure."""
    from controlplane.triggers.monitors import MonitorDeps

    return MonitorDeps(objects(), queue(), clock())


@once
def fleet_deps() -> FleetDeps:
    """What the timers of costs and of the fleet's sweep need: stores and a clock, no Azure."""
    from controlplane.triggers.fleet import FleetDeps

    return FleetDeps(governed(), queue(), clock())


@once
def machines() -> Machines:
    """What ticks of those objects need; it can write to Azure."""
    from controlplane.governance.parts import parts as of_governance
    from controlplane.objects.tick import Machines
    from controlplane.retraining.parts import parts

    return Machines(
        objects=objects(),
        parts={**parts(retraining_deps()), **of_governance(governance_deps())},
        queue=queue(),
        clock=clock(),
        system=system_clock(),
        owner=owner(),
        lease_seconds=settings().lease_seconds,
    )


@once
def retraining_deps() -> RetrainingDeps:
    """Reads are the operator's, as in a workspace's tick."""
    from controlplane.azure.gates import GatedReader, GatedWriter
    from controlplane.azure.jobs import JobClient
    from controlplane.azure.ml_writer import AzureMlWriter
    from controlplane.azure.reader import ArmReader
    from controlplane.azure.writer import ArmWriter
    from controlplane.projects.repository import ProjectRepository
    from controlplane.retraining.deps import RetrainingDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    gates = gates_of(settings().operator_client_id)
    return RetrainingDeps(
        objects=objects(),
        workspaces=WorkspaceRepository(store()),
        projects=ProjectRepository(store()),
        reader=GatedReader(ArmReader(operator()), gates),
        writer=GatedWriter(ArmWriter(operator()), gates),
        ml=AzureMlWriter(JobClient(settings(), settings().operator_client_id)),
        clock=clock(),
        queue=queue(),
        cloud=settings().cloud,
        callbacks=callbacks_of(settings()),
        polls=poll_ports(gates),
        notifier=notifier(),
    )


@once
def governance_deps() -> GovernanceDeps:
    """The operator's, too."""
    from controlplane.azure.costs import AzureCosts
    from controlplane.azure.gates import GatedCosts
    from controlplane.governance.deps import GovernanceDeps

    shared = retraining_deps()
    return GovernanceDeps(
        objects=governed(),
        notifications=shared.objects,
        workspaces=shared.workspaces,
        projects=shared.projects,
        reader=shared.reader,
        writer=shared.writer,
        clock=shared.clock,
        queue=shared.queue,
        cloud=shared.cloud,
        callbacks=shared.callbacks,
        polls=shared.polls,
        costs=GatedCosts(AzureCosts(operator()), gates_of(settings().operator_client_id)),
        prices=prices(),
        archiver=_archiver(),
    )


def _archiver() -> Archiver | None:
    """None where nothing may be deleted. Its requests have gates of their own."""
    from controlplane.azure.arm_client import ArmClient
    from controlplane.azure.gates import GatedReader, GatedWriter
    from controlplane.azure.reader import ArmReader
    from controlplane.azure.writer import ArmWriter
    from controlplane.governance.deps import Archiver

    client_id = settings().archiver_client_id
    if not client_id:
        return None
    gates, client = gates_of(client_id), ArmClient(settings().arm_endpoint, client_id)
    return Archiver(
        client_id,
        GatedReader(ArmReader(client), gates),
        GatedWriter(ArmWriter(client), gates),
        settings().archiver_object_id,
        settings().arm_endpoint,
    )
