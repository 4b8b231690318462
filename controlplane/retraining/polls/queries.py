"""The queries that logs are asked, as constants, and what their rows say. Pure.

Tables: learn.microsoft.com, AmlOnlineEndpointTrafficLog and AmlRunStatusChangedEvent. Nothing is put into a query:
the span is a parameter of the call, and what belongs to whom is sorted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from controlplane.json_types import JsonObject

#: Every 4xx and 5xx counts (S3-97), the model's own status as well as that of the front (S3-96); what waited for
#: bandwidth, both ways (S3-92).
TRAFFIC = """AmlOnlineEndpointTrafficLog
| extend Front = toint(ResponseCode)
| extend Bad = Front >= 400 or ModelStatusCode >= 400, Broken = Front >= 500 or ModelStatusCode >= 500
| summarize Calls = count(), Errors = countif(Bad), Server = countif(Broken), Delay = sum(RequestThrottlingDelayMs),
            DelayBack = sum(ResponseThrottlingDelayMs)
  by EndpointName, Window = bin(TimeGenerated, 15m)"""
#: Which runs a workspace had, with the run that they belong to: steps are in no list of ARM's.
RUNS = """AmlRunStatusChangedEvent
| where isnotempty(ParentRunId)
| summarize Latest = max(TimeGenerated) by RunId, RootRunId"""


@dataclass(frozen=True, slots=True)
class Traffic:
    """One window of one endpoint. Milliseconds of ``delay``."""

    calls: int
    errors: int
    server: int
    delay: float


def traffic_of(rows: Iterable[JsonObject]) -> Mapping[tuple[str, datetime], Traffic]:
    """Endpoint's folded name and begin of the window → what it had. A row that cannot be read is left out: unknown."""
    found: dict[tuple[str, datetime], Traffic] = {}
    for row in rows:
        name, window = row.get("EndpointName"), _time(row.get("Window"))
        counts = [_number(row.get(column)) for column in ("Calls", "Errors", "Server")]
        if isinstance(name, str) and window is not None and None not in counts:
            calls, errors, server = (int(one or 0) for one in counts)
            delay = (_number(row.get("Delay")) or 0.0) + (_number(row.get("DelayBack")) or 0.0)
            found[name.lower(), window] = Traffic(calls, errors, server, delay)
    return found


def steps_of(rows: Iterable[JsonObject]) -> Mapping[str, tuple[str, ...]]:
    """Root run → its steps."""
    found: dict[str, list[str]] = {}
    for row in rows:
        run, root = row.get("RunId"), row.get("RootRunId")
        if isinstance(run, str) and isinstance(root, str) and run and root and run != root:
            found.setdefault(root, []).append(run)
    return {root: tuple(sorted(steps)) for root, steps in found.items()}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)


def _time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
