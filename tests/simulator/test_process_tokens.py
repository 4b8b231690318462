"""The simulator as a process: identities and their tokens, by clients that nobody here wrote."""

from __future__ import annotations

from typing import Any

import aiohttp
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity import ClientSecretCredential as SyncClientSecretCredential
from azure.identity import ManagedIdentityCredential as SyncManagedIdentityCredential
from azure.identity.aio import ClientSecretCredential, ManagedIdentityCredential

from tests.support.simulator import (  # noqa: F401 (fixtures)
    ROOT,
    RunningSimulator,
    read_env,
    simulator,
    simulator_process,
    start_simulator,
)

ARM = "https://management.azure.com/.default"
V = {"api-version": "2021-04-01"}
STORAGE = "providers/Microsoft.Storage/storageAccounts"


@pytest.fixture
def trusted(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> RunningSimulator:  # noqa: F811
    """The environment of a function app beside the simulator."""
    for name, value in simulator.env.items():
        monkeypatch.setenv(name, value)
    return simulator


def transport(simulator: RunningSimulator) -> AioHttpTransport:  # noqa: F811
    """aiohttp reads SSL_CERT_FILE when it is imported, and another test may have imported it before there was one."""
    connector = aiohttp.TCPConnector(ssl=simulator.context())
    return AioHttpTransport(session=aiohttp.ClientSession(connector=connector), session_owner=True)


async def test_azure_identity_gets_tokens_for_managed_identities(trusted: RunningSimulator) -> None:
    seen = set()
    for name in ("OBSERVER_CLIENT_ID", "OPERATOR_CLIENT_ID"):
        async with ManagedIdentityCredential(client_id=trusted.env[name], transport=transport(trusted)) as credential:
            token = (await credential.get_token(ARM)).token
        claims = jwt.decode(token, options={"verify_signature": False})
        assert claims["appid"] == trusted.env[name]
        assert claims["idtyp"] == "app"
        seen.add(claims["oid"])
        async with trusted.arm(token=token) as arm:
            assert (await arm.get(trusted.subscription, params=V)).status_code == 200
    assert len(seen) == 2


def test_azure_identity_works_without_asyncio_too(trusted: RunningSimulator) -> None:
    with SyncManagedIdentityCredential(client_id=trusted.env["OPERATOR_CLIENT_ID"]) as credential:
        assert credential.get_token(ARM).token.count(".") == 2
    env = trusted.env
    with SyncClientSecretCredential(
        env["AZURE_TENANT_ID"],
        env["AZURE_CLIENT_ID"],
        env["AZURE_CLIENT_SECRET"],
        authority=env["AZURE_AUTHORITY_HOST"],
        disable_instance_discovery=True,
    ) as secret:
        assert secret.get_token(ARM).token.count(".") == 2


async def test_an_identity_that_does_not_exist_is_refused(trusted: RunningSimulator) -> None:
    unknown = "00000000-0000-0000-0000-000000000009"
    async with ManagedIdentityCredential(client_id=unknown, transport=transport(trusted)) as credential:
        with pytest.raises(ClientAuthenticationError, match="No User Assigned or Delegated Managed Identity"):
            await credential.get_token(ARM)


async def test_a_client_secret_is_checked(trusted: RunningSimulator) -> None:
    env = trusted.env
    host, tenant = env["AZURE_AUTHORITY_HOST"], env["AZURE_TENANT_ID"]
    right, client = env["AZURE_CLIENT_SECRET"], env["AZURE_CLIENT_ID"]
    async with ClientSecretCredential(
        tenant, client, right, authority=host, transport=transport(trusted)
    ) as credential:
        assert (await credential.get_token(ARM)).expires_on > 0
    async with ClientSecretCredential(
        tenant, client, "wrong", authority=host, transport=transport(trusted)
    ) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            await credential.get_token(ARM)


async def test_tokens_verify_against_the_published_keys(simulator: RunningSimulator) -> None:  # noqa: F811
    async with simulator.arm() as client:
        tenant = simulator.env["AZURE_TENANT_ID"]
        found = (await client.get(f"/{tenant}/v2.0/.well-known/openid-configuration")).json()
        assert found["issuer"] == f"{simulator.url}/{tenant}/v2.0"
        keys = jwt.PyJWKSet.from_dict((await client.get(found["jwks_uri"])).json())
        token = simulator.token(roles=["Platform.Admin"], user="ada", groups=["team-a"])
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token, key, algorithms=["RS256"], audience=simulator.env["API_CLIENT_ID"], issuer=found["issuer"]
        )
        assert claims["roles"] == ["Platform.Admin"]
        assert claims["scp"] == "user_impersonation"
        assert len(claims["groups"]) == 1
        simulator.control("POST", "keys/rotate", json={})
        after = jwt.PyJWKSet.from_dict((await client.get(found["jwks_uri"])).json())
        newer = simulator.token(user="ada")
        assert jwt.get_unverified_header(newer)["kid"] != key.key_id
        assert {one.key_id for one in keys.keys} < {one.key_id for one in after.keys}


TOKENS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "application": ({"app": True, "roles": ["R"]}, {"idtyp": "app", "scp": None}),
    "id token": ({"id_token": True}, {"scp": None, "nonce": "n"}),
    "audience": ({"audience": "other"}, {"aud": "other"}),
    "tenant": ({"tenant": "11111111-1111-1111-1111-111111111111"}, {"tid": "11111111-1111-1111-1111-111111111111"}),
    "overage": ({"group_overage": True, "groups": ["a"]}, {"groups": None, "_claim_names": {"groups": "src1"}}),
    "claims": ({"claims": {"x": 1}, "without": ["oid"]}, {"x": 1, "oid": None}),
}


@pytest.mark.parametrize("case", TOKENS)
def test_every_kind_of_token(simulator: RunningSimulator, case: str) -> None:  # noqa: F811
    wish, expected = TOKENS[case]
    claims = jwt.decode(simulator.token(**wish), options={"verify_signature": False})
    assert {name: claims.get(name) for name in expected} == expected


BAD_BEARERS = {
    "none at all": (None, "AuthenticationFailed"),
    "not a token": ("x", "InvalidAuthenticationToken"),
    "expired": ({"arm": True, "expired": True}, "ExpiredAuthenticationToken"),
    "for another audience": ({}, "InvalidAuthenticationTokenAudience"),
    "of another tenant": ({"arm": True, "tenant": "1"}, "InvalidAuthenticationTokenTenant"),
}


@pytest.mark.parametrize("case", BAD_BEARERS)
async def test_arm_refuses_a_bad_bearer(simulator: RunningSimulator, case: str) -> None:  # noqa: F811
    wish, code = BAD_BEARERS[case]
    token = simulator.token(**wish) if isinstance(wish, dict) else wish
    async with simulator.arm(token=token or "-") as arm:
        headers = {"authorization": ""} if token is None else {}
        answer = await arm.get("/subscriptions", params=V, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert "www-authenticate" in answer.headers
