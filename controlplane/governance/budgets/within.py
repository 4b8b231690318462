"""Whether a budget is kept, in money: what is spent against its amount, whatever tiers it has. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from controlplane.governance.budgets.judge import Judged, spent
from controlplane.governance.budgets.model import Budget
from controlplane.governance.budgets.rules import threshold
from controlplane.governance.budgets.said import amount
from controlplane.governance.costs.view import View, month_of
from controlplane.operations.model import Condition, ConditionStatus
from controlplane.workspaces.ending import condition

WITHIN = "WithinBudget"
_MOST = 1000


def within(budget: Budget, judged: Judged, view: View, now: datetime) -> Condition:
    """False as soon as what is known reaches the amount: sums are lower bounds, so nothing unknown makes them less.
    A forecast over it is said, and is not yet spent."""
    status, reason, text = _told(budget, judged, view, now)
    return condition(WITHIN, status, reason, text[:_MOST], budget.conditions, now)


def _told(budget: Budget, judged: Judged, view: View, now: datetime) -> tuple[ConditionStatus, str, str]:
    money, bound = budget.rule.monthly, threshold(budget.rule, 100)
    comparable = view if view.month == month_of(now) and view.currency in (None, money.currency) else None
    figure = spent(budget, comparable, month_of(now))
    if figure is not None and figure >= bound:
        return (
            ConditionStatus.FALSE,
            "BudgetReached",
            f"{_of(figure, budget)} are spent, {_shown_by(comparable, bound)}.",
        )
    ahead = ""
    if comparable is not None and view.forecast is not None and view.forecast >= bound:
        ahead = f"The forecast to the month's end is {_of(view.forecast, budget)}."
    if judged.unknown or (figure is None and view.workspaces):
        words = (ahead, *(judged.unknown or ("Nothing is known of what was spent.",)))
        return ConditionStatus.UNKNOWN, "CostsIncomplete", " ".join(one for one in words if one)
    if figure is None:
        return ConditionStatus.TRUE, "BelowBudget", "It has no workspace."
    reached = ", ".join(f"{budget.rule.tiers[one.tier].at} %" for one in judged.crossings)
    tiers = f"Tiers reached: {reached}." if reached else "No tier is reached."
    if ahead:
        return ConditionStatus.TRUE, "ForecastOverBudget", f"{_of(figure, budget)} are spent. {ahead} {tiers}"
    return ConditionStatus.TRUE, "BelowBudget", f"{_of(figure, budget)} are spent. {tiers}"


def _of(figure: Decimal, budget: Budget) -> str:
    money = budget.rule.monthly
    return f"{amount(figure)} of {amount(Decimal(str(money.amount)))} {money.currency}"


def _shown_by(view: View | None, bound: Decimal) -> str:
    if view is not None and view.actual is not None and view.actual >= bound:
        return "as Azure's cost rows say"
    if view is not None and view.seen is not None and view.seen >= bound:
        return "with what has run since Azure's last cost row"
    return "as was seen when a tier of this month was reached"
