"""Leases: the right of one tick to change one object, taken by conditional write. Pure.

A lease is a row ``l!{key}`` beside the object; its ETag fences every commit of the tick that holds it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.errors import Conflict, Fatal, Transient
from controlplane.ports.clock import Clock
from controlplane.ports.store import Check, Entity, Insert, Remove, Replace, Store, Write

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one tick to change one object until ``until`` (system clock); its ETag fences every write."""

    name: str
    owner: str
    until: datetime
    etag: str


class Leases:
    """The leases of one partition. Raises what the store raises. Every ``now`` is the system clock's."""

    def __init__(self, store: Store, partition: str) -> None:
        self._store = store
        self._partition = partition

    async def is_held(self, key: str, now: datetime) -> bool:
        entity = await self._store.get(self._partition, f"l!{key}")
        return entity is not None and _until(entity) > now

    async def held(self, now: datetime) -> frozenset[str]:
        """Keys of every lease that runs. Leases are few: what no tick works on has none, so that reading them all costs
        less than asking for each of many."""
        keys: set[str] = set()
        continuation: str | None = None
        while True:
            page = await self._store.query(self._partition, prefix="l!", continuation=continuation)
            keys |= {one.row.removeprefix("l!") for one in page.entities if _until(one) > now}
            continuation = page.continuation
            if continuation is None:
                return frozenset(keys)

    async def take(self, key: str, owner: str, now: datetime, seconds: float) -> Lease | None:
        """None when somebody holds it."""
        entity = await self._store.get(self._partition, f"l!{key}")
        if entity is not None and _until(entity) > now:
            return None
        until = now + timedelta(seconds=seconds)
        value = {"owner": owner, "until": until.isoformat()}
        row = f"l!{key}"
        write: Write = Insert(row, value) if entity is None else Replace(row, value, entity.etag)
        try:
            etags = await self._store.commit(self._partition, [write])
        except Conflict:
            return None
        return Lease(key, owner, until, _known(etags[0]))

    async def renew(self, lease: Lease, now: datetime, seconds: float) -> Lease:
        """Raises ``Conflict`` when the lease was lost; the tick must stop."""
        until = now + timedelta(seconds=seconds)
        value = {"owner": lease.owner, "until": until.isoformat()}
        etags = await self._store.commit(self._partition, [Replace(f"l!{lease.name}", value, lease.etag)])
        return Lease(lease.name, lease.owner, until, _known(etags[0]))

    async def release(self, lease: Lease) -> None:
        """Gives the lease back; one that was lost meanwhile is somebody else's and stays."""
        try:
            await self._store.commit(self._partition, [Remove(f"l!{lease.name}", lease.etag)])
        except Conflict:
            return


def fence(lease: Lease) -> Write:
    """Makes a commit fail when the lease was lost."""
    return Check(f"l!{lease.name}", lease.etag)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a lease runs, by which clock: the system's, never the product's."""

    system: Clock
    seconds: float


class Hold:
    """A lease that is kept while work is done. ``lock`` must be held by every commit that is fenced by ``lease``:
    renewing changes its ETag."""

    def __init__(self, leases: Leases, lease: Lease, terms: Terms) -> None:
        self._leases = leases
        self._lease = lease
        self._terms = terms
        self.lock = asyncio.Lock()

    @property
    def lease(self) -> Lease:
        return self._lease

    async def keep(self) -> None:
        """Renews the lease for ever; returns by raising ``Conflict`` when it cannot be kept."""
        system, seconds = self._terms.system, self._terms.seconds
        while True:
            await system.sleep(seconds / 3)
            try:
                async with self.lock:
                    self._lease = await self._leases.renew(self._lease, system.now(), seconds)
            except Transient as error:
                if (self._lease.until - system.now()).total_seconds() < seconds / 3:
                    raise Conflict("LeaseLost", f"The lease could not be renewed: {error.message}") from error
                _log.warning("lease not renewed object=%s code=%s", self._lease.name, error.code)

    async def guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs ``work`` while the lease can be kept, and stops it at once when not."""
        doing = asyncio.ensure_future(work)
        keeping = asyncio.ensure_future(self.keep())
        try:
            await asyncio.wait({doing, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            doing.cancel()
            async with self.lock:
                # A renewal that is on its way may be done although nobody hears of it; the lease could not be given
                # back then. It is heard out.
                keeping.cancel()
            results = await asyncio.gather(doing, keeping, return_exceptions=True)
        # What the work raised matters more than why the lease ended; a task that was stopped here says nothing.
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    async def release(self) -> None:
        """Gives the lease back; one that was lost is left alone."""
        await self._leases.release(self._lease)


def _until(entity: Entity) -> datetime:
    return datetime.fromisoformat(str(entity.value["until"]))


def _known(etag: str | None) -> str:
    if etag is None:
        raise Fatal("InvalidRecord", "The store returned no ETag for a row it wrote.")
    return etag
