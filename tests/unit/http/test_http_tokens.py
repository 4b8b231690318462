"""Tokens: what is accepted, and everything that is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

import jwt
import pytest

from controlplane.errors import ControlPlaneError, Rejected
from controlplane.http.errors import Unauthenticated
from controlplane.http.keys import KeySource
from controlplane.http.tokens import TokenValidator
from tests.support.api import Api, settings
from tests.support.tokens import AUTHORITY, CLIENT, OTHER_TENANT, TENANT, Issuer


def _part(value: Any) -> str:
    return _raw(json.dumps(value))


def _raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _unsigned(issuer: Issuer) -> str:
    return jwt.encode(issuer.claims(roles=["Platform.Admin"]), "", algorithm="none", headers={"kid": "first"})


def _stripped(issuer: Issuer) -> str:
    return issuer.token(roles=["Platform.Admin"]).rpartition(".")[0] + "."


def _hs256_with_the_public_key(issuer: Issuer) -> str:
    """By hand, because the library refuses to make one."""
    head = _part({"alg": "HS256", "typ": "JWT", "kid": "first"})
    signed = f"{head}.{_part(issuer.claims(roles=['Platform.Admin']))}"
    mac = hmac.new(issuer.public_pem(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _tampered(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{_part(issuer.claims(roles=['Platform.Admin']))}.{signature}"


def _rs512(issuer: Issuer) -> str:
    head = {"kid": "first", "alg": "RS512"}
    return f"{_part(head)}.{_part(issuer.claims())}.{issuer.token().rpartition('.')[2]}"


NOW = int(time.time())
ENDLESS = '{"exp":' + "9" * 5_000 + "}"
OTHER_ISSUER = f"{AUTHORITY}/{OTHER_TENANT}/v2.0"
REFUSED: dict[str, Callable[[Issuer], str]] = {
    "unsigned": _unsigned,
    "signature taken off": _stripped,
    "HS256 with the public key": _hs256_with_the_public_key,
    "claims changed after signing": _tampered,
    "RS512 in the header": _rs512,
    "another algorithm of the same key": lambda i: i.token(headers={"alg": "RS256", "crit": ["exp"]}),
    "expired": lambda i: i.token(exp=NOW - 1),
    "not valid yet": lambda i: i.token(nbf=int(time.time()) + 600),
    "no exp": lambda i: i.token(exp=None),
    "no nbf": lambda i: i.token(nbf=None),
    "another issuer": lambda i: i.token(iss="https://login.evil.test/v2.0"),
    "issuer of the first version": lambda i: i.token(iss=f"https://sts.windows.net/{TENANT}/"),
    "issuer of another tenant": lambda i: i.token(iss=OTHER_ISSUER),
    "another tenant": lambda i: i.token(tid=OTHER_TENANT, iss=OTHER_ISSUER),
    "another audience": lambda i: i.token(aud=CLIENT),
    "our audience among others": lambda i: i.token(aud=[CLIENT, settings().audience]),
    "first version": lambda i: i.token(ver="1.0"),
    "key that is not published": lambda i: i.token(key="stranger"),
    "no object id": lambda i: i.token(oid=None),
    "no tenant": lambda i: i.token(tid=None),
    "empty object id": lambda i: i.token(oid=" "),
    "object id that is no text": lambda i: i.token(oid={"a": 1}),
    "tenant that is a list": lambda i: i.token(tid=[TENANT]),
    "tenant that is an object": lambda i: i.token(tid={TENANT: 1}),
    "ID token": lambda i: i.token(scp=None, azp=None, nonce="n"),
    "ID token with roles": lambda i: i.token(scp=None, azp=None, roles=["Platform.Admin"]),
    "ID token with roles and a client": lambda i: i.token(scp=None, roles=["Platform.Admin"]),
    "ID token of a user with a scope made up": lambda i: i.token(nonce="n"),
    "neither scope nor role": lambda i: i.token(scp=None),
    "empty scope": lambda i: i.token(scp=" "),
    "application with a person's scope": lambda i: i.token(idtyp="app"),
    "unknown kind of token": lambda i: i.token(idtyp="device"),
    "not a JWT": lambda _: "abc",
    "key id that is no text": lambda i: i.token(headers={"kid": ""}),
    "claims nested without end": lambda i: f"{i.token().partition('.')[0]}.{_raw('[' * 9_000)}.AAAA",
    "header nested without end": lambda _: f"{_raw('[' * 9_000)}.e30.AAAA",
    "a number without end": lambda i: f"{i.token().partition('.')[0]}.{_raw(ENDLESS)}.AAAA",
    "far too long": lambda i: i.token(extra="x" * 20_000),
}


def _validator(issuer: Issuer) -> TokenValidator:
    return TokenValidator(settings(), KeySource(AUTHORITY, issuer.fetch))


async def _refusal(issuer: Issuer, authorization: str | None) -> ControlPlaneError:
    with pytest.raises(ControlPlaneError) as raised:
        await _validator(issuer).caller(authorization)
    return raised.value


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_with_a_challenge(case: str) -> None:
    issuer = Issuer()
    error = await _refusal(issuer, f"Bearer {REFUSED[case](issuer)}")
    assert isinstance(error, Unauthenticated)
    assert error.challenge.startswith("Bearer ")
    assert 'error="invalid_token"' in error.challenge


@pytest.mark.parametrize("header", [None, "", "Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Token abc"])
async def test_no_bearer_token(header: str | None) -> None:
    assert isinstance(await _refusal(Issuer(), header), Unauthenticated)


async def test_the_keys_come_from_the_settings_whatever_the_token_says() -> None:
    issuer = Issuer()
    headers = {"jku": "https://evil.test/keys", "x5u": "https://evil.test/cert"}
    await _validator(issuer).caller(f"Bearer {issuer.token(headers=headers)}")
    assert {url.partition("/discovery")[0].partition("/v2.0")[0] for url in issuer.fetched} == {f"{AUTHORITY}/{TENANT}"}


ACCEPTED: dict[str, tuple[dict[str, Any], bool]] = {
    "a person": ({}, False),
    "a person, said so": ({"idtyp": "user"}, False),
    "an application, said so": ({"scp": None, "idtyp": "app"}, True),
    "an application with roles": ({"scp": None, "roles": ["Workspace.Reader"], "sub": "oid-ada"}, True),
}


@pytest.mark.parametrize("case", ACCEPTED)
async def test_accepted(case: str) -> None:
    claims, is_application = ACCEPTED[case]
    issuer = Issuer()
    caller = await _validator(issuer).caller(f"bearer {issuer.token(**claims)}")
    assert (caller.tenant_id, caller.object_id) == (TENANT, "oid-ada")
    assert caller.is_application is is_application


async def test_roles_and_groups_are_taken_from_the_token() -> None:
    issuer = Issuer()
    token = issuer.token(roles=["Approver", 7], groups=["ABC", "def"])
    caller = await _validator(issuer).caller(f"Bearer {token}")
    assert caller.roles == {"Approver"}
    assert caller.groups == {"abc", "def"}


OVERAGE: dict[str, dict[str, Any]] = {
    "claim names": {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}},
    "hasgroups": {"hasgroups": True},
}


@pytest.mark.parametrize("case", OVERAGE)
async def test_group_overage_is_403_with_the_reason(case: str) -> None:
    issuer = Issuer()
    error = await _refusal(issuer, f"Bearer {issuer.token(roles=['Platform.Admin'], **OVERAGE[case])}")
    assert isinstance(error, Rejected)
    assert error.code == "GroupOverage"
    assert "too many" in error.message


async def test_answers_of_the_api(api: Api) -> None:
    missing = await api.call("GET", "workspaces", token="")
    assert (missing.status_code, missing.headers["x-ms-error-code"]) == (401, "AuthenticationFailed")
    assert missing.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "error=" not in missing.headers["WWW-Authenticate"]
    expired = await api.call("GET", "workspaces", token=api.issuer.token(exp=NOW - 1))
    assert (expired.status_code, 'error="invalid_token"' in expired.headers["WWW-Authenticate"]) == (401, True)
    overage = await api.call("GET", "workspaces", token=api.issuer.token(hasgroups=True))
    assert (overage.status_code, overage.headers["x-ms-error-code"]) == (403, "GroupOverage")


async def test_principal_headers_of_the_platform_are_ignored(api: Api) -> None:
    claims = [{"typ": "roles", "val": "Platform.Admin"}]
    principal = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
    headers = {"X-MS-CLIENT-PRINCIPAL": principal, "X-MS-CLIENT-PRINCIPAL-ID": "oid-root"}
    assert (await api.call("GET", "projects", token="", headers=headers)).status_code == 401
    assert (await api.call("GET", "projects", token=api.issuer.token("eve"), headers=headers)).status_code == 403


async def test_away_authority_is_a_fault_that_passes(api: Api) -> None:
    api.issuer.is_down = True
    answer = await api.call("GET", "workspaces")
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (503, "TokenKeysUnavailable")
    assert int(answer.headers["Retry-After"]) > 0


class _Later(datetime):
    """A clock two hours ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + timedelta(hours=2)


