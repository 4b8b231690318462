"""Tokens, connections and what is never sent twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.errors import ControlPlaneError, Fatal, Transient
from tests.unit.azure.conftest import CLIENT_ID, IDENTITY_HEADER
from tests.unit.azure.server import CUT, LOST, TOKEN, Answer, FakeArm

GROUP = "/subscriptions/s/resourceGroups/g"
VERSION = "2021-04-01"


async def test_a_call_carries_the_managed_identitys_token_and_is_identifiable(arm: FakeArm, client: ArmClient) -> None:
    arm.on("GET", GROUP, Answer(body={"name": "g"}))

    answer = await client.request("GET", GROUP, VERSION)

    assert answer.json() == {"name": "g"}
    [call] = arm.calls
    assert call.target == f"{GROUP}?api-version={VERSION}"
    assert call.headers["authorization"] == f"Bearer {TOKEN}1"
    assert call.headers["user-agent"].startswith("mlops-control-plane")
    assert call.headers["x-ms-client-request-id"]
    [token_call] = arm.token_calls
    assert token_call.headers["x-identity-header"] == IDENTITY_HEADER
    assert f"client_id={CLIENT_ID}" in token_call.target
    assert f"resource=https://localhost:{arm.port}" in token_call.target.replace("%3A", ":").replace("%2F", "/")


async def test_the_token_is_asked_for_once_however_many_calls_start_together(arm: FakeArm, client: ArmClient) -> None:
    arm.on("GET", GROUP, Answer(body={}))

    await asyncio.gather(*(client.request("GET", GROUP, VERSION) for _ in range(20)))

    assert len(arm.calls) == 20
    assert len(arm.token_calls) == 1


async def test_a_token_that_arm_calls_invalid_is_replaced_once(arm: FakeArm, client: ArmClient) -> None:
    arm.on("PUT", GROUP, Answer(201, {}))
    arm.revoked = {f"Bearer {TOKEN}1"}

    answer = await client.request("PUT", GROUP, VERSION, body={"location": "westeurope"})

    assert answer.status == 201
    assert [call.headers["authorization"] for call in arm.calls] == [f"Bearer {TOKEN}1", f"Bearer {TOKEN}2"]
    assert [call.json for call in arm.calls] == [{"location": "westeurope"}] * 2


async def test_many_calls_that_are_refused_together_renew_the_token_once(arm: FakeArm, client: ArmClient) -> None:
    arm.on("GET", GROUP, Answer(body={}))
    await client.request("GET", GROUP, VERSION)
    arm.revoked = {f"Bearer {TOKEN}1"}

    answers = await asyncio.gather(*(client.request("GET", GROUP, VERSION) for _ in range(20)))

    assert {answer.status for answer in answers} == {200}
    assert len(arm.token_calls) == 2


async def test_a_token_that_stays_invalid_is_not_asked_for_without_end(arm: FakeArm, client: ArmClient) -> None:
    arm.on("GET", GROUP, Answer(401, None, {"WWW-Authenticate": 'Bearer error="invalid_token"'}))

    answer = await client.request("GET", GROUP, VERSION)

    assert answer.status == 401
    assert len(arm.calls) == 2


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, Fatal, "ManagedIdentityRefused"),
        (403, Fatal, "ManagedIdentityRefused"),
        (429, Transient, "ManagedIdentityUnavailable"),
        (500, Transient, "ManagedIdentityUnavailable"),
        (LOST, Transient, "ManagedIdentityUnavailable"),
    ],
)
async def test_an_identity_endpoint_that_gives_no_token(
    arm: FakeArm, client: ArmClient, status: int, kind: type[ControlPlaneError], code: str
) -> None:
    arm.tokens = [Answer(status, {"error": "invalid_client", "secret": "do-not-show"})]

    with pytest.raises(kind) as caught:
        await client.request("GET", GROUP, VERSION)

    assert caught.value.code == code
    assert "do-not-show" not in str(caught.value)
    assert arm.calls == []


async def test_without_an_identity_endpoint_nothing_is_sent(
    arm: FakeArm, client: ArmClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IDENTITY_HEADER")
    # No other kind of credential may be tried.
    monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "environment-secret")

    with pytest.raises(Fatal) as caught:
        await client.request("GET", GROUP, VERSION)

    assert caught.value.code == "ManagedIdentityUnavailable"
    assert arm.calls == arm.token_calls == []


@pytest.mark.parametrize("failure", [LOST, CUT])
async def test_a_lost_read_is_sent_once_more(arm: FakeArm, client: ArmClient, failure: int) -> None:
    arm.on("GET", GROUP, Answer(failure), Answer(body={"name": "g"}))

    answer = await client.request("GET", GROUP, VERSION)

    assert answer.json() == {"name": "g"}
    assert len(arm.calls) == 2


@pytest.mark.parametrize("failure", [LOST, CUT])
async def test_a_read_that_stays_lost_is_transient(arm: FakeArm, client: ArmClient, failure: int) -> None:
    arm.on("GET", GROUP, Answer(failure))

    with pytest.raises(Transient) as caught:
        await client.request("GET", GROUP, VERSION)

    assert caught.value.code == "ConnectionFailed"
    assert len(arm.calls) == 2


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST", "DELETE"])
async def test_a_lost_write_is_transient_and_never_sent_twice(arm: FakeArm, client: ArmClient, method: str) -> None:
    arm.on("GET", GROUP, Answer(body={}))
    arm.on(method, GROUP, Answer(LOST))
    await client.request("GET", GROUP, VERSION)  # so that the write meets a connection that is in use already

    with pytest.raises(Transient):
        await client.request(method, GROUP, VERSION, body={})

    assert [call.method for call in arm.calls] == ["GET", method]


async def test_nobody_listening_is_transient(client: ArmClient, arm: FakeArm) -> None:
    other = ArmClient("https://localhost:1", CLIENT_ID)
    with pytest.raises(Transient):
        await other.request("PUT", GROUP, VERSION, body={})
    await other.close()


async def test_a_certificate_that_is_not_trusted_gets_no_token(
    arm: FakeArm, client: ArmClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(Transient):
        await client.request("GET", GROUP, VERSION)

    assert arm.calls == []
    assert arm.token_calls == []


async def test_the_environments_proxy_is_used_unless_it_is_bypassed(
    arm: FakeArm, elsewhere: FakeArm, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm.on("GET", GROUP, Answer(body={}))
    monkeypatch.setenv("HTTPS_PROXY", "http://localhost:1")
    client = ArmClient(arm.endpoint, CLIENT_ID)
    with pytest.raises(Transient):
        await client.request("GET", GROUP, VERSION)
    assert len(arm.token_calls) == 1  # the identity endpoint is asked without the proxy
    await client.close()
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert (await client.request("GET", GROUP, VERSION)).status == 200
    await client.close()


async def test_a_netrc_file_does_not_get_in_the_way(
    arm: FakeArm, client: ArmClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    arm.on("GET", GROUP, Answer(body={}))
    assert (await client.request("GET", GROUP, VERSION)).status == 200
    assert arm.calls[0].headers["authorization"].startswith("Bearer ")


async def test_a_redirect_is_not_followed(arm: FakeArm, elsewhere: FakeArm, client: ArmClient) -> None:
    arm.on("GET", GROUP, Answer(307, None, {"Location": f"{elsewhere.endpoint}{GROUP}"}))

    answer = await client.request("GET", GROUP, VERSION)

    assert answer.status == 307
    assert elsewhere.calls == []


@pytest.mark.parametrize(
    "link",
    [
        "{other}/next",
        "http://localhost:{port}/next",
        "https://localhost.evil.test/next",
        "https://localhost:{port}@{netloc}/next",
        "https://user@localhost:{port}/next",
        "https://{netloc}\\@localhost:{port}/next",
        "//{netloc}/next",
        "ftp://localhost:{port}/next",
        "https://localhost:{port}:x/next",
        "https://localhost:{port}/\\\\next",
        "https://[::1/next",
    ],
)
async def test_a_link_to_another_host_is_fatal_and_takes_no_token_along(
    arm: FakeArm, elsewhere: FakeArm, client: ArmClient, link: str
) -> None:
    url = link.format(other=elsewhere.endpoint, port=arm.port, netloc=f"localhost:{elsewhere.port}")

    with pytest.raises(Fatal) as caught:
        await client.follow(url, arm.endpoint)

    assert caught.value.code == "UnexpectedHost"
    assert elsewhere.calls == arm.calls == []
    assert arm.token_calls == []


async def test_the_pipeline_itself_refuses_another_host_before_it_asks_for_a_token(
    arm: FakeArm, elsewhere: FakeArm, client: ArmClient
) -> None:
    from azure.core.rest import HttpRequest

    connection = await client.connection()
    with pytest.raises(Fatal):
        await connection.client.send_request(HttpRequest("GET", f"{elsewhere.endpoint}/x"))

    assert elsewhere.calls == []
    assert arm.token_calls == []


async def test_a_relative_link_and_the_default_port_are_arms_own(client: ArmClient, arm: FakeArm) -> None:
    from controlplane.azure.hosts import absolute

    arm.on("GET", "/operations/1", Answer(body={"status": "Succeeded"}))
    answer = await client.follow("/operations/1?api-version=1", f"{arm.endpoint}{GROUP}")
    assert answer.json() == {"status": "Succeeded"}
    # As recorded from private DNS.
    recorded = "https://management.azure.com:443/subscriptions/s/operations/1"
    assert absolute(recorded, "https://management.azure.com/x", "https://Management.azure.com") == recorded


@pytest.mark.parametrize("path", ["", "subscriptions/s", "@evil.test/x", "//evil.test/x", "/a/../b", "/a//b", "/."])
async def test_a_path_that_could_reach_elsewhere_is_refused(client: ArmClient, arm: FakeArm, path: str) -> None:
    with pytest.raises(Fatal) as caught:
        await client.request("GET", path, VERSION)
    assert caught.value.code == "UnexpectedPath"
    assert arm.calls == arm.token_calls == []


async def test_characters_of_a_name_stay_inside_the_path(client: ArmClient, arm: FakeArm) -> None:
    arm.on("GET", "/subscriptions/s/a?b#c d%2f", Answer(body={}))
    await client.request("GET", "/subscriptions/s/a?b#c d%2f", VERSION)
    assert arm.calls[0].target == f"/subscriptions/s/a%3Fb%23c%20d%252f?api-version={VERSION}"


async def test_a_closed_client_can_be_used_again(client: ArmClient, arm: FakeArm) -> None:
    arm.on("GET", GROUP, Answer(body={}))
    await client.request("GET", GROUP, VERSION)
    await client.close()
    await client.close()
    assert (await client.request("GET", GROUP, VERSION)).status == 200


def test_importing_the_adapters_imports_no_sdk() -> None:
    program = (
        "import sys, controlplane.azure.reader, controlplane.azure.writer, controlplane.azure.catalog, "
        "controlplane.azure.jobs; "
        "print([name for name in sys.modules if name in ('aiohttp', 'requests', 'msal') or name.startswith('azure.')])"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"
