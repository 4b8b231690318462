"""What a budget's past suggests. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from controlplane.governance.budgets.model import BudgetRule

#: Months in a row: long enough to be no accident.
_SUSTAINED = 3


@dataclass(frozen=True, slots=True)
class Advice:
    """``says`` gets the rule and month → cost; None: nothing to say."""

    says: Callable[[BudgetRule, Mapping[str, Decimal]], str | None]
    requirements: tuple[str, ...] = ()


def advice(rule: BudgetRule, months: Mapping[str, Decimal]) -> tuple[str, ...]:
    """Sentences."""
    found = (one.says(rule, months) for one in ADVICE.values())
    return tuple(text for text in found if text is not None)


def _sustained(rule: BudgetRule, months: Mapping[str, Decimal]) -> str | None:
    last = sorted(months.items())[-_SUSTAINED:]
    amount = Decimal(str(rule.monthly.amount))
    if len(last) < _SUSTAINED or any(cost < amount for _, cost in last):
        return None
    return (
        f"Each of the last {_SUSTAINED} months used the whole budget: the work is to be changed for that demand, or "
        "the amount is to follow it."
    )


ADVICE: dict[str, Advice] = {"sustained": Advice(_sustained, ("S3-104",))}
