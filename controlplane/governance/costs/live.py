"""Our own view between Azure's rows: what runs in a workspace now, what that costs an hour, what it has cost since the
look before. Pure.

It is a lower bound: of two looks the smaller number of nodes counts, and more of them count from when Azure says that
they came. A gap in which nobody looked counts nothing, and says so. Storage, networks and everything else that is no
node comes with Azure's rows alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from controlplane.arm import fold, is_within
from controlplane.governance.costs.model import Burning, Live, Serving, Spend
from controlplane.governance.costs.view import month_of
from controlplane.governance.pricing.meters_compute import vm_meter
from controlplane.governance.pricing.nodes import NodePrice, node_price
from controlplane.governance.pricing.table import CURRENCY, Confidence, PriceTable
from controlplane.json_types import JsonObject

#: Looks that are further apart have a gap between them.
GAP = timedelta(minutes=30)
_TOP = 20
_CENT = Decimal("0.000001")
#: States of an instance that is paid for ("Manage a compute instance").
_PAID = frozenset({"running", "starting", "restarting", "resizing", "settingup", "jobrunning", "unusable", "stopping"})
_UNPAID = frozenset({"stopped", "deleting", "creating", "createfailed", "unknown"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. ``missing``: what could not be read or priced, in words. ``currency``: of its prices."""

    at: datetime
    burning: tuple[Burning, ...]
    missing: tuple[str, ...] = ()
    currency: str = CURRENCY


def seen(
    at: datetime, region: str, computes: Sequence[JsonObject], serving: Sequence[Serving], table: PriceTable
) -> Seen:
    """What runs now, at list prices."""
    burning: list[Burning] = []
    missing: list[str] = []
    for compute in computes:
        one = _compute(compute, region, table, missing)
        if one is not None:
            burning.append(one)
    for deployment in serving:
        if deployment.count is None or not deployment.size:
            missing.append(f"{deployment.id.rpartition('/')[2]}: how many instances it has is not known.")
        elif deployment.count:
            burning.append(_priced(deployment.id, deployment.size, deployment.count, (region, False, None), table))
    missing += [f"{one.what} has no price." for one in burning if one.hourly is None]
    return Seen(at, tuple(burning), tuple(dict.fromkeys(missing)), table.currency)


def sizes(region: str, computes: Sequence[JsonObject], serving: Sequence[Serving]) -> tuple[tuple[str, str], ...]:
    """(meter, region) of what may run: the prices that :func:`seen` needs."""
    found = [vm_meter(one.size) for one in serving]
    for compute in computes:
        inner: dict[str, Any] = (compute.get("properties") or {}).get("properties") or {}
        low = str(inner.get("vmPriority")).lower() == "lowpriority"
        found.append(vm_meter(str(inner.get("vmSize") or ""), low_priority=low))
    return tuple((meter, region) for meter in dict.fromkeys(found) if meter is not None)


def _compute(compute: JsonObject, region: str, table: PriceTable, missing: list[str]) -> Burning | None:
    properties: dict[str, Any] = compute.get("properties") or {}
    inner: dict[str, Any] = properties.get("properties") or {}
    arm_id, size = str(compute.get("id") or ""), str(inner.get("vmSize") or "")
    match str(properties.get("computeType")).lower():
        case "amlcompute":
            count, since = inner.get("currentNodeCount"), None
            if str(inner.get("allocationState")).lower() == "steady":
                since = _time(inner.get("allocationStateTransitionTime"))
        case "computeinstance":
            state = str(inner.get("state") or "").lower()
            count = 1 if state in _PAID else 0 if state in _UNPAID else None
            operation: dict[str, Any] = inner.get("lastOperation") or {}
            since = _time(operation.get("operationTime")) if state == "running" else None
        case _:
            return None  # Attached: somebody else's bill, or Kubernetes, whose nodes are not here.
    if not isinstance(count, int):
        missing.append(f"{arm_id.rpartition('/')[2]}: what runs in it is not known.")
        return None
    low = str(inner.get("vmPriority")).lower() == "lowpriority"
    return _priced(arm_id, size, count, (region, low, since), table) if count else None


