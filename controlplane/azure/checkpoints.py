"""The anchor as append blobs of one container (https://learn.microsoft.com/rest/api/storageservices/append-block).

With an immutability policy on the container that allows protected append writes, nobody can change or remove what was
appended, also not whoever can write the store (docs/audit.md). Importing this module imports no SDK.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import Any
from urllib.parse import urlsplit

from controlplane.azure.storage_account import StorageAccount
from controlplane.azure.storage_connection import IdentityNames, StorageConnection, from_identity
from controlplane.azure.storage_errors import code_of, explain
from controlplane.errors import Fatal

_PREFIX = "audit-"


def anchor_connection(
    url: str, names: IdentityNames, cloud: str, hosts: tuple[str, ...]
) -> tuple[StorageConnection, str]:
    """The connection by identity, and the container, that ``https://account.blob…/container`` names.

    Raises ``Fatal``: ``SettingInvalid``, ``UnexpectedHost``.
    """
    parts = urlsplit(url)
    container = parts.path.strip("/")
    if parts.scheme != "https" or not container or "/" in container or parts.query:
        raise Fatal("SettingInvalid", "CONTROLPLANE_ANCHOR_CONTAINER is a container's name or its https URL.")
    account = (parts.hostname or "").partition(".")[0]
    blob_uri = f"https://{parts.netloc}"
    asked = IdentityNames(account, blob_uri=blob_uri, credential=names.credential, client_id=names.client_id)
    return from_identity(asked, cloud, hosts), container


class BlobAnchor:
    """``controlplane.ports.anchor.Anchor``. Nothing is retried here: taking a checkpoint reads again, then decides."""

    def __init__(self, account: StorageAccount, container: str) -> None:
        self._account = account
        self._name = container

    async def _container(self) -> Any:
        module = await asyncio.to_thread(importlib.import_module, "azure.storage.blob.aio")
        clients = await self._account.clients()
        return module.ContainerClient(
            clients.connection.blob_url, self._name, credential=clients.credential, **clients.options()
        )

    async def names(self) -> tuple[str, ...]:
        """See ``Anchor``; nothing when there is no container yet."""
        container = await self._container()
        try:
            return tuple(sorted([name async for name in container.list_blob_names(name_starts_with=_PREFIX)]))
        except _sdk_errors() as error:
            if code_of(error) == "ContainerNotFound":
                return ()
            raise explain(error) from error

    async def read(self, name: str) -> bytes:
        """See ``Anchor``."""
        container = await self._container()
        try:
            return bytes(await (await container.download_blob(name)).readall())
        except _sdk_errors() as error:
            if code_of(error) in ("BlobNotFound", "ContainerNotFound"):
                return b""
            raise explain(error) from error

    async def append(self, name: str, data: bytes, at: int) -> None:
        """See ``Anchor``. The service compares the length itself, under the blob's own lock."""
        container = await self._container()
        try:
            if at == 0:
                await self._begin(container, name)
            await container.get_blob_client(name).append_block(data, length=len(data), appendpos_condition=at)
        except _sdk_errors() as error:
            raise explain(error) from error

    async def _begin(self, container: Any, name: str) -> None:
        """An empty blob, unless there is one: whoever appends first wins, not whoever creates."""
        matching = importlib.import_module("azure.core").MatchConditions
        for _ in range(2):
            try:
                await container.get_blob_client(name).create_append_blob(match_condition=matching.IfMissing)
            except _sdk_errors() as error:
                if code_of(error) == "BlobAlreadyExists":
                    return
                if code_of(error) != "ContainerNotFound":
                    raise
                await self._create(container)
            else:
                return

    async def _create(self, container: Any) -> None:
        try:
            await container.create_container()
        except _sdk_errors() as error:
            if code_of(error) != "ContainerAlreadyExists":
                raise


def _sdk_errors() -> Any:
    return importlib.import_module("azure.core.exceptions").AzureError
