"""Schemathesis makes requests from the OpenAPI document; whatever it sends, the answer is a documented one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as examples
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_headers_conformance, response_schema_conformance

from controlplane.http.app import create_app
from tests.support.api import Api, running_api

CHECKS = [not_a_server_error, response_schema_conformance, response_headers_conformance]
BASE = "https://cp.example.test"


def _nobody() -> Any:
    raise AssertionError("the document needs no services")


SCHEMA = schemathesis.openapi.from_dict(create_app(_nobody).openapi())
OPERATIONS = [
    (path, method)
    for path, item in create_app(_nobody).openapi()["paths"].items()
    for method in item
    if "/live" not in path
]


async def _send(api: Api, case: Case[Any]) -> httpx.Response:
    """As the admin, on a place that exists every other time."""
    parts = case.as_transport_kwargs(base_url=BASE)
    parts.pop("cookies", None)
    headers = {**parts.pop("headers"), "Authorization": f"Bearer {api.admin}"}
    content = parts.pop("data", None)
    if isinstance(content, str):
        content = content.encode()
    return await api.client.request(headers=httpx.Headers(headers, encoding="latin-1"), content=content, **parts)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_answers_are_documented(path: str, method: str, mode: GenerationMode, tmp_path: Path) -> None:
    strategy = SCHEMA[path][method.upper()].as_strategy(mode)
    with asyncio.Runner() as runner:
        running = running_api(tmp_path)
        api = runner.run(running.__aenter__())
        runner.run(api.register("churn"))
        runner.run(api.create("churn-dev"))

        @seed(20261101)
        @examples(
            max_examples=5,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def check(case: Case[Any]) -> None:
            if len(case.headers) % 2 and "name" in case.path_parameters:
                case.path_parameters["name"] = "churn-dev"
            answer = runner.run(_send(api, case))
            assert str(answer.status_code) in SCHEMA[path][method.upper()].responses.status_codes, answer.text
            case.validate_response(answer, checks=CHECKS)

        try:
            check()
        finally:
            runner.run(running.__aexit__(None, None, None))
