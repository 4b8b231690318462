"""One figure of what was spent, from what was collected: with its age, its coverage and what is unknown. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from controlplane.governance.costs.model import Spend
from controlplane.operations.model import Model

#: Azure's rows are up to a day late; older than two days, the figure says nothing of today.
STALE = timedelta(hours=48)
#: Days of rows that our own forecast needs.
ENOUGH_DAYS = 5


class ForecastBy(StrEnum):
    """Whose forecast it is."""

    AZURE = "azure"
    OURS = "ours"
    """The mean of the days with rows, carried to the month's end."""


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
        if spend is None or spend.as_of is None:
            unknown.append(f"{name}: costs were not read yet.")
            continue
        if spend.month != month:
            unknown.append(f"{name}: nothing is known of {month} yet.")
            continue
        known.append(spend)
        if spend.unknown:
            unknown.append(f"{name}: {spend.unknown}")
        elif now - spend.as_of > STALE:
            unknown.append(f"{name}: costs were last read at {spend.as_of.isoformat()}.")
        if spend.live is None:
            unknown.append(f"{name}: what runs now was not read.")
        elif spend.live.incomplete:
            unknown.append(f"{name}: {spend.live.incomplete}")
    currencies = {one.currency for one in known}
    if len(currencies) > 1:
        return View(
            month=month,
            workspaces=len(names),
            unknown=(*unknown, f"Costs come in {', '.join(sorted(currencies))}; they are not added."),
        )
    if not known:
        return View(month=month, workspaces=len(names), unknown=tuple(unknown))
    fresh = [one for one in known if not one.unknown and one.as_of is not None and now - one.as_of <= STALE]
    actual = sum((_actual(one) for one in known), Decimal(0))
    live = sum((one.live.amount for one in known if one.live is not None), Decimal(0))
    forecast, by = _forecast(known, len(names), now)
    return View(
        month=month,
        currency=currencies.pop(),
        as_of=min(one.as_of for one in known if one.as_of is not None),
        actual=actual,
        seen=actual + live,
        forecast=None if forecast is None else max(forecast, actual + live),
        forecast_by=by,
        covered=len(fresh),
        workspaces=len(names),
        unknown=tuple(unknown),
    )


def _actual(spend: Spend) -> Decimal:
    return sum(spend.days.values(), Decimal(0))


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
        # A day without a row cost nothing; the days after the last row are not known.
        elapsed = one.through.day if one.through is not None else 0
        if elapsed < ENOUGH_DAYS:
            return None, None
        spent = _actual(one)
        total += spent + spent / elapsed * (days - elapsed)
    return total, ForecastBy.OURS
