"""Azure Monitor's activity log: every write that somebody sent to Resource Manager, refused ones too.

Sources: learn.microsoft.com, "Azure Monitor activity log" (writes are recorded, reads are not; kept for 90 days) and
"Azure activity log event schema", category Administrative; the sample answer of the REST reference "Activity Logs -
List" 2015-04-01 (fields, names of claims). Of one call there is `BeginRequest`/`Started` and `EndRequest` with
`Succeeded`, `Failed` or, of what takes time, `Accepted` and another `EndRequest` when it ends. All share a correlation.
In Azure it takes minutes until an event can be read; here none.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator.engine.hooks import Caller, JsonObject
from simulator.engine.values import stamp

if TYPE_CHECKING:
    from simulator.engine.core import Engine
    from simulator.engine.messages import Request, Response
    from simulator.engine.operations import Operation

KEPT_SECONDS = 90 * 86400.0
LOGGED = frozenset({"PUT", "PATCH", "POST", "DELETE"})
#: Of an operation: what the events about it have in common.
CARRIED = "activity"
_PREFIX = "activity:"
_MICROSOFT, _SOAP = (
    "http://schemas.microsoft.com/identity/claims",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims",
)
_REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed", 429: "Too Many Requests",
    500: "Internal Server Error",
}  # fmt: skip


@dataclass
class Happening:
    """One event as stored; what Azure shows is made of it when it is read."""

    number: int
    at: float
    event: str  # BeginRequest | EndRequest
    status: str  # Started | Accepted | Succeeded | Failed
    code: int | None
    action: str
    scope: str
    method: str
    caller: JsonObject
    correlation: str
    message: str | None = None


class Activity:
    """Newest last; events that are over 90 days old are forgotten when another one comes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        known = [value for key, value in engine.store.kv.items() if key.startswith(_PREFIX)]
        self._events = [Happening(**value) for value in sorted(known, key=lambda value: int(value["number"]))]

    def answered(self, request: Request, response: Response) -> None:
        """A call that was authorised or refused for want of a right, with its answer."""
        if request.method not in LOGGED or request.asked is None or request.asked[0].lower().endswith("/read"):
            return
        action, scope = request.asked
        correlation = request.headers.get("x-ms-correlation-request-id") or self._engine.guid(
            "correlation", str(self._engine.count("correlations"))
        )
        response.headers.setdefault("x-ms-correlation-request-id", correlation)
        carried: JsonObject = {
            "action": action, "scope": scope, "method": request.method, "caller": asdict(request.caller),
            "correlation": correlation,
        }  # fmt: skip
        self._add("BeginRequest", "Started", None, carried)
        if response.status >= 400:
            self._add("EndRequest", "Failed", response.status, carried, str(response.body))
            return
        operation = self._engine.operations.get(response.operation)
        status = "Succeeded" if operation is None else "Accepted"
        self._add("EndRequest", status, response.status, carried)
        if operation is not None and CARRIED not in operation.extra:
            operation.extra[CARRIED] = carried
            self._engine.operations.save(operation)

    def ended(self, operation: Operation) -> None:
        """A long operation, with whatever it ended in."""
        carried = operation.extra.get(CARRIED)
        if carried is not None:
            succeeded = operation.error is None
            code = 200 if succeeded else operation.error_status
            message = None if succeeded else str({"error": operation.error})
            self._add("EndRequest", "Succeeded" if succeeded else "Failed", code, carried, message)

    def _add(self, event: str, status: str, code: int | None, carried: JsonObject, message: str | None = None) -> None:
        engine, now = self._engine, self._engine.time()
        found = Happening(engine.count("activities"), now, event, status, code, **carried, message=message)
        self._events.append(found)
        engine.store.set(f"{_PREFIX}{found.number}", asdict(found))
        while self._events[0].at < now - KEPT_SECONDS:
            engine.store.unset(f"{_PREFIX}{self._events.pop(0).number}")

    def of(self, subscription: str, since: float, until: float) -> list[JsonObject]:
        """What Azure shows of a subscription, newest first."""
        under = f"/subscriptions/{subscription}".lower()
        return [
            self._shown(one)
            for one in reversed(self._events)
            if since <= one.at <= until and f"{one.scope.lower()}/".startswith(f"{under}/")
        ]

    def after(self, number: int) -> list[JsonObject]:
        """What came after an event's number, oldest first."""
        newer = itertools.takewhile(lambda one: one.number > number, reversed(self._events))
        return [self._shown(one) for one in newer][::-1]

    @property
    def last(self) -> int:
        """The number of the newest event, 0 before the first."""
        return self._events[-1].number if self._events else 0

    def _shown(self, one: Happening) -> JsonObject:
        engine, caller = self._engine, Caller(**{**one.caller, "groups": tuple(one.caller["groups"])})
        parts = one.scope.split("/")
        group = parts[4] if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""
        namespace, _, kind = one.action.rpartition("/")[0].partition("/")
        moment = stamp(datetime.fromtimestamp(one.at, UTC))
        identifier = engine.guid("activity", str(one.number))
        reason = "" if one.code is None else _REASONS.get(one.code, str(one.code)).replace(" ", "")
        shown: JsonObject = {
            "authorization": {"action": one.action, "scope": one.scope},
            # Of a person the user principal name, of an application its object id.
            "caller": caller.name if caller.kind == "User" else caller.object_id,
            "channels": "Operation",
            "claims": self._claims(caller),
            "correlationId": one.correlation,
            "description": "",
            "eventDataId": identifier,
            "eventName": _text(one.event, {"BeginRequest": "Begin request", "EndRequest": "End request"}[one.event]),
            "category": _text("Administrative"),
            "eventTimestamp": moment,
            "id": f"{one.scope}/events/{identifier}/ticks/{int(one.at * 10**7) + 621355968000000000}",
            "level": "Error" if one.status == "Failed" else "Informational",
            "operationId": one.correlation,
            "operationName": _text(one.action),
            "resourceGroupName": group,
            "resourceProviderName": _text(namespace),
            "resourceType": _text(f"{namespace}/{kind}"),
            "resourceId": one.scope,
            "status": _text(one.status),
            "subStatus": _text(reason, f"{reason} (HTTP Status Code: {one.code})" if reason else ""),
            "submissionTimestamp": moment,
            "subscriptionId": parts[2],
            "tenantId": engine.tenant_id,
            "httpRequest": {"clientRequestId": one.correlation, "clientIpAddress": "127.0.0.1", "method": one.method},
        }
        properties = {"statusCode": reason} | ({"statusMessage": one.message} if one.message else {})
        return {**shown, "properties": {**properties, "eventCategory": "Administrative", "entity": one.scope}}

    def _claims(self, caller: Caller) -> JsonObject:
        """Of the caller's token, what the reference's sample has of it; all values are text there."""
        issuer = f"https://sts.windows.net/{self._engine.tenant_id}/"
        claims = {
            "aud": "https://management.core.windows.net/", "iss": issuer, "ver": "1.0",
            f"{_MICROSOFT}/tenantid": self._engine.tenant_id, f"{_MICROSOFT}/objectidentifier": caller.object_id,
            "appid": caller.client_id or "", "appidacr": "0" if caller.kind == "User" else "2",
        }  # fmt: skip
        if caller.groups:
            claims["groups"] = ",".join(caller.groups)
        if caller.kind == "User":
            named = {"name": caller.name, f"{_SOAP}/upn": caller.name, f"{_SOAP}/name": caller.name}
            return {**claims, **named, f"{_MICROSOFT}/scope": "user_impersonation"}
        return {**claims, "idtyp": "app"}


def _text(value: str, localized: str | None = None) -> JsonObject:
    return {"value": value, "localizedValue": value if localized is None else localized}
