"""The adapters against the simulator: what the unit tests script, answered by something that behaves like Azure."""

# ruff: noqa: F811  (pytest's fixtures are named by their parameters)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.catalog import AzureCatalog
from controlplane.azure.job_request import JobRequest
from controlplane.azure.jobs import JobClient, JobState
from controlplane.azure.reader import ArmReader
from controlplane.azure.writer import ArmWriter
from controlplane.errors import Conflict, Rejected, Transient
from controlplane.json_types import JsonObject
from controlplane.ports.reader import OperationReading
from controlplane.ports.writer import Accepted
from controlplane.settings import Settings
from tests.support.simulator import RunningSimulator, simulator, simulator_process  # noqa: F401

GROUPS = "2021-04-01"
NETWORK = "2026-03-01"
PRIVATE_DNS = "2024-06-01"
STORAGE = "2026-09-01"
LOCATION = "westeurope"


class Azure:
    """Reader and writer of one identity, and the way a tick waits."""

    def __init__(self, simulator: RunningSimulator, identity: str) -> None:
        self.client = ArmClient(simulator.env["ARM_ENDPOINT"], simulator.env[f"{identity}_CLIENT_ID"])
        self.reader = ArmReader(self.client)
        self.writer = ArmWriter(self.client)

    async def create(self, arm_id: str, version: str, body: JsonObject) -> OperationReading | None:
        """PUT and wait for the end as ARM says, never sooner."""
        return await self.finish(await self.writer.put(arm_id, version, body))

    async def settled(self, arm_id: str, version: str) -> None:
        """Waits for providers that report by ``provisioningState`` alone."""
        for _ in range(1800):
            body = await self.reader.get(arm_id, version)
            if body is not None and body["properties"].get("provisioningState") == "Succeeded":
                return
            await asyncio.sleep(0.1)
        raise TimeoutError(arm_id)

    async def finish(self, taken: Accepted | None) -> OperationReading | None:
        if taken is None or taken.operation_url is None:
            return None
        await asyncio.sleep(taken.retry_after)
        while True:
            reading = await self.reader.operation(taken.operation_url)
            if reading.status != "InProgress":
                return reading
            await asyncio.sleep(reading.retry_after)


