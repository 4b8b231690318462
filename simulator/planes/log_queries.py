"""Log Analytics' query API: `POST /v1/workspaces/{customerId}/query`, `POST /v1{resourceId}/query`, `POST /v1/$batch`.

Sources: learn.microsoft.com, "Azure Monitor Log Analytics API" (paths, `timespan`, tables as columns and rows, limits
of 500,000 rows, 200 requests in 30 seconds); azure-monitor-query's client (what it sends and reads). Errors as people
quote them: `BadArgumentError` with `SyntaxError` / SYN0002 or `SemanticError` / SEM0100 inside, `PathNotFoundError`,
`InsufficientAccessError`, and `PartialError` beside the rows; those of tokens are ARM's. KQL is duckdb-kql's; what that
does not know is refused as a syntax error that says so. Rights: "Manage access to Log Analytics workspaces"
(`workspaces/query/read` and `workspaces/query/{table}/read` on a workspace, `Microsoft.Insights/logs/{table}/read` on a
resource).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from simulator.engine.hooks import ArmError, Caller, JsonObject
from simulator.engine.messages import Request, Response
from simulator.planes.log_store import ALWAYS
from simulator.planes.log_tables import Span, named_in
from simulator.types.operationalinsights import WORKSPACE

if TYPE_CHECKING:
    import duckdb

    from simulator.planes.world import World

AUDIENCE = "https://api.loganalytics.io"
PATH = re.compile(r"/v1(?P<scope>/workspaces/[^/]+|/subscriptions/.+)/query", re.IGNORECASE)
BATCH = "/v1/$batch"


def handle(world: World, request: Request) -> Response | None:
    """None for what is no call of this plane."""
    match = PATH.fullmatch(unquote(request.path))
    if request.method != "POST" or (match is None and request.path.lower() != BATCH):
        return None
    try:
        request.caller = world.tokens.caller(request.headers.get("authorization", ""), (AUDIENCE, world.base))
        world.limits.logs(request.caller.object_id)
        if match is None:
            return Response(200, {"responses": [_one_of(world, request.caller, one) for one in _requests(request)]})
        return Response(200, _answer(world, request.caller, match["scope"], _body(request)))
    except ArmError as error:
        return Response(error.status, error.body() | {}, dict(error.headers))


def _requests(request: Request) -> list[JsonObject]:
    found = _body(request).get("requests")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _one_of(world: World, caller: Caller, one: JsonObject) -> JsonObject:
    """One query of a batch: {"id", "workspace", "body"} → {"id", "status", "body"}."""
    try:
        body = _answer(world, caller, f"/workspaces/{one.get('workspace')}", dict(one.get("body") or {}))
        return {"id": one.get("id"), "status": 200, "headers": {}, "body": body}
    except ArmError as error:
        return {"id": one.get("id"), "status": error.status, "headers": {}, "body": error.body()}


def _body(request: Request) -> JsonObject:
    try:
        found = json.loads(request.body or b"{}")
    except ValueError as error:
        raise ArmError(400, "BadArgumentError", "The request had some invalid properties") from error
    return found if isinstance(found, dict) else {}


def _answer(world: World, caller: Caller, scope: str, body: JsonObject) -> JsonObject:
    query = body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise refused("SyntaxError", "A recognition error occurred.", "SYN0001", "The query is empty.")
    tables = named_in(query)
    workspace, about = _scope(world, caller, scope, tables)
    span = _span(body.get("timespan"), world.engine.now())
    wanted = Span(span[0].timestamp(), span[1].timestamp()) if span is not None else ALWAYS
    made = world.logs.connection(workspace, about, tables, wanted)
    try:
        return run(made, query, tables, world.engine.now())
    finally:
        made.close()


def _scope(world: World, caller: Caller, scope: str, tables: list[str]) -> tuple[str | None, str | None]:
    """(workspace, resource): one of them. Raises 404 and 403."""
    engine = world.engine
    name = scope.rpartition("/")[2].lower()
    if scope.lower().startswith("/workspaces/"):
        found = [one for one in engine.store.of_type(WORKSPACE) if one.properties.get("customerId") == name]
    else:
        resource = engine.get(scope)
        if resource is None or resource.type != WORKSPACE:
            _require(world, caller, [f"Microsoft.Insights/logs/{table}/read" for table in tables], scope)
            return None, scope.lower()
        found = [resource]
    if not found:
        raise ArmError(404, "PathNotFoundError", "The requested path does not exist")
    needed = ["Microsoft.OperationalInsights/workspaces/query/read"]
    needed += [f"Microsoft.OperationalInsights/workspaces/query/{table}/read" for table in tables]
    _require(world, caller, needed, found[0].id)
    return found[0].key, None


def _require(world: World, caller: Caller, actions: list[str], scope: str) -> None:
    allowed = [world.engine.may(caller, action, scope) for action in actions]  # each is asked for, and noted
    if not all(allowed):
        text = "The provided credentials have insufficient access to perform the requested operation"
        raise ArmError(403, "InsufficientAccessError", text)


def refused(kind: str, what: str, code: str, message: str) -> ArmError:
    return _Nested(kind, what, code, message)


class _Nested(ArmError):
    """`BadArgumentError` with the engine's own error inside."""

    def __init__(self, kind: str, what: str, code: str, message: str) -> None:
        super().__init__(400, "BadArgumentError", "The request had some invalid properties")
        self.inner = {"code": kind, "message": what, "innererror": {"code": code, "message": message}}

    def body(self) -> JsonObject:
        return {"error": {"message": self.message, "code": self.code, "innererror": self.inner}}


_DURATION = re.compile(r"P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?", re.IGNORECASE)


def _span(given: Any, now: datetime) -> tuple[datetime, datetime] | None:
    """`PT1H`, `from/to`, `from/PT1H` or `PT1H/to`; None without one."""
    if not given:
        return None
    first, _, last = str(given).partition("/")
    start, end = _moment(first), _moment(last)
    if isinstance(start, timedelta):
        until = end if isinstance(end, datetime) else now
        return until - start, until
    if start is None or end is None:
        raise ArmError(400, "BadArgumentError", f"The timespan '{given}' is not valid.")
    return start, start + end if isinstance(end, timedelta) else end


def _moment(text: str) -> datetime | timedelta | None:
    if match := _DURATION.fullmatch(text):
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def run(made: duckdb.DuckDBPyConnection, query: str, tables: list[str], now: datetime) -> JsonObject:
    """The answer's body. Raises 400. The engine of KQL takes a second to import: the first query pays for it."""
    from simulator.planes import kql

    try:
        return kql.run(made, query, tables, now)
    except kql.Wrong as error:
        raise refused(error.kind, error.what, error.code, error.message) from error
