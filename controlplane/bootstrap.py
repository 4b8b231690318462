"""The one place that knows every adapter: settings in, dependencies out, once per process.

Functions call this on their first invocation and not at import, because a process runs one kind of function and should
not pay for the others. Nothing relies on ASGI's lifespan: the worker runs it late, and never for a queue or a timer.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket
import threading
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from controlplane.errors import Fatal
from controlplane.settings import Settings, StoreKind, callbacks_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from controlplane.azure.arm_client import ArmClient
    from controlplane.azure.gates import Gates
    from controlplane.azure.storage_account import StorageAccount
    from controlplane.http.services import HttpServices
    from controlplane.objects.repository import Objects
    from controlplane.objects.tick import Machines
    from controlplane.ports.anchor import Anchor
    from controlplane.ports.clock import Clock
    from controlplane.ports.directory import Directory
    from controlplane.ports.notify import Notifier
    from controlplane.ports.store import Store, WorkQueue
    from controlplane.retraining.deps import RetrainingDeps
    from controlplane.retraining.polls.ports import PollPorts
    from controlplane.retraining.signals.intake import IntakeDeps
    from controlplane.triggers.checkpoints import CheckpointDeps
    from controlplane.triggers.monitors import MonitorDeps
    from controlplane.triggers.sweeps import SweepDeps
    from controlplane.workspaces.healing import CareDeps
    from controlplane.workspaces.reconcile import TickDeps
    from controlplane.workspaces.upkeep import Upkeep

T = TypeVar("T")
_lock = threading.RLock()
#: The loop keeps weak references to tasks only.
_background: list[asyncio.Task[None]] = []


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """Calls ``make`` once per process, also under concurrent first invocations."""
    made: list[T] = []

    @wraps(make)
    def get() -> T:
        if not made:
            with _lock:
                if not made:
                    made.append(make())
        return made[0]

    return get


@_once
def settings() -> Settings:
    """From the environment. Raises pydantic's ``ValidationError`` naming what is missing."""
    return Settings()


@_once
def storage_account() -> StorageAccount:
    """The Functions host's own account. Raises ``Fatal`` when the settings name none, or one that cannot be used."""
    from controlplane.azure.storage_account import StorageAccount
    from controlplane.azure.storage_connection import IdentityNames, from_connection_string, from_identity

    chosen = settings()
    if chosen.web_jobs_storage is not None and (text := chosen.web_jobs_storage.get_secret_value().strip()):
        return StorageAccount(from_connection_string(text))
    names = IdentityNames(
        account_name=chosen.web_jobs_account_name,
        table_uri=chosen.web_jobs_table_uri,
        queue_uri=chosen.web_jobs_queue_uri,
        blob_uri=chosen.web_jobs_blob_uri,
        credential=chosen.web_jobs_credential,
        client_id=chosen.web_jobs_client_id,
    )
    return StorageAccount(from_identity(names, chosen.cloud, chosen.storage_hosts))


@_once
def store() -> Store:
    """Raises ``Fatal("UnsupportedHost")`` for SQLite under a host whose queue trigger cannot read its file."""
    chosen = settings()
    if chosen.store is StoreKind.SQLITE:
        from controlplane.store.sqlite_store import SqliteStore

        _require_sqlite_host(chosen)
        return SqliteStore(_required(chosen.sqlite_path, "CONTROLPLANE_SQLITE_PATH"))
    from controlplane.azure.tables import AzureTableStore

    return AzureTableStore(storage_account(), chosen.table)


@_once
def queue() -> WorkQueue:
    chosen = settings()
    if chosen.store is StoreKind.SQLITE:
        from controlplane.store.sqlite_queue import SqliteQueue

        return SqliteQueue(_require_sqlite_host(chosen), chosen.queue_name)
    if chosen.sqlite_queue is not None:
        # funchost sets it when its queue triggers listen on the file; what went to storage would never be delivered.
        raise Fatal("UnsupportedHost", "CONTROLPLANE_STORE=azure needs funchost to be started with --queues storage.")
    from controlplane.azure.storage_queue import AzureQueue

    return AzureQueue(storage_account(), chosen.queue_name)