def _priced(arm_id: str, size: str, count: int, how: tuple[str, bool, datetime | None], table: PriceTable) -> Burning:
    region, low, since = how
    price = node_price(table, size, region, low_priority=low)
    hourly = None if price is None else price.hour * count
    return Burning(
        resource=fold(arm_id),
        what=size,
        count=count,
        hourly=hourly,
        currency=table.currency,
        uncertain=_unsure(price),
        since=since,
    )


def _unsure(price: NodePrice | None) -> str | None:
    if price is None or price.confidence is not Confidence.UNCERTAIN:
        return None
    return price.remark or f"The price table marks it as uncertain: {price.source}"


def _time(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def serving_of(workspace_id: str, serving: Iterable[Serving]) -> tuple[Serving, ...]:
    return tuple(one for one in serving if is_within(one.id, workspace_id))


def accrued(spend: Spend, now: Seen, created: datetime) -> Spend:
    """``spend`` is of this month already; ``created``: since when there is such a workspace. Prices in another currency
    than Azure's rows are not added, and what was counted in another one is dropped."""
    before = spend.live if spend.live is not None and spend.live.currency == spend.currency else None
    since = _since(spend, now.at)
    missing, watched = list(now.missing), now.at
    days = dict(before.days) if before is not None else {}
    resources = dict(before.resources) if before is not None and month_of(before.at) == spend.month else {}
    if spend.currency != now.currency:
        missing.append(f"What runs is priced in {now.currency}, and Azure bills in {spend.currency}: it is not added.")
    elif before is not None and timedelta(0) <= now.at - before.at <= GAP:
        watched = before.watched_since or before.at
        _add(days, resources, before, now)
    if watched - max(since, created) > GAP:
        missing.append(f"Nobody watched what ran before {watched:%F %R}.")
    whole = spend.through.isoformat() if spend.through is not None else ""
    days = {day: cost for day, cost in days.items() if day > whole and day[:7] == spend.month}
    live = Live(
        at=now.at,
        currency=spend.currency,
        since=since,
        amount=sum(days.values(), Decimal(0)),
        days=days,
        resources=dict(sorted(resources.items(), key=lambda each: (-each[1], each[0]))[:_TOP]),
        burning=now.burning,
        watched_since=watched,
        incomplete=" ".join(missing)[:500] or None,
    )
    return spend.model_copy(update={"live": live})


def _since(spend: Spend, at: datetime) -> datetime:
    first = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if spend.through is None:
        return first
    return max(first, datetime.combine(spend.through + timedelta(days=1), time(), UTC))


def _add(days: dict[str, Decimal], resources: dict[str, Decimal], before: Live, now: Seen) -> None:
    """What ran between two looks."""
    known = {one.resource: one for one in before.burning}
    for one in now.burning:
        if one.hourly is None:
            continue
        was = known.get(one.resource)
        each = one.hourly / one.count
        old = min(was.count, one.count) if was is not None and was.what == one.what else 0
        came = max(before.at, one.since) if one.since is not None else now.at
        for count, begin in ((old, before.at), (one.count - old, min(came, now.at))):
            for day, hours in _hours(begin, now.at):
                cost = (each * count * hours).quantize(_CENT)
                if cost:
                    days[day] = days.get(day, Decimal(0)) + cost
                    resources[one.resource] = resources.get(one.resource, Decimal(0)) + cost


def _hours(begin: datetime, end: datetime) -> list[tuple[str, Decimal]]:
    """By day, in UTC."""
    begin, end = begin.astimezone(UTC), end.astimezone(UTC)
    found: list[tuple[str, Decimal]] = []
    while begin < end:
        midnight = datetime.combine(begin.date() + timedelta(days=1), time(), UTC)
        to = min(end, midnight)
        found.append((begin.date().isoformat(), Decimal((to - begin) // timedelta(milliseconds=1)) / 3_600_000))
        begin = to
    return found
