"""Errors → HTTP, in one table: status by class and code, and Azure's error body with ``x-ms-error-code``.

Source: Microsoft Azure REST API Guidelines, "Handling errors" and "HTTP return codes".
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from controlplane.errors import (
    Conflict,
    ControlPlaneError,
    ErrorDetail,
    NotYet,
    Rejected,
    Transient,
)
from controlplane.http.correlation import correlation_id

_log = logging.getLogger(__name__)

#: Codes whose status is not that of their class.
STATUS_BY_CODE: Mapping[str, int] = {
    "AuthenticationFailed": 401,
    "AuthorizationFailed": 403,
    "GroupOverage": 403,
    "InsufficientScope": 403,
    "ScopeNotAllowedForProject": 403,
    "WaiverNotAllowed": 403,
    "EnvironmentNotAllowed": 403,
    "ApprovalNotWaived": 403,
    "ApproverIsRequester": 403,
    "ApproverNotListed": 403,
    "ApproverSetPolicy": 403,
    "NotTheOwner": 403,
    "ExtensionNotAllowed": 403,
    "OwnersChangeNotAllowed": 403,
    "AuditObjectNotFound": 404,
    "OperationNotFound": 404,
    "ProjectNotFound": 404,
    "WorkspaceNotFound": 404,
    "SignalNotFound": 404,
    "RetrainingNotFound": 404,
    "PromotionNotFound": 404,
    "TaskNotFound": 404,
    "RemediationNotFound": 404,
    "RetrainingPolicyNotFound": 404,
    "MonitorNotFound": 404,
    "ExpiryNotFound": 404,
    "BudgetNotFound": 404,
    "DepartmentNotFound": 404,
    "BudgetRaiseNotAllowed": 403,
    "BudgetIsDeleting": 409,
    "NothingIsAsked": 409,
    "NothingToStop": 409,
    "MonitorNotPossible": 409,
    "MonitorIsDeleting": 409,
    "LabelingProjectNotFound": 404,
    "LabelingNotForWorkload": 409,
    "LabelingNotPossible": 409,
    "LabelingProjectIsDeleting": 409,
    "ConditionNotMet": 412,
    "RequestBodyTooLarge": 413,
    "UnsupportedMediaType": 415,
}
#: What Starlette itself answers: no such route, no such method on it.
_ROUTING = {404: "ResourceNotFound", 405: "MethodNotAllowed"}


_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


class Unauthenticated(Rejected):
    """No valid token; ``challenge`` is the value of ``WWW-Authenticate``."""

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__("AuthenticationFailed", message)
        self.challenge = challenge


class TooFast(Transient):
    """One principal asks faster than a process serves it; ``retry_after`` seconds until it does."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("TooManyRequests", "You are asking faster than this API answers.", retry_after=retry_after)


def install(app: FastAPI) -> None:
    """The only place where an error becomes an answer; ``edge.py`` answers what nobody raised on purpose."""
    app.add_exception_handler(ControlPlaneError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_parameters)
    app.add_exception_handler(HTTPException, _on_routing)


def status_of(error: ControlPlaneError) -> int:
    """The HTTP status of an error."""
    match error:
        case Rejected(status=int()):
            return 502  # Azure refused what we asked on our own behalf; that is no fault of the caller.
        case Rejected():
            return STATUS_BY_CODE.get(error.code, 400)
        case Conflict():
            return STATUS_BY_CODE.get(error.code, 409)
        case TooFast():
            return 429
        case NotYet() | Transient():
            return 503
        case _:
            return 500


def error_body(
    correlation: str,
    code: str,
    message: str,
    target: str | None = None,
    details: Sequence[ErrorDetail] = (),
) -> dict[str, Any]:
    """Azure's error object; ``innererror`` holds the correlation id under which the logs know the request."""
    return {
        "error": {
            "code": code,
            "message": message,
            "target": target,
            "details": [{"code": d.code, "message": d.message, "target": d.target} for d in details],
            "innererror": {"correlationId": correlation},
        }
    }


def _answer(status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    code = body["error"]["code"]
    return JSONResponse(body, status, {"x-ms-error-code": code, **(headers or {})})


async def _on_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ControlPlaneError)
    correlation, status = correlation_id(request.scope), status_of(error)
    if status == 500:
        # What a person has to look at is for the log; the caller gets the id under which it is found.
        _log.error("request failed correlation=%s", correlation, exc_info=error)
        return _answer(500, internal_error(correlation))
    headers: dict[str, str] = {}
    match error:
        case Unauthenticated():
            headers["WWW-Authenticate"] = error.challenge
        case NotYet() | Transient():
            headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
        case _:
            pass
    # Set when the request carries Repeatability headers: whether they were taken, whatever became of the request.
    result = getattr(request.state, "repeatability", None)
    if result is not None:
        headers["Repeatability-Result"] = result
    body = error_body(correlation, _code(error), error.message, error.target, error.details)
    return _answer(status, body, headers)


def _code(error: ControlPlaneError) -> str:
    """A spec that is wrong in nothing but asking for what is not built yet says so."""
    codes = {detail.code for detail in error.details}
    return "FeatureNotAvailable" if error.code == "InvalidSpec" and codes == {"FeatureNotAvailable"} else error.code


def internal_error(correlation: str) -> dict[str, Any]:
    """The body of every 500."""
    return error_body(correlation, "InternalServerError", f"Something went wrong; it is logged under {correlation}.")


async def _on_parameters(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = tuple(ErrorDetail("InvalidParameter", str(item["msg"]), str(item["loc"][-1])) for item in error.errors())
    message = "Parameters of the request are not valid."
    body = error_body(correlation_id(request.scope), "InvalidParameter", message, details[0].target, details)
    return _answer(400, body)


async def _on_routing(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = _ROUTING.get(error.status_code, "InvalidRequest")
    allowed = _methods(request) if error.status_code == 405 else ""
    hint = f"; {allowed} is answered here, and /api/openapi.json lists every action" if allowed else ""
    message = f"{request.method} {request.url.path}: {error.detail}{hint}."
    body = error_body(correlation_id(request.scope), code, message)
    return _answer(error.status_code, body, {**(error.headers or {}), **({"Allow": allowed} if allowed else {})})


def _methods(request: Request) -> str:
    """Of every route of the path; Starlette's own answer knows the first one."""
    routes = request.app.routes
    found = (
        method
        for method in _METHODS
        if any(one.matches({**request.scope, "method": method})[0] is Match.FULL for one in routes)
    )
    return ", ".join(found)
