"""Days that cost much more than is usual. Pure.

Usual is the median of the whole days before, up to four weeks; how much it varies is their median distance from it. A
day stands out when it is beyond three of those (as of a normal spread), beyond a third more, and beyond a floor, so
that neither a steady bill nor a tiny one tells of every twitch. With less than a week there is no usual, and nothing is
said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import median

from controlplane.governance.costs.model import Anomaly, Spend

ENOUGH, MOST = 7, 28
SPREADS, SHARE, FLOOR = Decimal(3), Decimal("0.35"), Decimal(5)
#: Median distance → standard deviation, of a normal spread.
_NORMAL = Decimal("1.4826")
#: Days back of which an anomaly is still news.
NEWS = timedelta(days=4)
KEPT = 12


def usual(before: Sequence[Decimal]) -> tuple[Decimal, Decimal] | None:
    """Median, and the least that stands out."""
    if len(before) < ENOUGH:
        return None
    middle = median(before)
    spread = median(abs(one - middle) for one in before) * _NORMAL
    return middle, middle + max(SPREADS * spread, SHARE * middle, FLOOR)


def found(spend: Spend) -> tuple[Anomaly, ...]:
    """What is known and what is new, newest first. What was seen once stays, and is told once; the figure may still
    change while rows come late."""
    if spend.through is None:
        return spend.anomalies
    whole, news = spend.through.isoformat(), (spend.through - NEWS).isoformat()
    days = {day: cost for day, cost in sorted(spend.days.items()) if day <= whole}
    known = {one.day.isoformat(): one for one in spend.anomalies}
    names = list(days)
    for place, day in enumerate(names):
        if day in known:
            known[day] = known[day].model_copy(update={"amount": days[day]})
        elif day > news:
            bound = usual([days[one] for one in names[max(0, place - MOST) : place] if one not in known])
            if bound is not None and days[day] > bound[1]:
                known[day] = Anomaly(day=date.fromisoformat(day), amount=days[day], usual=bound[0])
    kept = [one for day, one in known.items() if day in spend.days]
    return tuple(sorted(kept, key=lambda one: one.day, reverse=True)[:KEPT])
