"""What every function stands on: settings, the storage account, stores, the queue, clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controlplane.bootstrap.once import once
from controlplane.errors import Fatal
from controlplane.settings import Settings, StoreKind

if TYPE_CHECKING:
    from controlplane.azure.storage_account import StorageAccount
    from controlplane.objects.repository import Objects
    from controlplane.ports.anchor import Anchor
    from controlplane.ports.clock import Clock
    from controlplane.ports.store import Store, WorkQueue
    from controlplane.triggers.checkpoints import CheckpointDeps
    from controlplane.workspaces.upkeep import Upkeep


@once
def settings() -> Settings:
    """From the environment. Raises pydantic's ``ValidationError`` naming what is missing."""
    return Settings()


@once
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


@once
def store() -> Store:
    """Raises ``Fatal("UnsupportedHost")`` for SQLite under a host whose queue trigger cannot read its file."""
    chosen = settings()
    if chosen.store is StoreKind.SQLITE:
        from controlplane.store.sqlite_store import SqliteStore

        _require_sqlite_host(chosen)
        return SqliteStore(_required(chosen.sqlite_path, "CONTROLPLANE_SQLITE_PATH"))
    from controlplane.azure.tables import AzureTableStore

    return AzureTableStore(storage_account(), chosen.table)


@once
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


@once
def objects() -> Objects:
    """What has a state machine beside workspaces."""
    from controlplane.audit.model import Kind
    from controlplane.objects.repository import Objects

    return Objects(store(), Kind.RETRAINING)


@once
def governed() -> Objects:
    """Budgets, costs, expiries."""
    from controlplane.audit.model import Kind
    from controlplane.objects.repository import Objects

    return Objects(store(), Kind.GOVERNANCE)


@once
def upkeep() -> Upkeep:
    """Last errors of ticks, lost rows, forgotten answers."""
    from controlplane.workspaces.upkeep import Upkeep

    return Upkeep(store())


@once
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


@once
def checkpoint_deps() -> CheckpointDeps:
    """What the hourly checkpoint needs."""
    from controlplane.triggers.checkpoints import CheckpointDeps

    return CheckpointDeps(store(), anchor(), system_clock())


@once
def system_clock() -> Clock:
    from controlplane.clocks import SystemClock

    return SystemClock()


@once
def clock() -> Clock:
    """The product's time; leases do not use it."""
    from controlplane.clocks import UrlClock

    chosen = settings().clock
    return system_clock() if chosen == "system" else UrlClock(chosen)


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
