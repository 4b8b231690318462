"""What holds for every call: api-version, error bodies, sizes, media types, correlation, 500."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from controlplane.errors import Fatal, NotYet, Rejected, Transient
from controlplane.http.edge import MAX_BODY
from tests.support.api import Api, registration, spec

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def error(answer: httpx.Response) -> dict[str, Any]:
    """The error object, whose shape is the same for all."""
    found: dict[str, Any] = answer.json()["error"]
    assert found.keys() == {"code", "message", "target", "details", "innererror"}
    assert answer.headers["x-ms-error-code"] == found["code"]
    assert found["innererror"]["correlationId"] == answer.headers["x-ms-request-id"]
    return found


async def raw(api: Api, method: str, path: str, **more: Any) -> httpx.Response:
    """A request with nothing added but the admin's token."""
    headers = {"Authorization": f"Bearer {api.admin}", **more.pop("headers", {})}
    return await api.client.request(method, path, headers=headers, **more)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("?api-version=", "MissingApiVersionParameter"),
        ("?Api-Version=2026-11-01", "MissingApiVersionParameter"),
        ("?api-version=2020-01-01", "UnsupportedApiVersionValue"),
        ("?api-version=2026-11-01&api-version=2026-11-01", "UnsupportedApiVersionValue"),
    ],
)
async def test_api_version(api: Api, query: str, code: str) -> None:
    answer = await raw(api, "GET", f"/api/workspaces{query}")
    assert (answer.status_code, error(answer)["code"]) == (400, code)
    assert error(answer)["target"] == "api-version"
    if code == "UnsupportedApiVersionValue":
        assert "2026-11-01" in error(answer)["message"]


@pytest.mark.parametrize("path", ["/api/health/live", "/api/openapi.json", "/api/docs"])
async def test_no_version_and_no_token_needed(api: Api, path: str) -> None:
    assert (await api.client.get(path)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nothing", 404, "ResourceNotFound"),
        ("GET", "/", 404, "ResourceNotFound"),
        ("GET", "/api/workspaces/", 404, "ResourceNotFound"),
        ("POST", "/api/workspaces/churn-dev", 405, "MethodNotAllowed"),
        ("POST", "/api/workspaces/churn-dev:explode", 405, "MethodNotAllowed"),
        ("TRACE", "/api/workspaces", 405, "MethodNotAllowed"),
    ],
)
async def test_routing_errors_have_the_same_body(api: Api, method: str, path: str, status: int, code: str) -> None:
    answer = await raw(api, method, path)
    assert (answer.status_code, error(answer)["code"]) == (status, code)


async def test_every_method_of_the_path_is_allowed(api: Api) -> None:
    answer = await raw(api, "PATCH", "/api/projects/churn/budget")
    assert answer.headers["Allow"] == "DELETE, GET, PUT"
    assert "DELETE, GET, PUT is answered here" in error(answer)["message"]
    assert answer.headers.get_list("Allow") == ["DELETE, GET, PUT"]


async def test_traceparent_is_the_correlation_id(api: Api) -> None:
    answer = await api.call("GET", "workspaces/absent", headers={"traceparent": TRACEPARENT})
    assert error(answer)["innererror"]["correlationId"] == TRACE


