"""Azure Monitor's own SDK clients over our policies: their retries would sleep out of sight of the tick, and their
redirects could carry a token away.

This module imports azure-core and the SDKs; it is itself imported on first use, off the event loop.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from azure.core.pipeline import policies
from azure.core.pipeline.transport import AioHttpTransport
from azure.monitor.query.aio import LogsQueryClient
from azure.monitor.querymetrics.aio import MetricsClient

from controlplane.azure._held import close_with_loop
from controlplane.azure._pipeline import (
    CONNECT_SECONDS,
    READ_SECONDS,
    USER_AGENT,
    BearerPolicy,
    TrustedHostPolicy,
    proxies_for,
)
from controlplane.azure.credentials import RenewableCredential, managed_identity


@dataclass(frozen=True, slots=True)
class MonitorConnection:
    """What the clients of one identity share: sockets and tokens."""

    session: aiohttp.ClientSession
    transport: AioHttpTransport
    credential: RenewableCredential


def connect(client_id: str, context: ssl.SSLContext) -> MonitorConnection:
    """Opens nothing yet; must be called on the event loop that will send."""
    session = close_with_loop(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )
    )
    transport = AioHttpTransport(
        session=session, session_owner=False, connection_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS
    )
    return MonitorConnection(
        session, transport, RenewableCredential(client_id, lambda: managed_identity(client_id, transport))
    )


def _policies(connection: MonitorConnection, endpoint: str, audience: str) -> list[Any]:
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(base_user_agent=USER_AGENT),
        policies.ProxyPolicy(proxies=proxies_for(endpoint)),
        policies.ContentDecodePolicy(),
        policies.CustomHookPolicy(),
        TrustedHostPolicy(_origin(endpoint)),
        BearerPolicy(connection.credential, f"{audience}/.default"),
    ]


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"


def metrics_client(connection: MonitorConnection, endpoint: str, audience: str) -> MetricsClient:
    """For one region's endpoint."""
    return MetricsClient(
        endpoint,
        connection.credential,
        audience=audience,
        # Its answers are read by us: nobody decodes them a second time.
        policies=[
            one
            for one in _policies(connection, endpoint, audience)
            if not isinstance(one, policies.ContentDecodePolicy)
        ],
        transport=connection.transport,
    )


def logs_client(connection: MonitorConnection, endpoint: str, audience: str) -> LogsQueryClient:
    return LogsQueryClient(
        connection.credential,
        endpoint=endpoint,
        audience=audience,
        policies=_policies(connection, endpoint, audience),
        transport=connection.transport,
    )