async def test_a_token_that_was_good_is_refused_when_it_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer, late = Issuer(), 0.0
    validator = TokenValidator(settings(), KeySource(AUTHORITY, issuer.fetch), now=lambda: time.time() + late)
    bearer = f"Bearer {issuer.token()}"
    assert await validator.caller(bearer) is await validator.caller(bearer)
    late = 7200.0
    monkeypatch.setattr("jwt.api_jwt.datetime", _Later)
    with pytest.raises(Unauthenticated, match="expired"):
        await validator.caller(bearer)


async def test_a_token_that_was_good_is_refused_when_its_key_is_withdrawn() -> None:
    issuer, passed = Issuer("first"), 0.0
    validator = TokenValidator(settings(), KeySource(AUTHORITY, issuer.fetch, lambda: passed))
    bearer = f"Bearer {issuer.token()}"
    await validator.caller(bearer)
    issuer.keys = ["second"]
    passed = 2 * 24 * 3600.0  # older keys than a day are read anew before anything is said
    with pytest.raises(Unauthenticated, match="does not have"):
        await validator.caller(bearer)


async def test_a_refused_token_is_refused_again_and_the_oldest_is_forgotten_first() -> None:
    issuer = Issuer()
    validator = _validator(issuer)
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await validator.caller(f"Bearer {_tampered(issuer)}")
    first = f"Bearer {issuer.token('first')}"
    caller = await validator.caller(first)
    for number in range(1_001):
        await validator.caller(f"Bearer {issuer.token(str(number))}")
    again = await validator.caller(first)
    assert again == caller
    assert again is not caller


@pytest.mark.parametrize(
    ("scopes", "status"),
    [("user_impersonation", 200), ("openid user_impersonation", 200), ("other", 403), ("user_impersonation2", 403)],
)
async def test_a_persons_token_needs_the_scope_of_the_api(api: Api, scopes: str, status: int) -> None:
    token = api.issuer.token("root", roles=["Platform.Admin"], scp=scopes)
    answer = await api.call("GET", "projects", token=token)
    assert answer.status_code == status
    assert status == 200 or answer.headers["x-ms-error-code"] == "InsufficientScope"


@pytest.mark.parametrize("more", [[], ["Platform.Admin"]], ids=["alone", "with another role"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "workspaces"),
        ("GET", "workspaces/churn-dev"),
        ("DELETE", "workspaces/churn-dev"),
        ("POST", "workspaces/churn-dev:plan"),
        ("GET", "operations"),
        ("GET", "projects"),
        ("GET", "health/ready"),
    ],
)
async def test_the_principal_of_alerts_may_call_nothing_else(api: Api, method: str, path: str, more: list[str]) -> None:
    token = api.issuer.app_token("alerts", roles=["ActionGroupsSecureWebhook", *more])
    answer = await api.call(method, path, token=token)
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (403, "AuthorizationFailed")
