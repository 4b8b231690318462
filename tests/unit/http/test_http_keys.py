"""Entra ID's keys: fetched when needed, refreshed beside the work, never older than a day."""

from __future__ import annotations

import asyncio

import pytest

from controlplane.errors import Fatal, Transient
from controlplane.http.keys import FRESH_SECONDS, RETRY_SECONDS, STALE_SECONDS, UNKNOWN_KID_SECONDS, KeySource
from controlplane.json_types import JsonObject
from tests.support.tokens import AUTHORITY, TENANT, Issuer


class Seconds:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _source(issuer: Issuer) -> tuple[KeySource, Seconds]:
    seconds = Seconds()
    return KeySource(AUTHORITY, issuer.fetch, seconds), seconds


async def _settle() -> None:
    """Lets background work end."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_two_documents_for_any_number_of_first_requests() -> None:
    issuer = Issuer()
    source, _ = _source(issuer)
    keys = await asyncio.gather(*(source.key(TENANT, "first") for _ in range(20)))
    assert all(key is keys[0] is not None for key in keys)
    assert len(issuer.fetched) == 2


async def test_old_keys_are_served_while_new_ones_are_fetched() -> None:
    issuer = Issuer()
    source, seconds = _source(issuer)
    await source.key(TENANT, "first")
    seconds.now += FRESH_SECONDS + 1
    issuer.keys = ["first", "second"]
    assert await source.key(TENANT, "first") is not None
    assert len(issuer.fetched) == 2, "the request must not wait for the refresh"
    await _settle()
    assert len(issuer.fetched) == 4
    assert await source.key(TENANT, "second") is not None


async def test_key_that_is_withdrawn_is_gone_after_the_refresh() -> None:
    issuer = Issuer("first", "second")
    source, seconds = _source(issuer)
    assert await source.key(TENANT, "second") is not None
    issuer.keys = ["first"]
    seconds.now += FRESH_SECONDS + 1
    await source.key(TENANT, "first")
    await _settle()
    seconds.now += UNKNOWN_KID_SECONDS + 1
    assert await source.key(TENANT, "second") is None


async def test_authority_that_is_away_is_survived_for_a_day_and_not_longer() -> None:
    issuer = Issuer()
    source, seconds = _source(issuer)
    await source.key(TENANT, "first")
    issuer.is_down = True
    seconds.now += STALE_SECONDS - 1
    assert await source.key(TENANT, "first") is not None
    await _settle()
    seconds.now += RETRY_SECONDS + 2
    with pytest.raises(Transient):
        await source.key(TENANT, "first")
    issuer.is_down = False
    seconds.now += RETRY_SECONDS + 1
    assert await source.key(TENANT, "first") is not None


async def test_unknown_key_id_asks_for_one_refresh_and_not_for_more() -> None:
    issuer = Issuer()
    source, seconds = _source(issuer)
    await source.key(TENANT, "first")
    issuer.keys = ["first", "second"]
    assert await source.key(TENANT, "second") is not None, "a key that was just rotated in"
    reads = len(issuer.fetched)
    for number in range(50):
        assert await source.key(TENANT, f"made-up-{number}") is None
    assert len(issuer.fetched) == reads
    seconds.now += UNKNOWN_KID_SECONDS + 1
    assert await source.key(TENANT, "made-up") is None
    assert len(issuer.fetched) == reads + 2


async def test_failed_fetch_is_not_repeated_by_every_request() -> None:
    issuer = Issuer()
    issuer.is_down = True
    source, _ = _source(issuer)
    for _ in range(20):
        with pytest.raises(Transient):
            await source.key(TENANT, "first")
    assert len(issuer.fetched) == 1


async def test_keys_on_another_host_are_never_read() -> None:
    issuer = Issuer()
    issuer.jwks_uri = "https://evil.test/keys"
    source, _ = _source(issuer)
    with pytest.raises(Fatal):
        await source.key(TENANT, "first")
    assert "https://evil.test/keys" not in issuer.fetched


async def test_only_usable_rsa_signing_keys_are_taken() -> None:
    issuer = Issuer()
    good = await issuer.fetch(issuer.jwks_uri)
    published = dict(good["keys"][0])

    async def fetch(url: str) -> JsonObject:
        if url != issuer.jwks_uri:
            return await issuer.fetch(url)
        odd = [
            {**published, "kid": "for encryption", "use": "enc"},
            {**published, "kid": "broken", "n": "!"},
            {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
            {**published, "kid": 7},
            "text",
        ]
        return {"keys": [*odd, published]}

    source = KeySource(AUTHORITY, fetch, Seconds())
    assert await source.key(TENANT, "first") is not None
    for unusable in ("for encryption", "broken", "symmetric"):
        assert await source.key(TENANT, unusable) is None