@_once
def anchor() -> Anchor | None:
    """Where the audit's checkpoints go; None where no container is configured."""
    chosen = settings()
    if chosen.anchor_container is None:
        return None
    from controlplane.azure.checkpoints import BlobAnchor, anchor_connection
    from controlplane.azure.storage_account import StorageAccount
    from controlplane.azure.storage_connection import IdentityNames

    if "/" not in chosen.anchor_container:
        return BlobAnchor(storage_account(), chosen.anchor_container)
    names = IdentityNames(credential=chosen.web_jobs_credential, client_id=chosen.web_jobs_client_id)
    connection, container = anchor_connection(chosen.anchor_container, names, chosen.cloud, chosen.storage_hosts)
    return BlobAnchor(StorageAccount(connection), container)


@_once
def checkpoint_deps() -> CheckpointDeps:
    """What the hourly checkpoint needs."""
    from controlplane.triggers.checkpoints import CheckpointDeps

    return CheckpointDeps(store(), anchor(), system_clock())


@_once
def system_clock() -> Clock:
    from controlplane.clocks import SystemClock

    return SystemClock()


@_once
def clock() -> Clock:
    """The product's time; leases do not use it."""
    from controlplane.clocks import UrlClock

    chosen = settings().clock
    return system_clock() if chosen == "system" else UrlClock(chosen)


def _arm(client_id: str) -> ArmClient:
    from controlplane.azure.arm_client import ArmClient

    return ArmClient(settings().arm_endpoint, client_id)


@_once
def _observer() -> ArmClient:
    return _arm(settings().observer_client_id)


@_once
def _operator() -> ArmClient:
    return _arm(settings().operator_client_id)


def _gates(client_id: str) -> Gates:
    from controlplane.azure.gates import Gates

    return Gates(store(), client_id, system_clock())


@_once
def http_services() -> HttpServices:
    """What the API needs; nothing in it can write to Azure."""
    from controlplane.audit.service import AuditDeps
    from controlplane.azure.activity import AzureActivityLog
    from controlplane.azure.catalog import AzureCatalog
    from controlplane.azure.gates import GatedReader
    from controlplane.azure.reader import ArmReader
    from controlplane.http.services import HttpServices
    from controlplane.projects.repository import ProjectRepository
    from controlplane.workspaces.repository import WorkspaceRepository

    gates, projects = _gates(settings().observer_client_id), ProjectRepository(store())
    reader = GatedReader(ArmReader(_observer()), gates)
    return HttpServices(
        repository=WorkspaceRepository(store()),
        projects=projects,
        reader=reader,
        catalog=AzureCatalog(_observer(), gated=lambda inner: GatedReader(inner, gates)),
        clock=clock(),
        queue=queue(),
        settings=settings(),
        durations=store(),
        audit=AuditDeps(store(), projects, anchor()),
        directory=_directory(),
        objects=objects(),
        activity=AzureActivityLog(reader),
    )


def _directory() -> Directory | None:
    """Names, where the settings say whom to ask."""
    from controlplane.azure.arm_client import ArmClient
    from controlplane.azure.graph import GraphDirectory

    chosen = settings()
    if chosen.graph_endpoint is None:
        return None
    return GraphDirectory(ArmClient(chosen.graph_endpoint, chosen.observer_client_id))


@_once
def http_app() -> FastAPI:
    """The API."""
    from controlplane.http.app import create_app

    app = create_app(http_services)
    # What was imported stays for ever: the collector need not look through it again while requests wait.
    gc.collect()
    gc.freeze()
    return app


@_once
def sweep_deps() -> SweepDeps:
    """What the timers need."""
    from controlplane.triggers.sweeps import SweepDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    return SweepDeps(WorkspaceRepository(store()), queue(), clock(), system_clock(), upkeep(), objects())


@_once
def objects() -> Objects:
    """What has a state machine beside workspaces."""
    from controlplane.audit.model import Kind
    from controlplane.objects.repository import Objects

    return Objects(store(), Kind.RETRAINING)


