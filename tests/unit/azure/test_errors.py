"""Every row of the error table, and every shape an ARM error comes in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.errors import clean, error_of, is_absence, read_error
from controlplane.errors import Conflict, ControlPlaneError, Fatal, Rejected, Throttled, Transient
from tests.unit.azure.server import TOKEN


def answer(status: int, body: Any = None, **headers: str) -> ArmAnswer:
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ArmAnswer(status, named, content, "https://management.azure.com/x")


def envelope(code: str, message: str = "Because.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidRequestContent", Rejected),
        (401, "ExpiredAuthenticationToken", Rejected),
        (403, "AuthorizationFailed", Rejected),
        (404, "ResourceGroupNotFound", Rejected),
        (405, "HttpMethodNotAllowed", Rejected),
        (408, "RequestTimeout", Transient),
        (409, "AnotherOperationInProgress", Conflict),
        (409, "RoleAssignmentExists", Conflict),
        (412, "PreconditionFailed", Conflict),
        (413, "RequestEntityTooLarge", Rejected),
        (415, "UnsupportedMediaType", Rejected),
        (422, "UnprocessableEntity", Rejected),
        (429, "RetryableErrorDueToAnotherOperation", Transient),
        (429, "TooManyRequests", Throttled),
        (429, "WhateverAProviderCallsIt", Throttled),
        (500, "InternalServerError", Transient),
        (502, "BadGateway", Transient),
        (503, "ServerTimeout", Transient),
        (504, "GatewayTimeout", Transient),
        (507, "InsufficientStorage", Transient),
        (301, "Moved", Fatal),
        (307, "Moved", Fatal),
    ],
)
def test_each_status_says_what_the_caller_can_do(status: int, code: str, kind: type[ControlPlaneError]) -> None:
    error = error_of(answer(status, envelope(code)))

    assert type(error) is kind
    if kind is not Fatal:
        assert (error.code, error.message) == (code, "Because.")
    if isinstance(error, Rejected):
        assert error.status == status


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry_after": "17"}, 17.0),
        (503, {"retry_after": "0", "x_ms_retry_after_ms": "40"}, 0.04),
        (503, {"retry_after": "0"}, 0.0),
        (429, {}, 0.0),  # none named: the caller's back-off decides
    ],
)
def test_a_passing_fault_is_repeated_when_arm_says(status: int, headers: dict[str, str], seconds: float) -> None:
    error = error_of(answer(status, envelope("X"), **headers))
    assert isinstance(error, Transient)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        pytest.param(envelope("A", "m"), "A", "m", id="envelope"),
        pytest.param({"code": "NotFound", "message": "m"}, "NotFound", "m", id="recorded: private DNS, no envelope"),
        pytest.param({"Code": "A", "Message": "m"}, "A", "m", id="capitalised"),
        pytest.param({"Error": {"Code": "A", "Message": "m"}}, "A", "m", id="capitalised envelope"),
        pytest.param({"odata.error": {"code": "A", "message": {"value": "m"}}}, "A", "m", id="OData"),
        pytest.param({"error": "invalid_request", "error_description": "m"}, "invalid_request", "m", id="OAuth"),
        pytest.param({"Message": "m"}, "BadRequest", "m", id="message only"),
        pytest.param(None, "BadRequest", "Azure gave no message (BadRequest).", id="empty"),
        pytest.param(b"<html>", "BadRequest", "Azure gave no message (BadRequest).", id="HTML"),
        pytest.param(b"\xff\xfe", "BadRequest", "Azure gave no message (BadRequest).", id="not text"),
        pytest.param([1], "BadRequest", "Azure gave no message (BadRequest).", id="list"),
        pytest.param({"error": None}, "BadRequest", "Azure gave no message (BadRequest).", id="null"),
        pytest.param(
            {"error": {"code": 7, "message": 8}}, "BadRequest", "Azure gave no message (BadRequest).", id="no"
        ),
        pytest.param(
            envelope("BadRequest", "outer", details=[{"code": "SkuNotSupported", "message": "inner"}]),
            "SkuNotSupported",
            "inner",
            id="generic outer code",
        ),
        pytest.param(
            envelope(
                "DeploymentFailed",
                details=[{"code": "Conflict", "details": [{"code": "VaultAlreadyExists", "message": "deep"}]}],
            ),
            "VaultAlreadyExists",
            "deep",
            id="two generic codes",
        ),
        pytest.param(
            envelope("SubnetNotFound", "outer", details=[{"code": "Other", "message": "inner"}]),
            "SubnetNotFound",
            "outer",
            id="an outer code that says it",
        ),
        pytest.param(
            envelope("UserError", "outer", details=[{"message": "no code"}, {"code": "C", "message": "second"}]),
            "C",
            "second",
            id="the first detail with a code",
        ),
        pytest.param(envelope("BadRequest", "m", details=[]), "BadRequest", "m", id="generic without details"),
        pytest.param(envelope("BadRequest", "m", details=None), "BadRequest", "m", id="details null"),
    ],
)
def test_code_and_message_are_found_in_every_shape(body: Any, code: str, message: str) -> None:
    error = error_of(answer(400, body))
    assert (error.code, error.message) == (code, message)


def test_target_and_details_are_kept() -> None:
    # Recorded: PUT to a namespace that is not registered.
    detail = {"code": "MissingSubscriptionRegistration", "target": "Microsoft.X", "message": "Not registered."}
    error = error_of(answer(409, envelope("MissingSubscriptionRegistration", target="t", details=[detail])))
    assert error.target == "t"
    assert [(d.code, d.message, d.target) for d in error.details] == [
        ("MissingSubscriptionRegistration", "Not registered.", "Microsoft.X")
    ]


def test_the_header_names_the_code_where_the_body_does_not() -> None:
    assert read_error(answer(404, None, x_ms_error_code="ResourceNotFound")).code == "ResourceNotFound"
    assert read_error(answer(599)).code == "Http599"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("ResourceNotFound", True),
        ("ResourceGroupNotFound", True),
        ("ParentResourceNotFound", True),
        ("NotFound", True),
        ("VaultNotFound", True),
        ("SubscriptionNotFound", False),
        ("InvalidResourceType", False),
        ("InvalidResourceNamespace", False),
        ("NoRegisteredProviderFound", False),
    ],
)
def test_which_404_means_that_it_is_not_there(code: str, absent: bool) -> None:
    assert is_absence(answer(404, envelope(code))) is absent
    assert not is_absence(answer(400, envelope(code)))


def test_a_404_without_a_body_is_absence() -> None:
    # Recorded: HEAD of a resource group that is gone.
    assert is_absence(answer(404))


@pytest.mark.parametrize(
    "secret",
    [
        f"Authorization: Bearer {TOKEN}",
        "DefaultEndpointsProtocol=https;AccountKey=c2VjcmV0LWtleQ==;x=y",
        "client_secret=c2VjcmV0LWtleQ",
        "https://management.azure.com/o/1?api-version=1&t=638&c=TUlJ&s=c2VjcmV0LWtleQ&h=aGFzaA",
        "https://a.blob.core.windows.net/x?sig=c2VjcmV0LWtleQ%3D",
        'the body {"accountKey": "c2VjcmV0LWtleQ=="} is not valid',
        r"the body {\"clientSecret\":\"c2VjcmV0LWtleQ==\"} is not valid",
        "password: c2VjcmV0LWtleQ",
        "Authorization: Basic c2VjcmV0LWtleQ==",
        "Authorization: SharedKey account:c2VjcmV0LWtleQ==",
    ],
)
def test_no_secret_of_an_answer_reaches_an_error(secret: str) -> None:
    error = error_of(answer(400, envelope("BadRequest", secret, details=[{"code": "C", "message": secret}])))
    for text in (str(error), error.message, error.details[0].message):
        assert TOKEN not in text
        assert "c2VjcmV0LWtleQ" not in text


def test_a_message_has_a_bounded_length() -> None:
    assert len(clean("x" * 100_000)) < 2100


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "details", "target", "value", "Error", "x"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(st.integers(300, 599), _JSON | st.binary(max_size=30))
def test_whatever_the_body_is_there_is_an_error_with_a_code_and_a_message(status: int, body: Any) -> None:
    error = error_of(answer(status, body))
    assert isinstance(error, ControlPlaneError)
    assert error.code
    assert error.message
