"""The reader's contract, against answers as the recordings show them."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.azure.arm_client import ArmClient
from controlplane.azure.reader import ArmReader
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Transient
from controlplane.ports.reader import OperationReading, ResourceReader
from tests.unit.azure.server import CUT, LOST, Answer, FakeArm

VNETS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks"
VNET = f"{VNETS}/v"
VERSION = "2024-05-01"
OPERATION = "/subscriptions/s/providers/Microsoft.Network/locations/westeurope/operations/o"


def envelope(code: str, message: str = "Because.") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@pytest.fixture
def reader(client: ArmClient) -> ArmReader:
    return ArmReader(client)


async def test_get_answers_the_body_as_it_is(arm: FakeArm, reader: ResourceReader) -> None:
    body = {"id": VNET, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}, "tags": {"ü": "é"}}
    arm.on("GET", VNET, Answer(body=body))
    assert await reader.get(VNET, VERSION) == body
    assert arm.calls[0].target == f"{VNET}?api-version={VERSION}"


@pytest.mark.parametrize(
    "body",
    [
        envelope("ResourceNotFound"),
        envelope("ResourceGroupNotFound"),
        envelope("ParentResourceNotFound"),
        {"code": "NotFound", "message": "The resource record does not exist."},
        None,
    ],
)
async def test_what_is_not_there_is_none_and_an_empty_list(arm: FakeArm, reader: ResourceReader, body: Any) -> None:
    arm.on("GET", VNET, Answer(404, body))
    assert await reader.get(VNET, VERSION) is None
    assert await reader.list(VNET, VERSION) == ()


REFUSALS = [
    pytest.param(404, "SubscriptionNotFound", Rejected, id="subscription"),
    pytest.param(404, "InvalidResourceType", Rejected, id="type"),
    pytest.param(400, "NoRegisteredProviderFound", Rejected, id="provider"),
    pytest.param(400, "InvalidApiVersionParameter", Rejected, id="api-version"),
    pytest.param(403, "AuthorizationFailed", Rejected, id="forbidden"),
    pytest.param(409, "MissingSubscriptionRegistration", Conflict, id="conflict"),
    pytest.param(429, "SubscriptionRequestsThrottled", Transient, id="throttled"),
    pytest.param(503, "ServiceUnavailable", Transient, id="unavailable"),
    pytest.param(302, "UnexpectedStatus", Fatal, id="redirect"),
]


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
async def test_every_other_refusal_is_an_error(
    arm: FakeArm, reader: ResourceReader, status: int, code: str, kind: type[ControlPlaneError]
) -> None:
    arm.on("GET", VNET, Answer(status, envelope(code), {"Retry-After": "3"}))
    for read in (reader.get, reader.list):
        with pytest.raises(kind) as caught:
            await read(VNET, VERSION)
        assert caught.value.code == code
        if isinstance(caught.value, Transient):
            assert caught.value.retry_after == 3.0


@pytest.mark.parametrize("failure", [LOST, CUT])
async def test_a_lost_connection_is_transient(arm: FakeArm, reader: ResourceReader, failure: int) -> None:
    arm.on("GET", VNET, Answer(failure))
    for read in (reader.get, reader.list):
        with pytest.raises(Transient):
            await read(VNET, VERSION)


async def test_a_body_that_is_no_json_is_asked_for_again(arm: FakeArm, reader: ResourceReader) -> None:
    arm.on("GET", VNET, Answer(200, "<html>a proxy's page</html>"))
    with pytest.raises(Transient) as caught:
        await reader.get(VNET, VERSION)
    assert caught.value.code == "UnreadableAnswer"


@pytest.mark.parametrize("body", [None, [1], "7", {"items": []}, {"value": None}])
async def test_an_answer_of_another_shape_is_fatal(arm: FakeArm, reader: ResourceReader, body: Any) -> None:
    arm.on("GET", VNETS, Answer(200, body))
    with pytest.raises(Fatal):
        await reader.list(VNETS, VERSION)


async def test_a_list_is_every_page(arm: FakeArm, reader: ResourceReader) -> None:
    arm.on(
        "GET", VNETS, Answer(body={"value": [{"n": 1}, {"n": 2}], "nextLink": f"{arm.endpoint}/p2?$skipToken=a%2Bb"})
    )
    arm.on("GET", "/p2", Answer(body={"value": [], "nextLink": "/p3?$skipToken=c"}))
    arm.on("GET", "/p3", Answer(body={"value": [{"n": 3}], "nextLink": None}))

    assert await reader.list(VNETS, VERSION, [("$filter", "a eq 'b c'")]) == ({"n": 1}, {"n": 2}, {"n": 3})

    assert [call.target for call in arm.calls] == [
        f"{VNETS}?$filter=a+eq+'b+c'&api-version={VERSION}",
        "/p2?$skipToken=a%2Bb",
        "/p3?$skipToken=c",
    ]


async def test_the_first_page_of_a_long_list_is_one_call(arm: FakeArm, reader: ArmReader) -> None:
    """In the order in which Azure answers; a list that says nothing of its items is no empty one."""
    arm.on("GET", VNETS, Answer(body={"value": [{"n": 2}, {"n": 1}], "nextLink": "/p2"}))
    assert await reader.first(VNETS, VERSION, [("scheduleId", "watch")]) == ({"n": 2}, {"n": 1})
    assert [call.target for call in arm.calls] == [f"{VNETS}?scheduleId=watch&api-version={VERSION}"]


async def test_the_first_page_of_what_is_not_there_is_empty_and_of_what_is_no_list_fatal(
    arm: FakeArm, reader: ArmReader
) -> None:
    arm.on("GET", VNETS, Answer(404, envelope("ResourceNotFound")), Answer(body={"items": []}))
    assert await reader.first(VNETS, VERSION) == ()
    with pytest.raises(Fatal) as caught:
        await reader.first(VNETS, VERSION)
    assert caught.value.code == "UnexpectedAnswer"


async def test_a_page_that_is_gone_fails_the_whole_list(arm: FakeArm, reader: ResourceReader) -> None:
    arm.on("GET", VNETS, Answer(body={"value": [{"n": 1}], "nextLink": "/p2"}))
    arm.on("GET", "/p2", Answer(404, envelope("ResourceNotFound")))
    with pytest.raises(Rejected):
        await reader.list(VNETS, VERSION)


async def test_pages_in_a_circle_are_fatal(arm: FakeArm, reader: ResourceReader) -> None:
    arm.on("GET", VNETS, Answer(body={"value": [], "nextLink": "/p2"}))
    arm.on("GET", "/p2", Answer(body={"value": [], "nextLink": "/p2"}))
    with pytest.raises(Fatal) as caught:
        await reader.list(VNETS, VERSION)
    assert caught.value.code == "EndlessList"
    assert len(arm.calls) == 3


@pytest.mark.parametrize("link", [7, ["/p2"], {"href": "/p2"}, "https://[x/p2"])
async def test_a_next_link_that_is_no_url_is_fatal(arm: FakeArm, reader: ResourceReader, link: object) -> None:
    arm.on("GET", VNETS, Answer(body={"value": [], "nextLink": link}))
    with pytest.raises(Fatal) as caught:
        await reader.list(VNETS, VERSION)
    assert caught.value.code == "UnexpectedHost"


async def test_a_next_link_to_another_host_is_fatal_and_gets_no_token(
    arm: FakeArm, elsewhere: FakeArm, reader: ResourceReader
) -> None:
    arm.on("GET", VNETS, Answer(body={"value": [], "nextLink": f"{elsewhere.endpoint}/p2"}))
    elsewhere.on("GET", "/p2", Answer(body={"value": []}))
    with pytest.raises(Fatal) as caught:
        await reader.list(VNETS, VERSION)
    assert caught.value.code == "UnexpectedHost"
    assert elsewhere.calls == []


RESOURCE = {"id": VNET, "name": "v", "properties": {"provisioningState": "Succeeded"}}
SOON = {"Retry-After": "10", "x-ms-correlation-request-id": "c"}


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        pytest.param(
            Answer(200, {"status": "InProgress"}, SOON), OperationReading("InProgress", 10.0), id="network, running"
        ),
        pytest.param(
            Answer(202, {"status": "InProgress"}, SOON), OperationReading("InProgress", 10.0), id="private DNS, running"
        ),
        pytest.param(Answer(202, None, SOON), OperationReading("InProgress", 10.0), id="resource group, running"),
        pytest.param(
            Answer(202, "", {"x-ms-retry-after-ms": "40"}), OperationReading("InProgress", 0.04), id="storage, running"
        ),
        pytest.param(Answer(202, {"status": "NotStarted"}), OperationReading("InProgress"), id="vault purge, waiting"),
        pytest.param(Answer(200, {"status": "Creating"}), OperationReading("InProgress"), id="a provider's own word"),
        pytest.param(Answer(200, {"status": "Succeeded"}, SOON), OperationReading("Succeeded"), id="registry, done"),
        pytest.param(Answer(200, {"status": "succeeded"}), OperationReading("Succeeded"), id="case"),
        pytest.param(Answer(200, RESOURCE), OperationReading("Succeeded"), id="storage: the resource itself"),
        pytest.param(Answer(200, None), OperationReading("Succeeded"), id="resource group, gone"),
        pytest.param(Answer(204, None), OperationReading("Succeeded"), id="no content"),
        pytest.param(Answer(201, RESOURCE), OperationReading("Succeeded"), id="created"),
        pytest.param(
            Answer(200, {"status": "Failed"} | envelope("PreconditionFailed", "The Zone exists already.")),
            OperationReading("Failed", code="PreconditionFailed", message="The Zone exists already."),
            id="private DNS, recorded failure",
        ),
        pytest.param(
            Answer(200, {"status": "Failed", "properties": envelope("SkuNotAvailable", "No.")}),
            OperationReading("Failed", code="SkuNotAvailable", message="No."),
            id="error under properties",
        ),
        pytest.param(
            Answer(
                200,
                {
                    "status": "Failed",
                    "error": {"code": "UserError", "message": "o", "details": [{"code": "Quota", "message": "i"}]},
                },
            ),
            OperationReading("Failed", code="Quota", message="i"),
            id="cause in details",
        ),
        pytest.param(
            Answer(200, {"status": "Failed"}),
            OperationReading("Failed", code="OperationFailed", message="Azure gave no message (OperationFailed)."),
            id="no reason",
        ),
        pytest.param(
            Answer(200, {"status": "Canceled"} | envelope("Preempted", "By a person.")),
            OperationReading("Canceled", code="Preempted", message="By a person."),
            id="canceled",
        ),
        pytest.param(
            Answer(200, envelope("Broken", "No status.")),
            OperationReading("Failed", code="Broken", message="No status."),
            id="an error without a status",
        ),
        pytest.param(
            Answer(200, {"id": VNET, "properties": {"provisioningState": "Failed"}}),
            OperationReading("Failed", code="OperationFailed", message="Azure gave no message (OperationFailed)."),
            id="the resource, failed",
        ),
        pytest.param(
            Answer(409, envelope("ResourceGroupDeletionBlocked", "A lock.")),
            OperationReading("Failed", code="ResourceGroupDeletionBlocked", message="A lock."),
            id="Location: the operation's own failure",
        ),
        pytest.param(Answer(404, envelope("NotFound")), OperationReading("Gone"), id="expired"),
        pytest.param(Answer(410, None), OperationReading("Gone"), id="gone"),
    ],
)
async def test_one_poll_of_an_operation(
    arm: FakeArm, reader: ResourceReader, answer: Answer, reading: OperationReading
) -> None:
    arm.on("GET", OPERATION, answer)
    found = await reader.operation(f"{arm.endpoint}{OPERATION}?api-version=1&t=638&s=c2ln-_")
    assert (found.status, found.retry_after, found.code, found.message) == (
        reading.status,
        reading.retry_after,
        reading.code,
        reading.message,
    )
    assert found.correlation_id == answer.headers.get("x-ms-correlation-request-id")
    assert arm.calls[0].target == f"{OPERATION}?api-version=1&t=638&s=c2ln-_"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "InvalidAuthenticationToken", Rejected),
        (403, "AuthorizationFailed", Rejected),
        (404, "SubscriptionNotFound", Rejected),
        (408, "RequestTimeout", Transient),
        (429, "TooManyRequests", Transient),
        (500, "InternalServerError", Transient),
        (503, "ServerBusy", Transient),
        (LOST, "ConnectionFailed", Transient),
        (307, "UnexpectedStatus", Fatal),
    ],
)
async def test_a_poll_that_was_refused_says_nothing_of_the_operation(
    arm: FakeArm, reader: ResourceReader, status: int, code: str, kind: type[ControlPlaneError]
) -> None:
    arm.on("GET", OPERATION, Answer(status, envelope(code)))
    with pytest.raises(kind) as caught:
        await reader.operation(f"{arm.endpoint}{OPERATION}")
    assert caught.value.code == code


async def test_an_operation_on_another_host_is_fatal_and_gets_no_token(
    arm: FakeArm, elsewhere: FakeArm, reader: ResourceReader
) -> None:
    with pytest.raises(Fatal) as caught:
        await reader.operation(f"{elsewhere.endpoint}{OPERATION}?s=c2lnbmF0dXJl")
    assert caught.value.code == "UnexpectedHost"
    assert "c2lnbmF0dXJl" not in str(caught.value)
    assert elsewhere.calls == arm.token_calls == []
