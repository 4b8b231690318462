"""Tokens for Event Grid's custom topics, for hosts that are Event Grid's and no other.

Audience: azure-eventgrid's ``DEFAULT_EVENTGRID_SCOPE``; role *EventGrid Data Sender* on the topic. Hosts of topics:
``{topic}.{region}-1.eventgrid.azure.net`` and the other clouds' suffixes (azure-eventgrid, samples and tests).
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from controlplane.azure.hosts import origin
from controlplane.errors import Fatal

if TYPE_CHECKING:
    from controlplane.azure._topic_identity import TopicIdentity

SCOPE = "https://eventgrid.azure.net/.default"
SUFFIXES = {
    "AzureCloud": "eventgrid.azure.net",
    "AzureUSGovernment": "eventgrid.azure.us",
    "AzureChinaCloud": "eventgrid.azure.cn",
}


class TopicTokens:
    """``hosts``: of topics besides the cloud's, as ``host[:port]``."""

    def __init__(self, client_id: str, cloud: str, hosts: tuple[str, ...] = ()) -> None:
        self._client_id = client_id
        self._suffix = SUFFIXES[cloud]
        self._hosts = frozenset(host.lower() for host in hosts)
        self._credential: TopicIdentity | None = None
        self._opening = asyncio.Lock()

    async def token(self, url: str) -> str:
        """Raises ``Fatal("UnexpectedHost")``, and what the identity raises."""
        found = origin(url)
        if found is None or not self._is_topic(found[1], found[2]):
            raise Fatal("UnexpectedHost", "Tokens for topics go to Event Grid's hosts only.")
        async with self._opening:
            if self._credential is None:
                module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._topic_identity")
                self._credential = module.TopicIdentity(self._client_id)
        return await self._credential.token(SCOPE)

    async def close(self) -> None:
        """Closes the sockets."""
        credential, self._credential = self._credential, None
        if credential is not None:
            await credential.close()

    def _is_topic(self, host: str, port: int) -> bool:
        return host.endswith(f".{self._suffix}") or f"{host}:{port}" in self._hosts or host in self._hosts
