"""The pipeline that every call to ARM goes through, ours and the SDK clients' alike.

    request id → user agent → proxy → response hook → one re-send of a lost GET → host check → token → log → socket

Left out of azure-mgmt-core's standard pipeline on purpose: redirects (a token must not travel), retries (they sleep
out of sight of the tick, and re-send writes), and the automatic registration of resource providers (a write nobody
asked for, and it waits).

This module imports azure-core and aiohttp; it is itself imported on first use, off the event loop.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline import AsyncPipeline, PipelineRequest, PipelineResponse, policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.mgmt.core import AsyncARMPipelineClient
from azure.mgmt.core.policies import ARMHttpLoggingPolicy, AsyncARMChallengeAuthenticationPolicy

from controlplane.azure._held import close_with_loop
from controlplane.azure.credentials import RenewableCredential, managed_identity
from controlplane.azure.hosts import ensure_trusted

USER_AGENT = "mlops-control-plane"
CONNECT_SECONDS = 10
#: ARM's front door gives up on a provider after 60 s.
READ_SECONDS = 65
#: Network trouble without an answer; azure-core's ``IncompleteReadError`` is a body that broke off.
LOST = (ServiceRequestError, ServiceResponseError, IncompleteReadError)

_Request = PipelineRequest[HttpRequest]
_Response = PipelineResponse[HttpRequest, AsyncHttpResponse]


class TrustedHostPolicy(policies.SansIOHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Raises ``Fatal("UnexpectedHost")`` before a token is attached to a request for any host but ARM's."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self._endpoint = endpoint

    def on_request(self, request: _Request) -> None:
        ensure_trusted(request.http_request.url, self._endpoint)


class ResendReadPolicy(policies.AsyncHTTPPolicy[HttpRequest, AsyncHttpResponse]):
    """Sends a GET or HEAD a second time, at once, when its connection was lost. Writes are never sent twice: the
    first may have been carried out, and the tick looks before it repeats."""

    async def send(self, request: _Request) -> _Response:
        try:
            return await self.next.send(request)
        except LOST:
            if request.http_request.method not in ("GET", "HEAD"):
                raise
            return await self.next.send(request)


class BearerPolicy(AsyncARMChallengeAuthenticationPolicy):
    """ARM's bearer policy, which also answers ``invalid_token`` with one fresh token. A request that was refused so
    was not carried out, so it may be sent again whatever its method."""

    def __init__(self, credential: RenewableCredential, scope: str) -> None:
        super().__init__(credential, scope)
        self._renewable = credential

    async def on_challenge(self, request: Any, response: Any) -> bool:
        if await super().on_challenge(request, response):
            return True
        if "invalid_token" not in response.http_response.headers.get("WWW-Authenticate", ""):
            return False
        self._renewable.forget(request.http_request.headers["Authorization"].removeprefix("Bearer "))
        await self.authorize_request(request, *self._scopes)
        return True


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp re-sends PUT and DELETE by itself when a connection is lost (``IDEMPOTENT_METHODS`` in its client.py).
    It does not do so for this error's base class."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientConnectionError(type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class Connection:
    """What the calls of one identity share: sockets, token, policies."""

    endpoint: str
    client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse]
    pipeline: AsyncPipeline[HttpRequest, AsyncHttpResponse]
    """For SDK clients: a policy knows its successor, so it is the pipeline that is shared and not its policies."""
    credential: RenewableCredential
    session: aiohttp.ClientSession

    async def close(self) -> None:
        """Closes the sockets; also those of SDK clients that were given this pipeline."""
        await self.session.close()


def tls_context() -> ssl.SSLContext:
    """The standard library's default context. It honours ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` as they are now;
    aiohttp's own was made when aiohttp was imported."""
    return ssl.create_default_context()


def proxies_for(endpoint: str) -> dict[str, str]:
    """``HTTPS_PROXY`` for ARM, unless ``NO_PROXY`` names it. The identity endpoint is local and never asked so."""
    host = urlsplit(endpoint).hostname or ""
    proxy = None if proxy_bypass(host) else getproxies().get("https")
    return {"https": proxy} if proxy else {}


def connect(endpoint: str, client_id: str, context: ssl.SSLContext) -> Connection:
    """Opens nothing yet; must be called on the event loop that will send. ``endpoint`` is ARM's, without a path."""
    session = close_with_loop(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # Off: it would read ~/.netrc for each call and refuse the call when that knows the host. Proxies are below.
            trust_env=False,
            middlewares=(_send_once,),
        )
    )
    transport = AioHttpTransport(
        session=session, session_owner=False, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
    )
    credential = RenewableCredential(client_id, lambda: managed_identity(client_id, transport))
    chain: list[Any] = [
        policies.RequestIdPolicy(),
        policies.UserAgentPolicy(base_user_agent=USER_AGENT),
        policies.ProxyPolicy(proxies=proxies_for(endpoint)),
        policies.CustomHookPolicy(),
        ResendReadPolicy(),
        TrustedHostPolicy(endpoint),
        BearerPolicy(credential, f"{endpoint}/.default"),
        # Two records a call are too many for production's default level.
        ARMHttpLoggingPolicy(http_logging_level=logging.DEBUG),
    ]
    pipeline: AsyncPipeline[HttpRequest, AsyncHttpResponse] = AsyncPipeline(transport, chain)
    client: AsyncARMPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncARMPipelineClient(
        endpoint, policies=[], pipeline=pipeline
    )
    return Connection(endpoint, client, pipeline, credential, session)
