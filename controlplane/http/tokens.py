"""Entra v2.0 access tokens → callers. Everything that does not fit is refused.

Sources: "Access token claims reference" (``aud`` is the API's client id in v2.0 tokens, ``azp`` names the client,
``oid`` with ``tid`` identifies the principal, ``idtyp`` is ``app`` in application-only tokens, ``scp`` only in users'
tokens, ``hasgroups`` and ``_claim_names`` mark a group overage), "ID token claims reference" (an ID token has neither
``scp`` nor ``azp``), RFC 8725 (JWT best practices), RFC 6750 (``WWW-Authenticate``).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from controlplane.errors import Rejected
from controlplane.http.errors import Unauthenticated
from controlplane.http.keys import KeySource
from controlplane.projects.access import Caller
from controlplane.settings import Settings

_MAX_TOKEN = 16 * 1024
_REQUIRED = ["iss", "aud", "exp", "nbf", "tid", "oid", "sub"]
#: Claims of ID tokens that no access token for an API has.
_ID_TOKEN_CLAIMS = frozenset({"nonce", "at_hash", "c_hash"})
#: Tokens that were found good and are not checked again while they are. A portal sends the same one many times.
_MAX_KNOWN = 1000


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that passed every check: until when it is good, and by which key."""

    caller: Caller
    expires_at: float
    tenant: str
    key_id: str
    key: PyJWK


class TokenValidator:
    """Turns the ``Authorization`` header into a :class:`Caller`; ``X-MS-CLIENT-PRINCIPAL`` and its like say nothing."""

    def __init__(self, settings: Settings, keys: KeySource, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._known: dict[bytes, _Known] = {}
        self._authority = settings.authority_host
        self._tenants = frozenset(tenant.lower() for tenant in settings.tenant_ids)
        self._home = settings.tenant_ids[0]
        self._audience = settings.audience
        self._scope = settings.scope
        self._keys = keys

    async def caller(self, authorization: str | None) -> Caller:
        """Raises ``Unauthenticated`` (401), ``Rejected("GroupOverage")`` (403), ``Transient`` (no keys)."""
        if not authorization:
            raise Unauthenticated("A bearer token is needed.", self._challenge())
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
            raise self._refused("The Authorization header holds no bearer token.")
        # By digest: a token is a secret and is not kept.
        digest = hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).digest()
        known = self._known.pop(digest, None)
        if known is None or not await self._still_good(known):
            known = await self._check(token.strip())
        self._known[digest] = known
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]  # the one that was not used for longest
        return known.caller

    async def _still_good(self, known: _Known) -> bool:
        """Not after it expired, nor once its tenant has published other keys since."""
        return self._now() < known.expires_at and await self._keys.key(known.tenant, known.key_id) is known.key

    async def _check(self, token: str) -> _Known:
        claims, key_id, key = await self._claims(token)
        application = self._is_application(claims)
        if claims.get("hasgroups") or "groups" in _mapping(claims.get("_claim_names")):
            raise Rejected(
                "GroupOverage",
                "The token leaves its groups out because they are too many, so nobody can say what you may do. "
                "Assign the groups that matter to the application, or use app roles.",
            )
        caller = Caller(
            tenant_id=str(claims["tid"]),
            object_id=str(claims["oid"]),
            roles=frozenset(_strings(claims.get("roles"))),
            groups=frozenset(group.lower() for group in _strings(claims.get("groups"))),
            is_application=application,
            client_id=str(claims.get("azp") or ""),
        )
        return _Known(caller, float(claims["exp"]), str(claims["tid"]), key_id, key)

    async def _claims(self, token: str) -> tuple[Mapping[str, Any], str, PyJWK]:
        """The verified claims, and the key that signed them. The tenant is read before the signature is checked, only
        to choose among our own."""
        try:
            unverified = jwt.decode_complete(token, options={"verify_signature": False})
        except PyJWTError as error:
            raise self._refused("The token is not a JWT.") from error
        header: Mapping[str, Any] = unverified["header"]
        tenant, key_id = unverified["payload"].get("tid"), header.get("kid")
        # Explicit, although the library would refuse them as well: nothing but RS256 reaches a key.
        if header.get("alg") != "RS256" or "crit" in header or not isinstance(key_id, str):
            raise self._refused("The token is not signed with RS256 by a named key.")
        if not isinstance(tenant, str) or tenant not in self._tenants:
            raise self._refused("The token is of a tenant that is not accepted.")
        key = await self._keys.key(tenant, key_id)
        if key is None:
            raise self._refused("The token is signed by a key that the tenant does not have.")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=f"{self._authority}/{tenant}/v2.0",
                options={"require": _REQUIRED, "strict_aud": True},
            )
        except PyJWTError as error:
            raise self._refused(f"The token is not valid: {_reason(error)}.") from error
        if claims.get("ver") != "2.0" or not all(_is_text(claims[name]) for name in ("tid", "oid", "sub")):
            raise self._refused("The token is not an access token of version 2.0.")
        return claims, key_id, key

    def _is_application(self, claims: Mapping[str, Any]) -> bool:
        """Whether an application asks for itself. Raises ``Unauthenticated`` for what is no access token.

        People's access tokens have ``scp``. ID tokens have none, and may have roles; unlike an application's access
        token they name no client (``azp``), and their subject is not the object id.
        """
        scopes, kind = claims.get("scp"), claims.get("idtyp")
        if _ID_TOKEN_CLAIMS & claims.keys():
            raise self._refused("An ID token is not an access token.")
        if isinstance(scopes, str) and scopes.strip() and kind in (None, "user"):
            if self._scope not in scopes.split():
                # RFC 6750, 3.1: insufficient_scope is 403, not 401: another token of the same kind would not help.
                raise Rejected("InsufficientScope", f"The token does not have the scope {self._scope!r} of this API.")
            return False
        if scopes is None and kind == "app":
            return True
        if scopes is None and kind is None and _strings(claims.get("roles")):
            if isinstance(claims.get("azp"), str) and claims["sub"] == claims["oid"]:
                return True
            raise self._refused("An ID token is not an access token.")
        raise self._refused("The token is neither a person's access token nor an application's.")

    def _challenge(self, error: str = "") -> str:
        uri = f"{self._authority}/{self._home}/oauth2/v2.0/authorize"
        return f'Bearer realm="", authorization_uri="{uri}", resource_id="{self._audience}"{error}'

    def _refused(self, message: str) -> Unauthenticated:
        error = f', error="invalid_token", error_description="{message}"'
        return Unauthenticated(message, self._challenge(error))


def _reason(error: PyJWTError) -> str:
    """The kind of fault, in words; never the library's text, which may quote the token."""
    match error:
        case jwt.ExpiredSignatureError():
            return "it has expired"
        case jwt.ImmatureSignatureError():
            return "it is not valid yet"
        case jwt.InvalidAudienceError():
            return "it is for another audience"
        case jwt.InvalidIssuerError():
            return "it is of another issuer"
        case jwt.MissingRequiredClaimError():
            return "a claim is missing"
        case _:
            return "its signature or form is wrong"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
