"""Who speaks for the product outside, and where: ARM as the observer or as the operator, Monitor, Graph, channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.bootstrap.foundations import settings, store, system_clock
from controlplane.bootstrap.once import once

if TYPE_CHECKING:
    from controlplane.azure.arm_client import ArmClient
    from controlplane.azure.gates import Gates
    from controlplane.ports.directory import Directory
    from controlplane.ports.notify import Notifier
    from controlplane.ports.prices import RetailPrices
    from controlplane.retraining.polls.ports import PollPorts


def _arm(client_id: str) -> ArmClient:
    from controlplane.azure.arm_client import ArmClient

    return ArmClient(settings().arm_endpoint, client_id)


@once
def observer() -> ArmClient:
    return _arm(settings().observer_client_id)


@once
def operator() -> ArmClient:
    return _arm(settings().operator_client_id)


def gates_of(client_id: str) -> Gates:
    from controlplane.azure.gates import Gates

    return Gates(store(), client_id, system_clock())


def directory() -> Directory | None:
    """Names, where the settings say whom to ask."""
    from controlplane.azure.arm_client import ArmClient
    from controlplane.azure.graph import GraphDirectory

    chosen = settings()
    if chosen.graph_endpoint is None:
        return None
    return GraphDirectory(ArmClient(chosen.graph_endpoint, chosen.observer_client_id))


@once
def prices() -> RetailPrices | None:
    """List prices, which nobody needs a token for; None where the settings say so."""
    from controlplane.azure.prices import AzureRetailPrices

    chosen = settings()
    return None if chosen.prices_endpoint == "none" else AzureRetailPrices(chosen.prices_endpoint, system_clock())


def poll_ports(gates: Gates) -> PollPorts:
    """What the sweep's ticks ask besides ARM, as the operator."""
    from controlplane.azure.gates import GatedLogs, GatedMetrics
    from controlplane.azure.metrics import AzureMetrics
    from controlplane.azure.monitor import AzureLogs, Hosts, MonitorClients
    from controlplane.azure.resource_graph import ResourceGraph
    from controlplane.clouds import HOSTS
    from controlplane.retraining.polls.ports import PollPorts

    chosen = settings()
    cloud = HOSTS[chosen.cloud]
    hosts = Hosts(chosen.metrics_endpoint, cloud.metrics, chosen.logs_endpoint, cloud.logs)
    clients = MonitorClients(hosts, chosen.operator_client_id)
    return PollPorts(
        metrics=GatedMetrics(AzureMetrics(clients), gates),
        logs=GatedLogs(AzureLogs(clients), gates),
        inventory=ResourceGraph(operator()),
        throttles=gates,
    )


def notifier() -> Notifier | None:
    """None where the settings name no channel. Raises ``Fatal`` for one that cannot work."""
    from controlplane.azure.topics import TopicTokens
    from controlplane.delivery.notifier import ChannelNotifier, secrets_of

    chosen = settings()
    if not chosen.channels:
        return None
    tokens = TopicTokens(chosen.operator_client_id, chosen.cloud, chosen.event_grid_hosts)
    return ChannelNotifier(chosen.channels, secrets_of(chosen.channel_secrets), tokens.token)
