"""What a look proposes besides the stages: idle computes, endpoints that nobody calls, and those that serve. Pure.

A proposal changes nothing. It is shown with the evidence, and is a task for whoever can follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from controlplane.arm import fold
from controlplane.json_types import JsonObject
from controlplane.operations.model import Model

#: Calls by day, as XMSClientRequestId counts them (S3-122).
SERVED = """AmlOnlineEndpointTrafficLog
| summarize Calls = dcount(XMSClientRequestId) by EndpointName, Day = bin(TimeGenerated, 1d)"""
MONTH = timedelta(days=30)
#: Days of a month on which a regular service is called.
REGULAR = 20
#: Contributor and Owner, whose holder may stop an instance ("Configure idle shutdown": an assigned identity needs
#: Contributor on the workspace).
_STOPS = ("b24988ac-6180-42a0-ab88-20f7382dd24c", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635")


class ProposalKind(StrEnum):
    RETIRE_ENDPOINT = "retireEndpoint"
    PRODUCTIONISE = "productionise"
    IDLE_SHUTDOWN = "idleShutdown"
    RELEASE_NODES = "releaseNodes"


class Proposal(Model):
    kind: ProposalKind
    target: str = Field(description="Name of the endpoint or compute.")
    text: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What was read. None: it was not, and nothing is said of it."""

    production: bool = False
    computes: Sequence[JsonObject] = ()
    jobs: Sequence[JsonObject] | None = None
    unused: Sequence[str] = ()
    """Endpoints with zero requests, with samples."""
    period: str = "P30D"
    days: Mapping[str, int] | None = None
    """Endpoint's folded name → days of the last thirty with calls."""
    grants: Sequence[JsonObject] | None = None
    """Role assignments at the workspace and above it."""


@dataclass(frozen=True, slots=True)
class Rule:
    finds: Callable[[Sight], Iterator[Proposal]]
    requirements: tuple[str, ...] = ()


def proposals(sight: Sight) -> tuple[Proposal, ...]:
    return tuple(one for rule in PROPOSALS.values() for one in rule.finds(sight))


def days_of(rows: Sequence[JsonObject]) -> dict[str, int]:
    """Endpoint's folded name → days with calls."""
    found: dict[str, set[str]] = {}
    for row in rows:
        calls = row.get("Calls")
        if isinstance(row.get("EndpointName"), str) and isinstance(calls, int | float) and calls > 0:
            found.setdefault(str(row["EndpointName"]).lower(), set()).add(str(row.get("Day")))
    return {name: len(days) for name, days in found.items()}


def suspects(computes: Sequence[JsonObject]) -> tuple[JsonObject, ...]:
    """Instances that run and stop, if at all, by an identity of their own."""
    return tuple(
        one for one in computes if _runs(one) and _inner(one).get("idleTimeBeforeShutdown") and _principals(one)
    )


def _unused(sight: Sight) -> Iterator[Proposal]:
    """S3-91: the endpoint is proposed for retirement, and stands until somebody follows."""
    for name in sight.unused:
        text = f"Endpoint {name} had no request for {sight.period[1:-1]} days; what it serves may be retired."
        yield Proposal(kind=ProposalKind.RETIRE_ENDPOINT, target=name, text=text)


def _serves(sight: Sight) -> Iterator[Proposal]:
    if sight.production:
        return
    for name, days in (sight.days or {}).items():
        if days >= REGULAR:
            text = (
                f"Endpoint {name} was called on {days} of 30 days outside of production: it serves, and belongs there."
            )
            yield Proposal(kind=ProposalKind.PRODUCTIONISE, target=name, text=text)


def _never_stops(sight: Sight) -> Iterator[Proposal]:
    """S2-52, proven: it runs, its idle time would stop it, and none of its identities may."""
    for one in sight.computes:
        if _runs(one) and not _inner(one).get("idleTimeBeforeShutdown"):
            text = f"Instance {one.get('name')} runs and has no idle time after which it stops."
            yield Proposal(kind=ProposalKind.IDLE_SHUTDOWN, target=str(one.get("name")), text=text)
    if sight.grants is None:
        return
    able = {
        fold(_of(grant, "principalId")) for grant in sight.grants if _of(grant, "roleDefinitionId").endswith(_STOPS)
    }
    for one in suspects(sight.computes):
        if not {fold(each) for each in _principals(one)} & able:
            text = (
                f"Instance {one.get('name')} has an idle time, and stops by an identity that is not Contributor on the "
                "workspace: it never stops by itself (S2-52)."
            )
            yield Proposal(kind=ProposalKind.IDLE_SHUTDOWN, target=str(one.get("name")), text=text)


def _holds_nodes(sight: Sight) -> Iterator[Proposal]:
    if sight.jobs is None:
        return
    used = {fold(_of(job, "computeId").rpartition("/")[2]) for job in sight.jobs if _status(job) not in _ENDED}
    for one in sight.computes:
        inner, name = _inner(one), str(one.get("name"))
        nodes, counts = inner.get("currentNodeCount"), inner.get("nodeStateCounts")
        running = counts.get("runningNodeCount", 0) if isinstance(counts, dict) else 0
        if isinstance(nodes, int) and nodes > 0 and not running and fold(name) not in used and "" not in used:
            text = f"Cluster {name} holds {nodes} nodes, and no job uses it: minNodes 0 releases them."
            yield Proposal(kind=ProposalKind.RELEASE_NODES, target=name, text=text)


_ENDED = frozenset({"completed", "failed", "canceled", "notresponding"})
PROPOSALS: dict[str, Rule] = {
    "unused": Rule(_unused),
    "serves": Rule(_serves, ("S3-122",)),
    "neverStops": Rule(_never_stops),
    "holdsNodes": Rule(_holds_nodes),
}
"""Name → rule."""


def _runs(compute: JsonObject) -> bool:
    kind = _properties(compute).get("computeType")
    return str(kind).lower() == "computeinstance" and str(_inner(compute).get("state")).lower() == "running"


def _principals(compute: JsonObject) -> tuple[str, ...]:
    identity = compute.get("identity")
    if not isinstance(identity, dict):
        return ()
    assigned: Any = identity.get("userAssignedIdentities") or {}
    found = (identity.get("principalId"), *(one.get("principalId") for one in assigned.values() if one))
    return tuple(str(one) for one in found if one)


def _properties(body: JsonObject) -> JsonObject:
    found = body.get("properties")
    return found if isinstance(found, dict) else {}


def _inner(body: JsonObject) -> JsonObject:
    found = _properties(body).get("properties")
    return found if isinstance(found, dict) else {}


def _of(body: JsonObject, name: str) -> str:
    return str(_properties(body).get(name) or "")


def _status(job: JsonObject) -> str:
    return _of(job, "status").lower()
