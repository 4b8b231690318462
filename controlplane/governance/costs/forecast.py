"""What a month will have cost: Azure's forecast of each workspace, or ours where Azure has none. Pure.

Ours is what is seen, and the usual cost of what is not: the mean an hour of the last whole days, for the rest of the
month. A day that is not whole yet has at least the usual cost of its hours so far, since rows of it lack hours and the
live view lacks things; what it has shown beyond that is spent, and comes on top of the days that follow.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from controlplane.governance.costs.model import Spend

#: Whole days that our own forecast needs, and the most that it looks back on.
ENOUGH_DAYS, MOST_DAYS = 5, 28
_DAY = timedelta(days=1)
_DIGITS = Decimal("0.000001")


class ForecastBy(StrEnum):
    """Whose forecast it is."""

    AZURE = "azure"
    OURS = "ours"
    """What is seen, and the mean of the last whole days for what is not."""


def forecast(known: Sequence[Spend], now: datetime) -> tuple[Decimal | None, ForecastBy | None]:
    """Never below what is seen. Azure's where it has one for each workspace; none where one has neither."""
    if not known:
        return None, None
    total, by = Decimal(0), ForecastBy.AZURE
    for one in known:
        seen = sum(seen_days(one).values(), Decimal(0))
        if one.forecast is not None and one.forecast >= seen:
            total += one.forecast
            continue
        # More was seen than Azure forecast from older rows: that is spent, and the days go on.
        by, own = ForecastBy.OURS, ours(one, now)
        if own is None and one.forecast is None:
            return None, None
        total += max(seen, own or Decimal(0))
    return total, by


def ours(spend: Spend, now: datetime) -> Decimal | None:
    """None: too few whole days. ``now`` is in the month of ``spend``."""
    hourly = _usual(spend)
    if hourly is None or spend.through is None:
        return None
    seen = seen_days(spend)
    total = sum(seen.values(), Decimal(0))
    for day in _days_of(spend.month):
        if day <= spend.through:
            continue
        begin, end = _hours_of(day, spend)
        so_far = hourly * _hours(begin, min(end, now))
        total += max(Decimal(0), so_far - seen.get(day.isoformat(), Decimal(0)))
        total += hourly * _hours(max(begin, now), end)
    return max(total.quantize(_DIGITS), sum(seen.values(), Decimal(0)))


def seen_days(spend: Spend) -> Mapping[str, Decimal]:
    """Day of the month → Azure's rows, and what ran since. Of a day that Azure shows in part it is what is more: its
    rows have all things and lack hours, the live view has all hours and lacks things."""
    rows = {day: cost for day, cost in spend.days.items() if day[:7] == spend.month}
    live = spend.live
    if live is None or live.currency != spend.currency:
        return rows
    whole = spend.through.isoformat() if spend.through is not None else ""
    if not live.days and live.amount:
        day = live.at.astimezone(UTC).date().isoformat()
        return {**rows, day: rows.get(day, Decimal(0)) + live.amount}
    for day, cost in live.days.items():
        if day[:7] == spend.month and day > whole:
            rows[day] = max(rows.get(day, Decimal(0)), cost)
    return rows


def _usual(spend: Spend) -> Decimal | None:
    """An hour. The day on which the workspace was made is as long as there was a workspace."""
    through = spend.through.isoformat() if spend.through is not None else ""
    recent = sorted(day for day in spend.days if day <= through)[-MOST_DAYS:]
    hours = sum((_hours(*_hours_of(date.fromisoformat(day), spend)) for day in recent), Decimal(0))
    if hours < ENOUGH_DAYS * 24:
        return None
    return sum((spend.days[day] for day in recent), Decimal(0)) / hours


def _hours_of(day: date, spend: Spend) -> tuple[datetime, datetime]:
    begin = datetime.combine(day, time(), UTC)
    end = begin + _DAY
    return (begin if spend.born_at is None else min(max(begin, spend.born_at), end)), end


def _hours(begin: datetime, end: datetime) -> Decimal:
    return Decimal(max(0, (end - begin) // timedelta(milliseconds=1))) / 3_600_000


def _days_of(month: str) -> list[date]:
    year, number = (int(part) for part in month.split("-"))
    return [date(year, number, day + 1) for day in range(monthrange(year, number)[1])]
