"""Azure Monitor's own clients for metrics and logs, and logs by KQL. Implements ``ports.logs``.

Each region's metrics have a host of their own, made from a pattern of the settings; a region's name that is more than
letters and digits is refused, so that no answer of Azure's can send a token elsewhere.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.arm_client import answer_of
from controlplane.azure.errors import clean, error_of, lost_connection
from controlplane.errors import Fatal
from controlplane.ports.logs import Rows

T = TypeVar("T")
_REGION = re.compile(r"[a-z0-9]{2,40}")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where Azure Monitor is. ``metrics`` has ``{region}`` in it."""

    metrics: str
    metrics_audience: str
    logs: str
    logs_audience: str


@dataclass
class MonitorClients:
    """The SDKs' clients of one identity: one for each region, one for logs."""

    hosts: Hosts
    client_id: str
    _connection: Any = None
    _made: dict[str, Any] = field(default_factory=dict)
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def metrics(self, region: str) -> Any:
        if not _REGION.fullmatch(region):
            raise Fatal("UnexpectedRegion", f"{region[:60]!r} is no name of a region.")
        endpoint = self.hosts.metrics.replace("{region}", region)
        return await self._client("metrics_client", endpoint, self.hosts.metrics_audience)

    async def logs(self) -> Any:
        return await self._client("logs_client", self.hosts.logs, self.hosts.logs_audience)

    async def _client(self, kind: str, endpoint: str, audience: str) -> Any:
        module = await asyncio.to_thread(importlib.import_module, "controlplane.azure._monitor")
        async with self._opening:
            if self._connection is None:
                pipeline = await asyncio.to_thread(importlib.import_module, "controlplane.azure._pipeline")
                context = await asyncio.to_thread(pipeline.tls_context)
                self._connection = module.connect(self.client_id, context)
            if endpoint not in self._made:
                self._made[endpoint] = getattr(module, kind)(self._connection, endpoint, audience)
        return self._made[endpoint]

    async def close(self) -> None:
        """Closes the sockets."""
        connection, self._connection = self._connection, None
        self._made.clear()
        if connection is not None:
            await connection.session.close()


async def _told(call: Callable[..., Awaitable[T]], **asked: Any) -> T:
    """What the SDK makes of an answer; of a refusal the answer itself, read by our own rules."""
    exceptions = importlib.import_module("azure.core.exceptions")
    pipeline = importlib.import_module("controlplane.azure._pipeline")
    caught: list[Any] = []
    try:
        return await call(raw_response_hook=caught.append, **asked)
    except pipeline.LOST as error:
        raise lost_connection(error) from error
    except exceptions.HttpResponseError as error:
        if not caught:
            raise Fatal("UnexpectedAnswer", clean(str(error))) from error
        answer: ArmAnswer = await answer_of(caught[-1].http_response)
        raise (error_of(answer) if not answer.ok else Fatal("UnexpectedAnswer", clean(str(error)))) from error


class AzureLogs:
    """See the protocol. Source: azure-monitor-query 2.0, ``LogsQueryClient.query_resource``; a Log Analytics
    workspace is asked by its ARM id, so that nobody has to look up its customer id first."""

    def __init__(self, clients: MonitorClients) -> None:
        self._clients = clients

    async def query(self, workspace_id: str, kql: str, begin: datetime, end: datetime) -> Rows:
        client = await self._clients.logs()
        found: Any = await _told(client.query_resource, resource_id=workspace_id, query=kql, timespan=(begin, end))
        partial = getattr(found, "partial_data", None)
        tables = found.tables if partial is None else partial
        rows = tuple(dict(zip(table.columns, row, strict=True)) for table in tables for row in table.rows)
        return Rows(rows, complete=partial is None)
