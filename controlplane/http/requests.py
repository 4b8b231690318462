"""What a request says beside its path: caller, api-version, preconditions, body."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Header, Query, Request

from controlplane.errors import Rejected
from controlplane.http.correlation import correlation_id
from controlplane.http.edge import MAX_BODY
from controlplane.http.services import HttpServices
from controlplane.json_types import JsonObject
from controlplane.operations.paging import DEFAULT_SIZE, MAX_FILTER, MAX_SIZE, Fields, Paging, key_of, parse_filter
from controlplane.operations.preconditions import Preconditions
from controlplane.projects.access import ALERTS_APPLICATION, ALERTS_ROLE, Caller

API_VERSIONS = ("2026-11-01",)
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
#: Levels of a body; a spec has five.
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Context:
    """An authenticated request."""

    caller: Caller
    services: HttpServices
    base_url: str
    """Scheme and host under which the caller reached us."""

    def link(self, path: str, **query: str) -> str:
        """An absolute URL of this API, for headers and bodies."""
        return f"{self.base_url}/api/{path}?{urlencode({'api-version': API_VERSIONS[-1], **query})}"


async def _anyone(request: Request) -> Context:
    """Whoever has a valid token."""
    caller = await request.app.state.api.validator().caller(request.headers.get("authorization"))
    if ALERTS_ROLE in caller.roles:
        raise Rejected("AuthorizationFailed", f"A principal with role {ALERTS_ROLE} may send alerts and nothing else.")
    return _made(request, caller)


async def _alerts(request: Request) -> Context:
    """Azure Monitor's action groups, and nobody else."""
    caller = await request.app.state.api.validator().caller(request.headers.get("authorization"))
    known = caller.is_application and caller.client_id == ALERTS_APPLICATION and ALERTS_ROLE in caller.roles
    if not known:
        raise Rejected("AuthorizationFailed", "Alerts are taken from Azure Monitor's action groups and nobody else.")
    _require_api_version(request.query_params.getlist("api-version"))
    return _made(request, caller)


def _made(request: Request, caller: Caller) -> Context:
    caller = replace(caller, correlation_id=correlation_id(request.scope))
    return Context(caller, request.app.state.api.services(), _base_url(request))


def _base_url(request: Request) -> str:
    """``request.url`` takes the whole URL apart for it, on every request."""
    host = request.headers.get("host")
    return f"{request.scope['scheme']}://{host}" if host else str(request.base_url).rstrip("/")


async def _context(request: Request) -> Context:
    context = await _anyone(request)
    request.app.state.api.pace().spend(context.caller.principal)
    _require_api_version(request.query_params.getlist("api-version"))
    return context


def _require_api_version(values: list[str]) -> None:
    """Azure REST API Guidelines, "API versioning": the codes and what the message has to name."""
    if not any(values):
        raise Rejected(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
            target="api-version",
        )
    if len(values) != 1 or values[0] not in API_VERSIONS:
        raise Rejected(
            "UnsupportedApiVersionValue",
            f"Unsupported api-version {', '.join(values)!r}. The supported api-versions are {', '.join(API_VERSIONS)}.",
            target="api-version",
        )


async def _preconditions(
    if_match: Annotated[
        str | None, Header(description="ETags as they were answered, or `*`; 412 when the resource has none of them.")
    ] = None,
    if_none_match: Annotated[str | None, Header(description="`*`: 412 when the resource exists.")] = None,
) -> Preconditions:
    return Preconditions(_etags(if_match), _etags(if_none_match))


def _etags(header: str | None) -> tuple[str, ...] | None:
    """Weak ETags stay weak and so match nothing: writes compare strongly (RFC 9110, 13.1.1)."""
    if header is None:
        return None
    return tuple(part for part in (item.strip() for item in header.split(",")) if part)


Anyone = Annotated[Context, Depends(_anyone)]
Alerts = Annotated[Context, Depends(_alerts)]
Ctx = Annotated[Context, Depends(_context)]
Conditions = Annotated[Preconditions, Depends(_preconditions)]
AllowDestructive = Annotated[
    bool,
    Query(
        alias="allowDestructive",
        description="Consent to an update that deletes or replaces resources.",
    ),
]
SkipToken = Annotated[str | None, Query(alias="skipToken", max_length=2048, description="From `nextLink`; opaque.")]


@dataclass(frozen=True, slots=True)
class PageQuery:
    """What a caller says of the page he wants."""

    size: int
    filter: str | None
    skip_token: str | None

    def paging(self, kind: str, fields: Fields) -> Paging:
        """Raises ``Rejected``: ``InvalidFilter``, ``InvalidContinuation``."""
        return Paging(self.size, key_of(kind, self.skip_token), parse_filter(self.filter, fields))


async def _page_query(
    skip_token: SkipToken = None,
    size: Annotated[
        int, Query(alias="maxpagesize", ge=1, le=MAX_SIZE, description="A page has at most so many items.")
    ] = DEFAULT_SIZE,
    filter_: Annotated[
        str | None,
        Query(
            alias="filter",
            max_length=MAX_FILTER,
            description="Comparisons `field eq 'value'` or `field ne 'value'`, joined by `and`.",
        ),
    ] = None,
) -> PageQuery:
    return PageQuery(size, filter_, skip_token)


Paged = Annotated[PageQuery, Depends(_page_query)]


async def read_object(request: Request, *media_types: str) -> JsonObject:
    """The body as a JSON object. Raises ``Rejected``: ``UnsupportedMediaType``, ``RequestBodyTooLarge``,
    ``InvalidRequestContent``.
    """
    require_media_type(request, *media_types)
    return parse_object(await read_body(request))


def require_media_type(request: Request, *media_types: str) -> None:
    """Raises ``Rejected("UnsupportedMediaType")``."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        sent = f"not {media_type!r}" if media_type else "and the request has no Content-Type"
        raise Rejected("UnsupportedMediaType", f"The body has to be {' or '.join(media_types)}, {sent}.")


async def read_body(request: Request) -> bytes:
    """At most ``MAX_BODY`` bytes, whatever Content-Length says. It may be asked for again."""
    known: bytes | None = getattr(request.state, "body", None)
    if known is not None:
        return known
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise Rejected("RequestBodyTooLarge", f"A body may have {MAX_BODY} bytes at most.")
        chunks.append(chunk)
    request.state.body = b"".join(chunks)
    return bytes(request.state.body)


def parse_object(body: bytes) -> JsonObject:
    """Strict JSON: UTF-8, no NaN, no name twice in an object (which of the two was meant?), no endless nesting."""
    if not body.strip():
        raise Rejected("InvalidRequestContent", "The request has no body; it takes a JSON object.", target="$")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
        _check_values(value)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise Rejected("InvalidRequestContent", f"The body is not JSON: {reason}.") from error
    if not isinstance(value, dict):
        raise Rejected("InvalidRequestContent", "The body has to be a JSON object.", target="$")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same name twice")
    return found


def _check_values(value: Any) -> None:
    """Refuses what JSON's grammar allows and no answer could repeat: half of a surrogate pair, 1e999, deep nesting."""
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
        match item:
            case dict():
                pending += [(part, depth + 1) for pair in item.items() for part in pair]
            case list():
                pending += [(part, depth + 1) for part in item]
            case str() if any("\ud800" <= character <= "\udfff" for character in item):
                raise ValueError("a text is not Unicode")
            case float() if not math.isfinite(item):
                raise ValueError("a number is too large")
            case _:
                pass


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")
