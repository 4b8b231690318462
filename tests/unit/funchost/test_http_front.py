"""Routes and requests: what a function gets for what a caller sent, and the other way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import azure.functions as func
import httpx
import pytest

from funchost.functions import Function
from funchost.http_front import AnswerApp, HttpFront
from funchost.invocation import Invoker
from funchost.routes import routes_of
from tests.support.funchost import function


def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route_params": dict(req.route_params),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


def http(route: str | None, call: Callable[..., Any] = echo, name: str = "f", **binding: Any) -> Function:
    trigger = {"type": "httpTrigger", "name": "req", "direction": "IN", "authLevel": "ANONYMOUS", **binding}
    if route is not None:
        trigger["route"] = route
    return function(call, trigger, name=name)


def client(*functions: Function, prefix: str = "", timeout: float | None = None, ends: list[str] | None = None) -> Any:
    timed_out = [] if ends is None else ends
    front = HttpFront(routes_of(functions, prefix), Invoker(timeout), lambda: timed_out.append("end"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=AnswerApp(front.answer)), base_url="http://host:81")


async def get(path: str, *functions: Function, prefix: str = "") -> Any:
    async with client(*functions, prefix=prefix) as caller:
        return await caller.get(path)


async def test_what_the_function_gets() -> None:
    async with client(http("api/{*path}")) as caller:
        answer = await caller.post(
            "/api/a%2Fb/c%20d?x=1&x=2&y=&z=%C3%A4",
            content="{}",
            headers=[("X-Many", "1"), ("X-Many", "2"), ("Content-Type", "application/json")],
        )
    seen = answer.json()
    assert seen["method"] == "POST"
    assert seen["url"] == "http://host:81/api/a%2Fb/c%20d?x=1&x=2&y=&z=%C3%A4"
    assert seen["route_params"] == {"path": "a/b/c d"}
    assert seen["params"] == {"x": "1,2", "y": "", "z": "ä"}
    assert seen["headers"]["x-many"] == "1,2"
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["host"] == "host:81"
    assert seen["body"] == "{}"
    assert answer.headers["content-type"] == "application/json"


ROUTES: dict[str, tuple[str | None, str, str, dict[str, str] | None]] = {
    "catch-all": ("api/{*path}", "", "/api/x/y", {"path": "x/y"}),
    "catch-all takes nothing": ("api/{*path}", "", "/api", {}),
    "catch-all needs its literal": ("api/{*path}", "", "/apix/y", None),
    "outside": ("api/{*path}", "", "/other", None),
    "the prefix comes first": ("api/{*path}", "pre", "/pre/api/x", {"path": "x"}),
    "without the prefix": ("api/{*path}", "pre", "/api/x", None),
    "literals in any case": ("Things/{id}", "", "/tHINGS/A", {"id": "A"}),
    "one segment": ("things/{id}", "", "/things/a/b", None),
    "an optional one": ("things/{id?}", "", "/things", {}),
    "int": ("things/{id:int}", "", "/things/12", {"id": "12"}),
    "no int": ("things/{id:int}", "", "/things/x", None),
    "inside a segment": ("v-{id}.json", "", "/v-7.json", {"id": "7"}),
    "trailing slash": ("things", "", "/things/", {}),
    "no route means the name": (None, "", "/f", {}),
}


@pytest.mark.parametrize("name", ROUTES)
async def test_routes(name: str) -> None:
    route, prefix, path, parameters = ROUTES[name]
    answer = await get(path, http(route), prefix=prefix)
    assert answer.status_code == (404 if parameters is None else 200)
    if parameters is not None:
        assert answer.json()["route_params"] == parameters


async def test_the_more_specific_route_wins() -> None:
    def other(req: func.HttpRequest) -> str:
        return "specific"

    for functions in ([http("api/{*p}"), http("api/x", other, "g")], [http("api/x", other, "g"), http("api/{*p}")]):
        assert (await get("/api/x", *functions)).text == "specific"
        assert (await get("/api/y", *functions)).json()["route_params"] == {"p": "y"}


async def test_methods() -> None:
    async with client(http("x", methods=["GET"])) as caller:
        assert (await caller.get("/x")).status_code == 200
        assert (await caller.post("/x")).status_code == 404


async def test_answers() -> None:
    def cookies(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(b"\xff\x00", status_code=418, headers={"Set-Cookie": "a=b; Path=/", "X-Y": "z"})

    answer = await get("/x", http("x", cookies))
    assert (answer.status_code, answer.content) == (418, b"\xff\x00")
    assert answer.headers["set-cookie"] == "a=b; Path=/"
    assert answer.headers["x-y"] == "z"
    assert answer.headers["content-length"] == "2"

    def text(req: func.HttpRequest) -> str:
        return "tä"

    answer = await get("/x", http("x", text))
    assert (answer.status_code, answer.text) == (200, "tä")

    def nothing(req: func.HttpRequest) -> None:
        return None

    assert (await get("/x", http("x", nothing))).status_code == 204


async def test_a_function_that_raises_is_500_and_says_nothing() -> None:
    async def failing(req: func.HttpRequest) -> func.HttpResponse:
        raise ValueError("a secret")

    answer = await get("/x", http("x", failing))
    assert (answer.status_code, answer.content) == (500, b"")


async def test_a_result_of_a_wrong_type_is_500() -> None:
    def wrong(req: func.HttpRequest) -> object:
        return 7

    assert (await get("/x", http("x", wrong))).status_code == 500


async def test_a_path_that_is_not_utf_8_is_400() -> None:
    assert (await get("/api/%FF", http("api/{*path}"))).status_code == 400


async def test_a_function_that_runs_too_long_costs_its_process() -> None:
    import asyncio

    async def slow(req: func.HttpRequest) -> func.HttpResponse:
        await asyncio.sleep(3600)
        raise AssertionError("cancelled before")

    ends: list[str] = []
    async with client(http("x", slow), timeout=0.01, ends=ends) as caller:
        assert (await caller.get("/x")).status_code == 500
    assert ends == ["end"]


async def test_the_context_is_the_workers() -> None:
    def seen(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        assert vars(context.thread_local_storage)["invocation_id"] == context.invocation_id
        assert context.retry_context.retry_count == 0
        assert len(context.trace_context.trace_parent) == 55
        assert context.trace_context.Traceparent == context.trace_context.trace_parent  # type: ignore[attr-defined]
        return func.HttpResponse(f"{context.function_name} {context.function_directory}")

    answer = await get("/x", http("x", seen, "named"))
    assert answer.text == "named /app"
