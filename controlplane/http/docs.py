"""Pieces of the OpenAPI document that routes share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from controlplane.http.models.operations import OperationBody

Responses = dict[int | str, dict[str, Any]]
_STRING: dict[str, Any] = {"type": "string"}
_ETAG = {"description": "The resource's ETag, for If-Match.", "required": True, "schema": _STRING}
_RETRY_AFTER = {"description": "Seconds until the next look.", "schema": {"type": "integer"}}
_OPERATION_LOCATION = {
    "description": "Where the operation is read.",
    "required": True,
    "schema": {"type": "string", "format": "uri"},
}


def _response(status: int, text: str, model: type[BaseModel] | None, headers: dict[str, Any]) -> Responses:
    found: dict[str, Any] = {"description": text}
    if model is not None:
        found["model"] = model
    if headers:
        found["headers"] = headers
    return {status: found}


def ok(model: type[BaseModel], *, etag: bool = False, retry_after: bool = False) -> Responses:
    """200 with a body."""
    headers = {**({"ETag": _ETAG} if etag else {}), **({"Retry-After": _RETRY_AFTER} if retry_after else {})}
    return _response(200, "OK", model, headers)


def created(model: type[BaseModel]) -> Responses:
    """201 with the resource."""
    return _response(201, "Created", model, {"ETag": _ETAG})


def created_operation() -> Responses:
    """201 with the operation that makes the resource."""
    return _response(201, "Accepted as a new resource; the operation makes it", OperationBody, _operation_headers())


def accepted_doc() -> Responses:
    """202 with the operation."""
    return _response(202, "Accepted", OperationBody, _operation_headers())


def taken(model: type[BaseModel]) -> Responses:
    """202 with a body that is no operation."""
    return _response(202, "Stored, or left alone with the reason", model, {})


def no_content() -> Responses:
    """204."""
    return _response(204, "There is nothing, or nothing any more", None, {})


def unavailable(model: type[BaseModel]) -> Responses:
    """503 with a body that is not an error."""
    return _response(503, "Not ready", model, {})


def _operation_headers() -> dict[str, Any]:
    etag = {**_ETAG, "required": False}
    return {"Operation-Location": _OPERATION_LOCATION, "Retry-After": _RETRY_AFTER, "ETag": etag}


def body(
    model: type[BaseModel] | None, *media_types: str, example: dict[str, Any], required: bool = True
) -> dict[str, Any]:
    """``openapi_extra`` for a body that the route reads itself; None is any object (a merge patch)."""
    schema: dict[str, Any] = {"type": "object"}
    if model is not None:
        schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {media_type: {"schema": schema, "example": example} for media_type in media_types}
    return {"requestBody": {"required": required, "content": content}}
