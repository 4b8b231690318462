"""KQL by duckdb-kql: the only module that loads it. Whoever needs it imports this one when the first query comes."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import duckdb
import duckdb_kql
from duckdb_kql.translate import CLOCK_SLOT

from simulator.engine.hooks import JsonObject
from simulator.planes.log_tables import TABLES
from simulator.types._shared import seconds_iso

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


class Wrong(Exception):
    """A query that does not run: the engine's error, its words, its code."""

    def __init__(self, kind: str, what: str, code: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.what, self.code, self.message = kind, what, code, message


def connect() -> duckdb.DuckDBPyConnection:
    """An empty database that knows KQL's functions."""
    return duckdb_kql.connect()


def faults(query: str) -> list[str]:
    """What is wrong with a query's grammar."""
    return [str(one) for one in duckdb_kql.validate(query)]


def run(made: duckdb.DuckDBPyConnection, query: str, tables: list[str], now: datetime) -> JsonObject:
    """The answer's body. Raises 400."""
    try:
        sql, bound = _translated(query, tuple(tables))
        if CLOCK_SLOT in bound and "query_now" not in query:
            bound = {**bound, CLOCK_SLOT: now.replace(tzinfo=None)}
        result = made.execute(sql, bound or None)
    except duckdb_kql.KqlError as error:
        raise Wrong("SyntaxError", "A recognition error occurred.", "SYN0002", _said(error)) from error
    except duckdb.Error as error:
        raise Wrong("SemanticError", "A semantic error occurred.", "SEM0100", _meant(error)) from error
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
