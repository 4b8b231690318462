"""The Event Grid webhook and access keys: statuses and texts of the real extension."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import azure.functions as func
import httpx
import pytest

from funchost.host_json import HostError
from funchost.http_front import AnswerApp, HttpFront
from funchost.invocation import Invoker
from funchost.keys import Keys, keys_of, level_of
from funchost.routes import routes_of
from funchost.webhooks import EventGridHook, Webhooks
from tests.support.funchost import function

KEYS = Keys("master", ("host",), ("system",))
TRIGGER = {"type": "eventGridTrigger", "name": "event", "direction": "IN"}
PATH = "/runtime/webhooks/EventGrid"
EVENT = {
    "id": "1",
    "topic": "/subscriptions/s",
    "subject": "models/m:1",
    "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
    "eventTime": "2026-11-22T00:00:00Z",
    "data": {"ModelName": "m"},
    "dataVersion": "",
    "metadataVersion": "1",
}
CLOUD_EVENT = {"specversion": "1.0", "id": "2", "source": "/subscriptions/s", "type": "t", "data": {"a": 1}}


@asynccontextmanager
async def hook(call: Callable[..., Any], longest: float | None = None) -> AsyncIterator[httpx.AsyncClient]:
    under_test = EventGridHook(function(call, TRIGGER), KEYS, Invoker(longest), lambda: None)
    transport = httpx.ASGITransport(app=AnswerApp(under_test.answer))
    params = {"functionName": "under_test", "code": "system"}
    async with httpx.AsyncClient(transport=transport, base_url="http://host", params=params) as client:
        yield client


async def ignore(event: func.EventGridEvent) -> None:
    """Succeeds."""


def kind(name: str) -> dict[str, str]:
    return {"aeg-event-type": name}


@pytest.mark.parametrize("header", ["Notification", "notification"])
async def test_events_are_delivered_one_by_one(header: str) -> None:
    got: list[Any] = []

    async def call(event: func.EventGridEvent) -> None:
        got.append(event)

    async with hook(call) as client:
        answer = await client.post(PATH, headers=kind(header), json=[EVENT, CLOUD_EVENT])
        assert (answer.status_code, answer.content) == (202, b"")
        assert (await client.post(PATH, headers=kind(header), json=CLOUD_EVENT)).status_code == 202
        assert (await client.post(PATH, headers=kind(header), json=[])).status_code == 202
    first, second, third = got
    assert isinstance(first, func.EventGridEvent)
    assert (first.id, first.event_type, first.get_json()) == ("1", EVENT["eventType"], {"ModelName": "m"})
    assert isinstance(second, func.CloudEvent)
    assert (second.id, second.source, third.id) == ("2", "/subscriptions/s", "2")


async def test_one_failure_is_500_though_all_were_run() -> None:
    got: list[str] = []

    async def call(event: func.EventGridEvent) -> None:
        got.append(str(event.id))
        if event.id == "1":
            raise ValueError("a secret")

    async with hook(call) as client:
        answer = await client.post(PATH, headers=kind("Notification"), json=[EVENT, {**EVENT, "id": "3"}])
    assert (answer.status_code, sorted(got)) == (500, ["1", "3"])
    assert answer.text == "Exception while executing function: Functions.under_test"


HANDSHAKES = {
    "event grid": [{"data": {"validationCode": "512d38b6", "validationUrl": "https://x"}}],
    "cloud event, data in a string": {"data": json.dumps({"validationCode": "512d38b6"})},
}


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_the_subscription_is_validated(name: str) -> None:
    async with hook(ignore) as client:
        answer = await client.post(PATH, headers=kind("SubscriptionValidation"), json=HANDSHAKES[name])
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})


ORIGINS = {"eventgrid.azure.net": "eventgrid.azure.net", "eventgrid.azure.us": "eventgrid.azure.us"}


@pytest.mark.parametrize("asked", [*ORIGINS, "evil.example", None])
async def test_the_abuse_protection_of_cloud_events(asked: str | None) -> None:
    async with hook(ignore) as client:
        answer = await client.options(PATH, headers={} if asked is None else {"WebHook-Request-Origin": asked})
    allowed = answer.headers["WebHook-Allowed-Origin"]
    assert (answer.status_code, allowed) == (200, ORIGINS.get(asked or "", "eventgrid.azure.net"))


REQUESTS: dict[str, tuple[str, str, bytes, int]] = {
    "unsubscribe": ("POST", "Unsubscribe", b"[]", 202),
    "no event type": ("POST", "", b"[]", 400),
    "another event type": ("POST", "Hello", b"[]", 400),
    "no JSON": ("POST", "Notification", b"{", 500),
    "a scalar": ("POST", "Notification", b"7", 500),
    "an event that is no object": ("POST", "Notification", b"[7]", 500),
    "a validation without events": ("POST", "SubscriptionValidation", b"[]", 500),
    "a validation without a code": ("POST", "SubscriptionValidation", b'[{"data": {}}]', 500),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_statuses(name: str) -> None:
    method, header, body, status = REQUESTS[name]
    async with hook(ignore) as client:
        answer = await client.request(method, PATH, headers=kind(header), content=body)
    assert answer.status_code == status


async def test_a_function_that_runs_too_long_is_500() -> None:
    import asyncio

    async def slow(event: func.EventGridEvent) -> None:
        await asyncio.sleep(3600)

    async with hook(slow, longest=0.01) as client:
        assert (await client.post(PATH, headers=kind("Notification"), json=[EVENT])).status_code == 500


# -- the port that everybody sees ------------------------------------------------------------------------------------


@asynccontextmanager
async def front(*levels: str, keys: Keys | None = KEYS, seconds: float = 230) -> AsyncIterator[httpx.AsyncClient]:
    async def call(req: func.HttpRequest) -> str:
        import asyncio

        await asyncio.sleep(float(req.params.get("sleep", 0)))
        return "called"

    triggers = [{"type": "httpTrigger", "name": "req", "route": level, "authLevel": level.upper()} for level in levels]
    functions = tuple(function(call, trigger, name=trigger["route"]) for trigger in triggers)
    # Nobody listens on port 9: what is passed on there is a worker that died.
    http = HttpFront(routes_of(functions, ""), Invoker(None), lambda: None, keys, Webhooks(KEYS, {"events": 9}))
    transport = httpx.ASGITransport(app=AnswerApp(http.answer, seconds))
    async with httpx.AsyncClient(transport=transport, base_url="http://host") as client:
        yield client


GIVEN: dict[str, tuple[dict[str, str], dict[str, str], dict[str, int]]] = {
    "nothing": ({}, {}, {"anonymous": 200, "function": 401, "admin": 401}),
    "a wrong key": ({}, {"code": "no"}, {"anonymous": 200, "function": 401, "admin": 401}),
    "a host key": ({}, {"code": "host"}, {"function": 200, "admin": 401}),
    "a host key in the header": ({"x-functions-key": "host"}, {}, {"function": 200, "admin": 401}),
    "the header first": ({"x-functions-key": "no"}, {"code": "host"}, {"function": 401}),
    "the system key": ({}, {"code": "system"}, {"function": 401, "admin": 401}),
    "the master key": ({}, {"CODE": "master"}, {"function": 200, "admin": 200}),
}


@pytest.mark.parametrize("name", GIVEN)
async def test_keys_open_functions(name: str) -> None:
    headers, params, expected = GIVEN[name]
    async with front("anonymous", "function", "admin") as client:
        for level, status in expected.items():
            assert (await client.get(f"/{level}", headers=headers, params=params)).status_code == status, level


async def test_without_keys_nothing_but_anonymous_functions_can_be_called() -> None:
    async with front("anonymous", "function", keys=None) as client:
        assert (await client.get("/anonymous")).status_code == 200
        assert (await client.get("/function?code=")).status_code == 401


WEBHOOKS = {
    "no key": ("EventGrid?functionName=events", "POST", 401),
    "a host key": ("EventGrid?functionName=events&code=host", "POST", 401),
    "no name": ("EventGrid?code=system", "POST", 404),
    "an unknown function": ("EventGrid?functionName=other&code=system", "POST", 404),
    "another case": ("EventGrid?functionName=Events&code=system", "POST", 404),
    "an unknown extension": ("durabletask?code=system", "POST", 404),
    "another method": ("EventGrid?functionName=events&code=system", "PUT", 405),
    "a worker that is dead": ("eventgrid?functionname=events&code=system", "POST", 500),
    "the master key": ("EventGrid?functionName=other&code=master", "POST", 404),
}


@pytest.mark.parametrize("name", WEBHOOKS)
async def test_the_way_to_the_webhook(name: str) -> None:
    path, method, status = WEBHOOKS[name]
    async with front() as client:
        answer = await client.request(method, f"/runtime/webhooks/{path}")
    assert answer.status_code == status
    if name == "an unknown function":
        assert answer.text == "cannot find function: 'other'"


async def test_an_answer_that_takes_too_long_is_504() -> None:
    async with front("anonymous") as client:
        assert (await client.get("/anonymous")).status_code == 200
    async with front("anonymous", seconds=0.02) as client:
        assert (await client.get("/anonymous?sleep=3600")).status_code == 504


def test_keys_are_made_once_and_are_their_owners_alone(tmp_path: Path) -> None:
    made = keys_of(tmp_path / "state")
    assert keys_of(tmp_path / "state") == made
    assert len({made.master, *made.functions, *made.system}) == 3
    file = tmp_path / "state" / "keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["keys.json"]
    file.write_text("{}")
    with pytest.raises(HostError):
        keys_of(tmp_path / "state")


def test_levels() -> None:
    assert [level_of({"authLevel": "ADMIN"}), level_of({}), level_of({"authLevel": None})] == [
        "admin",
        "function",
        "function",
    ]
    with pytest.raises(HostError):
        level_of({"authLevel": "user"})
