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
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import duckdb
import duckdb_kql
from duckdb_kql.translate import CLOCK_SLOT

from simulator.engine.hooks import ArmError, Caller, JsonObject
from simulator.engine.messages import Request, Response
from simulator.planes.log_store import ALWAYS
from simulator.planes.log_tables import TABLES, Span, named_in
from simulator.types._shared import seconds_iso
from simulator.types.operationalinsights import WORKSPACE

if TYPE_CHECKING:
    from simulator.planes.world import World

AUDIENCE = "https://api.loganalytics.io"
PATH = re.compile(r"/v1(?P<scope>/workspaces/[^/]+|/subscriptions/.+)/query", re.IGNORECASE)
BATCH = "/v1/$batch"
MOST_ROWS = 500_000
TYPES = {
    "VARCHAR": "string", "TIMESTAMP": "datetime", "TIMESTAMP WITH TIME ZONE": "datetime", "BIGINT": "long",
    "INTEGER": "int", "DOUBLE": "real", "FLOAT": "real", "BOOLEAN": "bool", "JSON": "dynamic", "UUID": "guid",
    "INTERVAL": "timespan", "HUGEINT": "long",
}  # fmt: skip
TOO_MANY = (
    f"The results of this query exceed the set limit of {MOST_ROWS} records, so not all records were returned "
    "(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003). See https://aka.ms/kustoquerylimits for more information."
)


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
    """The answer's body. Raises 400."""
    try:
        sql, bound = _translated(query, tuple(tables))
        if CLOCK_SLOT in bound and "query_now" not in query:
            bound = {**bound, CLOCK_SLOT: now.replace(tzinfo=None)}
        result = made.execute(sql, bound or None)
    except duckdb_kql.KqlError as error:
        raise refused("SyntaxError", "A recognition error occurred.", "SYN0002", _said(error)) from error
    except duckdb.Error as error:
        raise refused("SemanticError", "A semantic error occurred.", "SEM0100", _meant(error)) from error
    columns = [{"name": one[0], "type": TYPES.get(str(one[1]), "dynamic")} for one in result.description or ()]
    rows = result.fetchmany(MOST_ROWS + 1)
    shown = [[_shown(cell, one["type"]) for cell, one in zip(row, columns, strict=True)] for row in rows[:MOST_ROWS]]
    body: JsonObject = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": shown}]}
    if len(rows) > MOST_ROWS:
        inner = {"code": "-2133196797", "message": TOO_MANY, "severity": 2, "severityName": "Error"}
        engine = {"code": "EngineError", "message": "Something went wrong processing your query on the server."}
        text = "There were some errors when processing your query."
        body["error"] = {"code": "PartialError", "message": text, "details": [{**engine, "innererror": inner}]}
    return body


@lru_cache(maxsize=512)
def _translated(query: str, tables: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """(SQL, its parameters), at a time that stands for that of the query: rules ask the same again and again."""
    schema = {table: list(TABLES[table]) for table in tables}
    sql = duckdb_kql.to_sql(query, schema=schema, allow_write=False, query_now=datetime(2027, 1, 1))  # noqa: DTZ001
    return str(sql), dict(sql.parameters or {})


def _said(error: duckdb_kql.KqlError) -> str:
    return f"Query could not be parsed: {error}"


_UNKNOWN = re.compile(r"(?:Table with name|Referenced column|Referenced table) \"?(\w+)\"?")


def _meant(error: duckdb.Error) -> str:
    """In Kusto's words where the cause is a name that is not there."""
    match = _UNKNOWN.search(str(error))
    if match is None:
        return str(error).partition("\n")[0]
    what = "table or column" if "Table" in str(error) else "column or scalar"
    return f"Failed to resolve {what} expression named '{match[1]}'"


def _shown(cell: Any, kind: str) -> Any:
    match cell:
        case datetime():
            when = cell if cell.tzinfo is None else cell.astimezone(UTC)
            return seconds_iso(when) if not when.microsecond else when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case timedelta():
            seconds = cell.total_seconds()
            days, rest = divmod(seconds, 86400)
            hours, rest = divmod(rest, 3600)
            minutes, left = divmod(rest, 60)
            clock = f"{int(hours):02}:{int(minutes):02}:{left:010.7f}".removesuffix(".0000000")
            return f"{int(days)}.{clock}" if days else clock
        case bool() | int() | float() | str() | None:
            return cell
    return str(cell)
