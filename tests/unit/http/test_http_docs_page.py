"""The page of the API's document asks nobody but us."""

from __future__ import annotations

import re

import pytest

from controlplane.http.docs_page import ICON, PATH, SCRIPT, STYLE
from tests.support.api import Api


async def test_the_page_names_no_foreign_host(api: Api) -> None:
    page = await api.client.get(PATH)
    assert page.status_code == 200
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text), "a URL with a host"
    asked = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
    assert sorted(asked) == sorted(f"{PATH}/{name}" for name in (SCRIPT, STYLE, ICON))
    assert "url: '/api/openapi.json'" in page.text
    assert '"validatorUrl": null' in page.text


async def test_a_browser_is_told_to_ask_nobody_else(api: Api) -> None:
    policy = (await api.client.get(PATH)).headers["content-security-policy"]
    allowed = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert allowed.pop("default-src") == ["'self'"]
    assert all(set(sources) <= {"'self'", "'unsafe-inline'", "data:"} for sources in allowed.values())


@pytest.mark.parametrize(
    ("name", "kind", "holds"),
    [(SCRIPT, "javascript", b"SwaggerUIBundle"), (STYLE, "text/css", b".swagger-ui"), (ICON, "image/png", b"\x89PNG")],
)
async def test_what_it_loads_is_here(api: Api, name: str, kind: str, holds: bytes) -> None:
    answer = await api.client.get(f"{PATH}/{name}")
    assert answer.status_code == 200
    assert kind in answer.headers["content-type"]
    assert holds in answer.content
    assert "max-age" in answer.headers["cache-control"]


async def test_a_style_loads_nothing_from_elsewhere(api: Api) -> None:
    style = (await api.client.get(f"{PATH}/{STYLE}")).text
    loaded = re.findall(r"(?:url\(|@import\s*)[\"']?([^\"')]{0,60})", style)
    assert [one for one in loaded if not one.startswith(("data:", "#"))] == []


@pytest.mark.parametrize("name", ["redoc.standalone.js", "..%2f__init__.py", "nothing"])
async def test_nothing_else_of_the_package_is(api: Api, name: str) -> None:
    answer = await api.client.get(f"{PATH}/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
