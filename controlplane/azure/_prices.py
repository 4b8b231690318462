"""The socket of the price list: https, no redirects, no proxy, no cookies, no token. Imports aiohttp on first use."""

from __future__ import annotations

import ssl

import aiohttp

from controlplane.azure._held import close_with_loop

#: Of one page. A plan waits for it.
SECONDS = 8
#: More is no page of prices.
MOST_BYTES = 4 * 1024 * 1024
LOST = (TimeoutError, aiohttp.ClientError, OSError)


def connect() -> aiohttp.ClientSession:
    """To be called on the loop that will ask."""
    return close_with_loop(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=SECONDS),
            headers={"User-Agent": "mlops-control-plane"},
            trust_env=False,
        )
    )


async def get(session: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    """Status and body. Raises those of ``LOST``; a body that is too large is a ``ClientError``."""
    async with session.get(url, allow_redirects=False) as answer:
        found = bytearray()
        async for chunk in answer.content.iter_chunked(65536):
            found += chunk
            if len(found) > MOST_BYTES:
                raise aiohttp.ClientPayloadError("The page is too large.")
        return answer.status, bytes(found)
