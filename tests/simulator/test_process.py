"""The simulator as a process: rights, recorder, faults, metadata, restart."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import httpx
import jwt
import pytest

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


async def test_who_sees_and_may_do_what(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/g"
    hidden = f"/subscriptions/{simulator.env['HIDDEN_SUBSCRIPTION_ID']}"
    body = {"location": "westeurope"}
    async with simulator.arm("observer") as observer, simulator.arm("operator") as operator, simulator.arm() as owner:
        refused = await observer.put(group, params=V, json=body)
        assert refused.status_code == 403
        error = refused.json()["error"]
        assert error["code"] == "AuthorizationFailed"
        assert "'Microsoft.Resources/subscriptions/resourceGroups/write' over scope" in error["message"]
        assert (await operator.put(group, params=V, json=body)).status_code == 201
        assert (await observer.get(group, params=V)).status_code == 200
        assert (await operator.get(hidden, params=V)).json()["error"]["code"] == "SubscriptionNotFound"
        assert (await owner.get(hidden, params=V)).status_code == 200
        assert len((await operator.get("/subscriptions", params=V)).json()["value"]) == 2
        assert len((await owner.get("/subscriptions", params=V)).json()["value"]) == 3
        malformed = await owner.get("/subscriptions/x", params=V)
        assert malformed.json()["error"]["code"] == "InvalidSubscriptionId"


async def test_early_polls_are_counted_and_patient_ones_are_not(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/g"
    async with simulator.arm("operator") as arm, simulator.arm("observer") as other:
        await arm.put(group, params=V, json={"location": "westeurope"})
        simulator.settings(timeScale=0.01)  # to wait is a matter of minutes, so that the next polls are early
        answer = await arm.delete(group, params=V)
        await other.get(group, params=V)  # somebody else may look whenever they want
        await arm.get(answer.headers["location"])
        await arm.get(group, params=V)
        assert [call["early_poll"] for call in simulator.calls(early=1)] == [True, True]
        simulator.reset(scale=100)
        await arm.put(group, params=V, json={"location": "westeurope"})
        answer = await arm.delete(group, params=V)
        wait = float(answer.headers["x-ms-retry-after-ms"]) / 1000
        while answer.status_code == 202:
            await asyncio.sleep(wait)
            answer = await arm.get(answer.headers["location"])
        assert answer.status_code == 200
        assert simulator.calls(early=1) == []


async def test_the_recorder_keeps_bodies_and_principals(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/g"
    async with simulator.arm("operator") as arm:
        await arm.put(group, params=V, json={"location": "westeurope", "tags": {"a": "b"}})
        await arm.get(f"{simulator.subscription}/resourceGroups/none", params=V)
    put, missing = simulator.calls(plane="arm")
    assert (put["method"], put["status"], put["apiVersion"]) == ("PUT", 201, "2021-04-01")
    assert put["requestBody"] == {"location": "westeurope", "tags": {"a": "b"}}
    assert put["clientId"] == simulator.env["OPERATOR_CLIENT_ID"]
    assert missing["error"]["code"] == "ResourceGroupNotFound"


async def test_faults(simulator: RunningSimulator) -> None:  # noqa: F811
    base = f"{simulator.subscription}/resourceGroups"
    body = {"location": "westeurope"}
    async with simulator.arm() as arm:
        simulator.faults([{"method": "PUT", "path": "/first$", "status": 503, "retryAfter": 2, "times": 1}])
        busy = await arm.put(f"{base}/first", params=V, json=body)
        assert (busy.status_code, busy.headers["retry-after"]) == (503, "2")
        assert (await arm.put(f"{base}/first", params=V, json=body)).status_code == 201
        simulator.faults(
            [{"path": "/second", "drop": "before", "times": 1}, {"path": "/third", "drop": "after", "times": 1}]
        )
        for name, exists in (("second", 404), ("third", 200)):
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await arm.put(f"{base}/{name}", params=V, json=body)
            assert (await arm.get(f"{base}/{name}", params=V)).status_code == exists
        simulator.faults([{"path": "/first", "status": 500, "after": True, "every": 2}])
        statuses = [(await arm.get(f"{base}/first", params=V)).status_code for _ in range(4)]
        assert statuses == [200, 500, 200, 500]
        with pytest.raises(httpx.HTTPStatusError):
            simulator.faults([{"path": "x", "sttus": 500}])


async def test_throttling_answers_429_when_the_bucket_is_empty(simulator: RunningSimulator) -> None:  # noqa: F811
    simulator.reset(scale=0.01)  # a refill of 25 in 100 s cannot keep up, however slow this machine is
    simulator.settings(throttling=True)
    path = f"{simulator.subscription}/locations"
    async with simulator.arm("observer") as arm:
        first = await arm.get(path, params=V)
        assert first.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
        answers = [first]
        while answers[-1].status_code == 200:
            answers += await asyncio.gather(*(arm.get(path, params=V) for _ in range(50)))
        refused = next(one for one in answers if one.status_code == 429)
        assert refused.json()["error"]["code"] == "SubscriptionRequestsThrottled"
        assert refused.headers["x-ms-retry-after-ms"] == "100000"
    async with simulator.arm() as owner:
        assert (await owner.get(path, params=V)).status_code == 200


async def test_resource_providers_are_registered_or_not(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/g"
    energy = f"{group}/providers/Microsoft.OpenEnergyPlatform/energyServices/e"
    async with simulator.arm() as arm:
        await arm.put(group, params=V, json={"location": "westeurope"})
        answer = await arm.put(energy, params=V, json={"location": "westeurope"})
        recorded = json.loads((ROOT / "tests/data/arm/error-provider-not-registered.json").read_text())[0]["response"]
        assert answer.status_code == recorded["status"]
        assert answer.json() == recorded["body"]
        await arm.post(f"{simulator.subscription}/providers/Microsoft.Storage/unregister", params=V)
        account = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
        refused = await arm.put(f"{group}/{STORAGE}/stabc", params={"api-version": "2023-05-01"}, json=account)
        assert refused.json()["error"]["code"] == "MissingSubscriptionRegistration"
        await arm.post(f"{simulator.subscription}/providers/Microsoft.Storage/register", params=V)
        assert (
            await arm.put(f"{group}/{STORAGE}/stabc", params={"api-version": "2023-05-01"}, json=account)
        ).status_code == 202


async def test_somebody_opens_a_storage_account_by_hand(simulator: RunningSimulator) -> None:  # noqa: F811
    group = f"{simulator.subscription}/resourceGroups/g"
    account = {
        "location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2",
        "properties": {
            "publicNetworkAccess": "Disabled",
            "networkAcls": {"defaultAction": "Deny", "bypass": "AzureServices"},
        },
    }  # fmt: skip
    version = {"api-version": "2023-05-01"}
    async with simulator.arm() as arm:
        await arm.put(group, params=V, json={"location": "westeurope"})
        await arm.put(f"{group}/{STORAGE}/stabc", params=version, json=account)
        await simulator.drain()
        simulator.inject(kind="public-access", account="stabc")
        shown = (await arm.get(f"{group}/{STORAGE}/stabc", params=version)).json()["properties"]
    assert shown["publicNetworkAccess"] == "Enabled"
    assert shown["networkAcls"]["defaultAction"] == "Allow"
    assert shown["networkAcls"]["bypass"] == "AzureServices"


async def test_metadata_in_both_shapes(simulator: RunningSimulator) -> None:  # noqa: F811
    async with simulator.arm() as client:
        one = (await client.get("/metadata/endpoints", params={"api-version": "2022-09-01"})).json()
        many = (await client.get(simulator.env["ARM_CLOUD_METADATA_URL"])).json()
    assert one == many[0]
    assert one["resourceManager"] == f"{simulator.url}/"
    assert one["authentication"]["loginEndpoint"] == simulator.url
    assert len(one["portal"].split("/")[2].split(".")) >= 3


async def test_imds(simulator: RunningSimulator) -> None:  # noqa: F811
    path = "/metadata/identity/oauth2/token"
    query = {"api-version": "2018-02-01", "resource": "https://management.azure.com/"}
    client_id = simulator.env["OBSERVER_CLIENT_ID"]
    async with simulator.arm() as client:
        assert (await client.get(path, params=query)).status_code == 400
        wrong = await client.get(path, params={**query, "client_id": "x"}, headers={"Metadata": "true"})
        assert wrong.json() == {"error": "invalid_request", "error_description": "Identity not found"}
        good = await client.get(path, params={**query, "client_id": client_id}, headers={"Metadata": "true"})
        assert good.json()["client_id"] == client_id


async def test_vm_sizes(simulator: RunningSimulator) -> None:  # noqa: F811
    path = f"{simulator.subscription}/providers/Microsoft.Compute/skus"
    query = {"api-version": "2021-07-01", "$filter": "location eq 'westeurope'"}
    async with simulator.arm("observer") as arm:
        found = (await arm.get(path, params=query)).json()["value"]
    sizes = {one["name"]: {c["name"]: c["value"] for c in one["capabilities"]} for one in found}
    assert sizes["Standard_DS3_v2"]["vCPUs"] == "4"
    assert all(one["locations"] == ["westeurope"] for one in found)


async def test_a_second_one_on_the_same_port_says_so_and_leaves_the_first_its_env_file(
    simulator: RunningSimulator,  # noqa: F811
    tmp_path: Path,
) -> None:
    env_file = tmp_path / "azure.env"
    env_file.write_text("SIMULATOR_URL=https://first\n")
    port = simulator.url.rpartition(":")[2]
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--port", port, "--env-file", str(env_file)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await second.communicate()
    assert (second.returncode, out) == (1, b"")
    assert err.decode().startswith(f"port {port} is in use") and "Traceback" not in err.decode()
    assert env_file.read_text() == "SIMULATOR_URL=https://first\n"


async def _printed(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode().strip()


async def test_a_state_file_outlives_the_process_and_commands_find_it(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with start_simulator(tmp_path, state=state, time_scale=50) as first:
        async with first.arm() as arm:
            group = f"{first.subscription}/resourceGroups/g"
            await arm.put(group, params=V, json={"location": "westeurope"})
        before = first.env
        command = [sys.executable, "-m", "simulator", "token", "--role", "A", "--role", "B", "--user", "bo"]
        claims = jwt.decode(
            await _printed(*command, "--env-file", str(first.env_file)), options={"verify_signature": False}
        )
        assert (claims["roles"], claims["name"]) == (["A", "B"], "bo")
        first.process.kill()
        first.process.wait()
    with start_simulator(tmp_path, state=state, time_scale=50) as second:
        async with second.arm() as arm:
            assert (await arm.get(group, params=V)).status_code == 200
        same = ("AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "OPERATOR_CLIENT_ID", "IDENTITY_HEADER", "SSL_CERT_FILE")
        assert {name: before[name] for name in same} == {name: second.env[name] for name in same}
    assert first.env_file.stat().st_mode & 0o077 == 0


def test_two_seeds_differ_and_one_seed_repeats(simulator: RunningSimulator) -> None:  # noqa: F811
    first = read_env(simulator.env_file)
    simulator.reset(seed="another")
    assert simulator.env["AZURE_TENANT_ID"] != first["AZURE_TENANT_ID"]
    simulator.reset(seed="contoso")
    assert simulator.env == first


async def test_commands_inject_and_a_faults_file_counts(tmp_path: Path) -> None:
    rules = tmp_path / "faults.yaml"
    rules.write_text("rules:\n  - {path: /resourceGroups/unlucky$, status: 502, times: 1}\n")
    record = tmp_path / "traffic.jsonl"
    with start_simulator(tmp_path, faults=rules, record=record, time_scale=100) as running:
        base = f"{running.subscription}/resourceGroups"
        zone = f"{base}/g/providers/Microsoft.Network/privateDnsZones/privatelink.example.net"
        vnet = f"{base}/g/providers/Microsoft.Network/virtualNetworks/v"
        dns = {"api-version": "2020-06-01"}
        async with running.arm() as arm:
            body = {"location": "westeurope"}
            statuses = [(await arm.put(f"{base}/unlucky", params=V, json=body)).status_code for _ in range(2)]
            assert statuses == [502, 201]
            await arm.put(f"{base}/g", params=V, json=body)
            network = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
            await arm.put(vnet, params={"api-version": "2023-05-01"}, json=network)
            await arm.put(zone, params=dns, json={"location": "global"})
            await running.drain()
            link = f"{zone}/virtualNetworkLinks/hub"
            linked = {
                "location": "global",
                "properties": {"virtualNetwork": {"id": vnet}, "registrationEnabled": False},
            }
            assert (await arm.put(link, params=dns, json=linked)).status_code == 202
            await running.drain()
            command = (
                sys.executable,
                "-m",
                "simulator",
                "inject",
                "delete-dns-link",
                "--zone",
                "privatelink.example.net",
            )
            named = ("--link", "hub", "--workspace-group", "g", "--env-file", str(running.env_file))
            assert await _printed(*command, *named) == link
            await running.drain()
            assert (await arm.get(link, params=dns)).status_code == 404
            by_hand = (sys.executable, "-m", "simulator", "inject", "arm", "--env-file", str(running.env_file))
            made = (f"{base}/by-hand", "--api-version", V["api-version"], "--body", json.dumps(body))
            assert json.loads(await _printed(*by_hand, "put", *made))["name"] == "by-hand"
            assert (await arm.get(f"{base}/by-hand", params=V)).json()["location"] == "westeurope"
    written = [json.loads(line) for line in record.read_text().splitlines()]
    assert [call["status"] for call in written if call["path"].endswith("/unlucky")] == [502, 201]
