"""The OpenAPI document: complete, the same for everyone, and true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from fastapi.routing import APIRoute

from controlplane.http import examples
from controlplane.http.app import create_app
from controlplane.http.services import HttpServices
from controlplane.projects.registration import parse_registration
from controlplane.workspaces.services.merge import merge_patch
from controlplane.workspaces.spec import parse_spec
from tests.support.api import Api, spec


def _nobody() -> HttpServices:
    raise AssertionError("the document needs no services")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(_nobody).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


#: Path and method.
ROUTES = {
    ("/api/projects", "GET"),
    *(("/api/projects/{name}", method) for method in ("GET", "PUT", "DELETE")),
    ("/api/workspaces", "GET"),
    *((path, "GET") for path in ("/api/workspaces/{name}/costs", "/api/fleet/costs", "/api/fleet/summary")),
    *(("/api/workspaces/{name}", method) for method in ("GET", "PUT", "PATCH", "DELETE")),
    *((f"/api/workspaces/{{name}}:{action}", "POST") for action in ("plan", "validate", "repair", "provisionNetwork")),
    ("/api/catalog/collections", "GET"),
    ("/api/workspaces/{name}/topology", "GET"),
    ("/api/workspaces/{name}/template", "GET"),
    ("/api/workspaces/{name}/datastores", "GET"),
    *(("/api/workspaces/{name}/access", method) for method in ("GET", "PUT")),
    ("/api/workspaces/{name}/access/explanation", "GET"),
    *((f"/api/workspaces/{{name}}/access:{action}", "POST") for action in ("reconcile", "approve")),
    ("/api/workspaces/{name}/retrainingPolicies", "GET"),
    *(("/api/workspaces/{name}/retrainingPolicies/{model}", method) for method in ("GET", "PUT", "DELETE")),
    ("/api/workspaces/{name}/retrainingPolicies/{model}:simulate", "POST"),
    ("/api/workspaces/{name}/retrainingPolicies/{model}:resetBreaker", "POST"),
    ("/api/workspaces/{name}/monitors", "GET"),
    ("/api/workspaces/{name}/labelingProjects", "GET"),
    *(("/api/workspaces/{name}/labelingProjects/{labeling}", method) for method in ("GET", "PUT", "DELETE")),
    *(("/api/workspaces/{name}/monitors/{monitor}", method) for method in ("GET", "PUT", "DELETE")),
    ("/api/alerts", "POST"),
    ("/api/signals", "GET"),
    ("/api/signals/{id}", "GET"),
    ("/api/decisions", "GET"),
    *(("/api/retrainings", method) for method in ("GET", "POST")),
    ("/api/retrainings/{id}", "GET"),
    *((f"/api/retrainings/{{id}}:{action}", "POST") for action in ("approve", "reject", "cancel")),
    ("/api/promotions", "GET"),
    ("/api/promotions/{id}", "GET"),
    ("/api/promotions/{id}:reject", "POST"),
    ("/api/tasks", "GET"),
    ("/api/tasks/{id}", "GET"),
    ("/api/tasks/{id}:close", "POST"),
    ("/api/tasks/{id}:revert", "POST"),
    *(
        (f"/api/{scope}s/{{name}}/budget", method)
        for scope in ("workspace", "project", "department")
        for method in ("GET", "PUT", "DELETE")
    ),
    *((f"/api/{scope}s/{{name}}/budget:answer", "POST") for scope in ("workspace", "project", "department")),
    *(("/api/workspaces/{name}/expiry", method) for method in ("GET", "PUT", "DELETE")),
    ("/api/workspaces/{name}/expiry:extend", "POST"),
    ("/api/workspaces/{name}/expiry:exempt", "POST"),
    ("/api/workspaces/{name}/expiry:retire", "POST"),
    ("/api/workspaces/{name}:archive", "POST"),
    ("/api/workspaces/{name}:restore", "POST"),
    *(("/api/workspaces/{name}/remediation", method) for method in ("GET", "PUT", "DELETE")),
    ("/api/notifications", "GET"),
    ("/api/operations", "GET"),
    ("/api/operations/{operationId}", "GET"),
    ("/api/operations/{operationId}:cancel", "POST"),
    ("/api/audit", "GET"),
    ("/api/audit:verify", "POST"),
    ("/api/jobs:check", "POST"),
    ("/api/health/live", "GET"),
    ("/api/health/ready", "GET"),
}


def test_every_route_is_in_it() -> None:
    app = create_app(_nobody)
    documented = {(path, method.upper()) for path, method, _ in operations(app.openapi())}
    assert documented == ROUTES
    assert not [route for route in app.routes if isinstance(route, APIRoute) and not route.include_in_schema]


async def test_it_is_the_same_for_everyone(api: Api) -> None:
    anonymous = await api.client.get("/api/openapi.json")
    admin = await api.call("GET", "openapi.json")
    assert anonymous.json() == admin.json()
    assert (await api.client.get("/api/docs")).headers["content-type"].startswith("text/html")


def test_every_operation_says_what_it_takes_and_answers(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        assert operation["operationId"], where
        assert operation["summary"], where
        assert operation["description"], where
        parameters = [
            parameter.get("name") or parameter["$ref"].rpartition("/")[2] for parameter in operation["parameters"]
        ]
        assert set(re.findall(r"{(\w+)}", path)) <= set(parameters), where
        assert "422" not in operation["responses"], where
        assert "default" in operation["responses"], where
        if path.startswith("/api/health/"):
            continue
        assert "ApiVersion" in parameters, where
        assert operation["security"] == [{"entra": []}], where
        assert {"400", "401", "403", "404", "500", "503"} <= operation["responses"].keys(), where
        is_write = method in ("put", "patch", "delete") or path.rpartition(":")[2] in ("repair", "cancel")
        if is_write:
            assert {"if-match", "if-none-match"} <= {name.lower() for name in parameters}, where
            assert {"409", "412"} <= operation["responses"].keys(), where
        if method in ("put", "patch") or path.endswith(":plan"):
            assert operation["requestBody"]["content"], where
        for status, response in operation["responses"].items():
            if status.startswith("2") and status != "204":
                assert response["content"]["application/json"]["schema"], (where, status)
            if status.isdigit() and int(status) >= 400 and not path.endswith("/ready"):
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorResponse"}, (where, status)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for item in value.values():
                yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in set(references(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            assert part in found, reference
            found = found[part]


def test_every_field_of_what_people_write_is_described(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("WorkspaceSpec", "Registration", "Network", "Hub", "Cluster", "Members", "Limits"):
        for field, schema in schemas[name]["properties"].items():
            assert schema.get("description") or "$ref" in schema, f"{name}.{field}"
        assert schemas[name]["additionalProperties"] is False


def test_examples_are_accepted(document: dict[str, Any]) -> None:
    parse_registration(examples.REGISTRATION)
    parse_spec(examples.SPEC)
    parse_spec(merge_patch(examples.SPEC, examples.PATCH))
    shown = [
        (media["schema"], media["example"])
        for _, _, operation in operations(document)
        for media in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert len(shown) == 28
    for schema, example in shown:
        validate(document, schema, example)


def validate(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """OpenAPI 3.1 schemas are JSON Schema 2020-12."""
    jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(value)


async def test_answers_are_what_it_says(api: Api, document: dict[str, Any]) -> None:
    await api.register("churn", "fraud")
    operation = await api.create()
    asked = [
        ("GET", "projects", "/api/projects", None),
        ("GET", "projects/churn", "/api/projects/{name}", None),
        ("GET", "workspaces", "/api/workspaces", None),
        ("GET", "workspaces/churn-dev", "/api/workspaces/{name}", None),
        ("POST", "workspaces/churn-dev:plan", "/api/workspaces/{name}:plan", {"spec": spec()}),
        ("POST", "workspaces/churn-dev:validate", "/api/workspaces/{name}:validate", None),
        ("GET", "workspaces/churn-dev/topology", "/api/workspaces/{name}/topology", None),
        ("GET", "workspaces/churn-dev/template", "/api/workspaces/{name}/template", None),
        ("GET", "workspaces/churn-dev/datastores", "/api/workspaces/{name}/datastores", None),
        (
            "POST",
            "workspaces/churn-dev/retrainingPolicies/churn:simulate",
            "/api/workspaces/{name}/retrainingPolicies/{model}:simulate",
            examples.SIMULATION,
        ),
        ("GET", "operations", "/api/operations", None),
        ("GET", f"operations/{operation}", "/api/operations/{operationId}", None),
        ("POST", f"operations/{operation}:cancel", "/api/operations/{operationId}:cancel", None),
        ("POST", "workspaces/churn-dev:repair", "/api/workspaces/{name}:repair", None),
        ("PUT", "workspaces/churn-dev", "/api/workspaces/{name}", {"project": "churn", "x": 1}),
        ("GET", "health/ready", "/api/health/ready", None),
        ("GET", "health/live", "/api/health/live", None),
    ]
    for method, path, template, body in asked:
        answer = await api.call(method, path, body)
        documented = document["paths"][template][method.lower()]["responses"][str(answer.status_code)]
        validate(document, documented["content"]["application/json"]["schema"], answer.json())
        assert {name.lower() for name, header in documented.get("headers", {}).items() if header.get("required")} <= {
            name.lower() for name in answer.headers
        }
