"""Cost rows: what was used between two moments, in pieces of a day or a month, as far as Azure shows it yet.

Sources: learn.microsoft.com, "Understand Cost Management data" (usage is there 8 to 24 hours later, and renewed a few
times a day; a day and a month are UTC's). How late a resource's own usage is depends on the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from simulator.billing.prices import DAY, HOUR, Price, price
from simulator.engine.hooks import JsonObject

if TYPE_CHECKING:
    from simulator.engine.core import Engine

LATE_HOOK = "cost-comes-late"
SOONEST, LATEST, RENEWED = 8 * HOUR, 24 * HOUR, 4 * HOUR


@dataclass(frozen=True, slots=True)
class Row:
    """Usage of one meter in one piece of time. `resource` is the id that it is shown under, in lower case."""

    when: datetime  # the day that it begins on, in UTC
    resource: str
    location: str
    tags: JsonObject
    price: Price | None  # None: spend that no meter explains
    quantity: float
    cost: float


def utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def next_day(when: datetime) -> datetime:
    return when.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def next_month(when: datetime) -> datetime:
    first = when.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


@lru_cache(maxsize=8192)
def _day(number: int) -> datetime:
    """Days since 1970 → its beginning: years of rows are of few days."""
    return utc(number * DAY)


@lru_cache(maxsize=8192)
def _month_ends(number: int) -> tuple[float, float]:
    """(end, seconds) of the month that a day lies in."""
    first = _day(number).replace(day=1)
    end = next_month(first)
    return end.timestamp(), (end - first).total_seconds()


def shown_until(engine: Engine, resource_id: str) -> float:
    """Until when the usage of a resource is shown now."""
    now = engine.time()
    if not engine.hook_on(LATE_HOOK):
        return now
    digest = hashlib.sha256(f"{engine.seed}/late/{resource_id.lower()}".encode()).digest()
    own = SOONEST + int.from_bytes(digest[:4], "big") / 2**32 * (LATEST - RENEWED - SOONEST)
    return now - now % RENEWED - own


def rows(
    engine: Engine, scope: str, span: tuple[float, float], split: Callable[[datetime], datetime] = next_day
) -> Iterator[Row]:
    """Of a subscription or a resource group."""
    folded = scope.rstrip("/").lower() + "/"
    for record in engine.ledger.records(scope.split("/")[2]):
        if not (str(record["id"]).lower() + "/").startswith(folded):
            continue
        until = min(span[1], shown_until(engine, str(record["id"])))
        for one in (*record["closed"], *record["open"].values()):
            if one[2] < until and (one[3] is None or one[3] > span[0]):
                yield from _of_span(record, one, (span[0], until), split)
        for one in record["charges"]:
            yield from _of_charge(record, one, (span[0], until), split)


def _of_span(
    record: JsonObject, span: list[Any], bounds: tuple[float, float], split: Callable[[datetime], datetime]
) -> Iterator[Row]:
    meter, count, begin, end, shown, tags, position = span
    found = price(meter, record["location"])
    unit = {"hour": HOUR, "day": DAY}.get(found.unit, 0.0)
    amount = found.at(0) * count
    if len(found.tiers) > 1:
        amount = sum(found.at(position + number) for number in range(round(count)))
    for at, to in _pieces(max(begin, bounds[0]), min(end or bounds[1], bounds[1]), split):
        number = int(at // DAY)
        # What is priced by month is spread over the month it falls in.
        units = (to - at) / (unit or _month_ends(number)[1])
        yield Row(_day(number), shown.lower(), record["location"], tags, found, count * units, amount * units)


def _of_charge(
    record: JsonObject, charge: list[Any], bounds: tuple[float, float], split: Callable[[datetime], datetime]
) -> Iterator[Row]:
    meter, quantity, cost, begin, end, shown, tags = charge
    found = price(meter, record["location"]) if meter else None
    if begin >= end:
        if bounds[0] <= begin < bounds[1]:
            yield Row(_day(int(begin // DAY)), shown.lower(), record["location"], tags, found, quantity, cost)
        return
    for at, to in _pieces(max(begin, bounds[0]), min(end, bounds[1]), split):
        share = (to - at) / (end - begin)
        day = _day(int(at // DAY))
        yield Row(day, shown.lower(), record["location"], tags, found, quantity * share, cost * share)


def _pieces(begin: float, end: float, split: Callable[[datetime], datetime]) -> Iterator[tuple[float, float]]:
    while begin < end:
        number = int(begin // DAY)
        to = min(end, (number + 1) * DAY if split is next_day else _month_ends(number)[0])
        yield begin, to
        begin = to