@_once
def intake_deps() -> IntakeDeps:
    """What events and alerts need: stores and a clock, no Azure."""
    from controlplane.retraining.signals.intake import IntakeDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    return IntakeDeps(objects(), WorkspaceRepository(store()), queue(), clock())


@_once
def machines() -> Machines:
    """What ticks of those objects need; it can write to Azure."""
    from controlplane.objects.tick import Machines
    from controlplane.retraining.parts import parts

    return Machines(
        objects=objects(),
        parts=parts(retraining_deps()),
        queue=queue(),
        clock=clock(),
        system=system_clock(),
        owner=_owner(),
        lease_seconds=settings().lease_seconds,
    )


@_once
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

    gates = _gates(settings().operator_client_id)
    return RetrainingDeps(
        objects=objects(),
        workspaces=WorkspaceRepository(store()),
        projects=ProjectRepository(store()),
        reader=GatedReader(ArmReader(_operator()), gates),
        writer=GatedWriter(ArmWriter(_operator()), gates),
        ml=AzureMlWriter(JobClient(settings(), settings().operator_client_id)),
        clock=clock(),
        queue=queue(),
        cloud=settings().cloud,
        callbacks=callbacks_of(settings()),
        polls=_poll_ports(gates),
        notifier=_notifier(),
    )


def _poll_ports(gates: Gates) -> PollPorts:
    """What the sweep's ticks ask besides ARM, as the operator."""
    from controlplane.azure.gates import GatedLogs, GatedMetrics
    from controlplane.azure.monitor import AzureLogs, AzureMetrics, Hosts, MonitorClients
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
        inventory=ResourceGraph(_operator()),
        throttles=gates,
    )


@_once
def monitor_deps() -> MonitorDeps:
    """What the timer of the sweep needs: stores and a clock, no Azure."""
    from controlplane.triggers.monitors import MonitorDeps

    return MonitorDeps(objects(), queue(), clock())


def _notifier() -> Notifier | None:
    """None where the settings name no channel. Raises ``Fatal`` for one that cannot work."""
    from controlplane.azure.topics import TopicTokens
    from controlplane.delivery.notifier import ChannelNotifier, secrets_of

    chosen = settings()
    if not chosen.channels:
        return None
    tokens = TopicTokens(chosen.operator_client_id, chosen.cloud, chosen.event_grid_hosts)
    return ChannelNotifier(chosen.channels, secrets_of(chosen.channel_secrets), tokens.token)


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


@_once
def upkeep() -> Upkeep:
    """Last errors of ticks, lost rows, forgotten answers."""
    from controlplane.workspaces.upkeep import Upkeep

    return Upkeep(store())


@_once
def care_deps() -> CareDeps:
    """What ends the operations that no tick ends."""
    from controlplane.workspaces.healing import CareDeps
    from controlplane.workspaces.repository import WorkspaceRepository

    return CareDeps(WorkspaceRepository(store()), upkeep(), clock(), system_clock())


@_once
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
    writer, gates = ArmWriter(_operator()), _gates(settings().operator_client_id)
    # The network SDK takes seconds to import; the first tick reads and creates other things meanwhile.
    _background.append(asyncio.get_running_loop().create_task(writer.warm_up()))
    return TickDeps(
        repository=WorkspaceRepository(store()),
        reader=GatedReader(ArmReader(_operator()), gates),
        writer=GatedWriter(writer, gates),
        clock=clock(),
        queue=queue(),
        tenant_id=chosen.tenant_ids[0],
        cloud=chosen.cloud,
        administrators=chosen.administrators,
        owner=_owner(),
        lease_seconds=chosen.lease_seconds,
        tick_seconds=chosen.tick_seconds,
        max_parallel=chosen.max_parallel_calls,
        system_clock=system_clock(),
        durations=store(),
    )


def _require_sqlite_host(chosen: Settings) -> str:
    if chosen.sqlite_queue is None:
        raise Fatal(
            "UnsupportedHost",
            "CONTROLPLANE_STORE=sqlite works under funchost only: the Functions host cannot read a SQLite queue.",
        )
    return chosen.sqlite_queue


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise Fatal("SettingMissing", f"{name} is not set.")
    return value
