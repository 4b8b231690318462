"""What lies in a Log Analytics workspace: rows of the resources whose diagnostic settings send them there.

A setting counts from the moment when it was made to that when it is taken away or changed; rows are there some minutes
after what they tell of. Sources: learn.microsoft.com, "Diagnostic settings in Azure Monitor"; "Log data ingestion time
in Azure Monitor" (resource logs: 3 to 10 minutes). That a setting takes up to an hour to begin is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.engine.core import Engine
from simulator.engine.hooks import ArmError, JsonObject, Resource
from simulator.planes import log_tables
from simulator.planes.log_tables import CATEGORIES, SQL, TABLES, TRAFFIC, Span
from simulator.types._shared import items, scope_of_extension
from simulator.types.metric_table import ENDPOINT

if TYPE_CHECKING:
    import duckdb

SETTING = "Microsoft.Insights/diagnosticSettings"
DELAY_SECONDS = 180.0
FOREVER = float("inf")
ALWAYS = Span(0.0, FOREVER)
MOST_CALLS = 2_000_000
Sent = tuple[str, str, str]  # resource, category or group, workspace: folded ids


@dataclass
class LogStore:
    """`look` notes which settings there are; a query sees the rows that one of them sent."""

    engine: Engine
    _revision: int = -1
    _open: dict[Sent, float] = field(default_factory=dict)
    _closed: dict[Sent, list[Span]] = field(default_factory=dict)

    def look(self) -> None:
        """Once after every call: settings begin and end when they are seen."""
        revision = self.engine.store.revision(SETTING)
        if revision == self._revision:
            return
        self._revision, now = revision, self.engine.time()
        found = {sent for one in self.engine.store.of_type(SETTING) for sent in _sent_by(one)}
        for sent in [sent for sent in self._open if sent not in found]:
            self._closed.setdefault(sent, []).append(Span(self._open.pop(sent), now))
        for sent in found:
            self._open.setdefault(sent, now)

    def sends(self, table: str) -> bool:
        """Whether any setting sends rows of a table anywhere."""
        wanted = {*CATEGORIES.get(table, (table,)), "allLogs"}
        return any(sent[1] in wanted for sent in self._open)

    def spans(self, resource: str, table: str, workspace: str | None) -> list[Span]:
        """While a resource's rows of a table went to a workspace, or to any."""
        wanted = {*CATEGORIES.get(table, (table,)), "allLogs"}
        found = [
            Span(since, FOREVER) for sent, since in self._open.items() if _is_of(sent, resource, wanted, workspace)
        ]
        for sent, some in self._closed.items():
            if _is_of(sent, resource, wanted, workspace):
                found += some
        return found

    def connection(
        self, workspace: str | None, about: str | None, tables: Iterable[str], span: Span = ALWAYS
    ) -> duckdb.DuckDBPyConnection:
        """A database with the rows of a span in these tables: as a workspace has them, or what any has about a resource
        and what is in it. Raises ArmError 504 when there are more than can be looked through."""
        from simulator.planes import kql  # a second to import: the first query pays for it

        now = self.engine.time()
        horizon = now - DELAY_SECONDS / self.engine.scale
        made = kql.connect()
        for table in tables:
            columns = ", ".join(f'"{name}" {SQL[kind]}' for name, kind in TABLES[table].items())
            made.execute(f'CREATE TABLE "{table}" ({columns})')
            if table == TRAFFIC:
                self._fill_traffic(made, workspace, about, Span(span.since, min(span.until, horizon)))
            else:
                self._fill(made, table, workspace, about, Span(span.since, min(span.until, horizon)))
        made.execute("SET enable_external_access = false")
        return made

    def _fill(
        self, made: duckdb.DuckDBPyConnection, table: str, workspace: str | None, about: str | None, wanted: Span
    ) -> None:
        known: dict[str, list[Span]] = {}
        columns = TABLES[table]
        rows = []
        for row in self.engine.outbox.rows:
            at, key = row.time.timestamp(), row.resource_id.lower()
            if row.table != table or not wanted.since <= at < wanted.until or not _within(key, about):
                continue
            spans = known.setdefault(key, self.spans(_scope(table, key), table, workspace))
            if any(span.since <= at < span.until for span in spans):
                shown = {**row.values, "TimeGenerated": row.time.replace(tzinfo=None), "Type": table}
                rows.append([_cell(shown.get(name)) for name in columns])
        if rows:
            marks = ", ".join("?" for _ in columns)
            made.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608

    def _fill_traffic(
        self, made: duckdb.DuckDBPyConnection, workspace: str | None, about: str | None, wanted: Span
    ) -> None:
        left = MOST_CALLS
        for endpoint in self.engine.all_of(ENDPOINT):
            if not _within(endpoint.key, about):
                continue
            known = [
                Span(max(one.since, wanted.since), min(one.until, wanted.until))
                for one in self.spans(endpoint.key, TRAFFIC, workspace)
            ]
            spans = [one for one in known if one.since < one.until]
            left -= log_tables.calls_of(endpoint, spans)
            if left < 0:
                made.close()
                raise ArmError(504, "GatewayTimeout", "The request timed out.")
            for select in log_tables.traffic_sql(self.engine, endpoint, spans):
                made.execute(f'INSERT INTO "{TRAFFIC}" {select}')


def _sent_by(setting: Resource) -> list[Sent]:
    workspace = str(setting.properties.get("workspaceId") or "").lower()
    if not workspace:
        return []
    wanted: list[JsonObject] = [one for one in items(setting.properties, "logs") if one.get("enabled", True)]
    scope = scope_of_extension(setting.id).lower()
    return [(scope, str(one.get("category") or one.get("categoryGroup")), workspace) for one in wanted]


def _is_of(sent: Sent, resource: str, categories: set[str], workspace: str | None) -> bool:
    return sent[0] == resource and sent[1] in categories and workspace in (None, sent[2])


def _within(key: str, about: str | None) -> bool:
    return about is None or key == about or key.startswith(about + "/")


def _scope(table: str, resource: str) -> str:
    """Whose settings send a row: the activity log's are of the subscription."""
    return "/".join(resource.split("/")[:3]) if table == "AzureActivity" else resource


def _cell(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list) else value
