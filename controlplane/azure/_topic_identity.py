"""The credential for topics. Imports azure-core and azure-identity; it is itself imported on first use."""

from __future__ import annotations

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport

from controlplane.azure._pipeline import tls_context
from controlplane.azure.credentials import RenewableCredential, managed_identity

_SECONDS = 30


class TopicIdentity:
    """Asks the identity endpoint with sockets of its own. To be made on the loop that sends."""

    def __init__(self, client_id: str) -> None:
        # aiohttp's own TLS context was made when it was imported; see tls_context.
        connector = aiohttp.TCPConnector(ssl=tls_context())
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False
        )
        transport = AioHttpTransport(
            session=self._session, session_owner=False, connection_timeout=_SECONDS, read_timeout=_SECONDS
        )
        self._credential = RenewableCredential(client_id, lambda: managed_identity(client_id, transport))

    async def token(self, scope: str) -> str:
        """Raises as :class:`RenewableCredential`."""
        return (await self._credential.get_token_info(scope)).token

    async def close(self) -> None:
        """Closes the sockets."""
        await self._session.close()
