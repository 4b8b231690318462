"""The public keys of Entra ID: fetched off the event loop's critical path, refreshed in the background, never stale
for more than a day.

The discovery URL is made of the authority and tenant in the settings. Nothing in a token says where its keys are.
Source: "Access tokens in the Microsoft identity platform", section "Validate the signature": clients should look for
new keys every 24 hours and handle a sudden key rollover.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from controlplane.errors import Fatal, Transient
from controlplane.json_types import JsonObject

_log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0
STALE_SECONDS = 24 * 3600.0
#: An unknown key id asks for one refresh, and the next one not before this: whoever makes up ids cannot make us fetch.
UNKNOWN_KID_SECONDS = 60.0
#: After a failed fetch, requests are not held up by another attempt for this long.
RETRY_SECONDS = 5.0
_FETCH_SECONDS = 20.0
_MAX_BYTES = 1024 * 1024

Fetch = Callable[[str], Awaitable[JsonObject]]


@dataclass(slots=True)
class _Tenant:
    keys: dict[str, PyJWK] = field(default_factory=dict)
    fetched_at: float | None = None
    failed_at: float | None = None
    asked_for_unknown_at: float | None = None
    refresh: asyncio.Task[None] | None = None


class KeySource:
    """Keys by tenant and key id. ``seconds`` is a monotonic clock: an age must not jump when the wall clock does."""

    def __init__(self, authority_host: str, fetch: Fetch, seconds: Callable[[], float] = time.monotonic) -> None:
        self._authority = authority_host
        self._fetch = fetch
        self._seconds = seconds
        self._tenants: dict[str, _Tenant] = {}

    async def key(self, tenant_id: str, key_id: str) -> PyJWK | None:
        """None when the tenant has no such key. Raises ``Transient`` when no key set younger than a day can be had."""
        tenant = self._tenants.setdefault(tenant_id, _Tenant())
        age = self._since(tenant.fetched_at)
        if age > STALE_SECONDS:
            await self._refresh_now(tenant_id, tenant)
        elif age > FRESH_SECONDS and self._since(tenant.failed_at) > RETRY_SECONDS:
            self._start(tenant_id, tenant)
        if key_id not in tenant.keys and self._since(tenant.asked_for_unknown_at) > UNKNOWN_KID_SECONDS:
            tenant.asked_for_unknown_at = self._seconds()
            if age <= STALE_SECONDS:
                await self._refresh_now(tenant_id, tenant)
        return tenant.keys.get(key_id)

    def _since(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._seconds() - moment

    async def _refresh_now(self, tenant_id: str, tenant: _Tenant) -> None:
        if self._since(tenant.failed_at) <= RETRY_SECONDS:
            raise _unavailable()
        await asyncio.shield(self._start(tenant_id, tenant))

    def _start(self, tenant_id: str, tenant: _Tenant) -> asyncio.Task[None]:
        """One fetch at a time, whoever waits for it."""
        running = tenant.refresh
        if running is None or running.done() or running.get_loop() is not asyncio.get_running_loop():
            running = asyncio.create_task(self._load(tenant_id, tenant), name=f"keys {tenant_id}")
            running.add_done_callback(_log_failure)
            tenant.refresh = running
        return running

    async def _load(self, tenant_id: str, tenant: _Tenant) -> None:
        try:
            discovery = await self._fetch(f"{self._authority}/{tenant_id}/v2.0/.well-known/openid-configuration")
            uri = str(discovery.get("jwks_uri"))
            if urlsplit(uri)[:2] != urlsplit(self._authority)[:2]:
                raise Fatal("UnexpectedHost", "The authority's discovery document names keys on another host.")
            keys = _usable(await self._fetch(uri))
        except (Transient, Fatal):
            tenant.failed_at = self._seconds()
            raise
        tenant.keys, tenant.fetched_at, tenant.failed_at = keys, self._seconds(), None


def _usable(document: JsonObject) -> dict[str, PyJWK]:
    """RSA signing keys of 2048 bits or more, by id. Raises ``Transient`` when there are none."""
    found: dict[str, PyJWK] = {}
    listed: Any = document.get("keys")
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict) or item.get("kty") != "RSA" or item.get("use", "sig") != "sig":
            continue
        try:
            key = PyJWK.from_dict(item, "RS256")
        except PyJWTError:
            _log.warning("a key of the authority could not be read kid=%s", item.get("kid"))
            continue
        if isinstance(key.key_id, str) and key.key.key_size >= 2048:
            found[key.key_id] = key
    if not found:
        raise _unavailable()
    return found


def _unavailable() -> Transient:
    return Transient("TokenKeysUnavailable", "Entra ID's signing keys cannot be read now.", retry_after=RETRY_SECONDS)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("key refresh failed: %s", error)


async def fetch_json(url: str) -> JsonObject:
    """GET with the process's trusted certificates, no redirects. Raises ``Transient``."""
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
    # aiohttp's own context was made when it was imported, and knows the certificates that were trusted then.
    trusted = await asyncio.to_thread(ssl.create_default_context)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url, allow_redirects=False, ssl=trusted) as answer,
        ):
            if answer.status != 200:
                raise _unavailable()
            body = b""
            async for chunk in answer.content.iter_chunked(64 * 1024):
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise _unavailable()
        document = json.loads(body)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise _unavailable() from error
    if not isinstance(document, dict):
        raise _unavailable()
    return document
