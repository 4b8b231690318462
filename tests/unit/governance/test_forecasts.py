"""What a month will have cost: never less than is seen, and nothing known is no figure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.governance.costs.forecast import ForecastBy, ours
from controlplane.governance.costs.model import Live, Spend
from controlplane.governance.costs.view import View, view_of

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
NOON = datetime(2026, 12, 15, 12, tzinfo=UTC)
DAYS = 31


def spend(days: dict[str, Decimal], **changes: Any) -> Spend:
    return Spend.model_validate(
        {"id": "workspace.ws", "workspace": "ws", "incarnation": 1, "project": "churn", "month": "2026-12",
         "currency": "USD", "as_of": NOON, "through": date(2026, 12, 13), "days": days, **changes}
    )  # fmt: skip


def name(number: int) -> str:
    """Of the days of November and December, counted from the first of December."""
    return (BEGIN.date() + timedelta(days=number)).isoformat()


def each(amount: str, first: int = 1, last: int = 13) -> dict[str, Decimal]:
    return {f"2026-12-{day:02d}": Decimal(amount) for day in range(first, last + 1)}


def view(one: Spend, now: datetime = NOON) -> View:
    return view_of([one], ["ws"], now)


def ran(amount: str, day: str | None = None) -> Live:
    return Live(at=NOON, since=NOON, amount=Decimal(amount), days={} if day is None else {day: Decimal(amount)})


@pytest.mark.parametrize(
    "changes",
    [
        {"days": {**each("10"), "2026-12-14": Decimal(600)}},
        {"days": each("10"), "live": ran("600", "2026-12-14")},
        {"days": {**each("10"), "2026-12-14": Decimal(600)}, "forecast": Decimal(310)},
    ],
    ids=["pending rows", "live", "and Azure's is older"],
)
def test_a_dear_day_is_in_the_forecast_before_it_is_whole(changes: dict[str, Any]) -> None:
    """Fourteen days are seen, and seventeen like the usual ones come."""
    found = view(spend(**changes))
    assert (found.seen, found.forecast, found.forecast_by) == (Decimal(730), Decimal(730 + 170), ForecastBy.OURS)


def test_one_look_at_what_runs_is_no_figure() -> None:
    found = view(spend({}, as_of=None, through=None, live=ran("0")))
    assert (found.actual, found.seen, found.as_of, found.forecast) == (None, None, None, None)
    assert found.unknown == ("ws: costs were not read yet.",)
    assert found.looked_at == NOON


def test_azures_forecast_stands_while_less_is_seen() -> None:
    found = view(spend(each("10"), forecast=Decimal(500)))
    assert (found.forecast, found.forecast_by) == (Decimal(500), ForecastBy.AZURE)


def test_the_day_on_which_it_was_made_is_as_long_as_there_was_a_workspace() -> None:
    born = datetime(2026, 12, 8, 18, tzinfo=UTC)
    days = {"2026-12-08": Decimal("2.5"), **each("10", 9)}
    # A quarter of a day for 2.50 is as dear as the others: 52.50 until the 13th, and 18 days to come.
    assert view(spend(days, born_at=born)).forecast == Decimal("52.5") + 180
    # Of five days one is short: too little.
    assert (
        view(spend({"2026-12-09": Decimal("2.5"), **each("10", 10)}, born_at=born + timedelta(days=1))).forecast is None
    )


HISTORY = st.lists(st.decimals(0, 1000, places=2), min_size=5, max_size=60)
HOUR = st.integers(0, DAYS * 24 - 1)


@st.composite
def spends(draw: st.DrawFn) -> tuple[Spend, datetime]:
    """Any month: whole days behind, rows that are pending, what ran."""
    now = BEGIN + timedelta(hours=draw(HOUR), minutes=draw(st.integers(0, 59)))
    last = (now.date() - BEGIN.date()).days - draw(st.integers(1, 4))
    history = draw(HISTORY)
    days = {name(last - place): cost for place, cost in enumerate(history)}
    late = draw(st.dictionaries(st.integers(0, 4), st.decimals(0, 5000, places=2), max_size=4))
    today = (now.date() - BEGIN.date()).days
    days |= {name(today - back): cost for back, cost in late.items() if today - back > last}
    live = draw(st.dictionaries(st.integers(0, 4), st.decimals(0, 5000, places=2), max_size=4))
    seen = {name(today - back): cost for back, cost in live.items() if today - back > last}
    whole = (BEGIN + timedelta(days=last)).date()
    running = Live(at=now, since=BEGIN, amount=sum(seen.values(), Decimal(0)), days=seen) if seen else None
    return spend(days, through=whole, live=running, as_of=now), now


@given(spends())
def test_it_is_never_below_what_is_seen(case: tuple[Spend, datetime]) -> None:
    one, now = case
    found = view(one, now)
    assert found.forecast is not None
    assert found.forecast >= (found.seen or 0)


@given(spends(), st.data(), st.decimals("0.01", 1000, places=2))
def test_more_spent_is_never_less_forecast(case: tuple[Spend, datetime], data: st.DataObject, more: Decimal) -> None:
    one, now = case
    day = data.draw(st.sampled_from(sorted(one.days)))
    dearer = one.model_copy(update={"days": {**one.days, day: one.days[day] + more}})
    before, after = ours(one, now), ours(dearer, now)
    assert before is not None and after is not None
    assert after >= before
    # A day that showed nothing shows something: that is no news of less, either.
    shown = one.model_copy(update={"days": {**one.days, now.date().isoformat(): more}})
    if now.date().isoformat() not in one.days:
        told = ours(shown, now)
        assert told is not None and told >= before


@given(HISTORY)
def test_at_the_months_last_moment_it_is_what_is_seen(history: list[Decimal]) -> None:
    days = {name(DAYS - 1 - place): cost for place, cost in enumerate(history)}
    one = spend(days, through=date(2026, 12, 31))
    assert ours(one, BEGIN + timedelta(days=DAYS)) == view(one).seen


@given(st.decimals("0.01", 5000, places=2), HOUR, st.integers(5, 40), st.booleans())
def test_equal_days_are_the_amount_times_the_days(amount: Decimal, hour: int, known: int, pending: bool) -> None:
    """Whenever it is asked, and whether or not a part of today is shown."""
    now = BEGIN + timedelta(hours=hour)
    today = (now.date() - BEGIN.date()).days
    days = {name(today - 2 - back): amount for back in range(max(known, today - 1))}
    if pending:
        days[name(today)] = amount * (hour % 24) / 24
    found = ours(spend(days, through=(BEGIN + timedelta(days=today - 2)).date()), now)
    assert found == amount * DAYS
