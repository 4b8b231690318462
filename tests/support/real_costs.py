"""The world of costs with the product's own adapters, as the operator, on a running simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.costs import AzureCosts
from controlplane.azure.gates import GatedCosts, GatedLogs, GatedMetrics, GatedReader, Gates
from controlplane.azure.metrics import AzureMetrics
from controlplane.azure.monitor import AzureLogs, Hosts, MonitorClients
from controlplane.azure.reader import ArmReader
from controlplane.azure.resource_graph import ResourceGraph
from controlplane.clocks import SystemClock
from controlplane.clouds import HOSTS
from controlplane.governance.deps import GovernanceDeps
from controlplane.governance.parts import parts
from controlplane.objects.tick import Machines
from controlplane.ports.store import Store
from controlplane.retraining.known import Known
from controlplane.retraining.polls.ports import PollPorts
from tests.support.clock import FrozenClock
from tests.support.cost_world import CostWorld
from tests.support.memory_store import MemoryStore
from tests.support.simulator import RunningSimulator


@dataclass
class RealCosts(CostWorld):
    """``IDENTITY_ENDPOINT``, ``IDENTITY_HEADER`` and ``SSL_CERT_FILE`` have to be those of the simulator."""

    running: RunningSimulator | None = None
    arm: ArmClient = field(init=False)
    clients: MonitorClients = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.deps = self._real(self.deps)
        self.machines = Machines(self.told, parts(self.deps), self.queue, self.clock, SystemClock(), "test")

    def _real(self, deps: GovernanceDeps) -> GovernanceDeps:
        assert self.running is not None
        env, cloud = self.running.env, HOSTS["AzureCloud"]
        hosts = Hosts(env["METRICS_ENDPOINT"], cloud.metrics, env["LOGS_ENDPOINT"], cloud.logs)
        self.clients = MonitorClients(hosts, env["OPERATOR_CLIENT_ID"])
        self.arm = ArmClient(env["ARM_ENDPOINT"], env["OPERATOR_CLIENT_ID"])
        gates = Gates(self.store, env["OPERATOR_CLIENT_ID"], SystemClock())
        polls = PollPorts(
            GatedMetrics(AzureMetrics(self.clients), gates),
            GatedLogs(AzureLogs(self.clients), gates),
            ResourceGraph(self.arm),
            gates,
        )
        reader = GatedReader(ArmReader(self.arm), gates)
        return replace(deps, reader=reader, polls=polls, costs=GatedCosts(AzureCosts(self.arm), gates))

    def advance(self, seconds: float) -> None:
        """Azure's time and the product's go on."""
        assert self.running is not None
        self.running.control("PUT", "clock", json={"advanceSeconds": seconds, "azure": True})
        self.clock.advance(seconds)

    def stand(self, spaces: Sequence[Known], **more: Any) -> None:
        """They are there in Azure, all alike."""
        assert self.running is not None
        wish: list[Mapping[str, Any]] = [
            {"id": one.workspace_id, "location": one.record.spec["location"], **more} for one in spaces
        ]
        self.running.control("POST", "fleet", json={"workspaces": wish})


@asynccontextmanager
async def real_costs(running: RunningSimulator, store: Store | None = None) -> AsyncIterator[RealCosts]:
    made = RealCosts(running=running, clock=FrozenClock(datetime.now(UTC)), store=store or MemoryStore())
    try:
        yield made
    finally:
        await made.clients.close()
        await made.arm.close()
