"""POSTs to the hosts that the settings name: https, no redirects, no proxy, no cookies, nothing kept of the answer.

Imports aiohttp; it is itself imported on first use.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from controlplane.azure.hosts import origin
from controlplane.azure.retry_after import retry_after
from controlplane.errors import Fatal, Rejected, Transient

SECONDS = 30
#: Answers that ask for a repetition; every other refusal is the receiver's last word for this try.
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One POST. ``url`` may be a secret: it is in no message and no log."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class HttpSender:
    """One per process; its sockets belong to the loop that sends."""

    def __init__(self, urls: frozenset[str], context: ssl.SSLContext | None = None) -> None:
        self._origins = frozenset(filter(None, map(origin, urls)))
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def post(self, outgoing: Outgoing) -> None:
        """Returns for 2xx. Raises ``Transient``, ``Rejected`` with the status, ``Fatal("UnexpectedHost")``."""
        if origin(outgoing.url) not in self._origins:
            raise Fatal("UnexpectedHost", "It is no https URL of a host that the settings name.")
        try:
            async with self._opened().post(
                outgoing.url,
                data=outgoing.body,
                headers={"Content-Type": "application/json", **outgoing.headers},
                allow_redirects=False,
            ) as answer:
                status, headers = answer.status, {name.lower(): text for name, text in answer.headers.items()}
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            # Its text may hold the URL.
            raise Transient("ReceiverUnreachable", f"No answer ({type(error).__name__}).", retry_after=0.0) from None
        if 200 <= status < 300:
            return
        if status >= 500 or status in _LATER:
            pause = retry_after(headers, datetime.now(UTC)) or 0.0
            raise Transient("ReceiverBusy", f"It answered {status}.", retry_after=pause)
        raise Rejected("ReceiverRefused", f"It answered {status}.", status=status)

    async def close(self) -> None:
        """Closes the sockets."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._context or ssl.create_default_context()),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                headers={"User-Agent": "mlops-control-plane"},
                trust_env=False,
            )
        return self._session
