"""Signing keys and tokens: RS256 JWTs as Entra ID issues them, v1.0 for ARM, v2.0 for our own API."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.engine.hooks import ArmError, Caller, JsonObject

if TYPE_CHECKING:
    from simulator.engine.core import Engine
    from simulator.planes.directory import Directory

LIFETIME_SECONDS = 3600 * 24  # of managed identity tokens in Azure; application tokens live an hour or so
WISHES = frozenset(
    ("roles", "user", "groups", "app", "id_token", "expired", "group_overage", "arm", "audience", "tenant", "issuer")
) | {"lifetime_seconds", "claims", "without", "scope"}
OVERAGE_URL = "https://graph.microsoft.com/v1.0/users/{oid}/getMemberObjects"
CHALLENGE = 'Bearer authorization_uri="{authority}/{tenant}", error="invalid_token", error_description="{why}"'


class Keys:
    """RSA keys, newest first; all are published, the newest signs. Made when first needed (a key takes longer than
    everything else in a world) and kept in the store, so that a restart keeps them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._pems: list[str] = list(engine.store.kv.get("keys", []))
        self._private: list[rsa.RSAPrivateKey] = []
        self._public: dict[str, rsa.RSAPublicKey] = {}

    @property
    def private(self) -> list[rsa.RSAPrivateKey]:
        if not self._private:
            self._load(self._pems or [_new_pem()])
        return self._private

    @property
    def public(self) -> dict[str, rsa.RSAPublicKey]:
        """By kid, newest first."""
        return self._public if self.private else {}

    def _load(self, pems: list[str]) -> None:
        self._pems = pems
        self._private = []
        for pem in pems:
            key = serialization.load_pem_private_key(pem.encode(), None)
            assert isinstance(key, rsa.RSAPrivateKey)
            self._private.append(key)
        self._public = {_kid(key): key.public_key() for key in self._private}
        self.engine.store.set("keys", pems)

    def moved_to(self, engine: Engine) -> Keys:
        """The same keys for a new engine on an emptied store."""
        self.engine = engine
        if self._pems:
            engine.store.set("keys", self._pems)
        return self

    def rotate(self, *, forget_old: bool = False) -> str:
        """A new signing key; returns its kid. Old keys stay published unless forgotten."""
        self._load([_new_pem(), *([] if forget_old or not self.private else self._pems)])
        return next(iter(self._public))

    def jwks(self) -> JsonObject:
        found = []
        for kid, key in self.public.items():
            numbers = key.public_numbers()
            jwk = {"kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "alg": "RS256"}
            found.append({**jwk, "n": _int64(numbers.n), "e": _int64(numbers.e)})
        return {"keys": found}

    def sign(self, claims: JsonObject) -> str:
        key = self.private[0]
        kid = next(iter(self.public))
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid, "x5t": kid})


def _new_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def _kid(key: rsa.RSAPrivateKey) -> str:
    return _int64(key.public_key().public_numbers().n)[:27]


