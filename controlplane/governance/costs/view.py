"""One figure of what was spent, from what was collected: with its age, its coverage and what is unknown. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from controlplane.governance.costs.model import Spend
from controlplane.operations.model import Model

#: Azure's rows are up to a day late; older than two days, the figure says nothing of today.
STALE = timedelta(hours=48)
#: Whole days that our own forecast needs, and the most that it looks back on.
ENOUGH_DAYS, MOST_DAYS = 5, 28


class ForecastBy(StrEnum):
    """Whose forecast it is."""

    AZURE = "azure"
    OURS = "ours"
    """The mean of the last whole days, carried to the month's end."""


class View(Model):
    """What a budget is judged by. ``actual`` is Azure's rows; ``seen`` is that and what ran since."""

    month: str
    currency: str | None = None
    as_of: datetime | None = None
    actual: Decimal | None = None
    seen: Decimal | None = None
    forecast: Decimal | None = None
    forecast_by: ForecastBy | None = None
    covered: int = 0
    """Workspaces of the scope of which rows are known and not stale."""
    workspaces: int = 0
    unknown: tuple[str, ...] = ()
    """What the figures leave out, and why; they are lower bounds then."""

    @property
    def complete(self) -> bool:
        return not self.unknown and self.covered == self.workspaces


def month_of(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m")


def month_end(month: str) -> datetime:
    """The first moment of the next month."""
    year, number = (int(part) for part in month.split("-"))
    return datetime(year, number, 1, tzinfo=UTC) + timedelta(days=monthrange(year, number)[1])


def view_of(spends: Sequence[Spend | None], names: Sequence[str], now: datetime) -> View:
    """The sum over workspaces; ``spends`` in the order of ``names``. Sums are lower bounds while anything is unknown;
    with nothing known they are None and never 0."""
    month, unknown = month_of(now), list[str]()
    known: list[Spend] = []
    for name, spend in zip(names, spends, strict=True):
        unknown += [f"{name}: {one}" for one in _gaps(spend, month, now)]
        if spend is not None and spend.month == month and (spend.as_of is not None or spend.live is not None):
            known.append(spend)
    currencies = {one.currency for one in known}
    if len(currencies) > 1:
        return View(
            month=month,
            workspaces=len(names),
            unknown=(*unknown, f"Costs come in {', '.join(sorted(currencies))}; they are not added."),
        )
    if not known:
        return View(month=month, workspaces=len(names), unknown=tuple(unknown))
    told = [one for one in known if one.as_of is not None]
    actual = sum((_actual(one) for one in told), Decimal(0)) if told else None
    seen = sum((seen_of(one) for one in known), Decimal(0))
    forecast, by = _forecast(told, len(names), now)
    return View(
        month=month,
        currency=currencies.pop(),
        as_of=min((one.as_of for one in told if one.as_of is not None), default=None),
        actual=actual,
        seen=seen,
        forecast=None if forecast is None else max(forecast, seen),
        forecast_by=by,
        covered=sum(1 for one in told if _is_fresh(one, now)),
        workspaces=len(names),
        unknown=tuple(unknown),
    )


def _gaps(spend: Spend | None, month: str, now: datetime) -> Iterator[str]:
    """What is not known of one workspace, in words."""
    if spend is None or (spend.as_of is None and spend.live is None):
        yield (spend.unknown if spend is not None else None) or "costs were not read yet."
        return
    if spend.month != month:
        yield f"nothing is known of {month} yet."
        return
    if spend.unknown:
        yield spend.unknown
    elif spend.as_of is None:
        yield "costs were not read yet."
    elif not _is_fresh(spend, now):
        yield f"costs were last read at {spend.as_of.isoformat()}."
    if spend.live is None:
        yield "what runs now was not read."
    elif spend.live.currency != spend.currency:
        yield f"what runs was counted in {spend.live.currency}, and Azure bills in {spend.currency}: it is not added."
    elif spend.live.incomplete:
        yield spend.live.incomplete


def _is_fresh(spend: Spend, now: datetime) -> bool:
    return not spend.unknown and spend.as_of is not None and now - spend.as_of <= STALE


def _of_month(spend: Spend) -> dict[str, Decimal]:
    return {day: cost for day, cost in spend.days.items() if day[:7] == spend.month}


def _actual(spend: Spend) -> Decimal:
    return sum(_of_month(spend).values(), Decimal(0))


def seen_of(spend: Spend) -> Decimal:
    """Azure's rows, and what ran since. Of a day that Azure shows in part it is what is more: its rows have all things
    and lack hours, the live view has all hours and lacks things."""
    rows, live = _of_month(spend), spend.live
    if live is None or live.currency != spend.currency:
        return sum(rows.values(), Decimal(0))
    whole = spend.through.isoformat() if spend.through is not None else ""
    settled = sum((cost for day, cost in rows.items() if day <= whole), Decimal(0))
    late = sum((cost for day, cost in rows.items() if day > whole), Decimal(0))
    if not live.days:
        return settled + late + live.amount
    ran = {day: cost for day, cost in live.days.items() if day[:7] == spend.month and day > whole}
    pending = {day for day in (*rows, *ran) if day > whole}
    return settled + sum((max(rows.get(day, Decimal(0)), ran.get(day, Decimal(0))) for day in pending), Decimal(0))


def _forecast(known: Sequence[Spend], wanted: int, now: datetime) -> tuple[Decimal | None, ForecastBy | None]:
    """Azure's where it has one for each workspace; else ours, where each has enough days."""
    if len(known) < wanted:
        return None, None
    if all(one.forecast is not None for one in known):
        return sum((one.forecast for one in known if one.forecast is not None), Decimal(0)), ForecastBy.AZURE
    days = (month_end(month_of(now)) - timedelta(days=1)).day
    total = Decimal(0)
    for one in known:
        if one.forecast is not None:
            total += one.forecast
            continue
        # Days without a row cost nothing; the days after the last whole one are not known.
        whole = {day: cost for day, cost in one.days.items() if one.through and day <= one.through.isoformat()}
        recent = [whole[day] for day in sorted(whole)[-MOST_DAYS:]]
        if len(recent) < ENOUGH_DAYS or one.through is None:
            return None, None
        elapsed = one.through.day if one.through.isoformat()[:7] == one.month else 0
        spent = sum((cost for day, cost in whole.items() if day[:7] == one.month), Decimal(0))
        total += spent + sum(recent, Decimal(0)) / len(recent) * (days - elapsed)
    return total, ForecastBy.OURS
