"""What calls an online endpoint gets, over time: what its metrics and its traffic log are made of.

`endpoint.private["traffic"]` is the state as it is now, all fields optional:

    {"requestsPerMinute": 120, "latencyMs": 80, "errorShare": 0.02, "statuses": {"200": 0.97, "500": 0.03},
     "utilisation": {"cpu": 35, "memory": 40, "gpu": 0}, "throttlingDelayMs": 0, "connections": 4}

`statuses` are shares by status code and win over `errorShare` (500 instead of 200). `change` keeps what was before, so
that each moment has its own state; whoever writes `private["traffic"]` alone writes one that always held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.engine.declaration import EngineApi, JsonObject, Resource
from simulator.types._shared import parent_id

TRAFFIC, HISTORY = "traffic", "traffic_history"
KEPT = 5000
FIELDS = frozenset(
    ("requestsPerMinute", "latencyMs", "errorShare", "statuses", "utilisation", "throttlingDelayMs", "connections")
)
#: Share of the median by percentile: a tail as of a queue that is not full.
TAIL = {"P50": 1.0, "P90": 1.5, "P95": 1.8, "P99": 2.5}
UTILISATION = {"cpu": 5.0, "memory": 30.0}


@dataclass(frozen=True)
class Traffic:
    """One state. `statuses` add up to 1."""

    per_minute: float
    latency: float
    statuses: dict[str, float]
    utilisation: dict[str, float]
    throttling_delay: float
    connections: float


def change(engine: EngineApi, endpoint: Resource, changes: JsonObject) -> JsonObject:
    """Other values for some fields from now on; null takes one away. Raises ValueError for a field that is none."""
    unknown = sorted(set(changes) - FIELDS)
    if unknown:
        raise ValueError(f"unknown field of traffic: {', '.join(unknown)}")
    state = {**(endpoint.private.get(TRAFFIC) or {}), **changes}
    state = {name: value for name, value in state.items() if value is not None}
    before = endpoint.private.get(HISTORY) or [[0.0, endpoint.private.get(TRAFFIC) or {}]]
    endpoint.private[HISTORY] = [*before, [engine.now().timestamp(), state]][-KEPT:]
    endpoint.private[TRAFFIC] = state
    engine.save(endpoint)
    return state


def at(endpoint: Resource, moment: float) -> Traffic | None:
    """The state just before a moment; None when there were no calls."""
    state: Any = endpoint.private.get(TRAFFIC)
    for since, held in reversed(endpoint.private.get(HISTORY) or ()):
        state = held
        if since < moment:
            break
    if not state or not float(state.get("requestsPerMinute") or 0):
        return None
    errors = min(1.0, max(0.0, float(state.get("errorShare") or 0)))
    statuses = state.get("statuses") or {"200": 1 - errors, "500": errors}
    total = sum(float(share) for share in statuses.values()) or 1.0
    given = state.get("utilisation") or {}
    used = given if isinstance(given, dict) else {"cpu": given}
    return Traffic(
        per_minute=float(state["requestsPerMinute"]),
        latency=float(state.get("latencyMs") or 50.0),
        statuses={str(code): float(share) / total for code, share in statuses.items() if float(share) > 0},
        utilisation={**UTILISATION, **{str(name): float(value) for name, value in used.items()}},
        throttling_delay=float(state.get("throttlingDelayMs") or 0.0),
        connections=float(state.get("connections") or max(1.0, float(state["requestsPerMinute"]) / 60)),
    )


def shares(engine: EngineApi, endpoint: Resource) -> dict[str, float]:
    """Deployment → its share of the endpoint's calls, as `properties.traffic` says."""
    wanted = endpoint.properties.get("traffic") or {}
    total = sum(float(percent) for percent in wanted.values())
    if total > 0:
        return {name: float(percent) / total for name, percent in wanted.items() if float(percent) > 0}
    names = [one.name for one in engine.children(endpoint.id, f"{endpoint.type}/deployments")]
    return {name: 1.0 / len(names) for name in names}


def share_of(engine: EngineApi, deployment: Resource) -> tuple[Resource | None, float]:
    """(its endpoint, its share of the calls)."""
    endpoint = engine.get(parent_id(deployment.id))
    if endpoint is None:
        return None, 0.0
    found = {name.lower(): share for name, share in shares(engine, endpoint).items()}
    return endpoint, found.get(deployment.name.lower(), 0.0)
