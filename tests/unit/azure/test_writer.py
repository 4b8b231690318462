"""The writer's contract, on both of its ways to ARM: through an SDK, and through the ARM client."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.sdk_routes import NETWORK, PRIVATE_DNS, SdkCall, route
from controlplane.azure.writer import ArmWriter
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Transient
from controlplane.ports.writer import Accepted
from tests.unit.azure.conftest import IDENTITY_HEADER
from tests.unit.azure.server import CUT, LOST, TOKEN, Answer, FakeArm

GROUP = "/subscriptions/5b1f2e6a-0000-4000-8000-000000000001/resourceGroups/rg-1"
VNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-1"
SUBNET = f"{VNET}/subnets/snet-1"
ZONE = f"{GROUP}/providers/Microsoft.Network/privateDnsZones/privatelink.blob.core.windows.net"
LINK = f"{ZONE}/virtualNetworkLinks/link-1"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1"
VERSION = "2023-11-01"
EVERY_WAY = pytest.mark.parametrize("arm_id", [VNET, SUBNET, LINK, ACCOUNT], ids=["network", "child", "dns", "arm"])
OPERATION = "/subscriptions/s/providers/Microsoft.Network/locations/westeurope/operations/o?api-version=1&s=c2ln"


@pytest.fixture
async def writer(client: ArmClient) -> AsyncIterator[ArmWriter]:
    yield ArmWriter(client)


def envelope(code: str, message: str = "Because.") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


#: Order, case, null, empty values, numbers, text beyond ASCII, names no model knows: all must arrive.
BODY = {
    "location": "westeurope",
    "tags": {"owner": "Zoë", "empty": ""},
    "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "notInAnyModel": {"b": 1, "a": None},
        "provisioningState": "sent although read-only",
        "list": [],
        "flag": False,
        "number": 1.5,
        "network_profile": "snake_case stays",
    },
}


@EVERY_WAY
async def test_exactly_the_given_body_is_sent_with_the_pinned_version(
    arm: FakeArm, writer: ArmWriter, arm_id: str
) -> None:
    arm.on("PUT", arm_id, Answer(201, {"id": arm_id}))

    await writer.put(arm_id, VERSION, BODY)

    [call] = arm.calls
    assert call.target == f"{arm_id}?api-version={VERSION}"
    assert call.json == BODY
    assert list(call.json["properties"]) == list(BODY["properties"])
    assert call.headers["content-type"] == "application/json"
    assert call.headers["authorization"] == f"Bearer {TOKEN}1"
    assert "if-match" not in call.headers
    assert "if-none-match" not in call.headers


@EVERY_WAY
async def test_two_versions_of_one_type_do_not_mix(arm: FakeArm, writer: ArmWriter, arm_id: str) -> None:
    arm.on("PUT", arm_id, Answer(200, {}))
    await writer.put(arm_id, "2020-06-01", {})
    await writer.put(arm_id, "2024-06-01", {})
    assert [call.target.rpartition("=")[2] for call in arm.calls] == ["2020-06-01", "2024-06-01"]


async def test_every_way_shares_one_token(arm: FakeArm, writer: ArmWriter) -> None:
    for arm_id in (VNET, LINK, ACCOUNT, ACCOUNT):
        arm.on("PUT", arm_id, Answer(200, {}))
    await asyncio.gather(*(writer.put(arm_id, VERSION, {}) for arm_id in (VNET, LINK, ACCOUNT, ACCOUNT)))
    assert len(arm.token_calls) == 1


CREATED = {"id": "x", "properties": {"provisioningState": "Updating"}}


@EVERY_WAY
@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        pytest.param(Answer(200, CREATED), Accepted(200, CREATED), id="done"),
        pytest.param(Answer(201, CREATED), Accepted(201, CREATED), id="provisioningState alone"),
        pytest.param(
            Answer(201, CREATED, {"Azure-AsyncOperation": OPERATION, "Retry-After": "10"}),
            Accepted(201, CREATED, OPERATION, 10.0),
            id="network, registry",
        ),
        pytest.param(
            Answer(200, CREATED, {"Azure-AsyncOperation": OPERATION}),
            Accepted(200, CREATED, OPERATION),
            id="recorded: existing subnet, 200 with an operation",
        ),
        pytest.param(
            Answer(202, {}, {"Azure-AsyncOperation": OPERATION, "Location": "/other"}),
            Accepted(202, {}, OPERATION),
            id="private DNS: both, the first counts",
        ),
        pytest.param(
            Answer(202, "", {"Location": OPERATION, "Retry-After": "17", "Content-Type": "text/plain"}),
            Accepted(202, None, OPERATION, 17.0),
            id="storage: Location, no body",
        ),
        pytest.param(
            Answer(201, CREATED, {"Location": "/the/resource/itself"}),
            Accepted(201, CREATED),
            id="recorded: identity, workspace: Location is the resource",
        ),
        pytest.param(
            Answer(
                201,
                CREATED,
                {
                    "Azure-AsyncOperation": OPERATION,
                    "Date": "Sat, 21 Nov 2026 12:00:00 GMT",
                    "Retry-After": "Sat, 21 Nov 2026 12:00:25 GMT",
                },
            ),
            Accepted(201, CREATED, OPERATION, 25.0),
            id="Retry-After as a date",
        ),
        pytest.param(
            Answer(201, CREATED, {"Azure-AsyncOperation": OPERATION, "Retry-After": "0", "x-ms-retry-after-ms": "100"}),
            Accepted(201, CREATED, OPERATION, 0.1),
            id="milliseconds",
        ),
    ],
)
async def test_what_arm_accepted(
    arm: FakeArm, writer: ArmWriter, arm_id: str, answer: Answer, accepted: Accepted
) -> None:
    headers = answer.headers | {"x-ms-correlation-request-id": "c-1"}
    arm.on("PUT", arm_id, Answer(answer.status, answer.body, headers))

    found = await writer.put(arm_id, VERSION, {"location": "westeurope"})

    expected_url = arm.endpoint + accepted.operation_url if accepted.operation_url else None
    assert found == Accepted(accepted.status, accepted.body, expected_url, accepted.retry_after, "c-1")
    assert len(arm.calls) == 1  # nobody polled


@EVERY_WAY
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidRequestFormat", Rejected),
        (403, "AuthorizationFailed", Rejected),
        (404, "ResourceGroupNotFound", Rejected),
        (404, "ParentResourceNotFound", Rejected),
        (409, "AnotherOperationInProgress", Conflict),
        (409, "MissingSubscriptionRegistration", Conflict),
        (412, "PreconditionFailed", Conflict),
        (429, "RetryableErrorDueToAnotherOperation", Transient),
        (500, "InternalServerError", Transient),
        (503, "ServiceUnavailable", Transient),
    ],
)
async def test_every_refusal_of_a_write(
    arm: FakeArm, writer: ArmWriter, arm_id: str, status: int, code: str, kind: type[ControlPlaneError]
) -> None:
    arm.on("PUT", arm_id, Answer(status, envelope(code), {"Retry-After": "3"}))

    with pytest.raises(kind) as caught:
        await writer.put(arm_id, VERSION, {})

    assert (caught.value.code, caught.value.message) == (code, "Because.")
    if isinstance(caught.value, Transient):
        assert caught.value.retry_after == 3.0
    assert len(arm.calls) == 1  # neither repeated, nor answered by registering the provider


@EVERY_WAY
@pytest.mark.parametrize("failure", [LOST, CUT])
async def test_a_lost_write_is_transient_and_not_repeated(
    arm: FakeArm, writer: ArmWriter, arm_id: str, failure: int
) -> None:
    arm.on("PUT", arm_id, Answer(failure))
    arm.on("DELETE", arm_id, Answer(failure))
    for write in (writer.put(arm_id, VERSION, {}), writer.delete(arm_id, VERSION)):
        with pytest.raises(Transient):
            await write
    assert [call.method for call in arm.calls] == ["PUT", "DELETE"]


@EVERY_WAY
@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        pytest.param(Answer(204), None, id="nothing there"),
        pytest.param(Answer(404, envelope("ResourceNotFound")), None, id="not found"),
        pytest.param(Answer(404, envelope("ResourceGroupNotFound")), None, id="no group"),
        pytest.param(Answer(200), Accepted(200), id="recorded: registry, vault: at once"),
        pytest.param(
            Answer(202, None, {"Location": OPERATION, "Retry-After": "15"}),
            Accepted(202, None, OPERATION, 15.0),
            id="recorded: resource group",
        ),
        pytest.param(
            Answer(202, None, {"Azure-AsyncOperation": OPERATION, "Location": "/x", "Retry-After": "10"}),
            Accepted(202, None, OPERATION, 10.0),
            id="network",
        ),
    ],
)
async def test_delete(arm: FakeArm, writer: ArmWriter, arm_id: str, answer: Answer, accepted: Accepted | None) -> None:
    arm.on("DELETE", arm_id, answer)
    found = await writer.delete(arm_id, VERSION)
    if accepted is None:
        assert found is None
    else:
        assert found is not None
        url = arm.endpoint + accepted.operation_url if accepted.operation_url else None
        assert (found.status, found.operation_url, found.retry_after) == (accepted.status, url, accepted.retry_after)
    assert [call.target for call in arm.calls] == [f"{arm_id}?api-version={VERSION}"]


CLUSTER = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws/computes/cpu"


@pytest.mark.parametrize(
    ("properties", "how"),
    [
        ({"computeType": "AmlCompute"}, "Delete"),
        ({"computeType": "ComputeInstance", "isAttachedCompute": False}, "Delete"),
        ({"computeType": "Kubernetes"}, "Detach"),
        ({"computeType": "AmlCompute", "isAttachedCompute": True}, "Detach"),
        ({}, "Detach"),
    ],
)
async def test_what_somebody_attached_is_not_deleted_with_its_name(
    arm: FakeArm, writer: ArmWriter, properties: dict[str, Any], how: str
) -> None:
    arm.on("GET", CLUSTER, Answer(200, {"id": CLUSTER, "properties": properties}))
    arm.on("DELETE", CLUSTER, Answer(202, {}))
    assert await writer.delete(CLUSTER, VERSION) is not None
    assert [(call.method, call.target) for call in arm.calls] == [
        ("GET", f"{CLUSTER}?api-version={VERSION}"),
        ("DELETE", f"{CLUSTER}?underlyingResourceAction={how}&api-version={VERSION}"),
    ]


async def test_a_compute_that_cannot_be_read_is_not_deleted(arm: FakeArm, writer: ArmWriter) -> None:
    arm.on("GET", CLUSTER, Answer(403, envelope("AuthorizationFailed")))
    with pytest.raises(Rejected):
        await writer.delete(CLUSTER, VERSION)
    arm.on("GET", CLUSTER, Answer(404, envelope("ResourceNotFound")))
    assert await writer.delete(CLUSTER, VERSION) is None
    assert {call.method for call in arm.calls} == {"GET"}


@EVERY_WAY
async def test_a_delete_that_cannot_be_asked_is_not_taken_for_done(
    arm: FakeArm, writer: ArmWriter, arm_id: str
) -> None:
    arm.on("DELETE", arm_id, Answer(404, envelope("SubscriptionNotFound")))
    with pytest.raises(Rejected):
        await writer.delete(arm_id, VERSION)


@EVERY_WAY
@pytest.mark.parametrize("header", ["Azure-AsyncOperation", "Location"])
async def test_an_operation_url_on_another_host_is_fatal(
    arm: FakeArm, elsewhere: FakeArm, writer: ArmWriter, arm_id: str, header: str
) -> None:
    arm.on("PUT", arm_id, Answer(202, {}, {header: f"{elsewhere.endpoint}/operations/1"}))
    with pytest.raises(Fatal) as caught:
        await writer.put(arm_id, VERSION, {})
    assert caught.value.code == "UnexpectedHost"
    assert elsewhere.calls == []


@EVERY_WAY
async def test_no_token_and_no_secret_in_any_log_record_or_error(
    arm: FakeArm, writer: ArmWriter, arm_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    arm.on("PUT", arm_id, Answer(201, {}, {"Azure-AsyncOperation": OPERATION}), Answer(400, envelope("B", TOKEN)))
    await writer.put(arm_id, VERSION, {"properties": {"customerManagedKey": "body-secret"}})
    with pytest.raises(Rejected) as caught:
        await writer.put(arm_id, VERSION, {})
    text = "\n".join([record.getMessage() for record in caplog.records] + [repr(caught.value), str(caught.value)])
    assert "Request method: 'PUT'" in text  # the calls are logged
    for secret in (TOKEN, IDENTITY_HEADER, "body-secret", "c2ln"):
        assert secret not in text


async def test_both_sdks_are_there_after_warm_up(writer: ArmWriter, arm: FakeArm) -> None:
    await writer.warm_up()
    assert {NETWORK, PRIVATE_DNS} <= set(sys.modules)
    assert arm.calls == arm.token_calls == []


@pytest.mark.parametrize(
    ("arm_id", "call"),
    [
        (VNET, ("virtual_networks", NETWORK, ("vnet-1",))),
        (VNET.replace("Microsoft.Network", "microsoft.network").lower(), ("virtual_networks", NETWORK, ("vnet-1",))),
        (SUBNET, ("subnets", NETWORK, ("vnet-1", "snet-1"))),
        (LINK, ("virtual_network_links", PRIVATE_DNS, ("privatelink.blob.core.windows.net", "link-1"))),
        (ACCOUNT, None),
        (GROUP, None),
        (f"{VNET}/providers/Microsoft.Authorization/roleAssignments/r", None),
        (f"{VNET}/providers/Microsoft.Insights/diagnosticSettings/d", None),
        (f"{GROUP}/providers/Microsoft.Network/somethingNew/x", None),
        ("/subscriptions/s/providers/Microsoft.Network/virtualNetworks/v", None),
    ],
)
def test_route(arm_id: str, call: tuple[str, str, tuple[str, ...]] | None) -> None:
    found = route(arm_id)
    assert (found and (found.operations, found.package, found.names)) == call
    if found:
        assert (found.subscription, found.group) == ("5b1f2e6a-0000-4000-8000-000000000001", "rg-1")


def test_every_route_leads_to_operations_that_create_and_delete() -> None:
    from controlplane.azure import sdk_routes

    program = """
import importlib, sys
for package, name in (("azure.mgmt.network.aio", "Network"), ("azure.mgmt.privatedns.aio", "PrivateDns")):
    client = getattr(importlib.import_module(package), name + "ManagementClient")(object(), "s", policies=[])
    for attribute in sys.argv[1:]:
        operations = getattr(client, attribute, None)
        if operations is not None:
            assert callable(operations.begin_create_or_update) and callable(operations.begin_delete)
            print(package, attribute)
"""
    expected = {(package, name) for package, types in sdk_routes.TYPES.items() for name in types.values()}
    output = subprocess.run(
        [sys.executable, "-c", program, *(name for _, name in expected)], capture_output=True, text=True, check=True
    )
    assert {tuple(line.split()) for line in output.stdout.splitlines()} >= expected


def test_a_call_is_data() -> None:
    assert route(SUBNET) == SdkCall(
        NETWORK, "subnets", "5b1f2e6a-0000-4000-8000-000000000001", "rg-1", ("vnet-1", "snet-1")
    )
