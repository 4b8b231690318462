"""An Entra ID for tests: keys, the two documents that publish them, and tokens, good and bad."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from controlplane.errors import Transient
from controlplane.json_types import JsonObject

AUTHORITY = "https://login.example.test:8443"
TENANT = "11111111-1111-1111-1111-111111111111"
OTHER_TENANT = "22222222-2222-2222-2222-222222222222"
AUDIENCE = "33333333-3333-3333-3333-333333333333"
CLIENT = "44444444-4444-4444-4444-444444444444"


@cache
def _key(name: str) -> rsa.RSAPrivateKey:
    """Made once per run for each name; what is tested does not depend on the bits."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """``keys`` are the names of the published keys; ``fetched`` counts reads of documents by URL."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys or ("first",))
        self.fetched: list[str] = []
        self.is_down = False
        self.jwks_uri = f"{AUTHORITY}/{TENANT}/discovery/v2.0/keys"

    async def fetch(self, url: str) -> JsonObject:
        """Stands where ``keys.fetch_json`` is."""
        self.fetched.append(url)
        if self.is_down:
            raise Transient("TokenKeysUnavailable", "The authority is away.", retry_after=5)
        if url == f"{AUTHORITY}/{TENANT}/v2.0/.well-known/openid-configuration":
            return {"issuer": f"{AUTHORITY}/{TENANT}/v2.0", "jwks_uri": self.jwks_uri}
        if url == self.jwks_uri:
            return {"keys": [self._published(name) for name in self.keys]}
        raise AssertionError(f"nobody should read {url}")

    def _published(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_key(name).public_key()))
        return {**document, "kid": name, "use": "sig"}

    @staticmethod
    def public_pem(name: str = "first") -> bytes:
        """What an attacker of "HS256 with the public key" has."""
        return _key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @staticmethod
    def claims(user: str = "ada", **changes: Any) -> dict[str, Any]:
        """A person's access token; a change to None removes the claim."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "aud": AUDIENCE,
            "iss": f"{AUTHORITY}/{TENANT}/v2.0",
            "iat": now,
            "nbf": now - 300,
            "exp": now + 3600,
            "azp": CLIENT,
            "oid": f"oid-{user}",
            "sub": f"pairwise-{user}",
            "tid": TENANT,
            "scp": "user_impersonation",
            "ver": "2.0",
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, user: str = "ada", *, key: str = "first", headers: JsonObject | None = None, **changes: Any) -> str:
        """A signed token of :meth:`claims`."""
        return jwt.encode(
            self.claims(user, **changes), _key(key), algorithm="RS256", headers={"kid": key, **(headers or {})}
        )

    def app_token(self, app: str = "robot", **changes: Any) -> str:
        """An application's own token."""
        return self.token(app, scp=None, idtyp="app", sub=f"oid-{app}", **changes)
