"""Reading the authority's documents from a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from controlplane.errors import Transient
from controlplane.http.keys import fetch_json


async def _answer(request: web.Request) -> web.Response:
    match request.match_info["case"]:
        case "good":
            return web.json_response({"keys": []})
        case "other":
            return web.json_response({"found": "elsewhere"})
        case "moved":
            raise web.HTTPFound("/other")
        case "broken":
            return web.Response(text="{", content_type="application/json")
        case "list":
            return web.json_response([])
        case "huge":
            return web.Response(body=b" " * (2 * 1024 * 1024), content_type="application/json")
        case _:
            return web.Response(status=503)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    app = web.Application()
    app.router.add_get("/{case}", _answer)
    running = TestServer(app)
    async with running:
        yield running


async def test_good(server: TestServer) -> None:
    assert await fetch_json(str(server.make_url("/good"))) == {"keys": []}


@pytest.mark.parametrize("case", ["moved", "broken", "list", "huge", "down"])
async def test_everything_else_is_a_fault_that_passes(server: TestServer, case: str) -> None:
    with pytest.raises(Transient):
        await fetch_json(str(server.make_url(f"/{case}")))


async def test_nobody_listens() -> None:
    with pytest.raises(Transient):
        await fetch_json("http://127.0.0.1:9/keys")
