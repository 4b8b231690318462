"""One figure of what was spent, from what was collected: with its age, its coverage and what is unknown. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from controlplane.governance.costs.forecast import ForecastBy, forecast, seen_days
from controlplane.governance.costs.model import Spend
from controlplane.operations.model import Model

#: Azure's rows are up to a day late; older than two days, the figure says nothing of today.
STALE = timedelta(hours=48)


class View(Model):
    """What a budget is judged by. ``actual`` is Azure's rows; ``seen`` is that and what ran since."""

    month: str
    currency: str | None = None
    looked_at: datetime | None = None
    """When this was added up, of what was collected by then."""
    as_of: datetime | None = None
    """When the oldest of Azure's rows in it were read."""
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
        if spend is not None and spend.month == month and (spend.as_of is not None or seen_days(spend)):
            known.append(spend)
    about = {"month": month, "looked_at": now, "workspaces": len(names)}
    currencies = {one.currency for one in known}
    if len(currencies) > 1:
        text = f"Costs come in {', '.join(sorted(currencies))}; they are not added."
        return View.model_validate({**about, "unknown": (*unknown, text)})
    if not known:
        return View.model_validate({**about, "unknown": tuple(unknown)})
    asked, told = [one for one in known if one.as_of is not None], [one for one in known if _is_told(one)]
    days = [seen_days(one) for one in known if _is_told(one) or seen_days(one)]
    ahead, by = forecast(asked, now) if len(asked) == len(names) else (None, None)
    return View.model_validate(
        {
            **about,
            "currency": currencies.pop(),
            "as_of": min((one.as_of for one in asked if one.as_of is not None), default=None),
            "actual": sum((_actual(one) for one in told), Decimal(0)) if told else None,
            "seen": sum((cost for one in days for cost in one.values()), Decimal(0)) if days else None,
            "forecast": ahead,
            "forecast_by": by,
            "covered": sum(1 for one in told if _is_fresh(one, now)),
            "unknown": tuple(unknown),
        }
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
    elif not _is_told(spend):
        yield f"Azure has no cost of {month} yet."
    if spend.live is None:
        yield "what runs now was not read."
    elif spend.live.currency != spend.currency:
        yield f"what runs was counted in {spend.live.currency}, and Azure bills in {spend.currency}: it is not added."
    elif spend.live.incomplete:
        yield spend.live.incomplete


def _is_fresh(spend: Spend, now: datetime) -> bool:
    return not spend.unknown and spend.as_of is not None and now - spend.as_of <= STALE


def _is_told(spend: Spend) -> bool:
    """Azure's rows say something of the month: in its first days they are of the one before."""
    if spend.as_of is None:
        return False
    through = spend.through is not None and spend.through.isoformat()[:7] == spend.month
    return through or any(day[:7] == spend.month for day in spend.days)


def _actual(spend: Spend) -> Decimal:
    return sum((cost for day, cost in spend.days.items() if day[:7] == spend.month), Decimal(0))
