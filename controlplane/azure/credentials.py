"""Who we are towards Azure: a user-assigned managed identity, and nothing else.

On a laptop the same ``ManagedIdentityCredential`` asks the simulator's App Service endpoint
(``IDENTITY_ENDPOINT``, ``IDENTITY_HEADER``), which is how it is told where it runs in Azure as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.exceptions import AzureError, HttpResponseError
from azure.identity.aio import ManagedIdentityCredential

from controlplane.azure.errors import UNNAMED
from controlplane.errors import ControlPlaneError, Fatal, Transient

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport


def managed_identity(client_id: str, transport: AioHttpTransport) -> ManagedIdentityCredential:
    """The SDK's credential with its retries off: it would sleep for up to two minutes inside a tick."""
    return ManagedIdentityCredential(client_id=client_id, transport=transport, retry_total=0)


class RenewableCredential:
    """A credential that can forget what it holds.

    azure-identity keeps a token until it expires by its own account; when ARM calls it invalid before that (a revoked
    session, a rotated signing key), only a new credential object asks for a new one.
    """

    def __init__(self, client_id: str, make: Callable[[], ManagedIdentityCredential]) -> None:
        self._client_id = client_id
        self._make = make
        self._credential = make()
        self._given = ""

    def forget(self, token: str) -> None:
        """The next request for a token goes to the identity endpoint, unless ``token`` has been replaced already: of
        many calls that are refused together, the first renews for all."""
        if token == self._given:
            self._given = ""
            self._credential = self._make()

    async def get_token(self, *scopes: str, claims: str | None = None, **_: object) -> AccessToken:
        """For SDKs that know the older of azure-core's two protocols."""
        info = await self.get_token_info(*scopes, options={"claims": claims} if claims else None)
        return AccessToken(info.token, info.expires_on)

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """Raises ``Transient`` when the identity endpoint is away or busy, ``Fatal`` when it knows no such identity."""
        try:
            info: AccessTokenInfo = await self._credential.get_token_info(*scopes, options=options)
        except AzureError as error:
            raise self._explain(error) from error
        self._given = info.token
        return info

    async def close(self) -> None:
        """Nothing: the transport is shared, and closed by its owner."""

    async def __aenter__(self) -> RenewableCredential:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _explain(self, error: AzureError) -> ControlPlaneError:
        # The SDK's text repeats the endpoint's answer; only its status is passed on.
        status = error.response.status_code if isinstance(error, HttpResponseError) and error.response else None
        subject = f"No token for the managed identity {self._client_id}"
        if status is not None and status != 429 and status < 500:
            return Fatal("ManagedIdentityRefused", f"{subject}: the identity endpoint answered {status}.")
        if status is None and isinstance(error, HttpResponseError):
            return Fatal("ManagedIdentityUnavailable", f"{subject}: this process has no identity endpoint.")
        reason = f"status {status}" if status else type(error).__name__
        return Transient("ManagedIdentityUnavailable", f"{subject} at the moment ({reason}).", retry_after=UNNAMED)