@pytest.fixture(autouse=True)
def environment(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the platform tells a function app; nothing else points to the simulator."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
        monkeypatch.setenv(name, simulator.env[name])
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD", raising=False)


@pytest.fixture
async def operator(simulator: RunningSimulator) -> AsyncIterator[Azure]:
    azure = Azure(simulator, "OPERATOR")
    yield azure
    await azure.client.close()


@pytest.fixture
async def observer(simulator: RunningSimulator) -> AsyncIterator[Azure]:
    azure = Azure(simulator, "OBSERVER")
    yield azure
    await azure.client.close()


@pytest.fixture
async def group(simulator: RunningSimulator, operator: Azure) -> str:
    arm_id = f"{simulator.subscription}/resourceGroups/rg-adapters"
    await operator.create(arm_id, GROUPS, {"location": LOCATION})
    return arm_id


def network(group: str, *path: str) -> str:
    return "/".join([f"{group}/providers/Microsoft.Network", *path])


VNET_BODY = {"location": LOCATION, "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}}


async def test_a_network_is_written_by_the_sdk_and_read_by_the_client(
    simulator: RunningSimulator,
    operator: Azure,
    observer: Azure,
    group: str,
) -> None:
    vnet = network(group, "virtualNetworks", "vnet-1")
    subnet = f"{vnet}/subnets/snet-1"
    subnet_body = {"properties": {"addressPrefix": "10.1.0.0/24", "defaultOutboundAccess": False}}

    for arm_id, body in ((vnet, VNET_BODY), (subnet, subnet_body)):
        done = await operator.create(arm_id, NETWORK, body)
        assert done is not None
        assert done.status == "Succeeded"
        assert done.correlation_id

    found = await operator.reader.get(subnet, NETWORK)
    assert found is not None
    assert found["properties"]["provisioningState"] == "Succeeded"
    assert found["properties"]["defaultOutboundAccess"] is False
    assert [item["id"] for item in await observer.reader.list(network(group, "virtualNetworks"), NETWORK)] == [vnet]
    sent = {call["path"]: call for call in simulator.calls(method="PUT", path="virtualNetworks")}
    assert sent[vnet]["requestBody"] == VNET_BODY
    assert sent[subnet]["requestBody"] == subnet_body
    assert {call["apiVersion"] for call in sent.values()} == {NETWORK}
    assert simulator.calls(early=1) == []


async def test_private_dns_and_storage_report_in_their_own_ways(
    simulator: RunningSimulator,
    operator: Azure,
    group: str,
) -> None:
    zone = network(group, "privateDnsZones", "privatelink.blob.core.windows.net")
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/stadapters1"
    vnet = network(group, "virtualNetworks", "vnet-1")
    await operator.create(vnet, NETWORK, VNET_BODY)

    zone_done = await operator.create(zone, PRIVATE_DNS, {"location": "global"})
    link_done = await operator.create(
        f"{zone}/virtualNetworkLinks/link-1",
        PRIVATE_DNS,
        {"location": "global", "properties": {"virtualNetwork": {"id": vnet}, "registrationEnabled": False}},
    )
    storage_done = await operator.create(
        account, STORAGE, {"location": LOCATION, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    )

    assert [done and done.status for done in (zone_done, link_done, storage_done)] == ["Succeeded"] * 3
    assert (await operator.reader.get(account, STORAGE) or {})["properties"]["provisioningState"] == "Succeeded"
    assert simulator.calls(early=1) == []


async def test_deletion_ends_and_what_is_gone_is_none(operator: Azure, group: str) -> None:
    vnet = network(group, "virtualNetworks", "vnet-1")
    assert await operator.writer.delete(vnet, NETWORK) is None
    await operator.create(vnet, NETWORK, VNET_BODY)
    await operator.finish(await operator.writer.delete(vnet, NETWORK))
    assert await operator.reader.get(vnet, NETWORK) is None
    reading = await operator.finish(await operator.writer.delete(group, GROUPS))
    assert reading is not None
    assert reading.status == "Succeeded"
    assert await operator.writer.delete(group, GROUPS) is None
    assert await operator.reader.get(group, GROUPS) is None
    assert await operator.reader.list(network(group, "virtualNetworks"), NETWORK) == ()


async def test_a_list_follows_its_pages(
    simulator: RunningSimulator,
    operator: Azure,
    observer: Azure,
    group: str,
) -> None:
    simulator.settings(pageSize=2)
    names = [f"nsg-{number}" for number in range(5)]
    for name in names:
        await operator.create(network(group, "networkSecurityGroups", name), NETWORK, {"location": LOCATION})
    found = await observer.reader.list(network(group, "networkSecurityGroups"), NETWORK)
    assert [item["name"] for item in found] == names


async def test_the_observer_cannot_write(observer: Azure, group: str) -> None:
    for arm_id, version in ((network(group, "virtualNetworks", "v"), NETWORK), (f"{group}-2", GROUPS)):
        with pytest.raises(Rejected) as caught:
            await observer.writer.put(arm_id, version, {"location": LOCATION})
        assert (caught.value.code, caught.value.status) == ("AuthorizationFailed", 403)


@pytest.mark.parametrize(
    ("path", "version", "code"),
    [
        ("{group}/providers/Microsoft.Network/noSuchType/x", NETWORK, "InvalidResourceType"),
        ("{group}/providers/Microsoft.Nowhere/things/x", NETWORK, "InvalidResourceNamespace"),
        ("{group}/providers/Microsoft.Network/virtualNetworks/x", "1999-01-01", "InvalidApiVersionParameter"),
    ],
)
async def test_what_azure_does_not_know_is_refused(
    operator: Azure, group: str, path: str, version: str, code: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await operator.reader.get(path.format(group=group), version)
    assert caught.value.code == code


async def test_a_write_to_a_group_that_is_not_there(operator: Azure, simulator: RunningSimulator) -> None:
    for kind in ("Microsoft.Network/virtualNetworks", "Microsoft.Storage/storageAccounts"):
        arm_id = f"{simulator.subscription}/resourceGroups/nowhere/providers/{kind}/x1x1"
        with pytest.raises(Rejected) as caught:
            await operator.writer.put(arm_id, NETWORK if "Network" in kind else STORAGE, {"location": LOCATION})
        assert (caught.value.code, caught.value.status) == ("ResourceGroupNotFound", 404)


FAULTS: list[tuple[dict[str, Any], str, float | None]] = [
    ({"status": 429, "retryAfter": 3}, "TooManyRequests", 3.0),
    ({"status": 503, "retryAfter": 0.25}, "ServiceUnavailable", 0.25),
    ({"status": 500}, "InternalServerError", None),
    ({"drop": "before"}, "ConnectionFailed", None),
    ({"drop": "after"}, "ConnectionFailed", None),
]


@pytest.mark.parametrize(("fault", "code", "seconds"), FAULTS)
@pytest.mark.parametrize("kind", ["Microsoft.Network/virtualNetworks", "Microsoft.Storage/storageAccounts"])
async def test_a_fault_on_a_write_is_transient_and_the_write_is_sent_once(
    simulator: RunningSimulator,
    operator: Azure,
    group: str,
    kind: str,
    fault: dict[str, Any],
    code: str,
    seconds: float | None,
) -> None:
    arm_id = f"{group}/providers/{kind}/stfault1"
    version = NETWORK if "Network" in kind else STORAGE
    body: dict[str, Any] = {**VNET_BODY, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    if "Network" in kind:
        body = VNET_BODY
    else:
        body["properties"] = {}
    simulator.faults([{"method": "PUT", "path": "stfault1", **fault}])

    with pytest.raises(Transient) as caught:
        await operator.writer.put(arm_id, version, body)

    assert caught.value.code == code
    assert caught.value.retry_after == (seconds or 0.0)
    simulator.faults([])
    await simulator.drain()
    assert len(simulator.calls(method="PUT", path="stfault1")) == 1
    took_effect = fault.get("drop") == "after"
    assert (await operator.reader.get(arm_id, version) is not None) is took_effect


async def test_reads_survive_one_lost_connection(
    simulator: RunningSimulator,
    operator: Azure,
    group: str,
) -> None:
    simulator.faults([{"method": "GET", "path": "rg-adapters", "drop": "before", "times": 1}])
    assert await operator.reader.get(group, GROUPS) is not None
    simulator.faults([{"method": "GET", "path": "rg-adapters", "drop": "before"}])
    with pytest.raises(Transient):
        await operator.reader.get(group, GROUPS)


async def test_a_failed_operation_says_why(
    simulator: RunningSimulator,
    operator: Azure,
    group: str,
) -> None:
    failure = {"code": "InsufficientQuota", "message": "No more networks."}
    simulator.faults([{"method": "PUT", "path": "virtualNetworks", "failOperation": failure}])
    reading = await operator.create(network(group, "virtualNetworks", "vnet-1"), NETWORK, VNET_BODY)
    assert reading is not None
    assert (reading.status, reading.code, reading.message) == ("Failed", "InsufficientQuota", "No more networks.")


async def test_a_second_write_meets_the_first(simulator: RunningSimulator, operator: Azure, group: str) -> None:
    vnet = network(group, "virtualNetworks", "vnet-1")
    await operator.create(vnet, NETWORK, VNET_BODY)
    bodies = [{"properties": {"addressPrefix": f"10.1.{number}.0/24"}} for number in range(2)]
    simulator.settings(timeScale=0.01)  # the first is under way for minutes, until Azure's clock goes on
    first = await operator.writer.put(f"{vnet}/subnets/s0", NETWORK, bodies[0])
    with pytest.raises((Conflict, Transient)) as caught:
        await operator.writer.put(f"{vnet}/subnets/s1", NETWORK, bodies[1])
    assert "AnotherOperation" in caught.value.code
    simulator.control("PUT", "clock", json={"advanceSeconds": 100_000, "azure": True})
    assert first.operation_url is not None
    assert (await operator.reader.operation(first.operation_url)).status == "Succeeded"


async def test_what_planning_needs_to_know(simulator: RunningSimulator, observer: Azure) -> None:
    catalog = AzureCatalog(observer.client)
    known, foreign = simulator.env["AZURE_SUBSCRIPTION_ID"], "00000000-0000-0000-0000-000000000003"
    facts = await catalog.facts(known, LOCATION)
    assert facts.visible
    assert LOCATION in facts.locations
    assert facts.vm_sizes["standard_ds3_v2"]["name"] == "Standard_DS3_v2"
    assert not (await catalog.facts(foreign, LOCATION)).visible
    assert not (await catalog.facts("00000000-0000-0000-0000-0000000000ff", LOCATION)).visible
    unknown = await catalog.facts(known, "atlantis")
    assert unknown.visible
    assert "atlantis" not in unknown.locations


@pytest.fixture
async def workspace(operator: Azure, group: str) -> str:
    """A public ML workspace with a cluster: enough for a job to be queued."""
    providers = f"{group}/providers"
    account = f"{providers}/Microsoft.Storage/storageAccounts/stjobs1"
    vault = f"{providers}/Microsoft.KeyVault/vaults/kv-jobs-1"
    logs = f"{providers}/Microsoft.OperationalInsights/workspaces/log-jobs-1"
    insights = f"{providers}/Microsoft.Insights/components/appi-jobs-1"
    arm_id = f"{providers}/Microsoft.MachineLearningServices/workspaces/mlw-jobs-1"
    parts: list[tuple[str, str, dict[str, Any]]] = [
        (account, STORAGE, {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}),
        (
            vault,
            "2026-05-15",
            {
                "properties": {
                    "tenantId": "",
                    "sku": {"family": "A", "name": "standard"},
                    "enableRbacAuthorization": True,
                }
            },
        ),
        (logs, "2025-07-01", {"properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 30}}),
        (
            insights,
            "2020-02-02",
            {"kind": "web", "properties": {"Application_Type": "web", "WorkspaceResourceId": logs}},
        ),
        (
            arm_id,
            "2025-12-01",
            {
                "identity": {"type": "SystemAssigned"},
                "properties": {"storageAccount": account, "keyVault": vault, "applicationInsights": insights},
            },
        ),
        (
            f"{arm_id}/computes/cpu",
            "2025-12-01",
            {
                "properties": {
                    "computeType": "AmlCompute",
                    "properties": {
                        "vmSize": "Standard_DS3_v2",
                        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1},
                    },
                }
            },
        ),
    ]
    tenant = (await operator.client.request("GET", "/subscriptions", "2022-12-01")).json()["value"][0]["tenantId"]
    parts[1][2]["properties"]["tenantId"] = tenant
    for part, version, body in parts:
        await operator.create(part, version, {"location": LOCATION, **body})
        await operator.settled(part, version)
    return arm_id


@pytest.mark.filterwarnings("ignore::marshmallow.warnings.Marshmallow4Warning")
async def test_one_job(simulator: RunningSimulator, workspace: str) -> None:
    settings = Settings(
        arm_endpoint=simulator.env["ARM_ENDPOINT"],
        authority_host=simulator.env["AZURE_AUTHORITY_HOST"],
        tenant_ids=(simulator.env["AZURE_TENANT_ID"],),
        audience="a",
        observer_client_id=simulator.env["OBSERVER_CLIENT_ID"],
        operator_client_id=simulator.env["OPERATOR_CLIENT_ID"],
    )
    jobs = JobClient(settings, simulator.env["DATA_SCIENTIST_CLIENT_ID"])
    request = JobRequest(
        name="probe-1",
        owner="test",
        command="python train.py",
        environment="azureml://registries/azureml/environments/sklearn-1.5/versions/1",
        compute="cpu",
    )
    try:
        assert await jobs.state(workspace, "probe-1") is None
        simulator.settings(timeScale=1)  # it is not over before it is cancelled
        first = await jobs.submit(workspace, request)
        assert (first.name, first.owner) == ("probe-1", "test")
        await jobs.submit(workspace, request)
        puts = simulator.calls(method="PUT", path="/jobs/probe-1")
        assert len(puts) == 1
        assert puts[0]["requestBody"]["properties"]["command"] == "python train.py"
        simulator.settings(timeScale=100)
        await jobs.cancel(workspace, "probe-1")
        state: JobState | None = first
        while state is not None and state.status not in ("Canceled", "Completed", "Failed"):
            await asyncio.sleep(0.05)
            state = await jobs.state(workspace, "probe-1")
        assert state == JobState("probe-1", "Canceled", "test")
    finally:
        await jobs.close()
