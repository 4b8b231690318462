"""What an answer of Cost Management says of each workspace. Pure.

A workspace that an answer does not name cost nothing on its whole days only where others are named: an answer without
any row says nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.governance.costs.model import KEPT_DAYS, KEPT_MONTHS, WHOLE_AFTER, Charged, Spend, spend_id
from controlplane.governance.costs.view import month_of
from controlplane.ports.costs import CostQuestion, Costs

GROUP = "ResourceGroup"
#: Days of a month on which the month before is asked for, too: its last rows come late.
LATE_DAYS = 3
NOTHING = "Azure told of no cost in the subscription."


def question(now: datetime) -> CostQuestion:
    """Month to date; in its first days from the begin of the month before."""
    today = now.astimezone(UTC).date()
    begin = today.replace(day=1)
    if today.day <= LATE_DAYS:
        begin = (begin - timedelta(days=1)).replace(day=1)
    return CostQuestion(begin, today, (GROUP,))


def whole_until(now: datetime) -> date:
    """The last day whose rows are whole."""
    return (now.astimezone(UTC) - WHOLE_AFTER).date() - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer by resource group. ``days``: folded group → day (ISO) → cost. ``whole``: all days that are."""

    asked: CostQuestion
    at: datetime
    days: Mapping[str, Mapping[str, Decimal]]
    currency: str | None
    whole: tuple[str, ...] = ()

    @property
    def through(self) -> date | None:
        """None: nothing was told, so nothing is whole."""
        return whole_until(self.at) if self.days else None

    def of_month(self, groups: Sequence[str] | None = None) -> Decimal:
        """This month's sum; of all groups where none are named."""
        first = self.at.astimezone(UTC).date().replace(day=1).isoformat()
        chosen = self.days if groups is None else groups
        found = (cost for group in chosen for day, cost in self.days.get(group, {}).items() if day >= first)
        return sum(found, Decimal(0))


def told(asked: CostQuestion, costs: Costs, at: datetime) -> Told:
    days: dict[str, dict[str, Decimal]] = {}
    names = {day: day.isoformat() for day in {row.day for row in costs.rows}}
    for row in costs.rows:
        held, day = days.setdefault(row.keys[GROUP], {}), names[row.day]
        held[day] = held.get(day, Decimal(0)) + row.cost
    length = (whole_until(at) - asked.begin).days + 1 if days else 0
    whole = tuple((asked.begin + timedelta(days=number)).isoformat() for number in range(max(0, length)))
    return Told(asked, at, days, costs.currency, whole)


def fresh(one: Charged, at: datetime, currency: str) -> Spend:
    """Of a workspace of which nothing was known."""
    return Spend(
        id=spend_id(one.name),
        workspace=one.name,
        incarnation=one.incarnation,
        project=one.project,
        born_at=one.born_at,
        month=month_of(at),
        currency=currency,
    )


def learned(before: Spend | None, one: Charged, said: Told) -> Spend:
    """What is known of a workspace after an answer."""
    spend = turned(before or fresh(one, said.at, said.currency or "USD"), said.at)
    if said.currency is None or said.through is None:
        return spend.model_copy(update={"unknown": NOTHING})
    if spend.currency != said.currency:
        # What was held is another money: it begins anew, and nothing is added up across.
        spend = spend.model_copy(update={"days": {}, "months": {}, "live": None, "currency": said.currency})
    since = one.since.isoformat()
    begin = max(said.asked.begin.isoformat(), since)
    days = {day: cost for day, cost in spend.days.items() if day < begin}
    days |= {day: cost for day, cost in said.days.get(one.group, {}).items() if day >= since}
    for day in said.whole:
        if day >= begin:
            # Others are named and this one is not: nothing was spent.
            days.setdefault(day, Decimal(0))
    update: dict[str, Any] = {
        "as_of": said.at,
        "born_at": one.born_at or spend.born_at,
        "through": max(said.through, spend.through) if spend.through else said.through,
        "days": _kept(days, said.at),
        "months": _months(spend, days, said.at),
        "unknown": None,
    }
    return spend.model_copy(update=update)


def turned(spend: Spend, at: datetime) -> Spend:
    """The month may have turned: what is told of it begins anew, days stay for what is usual, sums go to ``months``."""
    if spend.month == month_of(at):
        return spend
    update: dict[str, Any] = {
        "month": month_of(at),
        "months": _months(spend, spend.days, at),
        "causes": {},
        "forecast": None,
        "forecast_reason": "It is not read yet for this month.",
    }
    return spend.model_copy(update=update)


def _kept(days: Mapping[str, Decimal], at: datetime) -> dict[str, Decimal]:
    oldest = (at.astimezone(UTC).date() - timedelta(days=KEPT_DAYS)).isoformat()
    return {day: cost for day, cost in sorted(days.items()) if day >= oldest}


def _months(spend: Spend, days: Mapping[str, Decimal], at: datetime) -> dict[str, Decimal]:
    """Earlier months. Late rows of one of which all days are held still change it; of others the sum stays."""
    found, now = dict(spend.months), month_of(at)
    oldest = (at.astimezone(UTC).date() - timedelta(days=KEPT_DAYS)).isoformat()[:7]
    for month in {day[:7] for day in days}:
        if month < now and (month not in found or month > oldest):
            found[month] = sum((cost for day, cost in days.items() if day[:7] == month), Decimal(0))
    return dict(sorted(found.items())[-KEPT_MONTHS:])


def failed(before: Spend | None, one: Charged, why: str, at: datetime) -> Spend:
    """The last figures stay, with why there are no newer ones."""
    return turned(before or fresh(one, at, "USD"), at).model_copy(update={"unknown": why[:500]})
