"""SDK clients of one storage account: one set of sockets, no retries behind our back, tokens to that account only.

Retries are off because the SDK's would sleep out of sight of the caller and send a batch again whose first answer was
lost; the store decides that by what it reads back. Redirects are off, because a token must not travel.

This module imports azure-data-tables and azure-storage-queue; it is itself imported on first use, off the event loop.
"""

from __future__ import annotations

import io
import logging
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.credentials import AccessToken, AccessTokenInfo, AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials import TokenRequestOptions as Options
from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableClient
from azure.identity.aio import ManagedIdentityCredential
from azure.storage.queue.aio import QueueClient

from controlplane.azure._held import close_with_loop
from controlplane.azure.credentials import RenewableCredential
from controlplane.azure.storage_connection import (
    TOKEN_SCOPE,
    Identity,
    SharedAccessSignature,
    SharedKey,
    StorageConnection,
)
from controlplane.errors import Fatal

USER_AGENT = "mlops-control-plane"
CONNECT_SECONDS = 10
#: Tables and Queues give up after 30 s
#: (https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination).
READ_SECONDS = 35
#: Network trouble without an answer; ``IncompleteReadError`` is a body that broke off.
LOST = (ServiceRequestError, ServiceResponseError, IncompleteReadError)

_ONE_PIECE_BYTES = 64 * 1024

_log = logging.getLogger("controlplane.azure.storage")
# The SDK's record of each request is too much for production's default level.
_log.setLevel(logging.WARNING)


class StorageTransport(AioHttpTransport):  # type: ignore[misc]
    """aiohttp, which sends to the account's services and the identity endpoint and nowhere else. A GET whose
    connection was lost is sent a second time, at once; nothing else is."""

    def __init__(self, session: aiohttp.ClientSession, urls: frozenset[str]) -> None:
        super().__init__(
            session=session, session_owner=False, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
        )
        self._origins = frozenset(_origin(url) for url in urls)

    async def send(self, request: Any, **options: Any) -> Any:
        """Raises ``Fatal("UnexpectedHost")`` before anything leaves."""
        if _origin(request.url) not in self._origins:
            raise Fatal("UnexpectedHost", f"The storage client was sent to {urlsplit(request.url).netloc}.")
        try:
            return await super().send(request, **options)
        except LOST:
            if request.method != "GET":
                raise
            return await super().send(request, **options)

    def _get_request_data(self, request: Any) -> Any:
        """aiohttp warns of bytes above 1 MiB, which it writes in one piece; a stream it writes in parts."""
        data = super()._get_request_data(request)
        return io.BytesIO(data) if isinstance(data, bytes) and len(data) > _ONE_PIECE_BYTES else data


class StorageCredential(RenewableCredential):
    """Tokens for storage, whatever a challenge asks for: an answer must not choose what we give it."""

    async def get_token_info(self, *scopes: str, options: Options | None = None) -> AccessTokenInfo:
        """See ``RenewableCredential``; raises ``Fatal("UnexpectedScope")`` besides."""
        if scopes != (TOKEN_SCOPE,):
            raise Fatal("UnexpectedScope", "The storage service asked for a token that is not for storage.")
        return await super().get_token_info(TOKEN_SCOPE)

    async def get_token(self, *scopes: str, claims: str | None = None, **_: object) -> AccessToken:
        """As ``get_token_info``."""
        info = await self.get_token_info(*scopes)
        return AccessToken(info.token, info.expires_on)


@dataclass(frozen=True, slots=True)
class StorageClients:
    """What the table and the queues of one account share."""

    connection: StorageConnection
    credential: Any
    session: aiohttp.ClientSession
    transport: StorageTransport

    def table(self, name: str) -> TableClient:
        """A client of one table; closing it closes nothing."""
        return TableClient(self.connection.table_url, name, credential=self.credential, **self.options())

    def queue(self, name: str) -> QueueClient:
        """A client of one queue; messages are sent as they are given."""
        return QueueClient(self.connection.queue_url, name, credential=self.credential, **self.options())

    def options(self) -> dict[str, Any]:
        """What every client of the account is made with; the SDK of blobs is not imported here."""
        return {
            "transport": self.transport,
            "retry_total": 0,
            "permit_redirects": False,
            "logger": _log,
            "base_user_agent": USER_AGENT,
        }

    async def close(self) -> None:
        """Closes the sockets."""
        await self.session.close()


def tls_context() -> ssl.SSLContext:
    """Honours ``SSL_CERT_FILE`` as it is now; aiohttp's own was made when aiohttp was imported."""
    return ssl.create_default_context()


def connect(connection: StorageConnection, context: ssl.SSLContext) -> StorageClients:
    """Opens nothing yet; must be called on the event loop that will send."""
    session = close_with_loop(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # Off: it would read ~/.netrc for each call.
            trust_env=False,
        )
    )
    urls = frozenset({connection.table_url, connection.queue_url, connection.blob_url})
    return StorageClients(connection, _credential(connection, session), session, StorageTransport(session, urls))


def _credential(connection: StorageConnection, session: aiohttp.ClientSession) -> Any:
    match connection.credential:
        case SharedKey(account, key):
            return AzureNamedKeyCredential(account, key)
        case SharedAccessSignature(token):
            return AzureSasCredential(token)
        case Identity(client_id):
            # A transport of its own: the account's goes to the account alone.
            transport = AioHttpTransport(session=session, session_owner=False)
            return StorageCredential(
                client_id or "assigned by the system",
                lambda: ManagedIdentityCredential(client_id=client_id, transport=transport, retry_total=0),
            )


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, parts.hostname or "", parts.port or default
