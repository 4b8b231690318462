"""Nothing is sent to a subscription before the Retry-After of its last 429 has passed, by no process of a principal.

ARM counts requests per subscription and principal, reads and writes apart, and refuses more while somebody goes on
asking (https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling). So every
429 closes a gate, in this process at once and in the store for the others, and whoever would send waits instead.

A process knows of another's 429 when it has read the row: at most ``FRESH_WRITES`` seconds late for writes and
``FRESH_READS`` for reads. What is on its way when a gate closes cannot be called back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit

from controlplane.arm import subscription_of
from controlplane.errors import Conflict, Throttled, Transient
from controlplane.json_types import JsonObject
from controlplane.ports.clock import Clock
from controlplane.ports.costs import CostQuestion, CostReader, Costs, Forecasted
from controlplane.ports.logs import LogsReader, Rows
from controlplane.ports.metrics import Answers, MetricsQuestion, MetricsReader
from controlplane.ports.reader import NewestReader, OperationReading
from controlplane.ports.store import Insert, Replace, Store
from controlplane.ports.writer import Accepted, ResourceWriter

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

PARTITION = "gates"
#: Seconds that what was read of a gate counts as known.
FRESH_WRITES = 0.05
FRESH_READS = 1.0
#: Seconds to wait after a 429 that names none; ARM's buckets refill by ten writes a second.
UNNAMED_SECONDS = 5.0
_TRIES = 3


class Kind(StrEnum):
    """ARM's classes of requests, as far as they are told apart here."""

    READ = "read"
    WRITE = "write"
    METRICS = "metrics"
    """Azure Monitor's own limit of metrics:getBatch, by subscription."""
    LOGS = "logs"
    """Log Analytics' own limit of queries, by caller."""
    COSTS = "costs"
    """Cost Management's own limit of query processing units, by tenant: one gate for all subscriptions."""


@dataclass(slots=True)
class _Known:
    """What this process knows of one gate."""

    until: datetime
    read_at: datetime
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Gates:
    """The gates of one principal; one object per process, shared by all that calls Azure as it.

    ``clock`` is the system's: Retry-After is real seconds. Raises what the store raises (``Transient``): who does not
    know whether a gate is open does not go through.
    """

    def __init__(self, store: Store, principal: str, clock: Clock) -> None:
        self._store, self._principal, self._clock = store, principal.lower(), clock
        self._known: dict[tuple[str, Kind], _Known] = {}

    async def check(self, subscription: str, kind: Kind) -> None:
        """Raises ``Throttled`` with what is left of the wait while the gate is closed; nothing was sent then."""
        known = self._of(subscription, kind)
        now = self._clock.now()
        fresh = timedelta(seconds=FRESH_WRITES if kind is Kind.WRITE else FRESH_READS)
        if known.until <= now and known.read_at + fresh <= now:
            async with known.reading:
                if known.read_at + fresh <= self._clock.now():
                    await self._refresh(known, subscription, kind)
        left = (known.until - self._clock.now()).total_seconds()
        if left > 0:
            message = f"Azure asked to send no {kind} to subscription {subscription} for another {left:.1f} s."
            raise Throttled("SubscriptionRequestsThrottled", message, retry_after=left)

    async def close(self, subscription: str, kind: Kind, seconds: float) -> None:
        """After a 429: for this process at once, for the others when it is stored. Losing the second is logged: they
        meet a 429 of their own."""
        known = self._of(subscription, kind)
        until = self._clock.now() + timedelta(seconds=seconds or UNNAMED_SECONDS)
        if until <= known.until:
            return
        known.until = until
        try:
            await self._store_until(subscription, kind, until)
        except (Transient, Conflict) as error:
            _log.warning("gate not stored subscription=%s kind=%s code=%s", subscription, kind, error.code)

    async def waits(self, subscription: str) -> float | None:
        """Seconds since Resource Manager's last wait ended, 0 while one runs; None when there was none. What any
        process was told, of reads and of writes."""
        ends = [await self._ended(subscription, kind) for kind in (Kind.READ, Kind.WRITE)]
        known = [one for one in ends if one is not None]
        return max(0.0, (self._clock.now() - max(known)).total_seconds()) if known else None

    async def _ended(self, subscription: str, kind: Kind) -> datetime | None:
        found = await self._store.get(PARTITION, self._row(subscription, kind))
        return None if found is None else _until(found.value)

    def _of(self, subscription: str, kind: Kind) -> _Known:
        return self._known.setdefault((subscription, kind), _Known(_LONG_AGO, _LONG_AGO))

    def _row(self, subscription: str, kind: Kind) -> str:
        return f"{self._principal}!{subscription}!{kind}"

    async def _refresh(self, known: _Known, subscription: str, kind: Kind) -> None:
        asked_at = self._clock.now()
        found = await self._store.get(PARTITION, self._row(subscription, kind))
        if found is not None:
            known.until = max(known.until, _until(found.value))
        known.read_at = asked_at

    async def _store_until(self, subscription: str, kind: Kind, until: datetime) -> None:
        """Keeps the later time when several processes are told different ones."""
        row, value = self._row(subscription, kind), {"until": until.isoformat()}
        for attempt in range(1, _TRIES + 1):
            found = await self._store.get(PARTITION, row)
            if found is not None and _until(found.value) >= until:
                return
            write = Insert(row, value) if found is None else Replace(row, value, found.etag)
            try:
                await self._store.commit(PARTITION, (write,))
                return
            except Conflict:
                if attempt == _TRIES:
                    raise


