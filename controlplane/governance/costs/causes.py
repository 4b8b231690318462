"""Why a day cost more: which resource and meter rose, which compute that is, which jobs ran on it, and whose. Pure.

Azure shows what computes cost as their workspace's ("View costs for managed online endpoints"), so which of them it was
follows from the meter's size, and where several have the size, from what the live view saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.arm import fold, group_id, name_of
from controlplane.governance.costs.model import Anomaly, Charged
from controlplane.json_types import JsonObject
from controlplane.ports.costs import CostQuestion, CostRow
from controlplane.retraining.known import WORKSPACE_TYPE

RESOURCE, METER = "ResourceId", "Meter"
#: Days before the anomaly that are compared with it.
BACK = timedelta(days=8)
#: Groups of one question.
MOST_GROUPS = 50
MOST_JOBS = 5
_COMPUTE = f"/providers/{WORKSPACE_TYPE.lower()}/"


def question(days: Sequence[date], groups: Sequence[str]) -> CostQuestion:
    """One for all anomalies of a subscription."""
    return CostQuestion(min(days) - BACK, max(days), (RESOURCE, METER), tuple(sorted(groups)))


def risen(anomaly: Anomaly, one: Charged, subscription: str, rows: Sequence[CostRow]) -> Anomaly:
    """With the resource and meter that rose most beyond their own mean of the days before."""
    inside = f"{fold(group_id(subscription, one.group))}/"
    now: dict[tuple[str, str], Decimal] = {}
    before: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        resource, meter = fold(row.keys[RESOURCE]), row.keys[METER]
        if not f"{resource}/".startswith(inside):
            continue
        if row.day == anomaly.day:
            now[resource, meter] = now.get((resource, meter), Decimal(0)) + row.cost
        elif anomaly.day - BACK <= row.day < anomaly.day:
            before[resource, meter] = before.get((resource, meter), Decimal(0)) + row.cost
    days = Decimal(BACK.days)
    rises = {key: cost - before.get(key, Decimal(0)) / days for key, cost in now.items()}
    top = max(rises, key=lambda key: rises[key], default=None)
    if top is None or rises[top] <= 0:
        return anomaly.model_copy(update={"looked": True, "unknown": "No resource of it rose by itself."})
    update = {"resource": top[0], "meter": top[1], "rise": rises[top], "looked": True, "unknown": None}
    return anomaly.model_copy(update=update)


def is_compute(anomaly: Anomaly) -> bool:
    """Whether it is shown as a workspace's, and so may be a compute's."""
    return anomaly.resource is not None and _COMPUTE in f"{anomaly.resource}/"


def named(anomaly: Anomaly, computes: Sequence[JsonObject], accrued: Mapping[str, Decimal]) -> Anomaly:
    """With the compute: the one whose size the meter names; of several the one that accrued most."""
    wanted = _letters(anomaly.meter or "")
    some = [one for one in computes if wanted and _letters(size_of(one)).startswith(wanted)]
    if not some:
        return anomaly
    top = max(some, key=lambda one: accrued.get(fold(str(one.get("id"))), Decimal(0)))
    if len(some) > 1 and fold(str(top.get("id"))) not in accrued:
        names = ", ".join(sorted(name_of(str(one.get("id"))) for one in some))
        return anomaly.model_copy(update={"unknown": f"One of {names}: they are of one size."})
    return anomaly.model_copy(update={"resource": fold(str(top.get("id"))), "who": _whose(top)})


def size_of(compute: JsonObject) -> str:
    inner = (compute.get("properties") or {}).get("properties") or {}
    return str(inner.get("vmSize") or "").lower().removeprefix("standard_")


def _letters(text: str) -> str:
    """``D2s v3`` and ``Standard_D2s_v3`` are one."""
    plain = text.lower().replace("low priority", "").replace("spot", "")
    return "".join(one for one in plain if one.isalnum())


def _whose(compute: JsonObject) -> tuple[str, ...]:
    """An instance is one person's; a cluster is everybody's."""
    properties = compute.get("properties") or {}
    if str(properties.get("computeType")).lower() != "computeinstance":
        return ()
    inner = properties.get("properties") or {}
    person = ((inner.get("personalComputeInstanceSettings") or {}).get("assignedUser") or {}).get("objectId")
    person = person or (inner.get("createdBy") or {}).get("userId")
    return (str(person),) if person else ()


def ran(anomaly: Anomaly, jobs: Sequence[JsonObject]) -> Anomaly:
    """With the jobs that may have run on it that day, and whose they are."""
    begin = datetime(anomaly.day.year, anomaly.day.month, anomaly.day.day, tzinfo=UTC)
    mine = [one for one in jobs if _on(one, anomaly) and _touches(one, begin, begin + timedelta(days=1))]
    people = [_starter(one) for one in mine]
    who = tuple(dict.fromkeys([*anomaly.who, *(one for one in people if one)]))
    names = tuple(name_of(str(one.get("id") or one.get("name"))) for one in mine)[:MOST_JOBS]
    return anomaly.model_copy(update={"jobs": names, "who": who[:MOST_JOBS]})


def _on(job: JsonObject, anomaly: Anomaly) -> bool:
    properties: dict[str, Any] = job.get("properties") or {}
    target = fold(str(properties.get("computeId") or (properties.get("settings") or {}).get("defaultCompute") or ""))
    return bool(target) and target == anomaly.resource


def _touches(job: JsonObject, begin: datetime, end: datetime) -> bool:
    created = (job.get("systemData") or {}).get("createdAt")
    if not created:
        return False
    at = datetime.fromisoformat(str(created))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    # A job may run for days: Azure's list does not say when it ended.
    return begin - timedelta(days=7) <= at < end


def _starter(job: JsonObject) -> str | None:
    who = (job.get("systemData") or {}).get("createdBy")
    return str(who) if who else None


def by_resource(one: Charged, subscription: str, rows: Sequence[CostRow]) -> dict[str, Decimal]:
    """What each resource of a workspace's group cost in those rows; the twenty dearest."""
    inside, sums = f"{fold(group_id(subscription, one.group))}/", dict[str, Decimal]()
    for row in rows:
        resource = fold(row.keys[RESOURCE])
        if resource.startswith(inside):
            sums[resource] = sums.get(resource, Decimal(0)) + row.cost
    return dict(sorted(sums.items(), key=lambda each: (-each[1], each[0]))[:20])
