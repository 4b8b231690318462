"""The credential for topics. Imports azure-core and azure-identity; it is itself imported on first use."""

from __future__ import annotations

from azure.core.pipeline.transport import AioHttpTransport

from controlplane.azure.credentials import RenewableCredential, managed_identity

_SECONDS = 30


def credential(client_id: str) -> RenewableCredential:
    """Asks the identity endpoint with sockets of its own, as they are needed."""
    transport = AioHttpTransport(connection_timeout=_SECONDS, read_timeout=_SECONDS, use_env_settings=False)
    return RenewableCredential(client_id, lambda: managed_identity(client_id, transport))
