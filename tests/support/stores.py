"""Every backend of the store and the queue, opened for one test.

    @pytest.fixture(params=BACKENDS)
    async def store(request, tmp_path):
        async with open_store(request.param, tmp_path, request) as opened:
            yield opened

Azure's run on the session's Azurite, each in a table and a queue of its own; it is started when the first one asks.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import from_connection_string
from controlplane.azure.tables import AzureTableStore
from controlplane.ports.store import Store
from controlplane.store import SqliteStore

BACKENDS = ("azure", "sqlite")
_numbers = itertools.count(1)


def new_name(stem: str) -> str:
    """A name for a table or a queue that no other test has."""
    return f"{stem}{os.getpid()}x{next(_numbers)}"


@asynccontextmanager
async def open_store(backend: str, folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """An empty store, closed at the end."""
    if backend == "sqlite":
        sqlite = SqliteStore(folder / "store.db")
        try:
            yield sqlite
        finally:
            sqlite.close()
        return
    connection = from_connection_string(request.getfixturevalue("azurite").connection_string)
    account = StorageAccount(connection)
    try:
        yield AzureTableStore(account, new_name("store"))
    finally:
        await account.close()