def _until(value: JsonObject) -> datetime:
    return datetime.fromisoformat(str(value["until"]))


async def _through(gates: Gates, subscription: str, kind: Kind, send: Callable[[], Awaitable[_T]]) -> _T:
    """Sends while the gate is open, and closes it on a 429. Calls to no subscription have no gate."""
    if not subscription:
        return await send()
    await gates.check(subscription, kind)
    try:
        return await send()
    except Throttled as error:
        await gates.close(subscription, kind, error.retry_after)
        raise


def _subscription(path: str) -> str:
    return (subscription_of(path) or "").lower()


class GatedReader:
    """``ports.reader.NewestReader`` behind the gates."""

    def __init__(self, reader: NewestReader, gates: Gates) -> None:
        self._reader, self._gates = reader, gates

    async def get(self, path: str, api_version: str) -> JsonObject | None:
        return await self._read(path, lambda: self._reader.get(path, api_version))

    async def list(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        return await self._read(path, lambda: self._reader.list(path, api_version, query))

    async def first(self, path: str, api_version: str, query: Sequence[tuple[str, str]] = ()) -> tuple[JsonObject, ...]:
        return await self._read(path, lambda: self._reader.first(path, api_version, query))

    async def operation(self, url: str) -> OperationReading:
        return await self._read(urlsplit(url).path, lambda: self._reader.operation(url))

    async def _read(self, path: str, send: Callable[[], Awaitable[_T]]) -> _T:
        return await _through(self._gates, _subscription(path), Kind.READ, send)


class GatedWriter:
    """``ports.writer.ResourceWriter`` behind the gates."""

    def __init__(self, writer: ResourceWriter, gates: Gates) -> None:
        self._writer, self._gates = writer, gates

    async def put(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        send = lambda: self._writer.put(arm_id, api_version, body)  # noqa: E731
        return await _through(self._gates, _subscription(arm_id), Kind.WRITE, send)

    async def patch(self, arm_id: str, api_version: str, body: JsonObject) -> Accepted:
        send = lambda: self._writer.patch(arm_id, api_version, body)  # noqa: E731
        return await _through(self._gates, _subscription(arm_id), Kind.WRITE, send)

    async def act(self, arm_id: str, action: str, api_version: str, body: JsonObject | None = None) -> Accepted:
        send = lambda: self._writer.act(arm_id, action, api_version, body)  # noqa: E731
        return await _through(self._gates, _subscription(arm_id), Kind.WRITE, send)

    async def delete(self, arm_id: str, api_version: str) -> Accepted | None:
        send = lambda: self._writer.delete(arm_id, api_version)  # noqa: E731
        return await _through(self._gates, _subscription(arm_id), Kind.WRITE, send)


class GatedMetrics:
    """``ports.metrics.MetricsReader`` behind the gates."""

    def __init__(self, reader: MetricsReader, gates: Gates) -> None:
        self._reader, self._gates = reader, gates

    async def batch(self, region: str, ids: Sequence[str], question: MetricsQuestion) -> Answers:
        send = lambda: self._reader.batch(region, ids, question)  # noqa: E731
        return await _through(self._gates, _subscription(ids[0]), Kind.METRICS, send)


class GatedLogs:
    """``ports.logs.LogsReader`` behind one gate: its limit is the caller's, whatever is asked."""

    def __init__(self, reader: LogsReader, gates: Gates) -> None:
        self._reader, self._gates = reader, gates

    async def query(self, workspace_id: str, kql: str, begin: datetime, end: datetime) -> Rows:
        send = lambda: self._reader.query(workspace_id, kql, begin, end)  # noqa: E731
        return await _through(self._gates, "all", Kind.LOGS, send)


class GatedCosts:
    """``ports.costs.CostReader`` behind one gate: its limit is the tenant's, whichever subscription is asked."""

    def __init__(self, reader: CostReader, gates: Gates) -> None:
        self._reader, self._gates = reader, gates

    async def query(self, subscription: str, question: CostQuestion) -> Costs:
        send = lambda: self._reader.query(subscription, question)  # noqa: E731
        return await _through(self._gates, "tenant", Kind.COSTS, send)

    async def forecast(self, scope: str, begin: date, end: date) -> Forecasted | None:
        send = lambda: self._reader.forecast(scope, begin, end)  # noqa: E731
        return await _through(self._gates, "tenant", Kind.COSTS, send)
