"""An answer that is not 2xx → the error that says what the caller can do. Pure.

Source of the shapes: Azure REST API Guidelines and ARM RPC "Error response content"; recordings of real answers,
which show errors without the ``error`` envelope, with capitalised names, and with no body at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from controlplane.azure.answers import ArmAnswer
from controlplane.azure.hosts import absolute
from controlplane.azure.retry_after import retry_after
from controlplane.errors import Conflict, ControlPlaneError, ErrorDetail, Fatal, Rejected, Throttled, Transient

#: ``retry_after`` where Azure names no time: the caller's own back-off decides.
UNNAMED = 0.0

#: Codes that say nothing by themselves; the cause is in ``details``. Folded.
_GENERIC = frozenset(
    {
        "",
        "badrequest",
        "conflict",
        "deploymentfailed",
        "internalservererror",
        "invalidtemplatedeployment",
        "multipleerrorsoccurred",
        "resourcedeploymentfailure",
        "systemerror",
        "usererror",
    }
)
#: 404s that do not mean "this resource is not there" but "this cannot be asked". Folded.
_NOT_ABSENCE = frozenset(
    {
        "invalidresourcenamespace",
        "invalidresourcetype",
        "invalidsubscriptionid",
        "missingapiversionparameter",
        "noregisteredproviderfound",
        "subscriptionnotfound",
    }
)
#: 429s of Network that speak of one resource and not of too many requests. Folded. Sources:
#: https://github.com/cloudfoundry/bosh-azure-cpi-release/issues/179, https://github.com/Azure/azure-libraries-for-net/issues/1001.
_BUSY = frozenset({"retryableerror", "retryableerrorduetoanotheroperation"})
_SECRETS = (
    # Anything shaped like a JWT; a shared key; the value of a signature in a URL.
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"), "[token]"),
    # `AccountKey=…` of a connection string, `"accountKey": "…"` of a body that somebody quotes.
    (
        re.compile(
            r"(?i)\b(AccountKey|SharedAccessKey|client_?secret|password)(\\?[\"']?\s*[=:]\s*\\?[\"']?)[^;&,\s\"'}]+"
        ),
        r"\1\2[secret]",
    ),
    (re.compile(r"(?i)\b(Authorization:?\s*(?:Basic|SharedKey\w*))\s+[^\s,;\"']+"), r"\1 [secret]"),
    (re.compile(r"(?i)([?&](?:sig|s|c|h|sv|code)=)[^&\s\"']+"), r"\1[signature]"),
)
_MESSAGE_LIMIT = 2000
_MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class ArmError:
    """What ARM says went wrong; ``details`` are all it named, also where one of them was taken for the cause."""

    code: str
    message: str
    target: str | None = None
    details: tuple[ErrorDetail, ...] = ()


def error_of(answer: ArmAnswer) -> ControlPlaneError:
    """The error to raise for an answer that is not 2xx. Raises ``Fatal("UnexpectedHost")`` for a redirect elsewhere."""
    found = read_error(answer)
    match answer.status:
        case status if status in (408, 429) or status >= 500:
            return _later(answer, found)
        case 409 | 412:
            return Conflict(found.code, found.message, target=found.target, details=found.details)
        case status if status >= 400:
            return Rejected(found.code, found.message, target=found.target, details=found.details, status=status)
        case status:
            # Redirects are never followed: a token must not travel to where an answer points.
            if link := answer.headers.get("location"):
                absolute(link, answer.url, answer.url.partition("?")[0])
            return Fatal("UnexpectedStatus", f"Azure answered with status {status}, which is not followed.")


def is_absence(answer: ArmAnswer) -> bool:
    """Whether a 404 means that what was asked for does not exist, as opposed to a question Azure does not take."""
    return answer.status == 404 and read_error(answer).code.lower() not in _NOT_ABSENCE


def lost_connection(error: BaseException) -> Transient:
    """For a request without an answer: it may or may not have reached ARM. Names the class, never the text, of
    ``error`` (or of what azure-core wrapped in it): transports put whole requests into it."""
    name = type(getattr(error, "inner_exception", None) or error).__name__
    message = f"The connection to Azure failed ({name}); the request may have been carried out."
    return Transient("ConnectionFailed", message, retry_after=UNNAMED)


def read_error(answer: ArmAnswer) -> ArmError:
    """Code and message of an error answer, whatever shape it has."""
    body = answer.object() or {}
    fallback = answer.headers.get("x-ms-error-code") or _status_name(answer.status)
    return cause(_envelope(body), fallback)


def cause(error: dict[str, Any], fallback: str) -> ArmError:
    """The innermost cause: while the code is generic and ``details`` exist, the first detail is asked instead."""
    details = _details(error)
    current = error
    for _ in range(_MAX_DEPTH):
        inner = next((item for item in _list(current, "details") if _text(item, "code")), None)
        if inner is None or _text(current, "code").lower() not in _GENERIC:
            break
        current = inner
    code = _text(current, "code") or _text(error, "code") or fallback
    message = _text(current, "message") or _text(error, "message") or f"Azure gave no message ({fallback})."
    return ArmError(code, clean(message), _text(current, "target") or None, details)


def clean(text: str) -> str:
    """A message fit for logs, the store and people: no token, key or signature in it, of bounded length."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _MESSAGE_LIMIT else f"{text[:_MESSAGE_LIMIT]}…"


def _later(answer: ArmAnswer, found: ArmError) -> Transient:
    wait = retry_after(answer.headers, datetime.now(UTC))
    kind = Throttled if answer.status == 429 and found.code.lower() not in _BUSY else Transient
    return kind(found.code, found.message, retry_after=wait or UNNAMED, target=found.target, details=found.details)


def _envelope(body: dict[str, Any]) -> dict[str, Any]:
    """The object that holds code and message: under ``error``, ``odata.error``, or the body itself."""
    for name in ("error", "odata.error"):
        inner = _get(body, name)
        if isinstance(inner, dict):
            return inner
        if isinstance(inner, str) and inner:
            # OAuth's shape, which ARM's front door uses for some refusals.
            return {"code": inner, "message": _text(body, "error_description") or _text(body, "message")}
    return body


def _details(error: dict[str, Any]) -> tuple[ErrorDetail, ...]:
    return tuple(
        ErrorDetail(_text(item, "code"), clean(_text(item, "message")), _text(item, "target") or None)
        for item in _list(error, "details")
        if _text(item, "code")
    )


def _list(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = _get(holder, name)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _text(holder: dict[str, Any], name: str) -> str:
    """A text; OData wraps messages as ``{"lang": …, "value": …}``."""
    value = _get(holder, name)
    if isinstance(value, dict):
        value = _get(value, "value")
    return value if isinstance(value, str) else ""


def _get(holder: dict[str, Any], name: str) -> Any:
    if name in holder:
        return holder[name]
    return next((value for key, value in holder.items() if key.lower() == name), None)


def _status_name(status: int) -> str:
    """``ServiceUnavailable`` for 503."""
    try:
        return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "").replace("'", "")
    except ValueError:
        return f"Http{status}"