@pytest.mark.parametrize(
    "bad", ["", "00-x-y-01", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"]
)
async def test_bad_traceparent_is_replaced(api: Api, bad: str) -> None:
    answer = await api.call("GET", "workspaces/absent", headers={"traceparent": bad})
    made = error(answer)["innererror"]["correlationId"]
    assert len(made) == 32
    assert made not in (TRACE, "0" * 32)


WRITES = [
    ("PUT", "projects/churn"),
    ("PUT", "workspaces/w-1"),
    ("PATCH", "workspaces/w-1"),
    ("POST", "workspaces/w-1:plan"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_media_type(api: Api, method: str, path: str) -> None:
    for media_type in ("application/yaml", "text/plain", "application/x-www-form-urlencoded"):
        answer = await api.call(method, path, {}, headers={"Content-Type": media_type})
        assert (answer.status_code, error(answer)["code"]) == (415, "UnsupportedMediaType")


async def test_no_body_is_told_apart_from_a_bad_one(api: Api) -> None:
    nothing = await raw(api, "PUT", "/api/projects/churn?api-version=2026-11-01")
    assert (nothing.status_code, error(nothing)["code"]) == (415, "UnsupportedMediaType")
    assert "no Content-Type" in error(nothing)["message"]
    empty = await raw(
        api, "PUT", "/api/projects/churn?api-version=2026-11-01", headers={"Content-Type": "application/json"}
    )
    assert (empty.status_code, error(empty)["code"]) == (400, "InvalidRequestContent")
    assert "no body" in error(empty)["message"]


async def test_what_is_not_allowed_says_what_is(api: Api) -> None:
    answer = await raw(api, "POST", "/api/workspaces/churn-dev:explode")
    assert answer.headers["allow"] in error(answer)["message"]
    assert "openapi.json" in error(answer)["message"]


async def test_charset_of_json_is_fine(api: Api) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert (await api.call("PUT", "projects/churn", registration(), headers=headers)).status_code == 201


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_body_size(api: Api, method: str, path: str) -> None:
    body = {"x": "y" * MAX_BODY}
    answer = await api.call(method, path, body)
    assert (answer.status_code, error(answer)["code"]) == (413, "RequestBodyTooLarge")


async def test_body_size_without_a_length(api: Api) -> None:
    async def chunks() -> Any:
        for _ in range(10):
            yield b" " * (MAX_BODY // 8)

    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    answer = await raw(api, "PUT", "/api/projects/churn?api-version=2026-11-01", headers=headers, content=chunks())
    assert (answer.status_code, error(answer)["code"]) == (413, "RequestBodyTooLarge")


@pytest.mark.parametrize("length", [str(MAX_BODY + 1), "9" * 5000, "0" * 5000 + "9" * 7])
async def test_body_size_is_told_by_its_length(api: Api, length: str) -> None:
    """Of whatever length the length is: Python reads no number of more than 4,300 digits."""
    answer = await raw(api, "GET", "/api/health/live", headers={"Content-Length": length})
    assert (answer.status_code, error(answer)["code"]) == (413, "RequestBodyTooLarge")


@pytest.mark.parametrize("length", ["0", "00012", "", "many"])
async def test_body_size_that_fits_or_is_none(api: Api, length: str) -> None:
    assert (await raw(api, "GET", "/api/health/live", headers={"Content-Length": length})).status_code == 200


async def test_largest_body_is_read(api: Api) -> None:
    body = json.dumps(registration()).encode()
    content = body + b" " * (MAX_BODY - len(body))
    headers = {"Content-Type": "application/json"}
    answer = await raw(api, "PUT", "/api/projects/churn?api-version=2026-11-01", headers=headers, content=content)
    assert answer.status_code == 201


BROKEN = {
    "empty": b"",
    "cut off": b'{"a":',
    "not UTF-8": b'{"a": "\xff"}',
    "NaN": b'{"a": NaN}',
    "same name twice": b'{"project": "a", "project": "b"}',
    "a list": b"[]",
    "a text": b'"x"',
    "nested for ever": b'{"a":' * 50_000,
    "nested deep": b'{"a":' * 500 + b"1" + b"}" * 500,
    "half a surrogate pair as a name": rb'{"\ud800": 1}',
    "half a surrogate pair as a value": rb'{"project": ["\udfff"]}',
    "number beyond all": b'{"a": 1e999}',
    "number of many digits": b'{"a": 1' + b"0" * 5000 + b"}",
}


@pytest.mark.parametrize("case", BROKEN)
async def test_body_that_is_no_json_object(api: Api, case: str) -> None:
    headers = {"Content-Type": "application/json"}
    path = "/api/workspaces/w-1?api-version=2026-11-01"
    answer = await raw(api, "PUT", path, headers=headers, content=BROKEN[case])
    assert (answer.status_code, error(answer)["code"]) == (400, "InvalidRequestContent")


async def test_500_shows_a_correlation_id_and_nothing_else(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.reader.refusing["/subscriptions"] = RuntimeError("password=hunter2")
    answer = await api.call("GET", "health/ready", headers={"traceparent": TRACEPARENT})
    assert (answer.status_code, error(answer)["code"]) == (500, "InternalServerError")
    assert error(answer)["innererror"]["correlationId"] == TRACE
    for leak in ("Traceback", "hunter2", "RuntimeError", ".py"):
        assert leak not in answer.text
    assert any(TRACE in record.getMessage() and record.exc_info for record in caplog.records)


FAULTS: dict[str, tuple[Exception, int, str]] = {
    "fatal": (Fatal("UnexpectedHost", "hunter2"), 500, "InternalServerError"),
    "azure refused us": (Rejected("AuthorizationFailed", "no", status=403), 502, "AuthorizationFailed"),
    "throttled": (Transient("TooManyRequests", "slow", retry_after=3.2), 503, "TooManyRequests"),
    "not yet": (NotYet("DependencyMissing", "wait", retry_after=0), 503, "DependencyMissing"),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_faults_of_others_are_not_the_callers(api: Api, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault, status, code = FAULTS[case]

    async def facts(subscription_id: str, location: str) -> Any:
        raise fault

    await api.register()
    monkeypatch.setattr(api.catalog, "facts", facts)
    answer = await api.call("PUT", "workspaces/churn-dev", spec())
    assert (answer.status_code, error(answer)["code"]) == (status, code)
    assert "hunter2" not in answer.text
    assert ("Retry-After" in answer.headers) is (status == 503)
    if case == "throttled":
        assert answer.headers["Retry-After"] == "4"
