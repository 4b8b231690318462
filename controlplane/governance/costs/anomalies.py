"""Days that cost much more than is usual. Pure.

Usual is the median of the whole days before, up to four weeks; how much it varies is their median distance from it. A
day stands out when it is beyond three of those (as of a normal spread), beyond a third more, and beyond a floor, so
that neither a steady bill nor a tiny one tells of every twitch.

With less than a week of own history there is no usual, and nothing stands out: that is said, as long as it is so.
History begins with the first day that cost anything. Days before it are no history: a workspace that is registered,
waits for somebody or is not used yet costs nothing, and what it costs once it is used would be held against zeros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    news = (spend.through - NEWS).isoformat()
    days = history(spend)
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


def too_little(spend: Spend | None) -> str | None:
    """Why the next whole day cannot stand out, whatever it costs; None where it can."""
    if spend is None or spend.through is None:
        return "No whole day was read yet."
    known = {one.day.isoformat() for one in spend.anomalies}
    days = [day for day in list(history(spend))[-MOST:] if day not in known]
    if len(days) >= ENOUGH:
        return None
    return f"Too little history: {len(days)} of {ENOUGH} whole days since it first cost anything."


def history(spend: Spend) -> Mapping[str, Decimal]:
    """Whole days, oldest first, from the first that cost anything on: before the kept days, or of them."""
    whole = spend.through.isoformat() if spend.through is not None else ""
    days = {day: cost for day, cost in sorted(spend.days.items()) if day <= whole}
    if _cost_before(spend):
        return days
    first = next((day for day, cost in days.items() if cost), None)
    return {day: cost for day, cost in days.items() if first is not None and day >= first}


def _cost_before(spend: Spend) -> bool:
    """Whether it cost something on days that are not kept any more."""
    kept: dict[str, Decimal] = {}
    for day, cost in spend.days.items():
        kept[day[:7]] = kept.get(day[:7], Decimal(0)) + cost
    return any(cost != kept.get(month, Decimal(0)) for month, cost in spend.months.items())
