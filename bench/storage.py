"""The store in Azure Tables, on Azurite: reads of one workspace among 10,000, and what a list of 1,000 costs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bench.creation import register
from bench.figures import Figure
from bench.reading import WORKSPACES, compared, fill_store
from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import StorageConnection, from_connection_string
from controlplane.azure.tables import AzureTableStore
from controlplane.settings import Settings
from tests.support.api import running_api
from tests.support.storage_proxy import storage_proxy
from tools.local import local_stack

_PAGE = 1_000


def measure() -> list[Figure]:
    """The functions on a storage account, then the same table behind a proxy that counts."""
    with tempfile.TemporaryDirectory() as folder, local_stack(Path(folder), time_scale=100, store="azure") as stack:
        register(stack)
        connection = from_connection_string(stack.storage)
        asyncio.run(_fill(connection))
        read = compared(stack, f"GET workspace on Azurite with {WORKSPACES:,} stored: p99 / p99 of an empty route")
        requests, most = asyncio.run(_list(connection, Path(folder)))
    note = f"pages of {_PAGE:,} of {WORKSPACES:,} workspaces; the first request also makes the table: not counted"
    return [read, Figure(f"list of {most:,} in one page: requests to the store", requests, "", 2, note)]


@asynccontextmanager
async def _opened(connection: StorageConnection) -> AsyncIterator[AzureTableStore]:
    account = StorageAccount(connection)
    try:
        yield AzureTableStore(account, str(Settings.model_fields["table"].default))
    finally:
        await account.close()


async def _fill(connection: StorageConnection) -> None:
    async with _opened(connection) as store:
        await fill_store(store, WORKSPACES)


async def _list(connection: StorageConnection, folder: Path) -> tuple[int, int]:
    """Requests to Tables for the second page of the API's list, and how many workspaces it has."""
    async with (
        storage_proxy(connection.table_url) as proxy,
        _opened(replace(connection, table_url=proxy.url)) as store,
        running_api(folder, store) as api,
    ):
        first = (await api.call("GET", "workspaces", maxpagesize=str(_PAGE))).raise_for_status().json()
        proxy.seen.clear()
        link = first["nextLink"].partition("/api/")[2]
        page = (await api.client.get(f"/api/{link}", headers={"Authorization": f"Bearer {api.admin}"})).json()
        return len(proxy.seen), len(page["value"])