def _int64(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Tokens:
    """Issues tokens and reads those that callers present to ARM."""

    def __init__(self, engine: Engine, directory: Directory, keys: Keys, authority: str) -> None:
        self.engine, self.directory, self.keys, self.authority = engine, directory, keys, authority
        self.arm_audiences = {
            "https://management.azure.com", "https://management.core.windows.net", authority,
        }  # fmt: skip
        self._callers: dict[str, tuple[float, Caller, str]] = {}
        self._cut_short: dict[str, float] = {}

    def cut_short(self, token: str, seconds: float) -> None:
        """A fault: refuse this token after so many seconds, whatever it says itself."""
        self._cut_short[f"Bearer {token}"] = time.time() + seconds

    def expire(self, object_id: str) -> int:
        """Refuse from now on every token that this principal has shown; how many there were."""
        shown = [bearer for bearer, (_, caller, _) in self._callers.items() if caller.object_id == object_id]
        self._cut_short.update(dict.fromkeys(shown, 0.0))
        return len(shown)

    def forget(self) -> None:
        self._callers.clear()

    def for_application(
        self, principal: JsonObject, audience: str, *, v2: bool = False, seconds: int = 0
    ) -> JsonObject:
        """A token of a service principal or managed identity: {"access_token", "expires_on", ...}."""
        now = int(time.time())
        expires = now + (seconds or LIFETIME_SECONDS)
        tenant = self.engine.tenant_id
        client = principal["client_id"]
        claims: JsonObject = {
            "aud": audience, "iat": now, "nbf": now, "exp": expires, "tid": tenant,
            "oid": principal["id"], "sub": principal["id"], "idtyp": "app",
            "uti": self.engine.guid(str(time.time_ns())),
        }  # fmt: skip
        if v2:
            claims.update(iss=self.issuer(tenant), azp=client, azpacr="1", ver="2.0")
            claims["roles"] = list(principal.get("app_roles", []))
        else:
            claims.update(iss=f"https://sts.windows.net/{tenant}/", appid=client, appidacr="1", ver="1.0")
            claims["idp"] = claims["iss"]
        if principal.get("resource_id"):
            claims["xms_mirid"] = principal["resource_id"]
            claims["appidacr"] = "2"
        return {"access_token": self.keys.sign(claims), "expires_on": expires, "not_before": now, "audience": audience}

    def issuer(self, tenant: str) -> str:
        return f"{self.authority}/{tenant}/v2.0"

    def custom(self, wish: JsonObject) -> JsonObject:
        """What `POST /simulator/tokens` asks for (see docs/simulator.md): people, applications, ID tokens, and
        every way to be wrong. Returns {"access_token", "claims"}."""
        unknown = sorted(set(wish) - WISHES)
        if unknown:
            raise ValueError(f"unknown field of a token: {', '.join(unknown)}")
        now = int(time.time())
        tenant = str(wish.get("tenant") or self.engine.tenant_id)
        expired = bool(wish.get("expired"))
        claims: JsonObject = {
            "aud": wish.get("audience") or self.engine.store.kv["world"]["api_client_id"],
            "iss": wish.get("issuer") or self.issuer(tenant),
            "iat": now - (7200 if expired else 0), "nbf": now - (7200 if expired else 0),
            "exp": now - 3600 if expired else now + int(wish.get("lifetime_seconds", 3600)),
            "tid": tenant, "ver": "2.0", "uti": self.engine.guid(str(time.time_ns())),
        }  # fmt: skip
        if wish.get("roles"):
            claims["roles"] = list(wish["roles"])
        self._subject(wish, claims)
        if wish.get("arm"):
            claims.update(aud="https://management.azure.com", iss=f"https://sts.windows.net/{tenant}/", ver="1.0")
            claims["appid"] = claims.pop("azp", claims.get("oid"))
        claims.update(wish.get("claims") or {})
        for absent in wish.get("without", ()):
            claims.pop(absent, None)
        return {"access_token": self.keys.sign(claims), "claims": claims, "expires_on": claims.get("exp")}

    def _subject(self, wish: JsonObject, claims: JsonObject) -> None:
        name = str(wish.get("user") or "ada")
        groups = [self.directory.group(str(one))["id"] for one in wish.get("groups", ())]
        if wish.get("app"):
            client = self.engine.guid("application", name)
            oid = self.engine.guid("application-principal", name)
            self.directory.add({"id": oid, "kind": "ServicePrincipal", "name": name, "client_id": client})
            claims.update(oid=oid, sub=oid, azp=client, azpacr="1", idtyp="app")
        else:
            person = self.directory.person(name)
            oid = person["id"]
            upn = name if "@" in name else f"{name}@contoso.com"
            claims.update(oid=oid, sub=self.engine.guid("sub", oid), name=name, preferred_username=upn)
            if not wish.get("id_token"):
                claims.update(scp=wish.get("scope") or "user_impersonation", azpacr="0")
                claims["azp"] = self.engine.guid("public-client")
        if wish.get("group_overage"):
            claims["_claim_names"] = {"groups": "src1"}
            claims["_claim_sources"] = {"src1": {"endpoint": OVERAGE_URL.format(oid=oid)}}
        elif groups:
            claims["groups"] = groups
        if wish.get("id_token"):
            claims["nonce"] = "n"
            claims["rh"] = "0."

    def caller(self, authorization: str, audiences: Iterable[str] = ()) -> Caller:
        """The principal of a call to ARM, or to whom `audiences` names. Raises ArmError 401 in ARM's words."""
        if time.time() >= self._cut_short.get(authorization, float("inf")):
            raise self._refused("ExpiredAuthenticationToken", EXPIRED)
        known = self._callers.get(authorization)
        if known is None or known[0] <= time.time():
            known = self._read(authorization)
            if len(self._callers) > 2000:
                self._callers.clear()
            self._callers[authorization] = known
        self._check_audience(known[2], set(audiences) or self.arm_audiences)
        return known[1]

    def _read(self, authorization: str) -> tuple[float, Caller, str]:
        """(when it expires, whose it is, whom it is for)."""
        scheme, _, token = authorization.partition(" ")
        if not token or scheme.lower() != "bearer":
            raise self._refused("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
        try:
            kid = jwt.get_unverified_header(token).get("kid", "")
            key = self.keys.public.get(kid)
            if key is None:
                raise jwt.InvalidTokenError("IDX10501: Signature validation failed. Unable to match key")
            options: Any = {"verify_aud": False, "require": ["exp", "oid", "tid", "aud"]}
            claims = jwt.decode(token, key, algorithms=["RS256"], options=options)
        except jwt.ExpiredSignatureError as error:
            raise self._refused("ExpiredAuthenticationToken", EXPIRED) from error
        except jwt.InvalidTokenError as error:
            raise self._refused("InvalidAuthenticationToken", "The access token is invalid.") from error
        return float(claims["exp"]), self._caller(claims), str(claims["aud"])

    def _caller(self, claims: JsonObject) -> Caller:
        tenant, wanted = claims["tid"], self.engine.tenant_id
        if tenant != wanted or claims.get("iss") not in (f"https://sts.windows.net/{wanted}/", self.issuer(wanted)):
            raise self._refused("InvalidAuthenticationTokenTenant", WRONG_ISSUER.format(given=tenant, wanted=wanted))
        oid = claims["oid"]
        client = claims.get("appid") or claims.get("azp")
        if claims.get("idtyp") == "app":
            kind = "Application"
            return Caller(oid, client, client or oid, kind, tuple(claims.get("groups", ())))
        name = claims.get("preferred_username") or claims.get("upn") or claims.get("name") or oid
        return Caller(oid, client, name, "User", tuple(claims.get("groups", ())))

    def _check_audience(self, audience: str, wanted: set[str]) -> None:
        if audience.rstrip("/") not in wanted:
            allowed = ",".join(f"{one}/" for one in sorted(wanted))
            raise self._refused(
                "InvalidAuthenticationTokenAudience",
                f"The access token has been obtained for wrong audience or resource '{audience}'. "
                f"It should exactly match with one of the allowed audiences '{allowed}'.",
            )

    def _refused(self, code: str, message: str) -> ArmError:
        challenge = CHALLENGE.format(authority=self.authority, tenant=self.engine.tenant_id, why=message.split(".")[0])
        return ArmError(401, code, message, headers={"www-authenticate": challenge})


EXPIRED = "The access token expiry UTC time is earlier than current UTC time."
WRONG_ISSUER = (
    "The access token is from the wrong issuer 'https://sts.windows.net/{given}/'. It must match the tenant "
    "'https://sts.windows.net/{wanted}/' associated with this subscription. Please use the authority (URL) "
    "'https://login.windows.net/{wanted}' to get the token. Note, if the subscription is transferred to another tenant "
    "there is no impact to the services, but information about new tenant could take time to propagate (up to an "
    "hour). If you just transferred your subscription and see this error message, please try back later."
)
