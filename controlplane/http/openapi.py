"""The OpenAPI document: what FastAPI derives from the routes, and what holds for all of them. The same for everyone."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from controlplane.governance.services.budget_answers import BudgetAnswer
from controlplane.governance.services.expiry_bodies import (
    ArchiveRequest,
    ExemptionRequest,
    ExtensionRequest,
    RetirementRequest,
)
from controlplane.http.models.answers import ErrorResponse
from controlplane.http.models.audit import VerifyRequest
from controlplane.http.models.plans import PlanRequest
from controlplane.http.models.workspaces import ProvisionRequest
from controlplane.http.requests import API_VERSIONS
from controlplane.operations.repeatability import REQUEST_ID, RESULT
from controlplane.projects.model import Registration
from controlplane.retraining.policy import RetrainingPolicy
from controlplane.retraining.services.signals import Wish
from controlplane.retraining.services.simulations import SimulationRequest
from controlplane.retraining.tasks import Closing
from controlplane.workspaces.jobs.model import JobQuestion

TITLE = "MLOps control plane"
DESCRIPTION = (
    "Secured Azure Machine Learning workspaces: asked for as a spec, planned, created, validated and repaired. "
    "Conventions are those of Microsoft's Azure REST API Guidelines."
)
_REF = "#/components/schemas/{model}"
#: Answers that any call may get, besides those of its route. 412 belongs to writes.
_ERRORS = {
    "400": "Something in the request is wrong; `details` names every bad field",
    "401": "No valid token",
    "403": "The token's principal may not do this, or the spec leaves the project's registration",
    "404": "There is no such thing, or the caller may not know of it",
    "409": "The state of the resource does not allow it",
    "412": "If-Match or If-None-Match does not hold",
    "413": "The body is larger than 256 KiB",
    "415": "The body's media type is not one of those listed",
    "429": "One principal asks faster than a process answers; `Retry-After` says when to go on",
    "500": "A fault of ours; `innererror.correlationId` is the key to its log",
    "502": "Azure refused what was asked on the control plane's own behalf",
    "503": "Something that is needed does not answer now; `Retry-After` says when to try again",
}
_BODY_METHODS = frozenset({"put", "patch", "post"})
#: No token, no api-version.
_OPEN = frozenset({"/api/health/live"})
_WITHOUT_VERSION = frozenset({"/api/health/live", "/api/health/ready"})


def build(app: FastAPI) -> dict[str, Any]:
    """The document of all routes of ``app``."""
    document = get_openapi(
        title=TITLE,
        version=API_VERSIONS[-1],
        description=DESCRIPTION,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    components: dict[str, Any] = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for model in (
        ErrorResponse,
        Registration,
        PlanRequest,
        ProvisionRequest,
        VerifyRequest,
        JobQuestion,
        Wish,
        SimulationRequest,
        Closing,
        RetrainingPolicy,
        ExtensionRequest,
        ExemptionRequest,
        RetirementRequest,
        ArchiveRequest,
        BudgetAnswer,
    ):
        schema = model.model_json_schema(ref_template=_REF, mode="validation")
        for name, definition in schema.pop("$defs", {}).items():
            schemas.setdefault(name, definition)
        schemas.setdefault(model.__name__, schema)
    components["parameters"] = _PARAMETERS
    components["responses"] = {"Error": _error_response()}
    components["securitySchemes"] = {
        "entra": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An Entra ID v2.0 access token for this API.",
        }
    }
    for path, item in document["paths"].items():
        for method, operation in item.items():
            _complete(path, method, operation)
    return document


_PARAMETERS: dict[str, Any] = {
    "ApiVersion": {
        "name": "api-version",
        "in": "query",
        "required": True,
        "description": "The version of this API.",
        "schema": {"type": "string", "enum": list(API_VERSIONS)},
    },
    "TraceParent": {
        "name": "traceparent",
        "in": "header",
        "required": False,
        "description": "W3C Trace Context; its trace id is the correlation id of the request.",
        "schema": {"type": "string"},
    },
}


_RESULT = {
    "description": "There when the Repeatability headers were sent; on errors `rejected` where they were not taken.",
    "schema": {"type": "string", "enum": ["accepted", "rejected"]},
}


def _error_response() -> dict[str, Any]:
    return {
        "description": "Azure's error body.",
        "headers": {"x-ms-error-code": {"description": "`error.code`.", "schema": {"type": "string"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    }


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    responses.pop("422", None)
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        _clean(parameter)
    if path not in _WITHOUT_VERSION:
        parameters.append({"$ref": "#/components/parameters/ApiVersion"})
    parameters.append({"$ref": "#/components/parameters/TraceParent"})
    operation["security"] = [] if path in _OPEN else [{"entra": []}]
    statuses = dict(_ERRORS)
    if path in _WITHOUT_VERSION:
        statuses = {} if path in _OPEN else {key: _ERRORS[key] for key in ("401", "403")}
    if method not in _BODY_METHODS:
        statuses.pop("415", None)
    if method == "get":
        statuses.pop("412", None)
        statuses.pop("409", None)
    if any(parameter.get("name") == REQUEST_ID for parameter in parameters):
        for status in [status for status in responses if status.startswith("2")]:
            responses[status].setdefault("headers", {})[RESULT] = _RESULT
    for status, text in statuses.items():
        responses.setdefault(status, _error(text))
    responses.setdefault("default", {"$ref": "#/components/responses/Error"})


def _clean(parameter: dict[str, Any]) -> None:
    """An optional parameter is absent or a text, never null; its title says nothing."""
    schema = parameter["schema"]
    schema.pop("title", None)
    if "anyOf" in schema:
        kinds = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
        parameter["schema"] = {**schema, **kinds[0]}


def _error(text: str) -> dict[str, Any]:
    return {**_error_response(), "description": text}
